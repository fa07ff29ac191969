//! Sending: a window with one read and one system call.

use core::net::IpAddr;
use std::io::{self, IoSliceMut};

use mio::net::UdpSocket;
use quinn_udp::UdpSocketState;
use tftp_proto::{
    DATA_HEADER_LEN, ErrorCode, Instant, Output, Packet, Summary, Text, TransferError, Transmit,
};

use super::transfer::{File, Machine, Transfer};
use crate::{ContentError, Source};

/// Datagrams that are put together at the most: the kernel cuts no more out of one.
const MOST_DATAGRAMS: usize = 64;
/// Octets that they may have: what one IPv4 datagram can carry.
const MOST_OCTETS: usize = 65_507;
/// Octets after which other transfers have their turn.
const TURN: usize = 128 << 10;

/// Where datagrams leave.
#[derive(Debug)]
pub(crate) struct Outlet<'s> {
    pub(crate) socket: &'s UdpSocket,
    pub(crate) state: &'s UdpSocketState,
    /// The address to send from, if the socket has several.
    pub(crate) source: Option<IpAddr>,
    /// Datagrams that the kernel cuts out of one.
    pub(crate) segments: usize,
}

impl Outlet<'_> {
    fn send(
        &self,
        transmit: &Transmit<'_>,
        contents: &[u8],
        segment_size: Option<usize>,
    ) -> io::Result<()> {
        let datagram = quinn_udp::Transmit {
            destination: transmit.to,
            ecn: None,
            contents,
            segment_size,
            src_ip: self.source,
        };
        self.state.try_send(self.socket.into(), &datagram)
    }

    /// Sends one datagram that is not DATA. What cannot be sent counts as lost.
    pub(crate) fn send_plain(&self, transmit: &Transmit<'_>) {
        let mut buf = [0; 128];
        if transmit.encode(&mut buf).is_ok()
            && let Some(contents) = buf.get(..transmit.encoded_len())
        {
            let _ = self.send(transmit, contents, None);
        }
    }
}

/// What comes after a transfer's turn.
#[derive(Debug)]
pub(crate) enum Flow {
    /// Nothing before a datagram, or this moment.
    Idle(Instant),
    /// There is more to send, after the others.
    More,
    /// There is more to send, once the socket has room.
    Blocked,
    /// The transfer is over.
    Done(Result<Summary, TransferError>),
}

/// What became of a run.
enum Sent {
    All,
    /// From this one on the socket had no room.
    Blocked(usize),
    /// The file had an end, or an error, that the machine did not know of: what it said after that is void.
    Changed,
}

/// The room that datagrams are built in, shared by all transfers.
#[derive(Debug)]
pub(crate) struct Outbox {
    buf: Vec<u8>,
    /// DATA of one length, but for the last, from consecutive places of one file; or one other packet.
    run: Vec<Transmit<'static>>,
    /// Octets of all datagrams of the run.
    octets: usize,
    /// The window that was sent last.
    window: Option<Window>,
    /// What was read of the next one.
    ahead: Option<Ahead>,
}

/// A window that has been sent, as a hint to the next one.
#[derive(Clone, Copy, Debug)]
struct Window {
    serial: u64,
    blksize: usize,
    /// Datagrams that were sent with the first call.
    run: usize,
    /// Where it ends in the file.
    end: u64,
}

/// Octets of a file that lie in the buffer where datagrams of so many octets each have them.
#[derive(Clone, Copy, Debug)]
struct Ahead {
    serial: u64,
    offset: u64,
    stride: usize,
    octets: usize,
}

impl Ahead {
    /// Whether the bytes of `run`, which are `wanted`, are among them.
    fn holds(&self, serial: u64, run: &[Transmit<'_>], wanted: usize) -> bool {
        let Some(first) = run.first() else {
            return false;
        };
        let starts = first.span().is_some_and(|span| span.offset == self.offset);
        let fits = run.len() == 1 || datagram_len(first) == self.stride;
        serial == self.serial && starts && fits && wanted <= self.octets
    }
}

impl Outbox {
    pub(crate) fn new() -> Self {
        Self {
            buf: vec![0; 1 << 16],
            run: Vec::with_capacity(MOST_DATAGRAMS),
            octets: 0,
            window: None,
            ahead: None,
        }
    }

    /// Sends what `transfer`, which has this number, has to say, within the bounds of a turn.
    pub(crate) fn serve(
        &mut self,
        serial: u64,
        transfer: &mut Transfer,
        outlet: &Outlet<'_>,
        now: Instant,
    ) -> Flow {
        self.window = None;
        let mut octets = 0_usize;
        let mut ahead = None;
        loop {
            let output = match ahead.take() {
                Some(output) => output,
                None if octets >= TURN => return Flow::More,
                None => transfer.next_output(now),
            };
            let first = match output {
                Output::Transmit(first) => first,
                Output::Wait(at) => return Flow::Idle(at),
                Output::Done(result) => return Flow::Done(result),
            };
            ahead = self.gather(first, transfer, now);
            octets = octets.saturating_add(self.octets);
            match self.send_run(serial, transfer, outlet) {
                Sent::All => self.note_window(serial),
                Sent::Changed => {
                    self.window = None;
                    ahead = None;
                    transfer.blocked.clear();
                }
                Sent::Blocked(index) => {
                    if let Some(Output::Transmit(next)) = ahead {
                        transfer.blocked.push_front(next);
                    }
                    for transmit in self.run.drain(..).skip(index).rev() {
                        transfer.blocked.push_front(transmit);
                    }
                    return Flow::Blocked;
                }
            }
        }
    }

    /// Puts together `first` and the DATA that follows it, and returns the output that does not belong.
    fn gather(
        &mut self,
        first: Transmit<'static>,
        transfer: &mut Transfer,
        now: Instant,
    ) -> Option<Output<'static>> {
        self.run.clear();
        self.run.push(first);
        self.octets = datagram_len(&first);
        let span = first.span()?;
        let fitting = MOST_OCTETS.checked_div(self.octets).unwrap_or_default();
        let mut end = span.offset.saturating_add(span.len as u64);
        while self.run.len() < fitting.min(MOST_DATAGRAMS) {
            let output = transfer.next_output(now);
            let (next, len) = match output {
                Output::Transmit(next) => match next.span() {
                    Some(follows) if follows.offset == end && follows.len <= span.len => {
                        (next, follows.len)
                    }
                    _ => return Some(output),
                },
                _ => return Some(output),
            };
            self.run.push(next);
            self.octets = self.octets.saturating_add(datagram_len(&next));
            end = end.saturating_add(len as u64);
            if len < span.len {
                break;
            }
        }
        None
    }

    fn note_window(&mut self, serial: u64) {
        let (first, last) = (self.run.first(), self.run.last());
        let spans = first
            .and_then(Transmit::span)
            .zip(last.and_then(Transmit::span));
        self.window = spans.map(|(first, last)| Window {
            serial,
            blksize: first.len,
            run: self.window.map_or(self.run.len(), |window| window.run),
            end: last.offset.saturating_add(last.len as u64),
        });
    }

    /// Reads the bytes that `transfer` will want next, if it is the one that has just sent a window, so that they
    /// are there when its client has acknowledged that. Whatever else is sent first takes their place.
    pub(crate) fn read_ahead(&mut self, serial: u64, transfer: &mut Transfer) {
        let window = self.window.take().filter(|window| window.serial == serial);
        let (Some(window), File::Source(source)) = (window, &mut transfer.file) else {
            return;
        };
        // One that does not know its length may be one that cannot be read at will.
        let length = source.length().unwrap_or_default();
        let Some(mut left) = length.checked_sub(window.end).filter(|left| *left > 0) else {
            return;
        };
        let stride = window.blksize.saturating_add(DATA_HEADER_LEN);
        let mut gaps: [IoSliceMut<'_>; MOST_DATAGRAMS] =
            core::array::from_fn(|_| IoSliceMut::new(&mut []));
        let (mut count, mut wanted) = (0_usize, 0_usize);
        let places = gaps.iter_mut().zip(self.buf.chunks_exact_mut(stride));
        for (gap, datagram) in places.take(window.run) {
            let len = usize::try_from(left).map_or(window.blksize, |left| left.min(window.blksize));
            let body = datagram.get_mut(DATA_HEADER_LEN..).unwrap_or_default();
            *gap = IoSliceMut::new(body.get_mut(..len).unwrap_or_default());
            count = count.saturating_add(1);
            wanted = wanted.saturating_add(len);
            left = left.saturating_sub(len as u64);
            if left == 0 {
                break;
            }
        }
        let gaps = gaps.get_mut(..count).unwrap_or_default();
        // What goes wrong here goes wrong again when the bytes are wanted.
        let read = read_into(source.as_mut(), window.end, gaps);
        self.ahead = read.is_ok_and(|read| read == wanted).then_some(Ahead {
            serial: window.serial,
            offset: window.end,
            stride,
            octets: wanted,
        });
    }

    fn send_run(&mut self, serial: u64, transfer: &mut Transfer, outlet: &Outlet<'_>) -> Sent {
        if !transfer.affords(self.octets) {
            transfer.owed = self.run.first().copied();
            return Sent::All;
        }
        let changed = match self.build(serial, transfer) {
            Ok(whole) => !whole,
            Err(error) => {
                transfer.fail(error);
                return Sent::Changed;
            }
        };
        match self.transmit(transfer, outlet) {
            // The machine gives what is lost here once more, when the timer fires.
            _ if changed => Sent::Changed,
            None => Sent::All,
            Some(index) => Sent::Blocked(index),
        }
    }

    /// Encodes the run and reads the file into it. `false`: the file ended before that; only what is
    /// whole is left of the run.
    fn build(&mut self, serial: u64, transfer: &mut Transfer) -> Result<bool, ContentError> {
        let ahead = self.ahead.take();
        let mut room = self.buf.as_mut_slice();
        let mut gaps: [IoSliceMut<'_>; MOST_DATAGRAMS] =
            core::array::from_fn(|_| IoSliceMut::new(&mut []));
        let mut wanted = 0_usize;
        for (transmit, place) in self.run.iter().zip(&mut gaps) {
            let (datagram, rest) = core::mem::take(&mut room)
                .split_at_mut_checked(datagram_len(transmit))
                .unwrap_or_default();
            room = rest;
            if let Ok(Some(gap)) = transmit.encode(datagram) {
                wanted = wanted.saturating_add(gap.buf.len());
                *place = IoSliceMut::new(gap.buf);
            }
        }
        let Some(span) = self.run.first().and_then(Transmit::span) else {
            if let Some(message) = transfer.farewell {
                self.octets = explain(message, &mut self.buf).unwrap_or(self.octets);
            }
            return Ok(true);
        };
        let (File::Source(source), Machine::Sender(sender)) =
            (&mut transfer.file, &mut transfer.machine)
        else {
            return Ok(true);
        };
        if ahead.is_some_and(|ahead| ahead.holds(serial, &self.run, wanted)) {
            return Ok(true);
        }
        let gaps = gaps.get_mut(..self.run.len()).unwrap_or_default();
        let count = if wanted == 0 {
            0
        } else {
            read_into(source.as_mut(), span.offset, gaps)?
        };
        if count >= wanted {
            return Ok(true);
        }
        if source.length().is_some() {
            // The file was cut while it was being sent. To fill it up would be to make up its end.
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        let end = span.offset.saturating_add(count as u64);
        sender.ends_at(end);
        self.run.retain(|transmit| {
            transmit
                .span()
                .is_some_and(|span| span.offset.saturating_add(span.len as u64) <= end)
        });
        let left = self.run.iter().map(datagram_len);
        self.octets = left.fold(0, usize::saturating_add);
        Ok(false)
    }

    /// Sends the run. The index returned is of the first datagram that there was no room for.
    fn transmit(&self, transfer: &mut Transfer, outlet: &Outlet<'_>) -> Option<usize> {
        let (first, contents) = (self.run.first()?, self.buf.get(..self.octets)?);
        let size = first.span().map_or(self.octets, |_| datagram_len(first));
        if self.run.len() > 1 && transfer.segmentation && self.run.len() <= outlet.segments {
            match outlet.send(first, contents, Some(size)) {
                Ok(()) => return None,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Some(0),
                // The route cannot do it: its packets are smaller than ours, or the driver lacks it.
                Err(_) => transfer.segmentation = false,
            }
        }
        for (index, datagram) in contents.chunks(size.max(1)).enumerate() {
            match outlet.send(first, datagram, None) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Some(index),
                // Anything else is a loss, which the timers deal with.
                Ok(()) | Err(_) => {}
            }
        }
        None
    }
}

fn read_into(
    source: &mut dyn Source,
    offset: u64,
    gaps: &mut [IoSliceMut<'_>],
) -> Result<usize, ContentError> {
    match gaps {
        [gap] => source.read_at(offset, gap),
        gaps => source.read_vectored_at(offset, gaps),
    }
}

/// Octets of a datagram. Those of DATA are known without writing it for measure.
fn datagram_len(transmit: &Transmit<'_>) -> usize {
    match transmit.span() {
        Some(span) => span.len.saturating_add(DATA_HEADER_LEN),
        None => transmit.encoded_len(),
    }
}

/// Puts `message` into the ERROR at the start of `buf`, if there is one that has no code of its own: the code
/// alone would say nothing. The octets that it has now are returned.
fn explain(message: &'static str, buf: &mut [u8]) -> Option<usize> {
    let code = ErrorCode::NOT_DEFINED;
    if !matches!(buf, [0, 5, 0, 0, ..]) {
        return None;
    }
    let message = Text(message.as_bytes());
    Packet::Error { code, message }.encode(buf).ok()
}

#[cfg(test)]
mod tests {
    use tftp_proto::{Config, Incoming, Length, Sender};

    use super::*;

    /// The first window of four blocks of 512.
    fn window() -> Vec<Transmit<'static>> {
        let client = ([127, 0, 0, 1], 2000).into();
        let request = b"\0\x01image\0octet\0windowsize\x004\0";
        let incoming = Incoming::decode(client, request).unwrap();
        let now = Instant::ZERO;
        let length = Length::Known(5000);
        let mut sender = Sender::accept(now, &incoming, length, Config::server());
        assert!(matches!(sender.poll(now), Output::Transmit(_)));
        let _ = sender.handle(now, client, &[0, 4, 0, 0]);
        let outputs = (0..4).map(|_| sender.poll(now));
        outputs
            .filter_map(|output| match output {
                Output::Transmit(transmit) => Some(transmit),
                Output::Wait(_) | Output::Done(_) => None,
            })
            .collect()
    }

    #[test]
    fn only_all_the_bytes_at_the_right_places_are_as_good_as_reading_them() {
        let ahead = |serial, offset, stride, octets| Ahead {
            serial,
            offset,
            stride,
            octets,
        };
        let run = window();
        assert!(ahead(1, 0, 516, 2048).holds(1, &run, 2048));
        for other in [
            ahead(2, 0, 516, 2048),
            ahead(1, 512, 516, 2048),
            ahead(1, 0, 1028, 2048),
            ahead(1, 0, 516, 2047),
        ] {
            assert!(!other.holds(1, &run, 2048), "{other:?}");
        }
    }
}
