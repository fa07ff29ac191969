//! Sending: a window with one read and one system call.

use core::net::IpAddr;
use std::io::{self, IoSliceMut};

use mio::net::UdpSocket;
use quinn_udp::UdpSocketState;
use tftp_proto::{ErrorCode, Instant, Output, Packet, Summary, Text, TransferError, Transmit};

use super::{
    ahead::{Ahead, ROOM, Window, datagram_len, read_into},
    lead::LEAD,
    transfer::{File, Machine, Transfer},
};
use crate::ContentError;

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
    /// Where its datagrams are in the buffer, one after the other, and their octets.
    start: usize,
    octets: usize,
    /// The window that was sent in this turn.
    window: Option<Window>,
    /// The last one that had the loop for itself.
    before: Option<Window>,
    /// What was read of the next ones.
    ahead: Option<Ahead>,
}

impl Outbox {
    pub(crate) fn new() -> Self {
        Self {
            buf: vec![0; ROOM],
            run: Vec::with_capacity(MOST_DATAGRAMS),
            start: 0,
            octets: 0,
            window: None,
            before: None,
            ahead: None,
        }
    }

    /// Sends what `transfer`, which has this number, has to say, within the bounds of a turn. `leads`: the first
    /// datagrams of a window may go ahead of the others.
    pub(crate) fn serve(
        &mut self,
        serial: u64,
        transfer: &mut Transfer,
        outlet: &Outlet<'_>,
        now: Instant,
        leads: bool,
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
            let start = first.span().map(|span| span.offset);
            let most = match start.filter(|start| leads && *start == transfer.released) {
                Some(start) if transfer.lead.begin(now, start) => LEAD,
                _ => MOST_DATAGRAMS,
            };
            ahead = self.gather(first, transfer, now, most);
            octets = octets.saturating_add(self.octets);
            match self.send_run(serial, transfer, outlet) {
                Sent::All => self.window = Window::grown(self.window, serial, &self.run),
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

    /// Puts together `first` and the DATA that follows it, at the most so many datagrams, and returns the output that
    /// does not belong.
    fn gather(
        &mut self,
        first: Transmit<'static>,
        transfer: &mut Transfer,
        now: Instant,
        most: usize,
    ) -> Option<Output<'static>> {
        self.run.clear();
        self.run.push(first);
        self.octets = datagram_len(&first);
        let span = first.span()?;
        let fitting = MOST_OCTETS.checked_div(self.octets).unwrap_or_default();
        let mut end = span.offset.saturating_add(span.len as u64);
        while self.run.len() < fitting.min(most) {
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

    /// Reads the bytes that `transfer` will want next, if it is the one that has just sent a window, so that they
    /// are there when its client has acknowledged that. Whatever else is sent first takes their place.
    pub(crate) fn read_ahead(&mut self, serial: u64, transfer: &mut Transfer) {
        let Some(window) = self.window.take().filter(|window| window.is_of(serial)) else {
            return;
        };
        let window = window.following(self.before);
        self.before = Some(window);
        if self.ahead.is_none()
            && let File::Source(source) = &mut transfer.file
        {
            self.ahead = window.read_next(source.as_mut(), &mut self.buf);
        }
    }

    /// What was read ahead, if the run has the first of it. If it goes on elsewhere, it was read in vain, and the
    /// windows to come are no longer taken to be in a row.
    fn take_ahead(&mut self, serial: u64, wanted: usize) -> Option<Ahead> {
        let ahead = self.ahead.take()?;
        if !ahead.begins(serial, &self.run) {
            self.before = None;
            return None;
        }
        ahead.suffices(&self.run, wanted).then_some(ahead)
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
        let spans = self.run.iter().filter_map(Transmit::span);
        let wanted = spans.map(|span| span.len).fold(0, usize::saturating_add);
        let ahead = self.take_ahead(serial, wanted);
        self.start = ahead.map_or(0, |ahead| ahead.start());
        let Some(span) = self.run.first().and_then(Transmit::span) else {
            self.build_answer(transfer.farewell);
            return Ok(true);
        };
        let mut room = self.buf.get_mut(self.start..).unwrap_or_default();
        let mut gaps: heapless::Vec<IoSliceMut<'_>, MOST_DATAGRAMS> = heapless::Vec::new();
        for transmit in &self.run {
            let (datagram, rest) = core::mem::take(&mut room)
                .split_at_mut_checked(datagram_len(transmit))
                .unwrap_or_default();
            room = rest;
            if let Ok(Some(gap)) = transmit.encode(datagram) {
                // No run has more datagrams.
                let _ = gaps.push(IoSliceMut::new(gap.buf));
            }
        }
        let (File::Source(source), Machine::Sender(sender)) =
            (&mut transfer.file, &mut transfer.machine)
        else {
            return Ok(true);
        };
        if let Some(ahead) = ahead {
            self.ahead = ahead.after(self.run.len(), wanted);
            return Ok(true);
        }
        let count = if wanted == 0 {
            0
        } else {
            read_into(source.as_mut(), span.offset, &mut gaps)?
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

    /// Encodes a packet that is not DATA. An ERROR says `farewell` if it has no code of its own.
    fn build_answer(&mut self, farewell: Option<&'static str>) {
        if let Some(answer) = self.run.first()
            && answer.encode(&mut self.buf).is_ok()
            && let Some(message) = farewell
        {
            self.octets = explain(message, &mut self.buf).unwrap_or(self.octets);
        }
    }

    /// Sends the run. The index returned is of the first datagram that there was no room for.
    fn transmit(&self, transfer: &mut Transfer, outlet: &Outlet<'_>) -> Option<usize> {
        let first = self.run.first()?;
        let contents = self.buf.get(self.start..)?.get(..self.octets)?;
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
#[cfg(target_os = "linux")]
mod tests {
    use core::{
        net::{Ipv4Addr, SocketAddr},
        time::Duration,
    };
    use std::{thread, time};

    use tftp_proto::{Config, Incoming, Length, Sender};

    use super::*;
    use crate::{
        Source,
        host::{
            datagrams::{BATCH, Datagrams},
            socket::{Listener, bind_group, prepare_upload},
        },
    };

    struct Zeros;

    impl Source for Zeros {
        fn length(&self) -> Option<u64> {
            Some(1 << 20)
        }

        fn read_at(&mut self, _: u64, buf: &mut [u8]) -> Result<usize, ContentError> {
            buf.fill(0);
            Ok(buf.len())
        }
    }

    fn socket() -> Listener {
        let sockets = bind_group((Ipv4Addr::LOCALHOST, 0).into(), 1, 1 << 20);
        sockets.unwrap().pop().unwrap()
    }

    /// The octets of each message that comes until there are `wanted` in all.
    fn messages(socket: &Listener, wanted: usize) -> Vec<usize> {
        let mut datagrams = Datagrams::new();
        let mut lens = Vec::new();
        let start = time::Instant::now();
        while lens.iter().sum::<usize>() < wanted {
            assert!(start.elapsed() < Duration::from_secs(10), "{lens:?}");
            datagrams.receive(&socket.socket, &socket.state, BATCH);
            lens.extend(datagrams.messages().map(|message| message.meta.len));
            thread::yield_now();
        }
        lens
    }

    /// How the first two windows of four blocks each leave.
    fn windows(leads: bool) -> [Vec<usize>; 2] {
        let (server, client) = (socket(), socket());
        prepare_upload(&client.socket, 1 << 16);
        let from: SocketAddr = client.address;
        let incoming = Incoming::decode(from, b"\0\x01f\0octet\0windowsize\x004\0").unwrap();
        let length = Length::Known(1 << 20);
        let sender = Sender::accept(Instant::ZERO, &incoming, length, Config::server());
        let mut transfer = Transfer::new(Machine::Sender(sender), File::Source(Box::new(Zeros)));
        transfer.allow(u64::MAX);
        let outlet = Outlet {
            socket: &server.socket,
            state: &server.state,
            source: None,
            segments: server.segments,
        };
        let mut outbox = Outbox::new();
        let mut serve = |transfer: &mut Transfer, now| {
            assert!(matches!(
                outbox.serve(1, transfer, &outlet, now, leads),
                Flow::Idle(_)
            ));
        };
        serve(&mut transfer, Instant::ZERO);
        messages(&client, 1);
        [0_u8, 4].map(|acknowledged| {
            let now = Instant::from_millis(acknowledged.into());
            transfer.take(now, from, &[0, 4, 0, acknowledged], &mut Vec::new());
            serve(&mut transfer, now);
            let octets = messages(&client, 4 * 516);
            octets.iter().map(|octets| octets / 516).collect()
        })
    }

    #[test]
    fn two_datagrams_go_ahead_where_they_may_and_that_was_not_tried_yet() {
        if socket().segments > 1 {
            assert_eq!(windows(false), [vec![4], vec![4]]);
            assert_eq!(windows(true), [vec![4], vec![2, 2]]);
        }
    }
}
