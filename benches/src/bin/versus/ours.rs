//! Our client, as a program would use it: the library's defaults, but for what a case asks for.

use core::{net::SocketAddr, time::Duration};
use std::time::Instant;

use tftp_client::{Client, Config, ErrorCode, Length, Request, Sink, Source, Summary};

use crate::{
    Failed, content,
    plain::{Shape, Transfer},
};

/// Bytes that are not the file's.
#[derive(Debug)]
pub(crate) struct Wrong;

/// Compares what arrives.
struct Checked {
    offset: u64,
    len: u64,
}

impl Sink for Checked {
    type Error = Wrong;

    fn write(&mut self, bytes: &[u8]) -> Result<(), Wrong> {
        if bytes != content::bytes(self.offset, bytes.len()) {
            return Err(Wrong);
        }
        self.offset += bytes.len() as u64;
        Ok(())
    }

    fn commit(&mut self) -> Result<(), Wrong> {
        if self.offset == self.len {
            Ok(())
        } else {
            Err(Wrong)
        }
    }

    fn code(_: &Wrong) -> ErrorCode {
        ErrorCode::NOT_DEFINED
    }
}

/// Gives the sequence.
struct Sequence(u64);

impl Source for Sequence {
    type Error = Wrong;

    fn length(&mut self) -> Result<Length, Wrong> {
        Ok(Length::Known(self.0))
    }

    fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> Result<usize, Wrong> {
        let len = self.0.saturating_sub(offset).min(buf.len() as u64) as usize;
        if let Some(buf) = buf.get_mut(..len) {
            buf.copy_from_slice(content::bytes(offset, len));
        }
        Ok(len)
    }
}

fn client(server: SocketAddr, shape: Shape, busy_poll: Option<Duration>) -> Client<'static> {
    let mut config = Config::client();
    config.blksize = shape.blksize;
    config.windowsize = shape.windowsize;
    // Else a get would return only after the time in which a server might repeat its last block.
    config.dally = false;
    let client = Client::new(server).config(config).restart(false);
    match busy_poll {
        Some(span) => client.busy_poll(span),
        None => client,
    }
}

/// Fetches `name`, of `len` octets; looks for each datagram for `busy_poll` before it sleeps.
pub(crate) fn get(
    server: SocketAddr,
    name: &str,
    shape: Shape,
    len: u64,
    busy_poll: Option<Duration>,
) -> Result<Transfer, Failed> {
    let request = Request::octet(name).map_err(|error| Failed::new(error.to_string()))?;
    let mut sink = Checked { offset: 0, len };
    let started = Instant::now();
    let result = client(server, shape, busy_poll).get(request, &mut sink);
    finish(started, result.map_err(|error| format!("{error:?}")))
}

/// Stores `len` octets under `name`.
pub(crate) fn put(
    server: SocketAddr,
    name: &str,
    shape: Shape,
    len: u64,
    busy_poll: Option<Duration>,
) -> Result<Transfer, Failed> {
    let request = Request::octet(name).map_err(|error| Failed::new(error.to_string()))?;
    let started = Instant::now();
    let result = client(server, shape, busy_poll).put(request, &mut Sequence(len));
    finish(started, result.map_err(|error| format!("{error:?}")))
}

fn finish(started: Instant, result: Result<Summary, String>) -> Result<Transfer, Failed> {
    let elapsed = started.elapsed();
    let summary = result.map_err(Failed::new)?;
    Ok(Transfer {
        elapsed,
        granted: Shape {
            blksize: summary.negotiated.blksize,
            windowsize: summary.negotiated.windowsize,
        },
        stalls: summary.retransmissions,
    })
}
