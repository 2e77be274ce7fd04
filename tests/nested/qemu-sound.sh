#!/bin/bash
# Sound for a guest whose kernel has no virtio-snd: Debian 12's stock kernel on
# the `qemu` machine, whose card is an Intel HDA. Emulated here and now, not in a
# machine between. Prints `ok - …` and `not ok - …`; logs are in
# .cache/nested/qemu-sound.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/prepare.sh"
. "$here/sound.sh"

vmm=oriel
prepare qemu-sound
program=${ORIEL_VMM:-$root/target/release/oriel-vmm}
kernel=$(fetch_kernel bookworm linux-image-amd64)
sound_programs "$work/guest-sound"
make_initramfs "$work/guest.img" "$kernel" "$here/guest/init" \
    'virtio_pci virtio_blk virtio_gpu virtio_input virtio_rng evdev ext4 button snd_hda_codec_generic snd_hda_intel' \
    "$here"/guest/*.sh "$work/guest-sound"
mkdir "$work/disk"
echo 'hello from the host' > "$work/disk/greeting"
make_disk "$work/disk.raw" 32M "$work/disk"

cat > "$work/machine.json" << JSON
{
  "version": 1, "id": "qemu-sound", "machine": "qemu", "accel": "tcg", "cpus": 2, "memory_mib": 512,
  "boot": {"kernel": "$kernel/vmlinuz", "initrd": "$work/guest.img",
    "cmdline": "console=ttyS0 quiet nowatchdog mitigations=off vt.global_cursor_default=0"},
  "disks": [{"path": "$work/disk.raw"}], "sound": true, "width": 1024, "height": 768,
  "socket": "$work/socket", "serial_log": "$logs/serial.log", "exit_report": "$logs/exit-report.json"
}
JSON
ORIEL_LOG=debug "$program" run --config "$work/machine.json" > "$logs/vmm.log" 2>&1 &
machine=$!
trap 'kill $machine 2> /dev/null; wait; rm -rf "$work" "$logs/pid"' EXIT

failed=0
check() {
    if "$@"; then echo "ok - $what"; else echo "not ok - $what" && failed=1; fi
}
said() { grep -qF "$1" "$logs/serial.log" 2> /dev/null; }
# wait_for SECONDS TEXT: until the guest says it
wait_for() {
    local until=$((SECONDS + $1))
    until said "$2"; do ((SECONDS < until)) && kill -0 "$machine" || return 1; sleep 1; done
}

what="Debian 12's own driver binds to QEMU's sound card"
wait_for 200 'guest: ready' || true
check said 'guest: sound card is'
((failed == 0)) || exit 1

"$program" listen --socket "$work/socket" --seconds 60 --out "$logs/tone.wav" > "$logs/tone.json" &
listening=$!
sleep 1
"$program" press --socket "$work/socket" KEY_F11
wait "$listening"
cat "$logs/tone.json"
heard() { jq -e '.strongest_hz > 438 and .strongest_hz < 442 and .above_rest_db > 20' "$logs/tone.json" > /dev/null; }
in_time() { jq -e '.seconds > 2.9 and .seconds < 3.5' "$logs/tone.json" > /dev/null; }
what='a tone played by aplay is heard, and little else' && check heard
what='it takes as long as it should' && check in_time
what='the card records' && check wait_for 20 'guest: recorded 192000 bytes'
exit "$failed"
