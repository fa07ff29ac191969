//! What a client is told, and the order in which it tries.

use core::{fmt, net::SocketAddr, time::Duration};
use std::{io, time::Instant};

use tftp_proto::{Config, ErrorCode, Mode, Request, Summary};

use super::{
    cancel::Cancel,
    error::Error,
    get,
    link::{Link, LinkConfig},
    progress::{Progress, Tell},
    put,
    route::route_blksize,
    transfer::{Failure, Job, Next},
};
use crate::{Decoded, Encoded, Sink, Source};

/// Fetches and stores files over UDP. Each transfer has a socket of its own.
///
/// Unless told otherwise it asks for the size, for a window of 16 blocks and for blocks that fit the
/// route ([`route_blksize`]); a server that knows no options answers with plain RFC 1350. If it stumbles
/// over them instead, or agrees to blocks that then never arrive, the transfer starts again with less.
///
/// ```no_run
/// use tftp_client::{Client, Request, StagedFile};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut image = StagedFile::create("kernel.img")?;
/// let summary = Client::new("192.0.2.1:69".parse()?).get(Request::octet("kernel.img")?, &mut image)?;
/// println!("{} octets", summary.bytes);
/// # Ok(()) }
/// ```
pub struct Client<'c> {
    servers: Vec<SocketAddr>,
    config: Config,
    fit_route: bool,
    restart: bool,
    source_port: u16,
    busy_poll: Option<Duration>,
    offload: bool,
    cancel: Option<Cancel>,
    progress: Option<Box<Tell<'c>>>,
}

impl<'c> Client<'c> {
    /// Blocks in a window unless the caller says otherwise: enough to keep a local network busy, little
    /// enough for the buffers of switches and of sockets, and for one call of segmentation offload.
    pub const DEFAULT_WINDOWSIZE: u16 = 16;

    /// The first time-out unless the caller says otherwise. [`Config::client`] has RFC 6298's second, which
    /// is meant for the internet. TFTP is used on local networks, where a round trip takes a millisecond,
    /// and a request or an OACK that is lost costs this time, at a second several times that of the whole
    /// transfer. It is still more than servers take that start a process for each request; where it
    /// is too little, as over a satellite, the request is sent twice, which servers know how to take.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_millis(400);

    /// What a client asks for and how long it waits, unless told otherwise: [`Config::client`] with
    /// [`Self::DEFAULT_WINDOWSIZE`] and [`Self::DEFAULT_TIMEOUT`].
    #[must_use]
    pub const fn default_config() -> Config {
        let mut config = Config::client();
        config.windowsize = Self::DEFAULT_WINDOWSIZE;
        config.retry.initial = Self::DEFAULT_TIMEOUT;
        config
    }

    /// A client of the server at this address, usually at port 69.
    #[must_use]
    pub fn new(server: SocketAddr) -> Self {
        Self::of_servers([server])
    }

    /// A client of the first of these servers that answers, as DHCP option 150 (RFC 5859) lists them, or as
    /// the addresses of one name are.
    ///
    /// A get whose server falls silent or gives up in the middle starts again at the next one, if the sink can
    /// take back what it was given ([`Sink::restart`]). A put does not: two servers could then have
    /// the file, or a part of it. A server that refuses a request is the last one asked.
    #[must_use]
    pub fn of_servers(servers: impl IntoIterator<Item = SocketAddr>) -> Self {
        Self {
            servers: servers.into_iter().collect(),
            config: Self::default_config(),
            fit_route: true,
            restart: true,
            source_port: 0,
            busy_poll: None,
            offload: true,
            cancel: None,
            progress: None,
        }
    }

    /// What to ask for and how long to wait, instead of [`Self::default_config`]. The block size is then
    /// the one of `config`. A seed of 0 is replaced by a random one.
    #[must_use]
    pub const fn config(mut self, config: Config) -> Self {
        self.config = config;
        self.fit_route = false;
        self
    }

    /// Asks each server for blocks that fit the route to it ([`route_blksize`]), instead of those that
    /// the [`Config`] says.
    #[must_use]
    pub const fn fit_route(mut self) -> Self {
        self.fit_route = true;
        self
    }

    /// Whether to start again without options after an ERROR or an OACK that makes no sense, and
    /// with blocks of 512 octets if larger ones never arrive (RFC 2347). `true` if not told.
    #[must_use]
    pub const fn restart(mut self, restart: bool) -> Self {
        self.restart = restart;
        self
    }

    /// The local port, for firewalls that know only one. If not told, or 0, the system picks one at
    /// random for each transfer, which makes forged answers hard.
    #[must_use]
    pub const fn source_port(mut self, port: u16) -> Self {
        self.source_port = port;
        self
    }

    /// Looks for each datagram this long before sleeping. In lockstep on a quiet machine, waking up is
    /// most of a round trip; a processor is kept busy in exchange, and one that both ends share, or that
    /// has other work, makes transfers slower. If not told: up to 50 µs, where there are several processors and
    /// datagrams come in less, so next to nothing is spent on a server that is further away. Zero: sleep at once.
    #[must_use]
    pub const fn busy_poll(mut self, span: Duration) -> Self {
        self.busy_poll = Some(span);
        self
    }

    /// Whether to hand runs of datagrams to the system in one call, and take them so, where it can (UDP
    /// segmentation offload on Linux). `true` if not told; `false` is for network drivers that get it
    /// wrong.
    #[must_use]
    pub const fn offload(mut self, offload: bool) -> Self {
        self.offload = offload;
        self
    }

    /// Lets `cancel` end the transfers.
    #[must_use]
    pub fn cancel(mut self, cancel: Cancel) -> Self {
        self.cancel = Some(cancel);
        self
    }

    /// Tells `progress` how far a transfer has come, each time that datagrams have arrived.
    #[must_use]
    pub fn progress(mut self, progress: impl FnMut(&Progress) + 'c) -> Self {
        self.progress = Some(Box::new(progress));
        self
    }

    /// Fetches a file into `sink`: a text is stored with local line ends if the request says netascii.
    /// Returns when the file is committed there and the server has had time to repeat its last block.
    ///
    /// # Errors
    /// See [`Error`]. The sink may then have taken a part of the file, but was not committed.
    pub fn get<S: Sink>(
        &mut self,
        request: Request<'_>,
        sink: &mut S,
    ) -> Result<Summary, Error<S::Error>> {
        match request.mode() {
            Mode::Netascii => {
                let mut sink = Decoded::new(sink);
                self.attempts(|job, server, config| {
                    get::run(job, server, request, config, &mut sink)
                })
            }
            _ => self.attempts(|job, server, config| get::run(job, server, request, config, sink)),
        }
    }

    /// Stores the file that `source` gives: a text with local line ends is sent as netascii if the request
    /// says so. Returns when the server has acknowledged the last block.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn put<S: Source>(
        &mut self,
        request: Request<'_>,
        source: &mut S,
    ) -> Result<Summary, Error<S::Error>> {
        if request.mode() == Mode::Netascii {
            let mut text = Encoded::new(source);
            return self
                .attempts(|job, server, config| put::run(job, server, request, config, &mut text))
                .map_err(Error::of_text);
        }
        self.attempts(|job, server, config| put::run(job, server, request, config, source))
    }

    /// Tries the servers in their order, and each with less after it has stumbled.
    fn attempts<E>(
        &mut self,
        mut run: impl FnMut(&mut Job<'_, 'c>, SocketAddr, Config) -> Result<Summary, Failure<E>>,
    ) -> Result<Summary, Error<E>> {
        let mut failure = Error::NoServer;
        let start = Instant::now();
        let servers = core::mem::take(&mut self.servers);
        for (at, server) in servers.iter().enumerate() {
            let last = at.saturating_add(1) == servers.len();
            match self.ask(*server, last, start, &mut run) {
                Err(Failure {
                    error,
                    next: Next::OtherServer,
                }) if self.time_left(start) != Some(Duration::ZERO) => failure = error,
                result => {
                    self.servers = servers;
                    return result.map_err(|failure| failure.error);
                }
            }
        }
        self.servers = servers;
        Err(failure)
    }

    /// What is left of the time that the whole transfer may take, with all that is tried for it.
    fn time_left(&self, start: Instant) -> Option<Duration> {
        let whole = self.config.retry.deadline?;
        Some(whole.saturating_sub(start.elapsed()))
    }

    fn ask<E>(
        &mut self,
        server: SocketAddr,
        last: bool,
        start: Instant,
        run: &mut impl FnMut(&mut Job<'_, 'c>, SocketAddr, Config) -> Result<Summary, Failure<E>>,
    ) -> Result<Summary, Failure<E>> {
        let mut config = self.config;
        if config.seed == 0 {
            config.seed = random_seed().map_err(Failure::socket)?;
        }
        if self.fit_route {
            config.blksize = route_blksize(server).map_err(Failure::unreachable)?;
        }
        let mut vanished = None;
        loop {
            config.retry.deadline = self.time_left(start);
            let restart = self.restart && config.options;
            let result = self
                .open(server, &config)
                .and_then(|mut link| run(&mut self.job(&mut link, last, restart), server, config));
            let failure = match result {
                Ok(summary) => return Ok(summary),
                Err(failure) => failure,
            };
            match failure.next {
                Next::WithoutOptions => config.options = false,
                Next::SmallBlocks => {
                    config.blksize = tftp_proto::DEFAULT_BLKSIZE;
                    vanished = Some(failure);
                }
                // What exists is what the server has made for the first attempt.
                _ if failure.is_refused_with(ErrorCode::FILE_EXISTS) => {
                    return Err(vanished.unwrap_or(failure));
                }
                _ => return Err(failure),
            }
        }
    }

    fn open<E>(&self, server: SocketAddr, config: &Config) -> Result<Link, Failure<E>> {
        let link = Link::open(
            server,
            LinkConfig {
                port: self.source_port,
                busy_poll: self.busy_poll,
                cancellable: self.cancel.is_some(),
                broadcast: config.any_server,
                blksize: config.blksize,
                windows: config.options && config.windowsize > 1,
                offload: self.offload,
            },
        );
        link.map_err(Failure::socket)
    }

    fn job<'j>(&'j mut self, link: &'j mut Link, last_server: bool, restart: bool) -> Job<'j, 'c> {
        Job {
            link,
            last_server,
            restart,
            cancel: self.cancel.as_ref(),
            progress: self.progress.as_deref_mut(),
        }
    }
}

impl fmt::Debug for Client<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("servers", &self.servers)
            .field("config", &self.config)
            .field("fit_route", &self.fit_route)
            .field("restart", &self.restart)
            .field("source_port", &self.source_port)
            .finish_non_exhaustive()
    }
}

/// A seed for the jitter of the timers, not 0.
fn random_seed() -> io::Result<u32> {
    let seed = getrandom::u32().map_err(io::Error::from)?;
    Ok(seed.max(1))
}
