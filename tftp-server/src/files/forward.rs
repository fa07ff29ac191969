//! A source that can be read only once, made re-readable.

use core::fmt;
use std::{
    collections::VecDeque,
    io::{ErrorKind, Read},
};

use tftp_proto::ErrorCode;

use crate::{ContentError, Source};

/// A reader that goes forward only, as a source: what the peer has not acknowledged is kept, which is one
/// window at the most.
///
/// The reader is read on the thread of the event loop, so it must not block.
pub struct Forward<R> {
    reader: R,
    /// What was read and not released.
    kept: VecDeque<u8>,
    /// The offset of the first octet kept.
    start: u64,
    ended: bool,
}

impl<R: Read + Send> Forward<R> {
    /// A file that `reader` gives, of a length that shows at its end.
    pub const fn new(reader: R) -> Self {
        Self {
            reader,
            kept: VecDeque::new(),
            start: 0,
            ended: false,
        }
    }

    /// Reads on until `wanted` octets are kept, or the file ends.
    fn fill(&mut self, wanted: usize) -> Result<(), ContentError> {
        let mut chunk = [0; 4096];
        while self.kept.len() < wanted && !self.ended {
            let missing = wanted.saturating_sub(self.kept.len()).min(chunk.len());
            let Some(room) = chunk.get_mut(..missing) else {
                break;
            };
            match self.reader.read(room) {
                Ok(0) => self.ended = true,
                Ok(count) => self.kept.extend(room.iter().take(count)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

impl<R> fmt::Debug for Forward<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Forward")
            .field("start", &self.start)
            .field("kept", &self.kept.len())
            .finish_non_exhaustive()
    }
}

impl<R: Read + Send> Source for Forward<R> {
    fn length(&self) -> Option<u64> {
        None
    }

    fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> Result<usize, ContentError> {
        let skip = offset
            .checked_sub(self.start)
            .and_then(|skip| usize::try_from(skip).ok())
            .ok_or(ErrorCode::NOT_DEFINED)?;
        self.fill(skip.saturating_add(buf.len()))?;
        let mut count = 0_usize;
        for (to, from) in buf.iter_mut().zip(self.kept.iter().skip(skip)) {
            *to = *from;
            count = count.saturating_add(1);
        }
        Ok(count)
    }

    fn release(&mut self, up_to: u64) {
        let known = usize::try_from(up_to.saturating_sub(self.start)).unwrap_or(usize::MAX);
        let gone = known.min(self.kept.len());
        drop(self.kept.drain(..gone));
        self.start = self.start.saturating_add(gone as u64);
    }
}
