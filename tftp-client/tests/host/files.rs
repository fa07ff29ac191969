//! Files of the operating system as sinks and sources.

use std::{fs, thread};

use tempfile::TempDir;
use tftp_client::{Error, FileSource, Request, Sink, StagedFile};

use crate::peer::{
    LOSSY, NO_LOSS, Peer, ack, client, contents, data, error, serve_read, serve_write, windowed,
};

fn names(dir: &TempDir) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_download_is_stored_under_its_name_alone() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("f");
    let file = contents(1_000_000);
    let peer = Peer::new();
    thread::scope(|scope| {
        scope.spawn(|| serve_read(&peer, &file, NO_LOSS));
        let mut sink = StagedFile::create(&path).unwrap();
        client(&peer)
            .config(windowed(1468, 16))
            .get(Request::octet("f").unwrap(), &mut sink)
            .unwrap();
    });
    assert!(fs::read(&path).unwrap() == file);
    assert_eq!(names(&dir), ["f"]);
}

#[test]
fn a_file_is_sent_with_its_size_whatever_is_lost() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("f");
    let file = contents(600_000);
    fs::write(&path, &file).unwrap();
    let peer = Peer::new();
    thread::scope(|scope| {
        let server = scope.spawn(|| serve_write(&peer, LOSSY));
        let summary = client(&peer)
            .config(windowed(8000, 4))
            .put(
                Request::octet("f").unwrap(),
                &mut FileSource::open(&path).unwrap(),
            )
            .unwrap();
        assert_eq!(summary.negotiated.tsize, Some(600_000));
        peer.dismiss();
        assert!(server.join().unwrap().0 == file);
    });
}

#[test]
fn a_failed_download_keeps_the_old_file_and_nothing_else() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("f");
    fs::write(&path, "old").unwrap();
    let peer = Peer::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            let (_, to) = peer.recv();
            peer.send(to, &data(1, &[b'a'; 512]));
            peer.expect(&ack(1));
            peer.send(to, &error(0, "gone"));
        });
        let mut sink = StagedFile::create(&path).unwrap();
        let result = client(&peer).get(Request::octet("f").unwrap(), &mut sink);
        assert!(matches!(result, Err(Error::Refused { .. })), "{result:?}");
    });
    assert_eq!(fs::read(&path).unwrap(), b"old");
    assert_eq!(names(&dir), ["f"]);
}

#[test]
fn a_file_is_not_there_before_it_is_committed() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("f");
    let mut sink = StagedFile::create(&path).unwrap();
    sink.write(b"new").unwrap();
    assert!(!path.exists());
    sink.commit().unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"new");
}

#[test]
fn a_name_without_a_directory_is_taken_from_the_current_one() {
    let staged = StagedFile::create("a-name-without-a-directory").unwrap();
    drop(staged);
    assert!(!fs::exists("a-name-without-a-directory").unwrap());
}

#[test]
fn a_directory_is_no_place_for_a_download() {
    let dir = TempDir::new().unwrap();
    let result = StagedFile::create(dir.path());
    assert!(result.is_err(), "{result:?}");
}

/// It would be found out when the whole file is there, and cannot get its name.
#[test]
fn a_directory_that_does_not_exist_is_no_place_for_a_download() {
    let dir = TempDir::new().unwrap();
    for name in ["new/", "new/.", "new//"] {
        let error = StagedFile::create(dir.path().join(name)).unwrap_err();
        assert_eq!(error.to_string(), "names a directory that does not exist");
    }
    assert!(names(&dir).is_empty());
}

#[test]
fn a_directory_is_no_source() {
    let dir = TempDir::new().unwrap();
    let result = FileSource::open(dir.path());
    assert!(result.is_err(), "{result:?}");
}

#[cfg(unix)]
#[test]
fn a_symbolic_link_stays_and_its_file_is_replaced() {
    let dir = TempDir::new().unwrap();
    let (link, path) = (dir.path().join("link"), dir.path().join("f"));
    fs::write(&path, "old").unwrap();
    std::os::unix::fs::symlink("f", &link).unwrap();
    let mut sink = StagedFile::create(&link).unwrap();
    sink.write(b"new").unwrap();
    sink.commit().unwrap();
    assert!(link.is_symlink());
    assert_eq!(fs::read(&path).unwrap(), b"new");
}

/// Neither the link nor a file where it points may come of it.
#[cfg(unix)]
#[test]
fn a_symbolic_link_that_leads_nowhere_is_no_place_for_a_download() {
    let dir = TempDir::new().unwrap();
    let link = dir.path().join("link");
    std::os::unix::fs::symlink("none", &link).unwrap();
    let error = StagedFile::create(&link).unwrap_err();
    assert_eq!(error.to_string(), "symbolic link leads nowhere");
    assert_eq!(names(&dir), ["link"]);
}

#[test]
fn a_staged_file_takes_back_what_it_was_given_however_much_it_was() {
    for len in [1, 600_000] {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("f");
        let mut sink = StagedFile::create(&path).unwrap();
        for _ in 0..len {
            sink.write(b"a").unwrap();
        }
        assert!(sink.restart(len).unwrap());
        sink.write(b"new").unwrap();
        sink.commit().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
    }
}

#[cfg(unix)]
#[test]
fn a_file_that_is_replaced_keeps_its_permissions() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("f");
    fs::write(&path, "old").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let mut sink = StagedFile::create(&path).unwrap();
    sink.commit().unwrap();
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o640
    );
}

#[cfg(unix)]
#[test]
fn a_program_that_is_replaced_does_not_run_with_its_owners_rights() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("f");
    fs::write(&path, "old").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o6755)).unwrap();
    let mut sink = StagedFile::create(&path).unwrap();
    sink.commit().unwrap();
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o7777,
        0o755
    );
}

#[cfg(unix)]
#[test]
fn a_device_is_written_and_not_replaced() {
    let mut sink = StagedFile::create("/dev/null").unwrap();
    sink.write(b"gone").unwrap();
    assert!(!sink.restart(4).unwrap());
    sink.commit().unwrap();
    assert!(!fs::metadata("/dev/null").unwrap().is_file());
}

#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_is_full_is_reported_whenever_it_is_found_out() {
    for len in [1, 300_000, 10_000_000] {
        let mut sink = StagedFile::create("/dev/full").unwrap();
        let stored = (0..len)
            .step_by(1000)
            .try_for_each(|_| sink.write(&[0; 1000]))
            .and_then(|()| sink.commit());
        let error = stored.expect_err("no room");
        assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    }
}
