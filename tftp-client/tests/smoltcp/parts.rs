//! Clients and servers as parts of a network.

use core::task::Poll;
use std::collections::BTreeMap;

use smoltcp::{socket::udp, time::Instant, wire::IpEndpoint};
use tftp_client::{
    Config, ErrorCode, Length, Request, Sink, Source, Summary, TransferError,
    smoltcp::{Error, Get, Put},
};
use tftp_proto::{Event, Incoming};
use tftp_server::smoltcp::{Content, Server};

use crate::net::{Net, Node, Part, Rings};

/// Octets that differ from block to block.
pub(crate) fn file(len: usize) -> Vec<u8> {
    (0..len)
        .map(|at| (at ^ (at >> 8) ^ (at >> 16)).to_le_bytes()[0])
        .collect()
}

pub(crate) fn endpoint(text: &str) -> IpEndpoint {
    let address: core::net::SocketAddr = text.parse().expect("address and port");
    address.into()
}

/// A configuration that asks for this block and window size.
pub(crate) fn config(blksize: u16, windowsize: u16) -> Config {
    let mut config = Config::client();
    (config.blksize, config.windowsize) = (blksize, windowsize);
    config
}

/// Memory that fails where it is told to.
#[derive(Debug, Default)]
pub(crate) struct Store {
    pub(crate) bytes: Vec<u8>,
    pub(crate) committed: bool,
    /// No octet from here on can be written or read.
    pub(crate) broken_at: Option<usize>,
    /// Whether the length is told before the end is reached.
    pub(crate) length_unknown: bool,
    pub(crate) released: u64,
}

/// The memory is broken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Broken;

impl Store {
    pub(crate) fn holding(bytes: Vec<u8>) -> Self {
        Self {
            bytes,
            ..Self::default()
        }
    }
}

impl Sink for Store {
    type Error = Broken;

    fn write(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        if self
            .broken_at
            .is_some_and(|at| self.bytes.len() + bytes.len() > at)
        {
            return Err(Broken);
        }
        assert!(!self.committed, "written after the end");
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn commit(&mut self) -> Result<(), Broken> {
        self.committed = true;
        Ok(())
    }

    fn code(_: &Broken) -> ErrorCode {
        ErrorCode::DISK_FULL
    }
}

impl Source for Store {
    type Error = Broken;

    fn length(&mut self) -> Result<Length, Broken> {
        Ok(match self.length_unknown {
            true => Length::Unknown,
            false => Length::Known(self.bytes.len() as u64),
        })
    }

    fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> Result<usize, Broken> {
        let offset = usize::try_from(offset).expect("a small file");
        if self.broken_at.is_some_and(|at| offset + buf.len() > at) {
            return Err(Broken);
        }
        let rest = &self.bytes[offset.min(self.bytes.len())..];
        let len = rest.len().min(buf.len());
        buf[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }

    fn release(&mut self, up_to: u64) {
        assert!(up_to >= self.released, "released before");
        self.released = up_to;
    }
}

enum Job {
    Get(Get<'static>),
    Put(Put<'static>),
}

/// A device that fetches or sends one file.
pub(crate) struct Client {
    pub(crate) node: Node,
    job: Job,
    pub(crate) store: Store,
    pub(crate) result: Option<Result<Summary, Error<Broken>>>,
    /// What the latest poll said.
    pub(crate) last: Option<Result<Summary, Error<Broken>>>,
    /// Whether the file was complete before the transfer was over.
    pub(crate) was_complete: bool,
    /// The texts of the ERRORs that came.
    pub(crate) texts: Vec<String>,
}

impl Client {
    /// Fetches `name` from port 1000.
    pub(crate) fn get(
        mut node: Node,
        server: IpEndpoint,
        name: &'static str,
        config: Config,
    ) -> Self {
        let request = Request::octet(name).expect("a name");
        let now = node.now();
        let get = Get::request(now, node.socket(), 1000, server, request, config);
        Self::new(
            node,
            Job::Get(get.expect("a usable socket")),
            Store::default(),
        )
    }

    /// Sends what is in `store` as `name` from port 1000.
    pub(crate) fn put(
        mut node: Node,
        server: IpEndpoint,
        name: &'static str,
        mut store: Store,
        config: Config,
    ) -> Self {
        let request = Request::octet(name).expect("a name");
        let length = store.length().expect("a length");
        let now = node.now();
        let put = Put::request(now, node.socket(), 1000, server, request, length, config);
        Self::new(node, Job::Put(put.expect("a usable socket")), store)
    }

    fn new(node: Node, job: Job, store: Store) -> Self {
        Self {
            node,
            job,
            store,
            result: None,
            last: None,
            was_complete: false,
            texts: Vec::new(),
        }
    }

    /// When the transfer needs its next turn.
    pub(crate) fn poll_at(&mut self) -> Option<Instant> {
        let socket = self.node.sockets.get::<udp::Socket<'_>>(self.node.udp);
        match &self.job {
            Job::Get(get) => get.poll_at(socket),
            Job::Put(put) => put.poll_at(socket),
        }
    }

    /// The summary of a transfer that went well.
    pub(crate) fn summary(&self) -> Summary {
        self.result.expect("an end").expect("a good end")
    }
}

impl Part for Client {
    fn turn(&mut self, now: Instant) -> Option<Instant> {
        self.node.poll(now);
        let socket = self.node.sockets.get_mut::<udp::Socket<'_>>(self.node.udp);
        let texts = &mut self.texts;
        let observe = |event: &Event<'_>| {
            if let Event::Error { message, .. } = event {
                texts.push(message.to_string());
            }
        };
        let result = match &mut self.job {
            Job::Get(get) => {
                let result = get.poll(now, socket, &mut self.store, observe);
                self.was_complete |= result.is_pending() && get.is_complete();
                result
            }
            Job::Put(put) => put.poll(now, socket, &mut self.store, observe),
        };
        if let Poll::Ready(result) = result {
            self.result.get_or_insert(result);
            self.last = Some(result);
        }
        let poll_at = self.node.poll_at(now);
        let next = self.poll_at();
        poll_at.into_iter().chain(next).min()
    }

    fn is_done(&self) -> bool {
        self.result.is_some()
    }
}

/// Files in memory, and what happened to them.
#[derive(Debug, Default)]
pub(crate) struct Files {
    pub(crate) files: BTreeMap<String, Store>,
    /// Names that may be written.
    pub(crate) writable: Vec<&'static str>,
    pub(crate) opened: usize,
    /// How many were closed when the latest was opened.
    pub(crate) closed_before: usize,
    pub(crate) closed: Vec<(String, Result<Summary, TransferError>)>,
}

impl Files {
    pub(crate) fn with(files: impl IntoIterator<Item = (&'static str, Store)>) -> Self {
        let files = files
            .into_iter()
            .map(|(name, store)| (name.to_owned(), store));
        Self {
            files: files.collect(),
            ..Self::default()
        }
    }

    pub(crate) fn result_of(&self, name: &str) -> Result<Summary, TransferError> {
        let closed = self.closed.iter().find(|(closed, _)| closed == name);
        closed.expect("a transfer of that name that ended").1
    }
}

fn name_of(incoming: &Incoming<'_>) -> String {
    String::from_utf8_lossy(incoming.request().filename()).into_owned()
}

impl Content for Files {
    type File = String;

    fn open(&mut self, incoming: &Incoming<'_>) -> Result<(String, Length), ErrorCode> {
        let name = name_of(incoming);
        let store = self.files.get_mut(&name).ok_or(ErrorCode::FILE_NOT_FOUND)?;
        self.opened += 1;
        self.closed_before = self.closed.len();
        store.released = 0;
        Ok((name, store.length().expect("a length")))
    }

    fn create(&mut self, incoming: &Incoming<'_>) -> Result<String, ErrorCode> {
        let name = name_of(incoming);
        if !self.writable.contains(&name.as_str()) {
            return Err(ErrorCode::ACCESS_VIOLATION);
        }
        self.opened += 1;
        self.closed_before = self.closed.len();
        self.files.entry(name.clone()).or_default().bytes.clear();
        Ok(name)
    }

    fn read_at(
        &mut self,
        file: &mut String,
        offset: u64,
        buf: &mut [u8],
    ) -> Result<usize, ErrorCode> {
        let store = self.files.get_mut(file).expect("an open file");
        store
            .read_at(offset, buf)
            .map_err(|_| ErrorCode::NOT_DEFINED)
    }

    fn release(&mut self, file: &mut String, up_to: u64) {
        self.files
            .get_mut(file)
            .expect("an open file")
            .release(up_to);
    }

    fn write(&mut self, file: &mut String, bytes: &[u8]) -> Result<(), ErrorCode> {
        let store = self.files.get_mut(file).expect("an open file");
        store
            .write(bytes)
            .map_err(|error| <Store as Sink>::code(&error))
    }

    fn commit(&mut self, file: &mut String) -> Result<(), ErrorCode> {
        let store = self.files.get_mut(file).expect("an open file");
        store
            .commit()
            .map_err(|error| <Store as Sink>::code(&error))
    }

    fn close(&mut self, file: String, result: Result<Summary, TransferError>) {
        self.closed.push((file, result));
    }
}

/// A device that serves up to `N` transfers at once.
pub(crate) struct Device<const N: usize> {
    pub(crate) node: Node,
    pub(crate) server: Server<Files, N>,
    pub(crate) files: Files,
}

impl<const N: usize> Device<N> {
    /// Listens at port 69.
    pub(crate) fn new(mut node: Node, files: Files, limits: Config) -> Self {
        let server = Server::listen(node.socket(), 69, limits).expect("a usable socket");
        Self {
            node,
            server,
            files,
        }
    }

    /// With ample rings at 10.0.0.1 and fd00::1.
    pub(crate) fn ample(net: &Net, files: Files) -> Self {
        let node = Node::new(net, &["10.0.0.1", "fd00::1"], Rings::AMPLE);
        Self::new(node, files, Config::server())
    }
}

impl<const N: usize> Part for Device<N> {
    fn turn(&mut self, now: Instant) -> Option<Instant> {
        self.node.poll(now);
        let socket = self.node.sockets.get_mut::<udp::Socket<'_>>(self.node.udp);
        self.server
            .poll(now, &self.node.iface, socket, &mut self.files);
        let poll_at = self.node.poll_at(now);
        let next = self.server.poll_at(self.node.socket());
        poll_at.into_iter().chain(next).min()
    }

    fn is_done(&self) -> bool {
        self.server.is_empty()
    }
}
