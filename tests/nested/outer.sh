# shellcheck shell=bash disable=SC2154,SC2034
# The machine between, its payload disk and its run. Sourced.

# add_program TREE BINARY: the program and the shared libraries that it needs, at
# the same places as here.
add_program() {
    local tree=$1 binary=$2 library
    install -D -m 755 "$binary" "$tree/bin/$(basename "$binary")"
    ldd "$binary" | sed -n 's/.*=> \(\/[^ ]*\) .*/\1/p; s/^[[:space:]]*\(\/[^ ]*\) (0x.*/\1/p' |
        while read -r library; do install -D -m 755 "$library" "$tree/host$library"; done
}

# make_disk OUT SIZE TREE: an ext4 disk with what is in TREE
make_disk() {
    rm -f "$1"
    truncate --size="$2" "$1"
    mke2fs -q -F -t ext4 -m 0 -E root_owner=0:0 -d "$3" "$1"
}

# run_outer TIME-LIMIT LOG PAYLOAD [QEMU-OPTION...]: runs the payload's `run`,
# shows what it says with the seconds since the start, and returns its exit
# status; 124 when the time is over, 125 when the machine never came that far.
run_outer() {
    local limit=$1 log=$2 payload=$3 began=$SECONDS line status=125 qemu_status
    shift 3
    : > "$log"
    while IFS= read -r line; do
        line=${line%$'\r'}
        printf '%s\n' "$line" >> "$log"
        case $line in
            'ok - '* | 'not ok - '*) printf '%s\n' "$line" ;;
            'outer: exit '*) status=${line#outer: exit } ;;
            *) printf '[%4d s] %s\n' $((SECONDS - began)) "$line" ;;
        esac
    done < <(
        qemu_status=0
        timeout --kill-after=5 "$limit" qemu-system-x86_64 \
            -nodefaults -no-user-config -M q35 -accel tcg,thread=multi,tb-size=1024 -cpu max,+svm \
            -smp 2 -m 4096 -no-reboot -display none -serial stdio \
            -kernel "$outer_kernel/vmlinuz" -initrd "$outer_initramfs" \
            -append 'console=ttyS0 quiet no_timer_check mitigations=off nowatchdog panic=-1' \
            -drive "if=none,id=payload,format=raw,file=$payload" -device virtio-blk-pci,drive=payload \
            -device virtio-rng-pci "$@" < /dev/null 2>&1 || qemu_status=$?
        ((qemu_status == 0)) || printf 'outer: exit %s\n' "$qemu_status"
    )
    [[ $status == 124 ]] && echo "The time limit of $limit s is over." >&2
    return "$status"
}

# take_results PAYLOAD DIR: what the run left in its /results
take_results() {
    rm -rf "$2/results"
    # 1: it had to be made whole, after a machine that did not end by itself
    e2fsck -fy "$1" > /dev/null 2>&1 || [[ $? == 1 ]]
    debugfs -R "rdump /results $2" "$1" > /dev/null 2>&1
}

# make_outer: fetches the kernel of the machine between and makes its initramfs.
make_outer() {
    outer_kernel=$(fetch_kernel bookworm linux-image-cloud-amd64) || return
    outer_initramfs=$work/outer.img
    make_initramfs "$outer_initramfs" "$outer_kernel" "$here/outer/init" \
        'virtio_pci virtio_blk virtio_rng ext4 kvm_amd tun dummy'
}
