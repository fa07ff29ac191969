#!/usr/bin/env bash
# Links the images of ci/size for each target and prints their table (see ci/size/report).
#
#   --update    make what is measured the new expectation
#   --symbols   list the functions of each image, longest first
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}
# shellcheck source=ci/bare.sh
. ci/bare.sh

targets=(thumbv7m-none-eabi thumbv6m-none-eabi)
images=()
for target in "${targets[@]}"; do
    # The report reads the depth of the stack from the relocations and, with a compiler that may use
    # unstable flags, from what it tells of each function. Neither changes the code.
    flags="-C link-arg=--emit-relocs"
    [ "$(bare_compiler "$target")" = rustup ] || flags+=" -Z emit-stack-sizes"
    RUSTFLAGS=$flags bare_cargo "$target" build --release --locked --manifest-path ci/size/Cargo.toml -p size-images
    images+=("$target=$TARGET_DIR/bare/$target/release")
done
cargo run --quiet --release --locked --target-dir "$TARGET_DIR/report" --manifest-path ci/size/Cargo.toml -p size-report -- \
    ci/size/expected.txt "$(bare_rustc_version "${targets[0]}")" "$@" "${images[@]}"
