//! What a bootloader has to say.

use core::{fmt, net::Ipv4Addr};

use tftp_client::TransferError;

use crate::{ManifestError, SlotId, StoreError};

/// Why something was not fetched, or not believed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Failure {
    /// DHCP gave no address, or no server, or no file name.
    NoOffer,
    /// The file's name cannot be asked for, or the socket not be used.
    Request,
    /// The transfer failed.
    Transfer(TransferError),
    /// What arrived is not what was to be stored.
    Store(StoreError),
    /// The manifest is not to be believed.
    Manifest(ManifestError),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoOffer => f.write_str("DHCP names no server and file"),
            Self::Request => f.write_str("the request cannot be made"),
            Self::Transfer(error) => error.fmt(f),
            Self::Store(error) => error.fmt(f),
            Self::Manifest(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for Failure {}

/// The text that the boot log has, which is in the program anyway.
#[cfg(feature = "defmt")]
impl defmt::Format for Failure {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{}", defmt::Display2Format(self));
    }
}

/// A line of the log.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "each one's text says what it means")]
#[expect(clippy::exhaustive_enums, reason = "this is the bootloader's own list")]
pub enum Note<'a> {
    Start {
        name: &'a str,
    },
    SlotEmpty {
        slot: SlotId,
    },
    SlotIncomplete {
        slot: SlotId,
    },
    SlotTrial {
        slot: SlotId,
        version: u32,
        starts: u32,
    },
    SlotConfirmed {
        slot: SlotId,
        version: u32,
    },
    SlotGivenUp {
        slot: SlotId,
        version: u32,
    },
    SlotDamaged {
        slot: SlotId,
    },
    FlashFailed,
    Address {
        address: Ipv4Addr,
        prefix: u8,
    },
    NoAddress,
    NoOffer,
    Asking {
        server: Ipv4Addr,
        port: u16,
    },
    ClientSays {
        code: u16,
    },
    ServerSays {
        code: u16,
    },
    ManifestRefused {
        why: Failure,
    },
    Manifest {
        version: u32,
        size: u32,
    },
    UpToDate {
        version: u32,
    },
    Older {
        version: u32,
        running: u32,
    },
    FailedBefore {
        version: u32,
    },
    Progress {
        percent: u32,
    },
    Fetched {
        bytes: u64,
        millis: u64,
        rate: u64,
    },
    Transfer {
        blksize: u16,
        windowsize: u16,
        retransmissions: u32,
        ignored: u32,
    },
    ImageRefused {
        why: Failure,
    },
    Stored {
        slot: SlotId,
        version: u32,
    },
    Fallback {
        slot: SlotId,
        version: u32,
    },
    NothingToStart,
    LogStored {
        bytes: u64,
    },
    LogNotStored {
        why: Failure,
    },
    RecoveryWaits {
        address: Ipv4Addr,
    },
    RecoveryTakes {
        what: &'a str,
    },
    RecoveryFailed {
        what: &'a str,
        why: Failure,
    },
    Starting {
        slot: SlotId,
        version: u32,
    },
}

/// The same words for people who read text and for defmt, which keeps them out of the flash.
macro_rules! words {
    ($($variant:pat => ($($words:tt)+),)+) => {
        impl fmt::Display for Note<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match *self {
                    $($variant => write!(f, $($words)+),)+
                }
            }
        }

        #[cfg(feature = "defmt")]
        impl defmt::Format for Note<'_> {
            fn format(&self, f: defmt::Formatter<'_>) {
                match *self {
                    $($variant => defmt::write!(f, $($words)+),)+
                }
            }
        }
    };
}

words! {
    Self::Start { name } => ("{} starts", name),
    Self::SlotEmpty { slot } => ("slot {}: empty", slot.name()),
    Self::SlotIncomplete { slot } => ("slot {}: incomplete, its transfer was cut off", slot.name()),
    Self::SlotTrial { slot, version, starts } =>
        ("slot {}: version {}, started {} times, not confirmed", slot.name(), version, starts),
    Self::SlotConfirmed { slot, version } => ("slot {}: version {}, confirmed", slot.name(), version),
    Self::SlotGivenUp { slot, version } =>
        ("slot {}: version {}, given up: it never confirmed that it works", slot.name(), version),
    Self::SlotDamaged { slot } => ("slot {}: damaged, its digest is wrong", slot.name()),
    Self::FlashFailed => ("the flash failed"),
    Self::Address { address, prefix } => ("address {}/{}", address, prefix),
    Self::NoAddress => ("no answer from a DHCP server"),
    Self::NoOffer => ("DHCP names no server and file"),
    Self::Asking { server, port } => ("asking {} port {}", server, port),
    Self::ServerSays { code } => ("the server answers ERROR {}", code),
    Self::ClientSays { code } => ("the client says ERROR {}", code),
    Self::ManifestRefused { why } => ("no manifest: {}", why),
    Self::Manifest { version, size } => ("manifest: version {}, {} octets, signature good", version, size),
    Self::UpToDate { version } => ("version {} is what we have", version),
    Self::Older { version, running } => ("version {} is older than {}: refused", version, running),
    Self::FailedBefore { version } => ("version {} was given up before: refused", version),
    Self::Progress { percent } => ("image: {} %", percent),
    Self::Fetched { bytes, millis, rate } => ("image: {} octets in {} ms, {} KiB/s", bytes, millis, rate),
    Self::Transfer { blksize, windowsize, retransmissions, ignored } =>
        ("image: blksize {}, windowsize {}, {} retransmissions, {} ignored",
         blksize, windowsize, retransmissions, ignored),
    Self::ImageRefused { why } => ("no image: {}", why),
    Self::Stored { slot, version } => ("slot {}: version {} stored, digest good", slot.name(), version),
    Self::Fallback { slot, version } => ("falling back to slot {}, version {}", slot.name(), version),
    Self::NothingToStart => ("no slot can be started"),
    Self::LogStored { bytes } => ("boot log stored: {} octets", bytes),
    Self::LogNotStored { why } => ("boot log not stored: {}", why),
    Self::RecoveryWaits { address } => ("recovery: put manifest and image to {}", address),
    Self::RecoveryTakes { what } => ("recovery: {} arrived", what),
    Self::RecoveryFailed { what, why } => ("recovery: {} failed: {}", what, why),
    Self::Starting { slot, version } => ("starting slot {}, version {}", slot.name(), version),
}
