# shellcheck shell=sh disable=SC2154,SC2034
# What the guest plays is heard. Sourced by those who try it.

# listen_to COMMAND...: what is heard once the command has run, until it falls silent
listen_to() {
    machine_listen 120 "$results/tone.wav" > "$results/tone.json" &
    listening=$!
    sleep 1
    "$@"
    wait "$listening"
    cat "$results/tone.json"
}
# Silence within the tone counts as well: what the guest is late with makes it longer.
in_time() { awk -v RS=, -F: '/"seconds"/ { exit !($2 > 2.9 && $2 < 3.5) }' "$results/tone.json"; }
# heard DECIBELS: so much louder than all else is the tone of 440 Hz
heard() { awk -v least="$1" -v RS=, -F: '/"strongest_hz"/ { hz = $2 } /"above_rest_db"/ { db = $2 } END { exit !(hz > 438 && hz < 442 && db > least) }' "$results/tone.json"; }
