#!/usr/bin/env bash
# Fuzzes what guests, clients and makers of images can feed to Oriel.
#
#   run.sh [--seconds N] [--jobs N] [TARGET ...]     default: 30 s of every target, four at a time
#
# Every case in regressions/TARGET and every seed in seeds/TARGET goes first. Prints `ok - …` or
# `not ok - …` a target, with the number of executions. What crashes, hangs or takes too much memory
# is kept in artifacts/TARGET; it goes to regressions/TARGET once it is mended. To see it happen again:
#   ORIEL_FUZZ_TARGET=TARGET target/release/fuzz FILE
set -uo pipefail
cd "$(dirname "$0")" || exit 1
seconds=30 jobs=4
while (($#)); do
    case $1 in
        --seconds) seconds=$2 && shift 2 ;;
        --jobs) jobs=$2 && shift 2 ;;
        --*) echo "unknown option $1; see the head of $0." >&2 && exit 2 ;;
        *) break ;;
    esac
done
all=()
for file in src/targets/*.rs; do
    [[ $file == */mod.rs ]] || all+=("$(basename "$file" .rs)")
done
targets=("${@:-${all[@]}}")
for target in "${targets[@]}"; do
    [[ " ${all[*]} " == *" $target "* ]] || { echo "there is no target $target; there are: ${all[*]}" >&2 && exit 2; }
done

RUSTC_WRAPPER=$PWD/rustc.sh cargo build --release --quiet --locked --bin fuzz || exit 1
program=target/release/fuzz
export ASAN_OPTIONS=detect_leaks=0:detect_odr_violation=0

fuzz() {
    local target=$1 log=artifacts/$1.log status=0 count
    mkdir -p "corpus/$target" "artifacts/$target" "regressions/$target" "seeds/$target"
    ORIEL_FUZZ_TARGET=$target "$program" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 \
        -malloc_limit_mb=512 -max_len=65536 -artifact_prefix="artifacts/$target/" -print_final_stats=1 -print_funcs=0 \
        "corpus/$target" "regressions/$target" "seeds/$target" > "$log" 2>&1 || status=$?
    count=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    if ((status == 0)); then
        echo "ok - fuzzing $target: ${count:-0} executions"
    else
        echo "not ok - fuzzing $target ended with status $status; see tests/fuzz/$log"
        grep -aE "panicked at|ERROR: |SUMMARY: " "$log" | head -5
        return 1
    fi
}

mkdir -p artifacts
: > artifacts/failed.log
for target in "${targets[@]}"; do
    while (($(jobs -rp | wc -l) >= jobs)); do wait -n; done
    { fuzz "$target" || echo "$target" >> artifacts/failed.log; } &
done
wait
[[ ! -s artifacts/failed.log ]]
