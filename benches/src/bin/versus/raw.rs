//! Bare UDP with the same datagrams and no protocol: what the system itself can do on this machine at this
//! moment. Nothing is read from a file, nothing is compared.

use core::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};
use std::{
    io::{self, ErrorKind, IoSliceMut},
    net::UdpSocket,
    time::Instant,
};

use quinn_udp::{RecvMeta, Transmit, UdpSocketState};
use socket2::SockRef;

use crate::{
    Failed,
    plain::{ROOM, Shape, Transfer},
};

/// The most that one send call with segmentation offload takes.
const MOST_OCTETS: usize = 65_507;
const MOST_SEGMENTS: usize = 64;
/// Nothing is sent twice here, so a datagram that is lost ends the run.
const PATIENCE: Duration = Duration::from_secs(2);
const RECEIVE_BUFFER: usize = 4 << 20;

/// How an end sends and receives.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub(crate) enum Calls {
    /// One datagram a call, asleep until it comes.
    Blocking = 0,
    /// One datagram a call, awake until it comes.
    Spinning = 1,
    /// A run of datagrams a call (GSO, GRO).
    Offload = 2,
}

impl Calls {
    const fn from_octet(octet: u8) -> Self {
        match octet {
            1 => Self::Spinning,
            2 => Self::Offload,
            _ => Self::Blocking,
        }
    }
}

/// Which way the data goes, seen from the client.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Way {
    Get,
    Put,
}

/// What the client asks of the server.
#[derive(Clone, Copy, Debug)]
struct Job {
    way: Way,
    server_calls: Calls,
    shape: Shape,
    blocks: u64,
}

impl Job {
    fn encode(&self) -> Vec<u8> {
        let mut packet = vec![u8::from(self.way == Way::Put), self.server_calls as u8];
        packet.extend_from_slice(&self.shape.blksize.to_be_bytes());
        packet.extend_from_slice(&self.shape.windowsize.to_be_bytes());
        packet.extend_from_slice(&self.blocks.to_be_bytes());
        packet
    }

    fn decode(packet: &[u8]) -> Option<Self> {
        let (&[way, calls, b0, b1, w0, w1], blocks) = packet.split_first_chunk()?;
        Some(Self {
            way: if way == 0 { Way::Get } else { Way::Put },
            server_calls: Calls::from_octet(calls),
            shape: Shape {
                blksize: u16::from_be_bytes([b0, b1]),
                windowsize: u16::from_be_bytes([w0, w1]),
            },
            blocks: u64::from_be_bytes(blocks.try_into().ok()?),
        })
    }

    const fn datagram(&self) -> usize {
        self.shape.blksize as usize + 4
    }
}

/// One end's socket, connected to the other.
struct Wire {
    socket: UdpSocket,
    peer: SocketAddr,
    calls: Calls,
    offload: Option<UdpSocketState>,
}

impl Wire {
    fn new(socket: UdpSocket, peer: SocketAddr, calls: Calls) -> io::Result<Self> {
        socket.connect(peer)?;
        let offload = match calls {
            Calls::Offload => Some(UdpSocketState::new((&socket).into())?),
            Calls::Blocking | Calls::Spinning => None,
        };
        socket.set_nonblocking(calls == Calls::Spinning)?;
        Ok(Self {
            socket,
            peer,
            calls,
            offload,
        })
    }

    /// Sends what `octets` has as datagrams of this length.
    fn send(&self, octets: &[u8], datagram: usize) -> io::Result<()> {
        let Some(offload) = &self.offload else {
            return octets
                .chunks(datagram)
                .try_for_each(|datagram| self.socket.send(datagram).map(|_| ()));
        };
        let most = (MOST_OCTETS / datagram).clamp(1, MOST_SEGMENTS) * datagram;
        octets.chunks(most).try_for_each(|contents| {
            offload.try_send(
                (&self.socket).into(),
                &Transmit {
                    destination: self.peer,
                    ecn: None,
                    contents,
                    segment_size: (contents.len() > datagram).then_some(datagram),
                    src_ip: None,
                },
            )
        })
    }

    /// Receives: the octets of a datagram, or of several.
    fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        if let Some(offload) = &self.offload {
            let mut meta = [RecvMeta::default()];
            offload.recv(
                (&self.socket).into(),
                &mut [IoSliceMut::new(buf)],
                &mut meta,
            )?;
            let [meta] = meta;
            return Ok(meta.len);
        }
        if self.calls == Calls::Blocking {
            return self.socket.recv(buf);
        }
        let started = Instant::now();
        loop {
            match self.socket.recv(buf) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if started.elapsed() > PATIENCE {
                        return Err(error);
                    }
                    core::hint::spin_loop();
                }
                result => return result,
            }
        }
    }

    /// Sends windows and waits for an answer to each.
    fn blast(&self, job: &Job) -> io::Result<()> {
        let window = vec![0x55; job.datagram() * usize::from(job.shape.windowsize)];
        let mut buf = vec![0; ROOM];
        let mut left = job.blocks;
        while left > 0 {
            let count = left.min(job.shape.windowsize.into());
            let octets = window.get(..count as usize * job.datagram());
            self.send(octets.unwrap_or_default(), job.datagram())?;
            self.recv(&mut buf)?;
            left -= count;
        }
        Ok(())
    }

    /// Receives windows and answers each.
    fn catch(&self, job: &Job) -> io::Result<()> {
        let mut buf = vec![0; ROOM];
        let mut left = job.blocks;
        while left > 0 {
            let count = left.min(job.shape.windowsize.into());
            let mut octets = count as usize * job.datagram();
            while octets > 0 {
                octets = octets.saturating_sub(self.recv(&mut buf)?);
            }
            self.send(&[0; 4], 4)?;
            left -= count;
        }
        Ok(())
    }
}

fn open() -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    SockRef::from(&socket).set_recv_buffer_size(RECEIVE_BUFFER)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    Ok(socket)
}

/// Moves `len` octets and tells how long it took.
pub(crate) fn run(
    server: SocketAddr,
    way: Way,
    (client_calls, server_calls): (Calls, Calls),
    shape: Shape,
    len: u64,
) -> Result<Transfer, Failed> {
    let job = Job {
        way,
        server_calls,
        shape,
        blocks: len / u64::from(shape.blksize) + 1,
    };
    let socket = open()?;
    socket.send_to(&job.encode(), server)?;
    let mut buf = [0; 16];
    let (_, peer) = socket.recv_from(&mut buf)?;
    let wire = Wire::new(socket, peer, client_calls)?;
    let started = Instant::now();
    let result = match way {
        Way::Get => {
            // It waits for this, so that both ends have what they need.
            wire.send(&[0; 4], 4)?;
            wire.catch(&job)
        }
        Way::Put => wire.blast(&job),
    };
    result.map_err(|error| Failed::new(format!("bare UDP: {error}")))?;
    Ok(Transfer {
        elapsed: started.elapsed(),
        granted: shape,
        stalls: 0,
    })
}

/// The other end: does one job after another.
pub(crate) fn serve(requests: &UdpSocket) -> io::Result<()> {
    let mut buf = [0; 64];
    loop {
        let (len, client) = requests.recv_from(&mut buf)?;
        if let Some(job) = buf.get(..len).and_then(Job::decode)
            && let Err(error) = work(&job, client)
        {
            // The client has noticed as well; the next job may do better.
            eprintln!("bare UDP: {error}");
        }
    }
}

fn work(job: &Job, client: SocketAddr) -> io::Result<()> {
    let wire = Wire::new(open()?, client, job.server_calls)?;
    wire.send(&[0; 4], 4)?;
    match job.way {
        Way::Get => {
            wire.recv(&mut [0; 16])?;
            wire.blast(job)
        }
        Way::Put => wire.catch(job),
    }
}
