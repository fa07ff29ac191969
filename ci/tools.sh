#!/usr/bin/env bash
# Installs what the words of ci.sh need and this machine lacks. As root on Debian or a relative of
# it; elsewhere it says what is missing. The TFTP peers are ci/peers.sh's.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# A compiler with the source of its library, and a linker, for the bare-metal words (see ci/bare.sh).
packages=()
[ -x /usr/bin/rustc ] || packages+=(rustc-web)
[ -x /usr/bin/cargo ] || packages+=(cargo-web)
[ -d /usr/lib/rustlib/src/rust/library ] || packages+=(rust-web-src)
command -v ld.lld >/dev/null || packages+=(lld)

if [ ${#packages[@]} -ne 0 ]; then
    if ! command -v apt-get >/dev/null || [ "$(id -u)" -ne 0 ]; then
        echo "ci/tools.sh: missing, and only root on Debian can install them: ${packages[*]}" >&2
        exit 1
    fi
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q
    apt-get install -q -y --no-install-recommends "${packages[@]}"
fi

# `cargo install` puts them here, whether or not the directory is in the caller's PATH.
PATH="$PATH:${CARGO_HOME:-$HOME/.cargo}/bin"
for tool in cargo-hack cargo-deny; do
    # Unoptimised: they compile in half the time and the work they do here takes seconds.
    command -v "$tool" >/dev/null || cargo install --locked --debug "$tool"
done
