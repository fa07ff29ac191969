//! A file written to a flash that insists on its rules.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash, check_erase, check_read,
    check_write,
};
use tftp_client::{ErrorCode, FlashError, FlashRegion, RegionError, Sink};

const SECTOR: usize = 64;
const SECTORS: usize = 8;

/// A flash of 8 sectors of 64 octets that is written in words of 4, each once after it was erased.
#[derive(Debug)]
struct Flash {
    octets: Vec<u8>,
    erased: Vec<usize>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Fault {
    Bounds(NorFlashErrorKind),
    NotErased,
}

impl NorFlashError for Fault {
    fn kind(&self) -> NorFlashErrorKind {
        match self {
            Self::Bounds(kind) => *kind,
            Self::NotErased => NorFlashErrorKind::Other,
        }
    }
}

impl ErrorType for Flash {
    type Error = Fault;
}

impl ReadNorFlash for Flash {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Fault> {
        check_read(self, offset, bytes.len()).map_err(Fault::Bounds)?;
        bytes.copy_from_slice(&self.octets[offset as usize..][..bytes.len()]);
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.octets.len()
    }
}

impl NorFlash for Flash {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = SECTOR;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), Fault> {
        check_erase(self, from, to).map_err(Fault::Bounds)?;
        self.octets[from as usize..to as usize].fill(0xff);
        self.erased.push(from as usize / SECTOR);
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Fault> {
        check_write(self, offset, bytes.len()).map_err(Fault::Bounds)?;
        let to = &mut self.octets[offset as usize..][..bytes.len()];
        if to.iter().any(|octet| *octet != 0xff) {
            return Err(Fault::NotErased);
        }
        to.copy_from_slice(bytes);
        Ok(())
    }
}

/// A flash that has been used.
fn flash() -> Flash {
    Flash {
        octets: vec![0; SECTOR * SECTORS],
        erased: Vec::new(),
    }
}

fn octets(len: usize) -> Vec<u8> {
    (0..len).map(|at| at.to_le_bytes()[0] | 1).collect()
}

/// Writes `bytes` to sectors 1 to 7 in blocks of this length.
fn write(bytes: &[u8], block: usize) -> Result<Flash, FlashError<Fault>> {
    let mut region = FlashRegion::<_, 8>::new(flash(), 64..512).expect("whole sectors");
    for block in bytes.chunks(block) {
        region.write(block)?;
    }
    region.commit()?;
    Ok(region.into_flash())
}

#[test]
fn blocks_of_any_length_are_written_whole() {
    for len in [0, 1, 7, 8, 9, 63, 64, 65, 200, 447, 448] {
        for block in [1, 3, 8, 50, 64, 100, 512] {
            let written = write(&octets(len), block).expect("a file that fits").octets;
            assert_eq!(
                written[64..][..len],
                octets(len),
                "{len} in blocks of {block}"
            );
        }
    }
}

#[test]
fn sectors_are_erased_once_and_only_those_that_the_file_reaches() {
    assert_eq!(
        write(&octets(129), 50).map(|flash| flash.erased),
        Ok(vec![1, 2, 3])
    );
    assert_eq!(
        write(&octets(128), 50).map(|flash| flash.erased),
        Ok(vec![1, 2])
    );
    assert_eq!(write(&[], 50).map(|flash| flash.erased), Ok(vec![]));
}

#[test]
fn what_is_outside_the_region_is_left_alone() {
    let written = write(&octets(448), 50).expect("a file that fits").octets;
    assert_eq!(written[..64], [0; 64]);
    let region = FlashRegion::<_, 4>::new(flash(), 0..64).expect("a whole sector");
    assert_eq!(region.capacity(), 64);
}

#[test]
fn the_last_unit_is_filled_up_with_ones() {
    let written = write(&octets(9), 9).expect("a file that fits").octets;
    assert_eq!(written[64 + 9..128], [0xff; 55]);
}

#[test]
fn a_file_longer_than_the_region_is_refused_as_disk_full() {
    for block in [1, 50, 449] {
        let error = write(&octets(449), block).expect_err("no room");
        assert_eq!(error, FlashError::Full);
        let code = <FlashRegion<Flash, 8> as Sink>::code(&error);
        assert_eq!(code, ErrorCode::DISK_FULL);
    }
}

#[test]
fn a_region_of_broken_sectors_is_refused() {
    for region in [1..64, 0..65, 448..576] {
        let refused = FlashRegion::<_, 8>::new(flash(), region.clone()).err();
        assert_eq!(refused, Some(RegionError), "{region:?}");
    }
}

#[test]
fn a_file_that_starts_anew_is_written_to_erased_sectors() {
    let mut region = FlashRegion::<_, 8>::new(flash(), 64..512).expect("whole sectors");
    region.write(&octets(101)).expect("room");
    assert_eq!(region.restart(101), Ok(true));
    region.write(&octets(9)).expect("room");
    region.commit().expect("room");
    let written = region.into_flash().octets;
    assert_eq!(written[64..][..9], octets(9));
    assert_eq!(written[64..][9..64], [0xff; 55]);
}
