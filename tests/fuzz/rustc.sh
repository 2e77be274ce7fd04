#!/bin/sh
# Cargo's RUSTC_WRAPPER: what meets hostile bytes is compiled as cargo-fuzz would, with the address
# sanitizer and counters of coverage, and the many crates that do not as they always are, which takes
# a third of the time. None of the former may be what a build script needs, which is linked without
# the sanitizer.
name=''
previous=''
for argument; do
    [ "$previous" != --crate-name ] || name=$argument
    previous=$argument
done
case $name in
    oriel_* | fuzz | disk_seed | linux_loader | miniz_oxide | virtio_queue | vm_memory | vm_superio | zstd_safe)
        # The compiler is a stable one, which has all this and asks for the variable.
        RUSTC_BOOTSTRAP=1 exec "$@" -Zsanitizer=address -Ccodegen-units=1 -Cpasses=sancov-module \
            -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
            -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares
        ;;
    *) exec "$@" ;;
esac
