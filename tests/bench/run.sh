#!/usr/bin/env bash
# Measures, and prints one JSON object a line on standard output; everything else goes to standard error.
# Usage: run.sh [encode] [stages] [line] [browser] [picture] [desktops] [machine] [soak]   (default: all but soak, which takes an hour)
set -euo pipefail
cd "$(dirname "$0")/../.."

{
  deploy/setup/packages.sh build desktop test
  deploy/setup/toolchain.sh
  make --no-print-directory build
  cargo build --release --locked -p oriel-tests
  (cd tests/browser && { [ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --no-audit --no-fund; })
} >&2

[ $# -gt 0 ] || set -- encode stages line browser picture desktops machine
for part in "$@"; do
  echo "measuring: $part" >&2
  case "$part" in
    encode) target/release/bench-encode ;;
    stages) target/release/bench-stages ;;
    line) target/release/bench-line ;;
    browser) node tests/bench/browser.mjs ;;
    picture)
      # A peer that cannot be had is left out, and said to be.
      deploy/setup/packages.sh bench >&2 || true
      node tests/bench/picture.mjs
      ;;
    desktops) node tests/bench/desktops.mjs ;;
    soak) node tests/bench/soak.mjs ;;
    machine) tests/nested/bench.sh ;;
    *) echo "There is no benchmark '$part'; use encode, stages, line, browser, picture, desktops, machine or soak." >&2; exit 2 ;;
  esac
done
