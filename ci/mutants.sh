#!/usr/bin/env bash
# Changes tftp-proto in every way that cargo-mutants knows, one at a time, and looks whether a test fails.
# First with the tests that take no time, then what they let pass with all of them. What was caught is not
# tried again as long as it stands at the same place of its file; --anew forgets what was caught.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
OUT=${TARGET_DIR:-${CARGO_TARGET_DIR:-$PWD/target}}/mutants
LEAST=97
export LC_ALL=C

if ! command -v cargo-mutants >/dev/null; then
    echo "ci/mutants.sh: missing; cargo install --locked cargo-mutants" >&2
    exit 1
fi

[ "${1:-}" != --anew ] || rm -rf "$OUT"
mkdir -p "$OUT"

# cargo-mutants builds in a copy of the tree, which needs a target directory of its own.
unset CARGO_TARGET_DIR
export CARGO_INCREMENTAL=1 CARGO_PROFILE_DEV_DEBUG=0 RUST_BACKTRACE=0 PROPTEST_FAILURE_PERSISTENCE=off

# With --iterate, cargo-mutants counts what does not compile among what was caught.
keep_unviable() {
    cat "$OUT/mutants.out/unviable.txt" >>"$OUT/unviable.txt" 2>/dev/null || true
}

stage() {
    local code=0
    keep_unviable
    cargo mutants -p tftp-proto --output "$OUT" --iterate --colors never \
        --cargo-test-arg=--lib --cargo-test-arg=--test=it -- -- "$@" || code=$?
    keep_unviable
    # 2: some were missed; 3: some did not end.
    case $code in 0 | 2 | 3) ;; *) exit $code ;; esac
}

quick=()
while read -r name; do
    quick+=(--skip "$name")
done < <(grep -Ev '^(#|$)' tftp-proto/tests/slow.txt)
stage "${quick[@]}"
stage

count() {
    sort -u "$@" | grep -c . || true
}
total=$(cargo mutants -p tftp-proto --list | count)
unviable=$(cargo mutants -p tftp-proto --list | sort -u | comm -12 - <(sort -u "$OUT/unviable.txt") | count)
missed=$(count "$OUT/mutants.out/missed.txt")
timeouts=$(count "$OUT/mutants.out/timeout.txt")
viable=$((total - unviable))
caught=$((viable - missed - timeouts))

# What is left has to be explained, by its file and its words; line numbers change. A table has \| for |.
unexplained=0
while read -r mutant; do
    words="\`$(basename "${mutant%%:*}")\` | \`${mutant#*: }\` |"
    if ! sed 's/\\|/|/g' tftp-proto/MUTANTS.md | grep -F "$words" >/dev/null; then
        echo "not in tftp-proto/MUTANTS.md: $mutant"
        unexplained=$((unexplained + 1))
    fi
done < <(sort -u "$OUT/mutants.out/missed.txt" "$OUT/mutants.out/timeout.txt")

# The timeouts are not counted as caught, although a test that does not end is not passed either.
echo "$total mutants: $caught caught, $missed missed, $timeouts timeouts, $unviable unviable;" \
    "$((caught * 1000 / viable / 10)).$((caught * 1000 / viable % 10)) % of $viable viable ones caught, $unexplained unexplained"
[ $((caught * 100)) -ge $((LEAST * viable)) ] && [ $unexplained -eq 0 ]
