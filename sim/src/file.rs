//! Files that need not exist: what is sent, and what has arrived.

use std::sync::Arc;

use tftp_proto::Length;

use crate::{Rng, Rule};

/// A prime, so that no two blocks of a file are alike before the pattern has come round.
const PERIOD: usize = 65_521;

/// A file to be sent. It may be larger than memory: its octets are computed from their offset.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct File {
    /// Repeated up to the length.
    content: Arc<[u8]>,
    len: u64,
    known: bool,
}

impl File {
    /// A file of these octets.
    pub fn of(content: impl Into<Arc<[u8]>>) -> Self {
        let content = content.into();
        Self {
            len: content.len() as u64,
            content,
            known: true,
        }
    }

    /// A file of `len` octets that look random and depend on `seed`.
    #[must_use]
    pub fn pattern(seed: u64, len: u64) -> Self {
        let mut rng = Rng::new(seed);
        let period = usize::try_from(len).map_or(PERIOD, |len| len.clamp(1, PERIOD));
        let content = (0..period).map(|_| rng.next().to_le_bytes()[0]).collect();
        Self {
            content,
            len,
            known: true,
        }
    }

    /// The same file, but its sender does not know the length before it comes to the end: a pipe, or
    /// a translated text.
    #[must_use]
    pub fn of_unknown_length(self) -> Self {
        Self {
            known: false,
            ..self
        }
    }

    /// Octets.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// What a sender is told of the length.
    #[must_use]
    pub const fn length(&self) -> Length {
        if self.known {
            Length::Known(self.len)
        } else {
            Length::Unknown
        }
    }

    /// Fills `buf` from `offset` on and tells how many octets there were.
    pub fn read(&self, offset: u64, buf: &mut [u8]) -> usize {
        let mut rest = buf;
        let mut read = 0;
        while let Some(piece) = self
            .piece(offset + read as u64)
            .filter(|_| !rest.is_empty())
        {
            let len = piece.len().min(rest.len());
            let (room, later) = rest.split_at_mut(len);
            room.copy_from_slice(piece.split_at(len).0);
            rest = later;
            read += len;
        }
        read
    }

    /// Whether the file has exactly these octets at `offset`.
    #[must_use]
    pub fn has(&self, mut offset: u64, mut octets: &[u8]) -> bool {
        while !octets.is_empty() {
            let Some(piece) = self.piece(offset) else {
                return false;
            };
            let len = piece.len().min(octets.len());
            let (now, later) = octets.split_at(len);
            if piece.get(..len) != Some(now) {
                return false;
            }
            octets = later;
            offset += len as u64;
        }
        true
    }

    /// Some octets from `offset` on, `None` at the end.
    fn piece(&self, offset: u64) -> Option<&[u8]> {
        let left = self.len.checked_sub(offset).filter(|left| *left > 0)?;
        let start = usize::try_from(offset % self.content.len().max(1) as u64).ok()?;
        let piece = self.content.get(start..)?;
        let len = usize::try_from(left).map_or(piece.len(), |left| left.min(piece.len()));
        piece.get(..len)
    }
}

/// Where a received file goes: compared with what it should be, or kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Sink {
    expected: Option<File>,
    kept: Vec<u8>,
    len: u64,
    whole: bool,
}

impl Sink {
    /// Keeps the octets.
    #[must_use]
    pub const fn keeping() -> Self {
        Self {
            expected: None,
            kept: Vec::new(),
            len: 0,
            whole: false,
        }
    }

    /// Compares the octets with those of `file` and keeps none.
    #[must_use]
    pub const fn expecting(file: File) -> Self {
        Self {
            expected: Some(file),
            kept: Vec::new(),
            len: 0,
            whole: false,
        }
    }

    /// Takes a block.
    ///
    /// # Errors
    /// If it does not follow the one before, or has octets that the file has not.
    pub fn take(&mut self, offset: u64, payload: &[u8], last: bool) -> Result<(), Rule> {
        if offset != self.len || self.whole {
            return Err(Rule::OutOfOrder { offset });
        }
        match &self.expected {
            Some(file) if !file.has(offset, payload) => return Err(Rule::Altered { offset }),
            Some(_) => {}
            None => self.kept.extend_from_slice(payload),
        }
        self.len += payload.len() as u64;
        self.whole = last;
        match &self.expected {
            Some(file) if last && file.len() != self.len => Err(Rule::Altered { offset: self.len }),
            _ => Ok(()),
        }
    }

    /// Octets so far.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// Whether nothing has arrived.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether the last block has arrived.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.whole
    }

    /// What was kept.
    #[must_use]
    pub fn kept(&self) -> &[u8] {
        &self.kept
    }
}
