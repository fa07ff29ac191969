//! Gives the linker the memory map that `cortex-m-rt`'s script includes.

use std::{env, fs, path::PathBuf};

/// Flash and RAM of a Cortex-M3 board of the smaller kind; only that it links matters.
const MEMORY: &str = "MEMORY { FLASH : ORIGIN = 0x08000000, LENGTH = 256K RAM : ORIGIN = 0x20000000, LENGTH = 64K }\n";

fn main() {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    fs::write(out.join("memory.x"), MEMORY).expect("OUT_DIR is writable");
    println!("cargo:rustc-link-search={}", out.display());
    println!("cargo:rustc-link-arg-bins=-Tlink.x");
    println!("cargo:rerun-if-changed=build.rs");
}
