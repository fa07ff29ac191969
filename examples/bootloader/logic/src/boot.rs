//! From a start to the decision which image runs.

use embedded_storage::nor_flash::NorFlash;
use heapless::Vec;
use smoltcp::{phy::Device, time::Instant, wire::IpEndpoint};
use tftp_client::{Sink, Summary};
use tftp_proto::ErrorCode;

use crate::{
    Board, Failure, ImageWriter, Journal, Manifest, Net, Note, Offer, SlotId, Slots, State,
    manifest,
    net::{Stopped, elapsed},
    sink::ImageSink,
};

/// Octets of boot log that are kept.
pub(crate) const JOURNAL_LEN: usize = 2048;

/// An image that is in memory and is what its record says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "what a board needs to start it")]
pub struct Image {
    /// Where it came from.
    pub slot: SlotId,
    /// Its version.
    pub version: u32,
    /// Octets of it.
    pub size: u32,
}

/// A bootloader: a board, a stack, and two slots.
#[derive(Debug)]
pub struct Boot<'k, B, D, F> {
    pub(crate) console: Console<B>,
    pub(crate) net: Net<D>,
    pub(crate) slots: Slots<F>,
    pub(crate) key: &'k [u8; 32],
}

/// The board, and a record of what it was told to print.
#[derive(Debug)]
pub(crate) struct Console<B> {
    pub(crate) board: B,
    pub(crate) journal: Journal<JOURNAL_LEN>,
}

impl<B: Board> Board for Console<B> {
    fn now(&mut self) -> Instant {
        self.board.now()
    }

    fn turn(&mut self) {
        self.board.turn();
    }

    fn print(&mut self, note: &Note<'_>) {
        let millis = u64::try_from(self.board.now().total_millis()).unwrap_or(0);
        self.journal.add(millis, note);
        self.board.print(note);
    }
}

impl<'k, B: Board, D: Device, F: NorFlash> Boot<'k, B, D, F> {
    /// A bootloader that trusts manifests signed with the private half of `key`.
    pub const fn new(board: B, net: Net<D>, flash: F, key: &'k [u8; 32]) -> Self {
        Self {
            console: Console {
                board,
                journal: Journal::new(),
            },
            net,
            slots: Slots::new(flash),
            key,
        }
    }

    /// The board and the stack, for a last look before the image is started.
    pub fn parts(&mut self) -> (&mut B, &mut Net<D>) {
        (&mut self.console.board, &mut self.net)
    }

    /// Fetches what is to be fetched, and puts the image that is to run into `memory`. `None`: there is
    /// none, whatever was tried.
    pub fn run(&mut self, name: &str, memory: &mut [u8]) -> Option<Image> {
        self.console.print(&Note::Start { name });
        let states = self.look();
        let offer = self.offer();
        let server = offer.as_ref().and_then(|offer| self.update(offer, states));
        if let Some(image) = self.choose(memory) {
            self.report(server);
            return Some(image);
        }
        self.console.print(&Note::NothingToStart);
        self.report(server);
        self.recover(memory)
    }

    #[cfg(not(feature = "recovery"))]
    fn recover(&mut self, _: &mut [u8]) -> Option<Image> {
        None
    }

    /// What is in the slots, A first.
    fn look(&mut self) -> [State; 2] {
        [SlotId::A, SlotId::B].map(|slot| {
            let Ok(state) = self.slots.state(slot) else {
                self.console.print(&Note::FlashFailed);
                return State::Empty;
            };
            self.console.print(&match state {
                State::Empty => Note::SlotEmpty { slot },
                State::Incomplete => Note::SlotIncomplete { slot },
                State::Trial(record, starts) => Note::SlotTrial {
                    slot,
                    version: record.version,
                    starts,
                },
                State::Confirmed(record) => Note::SlotConfirmed {
                    slot,
                    version: record.version,
                },
                State::GivenUp(record) => Note::SlotGivenUp {
                    slot,
                    version: record.version,
                },
            });
            state
        })
    }

    fn offer(&mut self) -> Option<Offer> {
        let Some((address, offer)) = self.net.acquire(&mut self.console) else {
            self.console.print(&Note::NoAddress);
            return None;
        };
        self.console.print(&Note::Address {
            address: address.address(),
            prefix: address.prefix_len(),
        });
        if offer.servers.is_empty() || offer.name.is_empty() {
            self.console.print(&Note::NoOffer);
            return None;
        }
        Some(offer)
    }

    /// Fetches a newer image if there is one. Tells the server that answered.
    fn update(&mut self, offer: &Offer, states: [State; 2]) -> Option<IpEndpoint> {
        for server in &offer.servers {
            let core::net::IpAddr::V4(address) = server.addr.into() else {
                continue;
            };
            self.console.print(&Note::Asking {
                server: address,
                port: server.port,
            });
            let mut file = Octets(Vec::new());
            self.net.plain = false;
            let why = match self.manifest(*server, &offer.name, &mut file) {
                Ok(()) => match Manifest::verify(&file.0, self.key) {
                    Ok(manifest) => {
                        self.take(*server, &manifest, states);
                        return Some(*server);
                    }
                    Err(error) => Failure::Manifest(error),
                },
                Err(stopped) => stopped
                    .into_failure(|NoRoom| Failure::Manifest(crate::ManifestError::Malformed)),
            };
            self.console.print(&Note::ManifestRefused { why });
            if matches!(why, Failure::Manifest(_)) {
                return Some(*server);
            }
        }
        None
    }

    fn manifest(
        &mut self,
        server: IpEndpoint,
        name: &[u8],
        file: &mut Octets,
    ) -> Result<(), Stopped<NoRoom>> {
        let max_len = manifest::MAX_LEN as u64;
        self.net
            .get(&mut self.console, server, name, max_len, file, |_, _| {})
            .map(|_| ())
    }

    fn take(&mut self, server: IpEndpoint, manifest: &Manifest<'_>, states: [State; 2]) {
        let version = manifest.version;
        self.console.print(&Note::Manifest {
            version,
            size: manifest.size,
        });
        let Some(slot) = self.place(version, states) else {
            return;
        };
        match self.fetch(server, manifest, slot) {
            Ok(()) => self.console.print(&Note::Stored { slot, version }),
            Err(why) => self.console.print(&Note::ImageRefused { why }),
        }
    }

    /// The slot for an image of this version: the one that will not be needed if it turns out bad. `None` if
    /// the image is not wanted.
    fn place(&mut self, version: u32, [a, b]: [State; 2]) -> Option<SlotId> {
        let given_up =
            |state: State| matches!(state, State::GivenUp(record) if record.version == version);
        if given_up(a) || given_up(b) {
            self.console.print(&Note::FailedBefore { version });
            return None;
        }
        let (a, b) = (
            a.bootable().map(|record| record.version),
            b.bootable().map(|record| record.version),
        );
        let running = a.max(b);
        if running == Some(version) {
            self.console.print(&Note::UpToDate { version });
            return None;
        }
        if let Some(running) = running.filter(|running| version < *running) {
            self.console.print(&Note::Older { version, running });
            return None;
        }
        Some(if a > b { SlotId::B } else { SlotId::A })
    }

    fn fetch(
        &mut self,
        server: IpEndpoint,
        manifest: &Manifest<'_>,
        slot: SlotId,
    ) -> Result<(), Failure> {
        let record = manifest.record();
        let began = self.console.now();
        let size = u64::from(manifest.size);
        let writer = ImageWriter::begin(&mut self.slots, slot, record).map_err(Failure::Store)?;
        let sink = ImageSink {
            slots: &mut self.slots,
            writer,
        };
        let summary = self
            .net
            .get(
                &mut self.console,
                server,
                manifest.image.as_bytes(),
                size,
                sink,
                quarters(size),
            )
            .map_err(|stopped| stopped.into_failure(Failure::Store))?;
        let millis = elapsed(began, self.console.now()).total_millis();
        self.say(&summary, millis);
        Ok(())
    }

    fn say(&mut self, summary: &Summary, millis: u64) {
        // A millisecond is 1/1000 s and a KiB 1024 octets.
        let rate = summary
            .bytes
            .saturating_mul(1000)
            .checked_div(millis.max(1))
            .unwrap_or(0)
            >> 10;
        self.console.print(&Note::Fetched {
            bytes: summary.bytes,
            millis,
            rate,
        });
        self.console.print(&Note::Transfer {
            blksize: summary.negotiated.blksize,
            windowsize: summary.negotiated.windowsize,
            retransmissions: summary.retransmissions,
            ignored: summary.ignored,
        });
    }

    /// Loads the newest image that can be started, or else the other one.
    pub(crate) fn choose(&mut self, memory: &mut [u8]) -> Option<Image> {
        let versions = [SlotId::A, SlotId::B].map(|slot| {
            let state = self.slots.state(slot).ok()?;
            state.bootable().map(|record| (record, slot))
        });
        let [a, b] = versions;
        let newest_first =
            if a.map(|(record, _)| record.version) >= b.map(|(record, _)| record.version) {
                [a, b]
            } else {
                [b, a]
            };
        let mut fallback = false;
        for (record, slot) in newest_first.into_iter().flatten() {
            let version = record.version;
            if fallback {
                self.console.print(&Note::Fallback { slot, version });
            }
            let board = &mut self.console.board;
            match self.slots.load(slot, &record, memory, || board.turn()) {
                Ok(true) if self.slots.count_start(slot).is_ok() => {
                    self.console.print(&Note::Starting { slot, version });
                    return Some(Image {
                        slot,
                        version,
                        size: record.size,
                    });
                }
                Ok(false) => self.console.print(&Note::SlotDamaged { slot }),
                Ok(true) | Err(_) => self.console.print(&Note::FlashFailed),
            }
            fallback = true;
        }
        None
    }

    /// Stores the boot log on the server that answered.
    #[cfg(feature = "put")]
    fn report(&mut self, server: Option<IpEndpoint>) {
        let Some(server) = server else { return };
        let name = b"boot.log";
        let Console { board, journal } = &mut self.console;
        let note = match self.net.put(board, server, name, journal.as_bytes()) {
            Ok(summary) => Note::LogStored {
                bytes: summary.bytes,
            },
            Err(why) => Note::LogNotStored { why },
        };
        self.console.print(&note);
    }

    #[cfg(not(feature = "put"))]
    fn report(&mut self, _: Option<IpEndpoint>) {}
}

/// Tells each quarter of the way.
fn quarters<B: Board>(size: u64) -> impl FnMut(&mut B, u64) {
    let mut told = 0_u32;
    move |board, bytes| {
        let quarters = bytes.saturating_mul(4).checked_div(size).unwrap_or(4);
        let percent = u32::try_from(quarters).unwrap_or(4).saturating_mul(25);
        if percent > told {
            told = percent;
            board.print(&Note::Progress { percent });
        }
    }
}

/// A small file in memory.
pub(crate) struct Octets(pub(crate) Vec<u8, { manifest::MAX_LEN }>);

/// The file is longer than any manifest.
#[derive(Debug)]
pub(crate) struct NoRoom;

impl Sink for Octets {
    type Error = NoRoom;

    fn write(&mut self, bytes: &[u8]) -> Result<(), NoRoom> {
        self.0.extend_from_slice(bytes).map_err(|_| NoRoom)
    }

    fn commit(&mut self) -> Result<(), NoRoom> {
        Ok(())
    }

    fn code(_: &NoRoom) -> ErrorCode {
        ErrorCode::DISK_FULL
    }
}
