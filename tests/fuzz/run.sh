#!/usr/bin/env bash
# Fuzzes what guests, clients and image makers can feed to Oriel.
#
#   run.sh [--seconds N] [--jobs N] [TARGET ...]     default: 60 s of every target, two at a time
#
# First every case in regressions/ and every seed must pass. Prints `ok - …` or
# `not ok - …` a target, with the number of executions; what crashes is kept in
# artifacts/TARGET and goes to regressions/TARGET once it is mended.
# `cargo fuzz --fuzz-dir tests/fuzz run TARGET` works as well.
set -uo pipefail
cd "$(dirname "$0")"
seconds=60 jobs=2
while (($#)); do
    case $1 in
        --seconds) seconds=$2 && shift 2 ;;
        --jobs) jobs=$2 && shift 2 ;;
        --*) echo "unknown option $1; see the head of $0." >&2 && exit 2 ;;
        *) break ;;
    esac
done
targets=("$@")
((${#targets[@]})) || for file in fuzz_targets/*.rs; do targets+=("$(basename "$file" .rs)"); done

# As cargo-fuzz builds, but with whatever compiler is there: the address sanitizer comes with stable
# ones too and asks for this variable.
export RUSTC_BOOTSTRAP=1
triple=$(rustc -vV | sed -n 's/^host: //p')
flags=(
    --cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table
    -Cllvm-args=-sanitizer-coverage-trace-compares -Zsanitizer=address -Ccodegen-units=1
)
RUSTFLAGS="${flags[*]}" cargo build --release --quiet --locked --target "$triple" --bins || exit 1
programs=target/$triple/release
export ASAN_OPTIONS=detect_leaks=0:detect_odr_violation=0

fuzz() {
    local target=$1 log=artifacts/$1.log status=0
    mkdir -p "corpus/$target" "artifacts/$target" "regressions/$target" "seeds/$target"
    "$programs/$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=65536 \
        -artifact_prefix="artifacts/$target/" -print_final_stats=1 -verbosity=1 \
        "corpus/$target" "regressions/$target" "seeds/$target" > "$log" 2>&1 || status=$?
    local count
    count=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    if ((status == 0)); then
        echo "ok - fuzzing $target: ${count:-0} executions without a crash or a hang"
    else
        echo "not ok - fuzzing $target ended with status $status; see tests/fuzz/$log"
        grep -aE "panicked at|ERROR: |SUMMARY: " "$log" | head -5
    fi
}

mkdir -p artifacts
for target in "${targets[@]}"; do
    while (($(jobs -rp | wc -l) >= jobs)); do wait -n; done
    fuzz "$target" &
done
wait
