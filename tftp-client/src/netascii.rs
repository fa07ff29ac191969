//! Text between its local form and netascii (RFC 1350 section 1), on its way to a sink or from a source.

use core::fmt;

use tftp_proto::{
    ErrorCode, Length,
    netascii::{Decoder, Encoder},
};

use crate::{Forward, Sink, Source};

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

/// Reads a source of text with local line ends (LF) as netascii. A [`Window`](crate::Window) around it
/// gives what is sent: how long the translation is shows only at its end, and where a block starts in the
/// text is not to be computed.
///
/// A text that ends before the length that its source had told at the start is an error, as its
/// translation would look complete.
#[derive(Debug)]
pub struct Encoded<S> {
    source: S,
    encoder: Encoder,
    /// What the source has told, once it was asked.
    length: Option<Length>,
    /// Where in the text the next piece is.
    offset: u64,
    /// Text that is read, but not translated.
    piece: [u8; PIECE],
    piece_at: usize,
    piece_len: usize,
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
    /// Reads the text from `source`, from its start.
    pub const fn new(source: S) -> Self {
        Self {
            source,
            encoder: Encoder::new(),
            length: None,
            offset: 0,
            piece: [0; PIECE],
            piece_at: 0,
            piece_len: 0,
        }
    }
}

impl<S: Source> Encoded<S> {
    /// Reads the next piece of text: an empty one at its end.
    fn load(&mut self) -> Result<(), EncodedError<S::Error>> {
        let length = match self.length {
            Some(length) => length,
            None => self.source.length().map_err(EncodedError::Source)?,
        };
        self.length = Some(length);
        self.piece_len = self
            .source
            .read_at(self.offset, &mut self.piece)
            .map_err(EncodedError::Source)?;
        self.piece_at = 0;
        self.offset = self.offset.saturating_add(self.piece_len as u64);
        match length {
            Length::Known(expected) if self.piece_len == 0 && self.offset < expected => {
                Err(EncodedError::Shrunk {
                    expected,
                    found: self.offset,
                })
            }
            _ => {
                self.source.release(self.offset);
                Ok(())
            }
        }
    }
}

impl<S: Source> Forward for Encoded<S> {
    type Error = EncodedError<S::Error>;

    fn read(&mut self, buf: &mut [u8]) -> Result<usize, Self::Error> {
        loop {
            if self.piece_at == self.piece_len {
                self.load()?;
            }
            if self.piece_len == 0 {
                return Ok(self.encoder.finish(buf));
            }
            let text = self.piece.get(self.piece_at..self.piece_len);
            let done = self.encoder.encode(text.unwrap_or_default(), buf);
            self.piece_at = self.piece_at.saturating_add(done.consumed);
            if done.written > 0 {
                return Ok(done.written);
            }
            if done.consumed == 0 {
                return Ok(0);
            }
        }
    }

    fn code(error: &Self::Error) -> ErrorCode {
        match error {
            EncodedError::Source(error) => S::code(error),
            EncodedError::Shrunk { .. } => ErrorCode::NOT_DEFINED,
        }
    }
}
