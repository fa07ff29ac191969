//! A NOR flash in memory that insists on the rules of a real one.

use core::fmt;

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash, check_erase, check_read,
    check_write,
};

/// Octets that are erased at once.
pub(crate) const SECTOR: u32 = 4096;
/// Octets that are written at once.
pub(crate) const WORD: usize = 4;

/// A flash of sectors of 4 KiB, written in words of 4 octets, each of them once after it was erased.
pub(crate) struct Flash {
    octets: Vec<u8>,
}

/// What a flash does not do.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// Outside the flash, or not at a boundary.
    Place(NorFlashErrorKind),
    /// There are bits to be set that only erasing sets.
    NotErased,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Place(kind) => write!(f, "{kind:?}"),
            Self::NotErased => f.write_str("written without being erased"),
        }
    }
}

impl NorFlashError for Fault {
    fn kind(&self) -> NorFlashErrorKind {
        match self {
            Self::Place(kind) => *kind,
            Self::NotErased => NorFlashErrorKind::Other,
        }
    }
}

impl Flash {
    /// A flash of at least so many octets that has been used: nothing in it is erased.
    pub(crate) fn used(octets: u32) -> Self {
        let sectors = octets.div_ceil(SECTOR);
        Self {
            octets: vec![0x5a; sectors.saturating_mul(SECTOR) as usize],
        }
    }

    fn part(&mut self, offset: u32, len: usize) -> Result<&mut [u8], Fault> {
        let start = offset as usize;
        self.octets
            .get_mut(start..start.saturating_add(len))
            .ok_or(Fault::Place(NorFlashErrorKind::OutOfBounds))
    }
}

impl ErrorType for Flash {
    type Error = Fault;
}

impl ReadNorFlash for Flash {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Fault> {
        check_read(self, offset, bytes.len()).map_err(Fault::Place)?;
        bytes.copy_from_slice(self.part(offset, bytes.len())?);
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.octets.len()
    }
}

impl NorFlash for Flash {
    const WRITE_SIZE: usize = WORD;
    const ERASE_SIZE: usize = SECTOR as usize;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), Fault> {
        check_erase(self, from, to).map_err(Fault::Place)?;
        self.part(from, to.saturating_sub(from) as usize)?
            .fill(0xff);
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Fault> {
        check_write(self, offset, bytes.len()).map_err(Fault::Place)?;
        let cells = self.part(offset, bytes.len())?;
        if cells.iter().any(|cell| *cell != 0xff) {
            return Err(Fault::NotErased);
        }
        cells.copy_from_slice(bytes);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_written_once_after_each_erasure() {
        let mut flash = Flash::used(SECTOR);
        assert!(matches!(flash.write(0, &[0; WORD]), Err(Fault::NotErased)));
        flash.erase(0, SECTOR).expect("a sector");
        flash.write(0, &[0; WORD]).expect("an erased word");
        assert!(matches!(flash.write(0, &[0; WORD]), Err(Fault::NotErased)));
    }

    #[test]
    fn only_whole_words_and_sectors_are_taken() {
        let mut flash = Flash::used(SECTOR);
        for (offset, len) in [(1, WORD), (0, 3), (SECTOR, WORD)] {
            let result = flash.write(offset, &vec![0; len]);
            assert!(matches!(result, Err(Fault::Place(_))), "{len} at {offset}");
        }
        assert!(matches!(flash.erase(0, 100), Err(Fault::Place(_))));
    }
}
