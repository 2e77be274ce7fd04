#!/usr/bin/env bash
# Says in one sentence when cargo or node are missing or too old.
set -euo pipefail
cd "$(dirname "$0")/../.."

die() { echo "oriel setup: $*" >&2; exit 1; }
older() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ] && [ "$1" != "$2" ]; }

needed=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
command -v cargo >/dev/null || die "cargo is missing; install Rust $needed or newer (for example: apt install rustup && rustup default stable)."
rust=$(rustc --version | cut -d' ' -f2)
older "$rust" "$needed" && die "Rust $rust is too old; $needed or newer is needed (for example: apt install rustup && rustup default stable)."

command -v node >/dev/null || die "node is missing; install Node.js 20.19 or newer with npm."
node=$(node --version); node=${node#v}
older "$node" 20.19.0 && die "Node.js $node is too old; 20.19 or newer is needed."
command -v npm >/dev/null || die "npm is missing; install it beside Node.js."
exit 0
