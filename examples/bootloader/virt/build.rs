//! Gives the linker the memory map of each program, which `riscv-rt`'s script includes.

use std::{env, fs, path::PathBuf};

/// All of it is RAM: the first MiB stands for the flash that a bootloader is in.
const BOOTLOADER: &str = "MEMORY { FLASH : ORIGIN = 0x80000000, LENGTH = 1M \
                          RAM : ORIGIN = 0x80100000, LENGTH = 1M }\n";

/// The application: where the bootloader copies it, and memory that the bootloader does not use.
const APP: &str = "MEMORY { FLASH : ORIGIN = 0x82000000, LENGTH = 5M \
                   RAM : ORIGIN = 0x80300000, LENGTH = 1M }\n";

const REGIONS: [(&str, &str); 6] = [
    ("TEXT", "FLASH"),
    ("RODATA", "FLASH"),
    ("DATA", "RAM"),
    ("BSS", "RAM"),
    ("HEAP", "RAM"),
    ("STACK", "RAM"),
];

fn main() {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    for (program, memory) in [("bootloader", BOOTLOADER), ("app", APP)] {
        let dir = out.join(program);
        fs::create_dir_all(&dir).expect("OUT_DIR is writable");
        let mut script = memory.to_owned();
        for (region, memory) in REGIONS {
            script.push_str(&format!("REGION_ALIAS(\"REGION_{region}\", {memory});\n"));
        }
        fs::write(dir.join("memory.x"), script).expect("OUT_DIR is writable");
        println!("cargo:rustc-link-arg-bin={program}=-L{}", dir.display());
        println!("cargo:rustc-link-arg-bin={program}=-Tmemory.x");
        println!("cargo:rustc-link-arg-bin={program}=-Tlink.x");
    }
    println!("cargo:rerun-if-changed=build.rs");
}
