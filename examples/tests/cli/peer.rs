//! A server that says what the test tells it to.

use core::{
    net::SocketAddr,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};
use std::net::UdpSocket;

/// Longer than any test takes.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Peer {
    socket: UdpSocket,
    is_dismissed: AtomicBool,
}

impl Peer {
    pub(crate) fn new() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self {
            socket,
            is_dismissed: AtomicBool::new(false),
        }
    }

    pub(crate) fn url(&self, file: &str) -> String {
        format!("tftp://{}/{file}", self.socket.local_addr().unwrap())
    }

    #[track_caller]
    pub(crate) fn recv(&self) -> (Vec<u8>, SocketAddr) {
        let mut buf = vec![0; 1 << 16];
        let (len, from) = self.socket.recv_from(&mut buf).expect("a datagram");
        buf.truncate(len);
        (buf, from)
    }

    /// The next datagram, which must be this one.
    #[track_caller]
    pub(crate) fn expect(&self, datagram: &[u8]) {
        let (got, _) = self.recv();
        assert_eq!(
            got.escape_ascii().to_string(),
            datagram.escape_ascii().to_string()
        );
    }

    /// Passes over repeats of what came before, until this datagram comes.
    #[track_caller]
    pub(crate) fn await_one(&self, datagram: &[u8]) {
        let (first, _) = self.recv();
        let mut got = first.clone();
        while got == first && got != datagram {
            got = self.recv().0;
        }
        assert_eq!(got, datagram);
    }

    pub(crate) fn send(&self, to: SocketAddr, datagram: &[u8]) {
        self.socket.send_to(datagram, to).unwrap();
    }

    /// Whether nothing has come.
    pub(crate) fn is_idle(&self) -> bool {
        self.socket.set_nonblocking(true).unwrap();
        self.socket.recv(&mut [0; 4]).is_err()
    }

    /// Answers each datagram with this one, if any comes, until it is dismissed.
    pub(crate) fn serve(&self, datagram: &[u8]) {
        let slice = Duration::from_millis(10);
        self.socket.set_read_timeout(Some(slice)).unwrap();
        while !self.is_dismissed.load(Ordering::Relaxed) {
            if let Ok((_, to)) = self.socket.recv_from(&mut [0; 1 << 10]) {
                self.send(to, datagram);
            }
        }
    }

    /// Ends [`Self::serve`].
    pub(crate) fn dismiss(&self) {
        self.is_dismissed.store(true, Ordering::Relaxed);
    }

    /// Answers a request, from whatever port it comes.
    pub(crate) fn answer(&self, datagram: &[u8]) {
        let (_, to) = self.recv();
        self.send(to, datagram);
    }
}

pub(crate) fn data(block: u16, payload: &[u8]) -> Vec<u8> {
    [&[0, 3], &block.to_be_bytes()[..], payload].concat()
}

pub(crate) fn ack(block: u16) -> Vec<u8> {
    [&[0, 4], &block.to_be_bytes()[..]].concat()
}

pub(crate) fn error(code: u16, text: &str) -> Vec<u8> {
    [&[0, 5], &code.to_be_bytes()[..], text.as_bytes(), &[0]].concat()
}

pub(crate) fn oack(options: &[(&str, &str)]) -> Vec<u8> {
    let mut packet = vec![0, 6];
    for (name, value) in options {
        packet.extend_from_slice(format!("{name}\0{value}\0").as_bytes());
    }
    packet
}

/// Name, mode and options of a request, as they are on the wire.
pub(crate) fn strings(request: &[u8]) -> Vec<String> {
    let text = String::from_utf8(request[2..].to_vec()).unwrap();
    text.split_terminator('\0').map(str::to_owned).collect()
}

/// The value of an option of a request.
pub(crate) fn option(request: &[u8], name: &str) -> Option<String> {
    let strings = strings(request);
    let at = strings.iter().skip(2).position(|string| string == name)?;
    strings.get(at + 3).cloned()
}
