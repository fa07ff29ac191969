//! A server: event loops that listen on the same addresses.

use core::{fmt, net::SocketAddr};
use std::{io, net::UdpSocket, sync::Arc, thread};

use mio::{Poll, Waker};

use super::{
    config::ServerConfig,
    control::{Control, Handle, Wanted},
    report::Observer,
    shared::Shared,
    socket::{Listener, bind_group, join_group},
    worker::{WAKER, Worker},
};
use crate::Content;

/// Why a server could not be made.
#[derive(Debug)]
#[non_exhaustive]
pub enum BindError {
    /// No address to listen on was given.
    NoAddress,
    /// An address cannot be listened on.
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        error: io::Error,
    },
    /// The system has no more of something that the event loop needs.
    Setup(io::Error),
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAddress => f.write_str("no address to listen on"),
            Self::Listen { address, error } => write!(f, "cannot listen on {address}: {error}"),
            Self::Setup(error) => write!(f, "cannot set up the event loop: {error}"),
        }
    }
}

impl core::error::Error for BindError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::NoAddress => None,
            Self::Listen { error, .. } | Self::Setup(error) => Some(error),
        }
    }
}

/// A server that is bound to its addresses. [`run`](Self::run) serves on the calling thread.
///
/// All transfers share that thread, or as many as [`ServerConfig::threads`] says; besides them there are a
/// few that store complete uploads. A session has its machine, its name, its socket (unless all share a
/// port) and the handle of its file, which those that read the same file share.
pub struct Server {
    shared: Arc<Shared>,
    workers: Vec<Worker>,
    addresses: Vec<SocketAddr>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("addresses", &self.addresses)
            .field("workers", &self.workers.len())
            .finish_non_exhaustive()
    }
}

/// Ends the other event loops if one fails: half a server would leave half of the requests unanswered.
struct StopOthers<'c>(&'c Control);

impl Drop for StopOthers<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.want(Wanted::Stop);
        }
    }
}

fn run_worker(worker: &mut Worker, control: &Control) -> io::Result<()> {
    let _stop = StopOthers(control);
    worker.run().inspect_err(|_| control.want(Wanted::Stop))
}

impl Server {
    /// Listens on the addresses of `config`, to serve `content`.
    ///
    /// # Errors
    /// If there is no address, one cannot be listened on, or the event loop cannot be set up.
    pub fn bind(config: ServerConfig, content: impl Content + 'static) -> Result<Self, BindError> {
        Self::bind_with(config, Vec::new(), content)
    }

    /// As [`bind`](Self::bind), and listens on `sockets` too, which somebody else has bound: systemd, or the
    /// program itself before it gave its privileges up.
    ///
    /// With several [`threads`](ServerConfig::threads), the others join such a socket where the system lets
    /// them, which takes the user and the privileges of whoever has bound it. Otherwise the first thread serves
    /// all who ask there.
    ///
    /// # Errors
    /// As [`bind`](Self::bind).
    pub fn bind_with(
        config: ServerConfig,
        sockets: Vec<UdpSocket>,
        content: impl Content + 'static,
    ) -> Result<Self, BindError> {
        if config.listen.is_empty() && sockets.is_empty() {
            return Err(BindError::NoAddress);
        }
        let threads = if SHARES_ADDRESSES {
            config.threads.clamp(1, MOST_THREADS)
        } else {
            1
        };
        let mut groups = Vec::new();
        for address in config.listen.iter().copied() {
            let group = bind_group(address, threads, config.receive_buffer);
            groups.push(group.map_err(|error| BindError::Listen { address, error })?);
        }
        for socket in sockets {
            let group = join_group(socket, threads, config.receive_buffer);
            groups.push(group.map_err(BindError::Setup)?);
        }
        let addresses = groups
            .iter()
            .filter_map(|group| group.first().map(|listener| listener.address))
            .collect();
        let (shared, workers) =
            set_up(config, threads, groups, Box::new(content)).map_err(BindError::Setup)?;
        Ok(Self {
            shared,
            workers,
            addresses,
        })
    }

    /// Has `observer` told what happens.
    #[must_use]
    pub fn observe(self, observer: impl Observer + 'static) -> Self {
        self.shared.observe(Box::new(observer));
        self
    }

    /// The addresses that it listens on, in the order of the configuration, with the ports that the system
    /// chose for port 0; then those of the sockets that were handed over.
    #[must_use]
    pub fn local_addrs(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// What ends the server from another thread.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle(Arc::clone(&self.shared.control))
    }

    /// Serves until a [`Handle`] ends it.
    ///
    /// # Errors
    /// If a thread cannot be started, or the system does not tell what happens on the sockets any more. What
    /// a single socket or file suffers ends the transfer that it is for.
    pub fn run(mut self) -> io::Result<()> {
        let control = &*self.shared.control;
        // The sockets stay open until the last loop has ended: if one left its group, the system would
        // deal its clients out anew, also those of transfers that go on.
        let Some((first, others)) = self.workers.split_first_mut() else {
            return Ok(());
        };
        thread::scope(|scope| {
            let mut running = Vec::new();
            let mut failed = Ok(());
            for worker in others {
                let started = thread::Builder::new()
                    .name("tftp-loop".to_owned())
                    .spawn_scoped(scope, || run_worker(worker, control));
                match started {
                    Ok(thread) => running.push(thread),
                    Err(error) => {
                        control.want(Wanted::Stop);
                        failed = Err(error);
                        break;
                    }
                }
            }
            let mut result = failed.and(run_worker(first, control));
            for thread in running {
                match thread.join() {
                    Ok(ended) => result = result.and(ended),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            result
        })
    }
}

/// Whether several sockets can share an address so that each gets the datagrams of some clients.
const SHARES_ADDRESSES: bool = cfg!(any(target_os = "linux", target_os = "android"));
/// Event loops that a server may have.
const MOST_THREADS: usize = 1024;

fn set_up(
    config: ServerConfig,
    threads: usize,
    groups: Vec<Vec<Listener>>,
    content: Box<dyn Content>,
) -> io::Result<(Arc<Shared>, Vec<Worker>)> {
    let mut polls = Vec::new();
    let mut wakers = Vec::new();
    for _ in 0..threads {
        let poll = Poll::new()?;
        wakers.push(Waker::new(poll.registry(), WAKER)?);
        polls.push(poll);
    }
    let shared = Arc::new(Shared::new(config, Arc::new(Control::new(wakers)), content));
    let mut listeners: Vec<Vec<Listener>> = polls.iter().map(|_| Vec::new()).collect();
    for group in groups {
        for (listener, of_worker) in group.into_iter().zip(&mut listeners) {
            of_worker.push(listener);
        }
    }
    let workers = polls.into_iter().zip(listeners).enumerate();
    let workers = workers
        .map(|(index, (poll, listeners))| Worker::new(index, poll, listeners, Arc::clone(&shared)));
    Ok((Arc::clone(&shared), workers.collect::<io::Result<_>>()?))
}
