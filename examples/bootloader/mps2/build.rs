//! Gives the linker the memory map of each program, which `cortex-m-rt`'s script includes.

use std::{env, fs, path::PathBuf};

/// The bootloader: 4 MiB of zero-wait memory where the vectors are read at reset stand for its flash.
const BOOTLOADER: &str = "MEMORY { FLASH : ORIGIN = 0x00000000, LENGTH = 256K \
                          RAM : ORIGIN = 0x20000000, LENGTH = 128K }\n";

/// The application: where the bootloader copies it, and memory that the bootloader does not use.
const APP: &str = "MEMORY { FLASH : ORIGIN = 0x21a00000, LENGTH = 5M \
                   RAM : ORIGIN = 0x20200000, LENGTH = 128K }\n";

fn main() {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    for (program, memory) in [("bootloader", BOOTLOADER), ("app", APP)] {
        let dir = out.join(program);
        fs::create_dir_all(&dir).expect("OUT_DIR is writable");
        fs::write(dir.join("memory.x"), memory).expect("OUT_DIR is writable");
        println!("cargo:rustc-link-arg-bin={program}=-L{}", dir.display());
        println!("cargo:rustc-link-arg-bin={program}=-Tlink.x");
    }
    println!("cargo:rustc-link-arg-bins=-Tdefmt.x");
    println!("cargo:rerun-if-changed=build.rs");
}
