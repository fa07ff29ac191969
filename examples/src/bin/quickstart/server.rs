//! The server, on a thread of its own.

use core::{fmt, net::SocketAddr};
use std::{
    io,
    path::Path,
    sync::mpsc::{self, Receiver, Sender},
    thread::{self, JoinHandle},
};

use tftp_server::{BindError, Handle, Observer, Report, Root, Server, ServerConfig};

/// A server that runs.
pub(crate) struct Running {
    pub(crate) port: u16,
    handle: Handle,
    thread: JoinHandle<io::Result<()>>,
    repeated: Receiver<u32>,
}

/// Why there is no server, or not any more.
#[derive(Debug)]
pub(crate) enum Failure {
    Root(io::Error),
    Bind(BindError),
    Run(io::Error),
    Panicked,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root(error) => write!(f, "the server cannot open its directory: {error}"),
            Self::Bind(error) => write!(f, "the server cannot start: {error}"),
            Self::Run(error) => write!(f, "the server failed: {error}"),
            Self::Panicked => f.write_str("the server panicked"),
        }
    }
}

/// Counts what was sent more than once.
struct Repeats(Sender<u32>);

impl Observer for Repeats {
    fn finished(&mut self, report: &Report<'_>) {
        // Nobody listens any more when the program ends early.
        let _ = self.0.send(report.retransmissions);
    }
}

/// Serves the files below `root` at a free port of the loopback interface.
pub(crate) fn start(root: &Path) -> Result<Running, Failure> {
    let mut config = ServerConfig::default();
    config.listen = vec![SocketAddr::from(([127, 0, 0, 1], 0))];
    let root = Root::open(root).map_err(Failure::Root)?;
    let (sender, repeated) = mpsc::channel();
    let server = Server::bind(config, root)
        .map_err(Failure::Bind)?
        .observe(Repeats(sender));
    Ok(Running {
        port: server.local_addrs().first().map_or(0, SocketAddr::port),
        handle: server.handle(),
        thread: thread::spawn(move || server.run()),
        repeated,
    })
}

impl Running {
    /// Stops the server, and tells how many packets it sent more than once.
    pub(crate) fn stop(self) -> Result<u32, Failure> {
        self.handle.stop();
        match self.thread.join() {
            Ok(end) => end.map_err(Failure::Run)?,
            Err(_) => return Err(Failure::Panicked),
        }
        Ok(self.repeated.iter().fold(0, u32::saturating_add))
    }
}
