//! A file into NOR flash.

use core::{fmt, ops::Range};

use embedded_storage::nor_flash::NorFlash;
use tftp_proto::ErrorCode;

use crate::Sink;

/// Writes a file into a region of NOR flash: erases a sector when the file reaches it, and writes in units
/// of `UNIT` octets.
///
/// `UNIT` is the flash's write size or a multiple of it. What goes to the flash comes from the datagram
/// itself, but for what a block has left over beyond whole units. The last unit is filled up with ones, as
/// erased flash is.
///
/// Set [`Config::max_len`](crate::Config::max_len) to [`capacity`](Self::capacity), and a file that is
/// too long is refused before a sector is erased for it, if its size is announced.
#[derive(Debug)]
pub struct FlashRegion<F, const UNIT: usize> {
    flash: F,
    /// Where the next unit goes.
    next: u32,
    /// Up to where it is erased.
    erased: u32,
    start: u32,
    end: u32,
    /// Octets that do not make a unit yet.
    rest: [u8; UNIT],
    rest_len: usize,
}

/// Why a file could not be written to flash.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum FlashError<E> {
    /// The flash failed.
    Flash(E),
    /// The file is longer than the region.
    Full,
}

impl<E: fmt::Debug> fmt::Display for FlashError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flash(error) => write!(f, "flash failed: {error:?}"),
            Self::Full => f.write_str("file longer than the flash region"),
        }
    }
}

impl<E: fmt::Debug> core::error::Error for FlashError<E> {}

/// The region is not one of whole sectors within the flash.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "there is nothing else to say")]
pub struct RegionError;

impl fmt::Display for RegionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("region not made of whole sectors of the flash")
    }
}

impl core::error::Error for RegionError {}

impl<F: NorFlash, const UNIT: usize> FlashRegion<F, UNIT> {
    /// Writes to the octets `region` of `flash`.
    ///
    /// # Errors
    /// If the region is not made of whole sectors of the flash.
    pub fn new(flash: F, region: Range<u32>) -> Result<Self, RegionError> {
        const {
            assert!(
                UNIT.is_multiple_of(F::WRITE_SIZE) && F::ERASE_SIZE.is_multiple_of(UNIT),
                "a unit is a whole number of write sizes, and a sector one of units"
            );
        }
        let sector = u32::try_from(F::ERASE_SIZE).map_err(|_| RegionError)?;
        let capacity = u32::try_from(flash.capacity()).unwrap_or(u32::MAX);
        let Range { start, end } = region;
        let is_whole = start.is_multiple_of(sector) && end.is_multiple_of(sector);
        if !is_whole || start > end || end > capacity {
            return Err(RegionError);
        }
        Ok(Self {
            flash,
            next: start,
            erased: start,
            start,
            end,
            rest: [0xff; UNIT],
            rest_len: 0,
        })
    }

    /// Octets that the region holds.
    #[must_use]
    pub const fn capacity(&self) -> u32 {
        self.end.saturating_sub(self.start)
    }

    /// Gives the flash back.
    #[must_use]
    pub fn into_flash(self) -> F {
        self.flash
    }

    fn program(&mut self, units: &[u8]) -> Result<(), FlashError<F::Error>> {
        let len = u32::try_from(units.len()).map_err(|_| FlashError::Full)?;
        let end = self.next.checked_add(len).ok_or(FlashError::Full)?;
        if end > self.end {
            return Err(FlashError::Full);
        }
        let sector = u32::try_from(F::ERASE_SIZE).map_err(|_| FlashError::Full)?;
        while self.erased < end {
            let sector_end = self.erased.saturating_add(sector);
            self.flash
                .erase(self.erased, sector_end)
                .map_err(FlashError::Flash)?;
            self.erased = sector_end;
        }
        self.flash
            .write(self.next, units)
            .map_err(FlashError::Flash)?;
        self.next = end;
        Ok(())
    }

    /// Moves what completes the unit that was begun from `bytes` to it, and writes it when it is whole.
    fn complete_unit<'b>(&mut self, bytes: &'b [u8]) -> Result<&'b [u8], FlashError<F::Error>> {
        let room = self.rest.get_mut(self.rest_len..).unwrap_or_default();
        let len = room.len().min(bytes.len());
        let (head, tail) = bytes.split_at_checked(len).unwrap_or((bytes, &[]));
        for (to, from) in room.iter_mut().zip(head) {
            *to = *from;
        }
        self.rest_len = self.rest_len.saturating_add(len);
        if self.rest_len == UNIT {
            let unit = self.rest;
            self.program(&unit)?;
            (self.rest, self.rest_len) = ([0xff; UNIT], 0);
        }
        Ok(tail)
    }
}

impl<F: NorFlash, const UNIT: usize> Sink for FlashRegion<F, UNIT> {
    type Error = FlashError<F::Error>;

    fn write(&mut self, mut bytes: &[u8]) -> Result<(), Self::Error> {
        if self.rest_len > 0 {
            bytes = self.complete_unit(bytes)?;
        }
        let (units, rest) = bytes.as_chunks::<UNIT>();
        if !units.is_empty() {
            self.program(units.as_flattened())?;
        }
        self.complete_unit(rest).map(|_| ())
    }

    fn commit(&mut self) -> Result<(), Self::Error> {
        if self.rest_len > 0 {
            let unit = self.rest;
            self.program(&unit)?;
            self.rest_len = 0;
        }
        Ok(())
    }

    /// What was written is erased when the file reaches it again.
    fn restart(&mut self, _: u64) -> Result<bool, Self::Error> {
        (self.next, self.erased, self.rest_len) = (self.start, self.start, 0);
        self.rest = [0xff; UNIT];
        Ok(true)
    }

    /// RFC 1350 has one code for all that keeps a file from being stored.
    fn code(_: &Self::Error) -> ErrorCode {
        ErrorCode::DISK_FULL
    }
}
