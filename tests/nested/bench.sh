#!/bin/bash
# Oriel's machine beside QEMU's microvm and q35: the same stock kernel and the same guest, in turns, on
# real KVM semantics in one emulated machine. Everything is 10 to 30 times slower than on a processor
# with virtualization, for all three alike: compare, do not quote.
#
#   bench.sh [--rounds N] [--machines "oriel microvm q35"] [--guest trixie|bookworm]
#
# Prints the medians on standard output, one JSON object a line; what it does goes to standard error.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/prepare.sh"

vmm=oriel rounds=3 machines='oriel microvm q35' release=trixie
while (($#)); do
    case $1 in
        --rounds) rounds=$2 ;;
        --machines) machines=$2 ;;
        --guest) release=$2 ;;
        *) die "unknown option $1; see the head of $0." ;;
    esac
    shift 2
done

{
    prepare bench
    add_program "$tree" "$(command -v qemu-system-x86_64)"
    install -D -t "$tree/host/usr/lib/x86_64-linux-gnu/qemu" /usr/lib/x86_64-linux-gnu/qemu/hw-display-virtio-gpu*.so
    cp -L /usr/share/seabios/bios-256k.bin /usr/share/qemu/{linuxboot_dma,kvmvapic,bios-microvm,pvh}.bin "$tree/bios/"
    make_outer
    kernel=$(fetch_kernel "$release" linux-image-amd64)
    cc -O2 -static -nostdlib -o "$work/first" "$here/guest/first.c"
    make_initramfs "$tree/guest.img" "$kernel" "$work/first" 'virtio_pci virtio_blk virtio_net' "$here/guest/measure"
    cp "$kernel/vmlinuz" "$tree/vmlinuz"
    cp "$here/outer/measure" "$tree/run"
    printf 'rounds=%s machines="%s" more_cmdline=""\n' "$rounds" "$machines" > "$tree/settings"
    head -c 192M /dev/urandom > "$tree/disk.raw"
    cp "$tree/disk.raw" "$tree/base.raw"
    "$tree/bin/oriel-vmm" disk create-overlay --size $((192 << 20)) --backing-name base.raw --backing-format raw \
        "$tree/overlay.empty"
    head -c 64M /dev/urandom > "$tree/file"
    limit=$((rounds * 400)) run_payload 1G
} >&2

sed -n 's/^measured: //p' "$logs/outer.log" | sort -k1,2 | awk '
    BEGIN {
        unit["boot_ms"] = "ms"; unit["blk_read_mib_s"] = unit["blk_write_mib_s"] = unit["net_mib_s"] = unit["net_up_mib_s"] = "MiB/s"
        unit["overlay_read_mib_s"] = unit["overlay_write_mib_s"] = "MiB/s"; unit["vmm_overhead_mib"] = "MiB"
        unit["idle_cpu_ms_per_s"] = "ms/s"; unit["idle_exits_per_s"] = "1/s"
        subject["oriel"] = "oriel"; subject["q35"] = "qemu-q35"; subject["microvm"] = "qemu-microvm"
    }
    function flush() {
        if (n) printf "{\"name\":\"%s\",\"value\":%s,\"unit\":\"%s\",\"subject\":\"%s\",\"rounds\":%d}\n",
            name, v[int((n + 1) / 2)], unit[name], subject[machine], n
    }
    $1 != machine || $2 != name { flush(); n = 0; machine = $1; name = $2 }
    {
        v[++n] = $3 + 0
        for (i = n; i > 1 && v[i] < v[i - 1]; i--) { t = v[i]; v[i] = v[i - 1]; v[i - 1] = t }
    }
    END { flush() }'
