//! How many transfers it bears, and what each of them takes.

use core::time::Duration;

use rustix::process::{Resource, getrlimit, setrlimit};

use crate::support::*;

/// What the program and this test need besides a socket for each transfer.
const OTHER_FILES: u64 = 200;

/// `wanted` transfers, or as many as the system lets a process have sockets.
fn transfers(wanted: u64) -> usize {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
    let most = limit
        .maximum
        .unwrap_or(u64::MAX)
        .saturating_sub(OTHER_FILES);
    if most < wanted {
        eprintln!("note: {most} transfers, as this system allows no more open files");
    }
    usize::try_from(most.min(wanted)).unwrap()
}

/// Octets of memory that are in use.
fn resident(tftpd: &Tftpd) -> usize {
    // `status` may be hundreds of pages behind.
    let memory = format!("/proc/{}/smaps_rollup", tftpd.child.id());
    let memory = std::fs::read_to_string(memory).unwrap();
    let line = memory.lines().find(|line| line.starts_with("Rss:"));
    let kib = line.unwrap().split_whitespace().nth(1).unwrap();
    kib.parse::<usize>().unwrap() << 10
}

/// Starts `count` transfers, has the memory looked at while all are under way, and ends them.
fn many(tftpd: &mut Tftpd, count: usize) -> usize {
    // Nobody reads so many lines.
    drop(tftpd.child.stderr.take());
    std::fs::write(tftpd.dir.path().join("three"), [7; 1100]).unwrap();
    // Buffers for all are in use from the first transfer on.
    assert!(tftpd.client().read("three").is_ok());
    let before = resident(tftpd);
    let under_way: Vec<_> = (0..count)
        .map(|_| {
            let client = tftpd.client();
            // Nothing is repeated meanwhile.
            let (oack, tid) = client.ask(1, "three", "timeout\x00255\0");
            assert_eq!(oack[..2], [0, 6]);
            let (first, _) = client.exchange(tid, &[0, 4, 0, 0]);
            assert_eq!(first[..4], [0, 3, 0, 1]);
            (client, tid)
        })
        .collect();
    let each = resident(tftpd)
        .saturating_sub(before)
        .checked_div(count)
        .unwrap();
    for (client, tid) in under_way {
        let (second, _) = client.exchange(tid, &[0, 4, 0, 1]);
        assert_eq!(second[..4], [0, 3, 0, 2]);
        let (last, _) = client.exchange(tid, &[0, 4, 0, 2]);
        assert_eq!(last, [&[0, 3, 0, 3], [7; 76].as_slice()].concat());
        client.socket.send_to(&[0, 4, 0, 3], tid).unwrap();
    }
    each
}

/// P13, H10
#[test]
fn ten_thousand_transfers_at_once_take_less_than_four_kibibytes_each() {
    let count = transfers(10_000);
    for mode in [
        &["--threads", "1"][..],
        &["--threads", "2"],
        &["--single-port"],
    ] {
        let mut tftpd = Tftpd::start(mode);
        let each = many(&mut tftpd, count);
        eprintln!("{mode:?}: {each} octets for each of {count} transfers");
        assert!(each < 4096, "{mode:?}: {each} octets for each of {count}");
    }
}

/// A window is not kept for what may have to be sent again, however large it is.
#[test]
fn transfers_with_large_windows_take_no_more_memory() {
    let tftpd = Tftpd::start(&[]);
    let image = std::fs::File::create(tftpd.dir.path().join("large")).unwrap();
    image.set_len(64 << 20).unwrap();
    let fetch = || {
        let client = tftpd.client();
        let (oack, tid) = client.ask(1, "large", "blksize\x0065464\0windowsize\x0064\0");
        assert_eq!(oack[..2], [0, 6]);
        client.socket.send_to(&[0, 4, 0, 0], tid).unwrap();
        let (first, _) = client.receive();
        assert_eq!(first[..4], [0, 3, 0, 1]);
        client
    };
    let first = fetch();
    let before = resident(&tftpd);
    let _others: Vec<_> = (0..100).map(|_| fetch()).collect();
    let each = resident(&tftpd).saturating_sub(before) / 100;
    drop(first);
    // A hundred transfers are few, so that pages that were touched for the first time weigh more.
    assert!(each < 16_384, "{each}");
}

#[test]
fn it_says_so_when_files_run_out_and_serves_on() {
    let mut tftpd = Tftpd::run(shell("ulimit -n 40"), 1, &["--listen", "127.0.0.1:0"]);
    let fence = tftpd.client();
    let mut under_way = Vec::new();
    let late = loop {
        let client = tftpd.client();
        client.send(1, "image", "");
        // Requests are served in order, and this answer takes no file.
        assert_eq!(fence.exchange(fence.server, b"\0\x01").0[..4], [0, 5, 0, 4]);
        let Some((_, tid)) = client.received() else {
            break client;
        };
        assert_eq!(client.exchange(tid, &[0, 4, 0, 1]).0[..4], [0, 3, 0, 2]);
        under_way.push((client, tid));
        assert!(under_way.len() < 40);
    };
    let (client, tid) = under_way.pop().unwrap();
    client.socket.send_to(&[0, 4, 0, 2], tid).unwrap();
    late.socket
        .set_read_timeout(Some(Duration::from_millis(100)))
        .unwrap();
    let served = (0..100).any(|_| {
        late.send(1, "image", "");
        late.socket.recv_from(&mut [0; 600]).is_ok()
    });
    assert!(served);
    tftpd.child.kill().unwrap();
    let log = tftpd.log();
    assert!(log.contains("NoHandle"), "{log}");
}
