//! What may leave the root and what may not.

use std::{
    os::unix::{ffi::OsStrExt as _, fs::symlink},
    path::Path,
};

use tftp_proto::{ErrorCode, TransferError};
use tftp_server::{Root, Symlinks};

use crate::support::*;

fn outcome(server: &Running, name: &str) -> Result<Vec<u8>, u16> {
    get(server.address, name, choices(512, 1)).map_err(|error| match error {
        TransferError::Peer(code) => code.0,
        other => panic!("{other:?}"),
    })
}

/// A directory with a file beside the root, and a root that has a file and a directory with one.
fn tree() -> (tempfile::TempDir, std::path::PathBuf) {
    let dir = directory(&[("secret", b"secret")]);
    let root = dir.path().join("root");
    for path in ["root/sub", "root-sibling"] {
        std::fs::create_dir_all(dir.path().join(path)).unwrap();
    }
    std::fs::write(dir.path().join("root-sibling/secret"), b"secret").unwrap();
    std::fs::write(root.join("file"), b"file").unwrap();
    std::fs::write(root.join("sub/inner"), b"inner").unwrap();
    (dir, root)
}

fn serve_tree(root: &Path, symlinks: Symlinks) -> Running {
    serve(config(), Root::open(root).unwrap().symlinks(symlinks))
}

/// C-81, H6
#[test]
fn no_spelling_leads_out_of_the_root() {
    let (_dir, root) = tree();
    let secret = root.parent().unwrap().join("secret");
    for symlinks in [Symlinks::Refuse, Symlinks::InsideRoot, Symlinks::Follow] {
        let server = serve_tree(&root, symlinks);
        for name in [
            "../secret",
            "/../secret",
            "sub/../../secret",
            "sub/../../root/file",
            "..\\secret",
            "sub\\..\\..\\secret",
            "..",
            "sub/..",
            "....//secret",
            "%2e%2e/secret",
            "../root-sibling/secret",
            "-sibling/secret",
            "C:secret",
            "\\\\host\\share",
            "con",
            "aux.txt",
            secret.to_str().unwrap(),
        ] {
            let refused = outcome(&server, name).unwrap_err();
            assert!(matches!(refused, 1 | 2), "{name}: {refused}");
        }
    }
}

/// F19: PXE and U-Boot send names that begin with `/`; Windows clients separate with `\`.
#[test]
fn names_are_understood_as_clients_spell_them() {
    let (_dir, root) = tree();
    let server = serve_tree(&root, Symlinks::InsideRoot);
    for name in [
        "sub/inner",
        "/sub/inner",
        "//sub//inner",
        "sub\\inner",
        "./sub/./inner",
    ] {
        assert_eq!(outcome(&server, name), Ok(b"inner".to_vec()), "{name}");
    }
}

/// C-83
#[test]
fn a_missing_file_is_error_1() {
    let (_dir, root) = tree();
    let server = serve_tree(&root, Symlinks::InsideRoot);
    for name in ["missing", "missing/file", "file/below", &"x".repeat(300)] {
        assert_eq!(outcome(&server, name), Err(1), "{name}");
    }
}

#[test]
fn a_directory_is_error_2() {
    let (_dir, root) = tree();
    let server = serve_tree(&root, Symlinks::InsideRoot);
    assert_eq!(outcome(&server, "sub"), Err(2));
}

/// H14, F35
#[test]
fn the_text_of_an_error_says_nothing_of_this_host() {
    let (_dir, root) = tree();
    let server = serve_tree(&root, Symlinks::InsideRoot);
    let client = Client::new(server.address);
    for (name, code) in [
        ("missing\r\n", ErrorCode::ACCESS_VIOLATION),
        ("missing", ErrorCode::FILE_NOT_FOUND),
    ] {
        client.ask(&rrq(name, &[]));
        let text = [&[0, 5, 0, code.0 as u8], code.message().as_bytes(), b"\0"].concat();
        assert_eq!(client.receive().0, text);
    }
}

/// H8, F27: to open a FIFO waits for a writer, unless it is told not to.
#[test]
fn a_fifo_is_refused_and_holds_up_nobody() {
    let (_dir, root) = tree();
    let made = std::process::Command::new("mkfifo")
        .arg(root.join("fifo"))
        .status()
        .unwrap();
    assert!(made.success());
    let socket = std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap();
    for symlinks in [Symlinks::Refuse, Symlinks::InsideRoot, Symlinks::Follow] {
        let server = serve_tree(&root, symlinks);
        assert_eq!(outcome(&server, "fifo"), Err(2));
        assert_eq!(outcome(&server, "socket"), Err(2));
        assert_eq!(outcome(&server, "file"), Ok(b"file".to_vec()));
    }
    drop(socket);
}

/// H7, F33
#[test]
fn a_link_out_of_the_root_is_followed_only_if_all_are() {
    let (dir, root) = tree();
    symlink("../secret", root.join("relative")).unwrap();
    symlink(dir.path().join("secret"), root.join("absolute")).unwrap();
    symlink("../root-sibling", root.join("directory")).unwrap();
    symlink(dir.path().join("root-sibling"), root.join("sibling")).unwrap();
    let names = ["relative", "absolute", "directory/secret", "sibling/secret"];
    for symlinks in [Symlinks::Refuse, Symlinks::InsideRoot] {
        let server = serve_tree(&root, symlinks);
        for name in names {
            let refused = outcome(&server, name).unwrap_err();
            assert!(matches!(refused, 1 | 2), "{name}: {refused}");
        }
    }
    let server = serve_tree(&root, Symlinks::Follow);
    for name in names {
        assert_eq!(outcome(&server, name), Ok(b"secret".to_vec()), "{name}");
    }
}

/// H7
#[test]
fn a_link_within_the_root_is_followed_unless_none_is() {
    let (_dir, root) = tree();
    symlink("sub/inner", root.join("relative")).unwrap();
    symlink(root.join("sub/inner"), root.join("absolute")).unwrap();
    symlink("sub", root.join("directory")).unwrap();
    symlink(root.join("sub"), root.join("there")).unwrap();
    let names = ["relative", "absolute", "directory/inner", "there/inner"];
    for symlinks in [Symlinks::InsideRoot, Symlinks::Follow] {
        let server = serve_tree(&root, symlinks);
        for name in names {
            assert_eq!(outcome(&server, name), Ok(b"inner".to_vec()), "{name}");
        }
    }
    let server = serve_tree(&root, Symlinks::Refuse);
    for name in names {
        let refused = outcome(&server, name).unwrap_err();
        assert!(matches!(refused, 1 | 2), "{name}: {refused}");
    }
    assert_eq!(outcome(&server, "sub/inner"), Ok(b"inner".to_vec()));
}

#[test]
fn links_that_lead_in_circles_are_refused() {
    let (_dir, root) = tree();
    symlink("two", root.join("one")).unwrap();
    symlink("one", root.join("two")).unwrap();
    for symlinks in [Symlinks::Refuse, Symlinks::InsideRoot, Symlinks::Follow] {
        assert_eq!(outcome(&serve_tree(&root, symlinks), "one"), Err(2));
    }
}

/// P12: firmware is rolled out by switching a link.
#[test]
fn a_link_that_is_switched_changes_the_next_transfer_only() {
    let (_dir, root) = tree();
    std::fs::write(root.join("v1"), vec![1; 1500]).unwrap();
    std::fs::write(root.join("v2"), vec![2; 1500]).unwrap();
    symlink("v1", root.join("current")).unwrap();
    let server = serve_tree(&root, Symlinks::InsideRoot);
    let client = Client::new(server.address);
    client.ask(&rrq("current", &[]));
    let (first, tid) = client.receive();
    assert_eq!(first, data(1, &[1; 512]));
    symlink("v2", root.join("next")).unwrap();
    std::fs::rename(root.join("next"), root.join("current")).unwrap();
    client.send_to(tid, &ack(1));
    assert_eq!(client.receive().0, data(2, &[1; 512]));
    assert_eq!(outcome(&server, "current"), Ok(vec![2; 1500]));
    client.send_to(tid, &ack(2));
    assert_eq!(client.receive().0, data(3, &[1; 476]));
}

#[test]
fn a_file_that_is_replaced_is_not_taken_for_the_old_one() {
    let (_dir, root) = tree();
    std::fs::write(root.join("image"), vec![1; 1500]).unwrap();
    let server = serve_tree(&root, Symlinks::InsideRoot);
    let client = Client::new(server.address);
    client.ask(&rrq("image", &[]));
    let (_, tid) = client.receive();
    std::fs::write(root.join("new"), vec![2; 1500]).unwrap();
    std::fs::rename(root.join("new"), root.join("image")).unwrap();
    assert_eq!(outcome(&server, "image"), Ok(vec![2; 1500]));
    client.send_to(tid, &ack(1));
    assert_eq!(client.receive().0, data(2, &[1; 512]));
}

#[test]
fn names_need_not_be_utf_8() {
    let (_dir, root) = tree();
    let name = b"caf\xe9";
    std::fs::write(root.join(std::ffi::OsStr::from_bytes(name)), b"latin").unwrap();
    let server = serve_tree(&root, Symlinks::InsideRoot);
    let client = Client::new(server.address);
    client.ask(&request(1, name, &[]));
    assert_eq!(client.receive().0, data(1, b"latin"));
}
