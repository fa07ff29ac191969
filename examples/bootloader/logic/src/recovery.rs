//! When nothing can be started and nothing was fetched: a server that takes an image from whoever has
//! one, with an ordinary TFTP client.

use core::net::Ipv4Addr;

use embedded_storage::nor_flash::NorFlash;
use heapless::Vec;
use smoltcp::{phy::Device, socket::udp, wire::Ipv4Cidr};
use tftp_client::Summary;
use tftp_proto::uri::DEFAULT_PORT;
use tftp_proto::{Config, ErrorCode, Event, Incoming, Length, TransferError};
use tftp_server::smoltcp::{Content, Server};

use crate::{
    Board, Boot, Failure, Image, ImageWriter, Manifest, Note, SlotId, Slots, boot::Console,
    manifest, sink,
};

/// Where the device is if no DHCP server gives it an address: in the range for links without one
/// (RFC 3927).
const ALONE: Ipv4Cidr = Ipv4Cidr::new(Ipv4Addr::new(169, 254, 69, 69), 16);

/// Transfers at once: the upload, and somebody who reads the log.
const SESSIONS: usize = 2;

impl<B: Board, D: Device, F: NorFlash> Boot<'_, B, D, F> {
    /// Waits for a manifest and the image that it names, in this order, and loads the image.
    pub(crate) fn recover(&mut self, memory: &mut [u8]) -> Option<Image> {
        if self.net.address().is_none() {
            self.net.set_address(Some(ALONE));
        }
        let address = self.net.address()?;
        self.console.print(&Note::RecoveryWaits { address });
        let mut limits = Config::server();
        limits.blksize = self.net.blksize();
        limits.windowsize = crate::WINDOW;
        limits.seed = self.net.next_seed();
        let socket = self.net.sockets.get_mut::<udp::Socket<'_>>(self.net.udp);
        let mut server: Server<_, SESSIONS> = Server::listen(socket, DEFAULT_PORT, limits).ok()?;
        let mut desk = Desk {
            slots: &mut self.slots,
            console: &mut self.console,
            key: self.key,
            manifest: Vec::new(),
            upload: Upload::Nothing,
            done: false,
        };
        // Until the last client knows, as well as it can be known, that its file is stored.
        while !(desk.done && server.is_empty()) {
            let now = desk.console.now();
            self.net.poll(now);
            let socket = self.net.sockets.get_mut::<udp::Socket<'_>>(self.net.udp);
            server.poll(now, &self.net.iface, socket, &mut desk);
            self.net.flush(now);
            desk.console.turn();
        }
        self.choose(memory)
    }
}

/// What arrives, and the log, which may be read.
struct Desk<'d, B, F> {
    slots: &'d mut Slots<F>,
    console: &'d mut Console<B>,
    key: &'d [u8; 32],
    /// The last manifest that arrived whole.
    manifest: Vec<u8, { manifest::MAX_LEN }>,
    upload: Upload,
    done: bool,
}

/// The upload there may be.
#[expect(
    clippy::large_enum_variant,
    reason = "there is one, and no heap to put a manifest on"
)]
enum Upload {
    Nothing,
    Manifest(Vec<u8, { manifest::MAX_LEN }>),
    Image(ImageWriter),
}

/// An open file.
enum File {
    Log,
    Manifest,
    Image,
}

impl File {
    const fn name(&self) -> &'static str {
        match self {
            Self::Log => "boot.log",
            Self::Manifest => "manifest",
            Self::Image => "image",
        }
    }
}

impl<B: Board, F: NorFlash> Desk<'_, B, F> {
    fn failed(&mut self, file: &File, why: Failure) {
        let what = file.name();
        self.console.print(&Note::RecoveryFailed { what, why });
    }

    /// The image that the manifest names, if it is good and the image is called `name`.
    fn begin_image(&mut self, name: &[u8]) -> Result<File, Failure> {
        let manifest = Manifest::verify(&self.manifest, self.key).map_err(Failure::Manifest)?;
        if manifest.image.as_bytes() != name {
            return Err(Failure::Request);
        }
        let writer =
            ImageWriter::begin(self.slots, SlotId::A, manifest.record()).map_err(Failure::Store)?;
        self.upload = Upload::Image(writer);
        Ok(File::Image)
    }
}

impl<B: Board, F: NorFlash> Content for Desk<'_, B, F> {
    type File = File;

    fn open(&mut self, incoming: &Incoming<'_>) -> Result<(File, Length), ErrorCode> {
        if incoming.request().filename() != File::Log.name().as_bytes() {
            return Err(ErrorCode::FILE_NOT_FOUND);
        }
        let length = self.console.journal.as_bytes().len() as u64;
        Ok((File::Log, Length::Known(length)))
    }

    fn create(&mut self, incoming: &Incoming<'_>) -> Result<File, ErrorCode> {
        if self.done || !matches!(self.upload, Upload::Nothing) {
            return Err(ErrorCode::NOT_DEFINED);
        }
        let name = incoming.request().filename();
        if name == File::Manifest.name().as_bytes() {
            self.upload = Upload::Manifest(Vec::new());
            return Ok(File::Manifest);
        }
        self.begin_image(name).map_err(|why| {
            self.failed(&File::Image, why);
            ErrorCode::ACCESS_VIOLATION
        })
    }

    fn read_at(&mut self, _: &mut File, offset: u64, buf: &mut [u8]) -> Result<usize, ErrorCode> {
        let rest = usize::try_from(offset)
            .ok()
            .and_then(|offset| self.console.journal.as_bytes().get(offset..))
            .unwrap_or_default();
        let len = rest.len().min(buf.len());
        for (to, from) in buf.iter_mut().zip(rest) {
            *to = *from;
        }
        Ok(len)
    }

    fn write(&mut self, _: &mut File, octets: &[u8]) -> Result<(), ErrorCode> {
        match &mut self.upload {
            Upload::Nothing => Err(ErrorCode::NOT_DEFINED),
            Upload::Manifest(text) => text
                .extend_from_slice(octets)
                .map_err(|_| ErrorCode::DISK_FULL),
            Upload::Image(writer) => writer.write(self.slots, octets).map_err(|error| {
                self.console.print(&Note::RecoveryFailed {
                    what: File::Image.name(),
                    why: Failure::Store(error),
                });
                sink::code(error)
            }),
        }
    }

    fn commit(&mut self, file: &mut File) -> Result<(), ErrorCode> {
        match core::mem::replace(&mut self.upload, Upload::Nothing) {
            Upload::Nothing => return Err(ErrorCode::NOT_DEFINED),
            Upload::Manifest(text) => {
                if let Err(error) = Manifest::verify(&text, self.key) {
                    self.failed(file, Failure::Manifest(error));
                    return Err(ErrorCode::ACCESS_VIOLATION);
                }
                self.manifest = text;
            }
            Upload::Image(mut writer) => {
                if let Err(error) = writer.finish(self.slots) {
                    self.failed(file, Failure::Store(error));
                    return Err(sink::code(error));
                }
                let (slot, record) = writer.target();
                self.console.print(&Note::Stored {
                    slot,
                    version: record.version,
                });
                self.done = true;
            }
        }
        let what = file.name();
        self.console.print(&Note::RecoveryTakes { what });
        Ok(())
    }

    fn observe(&mut self, _: &mut File, event: &Event<'_>) {
        if let Event::Error { code, .. } = event {
            self.console.print(&Note::ClientSays { code: code.0 });
        }
    }

    fn close(&mut self, file: File, result: Result<Summary, TransferError>) {
        match (file, result) {
            (File::Image, Ok(summary)) => self.console.print(&Note::Transfer {
                blksize: summary.negotiated.blksize,
                windowsize: summary.negotiated.windowsize,
                retransmissions: summary.retransmissions,
                ignored: summary.ignored,
            }),
            (File::Log | File::Manifest, Ok(_)) => {}
            (file, Err(error)) => {
                // One transfer at a time writes: an upload that failed leaves room for the next.
                if !matches!(file, File::Log) {
                    self.upload = Upload::Nothing;
                }
                // What the store refused was told already.
                if !matches!(error, TransferError::Local(_)) {
                    self.failed(&file, Failure::Transfer(error));
                }
            }
        }
    }
}
