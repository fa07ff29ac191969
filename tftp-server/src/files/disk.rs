//! A file on a disk, as a source.

use std::{
    fs::File,
    io::{self, IoSliceMut},
    sync::Arc,
};

use crate::{ContentError, Source};

/// A regular file, read by position, so that the handle can be shared.
#[derive(Debug)]
pub(crate) struct DiskFile {
    file: Arc<File>,
    /// As it was when the file was opened: what is appended later is not sent.
    len: u64,
}

impl DiskFile {
    pub(crate) const fn new(file: Arc<File>, len: u64) -> Self {
        Self { file, len }
    }
}

impl Source for DiskFile {
    fn length(&self) -> Option<u64> {
        Some(self.len)
    }

    fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> Result<usize, ContentError> {
        let mut total = 0_usize;
        while let Some(rest) = buf.get_mut(total..).filter(|rest| !rest.is_empty()) {
            match read_once(&self.file, rest, offset.saturating_add(total as u64)) {
                Ok(0) => break,
                Ok(count) => total = total.saturating_add(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(total)
    }

    #[cfg(unix)]
    fn read_vectored_at(
        &mut self,
        offset: u64,
        bufs: &mut [IoSliceMut<'_>],
    ) -> Result<usize, ContentError> {
        let wanted: usize = bufs
            .iter()
            .map(|buf| buf.len())
            .fold(0, usize::saturating_add);
        match rustix::io::preadv(&*self.file, bufs, offset) {
            Ok(count) if count == wanted => Ok(count),
            // The end of the file, or a signal: the slower way tells.
            Ok(_) | Err(rustix::io::Errno::INTR) => self.read_each(offset, bufs),
            Err(error) => Err(io::Error::from(error).into()),
        }
    }

    #[cfg(not(unix))]
    fn read_vectored_at(
        &mut self,
        offset: u64,
        bufs: &mut [IoSliceMut<'_>],
    ) -> Result<usize, ContentError> {
        self.read_each(offset, bufs)
    }
}

impl DiskFile {
    fn read_each(
        &mut self,
        offset: u64,
        bufs: &mut [IoSliceMut<'_>],
    ) -> Result<usize, ContentError> {
        let mut total = 0_usize;
        for buf in bufs {
            let count = self.read_at(offset.saturating_add(total as u64), buf)?;
            total = total.saturating_add(count);
            if count < buf.len() {
                break;
            }
        }
        Ok(total)
    }
}

#[cfg(unix)]
fn read_once(file: &File, buf: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buf, offset)
}

#[cfg(windows)]
fn read_once(file: &File, buf: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buf, offset)
}
