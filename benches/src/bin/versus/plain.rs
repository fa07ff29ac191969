//! A plain client: one receive call for each datagram, one send call for each datagram. It is the same
//! for every server.

use core::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};
use std::{
    io::{self, ErrorKind},
    net::UdpSocket,
    time::Instant,
};

use tftp_proto::{Options, Packet};

use crate::{Failed, content};

/// How long to wait before the last packet is sent again.
pub(crate) const PATIENCE: Duration = Duration::from_secs(1);
/// Waits in a row after which the server counts as gone.
pub(crate) const WAITS: u32 = 8;
/// Room for any datagram.
pub(crate) const ROOM: usize = 1 << 16;

/// What is asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq, serde::Serialize)]
pub(crate) struct Shape {
    pub(crate) blksize: u16,
    pub(crate) windowsize: u16,
}

/// How a transfer went.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Transfer {
    /// From before the socket is made until the last DATA has arrived (get), or the last ACK (put).
    pub(crate) elapsed: Duration,
    /// What the server granted.
    pub(crate) granted: Shape,
    /// Waits that ended without a datagram, or packets sent again.
    pub(crate) stalls: u32,
}

/// An RRQ (1) or WRQ (2).
pub(crate) fn request(opcode: u8, name: &str, shape: Shape) -> Vec<u8> {
    let mut packet = vec![0, opcode];
    let mut text = |text: &str| {
        packet.extend_from_slice(text.as_bytes());
        packet.push(0);
    };
    text(name);
    text("octet");
    if shape.blksize != 512 {
        text("blksize");
        text(&shape.blksize.to_string());
    }
    if shape.windowsize != 1 {
        text("windowsize");
        text(&shape.windowsize.to_string());
    }
    packet
}

fn granted(options: Options<'_>) -> Shape {
    let mut shape = Shape {
        blksize: 512,
        windowsize: 1,
    };
    for (name, value) in options.iter() {
        let text = core::str::from_utf8(value).unwrap_or_default();
        let value = text.parse().unwrap_or(0);
        if name.eq_ignore_ascii_case(b"blksize") {
            shape.blksize = value;
        } else if name.eq_ignore_ascii_case(b"windowsize") {
            shape.windowsize = value;
        }
    }
    shape
}

/// What a datagram calls for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Reply {
    Nothing,
    Ack(u16),
    /// The file is complete; the last ACK is owed.
    Last(u16),
}

/// The receiving side of a plain client, without its socket. Every payload is compared.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Get {
    pub(crate) granted: Shape,
    len: u64,
    next: u64,
    unacknowledged: u16,
    gap_told: bool,
    settled: bool,
}

impl Get {
    /// Expects a file of `len` octets.
    pub(crate) const fn new(len: u64) -> Self {
        Self {
            granted: Shape {
                blksize: 512,
                windowsize: 1,
            },
            len,
            next: 1,
            unacknowledged: 0,
            gap_told: false,
            settled: false,
        }
    }

    pub(crate) fn take(&mut self, datagram: &[u8]) -> Result<Reply, Failed> {
        match Packet::decode(datagram) {
            Ok(Packet::Data { block, payload }) => self.take_block(block, payload),
            Ok(Packet::Oack(options)) => {
                if !self.settled {
                    self.granted = granted(options);
                    self.settled = true;
                }
                Ok(if self.next == 1 {
                    Reply::Ack(0)
                } else {
                    Reply::Nothing
                })
            }
            other => Err(unexpected(other)),
        }
    }

    /// Whether the server has answered: what comes before is left of a transfer that used the same port.
    pub(crate) const fn is_answered(&self) -> bool {
        self.settled
    }

    fn take_block(&mut self, block: u16, payload: &[u8]) -> Result<Reply, Failed> {
        if !self.settled && block != 1 {
            return Ok(Reply::Nothing);
        }
        self.settled = true;
        if block != self.next as u16 {
            if self.gap_told {
                return Ok(Reply::Nothing);
            }
            self.gap_told = true;
            self.unacknowledged = 0;
            return Ok(Reply::Ack((self.next - 1) as u16));
        }
        let blksize = u64::from(self.granted.blksize);
        let offset = (self.next - 1) * blksize;
        if payload.len() as u64 > blksize || payload != content::bytes(offset, payload.len()) {
            return Err(Failed::new(format!("wrong bytes in block {}", self.next)));
        }
        self.next += 1;
        self.unacknowledged += 1;
        self.gap_told = false;
        if (payload.len() as u64) < blksize {
            let len = offset + payload.len() as u64;
            return if len == self.len {
                Ok(Reply::Last(block))
            } else {
                Err(Failed::new(format!("the file ended after {len} octets")))
            };
        }
        if self.unacknowledged >= self.granted.windowsize {
            self.unacknowledged = 0;
            return Ok(Reply::Ack(block));
        }
        Ok(Reply::Nothing)
    }
}

fn unexpected(packet: Result<Packet<'_>, tftp_proto::DecodeError>) -> Failed {
    Failed::new(match packet {
        Ok(Packet::Error { code, message }) => format!("ERROR {}: {message}", code.0),
        Ok(_) => "a packet that has no place here".to_owned(),
        Err(error) => error.to_string(),
    })
}

/// The bytes of an ACK.
pub(crate) const fn ack(block: u16) -> [u8; 4] {
    let [high, low] = block.to_be_bytes();
    [0, 4, high, low]
}

/// A socket that sends its last packet again when nothing comes, and stays with the first who answers.
struct Line {
    socket: UdpSocket,
    server: SocketAddr,
    connected: bool,
    stalls: u32,
}

impl Line {
    fn open(server: SocketAddr) -> io::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        socket.set_read_timeout(Some(PATIENCE))?;
        Ok(Self {
            socket,
            server,
            connected: false,
            stalls: 0,
        })
    }

    fn send(&self, packet: &[u8]) -> io::Result<()> {
        if self.connected {
            self.socket.send(packet)?;
        } else {
            self.socket.send_to(packet, self.server)?;
        }
        Ok(())
    }

    /// Waits for a datagram; `resend` is called each time that none has come.
    fn recv<'b>(
        &mut self,
        buf: &'b mut [u8],
        mut resend: impl FnMut(&Self) -> io::Result<()>,
    ) -> Result<&'b [u8], Failed> {
        for _ in 0..WAITS {
            let received = if self.connected {
                self.socket.recv(buf)
            } else {
                self.first(buf)
            };
            match received {
                Ok(len) => return Ok(buf.get(..len).unwrap_or_default()),
                Err(error) if is_silence(&error) => {
                    self.stalls += 1;
                    resend(self)?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(Failed::new("the server fell silent"))
    }

    fn first(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let (len, from) = self.socket.recv_from(buf)?;
        self.socket.connect(from)?;
        self.connected = true;
        Ok(len)
    }
}

fn is_silence(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
    )
}

/// Fetches `name`, of `len` octets. `before_last` is called when all of it has arrived, and only then the
/// last ACK is sent: the server has done its work and still exists.
pub(crate) fn get(
    server: SocketAddr,
    name: &str,
    shape: Shape,
    len: u64,
    before_last: impl FnOnce(),
) -> Result<Transfer, Failed> {
    let mut buf = vec![0; ROOM];
    let started = Instant::now();
    let mut line = Line::open(server)?;
    let mut machine = Get::new(len);
    let mut last = request(1, name, shape);
    line.send(&last)?;
    loop {
        let datagram = line.recv(&mut buf, |line| line.send(&last))?;
        match machine.take(datagram)? {
            Reply::Nothing => {}
            Reply::Ack(block) => {
                last.clear();
                last.extend_from_slice(&ack(block));
                line.send(&last)?;
            }
            Reply::Last(block) => {
                let elapsed = started.elapsed();
                before_last();
                line.send(&ack(block))?;
                return Ok(Transfer {
                    elapsed,
                    granted: machine.granted,
                    stalls: line.stalls,
                });
            }
        }
    }
}

/// Stores `len` octets under `name`.
pub(crate) fn put(
    server: SocketAddr,
    name: &str,
    shape: Shape,
    len: u64,
) -> Result<Transfer, Failed> {
    let mut buf = vec![0; ROOM];
    let started = Instant::now();
    let mut line = Line::open(server)?;
    let wrq = request(2, name, shape);
    line.send(&wrq)?;
    let answer = line.recv(&mut buf, |line| line.send(&wrq))?;
    let granted = match Packet::decode(answer) {
        Ok(Packet::Oack(options)) => granted(options),
        Ok(Packet::Ack { block: 0 }) => Shape {
            blksize: 512,
            windowsize: 1,
        },
        other => return Err(unexpected(other)),
    };
    let mut upload = Upload {
        granted,
        len,
        packet: vec![0; 4 + usize::from(granted.blksize)],
        acknowledged: 0,
        sent: 0,
    };
    upload.send_window(&line)?;
    while upload.acknowledged < upload.blocks() {
        let datagram = line.recv(&mut buf, |line| upload.send_window(line))?;
        match Packet::decode(datagram) {
            Ok(Packet::Ack { block }) if upload.take(block) => upload.send_window(&line)?,
            Ok(Packet::Ack { .. } | Packet::Oack(_)) => {}
            other => return Err(unexpected(other)),
        }
    }
    Ok(Transfer {
        elapsed: started.elapsed(),
        granted,
        stalls: line.stalls,
    })
}

struct Upload {
    granted: Shape,
    len: u64,
    packet: Vec<u8>,
    acknowledged: u64,
    sent: u64,
}

impl Upload {
    const fn blocks(&self) -> u64 {
        self.len / self.granted.blksize as u64 + 1
    }

    /// Whether the ACK is for something that was sent and not yet acknowledged.
    const fn take(&mut self, block: u16) -> bool {
        let ahead = block.wrapping_sub(self.acknowledged as u16) as u64;
        let news = ahead > 0 && ahead <= self.sent - self.acknowledged;
        if news {
            self.acknowledged += ahead;
        }
        news
    }

    fn send_window(&mut self, line: &Line) -> io::Result<()> {
        let end = (self.acknowledged + u64::from(self.granted.windowsize)).min(self.blocks());
        for block in self.acknowledged + 1..=end {
            let blksize = u64::from(self.granted.blksize);
            let offset = (block - 1) * blksize;
            let payload = content::bytes(offset, (self.len - offset).min(blksize) as usize);
            self.packet.clear();
            self.packet.extend_from_slice(&[0, 3]);
            self.packet.extend_from_slice(&(block as u16).to_be_bytes());
            self.packet.extend_from_slice(payload);
            line.send(&self.packet)?;
        }
        self.sent = self.sent.max(end);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(block: u16, len: usize) -> Vec<u8> {
        let mut packet = vec![0, 3];
        packet.extend(block.to_be_bytes());
        packet.extend(content::bytes(u64::from(block - 1) * 512, len));
        packet
    }

    fn take(get: &mut Get, datagram: &[u8]) -> Result<Reply, String> {
        get.take(datagram).map_err(|failed| failed.to_string())
    }

    #[test]
    fn a_window_is_acknowledged_once_and_a_gap_at_once() {
        let mut get = Get::new(2_000);
        let oack = b"\0\x06windowsize\x002\0";
        assert_eq!(take(&mut get, oack), Ok(Reply::Ack(0)));
        assert_eq!(take(&mut get, &data(1, 512)), Ok(Reply::Nothing));
        assert_eq!(take(&mut get, &data(2, 512)), Ok(Reply::Ack(2)));
        assert_eq!(take(&mut get, &data(4, 464)), Ok(Reply::Ack(2)));
        assert_eq!(take(&mut get, &data(3, 512)), Ok(Reply::Nothing));
        assert_eq!(take(&mut get, &data(4, 464)), Ok(Reply::Last(4)));
    }

    #[test]
    fn a_block_of_another_transfer_is_no_answer() {
        let mut get = Get::new(2_000);
        assert_eq!(take(&mut get, &data(4, 464)), Ok(Reply::Nothing));
        assert!(!get.is_answered());
        assert_eq!(take(&mut get, &data(1, 512)), Ok(Reply::Ack(1)));
        assert!(get.is_answered());
    }

    #[test]
    fn a_wrong_octet_fails_the_transfer() {
        let mut packet = data(1, 512);
        packet[100] ^= 1;
        assert!(Get::new(2_000).take(&packet).is_err());
    }

    #[test]
    fn a_file_that_ends_early_fails_the_transfer() {
        assert!(Get::new(2_000).take(&data(1, 511)).is_err());
    }
}
