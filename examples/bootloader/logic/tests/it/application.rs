use boot_logic::{ImageWriter, RamFlash, Record, SlotId, Slots, State, application};
use sha2::{Digest as _, Sha256};

const FLASH_LEN: usize = 64 * 1024;

/// What an application of this mark says, and what is then in the slot of an image of version 7.
fn run(mark: [u8; 20]) -> (bool, String, State) {
    let mut memory = vec![0xff; FLASH_LEN];
    let mut slots = Slots::new(RamFlash::new(&mut memory));
    let record = Record {
        version: 7,
        size: 3,
        sha256: Sha256::digest(b"app").into(),
    };
    let mut writer = ImageWriter::begin(&mut slots, SlotId::B, record).unwrap();
    writer.write(&mut slots, b"app").unwrap();
    writer.finish(&mut slots).unwrap();
    let mut console = String::new();
    let confirmed = application::run(&mut console, &mut slots, &mark);
    (confirmed, console, slots.state(SlotId::B).unwrap())
}

#[test]
fn an_application_confirms_the_slot_of_its_version() {
    let (confirmed, console, state) = run(*b"APP-VERSION=0000007Y");
    assert!(confirmed && matches!(state, State::Confirmed(_)));
    let lines: Vec<_> = console.lines().collect();
    assert_eq!(
        lines,
        [
            "application version 7 runs",
            "application version 7 confirmed"
        ]
    );
}

#[test]
fn an_application_of_another_version_confirms_nothing() {
    let (confirmed, _, state) = run(*b"APP-VERSION=0000008Y");
    assert!(!confirmed && matches!(state, State::Trial(_, 0)));
}

#[test]
fn an_application_that_is_marked_so_never_confirms() {
    let (confirmed, console, state) = run(*b"APP-VERSION=0000007N");
    assert!(!confirmed && matches!(state, State::Trial(_, 0)));
    assert!(console.ends_with("application version 7 hangs\n"));
}
