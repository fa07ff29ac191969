//! Writes a file beside the transfer, so that a slow disk does not hold up the wire at once.

use core::mem;
use std::{
    fs::File,
    io::{self, Seek as _, Write as _},
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread::{self, JoinHandle},
};

/// Octets gathered for one write: a system call for each block would cost more than the block.
const PIECE: usize = 256 << 10;

/// Pieces that may wait for the disk. When so many do, the transfer waits too.
const QUEUE: usize = 16;

/// Octets after which what is written goes to the disk. Without it a large file would go there as a whole
/// at its end, while the server waits for the last ACK and may give up.
const SYNC_EVERY: usize = 32 << 20;

/// A file that is written from its start to its end.
#[derive(Debug)]
pub(super) struct Writer {
    pending: Vec<u8>,
    state: State,
    /// Whether the file is one that can be synchronised with a disk.
    durable: bool,
}

#[derive(Debug)]
enum State {
    /// Little has been written, and that here.
    Here(File),
    /// A thread writes.
    Beside(Thread),
    /// Nothing more is written.
    Closed,
}

#[derive(Debug)]
struct Thread {
    full: SyncSender<Vec<u8>>,
    /// Pieces that are written, to be filled again.
    empty: Receiver<Vec<u8>>,
    handle: JoinHandle<io::Result<File>>,
}

impl Writer {
    pub(super) const fn new(file: File, durable: bool) -> Self {
        Self {
            pending: Vec::new(),
            state: State::Here(file),
            durable,
        }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.pending.len().saturating_add(bytes.len()) > PIECE {
            self.hand_over()?;
        }
        self.pending.extend_from_slice(bytes);
        Ok(())
    }

    /// Writes what is left, and waits until all of it is on the disk.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        let mut file = self.take_file()?;
        file.write_all(&self.pending)?;
        self.pending.clear();
        if self.durable {
            file.sync_all()
        } else {
            Ok(())
        }
    }

    /// Empties the file.
    pub(super) fn restart(&mut self) -> io::Result<()> {
        let mut file = self.take_file()?;
        file.set_len(0)?;
        file.rewind()?;
        self.pending.clear();
        self.state = State::Here(file);
        Ok(())
    }

    /// The file, with all in it that was handed over.
    fn take_file(&mut self) -> io::Result<File> {
        match mem::replace(&mut self.state, State::Closed) {
            State::Here(file) => Ok(file),
            State::Beside(thread) => thread.join(),
            State::Closed => Err(closed()),
        }
    }

    /// Closes the file, whatever has become of it.
    pub(super) fn abandon(&mut self) {
        if let State::Beside(thread) = mem::replace(&mut self.state, State::Closed) {
            // The file is given up, so nobody asks how its last write went.
            drop(thread.join());
        }
    }

    /// Gives the pending octets to the thread, which the first of them start.
    fn hand_over(&mut self) -> io::Result<()> {
        let thread = match mem::replace(&mut self.state, State::Closed) {
            State::Here(file) => Thread::start(file, self.durable)?,
            State::Beside(thread) => thread,
            State::Closed => return Err(closed()),
        };
        let next = thread.empty.try_recv().unwrap_or_default();
        let piece = mem::replace(&mut self.pending, next);
        self.pending.clear();
        self.pending.reserve_exact(PIECE);
        if thread.full.send(piece).is_err() {
            // The thread has ended because it failed.
            return thread.join().and_then(|_| Err(closed()));
        }
        self.state = State::Beside(thread);
        Ok(())
    }
}

fn closed() -> io::Error {
    io::Error::other("file is closed")
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.abandon();
    }
}

impl Thread {
    fn start(file: File, durable: bool) -> io::Result<Self> {
        let (full, pieces) = sync_channel::<Vec<u8>>(QUEUE);
        let (written, empty) = sync_channel(QUEUE);
        let handle = thread::Builder::new()
            .name("tftp-writer".to_owned())
            .spawn(move || write_all(file, durable, &pieces, &written))?;
        Ok(Self {
            full,
            empty,
            handle,
        })
    }

    /// Waits until everything is written.
    fn join(self) -> io::Result<File> {
        drop(self.full);
        self.handle
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("writer thread has panicked")))
    }
}

fn write_all(
    mut file: File,
    durable: bool,
    pieces: &Receiver<Vec<u8>>,
    written: &SyncSender<Vec<u8>>,
) -> io::Result<File> {
    let mut unsynced: usize = 0;
    for piece in pieces {
        file.write_all(&piece)?;
        unsynced = unsynced.saturating_add(piece.len());
        // If there are pieces enough, this one is not needed again.
        drop(written.try_send(piece));
        if durable && unsynced >= SYNC_EVERY {
            file.sync_data()?;
            unsynced = 0;
        }
    }
    Ok(file)
}
