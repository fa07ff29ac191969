//! What is read before a client asks for it is what it gets, and is not read in vain.

use core::{
    net::SocketAddr,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};
use std::{io::IoSliceMut, sync::Arc};

use tftp_server::{Bytes, ContentError, FileRequest, Generated, Root, Source};

use crate::support::*;

/// What was read of all files.
#[derive(Debug, Default)]
struct Reads {
    calls: AtomicU64,
    octets: AtomicU64,
}

struct Counted(Bytes, Arc<Reads>);

impl Source for Counted {
    fn length(&self) -> Option<u64> {
        self.0.length()
    }

    fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> Result<usize, ContentError> {
        self.read_vectored_at(offset, &mut [IoSliceMut::new(buf)])
    }

    fn read_vectored_at(
        &mut self,
        offset: u64,
        bufs: &mut [IoSliceMut<'_>],
    ) -> Result<usize, ContentError> {
        let count = self.0.read_vectored_at(offset, bufs)?;
        self.1.calls.fetch_add(1, Ordering::Relaxed);
        self.1.octets.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// A server of one file under every name.
fn serve_counted(file: &[u8]) -> (Arc<Reads>, Running) {
    let reads = Arc::new(Reads::default());
    let (bytes, shared) = (file.to_vec(), Arc::clone(&reads));
    let make = move |_: &FileRequest<'_>| -> Result<Box<dyn Source>, ContentError> {
        Ok(Box::new(Counted(
            Bytes::from(bytes.clone()),
            Arc::clone(&shared),
        )))
    };
    (reads, serve(config(), Generated::new(make)))
}

/// A client that takes blocks of 512 in lockstep.
struct Lockstep {
    client: Client,
    tid: SocketAddr,
    /// The block that it has.
    block: u16,
}

impl Lockstep {
    fn start(server: SocketAddr, name: &str) -> Self {
        let client = Client::new(server);
        client.ask(&rrq(name, &[]));
        let (_, tid) = client.receive();
        Self {
            client,
            tid,
            block: 1,
        }
    }

    /// What the server says to the acknowledgement of what there is.
    fn ask_for_more(&mut self) -> Vec<u8> {
        self.client.send_to(self.tid, &ack(self.block));
        self.block += 1;
        self.client.receive().0
    }

    /// The block that is due, of `file`.
    fn due(&self, file: &[u8]) -> Vec<u8> {
        let rest = &file[usize::from(self.block - 1) * 512..];
        data(self.block, &rest[..rest.len().min(512)])
    }
}

#[test]
fn a_transfer_alone_is_read_many_blocks_at_once() {
    let file = noise(500 * 512);
    for (blksize, windowsize) in [(512, 1), (64, 8)] {
        let (reads, server) = serve_counted(&file);
        assert!(get(server.address, "image", choices(blksize, windowsize)).unwrap() == file);
        let windows = file.len() as u64 / u64::from(blksize * windowsize);
        let calls = reads.calls.load(Ordering::Relaxed);
        assert!(calls < windows / 4, "{calls} calls for {windows} windows");
    }
}

#[test]
fn transfers_that_take_turns_are_read_once() {
    let file = noise(50_000);
    let (reads, server) = serve_counted(&file);
    let mut clients = ["a", "b"].map(|name| Lockstep::start(server.address, name));
    for _ in 0..20 {
        for client in &mut clients {
            assert_eq!(client.ask_for_more(), client.due(&file));
        }
    }
    // Blocks may have been sent again where this test was slow.
    drop(server);
    let octets = reads.octets.load(Ordering::Relaxed);
    assert!(octets < 2 * 25 * 512, "{octets} octets were read");
}

/// What is read ahead lies where the next datagram to anybody is built.
#[test]
fn transfers_that_take_turns_are_not_mixed_up() {
    let files = [noise(60_000), vec![7; 60_000]];
    let (_dir, server) = serve_files(&[("noise", &files[0]), ("sevens", &files[1])]);
    let mut clients = ["noise", "sevens"].map(|name| Lockstep::start(server.address, name));
    let turns = [
        (1, 1),
        (0, 9),
        (1, 12),
        (0, 1),
        (1, 1),
        (0, 30),
        (1, 3),
        (0, 5),
        (1, 20),
    ];
    for (index, blocks) in turns {
        for _ in 0..blocks {
            let client = &mut clients[index];
            assert_eq!(client.ask_for_more(), client.due(&files[index]));
        }
    }
}

/// A window that was not acknowledged whole goes on in the middle of what was read ahead, or before it.
#[test]
fn a_window_that_starts_elsewhere_has_the_bytes_of_its_place() {
    let file = noise(40_000);
    let (_dir, server) = serve_files(&[("image", &file)]);
    let client = Client::new(server.address);
    client.ask(&rrq("image", &[("windowsize", "4")]));
    let (_, tid) = client.receive();
    let mut acknowledged = 0;
    for next in [
        4, 8, 12, 16, 18, 19, 23, 27, 31, 35, 39, 40, 44, 48, 51, 55, 59,
    ] {
        client.send_to(tid, &ack(acknowledged));
        for block in acknowledged + 1..=acknowledged + 4 {
            let start = usize::from(block - 1) * 512;
            let expected = data(block, &file[start..start + 512]);
            assert_eq!(client.receive().0, expected);
        }
        acknowledged = next;
    }
}

#[test]
fn a_block_that_is_sent_again_has_the_bytes_of_its_place() {
    let mut config = config();
    config.transfer.retry.floor = Duration::from_millis(20);
    let file = noise(100_000);
    let dir = directory(&[("image", &file)]);
    let server = serve(config, Root::open(dir.path()).unwrap());
    let mut client = Lockstep::start(server.address, "image");
    let block = |number: u16| {
        let rest = &file[usize::from(number - 1) * 512..];
        data(number, &rest[..rest.len().min(512)])
    };
    for lost in [9, 10, 40, 41, 77, 196] {
        while client.block < lost {
            client.client.send_to(client.tid, &ack(client.block));
            client.block += 1;
            // A late copy of the one before may come first.
            while client.client.receive().0 != block(client.block) {}
        }
        assert_eq!(client.client.receive().0, block(lost), "once more");
    }
}

/// Q11: what is missing is not made up, and what was read before it was missing is what it was.
#[test]
fn a_file_that_is_cut_behind_what_was_read_ahead_ends_with_an_error() {
    let file = noise(400_000);
    let (dir, server) = serve_files(&[("image", &file)]);
    let mut client = Lockstep::start(server.address, "image");
    for _ in 0..40 {
        assert_eq!(client.ask_for_more(), client.due(&file));
    }
    let path = dir.path().join("image");
    let cut = std::fs::File::options().write(true).open(path).unwrap();
    cut.set_len(40 * 512 + 100).unwrap();
    let answer = loop {
        let answer = client.ask_for_more();
        if answer != client.due(&file) {
            break answer;
        }
    };
    assert_eq!(error_text(&answer), "the file has become shorter");
    assert!(client.block < 512, "{} blocks", client.block);
}
