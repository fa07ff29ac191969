//! Makes an image of a program, and its manifest: `seal KEY PROGRAM.elf NAME VERSION DIR`.

use std::{env, fs, path::Path, process::ExitCode};

use anyhow::{Context as _, Result};
use boot_host::image;

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let [key, elf, name, version, dir] = args.as_slice() else {
        eprintln!("usage: seal KEY PROGRAM.elf NAME VERSION DIR");
        return ExitCode::from(2);
    };
    match seal(
        Path::new(key),
        Path::new(elf),
        name,
        version,
        Path::new(dir),
    ) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("seal: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn seal(key: &Path, elf: &Path, name: &str, version: &str, dir: &Path) -> Result<()> {
    let key = image::key(key)?;
    let version = version.parse().context("the version is not a number")?;
    let elf = fs::read(elf).with_context(|| format!("{}", elf.display()))?;
    let mut octets = image::flatten(&elf)?;
    image::set_version(&mut octets, version, true)?;
    fs::write(dir.join(name), &octets)?;
    fs::write(
        dir.join("manifest"),
        image::manifest(&octets, name, version, &key),
    )?;
    println!("{name}: {} octets, version {version}", octets.len());
    Ok(())
}
