# shellcheck shell=sh disable=SC2154,SC2034,SC2016
# QEMU in the place of Oriel's monitor: what fails with it too is the harness's
# or the guest's fault. Sourced by the payload's run.
monitor=/run/monitor
export QEMU_MODULE_DIR=/usr/lib/x86_64-linux-gnu/qemu

machine_start() {
    mkfifo "$monitor.in" "$monitor.out"
    cat "$monitor.out" > "$results/client.log" &
    [ $# -lt 7 ] || set -- "$@" -drive "if=none,id=b,format=raw,readonly=on,file=$7" -device virtio-blk-pci,drive=b
    passt --foreground --quiet --one-off --socket /run/passt --no-map-gw > "$results/passt.log" 2>&1 &
    until [ -S /run/passt ]; do sleep 1; done
    kernel=$1 initrd=$2 cmdline=$3 cpus=$4 memory=$5 disk=$6
    shift $(($# < 7 ? 6 : 7))
    qemu-system-x86_64 -L /payload/bios -nodefaults -M q35 -accel kvm -cpu host -smp "$cpus" -m "$memory" \
        -kernel "$kernel" -initrd "$initrd" -append "$cmdline" \
        -drive "if=none,id=a,format=raw,discard=unmap,file=$disk" -device virtio-blk-pci,drive=a "$@" \
        -device "virtio-gpu-pci,xres=$width,yres=$height" -device virtio-keyboard-pci -device virtio-tablet-pci \
        -device virtio-rng-pci -device virtio-serial-pci \
        -netdev stream,id=net,server=off,addr.type=unix,addr.path=/run/passt -device virtio-net-pci,netdev=net,romfile= \
        -display none -serial "file:$results/serial.log" -monitor "pipe:$monitor" \
        > "$results/vmm.log" 2>&1 &
    machine=$!
    exec 9> "$monitor.in"
}

machine_picture() {
    echo "screendump $1" >&9
    sleep 3
    [ -s "$1" ]
}
machine_press() {
    for keys in "$@"; do
        keys=$(echo "$keys" | sed 's/KEY_//g; s/LEFT//g; s/ENTER/ret/; s/SPACE/spc/; s/+/-/g' | tr "[:upper:]" "[:lower:]")
        echo "sendkey $keys" >&9
        sleep 1
    done
}
machine_type() {
    for key in $(echo "$1" | sed 's/ /_/g; s/./& /g'); do
        machine_press "$(echo "$key" | sed 's/_/SPACE/')"
    done
}
machine_click() {
    echo 'mouse_button 1' >&9
    echo 'mouse_button 0' >&9
}
machine_power() { echo system_powerdown >&9; }
machine_ended_well() { wait "$machine"; }
