#!/usr/bin/env bash
# Installs the Debian packages that a task needs and that are not there yet.
# Usage: packages.sh build|desktop|test|bench ...
set -euo pipefail

die() { echo "oriel setup: $*" >&2; exit 1; }

# shellcheck source=/dev/null
. /etc/os-release
[ "${ID:-}" = debian ] || echo "oriel setup: tried on Debian 12 and 13; this is ${PRETTY_NAME:-unknown}." >&2

# curl fetches Rust where it is missing.
build="gcc g++ make nasm pkg-config libopus-dev ca-certificates curl"
# QEMU runs what our own machine does not; libopus encodes sound; mmdebstrap, newuidmap (uidmap) and mke2fs make images; passt and nft
# connect desktops.
desktop="qemu-system-x86 libopus0 passt nftables mmdebstrap uidmap e2fsprogs debian-archive-keyring zstd"
# From Debian 13 on the D-Bus display is a package of its own.
[ "${VERSION_ID:-12}" -ge 13 ] 2>/dev/null && desktop="$desktop qemu-system-modules-opengl"
# Guest agents, and an X server without a screen in which the desktop's one runs.
agents="qemu-guest-agent spice-vdagent xvfb xclip"
test="acpica-tools alsa-utils chromium firefox-esr pulseaudio busybox-static iproute2 cpio kmod xz-utils e2fsprogs openssl jq qemu-utils $agents"
sudo=""
[ "$(id -u)" = 0 ] || ! command -v sudo > /dev/null || sudo=sudo

# What the picture is measured beside. xpra is not in every Debian: where apt does not know it, it is left out. A machine
# that has never fetched the lists of packages knows of none.
bench="novnc"
case " $* " in
  *" bench "*)
    apt-cache show xpra > /dev/null 2>&1 || $sudo apt-get update -qq > /dev/null 2>&1 || true
    ! apt-cache show xpra > /dev/null 2>&1 || bench="$bench xpra xvfb"
    ;;
esac

wanted=""
for group in "$@"; do
  case "$group" in
    build | desktop | test | bench) wanted="$wanted ${!group}" ;;
    *) die "unknown group '$group'; use build, desktop, test or bench." ;;
  esac
done

missing_of() {
  local package
  for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || printf ' %s' "$package"
  done
}
# shellcheck disable=SC2086
missing=$(missing_of $wanted)
[ -n "$missing" ] || exit 0

[ "$(id -u)" = 0 ] || [ -n "$sudo" ] || die "these packages are missing and you are not root:$missing"
echo "oriel setup: installing$missing" >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# More than once: a mirror may fail for a moment, and apt may remove a package from backports that does not go with what is
# installed, such as qemu-utils, which is then missing in the version that does.
for attempt in 1 2 3; do
  # shellcheck disable=SC2086
  if $sudo apt-get update -qq >"$log" 2>&1 \
    && $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >>"$log" 2>&1; then
    missing=$(missing_of $wanted)
    [ -n "$missing" ] || exit 0
  else
    [ "$attempt" = 3 ] || sleep 5
  fi
done
tail -n 20 "$log" >&2
die "apt-get could not install:$missing (its last lines are above)."
