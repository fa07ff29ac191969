//! A TFTP server for the files below a directory.

mod log;
mod options;
mod signals;

use std::{
    io::{self, Write as _},
    net::UdpSocket,
    process::ExitCode,
};

use clap::Parser as _;
#[cfg(unix)]
use listenfd::ListenFd;
use tftp_server::{BindError, Server};

use crate::options::Options;

/// Why the server does not run.
#[derive(Debug)]
enum Error {
    Root { path: String, error: io::Error },
    Inherited(io::Error),
    Bind(BindError),
    Signals(io::Error),
    Run(io::Error),
}

impl core::fmt::Display for Error {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Root { path, error } => write!(f, "cannot serve {path}: {error}"),
            Self::Inherited(error) => {
                write!(f, "cannot use the sockets that were handed over: {error}")
            }
            Self::Bind(error) => write!(f, "{error}"),
            Self::Signals(error) => write!(f, "cannot wait for signals: {error}"),
            Self::Run(error) => write!(f, "the event loop has failed: {error}"),
        }
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    log::start(options.log_format);
    match serve(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // There is nobody to tell if this fails.
            let _ = writeln!(io::stderr(), "tftpd: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(options: &Options) -> Result<(), Error> {
    raise_file_limit();
    let root = options.content().map_err(|error| Error::Root {
        path: options.root.display().to_string(),
        error,
    })?;
    let sockets = inherited().map_err(Error::Inherited)?;
    let config = options.config(!sockets.is_empty());
    let server = Server::bind_with(config, sockets, root).map_err(Error::Bind)?;
    signals::obey(server.handle()).map_err(Error::Signals)?;
    announce(&server);
    server
        .observe(log::Log::default())
        .run()
        .map_err(Error::Run)
}

/// The sockets that systemd, or whoever does as it does, has bound for this process.
#[cfg(unix)]
fn inherited() -> io::Result<Vec<UdpSocket>> {
    let mut handles = ListenFd::from_env();
    let mut sockets = Vec::new();
    for index in 0..handles.len() {
        sockets.extend(handles.take_udp_socket(index)?);
    }
    Ok(sockets)
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "on Unix it can fail")]
const fn inherited() -> io::Result<Vec<UdpSocket>> {
    Ok(Vec::new())
}

/// Says where the server listens, for whoever has started it.
fn announce(server: &Server) {
    let mut stdout = io::stdout().lock();
    for address in server.local_addrs() {
        // Whoever has closed it does not want to know.
        let _ = writeln!(stdout, "listening on {address}");
    }
    let _ = stdout.flush();
}

/// Allows as many open files as the system lets this process have: a transfer has a socket and a file.
fn raise_file_limit() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, getrlimit, setrlimit};
        let mut limit = getrlimit(Resource::Nofile);
        limit.current = limit.maximum;
        if let Err(error) = setrlimit(Resource::Nofile, limit) {
            tracing::debug!(%error, "the limit of open files stays as it is");
        }
    }
}
