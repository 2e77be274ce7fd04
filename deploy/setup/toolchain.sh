#!/usr/bin/env bash
# Checks that cargo and node are there and new enough. Rust is installed by rustup where that can be reached; what
# cannot be helped is said in one sentence.
set -euo pipefail
cd "$(dirname "$0")/../.."

die() { echo "oriel setup: $*" >&2; exit 1; }
older() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ] && [ "$1" != "$2" ]; }

needed=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
# The Makefile looks there too.
PATH=${CARGO_HOME:-$HOME/.cargo}/bin:$PATH
server=${RUSTUP_DIST_SERVER:-https://static.rust-lang.org}

# Empty where there is no cargo, or none that runs.
rust_version() { command -v cargo > /dev/null && rustc --version 2> /dev/null | cut -d' ' -f2; }
enough() { [ -n "$rust" ] && ! older "$rust" "$needed"; }

install_rust() {
  local init
  curl --fail --silent --max-time 20 --output /dev/null "$server/dist/channel-rust-stable.toml.sha256" || return
  echo "oriel setup: installing Rust with rustup" >&2
  if command -v rustup > /dev/null; then
    rustup toolchain install stable --profile minimal --component rustfmt --component clippy --no-self-update >&2
    return
  fi
  init=$(mktemp -d)
  # What the script at sh.rustup.rs does.
  curl --fail --silent --show-error --output "$init/rustup-init" "$server/rustup/dist/$(uname -m)-unknown-linux-gnu/rustup-init" \
    && chmod +x "$init/rustup-init" \
    && "$init/rustup-init" -y --quiet --profile minimal --component rustfmt --component clippy --no-modify-path > /dev/null
  local status=$?
  rm -rf "$init"
  return "$status"
}

rust=$(rust_version) || true
if ! enough; then
  found=${rust:+; this one is $rust}
  install_rust || true
  rust=$(rust_version) || true
  enough || die "Rust $needed or newer is needed${found:-, and there is none}; get it from https://rustup.rs (on Debian 13 also: apt install rustup && rustup default stable; Debian 12 has no such package)."
  [ -n "$found" ] || echo "oriel setup: Rust is in ${CARGO_HOME:-$HOME/.cargo}/bin; make finds it there." >&2
fi

command -v node > /dev/null || die "Node.js 20.19 or newer with npm is needed, and there is none; get it from https://nodejs.org (on Debian 13 also: apt install nodejs npm; Debian 12 has an older one)."
node=$(node --version); node=${node#v}
older "$node" 20.19.0 && die "Node.js 20.19 or newer is needed; this one is $node; get it from https://nodejs.org."
command -v npm > /dev/null || die "npm is missing; install it beside Node.js."
exit 0
