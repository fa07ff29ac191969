//! The rows of the matrix.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::borrow::Cow;

use crate::{
    clients::Ask,
    content::{image, large, text},
};

/// A kind of transfer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    /// The row's title in the table, and what the known limits refer to.
    pub(crate) title: &'static str,
    /// Names the file on the server.
    pub(crate) file: &'static str,
    pub(crate) content: Content,
    pub(crate) ask: Ask,
    pub(crate) ip: IpAddr,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Content {
    Image(usize),
    Large,
    Text,
    /// There is no such file to get and no such directory to put into: the transfer must fail, and as what it is.
    Missing,
}

impl Content {
    pub(crate) fn octets(self) -> Cow<'static, [u8]> {
        match self {
            Self::Image(len) => image(len).into(),
            Self::Large => large().into(),
            Self::Text => text().into(),
            Self::Missing => image(700).into(),
        }
    }
}

impl Case {
    pub(crate) const ALL: [Self; 21] = [
        Self::size("empty", "size-0", 0),
        Self::size("1 octet", "size-1", 1),
        Self::size("511 octets", "size-511", 511),
        Self::size("512 octets", "size-512", 512),
        Self::size("513 octets", "size-513", 513),
        Self::size("32 blocks exactly", "size-16384", 16384),
        Self::size("1 MiB", "size-1m", 1 << 20),
        Self {
            content: Content::Large,
            ..Self::size("40 MiB (block number wraps)", "size-40m", 0)
        },
        Self::asking("as the client asks by itself", "default", Ask::DEFAULT),
        Self::asking("no options", "no-options", NO_OPTIONS),
        // A multiple of the block size, in many blocks.
        Self {
            content: Content::Image(1000),
            ..Self::asking("blksize 8", "blksize-8", Ask::blocks(8, 1))
        },
        Self::asking("blksize 1428", "blksize-1428", Ask::blocks(1428, 1)),
        Self {
            content: Content::Image(200_000),
            ..Self::asking("blksize 65464", "blksize-65464", Ask::blocks(65464, 1))
        },
        Self {
            content: Content::Image(8 * 512 * 4),
            ..Self::asking(
                "windowsize 8, 4 windows exactly",
                "window-exact",
                Ask::blocks(512, 8),
            )
        },
        Self::asking("windowsize 8", "window", Ask::blocks(512, 8)),
        Self {
            content: Content::Image(1 << 20),
            ..Self::asking("blksize 1428, windowsize 16", "both", Ask::blocks(1428, 16))
        },
        Self::asking("timeout 3", "timeout", TIMEOUT),
        Self {
            content: Content::Text,
            ..Self::asking("netascii", "netascii", NETASCII)
        },
        Self {
            ip: IpAddr::V6(Ipv6Addr::LOCALHOST),
            ..Self::asking("IPv6", "ipv6", Ask::DEFAULT)
        },
        Self::asking("name that begins with /", "/slash", Ask::LOCKSTEP),
        Self {
            content: Content::Missing,
            ..Self::asking("missing file or directory", "no/such", Ask::LOCKSTEP)
        },
    ];

    const fn size(title: &'static str, file: &'static str, len: usize) -> Self {
        Self {
            title,
            file,
            content: Content::Image(len),
            ask: Ask::LOCKSTEP,
            ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
        }
    }

    /// Of no round size.
    const fn asking(title: &'static str, file: &'static str, ask: Ask) -> Self {
        Self {
            ask,
            ..Self::size(title, file, 100_001)
        }
    }

    /// What stays the same in the names on both sides.
    pub(crate) fn local(&self) -> String {
        self.file.replace('/', "-")
    }
}

const NO_OPTIONS: Ask = Ask {
    options: false,
    ..Ask::DEFAULT
};

const TIMEOUT: Ask = Ask {
    timeout: Some(3),
    ..Ask::LOCKSTEP
};

const NETASCII: Ask = Ask {
    netascii: true,
    ..Ask::LOCKSTEP
};
