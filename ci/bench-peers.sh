#!/usr/bin/env bash
# Builds the Rust TFTP servers that `bash ci.sh versus` measures against, as they are published, into
# $TARGET_DIR/bench-peers/bin. The others are Debian packages: `bash ci.sh peers`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
target=${TARGET_DIR:-${CARGO_TARGET_DIR:-$PWD/target}}
root=$target/bench-peers
export CARGO_TARGET_DIR=$root/build

if [ ! -x "$root/bin/tftpd" ]; then
    cargo install --quiet --locked --root "$root" --version 1.0.0 tftpd
fi
cargo build --quiet --locked --release --manifest-path ci/bench-peers/Cargo.toml
install -D "$CARGO_TARGET_DIR/release/async-tftpd" "$root/bin/async-tftpd"
