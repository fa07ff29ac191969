#!/usr/bin/env bash
# Builds the bootloader of examples/bootloader and boots it in QEMU: against QEMU's own TFTP server, our tftpd
# and tftpd-hpa, over a lossy link, and in each way in which a boot can go wrong.
#
#   bash ci/firmware.sh [WORD ..]    only the cases whose name contains a WORD
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
repository=$PWD
TARGET_DIR=${TARGET_DIR:-${CARGO_TARGET_DIR:-$repository/target}}
mkdir -p "$TARGET_DIR"
TARGET_DIR=$(cd "$TARGET_DIR" && pwd)
. ci/bare.sh

install() {
    if ! command -v apt-get >/dev/null || [ "$(id -u)" -ne 0 ]; then
        echo "ci/firmware.sh: missing, and only root on Debian can install them: $*" >&2
        exit 1
    fi
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q
    apt-get install -q -y --no-install-recommends "$@"
}

# need < LINES: of each line, the package if the program is not there
need() {
    local program package packages=()
    while read -r program package; do
        PATH=$PATH:/usr/sbin command -v "$program" >/dev/null || packages+=("$package")
    done
    [ ${#packages[@]} -eq 0 ] || install "${packages[@]}"
}
need <<'PROGRAMS'
qemu-system-arm qemu-system-arm
qemu-system-riscv32 qemu-system-misc
in.tftpd tftpd-hpa
tftp tftp-hpa
atftp atftp
curl curl
dnsmasq dnsmasq-base
ip iproute2
nsenter util-linux
PROGRAMS
# The compiler for bare metal, unless rustup has it (see ci/bare.sh).
for target in thumbv7m-none-eabi riscv32imac-unknown-none-elf; do
    if [ "$(bare_compiler "$target")" != rustup ]; then
        need <<'PROGRAMS'
/usr/bin/rustc rustc-web
/usr/bin/cargo cargo-web
ld.lld lld
PROGRAMS
        [ -d /usr/lib/rustlib/src/rust/library ] || install rust-web-src
    fi
done

CARGO_TARGET_DIR=$TARGET_DIR cargo build --release --locked -p tftp-examples --bin tftpd

cd examples/bootloader
CARGO_TARGET_DIR=$TARGET_DIR/bootloader cargo test --locked --quiet -p boot-logic
CARGO_TARGET_DIR=$TARGET_DIR/bootloader cargo build --locked -p boot-host --bin rig

# build TARGET DIRECTORY ARGUMENT ..: a board's programs, kept in a directory of their own
build() {
    local target=$1 kept=$TARGET_DIR/bootloader/$2
    shift 2
    TARGET_DIR=$TARGET_DIR/bootloader bare_cargo "$target" build --release --locked "$@"
    mkdir -p "$kept"
    find "$TARGET_DIR/bootloader/bare/$target/release" -maxdepth 1 -type f -perm -u+x \
        -exec cp {} "$kept/" \;
}
build thumbv7m-none-eabi mps2-small -p mps2 --bin bootloader --no-default-features
build thumbv7m-none-eabi mps2 -p mps2
build riscv32imac-unknown-none-elf virt-small -p virt --bin bootloader --no-default-features
build riscv32imac-unknown-none-elf virt -p virt

rig=$TARGET_DIR/bootloader/debug/rig
tftpd=$TARGET_DIR/release/tftpd
code=0
"$rig" --board mps2 --programs "$TARGET_DIR/bootloader/mps2" \
    --small "$TARGET_DIR/bootloader/mps2-small" --tftpd "$tftpd" "$@" || code=1
"$rig" --board virt --programs "$TARGET_DIR/bootloader/virt" \
    --small "$TARGET_DIR/bootloader/virt-small" --tftpd "$tftpd" "$@" || code=1
exit $code
