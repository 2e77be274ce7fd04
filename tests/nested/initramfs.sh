# shellcheck shell=bash disable=SC2154,SC2034
# Small initramfs images out of busybox, a kernel's modules and files. Sourced.

# make_initramfs OUT KERNEL-DIR INIT "MODULE..." [FILE...]: the modules are
# loaded, with what they need and in this order, by the `load_modules` that INIT
# finds in /lib/load_modules. Every FILE goes to / under its own name, of a folder
# what is in it.
make_initramfs() {
    local out=$1 kernel=$2 init=$3 modules=$4 tree version module path name
    shift 4
    tree=$(mktemp -d)
    version=$(< "$kernel/version")
    mkdir -p "$tree"/{bin,dev,proc,sys,run,tmp,mnt,lib/modules}
    cp "$(command -v busybox)" "$tree/bin/busybox"
    ln -s busybox "$tree/bin/sh"
    install -m 755 "$init" "$tree/init"

    # Order and dependencies are resolved here; the guest only inserts files.
    {
        echo 'load_modules() {'
        for module in $modules; do
            modprobe -d "$kernel" -S "$version" --ignore-install --show-depends "$module" |
                sed -n 's/^insmod \([^ ]*\).*/\1/p'
        done | awk '!seen[$0]++' | while read -r path; do
            name=$(basename "$path")
            case $name in
                *.xz) name=${name%.xz} && xz -dc "$path" > "$tree/lib/modules/$name" ;;
                *.zst) name=${name%.zst} && zstd -qdc "$path" > "$tree/lib/modules/$name" ;;
                *) cp "$path" "$tree/lib/modules/$name" ;;
            esac
            echo "    insmod /lib/modules/$name || echo \"could not load $name\""
        done
        echo '}'
    } > "$tree/lib/load_modules"

    for path in "$@"; do
        if [[ -d $path ]]; then cp -r "$path/." "$tree/"; else cp "$path" "$tree/"; fi
    done
    (cd "$tree" && find . -print0 | LC_ALL=C sort -z | cpio --quiet --null -o -H newc --owner 0:0) | gzip -1 > "$out"
    rm -rf "$tree"
}
