//! Text between its local form and netascii (RFC 1350 section 1), on its way to a sink or from a source.

use tftp_proto::{
    ErrorCode,
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
}

impl<S> Decoded<S> {
    /// Stores the text in `sink`.
    pub const fn new(sink: S) -> Self {
        Self {
            sink,
            decoder: Decoder::new(),
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

    fn code(error: &Self::Error) -> ErrorCode {
        S::code(error)
    }
}

/// Reads a source of text with local line ends (LF) as netascii. A [`Window`](crate::Window) around it
/// gives what is sent: how long the translation is shows only at its end, and where a block starts in the
/// text is not to be computed.
#[derive(Debug)]
pub struct Encoded<S> {
    source: S,
    encoder: Encoder,
    /// Where in the text the next piece is.
    offset: u64,
    /// Text that is read, but not translated.
    piece: [u8; PIECE],
    piece_at: usize,
    piece_len: usize,
}

impl<S> Encoded<S> {
    /// Reads the text from `source`, from its start.
    pub const fn new(source: S) -> Self {
        Self {
            source,
            encoder: Encoder::new(),
            offset: 0,
            piece: [0; PIECE],
            piece_at: 0,
            piece_len: 0,
        }
    }
}

impl<S: Source> Forward for Encoded<S> {
    type Error = S::Error;

    fn read(&mut self, buf: &mut [u8]) -> Result<usize, Self::Error> {
        loop {
            if self.piece_at == self.piece_len {
                self.piece_len = self.source.read_at(self.offset, &mut self.piece)?;
                self.piece_at = 0;
                self.offset = self.offset.saturating_add(self.piece_len as u64);
                self.source.release(self.offset);
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
        S::code(error)
    }
}
