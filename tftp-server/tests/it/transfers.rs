//! Files arrive as they are, whichever way they go.

use core::{net::Ipv6Addr, time::Duration};

use tftp_proto::{ErrorCode, Mode, TransferError};
use tftp_server::{
    Bytes, ContentError, FileRequest, Forward, Generated, Layered, Memory, Ports, Root, Source,
    Uploads,
};

use crate::support::*;

const SIZES: [usize; 9] = [0, 1, 511, 512, 513, 1024, 8 * 1468, 100_000, 1 << 20];

#[test]
fn files_of_all_sizes_are_sent_whole() {
    let files: Vec<_> = SIZES.map(|size| (size.to_string(), noise(size))).into();
    let listed: Vec<_> = files
        .iter()
        .map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
        .collect();
    let (_dir, server) = serve_files(&listed);
    // The windows of 64 and of 300 blocks take two calls and more.
    let choice = [
        (512, 1),
        (1468, 1),
        (65464, 1),
        (8, 4),
        (1468, 8),
        (65464, 3),
        (1468, 64),
        (300, 300),
    ];
    for (blksize, windowsize) in choice {
        for (name, bytes) in files
            .iter()
            .filter(|(_, bytes)| bytes.len() <= 100_000 || blksize > 8)
        {
            let file = get(server.address, name, choices(blksize, windowsize)).unwrap();
            assert!(file == *bytes, "{name} in {windowsize} blocks of {blksize}");
        }
    }
}

#[test]
fn files_of_all_sizes_are_received_whole() {
    let dir = directory(&[]);
    let root = Root::open(dir.path()).unwrap().uploads(Uploads::new());
    let server = serve(config(), root);
    for (blksize, windowsize) in [(512, 1), (8, 4), (1468, 8), (65464, 3)] {
        for size in SIZES
            .into_iter()
            .filter(|size| *size <= 100_000 || blksize > 8)
        {
            let (name, bytes) = (format!("{blksize}-{size}"), noise(size));
            let _ = put(server.address, &name, &bytes, choices(blksize, windowsize)).unwrap();
            assert!(
                std::fs::read(dir.path().join(&name)).unwrap() == bytes,
                "{name}"
            );
        }
    }
}

#[test]
fn a_report_tells_how_a_transfer_went() {
    let (_dir, server) = serve_files(&[("image", &noise(1000))]);
    let _ = get(server.address, "image", choices(512, 1)).unwrap();
    let ended = server.ended();
    assert_eq!(
        (ended.name.as_str(), ended.local),
        ("image", server.address)
    );
    assert_eq!(
        (ended.bytes, ended.blocks, ended.outcome.as_str()),
        (1000, 2, "Complete")
    );
}

#[test]
fn text_is_translated_both_ways() {
    let dir = directory(&[("text", b"one\ntwo\rthree\n")]);
    let root = Root::open(dir.path()).unwrap().uploads(Uploads::new());
    let server = serve(config(), root);
    let coded = b"one\r\ntwo\r\0three\r\n";
    let file = get_as(server.address, "text", Mode::Netascii, choices(512, 1)).unwrap();
    assert_eq!(file, coded);
    let _ = put_as(
        server.address,
        "copy",
        Mode::Netascii,
        coded,
        choices(512, 1),
    )
    .unwrap();
    assert_eq!(
        std::fs::read(dir.path().join("copy")).unwrap(),
        b"one\ntwo\rthree\n"
    );
}

#[test]
fn text_is_translated_whole_in_windows_of_small_blocks() {
    let text: Vec<u8> = noise(20_000)
        .iter()
        .map(|octet| b"ab\r\n"[usize::from(octet % 4)])
        .collect();
    let dir = directory(&[("text", &text)]);
    let root = Root::open(dir.path()).unwrap().uploads(Uploads::new());
    let server = serve(config(), root);
    let coded = get_as(server.address, "text", Mode::Netascii, choices(9, 7)).unwrap();
    let _ = put_as(
        server.address,
        "copy",
        Mode::Netascii,
        &coded,
        choices(11, 5),
    )
    .unwrap();
    assert!(std::fs::read(dir.path().join("copy")).unwrap() == text);
}

/// C-78: the second octet of a pair may begin a block.
#[test]
fn a_block_of_text_is_the_same_when_it_is_sent_again() {
    let mut config = config();
    config.transfer.retry.floor = Duration::from_millis(20);
    let dir = directory(&[("text", b"abcdefg\nhi")]);
    let server = serve(config, Root::open(dir.path()).unwrap());
    let client = Client::new(server.address);
    client.ask(b"\0\x01text\0netascii\0blksize\08\0");
    let (_, tid) = client.receive();
    client.send_to(tid, &ack(0));
    assert_eq!(client.receive().0, data(1, b"abcdefg\r"));
    client.send_to(tid, &ack(1));
    assert_eq!(client.receive().0, data(2, b"\nhi"));
    assert_eq!(client.receive().0, data(2, b"\nhi"));
}

#[test]
fn a_source_that_goes_forward_only_is_sent_in_windows() {
    let bytes = noise(50_000);
    let copy = bytes.clone();
    let make = move |request: &FileRequest<'_>| -> Result<Box<dyn Source>, ContentError> {
        match request.name {
            b"stream" => Ok(Box::new(Forward::new(std::io::Cursor::new(copy.clone())))),
            _ => Err(ErrorCode::FILE_NOT_FOUND.into()),
        }
    };
    let server = serve(config(), Generated::new(make));
    assert!(get(server.address, "stream", choices(100, 16)).unwrap() == bytes);
    assert!(get(server.address, "stream", choices(500, 1)).unwrap() == bytes);
    let missing = get(server.address, "other", choices(512, 1));
    assert_eq!(missing, Err(TransferError::Peer(ErrorCode::FILE_NOT_FOUND)));
}

#[test]
fn what_the_upper_layer_lacks_comes_from_the_lower_one() {
    let mut upper = Memory::new();
    upper.insert("config", b"made for you".to_vec()).unwrap();
    let dir = directory(&[("config", b"for all"), ("image", b"an image")]);
    let lower = Root::open(dir.path()).unwrap();
    let server = serve(config(), Layered { upper, lower });
    assert_eq!(
        get(server.address, "config", choices(512, 1)).unwrap(),
        b"made for you"
    );
    assert_eq!(
        get(server.address, "/image", choices(512, 1)).unwrap(),
        b"an image"
    );
}

#[test]
fn files_are_served_over_ipv6() {
    let mut config = config();
    config.listen = vec![(Ipv6Addr::LOCALHOST, 0).into()];
    let mut memory = Memory::new();
    memory.insert("image", Bytes::from(noise(10_000))).unwrap();
    let server = serve(config, memory);
    assert!(get(server.address, "image", choices(1448, 4)).unwrap() == noise(10_000));
}

/// F28: sizes are 64 bits wide.
#[test]
fn a_file_of_5_gib_is_announced_as_what_it_is() {
    let (dir, server) = serve_files(&[]);
    let file = std::fs::File::create(dir.path().join("huge")).unwrap();
    file.set_len(5 << 30).unwrap();
    let client = Client::new(server.address);
    client.ask(&rrq("huge", &[("tsize", "0")]));
    assert_eq!(client.receive().0, oack(&[("tsize", "5368709120")]));
}

/// Q11: what is missing is not made up.
#[test]
fn a_file_that_is_cut_while_it_is_sent_ends_with_an_error() {
    let (dir, server) = serve_files(&[("image", &noise(2000))]);
    let client = Client::new(server.address);
    client.ask(&rrq("image", &[]));
    let (_, tid) = client.receive();
    let file = std::fs::File::options()
        .write(true)
        .open(dir.path().join("image"))
        .unwrap();
    file.set_len(700).unwrap();
    // The second block may have been read before that.
    client.send_to(tid, &ack(1));
    let second = client.receive().0;
    let error = if second == data(2, &noise(2000)[512..1024]) {
        client.send_to(tid, &ack(2));
        client.receive().0
    } else {
        second
    };
    assert_eq!(error_code(&error), 0);
    assert_eq!(error_text(&error), "the file has become shorter");
    assert_eq!(server.ended().outcome, "Local(ErrorCode(0))");
}

/// H16, F37: bytes belong to the transfer, not to a buffer.
#[test]
fn small_files_are_not_mixed_up_after_aborted_transfers() {
    let files: Vec<_> = (0..20)
        .map(|number| (number.to_string(), vec![number; 100]))
        .collect();
    let listed: Vec<_> = files
        .iter()
        .map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
        .collect();
    let (_dir, server) = serve_files(&listed);
    for (name, bytes) in &files {
        let aborting = Client::new(server.address);
        aborting.ask(&rrq(name, &[]));
        let (_, tid) = aborting.receive();
        aborting.send_to(tid, ERROR_0);
        assert_eq!(get(server.address, name, choices(512, 1)).unwrap(), *bytes);
    }
}

/// F14: firmware asks for the size, gives up, and asks again from the same port.
#[test]
fn a_size_probe_is_no_failure_and_leaves_the_port_free() {
    let (_dir, server) = serve_files(&[("image", &noise(100))]);
    let client = Client::new(server.address);
    client.ask(&rrq("image", &[("tsize", "0")]));
    let (answer, tid) = client.receive();
    assert_eq!(answer, oack(&[("tsize", "100")]));
    client.send_to(tid, &[0, 5, 0, 8, 0]);
    assert_eq!(server.ended().outcome, "Declined(ErrorCode(8))");
    client.ask(&rrq("image", &[]));
    assert_eq!(client.receive().0, data(1, &noise(100)));
}

/// A server that never sleeps while there are transfers.
fn restless(ports: Ports) -> (tempfile::TempDir, Running) {
    let mut config = config();
    config.ports = ports;
    config.busy_poll = Some(PATIENCE);
    let dir = directory(&[("image", &noise(50_000))]);
    let root = Root::open(dir.path()).unwrap().uploads(Uploads::new());
    (dir, serve(config, root))
}

#[test]
fn a_server_that_polls_instead_of_sleeping_serves_the_same() {
    for ports in [Ports::PerTransfer, Ports::Single] {
        let (dir, server) = restless(ports);
        for windowsize in [1, 8] {
            let file = get(server.address, "image", choices(1000, windowsize)).unwrap();
            assert!(file == noise(50_000));
            let name = windowsize.to_string();
            let _ = put(server.address, &name, &file, choices(1000, windowsize)).unwrap();
            assert!(std::fs::read(dir.path().join(name)).unwrap() == file);
        }
    }
}

#[test]
fn a_server_that_polls_hears_every_client_and_its_timers() {
    for ports in [Ports::PerTransfer, Ports::Single] {
        let (_dir, server) = restless(ports);
        let clients = [(); 3].map(|()| Client::new(server.address));
        let tids = clients.each_ref().map(|client| {
            client.ask(&rrq("image", &[]));
            client.receive().1
        });
        for (client, tid) in clients.iter().zip(tids) {
            client.send_to(tid, &ack(1));
            assert_eq!(client.receive().0, data(2, &noise(1024)[512..]));
        }
        // Nobody answers, so all of them are told once more.
        for client in &clients {
            assert_eq!(client.receive().0, data(2, &noise(1024)[512..]));
        }
    }
}
