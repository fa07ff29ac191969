//! A copy of the sources, in which faults may be planted.

use core::error::Error;
use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use crate::fault::Fault;

/// A copy of what git knows of, with what is not committed.
#[derive(Debug)]
pub(crate) struct Tree {
    copy: PathBuf,
}

/// A file of the copy with a fault in it.
#[derive(Debug)]
#[must_use]
pub(crate) struct Planted {
    path: PathBuf,
    original: String,
}

impl Tree {
    /// Makes `copy` equal to `source`. A file that is equal is not touched, so that cargo need not build it
    /// again; a fault that an interrupted run has left is gone after this.
    pub(crate) fn copy(source: &Path, copy: &Path) -> Result<Self, Box<dyn Error>> {
        let listed = Command::new("git")
            .args([
                "ls-files",
                "-z",
                "--cached",
                "--others",
                "--exclude-standard",
            ])
            .current_dir(source)
            .output()?;
        if !listed.status.success() {
            return Err(String::from_utf8_lossy(&listed.stderr).into());
        }
        let mut kept = BTreeSet::new();
        for name in String::from_utf8(listed.stdout)?.split_terminator('\0') {
            let (from, to) = (source.join(name), copy.join(name));
            // Deleted, but not yet for git.
            if !from.is_file() {
                continue;
            }
            if fs::read(&to).ok() != Some(fs::read(&from)?) {
                if let Some(parent) = to.parent() {
                    fs::create_dir_all(parent)?;
                }
                fs::copy(&from, &to)?;
            }
            kept.insert(to);
        }
        remove_others(copy, &kept)?;
        Ok(Self {
            copy: copy.to_owned(),
        })
    }

    /// Where the copy is.
    pub(crate) fn path(&self) -> &Path {
        &self.copy
    }

    pub(crate) fn plant(&self, fault: &Fault) -> Result<Planted, Box<dyn Error>> {
        let path = self.copy.join(&fault.file);
        let original = fs::read_to_string(&path)?;
        fs::write(&path, fault.plant(&original)?)?;
        Ok(Planted { path, original })
    }
}

impl Planted {
    /// Takes the fault out again.
    pub(crate) fn restore(self) -> io::Result<()> {
        fs::write(self.path, self.original)
    }
}

fn remove_others(directory: &Path, kept: &BTreeSet<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            remove_others(&path, kept)?;
        } else if !kept.contains(&path) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}
