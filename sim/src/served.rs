//! What a server's host tells of its transfers.

use core::net::SocketAddr;

use tftp_proto::{Direction, Incoming};

use crate::{Ended, Sent, Sink};

/// One transfer of a [`Host`](crate::Host) or a [`Device`](crate::Device), as it stands.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Served {
    /// The client's address and port.
    pub client: SocketAddr,
    /// Which way the file goes.
    pub direction: Direction,
    /// The file's name.
    pub name: Vec<u8>,
    /// How it ended, if it has.
    pub ended: Option<Ended>,
    /// What was sent so far.
    pub sent: Sent,
    /// What has arrived, if the file is written.
    pub sink: Option<Sink>,
}

/// Who asked for what.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) client: SocketAddr,
    pub(crate) direction: Direction,
    pub(crate) name: Vec<u8>,
}

impl Order {
    pub(crate) fn of(incoming: &Incoming<'_>) -> Self {
        Self {
            client: incoming.from(),
            direction: incoming.direction(),
            name: incoming.request().filename().to_vec(),
        }
    }

    pub(crate) fn served(&self, ended: Option<Ended>, sent: Sent, sink: Option<&Sink>) -> Served {
        Served {
            client: self.client,
            direction: self.direction,
            name: self.name.clone(),
            ended,
            sent,
            sink: sink.cloned(),
        }
    }
}
