//! Uploads: written under a temporary name, given their own when they are complete.

use core::fmt::Write as _;
use std::{
    ffi::OsString,
    io::{self, IoSlice, Write},
    path::Path,
};

use cap_std::fs::{Dir, File, Metadata, OpenOptions, Permissions};
use tftp_proto::ErrorCode;

use super::{quota::Share, uploads::Uploads};
use crate::{ContentError, Sink, name::STAGED_PREFIX};

/// How many octets are written between two looks at the space that is left.
const SPACE_CHECK_INTERVAL: u64 = 8 << 20;

/// A file that is being received. Unless it is committed, dropping it removes it.
#[derive(Debug)]
pub(crate) struct Upload {
    dir: Dir,
    staged: String,
    target: OsString,
    file: File,
    replace: bool,
    share: Share,
    max_file: u64,
    keep_free: u64,
    space_checked: u64,
    /// The staged name is gone: it has become the target.
    done: bool,
}

impl Upload {
    /// Starts an upload to `target` in `dir`. A link at `target` may be replaced if `links` are followed.
    pub(crate) fn create(
        dir: Dir,
        target: &Path,
        announced: u64,
        links: bool,
        uploads: &Uploads,
        share: Share,
    ) -> Result<Self, ContentError> {
        let older = older_file(&dir, target)?;
        if let Some(older) = &older {
            let kind = older.file_type();
            if !(kind.is_file() || (links && kind.is_symlink())) {
                return Err(ErrorCode::ACCESS_VIOLATION.into());
            }
            if !uploads.overwrite {
                return Err(ErrorCode::FILE_EXISTS.into());
            }
        }
        check_space(&dir, announced, uploads.keep_free)?;
        let staged = staged_name()?;
        let file = dir.open_with(&staged, OpenOptions::new().write(true).create_new(true))?;
        let upload = Self {
            dir,
            staged,
            target: target.as_os_str().to_owned(),
            file,
            replace: uploads.overwrite,
            share,
            max_file: uploads.max_file,
            keep_free: uploads.keep_free,
            space_checked: 0,
            done: false,
        };
        if let Some(older) = older.filter(|older| older.is_file()) {
            upload
                .file
                .set_permissions(inherited(older.permissions()))?;
        }
        Ok(upload)
    }

    /// Counts `octets` that are about to be written.
    fn claim(&mut self, octets: u64) -> Result<(), ContentError> {
        self.share.grow(octets)?;
        let written = self.share.octets();
        if written > self.max_file {
            return Err(ErrorCode::DISK_FULL.into());
        }
        if written.saturating_sub(self.space_checked) >= SPACE_CHECK_INTERVAL {
            self.space_checked = written;
            check_space(&self.dir, 0, self.keep_free)?;
        }
        Ok(())
    }
}

impl Sink for Upload {
    fn write(&mut self, bytes: &[u8]) -> Result<(), ContentError> {
        self.claim(bytes.len() as u64)?;
        Ok(self.file.write_all(bytes)?)
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> Result<(), ContentError> {
        let octets: usize = pieces
            .iter()
            .map(|piece| piece.len())
            .fold(0, usize::saturating_add);
        self.claim(octets as u64)?;
        let mut written = match self.file.write_vectored(pieces) {
            Ok(written) => written,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
            Err(error) => return Err(error.into()),
        };
        for piece in pieces {
            if let Some(rest) = piece.get(written..) {
                self.file.write_all(rest)?;
            }
            written = written.saturating_sub(piece.len());
        }
        Ok(())
    }

    fn commit(mut self: Box<Self>) -> Result<(), ContentError> {
        self.file.sync_all()?;
        let replaced = if self.replace {
            let older = older_file(&self.dir, Path::new(&self.target))?;
            if older.as_ref().is_some_and(Metadata::is_dir) {
                return Err(ErrorCode::ACCESS_VIOLATION.into());
            }
            self.dir.rename(&self.staged, &self.dir, &self.target)?;
            older.map_or(0, |older| if older.is_file() { older.len() } else { 0 })
        } else {
            rename_new(&self.dir, &self.staged, Path::new(&self.target))?;
            0
        };
        self.done = true;
        self.share.keep(replaced);
        sync_dir(&self.dir)?;
        Ok(())
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if !self.done {
            // Nobody is left who could be told; the name says what the file is.
            let _ = self.dir.remove_file(&self.staged);
        }
    }
}

/// What has the name now, without following a link.
fn older_file(dir: &Dir, name: &Path) -> Result<Option<Metadata>, ContentError> {
    match dir.symlink_metadata(name) {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The permissions of an older file that its successor gets. Not those to run with the rights of the owner or
/// the group: the owner is another one now, and what is run came over the network.
#[cfg(unix)]
fn inherited(mut older: Permissions) -> Permissions {
    use cap_std::fs::PermissionsExt;
    older.set_mode(older.mode() & 0o777);
    older
}

#[cfg(not(unix))]
const fn inherited(older: Permissions) -> Permissions {
    older
}

/// A name that nobody can guess, so that nobody can have made it before.
fn staged_name() -> Result<String, ContentError> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(io::Error::from)?;
    let mut name = STAGED_PREFIX.to_owned();
    for octet in random {
        // Writing to a `String` does not fail.
        let _ = write!(name, "{octet:02x}");
    }
    Ok(name)
}

/// Gives `staged` the name `target`, which must be free.
fn rename_new(dir: &Dir, staged: &str, target: &Path) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        use rustix::{fs::RenameFlags, io::Errno};
        match rustix::fs::renameat_with(dir, staged, dir, target, RenameFlags::NOREPLACE) {
            // Not every file system knows the flag.
            Err(Errno::INVAL | Errno::NOSYS) => {}
            result => return Ok(result?),
        }
    }
    dir.hard_link(staged, dir, target)?;
    dir.remove_file(staged)
}

/// Makes a change of names in `dir` last.
///
/// The file has its name by now, so only what speaks against the disk counts: not every file system can do
/// this, and a directory for uploads may be one that cannot be read.
#[cfg(unix)]
fn sync_dir(dir: &Dir) -> io::Result<()> {
    use rustix::{
        fs::{Mode, OFlags, fsync, openat},
        io::Errno,
    };
    // The handle may be one that only paths can be resolved with.
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    match openat(dir, ".", flags, Mode::empty()).and_then(fsync) {
        Err(Errno::ACCESS | Errno::PERM | Errno::INVAL | Errno::NOTSUP | Errno::NOSYS) => Ok(()),
        result => Ok(result?),
    }
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "on Unix it can fail")]
const fn sync_dir(_: &Dir) -> io::Result<()> {
    Ok(())
}

/// Refuses if `octets` more would leave less than `keep_free`.
#[cfg(unix)]
fn check_space(dir: &Dir, octets: u64, keep_free: u64) -> Result<(), ContentError> {
    let wanted = octets.saturating_add(keep_free);
    if wanted > 0 {
        let space = rustix::fs::fstatvfs(dir).map_err(io::Error::from)?;
        if space.f_bavail.saturating_mul(space.f_frsize) < wanted {
            return Err(ErrorCode::DISK_FULL.into());
        }
    }
    Ok(())
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "on Unix it can fail")]
const fn check_space(_: &Dir, _: u64, _: u64) -> Result<(), ContentError> {
    Ok(())
}
