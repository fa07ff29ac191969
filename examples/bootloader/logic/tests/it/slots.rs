use boot_logic::{ImageWriter, RamFlash, Record, SlotId, Slots, State, StoreError, TRIES};
use sha2::{Digest as _, Sha256};

const FLASH_LEN: usize = 64 * 1024;

fn image(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 7 % 251) as u8).collect()
}

fn record(image: &[u8]) -> Record {
    Record {
        version: 5,
        size: u32::try_from(image.len()).unwrap(),
        sha256: Sha256::digest(image).into(),
    }
}

/// Writes an image in pieces of this length, up to `octets` of it, and finishes it if that is all.
fn store(memory: &mut [u8], image: &[u8], piece: usize, octets: usize) -> Result<(), StoreError> {
    let mut slots = Slots::new(RamFlash::new(memory));
    let mut writer = ImageWriter::begin(&mut slots, SlotId::B, record(image))?;
    for piece in image[..octets].chunks(piece) {
        writer.write(&mut slots, piece)?;
    }
    if octets == image.len() {
        writer.finish(&mut slots)?;
    }
    Ok(())
}

fn state(memory: &mut [u8]) -> State {
    Slots::new(RamFlash::new(memory)).state(SlotId::B).unwrap()
}

#[test]
fn an_image_is_read_back_whatever_pieces_it_came_in() {
    let image = image(9_001);
    for piece in [1, 31, 32, 33, 512, 1468, 4096, 9_001] {
        let mut memory = vec![0; FLASH_LEN];
        store(&mut memory, &image, piece, image.len()).unwrap();
        let mut loaded = vec![0; image.len()];
        let mut slots = Slots::new(RamFlash::new(&mut memory));
        let good = slots.load(SlotId::B, &record(&image), &mut loaded, || {});
        assert_eq!((good, &loaded), (Ok(true), &image), "pieces of {piece}");
    }
}

#[test]
fn flash_that_was_never_written_is_empty() {
    assert_eq!(state(&mut vec![0xff; FLASH_LEN]), State::Empty);
    assert_eq!(state(&mut vec![0; FLASH_LEN]), State::Empty);
}

#[test]
fn an_image_that_was_cut_off_is_incomplete() {
    let image = image(9_001);
    for octets in [0, 1, 4096, 9_000] {
        let mut memory = vec![0xff; FLASH_LEN];
        store(&mut memory, &image, 512, octets).unwrap();
        assert_eq!(state(&mut memory), State::Incomplete, "{octets} octets");
    }
}

#[test]
fn a_new_image_forgets_the_old_one_at_once() {
    let mut memory = vec![0xff; FLASH_LEN];
    let image = image(5_000);
    store(&mut memory, &image, 512, image.len()).unwrap();
    store(&mut memory, &image, 512, 1).unwrap();
    assert_eq!(state(&mut memory), State::Incomplete);
}

#[test]
fn an_image_with_another_digest_is_not_marked() {
    let mut memory = vec![0xff; FLASH_LEN];
    let mut slots = Slots::new(RamFlash::new(&mut memory));
    let image = image(100);
    let mut expected = record(&image);
    expected.sha256[0] ^= 1;
    let mut writer = ImageWriter::begin(&mut slots, SlotId::B, expected).unwrap();
    writer.write(&mut slots, &image).unwrap();
    assert_eq!(writer.finish(&mut slots), Err(StoreError::Digest));
    assert_eq!(state(&mut memory), State::Incomplete);
}

#[test]
fn an_image_that_has_no_room_is_refused_before_anything_is_erased() {
    let mut memory = vec![0xff; FLASH_LEN];
    let image = image(FLASH_LEN / 2);
    let stored = store(&mut memory, &image, 512, image.len());
    assert_eq!(stored, Err(StoreError::Size));
    assert!(memory.iter().all(|octet| *octet == 0xff));
}

#[test]
fn an_image_longer_than_its_manifest_says_is_refused() {
    let mut memory = vec![0xff; FLASH_LEN];
    let mut slots = Slots::new(RamFlash::new(&mut memory));
    let mut writer = ImageWriter::begin(&mut slots, SlotId::A, record(&image(10))).unwrap();
    let written = writer.write(&mut slots, &image(11));
    assert_eq!(written, Err(StoreError::Size));
}

#[test]
fn an_image_that_never_confirms_is_given_up() {
    let mut memory = vec![0xff; FLASH_LEN];
    let image = image(100);
    store(&mut memory, &image, 100, 100).unwrap();
    let record = record(&image);
    for starts in 0..TRIES {
        assert_eq!(state(&mut memory), State::Trial(record, starts));
        let mut slots = Slots::new(RamFlash::new(&mut memory));
        slots.count_start(SlotId::B).unwrap();
    }
    assert_eq!(state(&mut memory), State::GivenUp(record));
}

#[test]
fn an_image_that_confirms_stays_whatever_its_starts() {
    let mut memory = vec![0xff; FLASH_LEN];
    let image = image(100);
    store(&mut memory, &image, 100, 100).unwrap();
    for _ in 0..=TRIES {
        let mut slots = Slots::new(RamFlash::new(&mut memory));
        slots.count_start(SlotId::B).unwrap();
        slots.confirm(SlotId::B).unwrap();
    }
    assert_eq!(state(&mut memory), State::Confirmed(record(&image)));
}

#[test]
fn a_record_with_any_bit_changed_is_not_believed() {
    let mut memory = vec![0xff; FLASH_LEN];
    let image = image(100);
    store(&mut memory, &image, 100, 100).unwrap();
    let at = FLASH_LEN - 4096;
    for bit in 0..512 {
        let mut changed = memory.clone();
        changed[at + bit / 8] ^= 1 << (bit % 8);
        assert_eq!(state(&mut changed).bootable(), None, "bit {bit}");
    }
}

#[test]
fn a_damaged_image_is_not_loaded_as_good() {
    let mut memory = vec![0xff; FLASH_LEN];
    let image = image(5_000);
    store(&mut memory, &image, 512, image.len()).unwrap();
    memory[FLASH_LEN / 2 + 4_321] ^= 8;
    let mut slots = Slots::new(RamFlash::new(&mut memory));
    let good = slots.load(SlotId::B, &record(&image), &mut vec![0; 5_000], || {});
    assert_eq!(good, Ok(false));
}

#[test]
fn a_write_that_would_set_a_bit_is_an_error() {
    use embedded_storage::nor_flash::NorFlash as _;
    let mut memory = vec![0xff; FLASH_LEN];
    let mut flash = RamFlash::new(&mut memory);
    flash.write(0, &[0; 4]).unwrap();
    assert!(flash.write(0, &[1, 0, 0, 0]).is_err());
}
