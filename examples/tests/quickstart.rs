//! The program quickstart, run as a person runs it.

#![expect(clippy::expect_used, reason = "a test may fail loudly")]

use std::process::{Command, Output};

fn quickstart(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_quickstart"))
        .args(arguments)
        .output()
        .expect("a program that can be started")
}

/// The one line of a run that went well.
fn line(arguments: &[&str]) -> String {
    let output = quickstart(arguments);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {errors}");
    let text = String::from_utf8(output.stdout).expect("text");
    let line = text.strip_suffix('\n').expect("a line");
    assert!(!line.contains('\n'), "{text}");
    line.to_owned()
}

/// The word before `word` in a line, as a number.
fn number_before(line: &str, word: &str) -> u32 {
    let (before, _) = line.split_once(word).expect("the word");
    let number = before
        .split_whitespace()
        .next_back()
        .expect("a word before");
    number.parse().expect("a number")
}

/// The digest in a line.
fn digest(line: &str) -> String {
    let (_, after) = line.split_once("sha256 ").expect("a digest");
    after.chars().take(64).collect()
}

#[test]
fn the_image_arrives_and_the_line_tells_how() {
    let line = line(&["--size", "1MiB", "--blksize", "1024", "--windowsize", "8"]);
    assert!(
        line.starts_with("firmware.img: 1048576 octets in 1025 blocks of 1024, window 8, "),
        "{line}"
    );
    assert!(line.ends_with(" as served"), "{line}");
}

#[test]
fn a_lossy_link_is_made_good_by_retransmission() {
    let line = line(&["--size", "512KiB", "--loss", "10"]);
    assert_eq!(number_before(&line, " octets"), 524_288);
    assert!(number_before(&line, " retransmissions") > 0, "{line}");
}

#[test]
fn lockstep_with_plain_blocks_works_over_a_lossy_link_too() {
    let line = line(&[
        "--size",
        "32KiB",
        "--blksize",
        "512",
        "--windowsize",
        "1",
        "--loss",
        "5",
    ]);
    assert!(line.contains(" in 65 blocks of 512, window 1, "), "{line}");
}

#[test]
fn images_around_a_window_arrive_whole() {
    for size in ["0", "1", "1468", "23488", "23489"] {
        let line = line(&["--size", size]);
        assert_eq!(number_before(&line, " octets").to_string(), size);
    }
}

#[test]
fn the_seed_decides_what_image_is_made() {
    let size = ["--size", "64KiB"];
    let [one, again, other] =
        ["1", "1", "2"].map(|seed| digest(&line(&[&size[..], &["--seed", seed]].concat())));
    assert_eq!(one, again);
    assert_ne!(one, other);
}

#[test]
fn the_largest_block_is_carried() {
    let line = line(&["--size", "1MiB", "--blksize", "65464", "--windowsize", "2"]);
    assert!(
        line.contains(" in 17 blocks of 65464, window 2, "),
        "{line}"
    );
}

#[test]
fn an_image_larger_than_the_flash_is_a_failure_that_names_the_cause() {
    let output = quickstart(&["--size", "128KiB", "--flash", "64KiB"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    let errors = String::from_utf8(output.stderr).expect("text");
    assert_eq!(
        errors,
        "quickstart: file larger than allowed: the flash has 65536 octets\n"
    );
}

#[test]
fn a_flash_of_broken_sectors_is_a_failure() {
    let output = quickstart(&["--size", "1KiB", "--flash", "1000"]);
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_loss_that_is_no_percentage_is_wrong_usage() {
    for loss in ["-1", "101", "some"] {
        let output = quickstart(&[&format!("--loss={loss}")]);
        assert_eq!(output.status.code(), Some(2));
    }
}
