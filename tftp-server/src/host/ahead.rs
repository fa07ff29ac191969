//! Reading what a client will want before it has acknowledged what it has.

use std::io::IoSliceMut;

use tftp_proto::{DATA_HEADER_LEN, Transmit};

use crate::{ContentError, Source};

/// Room for what is sent at once, and for what is read ahead.
pub(crate) const ROOM: usize = 1 << 17;
/// Pieces that are read ahead at the most.
const MOST_PIECES: usize = 128;

/// A window that has been sent, as a hint to the next ones.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    serial: u64,
    blksize: usize,
    datagrams: usize,
    /// Where it begins and ends in the file.
    start: u64,
    end: u64,
    /// Windows before it, each of which went on where the one before ended, with none of another transfer between.
    streak: usize,
}

impl Window {
    /// The window that `run` of the session with this number has continued, or begun. `None` if it is not DATA.
    pub(crate) fn grown(before: Option<Self>, serial: u64, run: &[Transmit<'_>]) -> Option<Self> {
        let (first, last) = (run.first()?.span()?, run.last()?.span()?);
        let before = before.unwrap_or(Self {
            serial,
            blksize: first.len,
            datagrams: 0,
            start: first.offset,
            end: first.offset,
            streak: 0,
        });
        Some(Self {
            datagrams: before.datagrams.saturating_add(run.len()),
            end: last.offset.saturating_add(last.len as u64),
            ..before
        })
    }

    /// This window as the one that was sent after `before`.
    pub(crate) fn following(self, before: Option<Self>) -> Self {
        let goes_on = |before: &Self| self.serial == before.serial && self.start >= before.end;
        let streak = before.filter(goes_on);
        Self {
            streak: streak.map_or(0, |before| before.streak.saturating_add(1)),
            ..self
        }
    }

    pub(crate) const fn is_of(&self, serial: u64) -> bool {
        self.serial == serial
    }

    /// From one place to the next, for datagrams that go out as those of this window did.
    const fn stride(&self) -> usize {
        // One that is sent alone may have its header where the last octets of the one before were.
        let header = if self.datagrams == 1 {
            0
        } else {
            DATA_HEADER_LEN
        };
        self.blksize.saturating_add(header)
    }

    /// How many blocks to read ahead: those of as many windows as the streak is long, so that what is read in vain
    /// is no more than what was of use.
    fn blocks(&self, room: usize) -> usize {
        let places = room.checked_div(self.stride()).unwrap_or_default();
        let places = match self.datagrams {
            1 => places,
            _ => places.min(MOST_PIECES),
        };
        let windows = places.checked_div(self.datagrams).unwrap_or_default();
        let windows = self.streak.min(windows.max(1));
        self.datagrams.saturating_mul(windows).min(places)
    }

    /// Reads what the next windows will have into `room`, where their datagrams will have it.
    pub(crate) fn read_next(self, source: &mut dyn Source, room: &mut [u8]) -> Option<Ahead> {
        // One that does not know its length may be one that cannot be read at will.
        let left = source.length()?.checked_sub(self.end)?;
        let bodies = room.get_mut(DATA_HEADER_LEN..)?;
        let most = self.blocks(bodies.len()).saturating_mul(self.blksize);
        let octets = usize::try_from(left).map_or(most, |left| left.min(most));
        if octets == 0 {
            return None;
        }
        // What goes wrong here goes wrong again when the bytes are wanted.
        let read = match self.datagrams {
            1 => source.read_at(self.end, bodies.get_mut(..octets)?),
            _ => self.read_apart(source, bodies, octets),
        };
        (read.ok()? == octets).then_some(Ahead {
            serial: self.serial,
            offset: self.end,
            stride: self.stride(),
            octets,
            start: 0,
        })
    }

    /// Reads `octets` into places that leave room for headers.
    fn read_apart(
        self,
        source: &mut dyn Source,
        bodies: &mut [u8],
        octets: usize,
    ) -> Result<usize, ContentError> {
        let mut gaps: heapless::Vec<IoSliceMut<'_>, MOST_PIECES> = heapless::Vec::new();
        let mut left = octets;
        for place in bodies.chunks_mut(self.stride()) {
            let len = left.min(self.blksize);
            let body = place.get_mut(..len).filter(|_| len > 0);
            if body.is_none_or(|body| gaps.push(IoSliceMut::new(body)).is_err()) {
                break;
            }
            left = left.saturating_sub(len);
        }
        read_into(source, self.end, &mut gaps)
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

    /// Whether the bytes of `run` begin with the first of them.
    pub(crate) fn begins(&self, serial: u64, run: &[Transmit<'_>]) -> bool {
        let span = run.first().and_then(Transmit::span);
        serial == self.serial && span.is_some_and(|span| span.offset == self.offset)
    }

    /// Whether the bytes of `run`, which begin with the first of them and are `wanted`, are all there, and its
    /// datagrams have room there.
    pub(crate) fn suffices(&self, run: &[Transmit<'_>], wanted: usize) -> bool {
        let fits = match run {
            [] | [_] => true,
            [first, ..] => datagram_len(first) == self.stride,
        };
        let headers = run.len().saturating_mul(DATA_HEADER_LEN);
        let end = self.start.saturating_add(headers).saturating_add(wanted);
        fits && wanted <= self.octets && end <= ROOM
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
        let holds = |ahead: Ahead| ahead.begins(1, &run) && ahead.suffices(&run, 2048);
        assert!(holds(ahead(1, 0, 516, 2048)));
        for other in [
            ahead(2, 0, 516, 2048),
            ahead(1, 512, 516, 2048),
            ahead(1, 0, 1028, 2048),
            ahead(1, 0, 516, 2047),
        ] {
            assert!(!holds(other), "{other:?}");
        }
    }
}
