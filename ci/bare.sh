# shellcheck shell=bash
# Sourced: bare_cargo TARGET VERB .. runs cargo for a bare-metal target with whichever compiler can.
#
# With `rustup target add TARGET` done, that is the toolchain in PATH. Else it is Debian's (packages
# rustc-web, cargo-web, rust-web-src, lld), which builds `core` from source; -Zbuild-std is why it is
# told that it may use unstable flags, and the code compiled is as stable as ever. Both of its
# programs are named by path so that they stand in nobody's way.

bare_cargo() {
    local target=$1 verb=$2
    shift 2
    case $(bare_compiler "$target") in
    rustup)
        CARGO_TARGET_DIR="$TARGET_DIR/bare" cargo "$verb" --target "$target" "$@"
        ;;
    debian)
        # rustc derives the flavour of the linker from its name.
        env CARGO_TARGET_DIR="$TARGET_DIR/bare" RUSTC_BOOTSTRAP=1 RUSTC=/usr/bin/rustc \
            "CARGO_TARGET_$(tr 'a-z-' 'A-Z_' <<<"$target")_LINKER=ld.lld" \
            /usr/bin/cargo "$verb" -Zbuild-std=core --target "$target" "$@"
        ;;
    *)
        echo "no compiler for $target: run rustup target add $target, or bash ci.sh tools on Debian" >&2
        return 1
        ;;
    esac
}

# rustup, debian or none
bare_compiler() {
    if rustup target list --installed 2>/dev/null | grep -qx "$1"; then
        echo rustup
    elif [ -x /usr/bin/rustc ] && [ -x /usr/bin/cargo ] && [ -d /usr/lib/rustlib/src/rust/library ]; then
        echo debian
    else
        echo none
    fi
}

# The compiler's own name and version
bare_rustc_version() {
    if [ "$(bare_compiler "$1")" = rustup ]; then
        rustc --version
    else
        echo "$(/usr/bin/rustc --version | cut -d' ' -f1-2) with core built from source"
    fi
}
