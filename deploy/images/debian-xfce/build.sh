#!/bin/bash
# Builds the XFCE desktop image of Debian 13, or of Debian 12 with `--suite bookworm`.
#
#   build.sh --out DIR [--size 6G] [--suite trixie|bookworm]
#
# DIR gets disk.raw (sparse ext4, no partition table), vmlinuz, initrd.img,
# image.toml and build.log. Standard output carries lines `progress PERCENT WHAT`.
# On failure there is one sentence on standard error, and no DIR.
#
# It needs no root, but subordinate ids (/etc/subuid, /etc/subgid) for the files
# of the image's users: all of the work is done in a user namespace, in which its
# user is root. Root without subordinate ids does without the namespace.
set -euo pipefail

mirror=http://deb.debian.org/debian
security=http://deb.debian.org/debian-security
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
needed_mib=4096
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

fail() {
    printf '%s\n' "$1" >&2
    exit 1
}

progress() { printf 'progress %s %s\n' "$1" "$2"; }

# Internal: this run is root in a user namespace already.
inside=''
if [[ ${1:-} == --in-user-namespace ]]; then
    inside=yes
    shift
fi
arguments=("$@")

out='' size=6G suite=trixie
while (($#)); do
    case $1 in
        --out) out=${2:-} ;;
        --size) size=${2:-} ;;
        --suite) suite=${2:-} ;;
        *) fail "Unknown option $1; the options are --out DIR, --size 6G and --suite trixie." ;;
    esac
    (($# > 1)) || fail "The option $1 needs a value."
    shift 2
done
[[ $out ]] || fail 'Say where to put the image: --out DIR.'
[[ $size =~ ^[1-9][0-9]*[MG]$ ]] || fail "The size $size is not understood; write it like 6G or 8192M."
case $suite in
    trixie) name=debian-xfce version_id=13 ;;
    bookworm) name=debian-12-xfce version_id=12 ;;
    *) fail "There is no recipe for $suite; trixie and bookworm there are." ;;
esac

# What it takes, before anything is begun.
missing=()
need() { command -v "$1" > /dev/null || missing+=("$2"); }
PATH=$PATH:/usr/sbin:/sbin
need mmdebstrap mmdebstrap
need mke2fs e2fsprogs
need tar tar
[[ -r $keyring ]] || missing+=(debian-archive-keyring)
((${#missing[@]} == 0)) || fail "Building the image needs ${missing[*]}; install it with: apt-get install ${missing[*]}"

# A Debian system has users up to `nobody`, 65534.
ids_needed=65536
user=$(id --user --name 2> /dev/null || id --user)
# Whether the user's first range in FILE is large enough.
has_ids() {
    awk -F: -v user="$user" -v uid="$EUID" -v needed="$ids_needed" \
        '$1 == user || $1 == uid { enough = $3 >= needed; exit } END { exit !enough }' "$1" 2> /dev/null
}
if [[ ! $inside ]]; then
    if has_ids /etc/subuid && has_ids /etc/subgid && command -v newuidmap > /dev/null; then
        namespace=(unshare --user --map-root-user --map-auto)
        if "${namespace[@]}" true 2> /dev/null; then
            exec "${namespace[@]}" "$here/build.sh" --in-user-namespace "${arguments[@]}"
        fi
        ((EUID == 0)) ||
            fail 'This host lets users make no user namespaces, in which the image is built; allow them (sysctl kernel.unprivileged_userns_clone=1 user.max_user_namespaces=10000), or see its AppArmor.'
    elif ((EUID != 0)); then
        command -v newuidmap > /dev/null || fail 'Building the image needs uidmap; install it with: apt-get install uidmap'
        # After every range that is given.
        first=$(cat /etc/subuid /etc/subgid 2> /dev/null | awk -F: '{ end = $2 + $3; if (end > last) last = end } END { print (last > 100000 ? last : 100000) }')
        range=$first-$((first + ids_needed - 1))
        fail "Building the image needs $ids_needed subordinate ids, which the user $user has not; give it some, as root: usermod --add-subuids $range --add-subgids $range $user"
    fi
fi
((EUID == 0)) || fail 'The user namespace did not make this user root in it.'

out=$(realpath -m "$out")
parent=$(dirname "$out")
mkdir -p "$parent" || fail "The folder $parent cannot be made; choose another with --out."
free_mib=$(($(stat -f -c '%a * %S' "$parent") / 1048576))
((free_mib >= needed_mib)) ||
    fail "Building the image needs $needed_mib MiB and $parent has $free_mib MiB free; make room or choose another place with --out."

# A build that was killed could not clean up; a running one holds its lock.
for stale in "$out".tmp.*; do
    [[ ! -d $stale ]] || flock --nonblock "$stale" rm -rf --one-file-system "$stale" || true
done
tmp=$(mktemp -d "$out.tmp.XXXXXX")
exec 9< "$tmp"
flock 9
log=$tmp/build.log
failed_log=$out.failed.log
finished=''
clean_up() {
    local status=$?
    trap - EXIT
    if [[ ! $finished ]]; then
        [[ -s $log ]] && mv -f "$log" "$failed_log"
        ((status)) || status=1
    fi
    # What still writes there is dying.
    [[ ! ${installing:-} ]] || kill -KILL "$installing" 2> /dev/null || true
    for _ in {1..50}; do
        rm -rf --one-file-system "$tmp" 2> /dev/null && break
        sleep 0.1
    done
    exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(date +%s)}
mapfile -t packages < <(sed 's/#.*//; s/[[:space:]]//g; /^$/d' "$here/packages")

# Turns apt's and dpkg's own lines into progress; the second run of apt installs
# the desktop and is nearly all of the work.
follow() {
    local line total=0 got=0 unpacked=0 configured=0 percent last=0
    while IFS= read -r line; do
        printf '%s\n' "$line" >> "$log"
        case $line in
            *' newly installed,'*)
                [[ $line =~ ([0-9]+)\ newly ]] && total=${BASH_REMATCH[1]} got=0 unpacked=0 configured=0
                ((total > 150)) || progress 4 'installing the base system'
                ;;
            Get:*) got=$((got + 1)) ;;
            'Unpacking '*) unpacked=$((unpacked + 1)) ;;
            'Setting up '*) configured=$((configured + 1)) ;;
            *) continue ;;
        esac
        ((total > 150)) || continue
        percent=$((8 + (18 * got + 30 * (unpacked + configured)) / total))
        ((percent > last)) || continue
        last=$percent
        if ((unpacked)); then
            progress "$percent" "installing packages ($(((unpacked + configured) / 2)) of $total)"
        else
            progress "$percent" "downloading packages ($got of $total)"
        fi
    done
}

# In namespaces of its own, and killed when this script dies of whatever: no
# process and no mount of it stays behind.
bootstrap() {
    exec setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child --mount-proc mmdebstrap --mode=unshare --variant=minbase --architectures=amd64 --verbose \
        --keyring="$keyring" \
        --include="$(IFS=,; printf '%s' "${packages[*]}")" \
        --aptopt='Apt::Install-Recommends "false"' \
        --aptopt='Acquire::Retries "5"' \
        --aptopt='Acquire::Languages "none"' \
        --dpkgopt='path-exclude=/usr/share/man/*' \
        --dpkgopt='path-exclude=/usr/share/doc/*' \
        --dpkgopt='path-include=/usr/share/doc/*/copyright' \
        --dpkgopt='path-exclude=*UDisks2VolumeMonitor*' \
        --dpkgopt='path-exclude=*udisks2.monitor' \
        --essential-hook="'$here/copy-files.sh' \"\$1\" etc/fstab etc/initramfs-tools" \
        --customize-hook="'$here/copy-files.sh' \"\$1\" ." \
        --customize-hook="'$here/customize.sh' \"\$1\"" \
        "$suite" "$tmp/root" \
        "deb $mirror $suite main" \
        "deb $mirror $suite-updates main" \
        "deb $security $suite-security main" < /dev/null 2>&1
}

progress 1 'fetching the package lists'
exec 8< <(bootstrap)
installing=$!
follow <&8
wait "$installing" ||
    fail "Debian's packages could not be installed; check that deb.debian.org can be reached, then read $failed_log."

progress 87 'taking out the kernel'
kernel=$(find "$tmp/root/boot" -name 'vmlinuz-*' -printf '%f\n')
version=${kernel#vmlinuz-}
[[ $kernel && -s $tmp/root/boot/initrd.img-$version ]] ||
    fail "The image came out without a kernel or its initrd; read $failed_log."
mv "$tmp/root/boot/vmlinuz-$version" "$tmp/vmlinuz"
mv "$tmp/root/boot/initrd.img-$version" "$tmp/initrd.img"
rm -f "$tmp"/root/{,boot/}{vmlinuz,initrd.img}{,.old}

progress 88 'writing the disk'
# Same packages and same SOURCE_DATE_EPOCH: the same disk.
find "$tmp/root" -newermt "@$SOURCE_DATE_EPOCH" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
uuid=6f726965-6c00-4d13-8000-64656269616e
truncate --size="$size" "$tmp/disk.raw"
E2FSPROGS_FAKE_TIME=$SOURCE_DATE_EPOCH mke2fs -q -F -t ext4 -L oriel-root -U "$uuid" -m 1 \
    -O ^has_journal,^metadata_csum_seed -E "hash_seed=$uuid,lazy_itable_init=0,root_owner=0:0" \
    -d "$tmp/root" "$tmp/disk.raw" >> "$log" 2>&1 ||
    fail "The disk could not be written; give it more room with --size, or read $failed_log."
E2FSPROGS_FAKE_TIME=$SOURCE_DATE_EPOCH tune2fs -O has_journal "$tmp/disk.raw" >> "$log" 2>&1 ||
    fail "The disk got no journal; read $failed_log."
rm -rf --one-file-system "$tmp/root"

progress 95 'writing the description'
cat > "$tmp/image.toml" << TOML
name = "$name"
description = "Debian $version_id with the XFCE desktop"
built = "$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)"
disk = "disk.raw"
kernel = "vmlinuz"
initrd = "initrd.img"
# no_timer_check: an emulated or nested timer may tick too late for that test.
cmdline = "root=/dev/vda rw console=ttyS0 quiet loglevel=4 no_timer_check nowatchdog vt.global_cursor_default=0"
min_memory_mib = 768
# Where the guest spends its life: a real kernel needs a KVM that runs kernels.
runs_at = "kernel"
TOML

chmod 755 "$tmp"
if [[ -e $out ]]; then
    mv "$out" "$tmp.old"
    mv "$tmp" "$out"
    rm -rf --one-file-system "$tmp.old"
else
    mv "$tmp" "$out"
fi
rm -f "$failed_log"
finished=yes
progress 100 'done'
