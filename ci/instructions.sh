#!/usr/bin/env bash
# Prints how many instructions it takes to read and to write a packet, counted by valgrind: the same on every run, however
# busy the machine is. It needs valgrind; a release build of the benchmarks is made.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
target=${TARGET_DIR:-${CARGO_TARGET_DIR:-$PWD/target}}
export CARGO_TARGET_DIR=$target

if ! command -v valgrind >/dev/null; then
    echo "ci/instructions.sh: valgrind is missing" >&2
    exit 1
fi
cargo build --quiet --locked --release -p tftp-benches --bin instructions
program=$target/release/instructions

# Instructions of so many rounds of one operation, start-up included.
count() {
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$program" "$1" "$2" 2>&1 |
        sed -n 's/.*Collected *: *\([0-9][0-9]*\).*/\1/p'
}

few=1000
many=11000
loop=$((($(count nothing $many) - $(count nothing $few)) / (many - few)))
printf '%-26s %s\n' operation instructions
"$program" | while read -r operation; do
    [ "$operation" = nothing ] && continue
    taken=$((($(count "$operation" $many) - $(count "$operation" $few)) / (many - few) - loop))
    printf '%-26s %12d\n' "$operation" "$taken"
done
