//! What was seen on the link, as a capture file and as a drawing.

use core::net::SocketAddr;
use std::{collections::VecDeque, io};

use tftp_proto::Instant;

use crate::{Datagram, ladder, pcap};

/// How many datagrams are remembered for the report of a violation, and how much of each.
const TAIL: usize = 48;
const HEAD: usize = 128;

/// The datagrams of a run, in the order in which they were sent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Capture {
    records: VecDeque<Record>,
    whole: bool,
}

/// A datagram, when it was sent and what became of it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Record {
    /// When it was sent.
    pub sent: Instant,
    /// When it arrived, if it did.
    pub arrived: Option<Instant>,
    /// When its second copy arrived, if there was one.
    pub again: Option<Instant>,
    /// By whom, or by whom it claims to be.
    pub from: SocketAddr,
    /// To whom.
    pub to: SocketAddr,
    /// Octets that it carried.
    pub len: usize,
    /// Those octets, or the first of them if the capture keeps no more.
    pub payload: Vec<u8>,
}

/// Where a capture file pretends to be taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "there are two ends to a flight")]
pub enum Tap {
    /// Where datagrams are sent: each once, those too that are lost.
    Sending,
    /// Where datagrams arrive: in the order of arrival, copies and all.
    Arriving,
}

impl Capture {
    pub(crate) const fn whole() -> Self {
        Self {
            records: VecDeque::new(),
            whole: true,
        }
    }

    pub(crate) const fn tail() -> Self {
        Self {
            records: VecDeque::new(),
            whole: false,
        }
    }

    pub(crate) fn record(
        &mut self,
        sent: Instant,
        datagram: &Datagram,
        arrived: Option<Instant>,
        again: Option<Instant>,
    ) {
        let len = datagram.payload.len();
        let kept = if self.whole { len } else { len.min(HEAD) };
        if !self.whole && self.records.len() >= TAIL {
            self.records.pop_front();
        }
        self.records.push_back(Record {
            sent,
            arrived,
            again,
            from: datagram.from,
            to: datagram.to,
            len,
            payload: datagram.payload.iter().take(kept).copied().collect(),
        });
    }

    /// The datagrams. All of them if the run was told to capture, else the last few.
    pub fn records(&self) -> impl ExactSizeIterator<Item = &Record> {
        self.records.iter()
    }

    /// Writes a capture file that tshark and Wireshark read: the classic pcap format, raw IPv4 and
    /// IPv6, times since the start of the run.
    ///
    /// # Errors
    /// If `out` fails.
    pub fn pcap(&self, tap: Tap, out: &mut impl io::Write) -> io::Result<()> {
        pcap::write(self, tap, out)
    }

    /// Draws the exchange: a column a host, a line a datagram, its fate at the end of the line.
    #[must_use]
    pub fn ladder(&self) -> String {
        ladder::draw(self)
    }
}
