#!/usr/bin/env bash
# Stops the demo's server; without --quiet also its desktops.
set -euo pipefail
cd "$(dirname "$0")/../.."
state=$PWD/.demo
vmm=$PWD/target/release/oriel-vmm

if [ -s "$state/server.pid" ]; then
  pid=$(cat "$state/server.pid")
  # The number may belong to somebody else by now; a program that was built anew is "(deleted)".
  program=$(readlink "/proc/$pid/exe" 2>/dev/null || true)
  if [ "${program% (deleted)}" = "$PWD/target/release/oriel" ]; then
    kill "$pid"
    for _ in $(seq 50); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
  fi
  rm -f "$state/server.pid"
fi
[ "${1:-}" = --quiet ] && exit 0
for socket in "$state"/state/desktops/*/vmm.sock; do
  [ -S "$socket" ] && "$vmm" control --socket "$socket" stop >/dev/null 2>&1 || true
done
echo "The demo is stopped. Its image and disks are in .demo/ (remove it for a fresh start)."
