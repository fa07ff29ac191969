//! Flash made of RAM, with a NOR's rules, for a board that has none.

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash, check_erase, check_read,
    check_write,
};

/// Memory that behaves like NOR flash: an erase sets a whole sector of 4 KiB to ones, and a write of
/// whole words can only turn ones into zeros. A write that would need an erase is an error, where a
/// real flash would keep the zeros and lose the data without a word.
#[derive(Debug)]
pub struct RamFlash<'a> {
    memory: &'a mut [u8],
}

/// What was asked of the flash is against its rules.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum RamFlashError {
    /// The range does not begin or end at a word or sector.
    NotAligned,
    /// The range is not inside the flash.
    OutOfBounds,
    /// The words were written since their sector was erased.
    NotErased,
}

impl NorFlashError for RamFlashError {
    fn kind(&self) -> NorFlashErrorKind {
        match self {
            Self::NotAligned => NorFlashErrorKind::NotAligned,
            Self::OutOfBounds => NorFlashErrorKind::OutOfBounds,
            Self::NotErased => NorFlashErrorKind::Other,
        }
    }
}

impl From<NorFlashErrorKind> for RamFlashError {
    fn from(kind: NorFlashErrorKind) -> Self {
        match kind {
            NorFlashErrorKind::NotAligned => Self::NotAligned,
            _ => Self::OutOfBounds,
        }
    }
}

impl<'a> RamFlash<'a> {
    /// Flash whose contents are those of `memory` as it is: it survives a reset as the memory does.
    pub const fn new(memory: &'a mut [u8]) -> Self {
        Self { memory }
    }

    fn range(&mut self, from: u32, len: usize) -> Option<&mut [u8]> {
        let from = from as usize;
        self.memory.get_mut(from..from.checked_add(len)?)
    }
}

impl ErrorType for RamFlash<'_> {
    type Error = RamFlashError;
}

impl ReadNorFlash for RamFlash<'_> {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Self::Error> {
        check_read(&*self, offset, bytes.len())?;
        let from = self
            .range(offset, bytes.len())
            .ok_or(RamFlashError::OutOfBounds)?;
        bytes.copy_from_slice(from);
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.memory.len()
    }
}

impl NorFlash for RamFlash<'_> {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = 4096;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), Self::Error> {
        check_erase(&*self, from, to)?;
        let len = to.saturating_sub(from) as usize;
        self.range(from, len)
            .ok_or(RamFlashError::OutOfBounds)?
            .fill(0xff);
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Self::Error> {
        check_write(&*self, offset, bytes.len())?;
        let to = self
            .range(offset, bytes.len())
            .ok_or(RamFlashError::OutOfBounds)?;
        if to.iter().zip(bytes).any(|(old, new)| old & new != *new) {
            return Err(RamFlashError::NotErased);
        }
        to.copy_from_slice(bytes);
        Ok(())
    }
}
