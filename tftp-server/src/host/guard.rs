//! Contents that panic: only the transfer that they were called for is lost, and not the server.

use core::panic::AssertUnwindSafe;
use std::{
    io::{self, IoSlice, IoSliceMut},
    panic::catch_unwind,
};

use crate::{ContentError, Sink, Source};

/// Calls something of a content's. A panic is an error, whose text has been printed by then.
pub(crate) fn guarded<T>(
    call: impl FnOnce() -> Result<T, ContentError>,
) -> Result<T, ContentError> {
    // A source or a sink that is left half done is not called again, as its transfer ends; that a content is not left so
    // is its own affair.
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|_| Err(panicked()))
}

fn panicked() -> ContentError {
    io::Error::other("the content panicked").into()
}

/// A source whose panics end its transfer.
pub(crate) struct GuardedSource {
    source: Box<dyn Source>,
    /// It panicked where it could give no error.
    broken: bool,
}

impl GuardedSource {
    pub(crate) const fn new(source: Box<dyn Source>) -> Self {
        Self {
            source,
            broken: false,
        }
    }

    fn read(
        &mut self,
        read: impl FnOnce(&mut dyn Source) -> Result<usize, ContentError>,
    ) -> Result<usize, ContentError> {
        if self.broken {
            return Err(panicked());
        }
        guarded(|| read(self.source.as_mut()))
    }
}

impl Source for GuardedSource {
    fn length(&self) -> Option<u64> {
        guarded(|| Ok(self.source.length())).unwrap_or(None)
    }

    fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> Result<usize, ContentError> {
        self.read(|source| source.read_at(offset, buf))
    }

    fn read_vectored_at(
        &mut self,
        offset: u64,
        bufs: &mut [IoSliceMut<'_>],
    ) -> Result<usize, ContentError> {
        self.read(|source| source.read_vectored_at(offset, bufs))
    }

    fn release(&mut self, up_to: u64) {
        let released = guarded(|| {
            self.source.release(up_to);
            Ok(())
        });
        self.broken |= released.is_err();
    }
}

/// A sink whose panics end its transfer. Who commits it takes care of those in `commit`.
pub(crate) struct GuardedSink(pub(crate) Box<dyn Sink>);

impl Sink for GuardedSink {
    fn write(&mut self, bytes: &[u8]) -> Result<(), ContentError> {
        guarded(|| self.0.write(bytes))
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> Result<(), ContentError> {
        guarded(|| self.0.write_vectored(pieces))
    }

    fn commit(self: Box<Self>) -> Result<(), ContentError> {
        self.0.commit()
    }
}
