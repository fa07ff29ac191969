//! What is stored, what is not, and what stays as it was.

use core::time::Duration;
use std::{
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
};

use tempfile::TempDir;
use tftp_proto::{Config, ErrorCode, TransferError};
use tftp_server::{Ports, Root, Uploads};

use crate::support::*;

fn serve_uploads(dir: &TempDir, uploads: Uploads) -> Running {
    serve(config(), Root::open(dir.path()).unwrap().uploads(uploads))
}

fn overwriting() -> Uploads {
    let mut uploads = Uploads::new();
    uploads.overwrite = true;
    uploads
}

fn limited(max_file: u64, max_total: u64) -> Uploads {
    let mut uploads = overwriting();
    uploads.max_file = max_file;
    uploads.max_total = max_total;
    uploads
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn refused(server: &Running, datagram: &[u8]) -> u16 {
    Client::new(server.address).error_for(datagram)
}

/// A directory like a letter box, as far as the user who runs the test is bound by its mode.
#[test]
fn a_directory_that_cannot_be_read_takes_uploads() {
    let dir = directory(&[]);
    let mode = |mode| {
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    let server = serve_uploads(&dir, Uploads::new());
    mode(0o300);
    let sent = put(server.address, "new", b"all", choices(512, 1));
    mode(0o700);
    assert!(sent.is_ok(), "{sent:?}");
    assert_eq!(std::fs::read(dir.path().join("new")).unwrap(), b"all");
}

/// C-82, N8
#[test]
fn nothing_is_written_unless_that_is_allowed() {
    let (dir, server) = serve_files(&[("old", b"old")]);
    assert_eq!(refused(&server, &wrq("new", &[])), 2);
    assert_eq!(refused(&server, &wrq("old", &[])), 2);
    assert_eq!(names(dir.path()), ["old"]);
    assert_eq!(server.ended().outcome, "Refused(2)");
}

/// C-82
#[test]
fn an_existing_file_is_error_6_unless_it_may_be_replaced() {
    let dir = directory(&[("old", b"old")]);
    let server = serve_uploads(&dir, Uploads::new());
    assert_eq!(refused(&server, &wrq("old", &[])), 6);
    let server = serve_uploads(&dir, overwriting());
    let _ = put(server.address, "old", b"new", Config::client()).unwrap();
    assert_eq!(std::fs::read(dir.path().join("old")).unwrap(), b"new");
}

#[test]
fn a_file_that_is_replaced_keeps_its_permissions() {
    let dir = directory(&[("old", b"old")]);
    let path = dir.path().join("old");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    let server = serve_uploads(&dir, overwriting());
    let _ = put(server.address, "old", b"new", Config::client()).unwrap();
    assert_eq!(
        std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o640
    );
}

#[test]
fn a_program_that_is_replaced_does_not_run_with_its_owners_rights() {
    let dir = directory(&[("old", b"old")]);
    let path = dir.path().join("old");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o6755)).unwrap();
    let server = serve_uploads(&dir, overwriting());
    let _ = put(server.address, "old", b"new", Config::client()).unwrap();
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o755);
}

/// C-54, H13, F30
#[test]
fn an_upload_that_is_aborted_leaves_the_old_file_and_nothing_else() {
    let dir = directory(&[("old", b"old")]);
    let server = serve_uploads(&dir, overwriting());
    let (client, tid) = begin(&server, "old");
    assert_eq!(names(dir.path()).len(), 2);
    client.send_to(tid, ERROR_0);
    assert_eq!(server.ended().outcome, "Peer(ErrorCode(0))");
    assert_eq!(names(dir.path()), ["old"]);
    assert_eq!(std::fs::read(dir.path().join("old")).unwrap(), b"old");
}

#[test]
fn an_upload_whose_client_vanishes_leaves_nothing() {
    let dir = directory(&[]);
    let mut config = config();
    config.transfer.retry.initial = Duration::from_millis(10);
    config.transfer.retry.floor = Duration::from_millis(5);
    config.transfer.retry.ceiling = Duration::from_millis(20);
    let server = serve(
        config,
        Root::open(dir.path()).unwrap().uploads(Uploads::new()),
    );
    let _client = begin(&server, "new");
    assert_eq!(server.ended().outcome, "TimedOut");
    assert_eq!(names(dir.path()), [""; 0]);
}

#[test]
fn an_upload_is_not_to_be_seen_before_it_is_complete() {
    let dir = directory(&[]);
    let server = serve_uploads(&dir, Uploads::new());
    let (client, tid) = begin(&server, "new");
    let staged = names(dir.path());
    assert!(!staged.contains(&"new".to_owned()));
    // Nor under the name that it has meanwhile.
    assert_eq!(refused(&server, &rrq(&staged[0], &[])), 1);
    assert_eq!(refused(&server, &wrq(&staged[0], &[])), 1);
    client.send_to(tid, &data(2, b"end"));
    assert_eq!(client.receive().0, ack(2));
    assert_eq!(names(dir.path()), ["new"]);
}

/// The same request again is another upload once the first is stored; who asks twice because an answer
/// was lost does so before that.
#[test]
fn the_same_upload_from_the_same_port_is_taken_at_once() {
    for ports in [Ports::PerTransfer, Ports::Single] {
        let dir = directory(&[]);
        let mut config = config();
        config.ports = ports;
        let root = Root::open(dir.path()).unwrap().uploads(overwriting());
        let server = serve(config, root);
        let client = Client::new(server.address);
        for content in [b"one", b"two"] {
            client.ask(&wrq("new", &[]));
            let (answer, tid) = client.receive();
            assert_eq!(answer, ack(0));
            client.send_to(tid, &data(1, content));
            assert_eq!(client.receive().0, ack(1));
            assert_eq!(std::fs::read(dir.path().join("new")).unwrap(), content);
        }
    }
}

/// What looks like another upload may be a late copy of the request.
#[test]
fn a_stored_upload_repeats_its_last_acknowledgement_beside_the_next_one() {
    let dir = directory(&[]);
    let server = serve_uploads(&dir, overwriting());
    let client = Client::new(server.address);
    client.ask(&wrq("new", &[]));
    let (_, tid) = client.receive();
    client.send_to(tid, &data(1, b"all"));
    assert_eq!(client.receive(), (ack(1), tid));
    client.ask(&wrq("new", &[]));
    let (answer, other) = client.receive();
    assert_eq!(answer, ack(0));
    assert_ne!(other, tid);
    client.send_to(tid, &data(1, b"all"));
    assert_eq!(client.receive(), (ack(1), tid));
}

#[test]
fn a_client_is_told_that_its_file_ended_too_early() {
    let dir = directory(&[]);
    let server = serve_uploads(&dir, Uploads::new());
    let client = Client::new(server.address);
    client.ask(&wrq("new", &[("tsize", "100")]));
    let (_, tid) = client.receive();
    client.send_to(tid, &data(1, b"less"));
    let error = client.receive().0;
    assert_eq!(error_code(&error), 0);
    assert_eq!(
        error_text(&error),
        "the file ended before its announced size"
    );
    assert_eq!(server.ended().outcome, "Truncated");
    assert_eq!(names(dir.path()), [""; 0]);
}

/// C-53: the final ACK means "stored".
#[test]
fn the_file_is_there_when_the_last_block_is_acknowledged() {
    let dir = directory(&[]);
    let server = serve_uploads(&dir, Uploads::new());
    for number in 0..20 {
        let name = number.to_string();
        let (client, tid) = begin(&server, &name);
        client.send_to(tid, &data(2, b"end"));
        assert_eq!(client.receive().0, ack(2));
        let file = std::fs::read(dir.path().join(name)).unwrap();
        assert_eq!(file, [[1; 512].as_slice(), b"end"].concat());
    }
}

/// C-51, F39
#[test]
fn the_last_acknowledgement_is_repeated() {
    let dir = directory(&[]);
    let server = serve_uploads(&dir, Uploads::new());
    let (client, tid) = begin(&server, "new");
    for _ in 0..2 {
        client.send_to(tid, &data(2, b"end"));
        assert_eq!(client.receive().0, ack(2));
    }
    let ended = server.ended();
    assert_eq!((ended.bytes, ended.outcome.as_str()), (515, "Complete"));
}

#[test]
fn of_two_uploads_of_one_new_file_the_second_to_end_is_refused() {
    let dir = directory(&[]);
    let server = serve_uploads(&dir, Uploads::new());
    let uploads = [begin(&server, "new"), begin(&server, "new")];
    let answers = uploads.map(|(client, tid)| {
        client.send_to(tid, &data(2, b"end"));
        client.receive().0
    });
    assert_eq!(answers[0], ack(2));
    assert_eq!(error_code(&answers[1]), 6);
    assert_eq!(names(dir.path()), ["new"]);
}

#[test]
fn targets_that_are_no_files_are_refused() {
    let dir = directory(&[]);
    std::fs::create_dir(dir.path().join("directory")).unwrap();
    let server = serve_uploads(&dir, overwriting());
    assert_eq!(refused(&server, &wrq("directory", &[])), 2);
    assert_eq!(refused(&server, &wrq("missing/new", &[])), 1);
    assert_eq!(refused(&server, &wrq("../new", &[])), 2);
    let _ = put(server.address, "directory/new", b"new", Config::client()).unwrap();
    assert_eq!(names(dir.path()), ["directory"]);
}

/// F33
#[test]
fn nothing_is_written_through_a_link_out_of_the_root() {
    let dir = directory(&[("secret", b"secret")]);
    let root = dir.path().join("root");
    std::fs::create_dir(&root).unwrap();
    symlink("../secret", root.join("file")).unwrap();
    symlink("..", root.join("directory")).unwrap();
    let server = serve(config(), Root::open(&root).unwrap().uploads(overwriting()));
    assert_eq!(refused(&server, &wrq("directory/new", &[])), 2);
    // The link itself may be replaced, as it is in the root.
    let _ = put(server.address, "file", b"new", Config::client()).unwrap();
    assert_eq!(std::fs::read(dir.path().join("secret")).unwrap(), b"secret");
    assert_eq!(std::fs::read(root.join("file")).unwrap(), b"new");
    assert_eq!(names(dir.path()), ["root", "secret"]);
}

/// C-84
#[test]
fn a_file_announced_as_too_large_is_refused_before_anything_is_sent() {
    let dir = directory(&[]);
    for uploads in [limited(10, u64::MAX), limited(u64::MAX, 10)] {
        let server = serve_uploads(&dir, uploads);
        assert_eq!(refused(&server, &wrq("new", &[("tsize", "11")])), 3);
        let client = Client::new(server.address);
        client.ask(&wrq("new", &[("tsize", "10")]));
        assert_eq!(client.receive().0, oack(&[("tsize", "10")]));
    }
}

#[test]
fn the_bound_of_the_transfer_is_checked_against_the_announced_size() {
    let dir = directory(&[]);
    let mut config = config();
    config.transfer.max_len = 10;
    let server = serve(
        config,
        Root::open(dir.path()).unwrap().uploads(Uploads::new()),
    );
    assert_eq!(refused(&server, &wrq("new", &[("tsize", "11")])), 3);
}

/// C-85, H12
#[test]
fn more_than_the_limit_is_error_3_whatever_was_announced() {
    for uploads in [limited(600, u64::MAX), limited(u64::MAX, 600)] {
        let dir = directory(&[("new", b"old")]);
        let server = serve_uploads(&dir, uploads);
        let client = Client::new(server.address);
        client.ask(&wrq("new", &[("tsize", "5")]));
        let (_, tid) = client.receive();
        client.send_to(tid, &data(1, &[1; 512]));
        assert_eq!(client.receive().0, ack(1));
        client.send_to(tid, &data(2, &[1; 512]));
        assert_eq!(client.receive().0, ack(2));
        assert_eq!(error_code(&client.receive().0), 3);
        assert_eq!(server.ended().outcome, "Local(ErrorCode(3))");
        assert_eq!(names(dir.path()), ["new"]);
        assert_eq!(std::fs::read(dir.path().join("new")).unwrap(), b"old");
    }
}

/// H12: all uploads together.
#[test]
fn the_quota_counts_what_is_stored_and_what_is_on_its_way() {
    let dir = directory(&[]);
    let server = serve_uploads(&dir, limited(u64::MAX, 1200));
    let _ = put(server.address, "one", &[1; 600], Config::client()).unwrap();
    let (client, tid) = begin(&server, "two");
    assert_eq!(refused(&server, &wrq("three", &[("tsize", "100")])), 3);
    client.send_to(tid, ERROR_0);
    assert_eq!(server.ended().name, "one");
    assert_eq!(server.ended().name, "three");
    assert_eq!(server.ended().name, "two");
    let _ = put(server.address, "three", &[1; 600], Config::client()).unwrap();
    let error = put(server.address, "four", b"x", Config::client()).unwrap_err();
    assert_eq!(error, TransferError::Peer(ErrorCode::DISK_FULL));
}

/// H12
#[test]
fn a_client_has_a_quota_of_its_own() {
    let dir = directory(&[]);
    let mut uploads = overwriting();
    uploads.max_client = 1000;
    let server = serve_uploads(&dir, uploads);
    let _ = put(server.address, "one", &[1; 600], Config::client()).unwrap();
    assert_eq!(refused(&server, &wrq("two", &[("tsize", "401")])), 3);
    let other = Client::from([127, 0, 0, 9].into(), server.address);
    other.ask(&wrq("two", &[("tsize", "401")]));
    assert_eq!(other.receive().0, oack(&[("tsize", "401")]));
}

#[test]
fn space_that_must_stay_free_stays_free() {
    let dir = directory(&[]);
    let mut uploads = Uploads::new();
    uploads.keep_free = u64::MAX / 2;
    let server = serve_uploads(&dir, uploads);
    assert_eq!(refused(&server, &wrq("new", &[])), 3);
    assert_eq!(names(dir.path()), [""; 0]);
}
