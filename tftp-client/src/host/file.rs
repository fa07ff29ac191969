//! Files of the operating system.

use core::mem;
use std::{
    ffi::OsString,
    fs::{self, File, Metadata, OpenOptions},
    io::{self, ErrorKind, Write as _},
    path::{Path, PathBuf},
};

use tftp_proto::{ErrorCode, Length};

use super::io::{code, fill};
use crate::{Sink, Source};

/// Octets gathered for one write, and read at once: a system call for each block would cost more than
/// the block.
const PIECE: usize = 256 << 10;

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
    file: File,
    pending: Vec<u8>,
    /// The temporary file and the name it will get; `None` once that is done, or if there is none.
    staged: Option<(PathBuf, PathBuf)>,
}

impl StagedFile {
    /// Prepares to write the file at `path`. A symbolic link is followed: the file it leads to is replaced.
    ///
    /// # Errors
    /// If `path` is a directory, or no file can be made beside it.
    pub fn create(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        match fs::metadata(path) {
            Ok(found) if found.is_dir() => Err(ErrorKind::IsADirectory.into()),
            Ok(found) if found.is_file() => Self::stage(fs::canonicalize(path)?, Some(&found)),
            Ok(_) => Ok(Self::with(OpenOptions::new().write(true).open(path)?, None)),
            Err(error) if error.kind() == ErrorKind::NotFound => Self::stage(path.to_owned(), None),
            Err(error) => Err(error),
        }
    }

    fn stage(path: PathBuf, old: Option<&Metadata>) -> io::Result<Self> {
        if path.file_name().is_none() {
            return Err(ErrorKind::InvalidFilename.into());
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
                    let staged = Self::with(file, Some((temporary, path)));
                    if let Some(old) = old {
                        staged.file.set_permissions(old.permissions())?;
                    }
                    return Ok(staged);
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => result = Err(error),
                Err(error) => return Err(error),
            }
        }
        result
    }

    const fn with(file: File, staged: Option<(PathBuf, PathBuf)>) -> Self {
        Self {
            file,
            pending: Vec::new(),
            staged,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        let pending = mem::take(&mut self.pending);
        self.file.write_all(&pending)?;
        self.pending = pending;
        self.pending.clear();
        Ok(())
    }
}

impl Sink for StagedFile {
    type Error = io::Error;

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.pending.len().saturating_add(bytes.len()) > PIECE {
            self.flush()?;
        }
        self.pending.extend_from_slice(bytes);
        Ok(())
    }

    fn commit(&mut self) -> io::Result<()> {
        self.flush()?;
        let Some((temporary, path)) = &self.staged else {
            return Ok(());
        };
        // The bytes before the name: after a power cut there is the old file or the new one.
        self.file.sync_all()?;
        fs::rename(temporary, path)?;
        let path = self.staged.take().map(|(_, path)| path);
        path.map_or(Ok(()), |path| sync_directory(&path))
    }

    fn code(error: &io::Error) -> ErrorCode {
        code(error)
    }
}

impl Drop for StagedFile {
    fn drop(&mut self) {
        if let Some((temporary, _)) = self.staged.take() {
            // There is nobody to tell, and nothing else to do about it.
            let _ = fs::remove_file(temporary);
        }
    }
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

/// A file that is sent, read at its offsets in large pieces.
#[derive(Debug)]
pub struct FileSource {
    file: File,
    piece: Vec<u8>,
    /// Where in the file the piece is.
    at: u64,
}

impl FileSource {
    /// Opens the file at `path`.
    ///
    /// # Errors
    /// If it cannot be opened, or is not a regular file.
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        Self::new(File::open(path)?)
    }

    /// Reads from a regular file that is open. What has neither a length nor offsets, such as a pipe,
    /// belongs into a [`Window`](crate::Window).
    ///
    /// # Errors
    /// If it is something else.
    pub fn new(file: File) -> io::Result<Self> {
        let found = file.metadata()?;
        if found.is_dir() {
            return Err(ErrorKind::IsADirectory.into());
        }
        if !found.is_file() {
            return Err(ErrorKind::NotSeekable.into());
        }
        Ok(Self {
            file,
            piece: Vec::new(),
            at: 0,
        })
    }

    /// The octets of the piece from `offset` on.
    fn cached(&self, offset: u64) -> &[u8] {
        let skip = offset.checked_sub(self.at).map(usize::try_from);
        let Some(Ok(skip)) = skip else { return &[] };
        self.piece.get(skip..).unwrap_or_default()
    }

    fn load(&mut self, offset: u64) -> io::Result<()> {
        self.at = offset;
        self.piece.resize(PIECE, 0);
        let len = read_at(&self.file, offset, &mut self.piece);
        // What cannot be read must not be taken for contents later.
        self.piece.truncate(*len.as_ref().unwrap_or(&0));
        len.map(|_| ())
    }
}

impl Source for FileSource {
    type Error = io::Error;

    fn length(&mut self) -> io::Result<Length> {
        self.file.metadata().map(|found| Length::Known(found.len()))
    }

    fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        if self.cached(offset).len() < buf.len() {
            self.load(offset)?;
        }
        let found = self.cached(offset);
        let len = found.len().min(buf.len());
        if let (Some(to), Some(from)) = (buf.get_mut(..len), found.get(..len)) {
            to.copy_from_slice(from);
        }
        Ok(len)
    }

    fn code(error: &io::Error) -> ErrorCode {
        code(error)
    }
}

#[cfg(unix)]
fn read_at(file: &File, mut offset: u64, buf: &mut [u8]) -> io::Result<usize> {
    use std::os::unix::fs::FileExt as _;
    fill(buf, |buf| {
        let len = file.read_at(buf, offset)?;
        offset = offset.saturating_add(len as u64);
        Ok(len)
    })
}

#[cfg(not(unix))]
fn read_at(file: &File, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
    use std::io::{Read as _, Seek as _, SeekFrom};
    let mut file = file;
    file.seek(SeekFrom::Start(offset))?;
    fill(buf, |buf| file.read(buf))
}
