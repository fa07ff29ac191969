//! DATA packets gathered for one send call.

use core::net::SocketAddr;

use tftp_proto::{Gap, Transmit};

/// The most octets in one send call with segmentation offload: what an IP datagram could carry.
const MAX_OCTETS: usize = 65_000;

/// A run of datagrams of one length to one address, of which the last may be shorter.
#[derive(Debug)]
pub(super) struct Batch {
    buf: Vec<u8>,
    len: usize,
    segment: usize,
    to: Option<SocketAddr>,
    max_segments: usize,
}

impl Batch {
    pub(super) const fn new(max_segments: usize) -> Self {
        Self {
            buf: Vec::new(),
            len: 0,
            segment: 0,
            to: None,
            max_segments,
        }
    }

    /// Whether `transmit` can go into the same send call.
    pub(super) fn accepts(&self, transmit: &Transmit<'_>) -> bool {
        let len = transmit.encoded_len();
        self.len == 0
            // After a shorter one none can follow.
            || (self.len.is_multiple_of(self.segment)
                && self.to == Some(transmit.to)
                && len <= self.segment
                && self.len.saturating_add(len) <= MAX_OCTETS
                && self.len < self.segment.saturating_mul(self.max_segments))
    }

    /// Encodes `transmit` after those gathered and gives the gap to be filled. It counts only after
    /// [`Self::keep`].
    pub(super) fn encode(&mut self, transmit: &Transmit<'_>) -> Option<Gap<'_>> {
        let len = transmit.encoded_len();
        let end = self.len.saturating_add(len);
        if self.buf.len() < end {
            self.buf.resize(end.next_power_of_two(), 0);
        }
        transmit
            .encode(self.buf.get_mut(self.len..end)?)
            .ok()
            .flatten()
    }

    /// The datagram encoded last is complete.
    pub(super) fn keep(&mut self, transmit: &Transmit<'_>) {
        let len = transmit.encoded_len();
        if self.len == 0 {
            self.segment = len;
            self.to = Some(transmit.to);
        }
        self.len = self.len.saturating_add(len);
    }

    /// The datagrams gathered, the length of each, where they go.
    pub(super) fn contents(&self) -> Option<(&[u8], usize, SocketAddr)> {
        Some((self.buf.get(..self.len)?, self.segment, self.to?)).filter(|_| self.len > 0)
    }

    pub(super) const fn clear(&mut self) {
        self.len = 0;
    }
}
