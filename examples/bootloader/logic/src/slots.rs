//! Two places for an image, and what is known about the image in each.
//!
//! The last sector of a slot is its record. It is erased before the first octet of a new image is
//! written and gets its contents after the last one was checked, so that a slot whose image is not whole
//! has no record, whenever the power failed. After that, bits are only cleared: a unit for each
//! start, one for the confirmation.

use embedded_storage::nor_flash::{NorFlash, NorFlashError as _, NorFlashErrorKind};
use sha2::{Digest as _, Sha256};

/// How often an image is started that never confirms that it works.
pub const TRIES: u32 = 3;

/// What is written at once: a multiple of every flash's word.
const UNIT: usize = 32;
const MAGIC: [u8; 4] = *b"TFB1";

/// The record's fields and their digest take two units.
const CONFIRMED_AT: u32 = 64;
const BEGUN_AT: u32 = 96;
const FIRST_TRY_AT: u32 = 128;

/// One of the two slots.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "there are two slots")]
pub enum SlotId {
    /// The first half of the flash.
    A,
    /// The second half.
    B,
}

impl SlotId {
    /// The slot that is not this one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }

    /// `A` or `B`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::B => "B",
        }
    }
}

/// An image that was stored whole.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "as it is stored")]
pub struct Record {
    /// Larger is newer.
    pub version: u32,
    /// Octets.
    pub size: u32,
    /// SHA-256 of them.
    pub sha256: [u8; 32],
}

/// What is in a slot.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a bootloader must meet every case")]
pub enum State {
    /// Nothing, or nothing that was ever an image.
    Empty,
    /// An image whose transfer was cut off.
    Incomplete,
    /// An image that has been started this many times and has not confirmed yet that it works.
    Trial(Record, u32),
    /// An image that has said that it works.
    Confirmed(Record),
    /// An image that was started [`TRIES`] times and never said so.
    GivenUp(Record),
}

impl State {
    /// The image, if it may be started.
    #[must_use]
    pub const fn bootable(&self) -> Option<Record> {
        match self {
            Self::Trial(record, _) | Self::Confirmed(record) => Some(*record),
            Self::Empty | Self::Incomplete | Self::GivenUp(_) => None,
        }
    }
}

/// The two slots of a flash.
#[derive(Debug)]
pub struct Slots<F> {
    flash: F,
}

impl<F: NorFlash> Slots<F> {
    /// Takes the whole flash.
    pub const fn new(flash: F) -> Self {
        const {
            assert!(UNIT.is_multiple_of(F::WRITE_SIZE) && UNIT.is_multiple_of(F::READ_SIZE));
            assert!(F::ERASE_SIZE >= 256);
        }
        Self { flash }
    }

    /// Octets that an image may have.
    #[must_use]
    pub fn image_capacity(&self) -> u32 {
        self.slot_size().saturating_sub(Self::sector())
    }

    /// What is in a slot.
    ///
    /// # Errors
    /// If the flash cannot be read.
    pub fn state(&mut self, slot: SlotId) -> Result<State, NorFlashErrorKind> {
        let mut stored = [0; 2 * UNIT];
        self.read_raw(self.record_at(slot), &mut stored)?;
        let Some(record) = decode(&stored) else {
            let erased = stored == [0xff; 2 * UNIT];
            return Ok(if erased && self.is_cleared(slot, BEGUN_AT)? {
                State::Incomplete
            } else {
                State::Empty
            });
        };
        if self.is_cleared(slot, CONFIRMED_AT)? {
            return Ok(State::Confirmed(record));
        }
        let mut starts = 0_u32;
        while starts < TRIES && self.is_cleared(slot, try_at(starts))? {
            starts = starts.saturating_add(1);
        }
        Ok(if starts < TRIES {
            State::Trial(record, starts)
        } else {
            State::GivenUp(record)
        })
    }

    /// Forgets what is in the slot: an image is about to be written.
    ///
    /// # Errors
    /// If the flash fails.
    pub fn begin(&mut self, slot: SlotId) -> Result<(), NorFlashErrorKind> {
        let at = self.record_at(slot);
        self.erase_raw(at)?;
        self.clear(slot, BEGUN_AT)
    }

    /// Writes whole units of the image. The first write into a sector erases it.
    pub(crate) fn write(
        &mut self,
        slot: SlotId,
        mut offset: u32,
        mut units: &[u8],
    ) -> Result<(), NorFlashErrorKind> {
        while !units.is_empty() {
            let into = offset.checked_rem(Self::sector()).unwrap_or_default();
            let at = self.start_of(slot).saturating_add(offset);
            if into == 0 {
                self.erase_raw(at)?;
            }
            let room = Self::sector().saturating_sub(into) as usize;
            let (now, later) = units.split_at_checked(room).unwrap_or((units, &[]));
            self.flash.write(at, now).map_err(|error| error.kind())?;
            offset = offset.saturating_add(u32::try_from(now.len()).unwrap_or(u32::MAX));
            units = later;
        }
        Ok(())
    }

    /// Marks the slot: its image is whole, and checked.
    ///
    /// # Errors
    /// If the flash fails.
    pub fn finish(&mut self, slot: SlotId, record: &Record) -> Result<(), NorFlashErrorKind> {
        let at = self.record_at(slot);
        self.flash
            .write(at, &encode(record))
            .map_err(|error| error.kind())
    }

    /// Notes that the slot is about to be started.
    ///
    /// # Errors
    /// If the flash fails.
    pub fn count_start(&mut self, slot: SlotId) -> Result<(), NorFlashErrorKind> {
        match self.state(slot)? {
            State::Trial(_, starts) => self.clear(slot, try_at(starts)),
            _ => Ok(()),
        }
    }

    /// Notes that the image in the slot works. The image calls this once it is sure of itself.
    ///
    /// # Errors
    /// If the flash fails.
    pub fn confirm(&mut self, slot: SlotId) -> Result<(), NorFlashErrorKind> {
        if self.is_cleared(slot, CONFIRMED_AT)? {
            return Ok(());
        }
        self.clear(slot, CONFIRMED_AT)
    }

    /// Copies an image into `memory` and tells whether it is what its record says.
    ///
    /// # Errors
    /// If the flash cannot be read.
    pub fn load(
        &mut self,
        slot: SlotId,
        record: &Record,
        memory: &mut [u8],
        mut between: impl FnMut(),
    ) -> Result<bool, NorFlashErrorKind> {
        let Some(image) = memory.get_mut(..record.size as usize) else {
            return Ok(false);
        };
        let mut digest = Sha256::new();
        let mut at = self.start_of(slot);
        for chunk in image.chunks_mut(F::ERASE_SIZE) {
            self.read_raw(at, chunk)?;
            digest.update(&*chunk);
            at = at.saturating_add(Self::sector());
            between();
        }
        Ok(digest.finalize().as_slice() == record.sha256)
    }

    fn sector() -> u32 {
        u32::try_from(F::ERASE_SIZE).unwrap_or(u32::MAX)
    }

    fn slot_size(&self) -> u32 {
        let half = u32::try_from(self.flash.capacity() >> 1).unwrap_or(u32::MAX);
        half.saturating_sub(half.checked_rem(Self::sector()).unwrap_or_default())
    }

    fn start_of(&self, slot: SlotId) -> u32 {
        match slot {
            SlotId::A => 0,
            SlotId::B => self.slot_size(),
        }
    }

    fn record_at(&self, slot: SlotId) -> u32 {
        self.start_of(slot).saturating_add(self.image_capacity())
    }

    fn is_cleared(&mut self, slot: SlotId, at: u32) -> Result<bool, NorFlashErrorKind> {
        let mut unit = [0xff; UNIT];
        self.read_raw(self.record_at(slot).saturating_add(at), &mut unit)?;
        Ok(unit == [0; UNIT])
    }

    fn clear(&mut self, slot: SlotId, at: u32) -> Result<(), NorFlashErrorKind> {
        let at = self.record_at(slot).saturating_add(at);
        self.flash
            .write(at, &[0; UNIT])
            .map_err(|error| error.kind())
    }

    fn read_raw(&mut self, at: u32, bytes: &mut [u8]) -> Result<(), NorFlashErrorKind> {
        self.flash.read(at, bytes).map_err(|error| error.kind())
    }

    fn erase_raw(&mut self, at: u32) -> Result<(), NorFlashErrorKind> {
        self.flash
            .erase(at, at.saturating_add(Self::sector()))
            .map_err(|error| error.kind())
    }
}

fn try_at(starts: u32) -> u32 {
    starts
        .saturating_mul(u32::try_from(UNIT).unwrap_or(0))
        .saturating_add(FIRST_TRY_AT)
}

/// Magic, version, size, digest of the image, and the first octets of the digest of all that.
fn encode(record: &Record) -> [u8; 2 * UNIT] {
    let mut stored = [0xff; 2 * UNIT];
    let fields = MAGIC
        .into_iter()
        .chain(record.version.to_le_bytes())
        .chain(record.size.to_le_bytes())
        .chain(record.sha256);
    stored
        .iter_mut()
        .zip(fields)
        .for_each(|(to, field)| *to = field);
    if let Some((fields, rest)) = stored.split_at_mut_checked(44) {
        let check = Sha256::digest(fields);
        rest.iter_mut()
            .zip(check)
            .for_each(|(to, octet)| *to = octet);
    }
    stored
}

fn decode(stored: &[u8; 2 * UNIT]) -> Option<Record> {
    let (magic, rest) = stored.split_first_chunk::<4>()?;
    let (version, rest) = rest.split_first_chunk::<4>()?;
    let (size, rest) = rest.split_first_chunk::<4>()?;
    let (sha256, _) = rest.split_first_chunk::<32>()?;
    let record = Record {
        version: u32::from_le_bytes(*version),
        size: u32::from_le_bytes(*size),
        sha256: *sha256,
    };
    (*magic == MAGIC && encode(&record) == *stored).then_some(record)
}
