#!/usr/bin/env bash
# Where the processor time of one contender in one case of `versus` goes: samples of each process, by system call.
#
#   bash ci/profile.sh "get 1468 window 64" "ours"
#
# The first process is the client, the second the server. `user` is what runs outside of system calls, `interrupt` what
# the kernel does between them. It needs perf, and the right to look at the kernel.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
case=${1:?the name of a case of versus}
contender=${2:?the name of a contender}
target=${TARGET_DIR:-${CARGO_TARGET_DIR:-$PWD/target}}
export CARGO_TARGET_DIR=$target

if ! command -v perf >/dev/null; then
    echo "ci/profile.sh: perf is missing (Debian: linux-perf)" >&2
    exit 1
fi
cargo build --quiet --locked --release -p tftp-benches --bin versus
samples=$target/profile.data
perf record --quiet --call-graph fp --freq 3000 --output "$samples" -- \
    "$target/release/versus" --out "$target/profile" --only "$case" --contender "$contender" >/dev/null
perf script --input "$samples" --fields pid,ip,sym 2>/dev/null | awk '
    # A sample: a line with the process, one for each frame from the innermost on, an empty line.
    function count() {
        if (pid == "") return
        samples[pid]++
        parts[pid, call != "" ? call : (kernel ? "interrupt" : "user")]++
        pid = ""
    }
    NF == 0 { count(); next }
    pid == "" { pid = $1; call = ""; kernel = 0; next }
    $1 ~ /^ffff/ { kernel = 1 }
    $2 ~ /^_*((x64|arm64)_|do_)?sys_[a-z]/ && $2 !~ /^_*((x64|arm64)_)?sys_call$/ { call = $2; sub(/^_*((x64|arm64)_|do_)?sys_/, "", call) }
    $2 ~ /^(do_preadv|do_pwritev|do_readv|do_writev)$/ { call = $2; sub(/^do_/, "", call) }
    END {
        count()
        for (pid in samples) {
            for (key in parts) {
                split(key, of, SUBSEP)
                if (of[1] == pid && parts[key] / samples[pid] >= 0.005)
                    printf "%d %d %s %.0f%%\n", pid, samples[pid], of[2], 100 * parts[key] / samples[pid]
            }
        }
    }' | sort -k1,1n -k4,4nr | awk '
    $1 != pid { pid = $1; printf "%sprocess %d, %d samples:", (NR > 1 ? "\n" : ""), $1, $2 }
    { printf " %s %s,", $3, $4 }
    END { print "" }' | sed 's/,$//'
