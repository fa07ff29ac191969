//! The translation of netascii, on top of a source or a sink of plain bytes.

use std::io;

use tftp_proto::netascii::{Cursor, Decoder};

use crate::{ContentError, Sink, Source};

/// Octets that are translated at once.
const CHUNK: usize = 4096;

/// A source in netascii. What was sent is encoded anew when it is asked for again, so nothing is kept of it.
pub(crate) struct Encoded {
    source: Box<dyn Source>,
    cursor: Cursor,
}

impl Encoded {
    pub(crate) const fn new(source: Box<dyn Source>) -> Self {
        Self {
            source,
            cursor: Cursor::new(),
        }
    }
}

fn read_text(source: &mut dyn Source, offset: u64, buf: &mut [u8]) -> Result<usize, ContentError> {
    let count = source.read_at(offset, buf)?;
    if count == 0 && source.length().is_some_and(|len| offset < len) {
        // The file was cut while it was being sent. Its translation would look complete.
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
    }
    Ok(count)
}

impl Source for Encoded {
    fn length(&self) -> Option<u64> {
        None
    }

    fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> Result<usize, ContentError> {
        let source = &mut *self.source;
        let read = |at, text: &mut [u8]| read_text(source, at, text);
        self.cursor.read_at(offset, buf, &mut [0; CHUNK], read)
    }

    fn release(&mut self, up_to: u64) {
        let source = &mut *self.source;
        let read = |at, text: &mut [u8]| read_text(source, at, text);
        // The next reading meets the same error and can tell it.
        if let Ok(needed) = self.cursor.release(up_to, &mut [0; CHUNK], read) {
            self.source.release(needed);
        }
    }
}

/// A sink that takes netascii.
pub(crate) struct Decoded {
    sink: Box<dyn Sink>,
    decoder: Decoder,
}

impl Decoded {
    pub(crate) fn new(sink: Box<dyn Sink>) -> Self {
        Self {
            sink,
            decoder: Decoder::new(),
        }
    }
}

impl Sink for Decoded {
    fn write(&mut self, mut bytes: &[u8]) -> Result<(), ContentError> {
        let mut plain = [0; CHUNK];
        while !bytes.is_empty() {
            let progress = self.decoder.decode(bytes, &mut plain);
            self.sink
                .write(plain.get(..progress.written).unwrap_or_default())?;
            bytes = bytes.get(progress.consumed..).unwrap_or_default();
        }
        Ok(())
    }

    fn commit(mut self: Box<Self>) -> Result<(), ContentError> {
        let mut last = [0];
        if self.decoder.finish(&mut last) > 0 {
            self.sink.write(&last)?;
        }
        self.sink.commit()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Bytes, Forward};

    const TEXT: &[u8] = b"one\ntwo\rthree\r\n\n\rlast\n";
    const CODED: &[u8] = b"one\r\ntwo\r\0three\r\0\r\n\r\n\r\0last\r\n";

    fn sources() -> [Encoded; 2] {
        let bytes = Bytes::from(TEXT.to_vec());
        [
            Encoded::new(Box::new(bytes)),
            Encoded::new(Box::new(Forward::new(TEXT))),
        ]
    }

    #[test]
    fn what_is_read_again_is_the_same_wherever_it_starts() {
        for mut source in sources() {
            for start in (0..CODED.len()).rev() {
                let mut buf = [0; 5];
                let count = source.read_at(start as u64, &mut buf).unwrap();
                let end = CODED.len().min(start + 5);
                assert_eq!(buf[..count], CODED[start..end]);
            }
        }
    }

    /// Promises more than it has.
    struct Cut(Bytes);

    impl Source for Cut {
        fn length(&self) -> Option<u64> {
            self.0.length().map(|len| len.saturating_add(1))
        }

        fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> Result<usize, ContentError> {
            self.0.read_at(offset, buf)
        }
    }

    #[test]
    fn a_file_that_was_cut_does_not_look_complete() {
        let mut source = Encoded::new(Box::new(Cut(Bytes::from(TEXT.to_vec()))));
        let error = source.read_at(0, &mut [0; 100]).unwrap_err();
        let cause = error.cause().map(io::Error::kind);
        assert_eq!(cause, Some(io::ErrorKind::UnexpectedEof));
    }

    #[test]
    fn blocks_are_the_same_after_earlier_ones_were_released() {
        for size in 1..8 {
            for mut source in sources() {
                let mut start = 0;
                while start < CODED.len() {
                    let (mut ahead, mut buf) = ([0; 20], [0; 8]);
                    let _ = source.read_at(start as u64, &mut ahead).unwrap();
                    let count = source.read_at(start as u64, &mut buf[..size]).unwrap();
                    assert_eq!(buf[..count], CODED[start..CODED.len().min(start + size)]);
                    start += count;
                    source.release(start as u64);
                }
                assert_eq!(source.read_at(start as u64, &mut [0; 8]).unwrap(), 0);
            }
        }
    }
}
