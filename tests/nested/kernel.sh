# shellcheck shell=bash disable=SC2154,SC2034
# Stock Debian kernels, fetched once into .cache/ and unpacked there. Sourced.
#
# A private apt configuration is used, so that any Debian can fetch the kernel
# of any other, and /etc is left alone.

apt_cache=$cache/apt
kernel_mirror=http://deb.debian.org/debian

# private_apt RELEASE COMMAND...: runs an apt command that knows RELEASE only.
private_apt() {
    local root=$apt_cache/$1
    shift
    "$1" -o Dir::Etc="$root/etc" -o Dir::State="$root/state" -o Dir::Cache="$root/cache" \
        -o Dir::State::status="$root/status" -o Acquire::Retries=5 -o Acquire::Languages=none \
        -o APT::Architecture=amd64 -o APT::Sandbox::User=root \
        -o APT::Update::Post-Invoke-Success::= "${@:2}"
}

# fetch_kernel RELEASE PACKAGE: prints the folder that has the kernel's
# `vmlinuz`, its `version`, and `lib/modules`.
fetch_kernel() {
    local release=$1 meta=$2 root=$apt_cache/$1 dir=$cache/kernel-$1-$2 package
    if [[ -s $dir/version ]]; then
        printf '%s\n' "$dir"
        return
    fi
    mkdir -p "$root"/{etc,state/lists/partial,cache/archives/partial}
    mkdir -p "$root"/etc/{apt.conf.d,preferences.d}
    : > "$root/status"
    printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' \
        "$kernel_mirror" "$release" > "$root/etc/sources.list"
    private_apt "$release" apt-get -qq update >&2
    package=$(private_apt "$release" apt-cache depends "$meta" |
        sed -n 's/^ *Depends: \(linux-image-[0-9].*\)$/\1/p' | head -n 1)
    [[ $package ]] || {
        echo "The package $meta was not found in Debian $release; check that deb.debian.org can be reached." >&2
        return 1
    }
    rm -rf "$dir"
    mkdir -p "$dir.tmp"
    (cd "$dir.tmp" && private_apt "$release" apt-get -qq download "$package" >&2) || return 1
    dpkg-deb --extract "$dir.tmp"/*.deb "$dir.tmp/root"
    mkdir -p "$dir/lib"
    mv "$dir.tmp"/root/boot/vmlinuz-* "$dir/vmlinuz"
    if [[ -d $dir.tmp/root/usr/lib/modules ]]; then
        mv "$dir.tmp/root/usr/lib/modules" "$dir/lib/modules"
    else
        mv "$dir.tmp/root/lib/modules" "$dir/lib/modules"
    fi
    rm -rf "$dir.tmp"
    package=$(basename "$dir"/lib/modules/*)
    depmod -b "$dir" "$package"
    printf '%s\n' "$package" > "$dir/version"
    printf '%s\n' "$dir"
}
