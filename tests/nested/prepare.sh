# shellcheck shell=bash disable=SC2154,SC2034
# What the nested tests share: places, programs, and one run. Sourced; `here` is
# this folder.
root=$(cd "$here/../.." && pwd)
cache=${ORIEL_CACHE:-$root/.cache}/nested
PATH=$PATH:/usr/sbin:/sbin
. "$here/kernel.sh"
. "$here/initramfs.sh"
. "$here/outer.sh"

# The exit status of a run that proved nothing: QEMU's emulation of AMD-V fails now and then
# (emulation_failed in outer/checks.sh), or hangs before anything of ours has been checked.
emulation_failed=75

die() {
    echo "nested tests: $*" >&2
    exit 1
}
step() { printf '[prepare %3d s] %s\n' "$SECONDS" "$*"; }

need() {
    local program missing=''
    for program in "$@"; do command -v "$program" > /dev/null || missing="$missing $program"; done
    [[ ! $missing ]] || die "these programs are missing:$missing; install them with deploy/setup/packages.sh desktop test."
}

# prepare NAME: empty places for this run, with the monitor ($vmm) in its payload.
# Logs and results of it are in $logs.
prepare() {
    need busybox cpio modprobe depmod xz zstd mke2fs debugfs qemu-system-x86_64 ldd timeout
    logs=$root/.cache/nested/$1
    # Another run of the same test keeps its own.
    if [[ -s $logs/pid ]] && kill -0 "$(< "$logs/pid")" 2> /dev/null; then logs=$logs.$$; fi
    rm -rf "$logs"
    mkdir -p "$logs" "$cache"
    echo $$ > "$logs/pid"
    work=$(mktemp -d "$cache/work.XXXXXX")
    trap 'rm -rf "$work" "$logs/pid"' EXIT
    tree=$work/payload
    mkdir -p "$tree/results" "$tree/bios"
    cp "$here/outer/checks.sh" "$tree/"
    case $vmm in
        oriel)
            local program=${ORIEL_VMM:-$root/target/release/oriel-vmm}
            [[ -x $program ]] || die "$program is missing; build it with: cargo build --release -p oriel-vmm"
            add_program "$tree" "$program"
            ;;
        qemu)
            add_program "$tree" "$(command -v qemu-system-x86_64)"
            install -D -t "$tree/host/usr/lib/x86_64-linux-gnu/qemu" /usr/lib/x86_64-linux-gnu/qemu/hw-display-virtio-gpu*.so
            cp -L /usr/share/seabios/bios-256k.bin /usr/share/qemu/{linuxboot_dma,kvmvapic}.bin "$tree/bios/"
            ;;
        *) die "there is no monitor named $vmm; use oriel or qemu." ;;
    esac
    cp "$here/outer/$vmm.sh" "$tree/machine.sh"
    step "made ready with $vmm"
}

# run_payload SIZE [QEMU-OPTION...]: runs what is in $tree and returns its status; again, a few times at
# most, where the emulation did not do its part. What an attempt says is indented; the checks of the
# last one count.
run_payload() {
    local attempt status said=$work/said
    for attempt in 1 2 3 4 5; do
        status=0
        attempt_payload "$@" | tee "$said" | sed -u 's/^/    /' || status=${PIPESTATUS[0]}
        ((status == emulation_failed)) || break
        echo "The emulation of AMD-V failed (attempt $attempt of 5)."
    done
    if ((status == emulation_failed)); then
        echo 'not ok - the emulation of AMD-V lasts to the end'
    else
        grep -E '^(not )?ok - ' "$said" || true
    fi
    return "$status"
}

# attempt_payload SIZE [QEMU-OPTION...]: once, from its beginning
attempt_payload() {
    local status=0 size=$1
    shift
    make_disk "$work/payload.raw" "$size" "$tree" || return
    step 'starting the machine between'
    run_outer "$limit" "$logs/outer.log" "$work/payload.raw" "$@" || status=$?
    take_results "$work/payload.raw" "$logs" || return
    if ((status == 124)) && ! grep -qE '^(not )?ok - ' "$logs/outer.log"; then return "$emulation_failed"; fi
    # A processor that fails so takes the machine between with it, as often as not without a word.
    if ((status == 125)); then return "$emulation_failed"; fi
    ((status == 0 || status == emulation_failed)) || echo "not ok - the run ended with status $status; see $logs"
    return "$status"
}
