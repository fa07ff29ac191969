#!/usr/bin/env bash
# The jobs of this repository, one a word. People and .ci/run call the same words.
#
#   bash ci.sh help              lists the words
#   bash ci.sh WORD [WORD ..]    runs them in that order, all of them even if one fails
#   bash ci.sh WORD --FLAG ..    runs one word with flags
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

# A tool that `cargo install` put into a CARGO_HOME of its own is found too.
PATH="$PATH:${CARGO_HOME:-$HOME/.cargo}/bin"
export PATH
TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}

LIBRARIES=(-p tftp-proto -p tftp-client -p tftp-server)
BARE_TARGETS=(thumbv7m-none-eabi thumbv6m-none-eabi)
# Packages that are workspaces of their own; the words for style look at them too.
APART=(ci/bench-peers ci/size fuzz examples/bootloader)

# What `all` runs, in this order: cheap and telling words first.
ALL=(fmt deny clippy doc test features bare size firmware fuzz-smoke bench)

#: help        this list
word_help() {
    sed -n 's/^#: //p' ci.sh
    printf 'all         %s\n' "${ALL[*]}"
}

#: tools       install what the words need (Debian packages, cargo-hack, cargo-deny)
word_tools() {
    bash ci/tools.sh
}

#: peers       install the TFTP servers and clients that the tests talk to
word_peers() {
    bash ci/peers.sh
}

#: fmt         every file is formatted
word_fmt() {
    cargo fmt --all --check
    local apart
    for apart in "${APART[@]}"; do
        cargo fmt --manifest-path "$apart/Cargo.toml" --all --check
    done
}

#: clippy      no warning, with default features and with all of them
word_clippy() {
    cargo clippy --workspace --all-targets --locked -- -D warnings
    cargo clippy --workspace --all-targets --all-features --locked -- -D warnings
}

#: doc         the documentation of the libraries builds without a warning
word_doc() {
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --lib --no-deps --all-features --locked
}

#: test        every test of the workspace, those against real peers included
word_test() {
    cargo test --workspace --locked
}

#: features    every set of features of the libraries compiles
word_features() {
    cargo hack check --feature-powerset --no-dev-deps "${LIBRARIES[@]}"
}

#: deny        licences, duplicate and forbidden dependencies, sources
word_deny() {
    local manifest
    for manifest in Cargo.toml "${APART[@]/%//Cargo.toml}"; do
        echo "$manifest"
        cargo deny --manifest-path "$manifest" --config deny.toml --locked check licenses bans sources
    done
}

#: advisories  known vulnerabilities of dependencies (needs a network)
word_advisories() {
    cargo deny --locked check advisories
}

#: bare        the libraries build for Cortex-M: the core with and without defmt, the rest with smoltcp
word_bare() {
    local target package
    . ci/bare.sh
    for target in "${BARE_TARGETS[@]}"; do
        bare_cargo "$target" build --locked -p tftp-proto
        bare_cargo "$target" build --locked -p tftp-proto --features defmt
        for package in tftp-client tftp-server; do
            bare_cargo "$target" build --locked -p "$package" --no-default-features --features smoltcp
        done
        bare_cargo "$target" build --locked -p tftp-client --no-default-features --features embedded-io,smoltcp
    done
}

#: size        link minimal images for Cortex-M, compare with ci/size/expected.txt (--update writes it)
word_size() {
    bash ci/size/run.sh "$@"
}

#: fuzz-smoke  each fuzz target for FUZZ_SECONDS (20) from its corpus
word_fuzz-smoke() {
    bash ci/fuzz-smoke.sh
}

#: faults      plant known faults one at a time; some test has to find each (--all-layers, --self-test, --help)
word_faults() {
    cargo run -q --locked -p tftp-faults -- "$@"
}

#: mutants     change tftp-proto in every small way; 97 % have to fail a test (an hour; goes on where it was; --anew)
word_mutants() {
    bash ci/mutants.sh "$@"
}

#: model       explore every state of the machines against each other, within budgets of faults (2 cores; minutes)
word_model() {
    cargo run --release --locked -p tftp-model -- "$@"
}

#: firmware    boot the bootloader of examples/bootloader in QEMU, every case (installs QEMU)
word_firmware() {
    bash ci/firmware.sh "$@"
}

#: bench       the benchmarks compile, and a short run of each
word_bench() {
    cargo bench -p tftp-benches --locked -- --quick
}

#: versus      measure beside other servers and bare UDP (40 minutes; --quick: a smoke test; --help lists the flags)
word_versus() {
    bash ci/bench-peers.sh
    cargo run --quiet --locked --release -p tftp-benches --bin versus -- --out "$TARGET_DIR/versus" "$@"
}

#: instructions  how many it takes to read and to write a packet, counted by valgrind
word_instructions() {
    bash ci/instructions.sh
}

# One word in a shell of its own: `set -e` is not in force inside a condition, and this is where one
# word's exit code is looked at.
if [ "${1:-}" = --only ]; then
    word=$2
    shift 2
    "word_$word" "$@"
    exit
fi

words=("$@")
flags=()
if [ $# -eq 0 ]; then
    words=(help)
elif [[ ${2:-} == --* ]]; then
    words=("$1")
    flags=("${@:2}")
elif [ "$*" = all ]; then
    words=("${ALL[@]}")
fi
for word in "${words[@]}"; do
    if ! declare -F "word_$word" >/dev/null; then
        echo "ci.sh: no word '$word'; bash ci.sh help lists them" >&2
        exit 2
    fi
done

report=()
failed=()
for word in "${words[@]}"; do
    [ ${#words[@]} -eq 1 ] || printf '\n==== %s\n' "$word"
    began=$SECONDS
    code=0
    TARGET_DIR=$TARGET_DIR bash ci.sh --only "$word" ${flags[@]+"${flags[@]}"} || code=$?
    verdict=ok
    if [ $code -ne 0 ]; then
        verdict="FAILED (exit code $code)"
        failed+=("$word")
    fi
    report+=("$(printf '%-12s %5d s  %s' "$word" $((SECONDS - began)) "$verdict")")
done
if [ "${words[*]}" != help ]; then
    printf '\n'
    printf '%s\n' "${report[@]}"
fi
if [ ${#failed[@]} -ne 0 ]; then
    echo "ci.sh: failed: ${failed[*]}" >&2
    exit 1
fi
