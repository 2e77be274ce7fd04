#!/bin/bash
# The whole Debian desktop image on Oriel's own monitor, on real KVM semantics
# nested in emulation: it boots to its graphical desktop, is worked with from
# outside by way of its packaged agents, restarted and shut down.
#
#   desktop.sh [--guest trixie|bookworm] [--vmm oriel|qemu] [--image DIR] [--cpus N]
#              [--download MEGABYTES] [--time-limit SECONDS]
#
# Without --guest, both Debians are tried. Pictures of it are in
# .cache/nested/desktop-*, with the serial log. Takes ten minutes or so for each.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/prepare.sh"
. "$here/../desktop-image.sh"

vmm=oriel release='' image='' cpus=2 download=100 limit=1800
given=("$@")
while (($#)); do
    case $1 in
        --vmm) vmm=$2 ;;
        --guest) release=$2 ;;
        --image) image=$(realpath -m "$2") ;;
        --cpus) cpus=$2 ;;
        --download) download=$2 ;;
        --time-limit) limit=$2 ;;
        *) die "unknown option $1; see the head of $0." ;;
    esac
    shift 2
done

if [[ ! $release ]]; then
    status=0
    for release in trixie bookworm; do "$0" "${given[@]}" --guest "$release" || status=$?; done
    exit "$status"
fi
case $release in
    trixie) debian=13 ;;
    bookworm) debian=12 ;;
    *) die "there is no desktop image of $release; use trixie or bookworm." ;;
esac

prepare "desktop-$vmm-$release"
need xclip passt e2fsck
if [[ ! $image ]]; then
    image=$cache/xfce-$release
    fetch_desktop_image "$release" "$image"
fi
make_outer
cp "$image/vmlinuz" "$tree/vmlinuz"
cp "$image/initrd.img" "$tree/initrd.img"
cp "$here/outer/desktop-test" "$tree/run"
cp "$here"/outer/{session,network}.sh "$tree/"
for program in passt e2fsck; do add_program "$tree" "$(command -v "$program")"; done
{
    printf 'vmm=%s cpus=%s debian=%s download=%s patience=%s\n' \
        "$vmm" "$cpus" "$debian" "$download" "$((limit - 500))"
    sed -n 's/^cmdline = \(".*"\)$/cmdline=\1/p' "$image/image.toml"
} > "$tree/settings"

# A disk for the guest: its libraries are in the image.
tools=$tree/tools
mkdir -p "$tools/bin"
cp "$(command -v xclip)" "$tools/bin/"
cp "$here/guest/session.sh" "$tools/"
printf 'Grüße, and a second line\nof text' > "$tools/text"
cp "$root/docs/screenshots/desktop.png" "$tools/picture.png"
make_disk "$tree/tools.raw" 16M "$tools"

# The image is used as a disk of the machine between; what is written to it is
# thrown away with that machine.
run_payload 512M -drive "if=none,id=image,format=raw,snapshot=on,discard=unmap,file=$image/disk.raw" \
    -device virtio-blk-pci,drive=image
