//! The standard input as a file to send.

use core::time::Duration;
use std::{
    io::{self, Read},
    sync::mpsc::{Receiver, RecvTimeoutError, sync_channel},
    thread,
};

use tftp_client::{Cancel, Forward};

const PIECE: usize = 64 << 10;

/// How soon an interrupt is noticed while there is no input.
const SLICE: Duration = Duration::from_millis(50);

/// Reads in a thread of its own, so that an interrupt is heard while the input is silent.
#[derive(Debug)]
pub(crate) struct Input {
    pieces: Receiver<io::Result<Vec<u8>>>,
    piece: Vec<u8>,
    taken: usize,
    cancel: Cancel,
}

impl Input {
    pub(crate) fn new(mut stdin: impl Read + Send + 'static, cancel: Cancel) -> Self {
        let (sender, pieces) = sync_channel(1);
        thread::spawn(move || {
            loop {
                let mut piece = vec![0; PIECE];
                let read = match stdin.read(&mut piece) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    read => read,
                };
                let more = matches!(read, Ok(1..));
                let piece = read.map(|len| {
                    piece.truncate(len);
                    piece
                });
                // Nobody takes the piece once the transfer has ended.
                if sender.send(piece).is_err() || !more {
                    return;
                }
            }
        });
        Self {
            pieces,
            piece: Vec::new(),
            taken: 0,
            cancel,
        }
    }

    /// Waits for the next piece: an empty one at the end.
    fn next(&self) -> io::Result<Vec<u8>> {
        loop {
            match self.pieces.recv_timeout(SLICE) {
                Ok(piece) => return piece,
                Err(RecvTimeoutError::Disconnected) => return Ok(Vec::new()),
                Err(RecvTimeoutError::Timeout) if self.cancel.is_cancelled() => {
                    return Err(io::Error::other("cancelled"));
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }
}

impl Forward for Input {
    type Error = io::Error;

    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.piece.len() {
            self.piece = self.next()?;
            self.taken = 0;
        }
        let rest = self.piece.get(self.taken..).unwrap_or_default();
        let len = rest.len().min(buf.len());
        if let (Some(to), Some(from)) = (buf.get_mut(..len), rest.get(..len)) {
            to.copy_from_slice(from);
        }
        self.taken = self.taken.saturating_add(len);
        Ok(len)
    }
}
