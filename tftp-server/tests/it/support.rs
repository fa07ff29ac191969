//! A server in a thread, a client that speaks by hand, and one that uses the machines.

use core::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};
use std::{
    io::ErrorKind,
    net::UdpSocket,
    sync::mpsc::{self, RecvTimeoutError},
    thread::JoinHandle,
    time::Instant as Clock,
};

use tempfile::TempDir;
use tftp_proto::{
    Config, Event, Instant, Length, Mode, Output, Receiver, Request, Sender, Summary, TransferError,
};
use tftp_server::{
    Content, Handle, Observer, Outcome, Report, Root, Server, ServerConfig, TurnedAway,
};

/// After this long an answer does not come any more: a test that waits for it has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// What the server told of a request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Ended {
    pub(crate) peer: SocketAddr,
    pub(crate) local: SocketAddr,
    pub(crate) name: String,
    pub(crate) bytes: u64,
    pub(crate) blocks: u64,
    pub(crate) retransmissions: u32,
    pub(crate) outcome: String,
}

/// What the server tells.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Told {
    Ended(Ended),
    TurnedAway(SocketAddr, TurnedAway),
}

struct Listening(mpsc::Sender<Told>);

impl Observer for Listening {
    fn finished(&mut self, report: &Report<'_>) {
        let outcome = match &report.outcome {
            Outcome::Refused(error) => format!("Refused({})", error.code().0),
            Outcome::Failed { error, .. } => format!("{error:?}"),
            outcome => format!("{outcome:?}"),
        };
        let _ = self.0.send(Told::Ended(Ended {
            peer: report.peer,
            local: report.local,
            name: report.name.to_string(),
            bytes: report.bytes,
            blocks: report.blocks,
            retransmissions: report.retransmissions,
            outcome,
        }));
    }

    fn turned_away(&mut self, peer: SocketAddr, reason: TurnedAway) {
        let _ = self.0.send(Told::TurnedAway(peer, reason));
    }
}

/// A server that runs until it is dropped.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) handle: Handle,
    told: mpsc::Receiver<Told>,
    thread: Option<JoinHandle<std::io::Result<()>>>,
}

/// What a server needs to listen on 127.0.0.1. It repeats nothing within a second, so that a test on a busy
/// machine sees each packet once.
pub(crate) fn config() -> ServerConfig {
    let mut config = ServerConfig::default();
    config.transfer.retry.floor = Duration::from_secs(1);
    config.listen = vec![(Ipv4Addr::LOCALHOST, 0).into()];
    config
}

pub(crate) fn serve(config: ServerConfig, content: impl Content + 'static) -> Running {
    run(Server::bind(config, content).unwrap())
}

pub(crate) fn run(server: Server) -> Running {
    let (sender, told) = mpsc::channel();
    let (address, handle) = (server.local_addrs()[0], server.handle());
    let server = server.observe(Listening(sender));
    Running {
        address,
        handle,
        told,
        thread: Some(std::thread::spawn(move || server.run())),
    }
}

/// A server of the files below a new directory.
pub(crate) fn serve_files(files: &[(&str, &[u8])]) -> (TempDir, Running) {
    let dir = directory(files);
    let root = Root::open(dir.path()).unwrap();
    (dir, serve(config(), root))
}

pub(crate) fn directory(files: &[(&str, &[u8])]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        std::fs::write(dir.path().join(name), bytes).unwrap();
    }
    dir
}

impl Running {
    /// The next thing that the server tells.
    pub(crate) fn told(&self) -> Told {
        self.told.recv_timeout(PATIENCE).unwrap()
    }

    /// The next request that it says is over.
    pub(crate) fn ended(&self) -> Ended {
        loop {
            if let Told::Ended(ended) = self.told() {
                return ended;
            }
        }
    }

    /// Waits until the server has ended by itself.
    pub(crate) fn join(mut self) -> std::io::Result<()> {
        // The channel ends with the server.
        let silent = loop {
            if let Err(error) = self.told.recv_timeout(PATIENCE) {
                break error;
            }
        };
        assert_eq!(silent, RecvTimeoutError::Disconnected, "it goes on");
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.handle.stop();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap().unwrap();
        }
    }
}

/// A client that sends and receives datagrams.
pub(crate) struct Client {
    pub(crate) socket: UdpSocket,
    pub(crate) server: SocketAddr,
}

impl Client {
    pub(crate) fn new(server: SocketAddr) -> Self {
        let any: IpAddr = match server.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        };
        Self::from(any, server)
    }

    pub(crate) fn from(ip: IpAddr, server: SocketAddr) -> Self {
        let socket = UdpSocket::bind((ip, 0)).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { socket, server }
    }

    /// Sends to the request port.
    pub(crate) fn ask(&self, datagram: &[u8]) {
        self.send_to(self.server, datagram);
    }

    pub(crate) fn send_to(&self, to: SocketAddr, datagram: &[u8]) {
        self.socket.send_to(datagram, to).unwrap();
    }

    pub(crate) fn receive(&self) -> (Vec<u8>, SocketAddr) {
        let mut buf = vec![0; 70_000];
        let (len, from) = uninterrupted(|| self.socket.recv_from(&mut buf)).unwrap();
        buf.truncate(len);
        (buf, from)
    }

    /// The next datagram if one comes within `span`.
    pub(crate) fn receive_within(&self, span: Duration) -> Option<Vec<u8>> {
        let mut buf = vec![0; 70_000];
        self.socket.set_read_timeout(Some(span)).unwrap();
        let received = uninterrupted(|| self.socket.recv_from(&mut buf));
        self.socket.set_read_timeout(Some(PATIENCE)).unwrap();
        match received {
            Ok((len, _)) => {
                buf.truncate(len);
                Some(buf)
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                None
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// The code of the ERROR that answers `datagram`.
    pub(crate) fn error_for(&self, datagram: &[u8]) -> u16 {
        self.ask(datagram);
        error_code(&self.receive().0)
    }

    /// Asserts that what was sent to the request port so far is not answered. The server takes requests
    /// in order, so once it has answered another client there is nothing more to come.
    pub(crate) fn assert_no_answer(&self) {
        assert_eq!(Self::new(self.server).error_for(&rrq(FENCE, &[])), 1);
        self.socket.set_nonblocking(true).unwrap();
        let received = self.socket.recv_from(&mut [0; 600]);
        self.socket.set_nonblocking(false).unwrap();
        assert_eq!(
            received.map_err(|error| error.kind()),
            Err(ErrorKind::WouldBlock)
        );
    }
}

/// A call that a signal may end early, as those with a time-out are, until none does.
fn uninterrupted<T>(mut call: impl FnMut() -> std::io::Result<T>) -> std::io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// A name that no test has a file of.
pub(crate) const FENCE: &str = "a file that is missing";

/// The text of an ERROR.
pub(crate) fn error_text(datagram: &[u8]) -> &str {
    match datagram {
        [0, 5, _, _, text @ .., 0] => core::str::from_utf8(text).unwrap(),
        other => panic!("not an ERROR: {other:?}"),
    }
}

pub(crate) fn error_code(datagram: &[u8]) -> u16 {
    match datagram {
        [0, 5, high, low, .., 0] => u16::from_be_bytes([*high, *low]),
        other => panic!("not an ERROR: {other:?}"),
    }
}

pub(crate) fn rrq(name: &str, options: &[(&str, &str)]) -> Vec<u8> {
    request(1, name.as_bytes(), options)
}

pub(crate) fn wrq(name: &str, options: &[(&str, &str)]) -> Vec<u8> {
    request(2, name.as_bytes(), options)
}

pub(crate) fn request(opcode: u8, name: &[u8], options: &[(&str, &str)]) -> Vec<u8> {
    let mut datagram = [&[0, opcode], name, b"\0octet\0"].concat();
    for (name, value) in options {
        datagram.extend([name.as_bytes(), b"\0", value.as_bytes(), b"\0"].concat());
    }
    datagram
}

pub(crate) fn ack(block: u16) -> Vec<u8> {
    [&[0, 4], block.to_be_bytes().as_slice()].concat()
}

pub(crate) fn data(block: u16, payload: &[u8]) -> Vec<u8> {
    [&[0, 3], block.to_be_bytes().as_slice(), payload].concat()
}

pub(crate) fn oack(options: &[(&str, &str)]) -> Vec<u8> {
    let mut datagram = vec![0, 6];
    for (name, value) in options {
        datagram.extend([name.as_bytes(), b"\0", value.as_bytes(), b"\0"].concat());
    }
    datagram
}

pub(crate) const ERROR_0: &[u8] = &[0, 5, 0, 0, b'x', 0];

/// Bytes that differ from place to place.
pub(crate) fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_u32;
    (0..len)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .collect()
}

/// A client's choices: blocks of `blksize`, windows of `windowsize`.
pub(crate) fn choices(blksize: u16, windowsize: u16) -> Config {
    let mut config = Config::client();
    config.blksize = blksize;
    config.windowsize = windowsize;
    config
}

/// Fetches a file with the client's machine.
pub(crate) fn get(
    server: SocketAddr,
    name: &str,
    config: Config,
) -> Result<Vec<u8>, TransferError> {
    get_as(server, name, Mode::Octet, config)
}

pub(crate) fn get_as(
    server: SocketAddr,
    name: &str,
    mode: Mode,
    config: Config,
) -> Result<Vec<u8>, TransferError> {
    let start = Clock::now();
    let now = || Instant::ZERO.saturating_add(start.elapsed());
    let client = Client::new(server);
    let request = Request::new(name.as_bytes(), mode).unwrap();
    let mut machine = Receiver::request(now(), server, request, config);
    let mut file = Vec::new();
    let (mut tx, mut rx) = (vec![0; 70_000], vec![0; 70_000]);
    loop {
        let at = match machine.poll(now()) {
            Output::Transmit(transmit) => {
                let _ = transmit.encode(&mut tx).unwrap();
                client.send_to(transmit.to, &tx[..transmit.encoded_len()]);
                continue;
            }
            Output::Wait(_) if machine.is_complete() => return Ok(file),
            Output::Wait(at) => at,
            Output::Done(result) => return result.map(|_| file),
        };
        let Some((len, from)) = receive_until(&client.socket, &mut rx, at.saturating_since(now()))
        else {
            continue;
        };
        if let Event::Block(block) = machine.handle(now(), from, &rx[..len]) {
            assert_eq!(block.offset, file.len() as u64);
            file.extend(block.payload);
        }
    }
}

/// Stores a file with the client's machine.
pub(crate) fn put(
    server: SocketAddr,
    name: &str,
    file: &[u8],
    config: Config,
) -> Result<Summary, TransferError> {
    put_as(server, name, Mode::Octet, file, config)
}

pub(crate) fn put_as(
    server: SocketAddr,
    name: &str,
    mode: Mode,
    file: &[u8],
    config: Config,
) -> Result<Summary, TransferError> {
    let start = Clock::now();
    let now = || Instant::ZERO.saturating_add(start.elapsed());
    let client = Client::new(server);
    let request = Request::new(name.as_bytes(), mode).unwrap();
    let length = Length::Known(file.len() as u64);
    let mut machine = Sender::request(now(), server, request, length, config);
    let (mut tx, mut rx) = (vec![0; 70_000], vec![0; 70_000]);
    loop {
        let at = match machine.poll(now()) {
            Output::Transmit(transmit) => {
                if let Some(gap) = transmit.encode(&mut tx).unwrap() {
                    let offset = gap.offset as usize;
                    gap.buf
                        .copy_from_slice(&file[offset..offset + gap.buf.len()]);
                }
                client.send_to(transmit.to, &tx[..transmit.encoded_len()]);
                continue;
            }
            Output::Wait(at) => at,
            Output::Done(result) => return result,
        };
        if let Some((len, from)) =
            receive_until(&client.socket, &mut rx, at.saturating_since(now()))
        {
            let _ = machine.handle(now(), from, &rx[..len]);
        }
    }
}

fn receive_until(
    socket: &UdpSocket,
    buf: &mut [u8],
    left: Duration,
) -> Option<(usize, SocketAddr)> {
    socket
        .set_read_timeout(Some(left.max(Duration::from_micros(1))))
        .unwrap();
    socket.recv_from(buf).ok()
}

/// Starts an upload and sends one whole block.
pub(crate) fn begin(server: &Running, name: &str) -> (Client, SocketAddr) {
    let client = Client::new(server.address);
    client.ask(&wrq(name, &[]));
    let (answer, tid) = client.receive();
    assert_eq!(answer, ack(0));
    client.send_to(tid, &data(1, &[1; 512]));
    assert_eq!(client.receive().0, ack(1));
    (client, tid)
}
