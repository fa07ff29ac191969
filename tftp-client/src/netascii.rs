//! Text between its local form and netascii (RFC 1350 section 1), on its way to a sink or from a source.

use core::fmt;

use tftp_proto::{
    ErrorCode, Length,
    netascii::{Cursor, Decoder},
};

use crate::{Sink, Source};

/// Octets translated at a time.
const PIECE: usize = 512;

/// A [`Sink`] that takes netascii and stores text with local line ends (LF).
#[derive(Debug)]
pub struct Decoded<S> {
    sink: S,
    decoder: Decoder,
    /// Octets of text that the sink was given.
    written: u64,
}

impl<S> Decoded<S> {
    /// Stores the text in `sink`.
    pub const fn new(sink: S) -> Self {
        Self {
            sink,
            decoder: Decoder::new(),
            written: 0,
        }
    }
}

impl<S: Sink> Sink for Decoded<S> {
    type Error = S::Error;

    fn write(&mut self, mut bytes: &[u8]) -> Result<(), Self::Error> {
        let mut text = [0; PIECE];
        while !bytes.is_empty() {
            let done = self.decoder.decode(bytes, &mut text);
            self.sink
                .write(text.get(..done.written).unwrap_or_default())?;
            self.written = self.written.saturating_add(done.written as u64);
            bytes = bytes.get(done.consumed..).unwrap_or_default();
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<(), Self::Error> {
        let mut text = [0; 1];
        let held = self.decoder.finish(&mut text);
        self.sink.write(text.get(..held).unwrap_or_default())?;
        self.sink.commit()
    }

    fn restart(&mut self, _: u64) -> Result<bool, Self::Error> {
        self.decoder = Decoder::new();
        self.sink.restart(core::mem::take(&mut self.written))
    }

    fn code(error: &Self::Error) -> ErrorCode {
        S::code(error)
    }
}

/// A [`Source`] of netascii from one of text with local line ends (LF). It keeps nothing of the text: what is sent
/// again is translated again. How long the translation is shows only at its end, so no `tsize` is announced.
///
/// A text that ends before the length that its source had told before the request is an error, as its
/// translation would look complete.
#[derive(Debug)]
pub struct Encoded<S> {
    source: S,
    cursor: Cursor,
    /// What the source has told.
    length: Length,
    scratch: [u8; PIECE],
}

/// Why a text could not be given as netascii.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum EncodedError<E> {
    /// The source failed.
    Source(E),
    /// The source ended before the length that it had told.
    Shrunk {
        /// Octets that the source had promised.
        expected: u64,
        /// Where it ended.
        found: u64,
    },
}

impl<E: fmt::Display> fmt::Display for EncodedError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source(error) => error.fmt(f),
            Self::Shrunk { expected, found } => {
                write!(f, "text ended at {found} of {expected} octets")
            }
        }
    }
}

impl<E: core::error::Error> core::error::Error for EncodedError<E> {}

impl<S> Encoded<S> {
    /// Reads the text from `source`.
    pub const fn new(source: S) -> Self {
        Self {
            source,
            cursor: Cursor::new(),
            length: Length::Unknown,
            scratch: [0; PIECE],
        }
    }
}

/// Reads text that is `length` octets long.
fn read_text<S: Source>(
    source: &mut S,
    length: Length,
    offset: u64,
    buf: &mut [u8],
) -> Result<usize, EncodedError<S::Error>> {
    let len = source.read_at(offset, buf).map_err(EncodedError::Source)?;
    match length {
        Length::Known(expected) if len == 0 && offset < expected => Err(EncodedError::Shrunk {
            expected,
            found: offset,
        }),
        _ => Ok(len),
    }
}

impl<S: Source> Source for Encoded<S> {
    type Error = EncodedError<S::Error>;

    fn length(&mut self) -> Result<Length, Self::Error> {
        self.length = self.source.length().map_err(EncodedError::Source)?;
        Ok(Length::Unknown)
    }

    fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> Result<usize, Self::Error> {
        let Self {
            source,
            cursor,
            length,
            scratch,
        } = self;
        cursor.read_at(offset, buf, scratch, |at, text| {
            read_text(source, *length, at, text)
        })
    }

    fn release(&mut self, up_to: u64) {
        let Self {
            source,
            cursor,
            length,
            scratch,
        } = self;
        let read = |at, text: &mut [u8]| read_text(source, *length, at, text);
        // The next reading meets the same error, and can tell it.
        if let Ok(needed) = cursor.release(up_to, scratch, read) {
            self.source.release(needed);
        }
    }

    fn code(error: &Self::Error) -> ErrorCode {
        match error {
            EncodedError::Source(error) => S::code(error),
            EncodedError::Shrunk { .. } => ErrorCode::NOT_DEFINED,
        }
    }
}
