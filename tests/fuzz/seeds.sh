#!/usr/bin/env bash
# Makes the seeds of the target `disk` anew, out of images that qemu-img made.
set -euo pipefail
cd "$(dirname "$0")"
seeds=$PWD/seeds/disk
cargo build --release --quiet --locked --bin disk_seed
seed() { "$OLDPWD/target/release/disk_seed" "${@:2}" > "$seeds/$1"; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$seeds"
cd "$work"

fill() { qemu-io -f "$1" -c "write -P 7 0 512" -c "write -P 8 65k 1k" -c "write -z 1M 64k" "$2" > /dev/null; }
new() { qemu-img create -q "$@"; }

truncate --size=2M base.raw
printf 'a base image' | dd of=base.raw conv=notrunc status=none
new -f qcow2 plain.qcow2 4M && fill qcow2 plain.qcow2
new -f qcow2 -o compat=0.10 old.qcow2 4M && fill qcow2 old.qcow2
new -f qcow2 -o cluster_size=256k large.qcow2 64M && fill qcow2 large.qcow2
new -f qcow2 -o cluster_size=512 small.qcow2 1M && qemu-io -f qcow2 -c 'write -P 7 0 512' small.qcow2 > /dev/null
new -f qcow2 -o refcount_bits=1 narrow.qcow2 4M && fill qcow2 narrow.qcow2
new -f qcow2 -b base.raw -F raw overlay.qcow2 && fill qcow2 overlay.qcow2
new -f qcow2 -b overlay.qcow2 -F qcow2 upper.qcow2 8M && fill qcow2 upper.qcow2
new -f qcow2 -o lazy_refcounts=on lazy.qcow2 4M && fill qcow2 lazy.qcow2
new -f qcow2 snapshot.qcow2 4M && fill qcow2 snapshot.qcow2 && qemu-img snapshot -c one snapshot.qcow2
new -f qcow2 -o extended_l2=on subclusters.qcow2 4M
qemu-img convert -f qcow2 -O qcow2 -c plain.qcow2 deflate.qcow2
qemu-img convert -f qcow2 -O qcow2 -c -o compression_type=zstd plain.qcow2 zstd.qcow2

seed raw raw:base.raw
for name in plain old large lazy deflate zstd snapshot subclusters; do seed "$name" "qcow2:$name.qcow2"; done
for name in small narrow; do seed "$name" --read-only "qcow2:$name.qcow2"; done
seed overlay qcow2:overlay.qcow2 raw:base.raw
seed three-layers qcow2:upper.qcow2 qcow2:overlay.qcow2 raw:base.raw
