//! A file of the operating system that is sent.

use std::{
    fs::File,
    io::{self, ErrorKind},
    path::Path,
};

use tftp_proto::{ErrorCode, Length};

use super::io::{code, fill};
use crate::Source;

/// Octets read at once: a system call for each block would cost more than the block.
const PIECE: usize = 256 << 10;

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
