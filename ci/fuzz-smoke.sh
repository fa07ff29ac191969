#!/usr/bin/env bash
# Runs each fuzz target for FUZZ_SECONDS from its corpus. The stable compiler does: what `cargo fuzz`
# needs a nightly one for is the sanitizer of memory errors, and no crate here has unsafe code.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}/fuzz
host=$(rustc -vV | sed -n 's/^host: //p')

# Coverage for libFuzzer: counters at edges, tables of addresses, operands of comparisons.
flags=(--cfg fuzzing -Ccodegen-units=1 -Cpasses=sancov-module)
for argument in level=4 inline-8bit-counters pc-table trace-compares; do
    flags+=("-Cllvm-args=-sanitizer-coverage-$argument")
done
# With --target the flags are for the targets, not for build scripts.
RUSTFLAGS="${flags[*]}" CARGO_TARGET_DIR=$TARGET_DIR \
    CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS=true CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS=true \
    cargo build --release --locked --manifest-path fuzz/Cargo.toml --target "$host"

# New inputs go to a directory of their own, so that the corpus in the repository stays as it is.
found=$(mktemp -d)
trap 'rm -rf "$found"' EXIT
mkdir -p "$TARGET_DIR/artifacts"
options=(-max_total_time="${FUZZ_SECONDS:-20}" -timeout=10 -rss_limit_mb=1024
    -artifact_prefix="$TARGET_DIR/artifacts/" -print_final_stats=1)
[ ! -f fuzz/tftp.dict ] || options+=(-dict=fuzz/tftp.dict)
for source in fuzz/fuzz_targets/*.rs; do
    name=$(basename "$source" .rs)
    echo "fuzz target $name"
    mkdir "$found/$name"
    inputs=("$found/$name")
    [ ! -d "fuzz/corpus/$name" ] || inputs+=("fuzz/corpus/$name")
    if ! "$TARGET_DIR/$host/release/$name" "${options[@]}" "${inputs[@]}" >"$found/log" 2>&1; then
        tail -n 40 "$found/log"
        echo "fuzz target $name found something; the input is in $TARGET_DIR/artifacts" >&2
        exit 1
    fi
    grep -E 'DONE|^stat::number_of_executed_units' "$found/log"
done
