#!/bin/bash
# Stock Debian kernels on real KVM semantics, with nothing but an ordinary
# processor: QEMU emulates a machine with AMD-V, that machine has /dev/kvm, and on
# it Oriel's own monitor runs a guest with the distribution's kernel and drivers.
#
#   run.sh [--vmm oriel|qemu] [--guest trixie|bookworm] [--cpus N]
#          [--time-limit SECONDS] [--cmdline WORDS] [--download MEGABYTES]
#
# Without --guest, both kernels are tried. Prints `ok - …` and `not ok - …`; logs
# and pictures are in .cache/nested/devices-*.
# `--vmm qemu` puts QEMU in the monitor's place and so tries the harness itself.
# `--cmdline earlyprintk=serial` shows the kernel's log from its first line; every
# character of it costs an exit, which is slow here.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/prepare.sh"
. "$here/sound.sh"

vmm=oriel release='' cpus=2 limit=300 more_cmdline=quiet download=2
given=("$@")
while (($#)); do
    case $1 in
        --vmm) vmm=$2 ;;
        --guest) release=$2 ;;
        --cpus) cpus=$2 ;;
        --cmdline) more_cmdline=$2 ;;
        --time-limit) limit=$2 ;;
        --download) download=$2 ;;
        *) die "unknown option $1; see the head of $0." ;;
    esac
    shift 2
done

if [[ ! $release ]]; then
    status=0
    for release in trixie bookworm; do "$0" "${given[@]}" --guest "$release" || status=$?; done
    exit "$status"
fi

prepare "devices-$vmm-$release"
make_outer
kernel=$(fetch_kernel "$release" linux-image-amd64)
need qemu-ga e2fsck flock
modules='virtio_pci virtio_blk virtio_gpu virtio_input virtio_console virtio_rng virtio_balloon virtio_net evdev ext4 button'
for program in qemu-ga e2fsck flock; do add_program "$work/guest/programs" "$(command -v "$program")"; done
guest_files=("$here"/guest/{pattern,screens,memory,net,agents}.sh "$work/guest")
guest_files+=("$here/../../deploy/images/debian-xfce/root/usr/bin/oriel-send")
sound=false
if [[ $vmm == oriel ]] && has_sound_driver "$kernel"; then
    sound=true modules="$modules virtio_snd"
    sound_programs "$work/guest-sound"
    guest_files+=("$here/guest/sound.sh" "$work/guest-sound")
fi
make_initramfs "$tree/guest.img" "$kernel" "$here/guest/init" "$modules" "${guest_files[@]}"
cp "$kernel/vmlinuz" "$tree/vmlinuz"
cp "$here/outer/devices-test" "$tree/run"
cp "$here"/outer/{screens,memory,network,agents,sound}.sh "$tree/"
add_program "$tree" "$(command -v passt)"
printf 'vmm=%s cpus=%s more_cmdline="%s" download=%s sound=%s\n' "$vmm" "$cpus" "$more_cmdline" "$download" "$sound" \
    > "$tree/settings"

mkdir "$work/guest-disk"
echo 'hello from the host' > "$work/guest-disk/greeting"
make_disk "$tree/disk.raw" 32M "$work/guest-disk"
printf 'read-only' > "$tree/second.raw"
truncate --size=1M "$tree/second.raw"
(
    cd "$work" && . "$here/guest/pattern.sh"
    printf 'P6\n1024 768\n255\n'
    pattern 1024 768 '\377\0\0' '\0\377\0' '\0\0\377' '\377\377\0' '\377\377\377'
) > "$tree/expected.ppm"

run_payload 256M
