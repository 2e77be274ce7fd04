#!/bin/bash
# The whole Debian desktop image on Oriel's own monitor, on real KVM semantics
# nested in emulation: it boots to its graphical desktop, a terminal is opened
# by keyboard and typed into, and it is shut down.
#
#   desktop.sh [--vmm oriel|qemu] [--image DIR] [--every SECONDS] [--time-limit SECONDS]
#
# A picture is taken through the display pipeline every 30 s; they are in
# .cache/nested/desktop-*, with the serial log. Takes ten minutes or so.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/prepare.sh"

vmm=oriel image=$cache/debian-xfce every=30 limit=1800
while (($#)); do
    case $1 in
        --vmm) vmm=$2 ;;
        --image) image=$(realpath -m "$2") ;;
        --every) every=$2 ;;
        --time-limit) limit=$2 ;;
        *) die "unknown option $1; see the head of $0." ;;
    esac
    shift 2
done

prepare "desktop-$vmm"
if [[ ! -s $image/image.toml ]]; then
    step 'building the Debian desktop image'
    "$root/deploy/images/debian-xfce/build.sh" --out "$image"
fi
make_outer
cp "$image/vmlinuz" "$tree/vmlinuz"
cp "$image/initrd.img" "$tree/initrd.img"
cp "$here/outer/desktop-test" "$tree/run"
{
    printf 'every=%s patience=%s\n' "$every" "$((limit - 500))"
    sed -n 's/^cmdline = \(".*"\)$/cmdline=\1/p' "$image/image.toml"
} > "$tree/settings"

# The image is used as a disk of the machine between; what is written to it is
# thrown away with that machine.
run_payload 512M -drive "if=none,id=image,format=raw,snapshot=on,discard=unmap,file=$image/disk.raw" \
    -device virtio-blk-pci,drive=image
