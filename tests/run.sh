#!/usr/bin/env bash
# Runs the test suites one after the other and closes with the plain count.
# Usage: run.sh [SUITE ...]   (default: every suite but those named *-long)
set -uo pipefail
cd "$(dirname "$0")/.."
root=$PWD
logs=$root/.cache/test-logs
mkdir -p "$logs"
passed=0
failed=0
skipped=0
report=()

# Adds up what a runner printed: cargo test, node --test, vitest, or lines that begin with "ok - " and "not ok - ".
count() {
  awk '
    /^test result: / { p += $4; f += $6; s += $8 }
    /^# pass /  { p += $3 } /^# fail / { f += $3 } /^# skipped / { s += $3 }
    /^ℹ pass /  { p += $3 } /^ℹ fail / { f += $3 } /^ℹ skipped / { s += $3 }
    /^ *Tests  / { for (i = 2; i <= NF; i++) { if ($i ~ /^passed/) p += $(i-1); if ($i ~ /^failed/) f += $(i-1) } }
    /^ok - / { p++ } /^not ok - / { f++ }
    END { print p + 0, f + 0, s + 0 }
  ' <(sed 's/\x1b\[[0-9;]*m//g' "$1")
}

suite() {
  local name=$1 began=$SECONDS status p f s
  shift
  printf '\n=== %s\n' "$name"
  "$@" 2>&1 | tee "$logs/$name.log"
  status=${PIPESTATUS[0]}
  read -r p f s < <(count "$logs/$name.log")
  # A suite is itself one check where its tool counts nothing, and a failure is never lost.
  if [ "$status" = 0 ]; then [ $((p + f + s)) -gt 0 ] || p=1
  else [ "$f" -gt 0 ] || f=1
  fi
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
  report+=("$(printf '%-14s %5d passed %3d failed %3d skipped %5d s' "$name" "$p" "$f" "$s" $((SECONDS - began)))")
  return "$status"
}

setup() { deploy/setup/toolchain.sh && deploy/setup/packages.sh build desktop test; }
web_packages() { [ web-client/node_modules -nt web-client/package-lock.json ] || (cd web-client && npm ci --no-audit --no-fund); }
build_all() { make --no-print-directory build && cargo build --release --locked -p oriel-tests; }
format() { cargo fmt --all --check && (cd tests/guest && cargo fmt --all --check) && (cd tests/fuzz && cargo fmt --check); }
clippy() { cargo clippy --release --locked --workspace --all-targets -- -D warnings; }
dependencies() {
  local deny=$root/.cache/tools/bin/cargo-deny
  if ! [ -x "$deny" ]; then
    cargo install --quiet --locked --root "$root/.cache/tools" --version 0.20.2 cargo-deny || return 1
  fi
  PATH=$root/.cache/tools/bin:$PATH tests/dependencies.sh
}
unit() { cargo test --release --locked --workspace; }
guest_unit() { (cd tests/guest && cargo test --release --locked -p oriel-scenes); }
web() { (cd web-client && npm run lint && npm test); }
browser_packages() { [ tests/browser/node_modules -nt tests/browser/package-lock.json ] || (cd tests/browser && npm ci --no-audit --no-fund); }
browser() {
  (
    browser_packages && cd tests/browser || exit 1
    status=0
    for browser in chromium firefox; do
      printf '\n--- %s\n' "$browser"
      BROWSER=$browser node --test --test-reporter=tap --test-concurrency=1 ./*.test.mjs || status=1
    done
    exit "$status"
  )
}
fuzz() { tests/fuzz/run.sh; }
nested() { tests/nested/run.sh; }
desktop_image() { [ -s .cache/nested/xfce-trixie/image.toml ] || deploy/images/debian-xfce/build.sh --suite trixie --out .cache/nested/xfce-trixie; }
browser_long() {
  (browser_packages && desktop_image && cd tests/browser && ORIEL_DESKTOP_IMAGE=$root/.cache/nested/xfce-trixie node --test --test-reporter=tap ./long/*.test.mjs)
}
nested_long() {
  local status=0
  tests/nested/run.sh --cpus 4 --download 100 --time-limit 900 || status=1
  tests/nested/desktop.sh || status=1
  tests/nested/cgroups.sh || status=1
  return "$status"
}

if [ $# = 0 ]; then
  suites=(format dependencies clippy unit guest_unit web browser nested fuzz)
else
  suites=("${@//-/_}")
fi

printf '=== setup\n'
if ! { setup && web_packages && build_all; }; then
  echo "The tests did not run: the build above failed." >&2
  echo "0 passed, 1 failed"
  exit 1
fi
for name in "${suites[@]}"; do suite "$name" "$name"; done

printf '\n'
printf '%s\n' "${report[@]}"
[ "$skipped" = 0 ] || echo "$skipped skipped"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
