# shellcheck shell=sh disable=SC2154,SC2034
# What the guest plays is heard, and it records. Sourced by devices-test.
machine_listen 60 "$results/tone.wav" > "$results/tone.json" &
listening=$!
sleep 1
machine_press KEY_F11
wait "$listening"
cat "$results/tone.json"
# Silence within the tone counts as well: what the guest is late with makes it longer.
in_time() { awk -v RS=, -F: '/"seconds"/ { exit !($2 > 2.9 && $2 < 3.5) }' "$results/tone.json"; }
heard() { awk -v RS=, -F: '/"strongest_hz"/ { hz = $2 } /"above_rest_db"/ { db = $2 } END { exit !(hz > 438 && hz < 442 && db > 20) }' "$results/tone.json"; }
what='a tone played by aplay is heard, and little else' && check heard
what='the sound card plays at the pace of time' && check in_time
what='the sound card records at the pace it is asked for' && check wait_for 20 said 'guest: recorded 192000 bytes'
