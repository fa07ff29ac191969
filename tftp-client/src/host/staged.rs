//! A file of the operating system that is fetched.

use std::{
    ffi::OsString,
    fs::{self, File, Metadata, OpenOptions, Permissions},
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use tftp_proto::ErrorCode;

use super::{io::code, writer::Writer};
use crate::Sink;

/// How often another temporary name is tried if one is taken.
const NAME_TRIES: usize = 8;

/// A file that is not there before it is complete: the bytes go to a temporary file beside it, of a name
/// that nobody can guess, which [`commit`](Sink::commit) writes through to the disk and renames. If the transfer
/// fails, or this value is dropped, the temporary file is removed and whatever had the name before
/// is untouched.
///
/// A name that stands for a device or a pipe is written directly, as there is nothing to rename.
#[derive(Debug)]
pub struct StagedFile {
    writer: Writer,
    /// The temporary file and the name it will get; `None` once that is done, or if there is none.
    staged: Option<(PathBuf, PathBuf)>,
}

impl StagedFile {
    /// Prepares to write the file at `path`. A symbolic link is followed: the file it leads to is replaced.
    ///
    /// # Errors
    /// If `path` is a directory or ends as only a directory's may, in a slash, or no file can be made beside it. If it is a symbolic link that leads nowhere: to
    /// replace it would lose what it says, and to follow it could make a file where nobody expects one.
    pub fn create(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        match fs::metadata(path) {
            Ok(found) if found.is_dir() => Err(ErrorKind::IsADirectory.into()),
            Ok(found) if found.is_file() => Self::stage(fs::canonicalize(path)?, Some(&found)),
            Ok(_) => Ok(Self::with(OpenOptions::new().write(true).open(path)?, None)),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                if path.is_symlink() {
                    return Err(io::Error::new(error.kind(), "symbolic link leads nowhere"));
                }
                Self::stage(path.to_owned(), None)
            }
            Err(error) => Err(error),
        }
    }

    fn stage(path: PathBuf, old: Option<&Metadata>) -> io::Result<Self> {
        let Some(name) = path.file_name() else {
            return Err(ErrorKind::InvalidFilename.into());
        };
        // With a slash after it, or a slash and a dot, no file can get that name.
        let written = path.as_os_str().as_encoded_bytes();
        if !written.ends_with(name.as_encoded_bytes()) {
            return Err(io::Error::new(
                ErrorKind::IsADirectory,
                "names a directory that does not exist",
            ));
        }
        let mut result = Err(ErrorKind::AlreadyExists.into());
        for _ in 0..NAME_TRIES {
            let temporary = path.with_file_name(temporary_name()?);
            match OpenOptions::new()
                .write(true)
                .create_new(true)
                .open(&temporary)
            {
                Ok(file) => {
                    let permitted = old.map_or(Ok(()), |old| {
                        file.set_permissions(inherited(old.permissions()))
                    });
                    let staged = Self::with(file, Some((temporary, path)));
                    return permitted.map(|()| staged);
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => result = Err(error),
                Err(error) => return Err(error),
            }
        }
        result
    }

    const fn with(file: File, staged: Option<(PathBuf, PathBuf)>) -> Self {
        Self {
            writer: Writer::new(file, staged.is_some()),
            staged,
        }
    }
}

impl Sink for StagedFile {
    type Error = io::Error;

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.writer.write(bytes)
    }

    fn commit(&mut self) -> io::Result<()> {
        // The bytes before the name: after a power cut there is the old file or the new one.
        self.writer.finish()?;
        let Some((temporary, path)) = &self.staged else {
            return Ok(());
        };
        fs::rename(temporary, path)?;
        let path = self.staged.take().map(|(_, path)| path);
        path.map_or(Ok(()), |path| sync_directory(&path))
    }

    /// A device or a pipe takes nothing back.
    fn restart(&mut self, _: u64) -> io::Result<bool> {
        if self.staged.is_none() {
            return Ok(false);
        }
        self.writer.restart().map(|()| true)
    }

    fn code(error: &io::Error) -> ErrorCode {
        code(error)
    }
}

impl Drop for StagedFile {
    fn drop(&mut self) {
        if let Some((temporary, _)) = self.staged.take() {
            self.writer.abandon();
            // There is nobody to tell, and nothing else to do about it.
            let _ = fs::remove_file(temporary);
        }
    }
}

/// The permissions of an older file that its successor gets. Not those to run with the rights of the owner or
/// the group: the owner may be another one now, and what is run came over the network.
#[cfg(unix)]
fn inherited(mut older: Permissions) -> Permissions {
    use std::os::unix::fs::PermissionsExt as _;
    older.set_mode(older.mode() & 0o777);
    older
}

#[cfg(not(unix))]
const fn inherited(older: Permissions) -> Permissions {
    older
}

/// 64 random bits: a name that is guessed could be taken by a link to somewhere else.
fn temporary_name() -> io::Result<OsString> {
    let random = getrandom::u64().map_err(io::Error::from)?;
    Ok(format!(".tftp-{random:016x}.part").into())
}

/// Writes the new name through to the disk.
#[cfg(unix)]
fn sync_directory(path: &Path) -> io::Result<()> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    match File::open(parent).and_then(|directory| directory.sync_all()) {
        // Not every file system can, and not every directory may be opened.
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::InvalidInput | ErrorKind::Unsupported | ErrorKind::PermissionDenied
            ) =>
        {
            Ok(())
        }
        result => result,
    }
}

#[cfg(not(unix))]
fn sync_directory(_path: &Path) -> io::Result<()> {
    Ok(())
}
