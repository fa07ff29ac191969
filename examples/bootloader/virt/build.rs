//! Gives the linker the memory map of each program, which goes before `riscv-rt`'s script.

use std::{env, fs, path::PathBuf};

fn main() {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    for program in ["bootloader", "app"] {
        let dir = out.join(program);
        fs::create_dir_all(&dir).expect("OUT_DIR is writable");
        for (from, to) in [
            (format!("{program}.x"), "memory.x"),
            ("board.x".to_owned(), "board.x"),
            ("entry.x".to_owned(), "entry.x"),
        ] {
            fs::copy(&from, dir.join(to)).expect("the memory map can be copied");
            println!("cargo:rerun-if-changed={from}");
        }
        println!("cargo:rustc-link-arg-bin={program}=-L{}", dir.display());
        println!("cargo:rustc-link-arg-bin={program}=-Tmemory.x");
        println!("cargo:rustc-link-arg-bin={program}=-Tlink.x");
    }
    println!("cargo:rustc-link-arg-bin=app=-Tentry.x");
    println!("cargo:rerun-if-changed=build.rs");
}
