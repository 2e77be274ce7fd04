#!/usr/bin/env bash
# Runs the test suites one after the other and closes with the slowest tests and the plain count.
# Usage: run.sh [SUITE ...]   (default: every suite but those named *-long)
# `fast` stands for the suites that take minutes: format, structure, clippy, unit, guest-unit and web.
set -uo pipefail
cd "$(dirname "$0")/.."
root=$PWD
logs=$root/.cache/test-logs
# What the tests fetch and build for themselves, once.
export ORIEL_CACHE=${ORIEL_CACHE:-$root/.cache}
mkdir -p "$logs" "$ORIEL_CACHE"
times=$logs/times
: > "$times"
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
  "$@" 2>&1 | node tests/record.mjs "$name" "$logs/$name.log" "$times"
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

# Tools of the tests' own are built while packages are installed and the workspace is built; only the suite that needs one
# waits for it.
deny_version=0.20.2
mdbook_version=0.5.4
declare -A tool_builds=()
tool() { echo "$ORIEL_CACHE/tools/$1"; }
start_tool() { # NAME VERSION FLAG ...
  local name=$1 version=$2 folder
  shift 2
  folder=$(tool "$name-$version")
  [ ! -x "$folder/bin/$name" ] || return 0
  # It runs for seconds: what counts is how soon it is there.
  CARGO_PROFILE_DEV_OPT_LEVEL=0 CARGO_PROFILE_DEV_DEBUG=0 CARGO_PROFILE_DEV_INCREMENTAL=false \
    nice -n 19 cargo install --debug --locked --root "$folder" --version "$version" "$@" "$name" > "$logs/$name.log" 2>&1 &
  tool_builds[$name]=$!
}
# A suite runs in a subshell, which cannot wait for what this shell has started.
await_tools() { [ ${#tool_builds[@]} = 0 ] || wait "${tool_builds[@]}"; tool_builds=(); }
require_tool() { [ -x "$(tool "$1-$2")/bin/$1" ] || { cat "$logs/$1.log"; return 1; }; }
trap '[ ${#tool_builds[@]} = 0 ] || kill "${tool_builds[@]}" 2> /dev/null' EXIT

setup() {
  deploy/setup/packages.sh build && deploy/setup/toolchain.sh || return
  [[ " ${suites[*]} " != *' dependencies '* ]] || start_tool cargo-deny "$deny_version"
  [[ " ${suites[*]} " != *' book '* ]] || start_tool mdbook "$mdbook_version" --no-default-features
  deploy/setup/packages.sh desktop test
}
build_all() { make --no-print-directory build && cargo build --release --locked -p oriel-tests; }
format() { cargo fmt --all --check && (cd tests/guest && cargo fmt --all --check) && (cd tests/fuzz && cargo fmt --check); }
clippy() { cargo clippy --release --locked --workspace --all-targets -- -D warnings; }
dependencies() { require_tool cargo-deny "$deny_version" && PATH=$(tool "cargo-deny-$deny_version")/bin:$PATH tests/dependencies.sh; }
# The documents' links and paths, and the book that is made of them.
book() {
  node tests/docs.mjs || return
  require_tool mdbook "$mdbook_version" && "$(tool "mdbook-$mdbook_version")/bin/mdbook" build docs && echo "ok - the book of docs/ is built in target/book"
}
structure() { node --test --test-reporter=tap tests/structure/*.test.mjs; }
unit() { cargo test --release --locked --workspace; }
guest_unit() { (cd tests/guest && cargo test --release --locked -p oriel-scenes); }
web() { (cd web-client && npm run lint && npm test -- --reporter=verbose); }
# npm writes this file last: a folder that an interrupted run left is not taken for a whole one.
browser_packages() { [ tests/browser/node_modules/.package-lock.json -nt tests/browser/package-lock.json ] || (cd tests/browser && npm ci --no-audit --no-fund); }
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
desktop_image() { . tests/desktop-image.sh && fetch_desktop_image trixie "$ORIEL_CACHE/nested/xfce-trixie"; }
browser_long() {
  (browser_packages && desktop_image && cd tests/browser && ORIEL_DESKTOP_IMAGE=$ORIEL_CACHE/nested/xfce-trixie node --test --test-reporter=tap ./long/*.test.mjs)
}
nested_long() {
  local status=0
  tests/nested/run.sh --cpus 4 --download 100 --time-limit 900 || status=1
  tests/nested/desktop.sh || status=1
  tests/nested/cgroups.sh || status=1
  return "$status"
}

# The slowest tests of this run. libtest times no single test, so one of its programs counts as one test here.
slowest() {
  [ -s "$times" ] || return 0
  printf '\nThe slowest twenty, in seconds (of Rust, whole test programs; fuzz targets, which take their time, left out):\n'
  sort -rn "$times" | head -n 20 | awk -F '\t' '{ printf "%8.1f  %-10s %s\n", $1, $2, $3 }'
}

fast=(format structure clippy unit guest_unit web)
suites=()
for name in "${@:-all}"; do
  case ${name//-/_} in
    all) suites+=("${fast[@]}" dependencies book browser nested fuzz) ;;
    fast) suites+=("${fast[@]}") ;;
    format | structure | clippy | unit | guest_unit | web | dependencies | book | browser | nested | fuzz | browser_long | nested_long)
      suites+=("${name//-/_}") ;;
    *) echo "There is no suite '$name'; see the end of tests/run.sh." >&2; exit 2 ;;
  esac
done

printf '=== setup\n'
if ! { setup && build_all; }; then
  echo "The tests did not run: the build above failed." >&2
  echo "0 passed, 1 failed"
  exit 1
fi
for name in "${suites[@]}"; do
  case $name in dependencies | book) await_tools ;; esac
  suite "$name" "$name"
done

slowest
printf '\n'
printf '%s\n' "${report[@]}"
[ "$skipped" = 0 ] || echo "$skipped skipped"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
