//! What the boards' build scripts do alike: they give the linker the memory map of each program.

use std::{env, fs, io, path::PathBuf};

/// The programs of a board.
const PROGRAMS: [&str; 2] = ["bootloader", "app"];

/// Has each program linked with the scripts of the board's package: `PROGRAM.x` (to the linker `memory.x`) and
/// `board.x`, which it includes; then `scripts` in this order, which the board's start-up crate knows; and
/// for the application `entry.x`, last, as only then is known where its first instruction is.
///
/// # Errors
/// If a script cannot be copied to where the linker looks for it.
pub fn link(scripts: &[&str]) -> io::Result<()> {
    let out = env::var_os("OUT_DIR").map(PathBuf::from);
    let out = out.ok_or_else(|| io::Error::other("no OUT_DIR: this is for a build script"))?;
    for program in PROGRAMS {
        let dir = out.join(program);
        fs::create_dir_all(&dir)?;
        for (from, to) in [
            (&*format!("{program}.x"), "memory.x"),
            ("board.x", "board.x"),
            ("entry.x", "entry.x"),
        ] {
            fs::copy(from, dir.join(to))?;
            println!("cargo:rerun-if-changed={from}");
        }
        println!("cargo:rustc-link-arg-bin={program}=-L{}", dir.display());
        for script in scripts {
            println!("cargo:rustc-link-arg-bin={program}=-T{script}");
        }
    }
    println!("cargo:rustc-link-arg-bin=app=-Tentry.x");
    println!("cargo:rerun-if-changed=build.rs");
    Ok(())
}
