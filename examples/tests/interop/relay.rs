//! A relay between a client and a server that sees each datagram, and may lose it or send it more than once.
//!
//! The client sees the relay's ports where it would see the server's: one for requests and one for each port that the
//! server answers from, so that a change of ports stays a change of ports.

use core::{
    net::{Ipv4Addr, SocketAddr},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};
use std::{
    io::{self, ErrorKind},
    net::UdpSocket,
    os::fd::AsFd as _,
    sync::Arc,
    thread::{self, JoinHandle},
    time::Instant,
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// A datagram as one end sent it.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    /// Since the relay began.
    pub(crate) at: Duration,
    pub(crate) from_server: bool,
    pub(crate) client: SocketAddr,
    /// The server's port, for requests or of the transfer.
    pub(crate) server: SocketAddr,
    pub(crate) datagram: Vec<u8>,
}

pub(crate) const RRQ: u16 = 1;
pub(crate) const WRQ: u16 = 2;
pub(crate) const DATA: u16 = 3;
pub(crate) const ACK: u16 = 4;
pub(crate) const ERROR: u16 = 5;
pub(crate) const OACK: u16 = 6;

impl Frame {
    pub(crate) fn opcode(&self) -> u16 {
        self.field(0)
    }

    /// Of DATA and ACK.
    pub(crate) fn block(&self) -> u16 {
        self.field(2)
    }

    fn field(&self, at: usize) -> u16 {
        let octets = self.datagram.get(at..at + 2);
        octets.map_or(0, |octets| u16::from_be_bytes([octets[0], octets[1]]))
    }

    pub(crate) fn is(&self, opcode: u16, block: u16) -> bool {
        self.opcode() == opcode && self.block() == block
    }
}

/// What becomes of a datagram.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fate {
    Pass,
    Lose,
    /// It arrives so many times.
    Repeat(usize),
}

pub(crate) struct Relay {
    /// Where clients shall send their requests.
    pub(crate) addr: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Vec<Frame>>,
}

impl Relay {
    pub(crate) fn start(
        server: SocketAddr,
        rule: impl FnMut(&Frame) -> Fate + Send + 'static,
    ) -> Self {
        let requests = socket();
        let addr = requests.local_addr().unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let mut run = Run {
            server,
            requests,
            legs: Vec::new(),
            frames: Vec::new(),
            start: Instant::now(),
            rule,
        };
        let thread = thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                run.turn();
            }
            run.frames
        });
        Self { addr, stop, thread }
    }

    /// Stops it: what both ends have sent.
    pub(crate) fn finish(self) -> Vec<Frame> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.set_nonblocking(true).unwrap();
    socket
}

/// A client.
struct Leg {
    client: SocketAddr,
    /// Its stand-in towards the server.
    inner: UdpSocket,
    /// The ports that the server has answered from, and their stand-ins towards the client.
    tids: Vec<(SocketAddr, UdpSocket)>,
}

struct Run<R> {
    server: SocketAddr,
    requests: UdpSocket,
    legs: Vec<Leg>,
    frames: Vec<Frame>,
    start: Instant,
    rule: R,
}

impl<R: FnMut(&Frame) -> Fate> Run<R> {
    /// Waits for datagrams, not long, and passes on those that are there.
    fn turn(&mut self) {
        let sockets = self.legs.iter().flat_map(|leg| {
            let outer = leg.tids.iter().map(|(_, socket)| socket);
            outer.chain([&leg.inner])
        });
        let mut waiting: Vec<_> = sockets
            .chain([&self.requests])
            .map(|socket| PollFd::from_borrowed_fd(socket.as_fd(), PollFlags::IN))
            .collect();
        let timeout = Timespec {
            tv_sec: 0,
            tv_nsec: 20_000_000,
        };
        match poll(&mut waiting, Some(&timeout)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => return,
            Ok(_) => {}
            Err(error) => panic!("{error}"),
        }
        while let Some((datagram, client)) = receive(&self.requests) {
            let leg = self.leg(client);
            self.pass_to_server(leg, self.server, datagram);
        }
        for leg in 0..self.legs.len() {
            while let Some((datagram, from)) = receive(&self.legs[leg].inner) {
                self.pass_to_client(leg, from, datagram);
            }
            for tid in 0..self.legs[leg].tids.len() {
                while let Some((datagram, _)) = receive(&self.legs[leg].tids[tid].1) {
                    self.pass_to_server(leg, self.legs[leg].tids[tid].0, datagram);
                }
            }
        }
    }

    fn leg(&mut self, client: SocketAddr) -> usize {
        let known = self.legs.iter().position(|leg| leg.client == client);
        known.unwrap_or_else(|| {
            self.legs.push(Leg {
                client,
                inner: socket(),
                tids: Vec::new(),
            });
            self.legs.len() - 1
        })
    }

    fn pass_to_server(&mut self, leg: usize, server: SocketAddr, datagram: Vec<u8>) {
        let copies = self.copies(leg, server, false, &datagram);
        for _ in 0..copies {
            send(&self.legs[leg].inner, &datagram, server);
        }
    }

    fn pass_to_client(&mut self, leg: usize, server: SocketAddr, datagram: Vec<u8>) {
        let copies = self.copies(leg, server, true, &datagram);
        let Leg { client, tids, .. } = &mut self.legs[leg];
        let socket = if server == self.server {
            &self.requests
        } else {
            let known = tids.iter().position(|(tid, _)| *tid == server);
            let index = known.unwrap_or_else(|| {
                tids.push((server, socket()));
                tids.len() - 1
            });
            &tids[index].1
        };
        for _ in 0..copies {
            send(socket, &datagram, *client);
        }
    }

    fn copies(
        &mut self,
        leg: usize,
        server: SocketAddr,
        from_server: bool,
        datagram: &[u8],
    ) -> usize {
        let frame = Frame {
            at: self.start.elapsed(),
            from_server,
            client: self.legs[leg].client,
            server,
            datagram: datagram.to_vec(),
        };
        let fate = (self.rule)(&frame);
        self.frames.push(frame);
        match fate {
            Fate::Pass => 1,
            Fate::Lose => 0,
            Fate::Repeat(copies) => copies,
        }
    }
}

fn receive(socket: &UdpSocket) -> Option<(Vec<u8>, SocketAddr)> {
    let mut buffer = [0; 65536];
    match socket.recv_from(&mut buffer) {
        Ok((len, from)) => Some((buffer[..len].to_vec(), from)),
        Err(error) if error.kind() == ErrorKind::WouldBlock => None,
        Err(error) => panic!("{error}"),
    }
}

fn send(socket: &UdpSocket, datagram: &[u8], to: SocketAddr) {
    match socket.send_to(datagram, to) {
        // A full buffer loses it, as networks do.
        Err(error) if error.kind() != ErrorKind::WouldBlock => panic!("{to}: {error}"),
        Ok(_) | Err(_) => {}
    }
}

/// The frames as a capture file, with each end under its own address.
pub(crate) fn write_pcap(frames: &[Frame], out: &mut impl io::Write) -> io::Result<()> {
    const MAGIC_MICROSECONDS: u32 = 0xa1b2_c3d4;
    const LINKTYPE_RAW: u32 = 101;
    let header = [
        MAGIC_MICROSECONDS,
        0x0002_0004,
        0,
        0,
        0x0004_0000,
        LINKTYPE_RAW,
    ];
    for field in header {
        out.write_all(&field.to_be_bytes())?;
    }
    for frame in frames {
        let packet = ipv4(frame);
        let len = u32::try_from(packet.len()).unwrap();
        let seconds = u32::try_from(frame.at.as_secs()).unwrap();
        for field in [seconds, frame.at.subsec_micros(), len, len] {
            out.write_all(&field.to_be_bytes())?;
        }
        out.write_all(&packet)?;
    }
    out.flush()
}

/// The datagram in UDP without a checksum, in IPv4.
fn ipv4(frame: &Frame) -> Vec<u8> {
    let (from, to) = if frame.from_server {
        (frame.server, frame.client)
    } else {
        (frame.client, frame.server)
    };
    let (SocketAddr::V4(from), SocketAddr::V4(to)) = (from, to) else {
        panic!("the relay is for IPv4");
    };
    let length = |header: usize| {
        u16::try_from(header + frame.datagram.len())
            .unwrap()
            .to_be_bytes()
    };
    let mut packet = vec![0x45, 0];
    packet.extend(length(28));
    packet.extend([0, 0, 0, 0, 64, 17, 0, 0]);
    packet.extend(from.ip().octets());
    packet.extend(to.ip().octets());
    packet.extend(from.port().to_be_bytes());
    packet.extend(to.port().to_be_bytes());
    packet.extend(length(8));
    packet.extend([0, 0]);
    packet.extend(&frame.datagram);
    packet
}
