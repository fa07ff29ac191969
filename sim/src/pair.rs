//! One transfer between a client and a server.

use core::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use tftp_proto::{Config, Instant, Mode, Negotiated, Request};

use crate::{
    Capture, Client, Datagram, Device, Ended, Fate, File, Host, Link, Network, Rule, Served,
    Stranger, Traffic, Violation,
};

/// The name of the file in a [`Pair`].
pub const FILE_NAME: &str = "file";

/// A client, a server and one file, driven until both are done.
///
/// ```
/// use core::time::Duration;
/// use tftp_proto::Config;
/// use tftp_sim::{File, Link, Pair};
///
/// let mut config = Config::client();
/// config.windowsize = 8;
/// let link = Link::new(1).loss(0.05).delay(Duration::from_millis(10));
///
/// let report = Pair::get(File::pattern(1, 100_000)).client(config).link(link).run()?;
///
/// assert_eq!(report.received, 100_000);
/// assert_eq!(report.negotiated.windowsize, 8);
/// assert!(report.elapsed < Duration::from_secs(10));
/// # Ok::<(), tftp_sim::Violation>(())
/// ```
pub struct Pair {
    put: bool,
    device: bool,
    v6: bool,
    falling_back: bool,
    mode: Mode,
    file: File,
    client: Config,
    server: Config,
    link: Link,
    /// Everything about the network but its link.
    adjust: Vec<Box<dyn FnOnce(Network) -> Network>>,
}

/// What came of a [`Pair`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Report {
    /// How it ended for the client.
    pub client: Ended,
    /// How it ended for the server, if the request ever reached it.
    pub server: Option<Ended>,
    /// Transfers that the server saw after that one: late copies of the request begin them.
    pub ghosts: usize,
    /// What the client's machine settled on.
    pub negotiated: Negotiated,
    /// Octets of the file that arrived.
    pub received: u64,
    /// Until the receiver knew that the file was complete, or until the failure.
    pub elapsed: Duration,
    /// What the link carried.
    pub traffic: Traffic,
    /// What was seen on it.
    pub capture: Capture,
}

impl Report {
    /// Whether both ends report success.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.client.result.is_ok() && self.server.is_some_and(|server| server.result.is_ok())
    }
}

impl Pair {
    /// The client reads `file`.
    #[must_use]
    pub fn get(file: File) -> Self {
        Self::new(file, false)
    }

    /// The client writes `file`.
    #[must_use]
    pub fn put(file: File) -> Self {
        Self::new(file, true)
    }

    fn new(file: File, put: bool) -> Self {
        Self {
            put,
            device: false,
            v6: false,
            falling_back: false,
            mode: Mode::Octet,
            file,
            client: Config::client(),
            server: Config::server(),
            link: Link::new(0),
            adjust: Vec::new(),
        }
    }

    /// What the client asks for.
    #[must_use]
    pub const fn client(mut self, config: Config) -> Self {
        self.client = config;
        self
    }

    /// What the server agrees to.
    #[must_use]
    pub const fn server(mut self, limits: Config) -> Self {
        self.server = limits;
        self
    }

    /// The link between them.
    #[must_use]
    pub fn link(mut self, link: Link) -> Self {
        self.link = link;
        self
    }

    /// The server is a [`Server`](tftp_proto::Server) with one port, instead of a port for each transfer.
    #[must_use]
    pub const fn device(mut self) -> Self {
        self.device = true;
        self
    }

    /// The hosts have IPv6 addresses.
    #[must_use]
    pub const fn v6(mut self) -> Self {
        self.v6 = true;
        self
    }

    /// The mode of the request. The file is what travels: it is not translated.
    #[must_use]
    pub const fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// The client tries again without options if its machine says that this may help.
    #[must_use]
    pub const fn falling_back(mut self) -> Self {
        self.falling_back = true;
        self
    }

    /// As [`Network::within`].
    #[must_use]
    pub fn within(self, limit: Duration) -> Self {
        self.with(move |network| network.within(limit))
    }

    /// As [`Network::send_time`].
    #[must_use]
    pub fn send_time(self, span: Duration) -> Self {
        self.with(move |network| network.send_time(span))
    }

    /// As [`Network::script`].
    #[must_use]
    pub fn script(self, script: impl FnMut(Instant, &Datagram) -> Fate + 'static) -> Self {
        self.with(move |network| network.script(script))
    }

    /// As [`Network::stranger`].
    #[must_use]
    pub fn stranger(self, stranger: Stranger) -> Self {
        self.with(move |network| network.stranger(stranger))
    }

    /// As [`Network::capturing`].
    #[must_use]
    pub fn capturing(self) -> Self {
        self.with(Network::capturing)
    }

    fn with(mut self, adjust: impl FnOnce(Network) -> Network + 'static) -> Self {
        self.adjust.push(Box::new(adjust));
        self
    }

    /// Runs the transfer until both ends are done and nothing is on its way.
    ///
    /// # Errors
    /// If a machine breaks a promise, or the time is over. A transfer that fails is no error: see
    /// [`Report::is_success`].
    pub fn run(mut self) -> Result<Report, Violation> {
        let seed = self.link.seed();
        let mut network = Network::new(core::mem::replace(&mut self.link, Link::new(0)));
        for adjust in core::mem::take(&mut self.adjust) {
            network = adjust(network);
        }
        let violation = |rule| Violation {
            rule,
            seed,
            at: Instant::ZERO,
            ladder: String::new(),
        };
        let mut client = self.make_client().map_err(violation)?;
        let served: Vec<Served> = if self.device {
            let mut device = Device::<4>::new(self.server_ip(), self.server)
                .offering(FILE_NAME, self.file.clone());
            network.run(&mut [&mut client, &mut device])?;
            device.served().collect()
        } else {
            let mut host =
                Host::new(self.server_ip(), self.server).offering(FILE_NAME, self.file.clone());
            network.run(&mut [&mut client, &mut host])?;
            host.served().collect()
        };
        self.report(network, &client, &served)
    }

    fn server_ip(&self) -> IpAddr {
        if self.v6 {
            Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1).into()
        } else {
            Ipv4Addr::new(10, 0, 0, 1).into()
        }
    }

    fn make_client(&self) -> Result<Client<'static>, Rule> {
        let local: IpAddr = if self.v6 {
            Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 2).into()
        } else {
            Ipv4Addr::new(10, 0, 0, 2).into()
        };
        let local = SocketAddr::new(local, 50_000);
        let server = Host::new(self.server_ip(), self.server).request_address();
        let request = Request::new(FILE_NAME.as_bytes(), self.mode)
            .map_err(|_| Rule::Other("the file's name is not valid"))?;
        let client = if self.put {
            Client::put(local, server, request, self.file.clone(), self.client)
        } else {
            Client::get(local, server, request, self.client).expecting(self.file.clone())
        };
        Ok(if self.falling_back {
            client.falling_back()
        } else {
            client
        })
    }

    fn report(
        &self,
        network: Network,
        client: &Client<'_>,
        served: &[Served],
    ) -> Result<Report, Violation> {
        // A client that falls back is served twice; what counts is the last one that got anywhere.
        let first = served
            .iter()
            .rev()
            .find(|served| served.ended.is_some_and(|ended| ended.result.is_ok()));
        let server = first.or(served.first());
        let arrived = if self.put {
            server.and_then(|served| served.sink.as_ref())
        } else {
            client.transfer().and_then(|transfer| transfer.sink())
        };
        let whole = arrived.is_some_and(|sink| sink.is_whole() && sink.len() == self.file.len());
        let received = arrived.map_or(0, |sink| sink.len());
        let (Some(ended), Some(transfer)) = (client.ended(), client.transfer()) else {
            return Err(network.violation(Rule::TooLong));
        };
        let server_ended = server.and_then(|served| served.ended);
        let success =
            ended.result.is_ok() || server_ended.is_some_and(|server| server.result.is_ok());
        if success && !whole {
            return Err(network.violation(Rule::FalseSuccess));
        }
        let receiver = if self.put { server_ended } else { Some(ended) };
        let over = receiver
            .and_then(|receiver| receiver.completed)
            .unwrap_or(ended.finished);
        Ok(Report {
            client: ended,
            server: server_ended,
            ghosts: served.len().saturating_sub(1),
            negotiated: transfer.negotiated(),
            received,
            elapsed: over.saturating_since(Instant::ZERO),
            traffic: network.traffic(),
            capture: network.into_capture(),
        })
    }
}

impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pair")
            .field("put", &self.put)
            .field("device", &self.device)
            .field("client", &self.client)
            .field("server", &self.server)
            .field("link", &self.link)
            .finish_non_exhaustive()
    }
}
