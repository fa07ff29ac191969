//! Reading a window before its client has acknowledged the one before it.

use std::io::IoSliceMut;

use tftp_proto::{DATA_HEADER_LEN, Transmit};

use crate::{ContentError, Source};

/// Room for what is sent at once, and for what is read ahead.
pub(crate) const ROOM: usize = 1 << 17;
/// Datagrams that are read ahead at the most.
const MOST_DATAGRAMS: usize = 128;

/// A window that has been sent, as a hint to the next one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    serial: u64,
    blksize: usize,
    datagrams: usize,
    /// Where it ends in the file.
    end: u64,
}

impl Window {
    /// The window that `run` of the session with this number has continued, or begun. `None` if it is not DATA.
    pub(crate) fn grown(before: Option<Self>, serial: u64, run: &[Transmit<'_>]) -> Option<Self> {
        let (first, last) = (run.first()?.span()?, run.last()?.span()?);
        let sent = before.map_or(0, |before| before.datagrams);
        Some(Self {
            serial,
            blksize: before.map_or(first.len, |before| before.blksize),
            datagrams: sent.saturating_add(run.len()),
            end: last.offset.saturating_add(last.len as u64),
        })
    }

    pub(crate) const fn is_of(&self, serial: u64) -> bool {
        self.serial == serial
    }

    /// Reads as much as this window had into `room`, where the next one's datagrams will have it.
    pub(crate) fn read_next(self, source: &mut dyn Source, room: &mut [u8]) -> Option<Ahead> {
        // One that does not know its length may be one that cannot be read at will.
        let mut left = source.length()?.checked_sub(self.end)?;
        let stride = self.blksize.saturating_add(DATA_HEADER_LEN);
        let mut gaps: [IoSliceMut<'_>; MOST_DATAGRAMS] =
            core::array::from_fn(|_| IoSliceMut::new(&mut []));
        let (mut count, mut wanted) = (0_usize, 0_usize);
        let places = gaps.iter_mut().zip(room.chunks_exact_mut(stride));
        for (gap, datagram) in places.take(self.datagrams) {
            let len = usize::try_from(left).map_or(self.blksize, |left| left.min(self.blksize));
            if len == 0 {
                break;
            }
            let body = datagram.get_mut(DATA_HEADER_LEN..)?;
            *gap = IoSliceMut::new(body.get_mut(..len)?);
            count = count.saturating_add(1);
            wanted = wanted.saturating_add(len);
            left = left.saturating_sub(len as u64);
        }
        if wanted == 0 {
            return None;
        }
        // What goes wrong here goes wrong again when the bytes are wanted.
        let read = read_into(source, self.end, gaps.get_mut(..count)?).ok()?;
        (read == wanted).then_some(Ahead {
            serial: self.serial,
            offset: self.end,
            stride,
            octets: wanted,
            start: 0,
        })
    }
}

/// Octets of a file that lie in the buffer where datagrams of so many octets each have them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ahead {
    serial: u64,
    offset: u64,
    stride: usize,
    octets: usize,
    /// Where the first of the datagrams is.
    start: usize,
}

impl Ahead {
    pub(crate) const fn start(&self) -> usize {
        self.start
    }

    /// Whether the bytes of `run`, which are `wanted`, are the first of them.
    pub(crate) fn holds(&self, serial: u64, run: &[Transmit<'_>], wanted: usize) -> bool {
        let Some(first) = run.first() else {
            return false;
        };
        let starts = first.span().is_some_and(|span| span.offset == self.offset);
        let fits = run.len() == 1 || datagram_len(first) == self.stride;
        serial == self.serial && starts && fits && wanted <= self.octets
    }

    /// What is left after a run of so many datagrams with so many octets of the file.
    pub(crate) fn after(self, datagrams: usize, octets: usize) -> Option<Self> {
        let left = self.octets.checked_sub(octets).filter(|left| *left > 0)?;
        Some(Self {
            offset: self.offset.saturating_add(octets as u64),
            octets: left,
            start: self
                .start
                .saturating_add(datagrams.saturating_mul(self.stride)),
            ..self
        })
    }
}

/// Reads into several places one after the other.
pub(crate) fn read_into(
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
pub(crate) fn datagram_len(transmit: &Transmit<'_>) -> usize {
    match transmit.span() {
        Some(span) => span.len.saturating_add(DATA_HEADER_LEN),
        None => transmit.encoded_len(),
    }
}

#[cfg(test)]
mod tests {
    use tftp_proto::{Config, Incoming, Instant, Length, Output, Sender};

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
            start: 0,
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
