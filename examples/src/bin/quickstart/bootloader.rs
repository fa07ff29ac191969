//! The device: what a bootloader does to get an image, on a network stack and a flash of its own.

use core::{fmt, task::Poll, time::Duration};
use std::{io, time};

use embedded_storage::nor_flash::ReadNorFlash as _;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressStyle};
use smoltcp::{
    iface::{Config as Setup, Interface, SocketHandle, SocketSet},
    socket::udp,
    time::Instant,
    wire::{HardwareAddress, IpCidr, IpEndpoint},
};
use tftp_client::{
    Config, FlashError, FlashRegion, RegionError, Request, RequestError, Summary, TransferError,
    smoltcp::{Error, Get, StartError, ephemeral_port},
};
use tftp_proto::Event;

use crate::{
    flash::{Fault, Flash, WORD},
    gateway::{DEVICE, Gateway, HEADER_LEN, SERVER},
    image::{Digest, Hash},
};

/// Octets of a DATA packet before the payload.
const DATA_HEADER_LEN: usize = 4;
/// An Ethernet's.
const USUAL_MTU: usize = 1500;

/// What the device asks for, and what it is made of.
#[derive(Debug)]
pub(crate) struct Bootloader {
    pub(crate) blksize: u16,
    pub(crate) windowsize: u16,
    /// Octets of flash.
    pub(crate) flash: u32,
    /// What a real device has from its random number generator.
    pub(crate) seed: u32,
}

/// What the device is connected to.
#[derive(Debug)]
pub(crate) struct Link {
    /// The server's port.
    pub(crate) port: u16,
    /// The part of all datagrams that is lost, in each direction.
    pub(crate) loss: f64,
}

/// An image that has arrived.
#[derive(Debug)]
pub(crate) struct Fetched {
    pub(crate) summary: Summary,
    /// From the request until all was stored.
    pub(crate) duration: Duration,
    /// Of what the flash holds.
    pub(crate) digest: Digest,
}

/// Why the image did not arrive.
#[derive(Debug)]
pub(crate) enum Failure {
    Gateway(io::Error),
    Request(RequestError),
    Start(StartError),
    Region(RegionError),
    Flash(FlashError<Fault>),
    Readback(Fault),
    Transfer {
        error: TransferError,
        /// What the server said, if it gave up.
        text: String,
        /// Octets that there is room for.
        room: u32,
    },
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gateway(error) => write!(f, "the gateway failed: {error}"),
            Self::Request(error) => error.fmt(f),
            Self::Start(error) => write!(f, "the transfer cannot start: {error}"),
            Self::Region(error) => error.fmt(f),
            Self::Flash(error) => error.fmt(f),
            Self::Readback(fault) => write!(f, "the flash cannot be read: {fault}"),
            Self::Transfer {
                error: error @ TransferError::TooLarge,
                room,
                ..
            } => write!(f, "{error}: the flash has {room} octets"),
            Self::Transfer { error, text, .. } if text.is_empty() => error.fmt(f),
            Self::Transfer { error, text, .. } => write!(f, "{error} ({text})"),
        }
    }
}

/// The device's network stack.
struct Stack {
    gateway: Gateway,
    iface: Interface,
    sockets: SocketSet<'static>,
    udp: SocketHandle,
    start: time::Instant,
}

type Image = FlashRegion<Flash, WORD>;

impl Bootloader {
    /// Fetches an image into the flash, and reads it back.
    pub(crate) fn fetch(&self, name: &str, link: &Link) -> Result<Fetched, Failure> {
        let request = Request::octet(name).map_err(Failure::Request)?;
        let flash = Flash::used(self.flash);
        let mut image = Image::new(flash, 0..self.flash).map_err(Failure::Region)?;
        let mut stack = self.stack(link).map_err(Failure::Gateway)?;

        let mut config = Config::client();
        config.blksize = self.blksize;
        config.windowsize = self.windowsize;
        config.max_len = image.capacity().into();
        config.seed = self.seed;
        let local = ephemeral_port(self.seed);
        let server = IpEndpoint::new(SERVER.into(), link.port);
        let now = stack.now();
        let get = Get::request(now, stack.socket(), local, server, request, config)
            .map_err(Failure::Start)?;
        let (summary, duration) = stack.drive(get, &mut image)?;
        let digest = digest(image.into_flash(), summary.bytes).map_err(Failure::Readback)?;
        Ok(Fetched {
            summary,
            duration,
            digest,
        })
    }

    /// A stack whose receive ring holds one window.
    fn stack(&self, link: &Link) -> io::Result<Stack> {
        let datagram = usize::from(self.blksize)
            .max(512)
            .saturating_add(DATA_HEADER_LEN);
        let mtu = datagram.saturating_add(HEADER_LEN).max(USUAL_MTU);
        let mut gateway = Gateway::new(mtu, link.loss, self.seed)?;
        let start = time::Instant::now();
        let setup = Setup::new(HardwareAddress::Ip);
        let mut iface = Interface::new(setup, &mut gateway, Instant::ZERO);
        iface.update_ip_addrs(|addresses| {
            // The list is empty and has room for at least one.
            let _ = addresses.push(IpCidr::new(DEVICE.into(), 24));
        });
        let window = usize::from(self.windowsize);
        let ring = |packets: usize, octets| {
            udp::PacketBuffer::new(vec![udp::PacketMetadata::EMPTY; packets], vec![0; octets])
        };
        let received = ring(window, window.saturating_mul(datagram));
        let mut sockets = SocketSet::new(Vec::new());
        let udp = sockets.add(udp::Socket::new(received, ring(4, 1024)));
        Ok(Stack {
            gateway,
            iface,
            sockets,
            udp,
            start,
        })
    }
}

impl Stack {
    fn now(&self) -> Instant {
        let micros = self.start.elapsed().as_micros();
        Instant::from_micros(i64::try_from(micros).unwrap_or(i64::MAX))
    }

    fn socket(&mut self) -> &mut udp::Socket<'static> {
        self.sockets.get_mut(self.udp)
    }

    fn poll(&mut self, now: Instant) {
        self.iface.poll(now, &mut self.gateway, &mut self.sockets);
    }

    /// The whole of a bootloader's loop, and a progress bar. Tells also how long it took.
    fn drive(
        &mut self,
        mut get: Get<'_>,
        image: &mut Image,
    ) -> Result<(Summary, Duration), Failure> {
        let bar = bar();
        let mut text = String::new();
        let mut complete = None;
        loop {
            let now = self.now();
            self.poll(now);
            let socket = self.sockets.get_mut::<udp::Socket<'_>>(self.udp);
            let result = get.poll(now, socket, image, |event| match event {
                Event::Negotiated(negotiated) => {
                    bar.set_length(negotiated.tsize.unwrap_or_default());
                    bar.set_draw_target(ProgressDrawTarget::stderr());
                }
                Event::Error { message, .. } => text = message.to_string(),
                _ => {}
            });
            bar.set_position(get.summary().bytes);
            if get.is_complete() && complete.is_none() {
                complete = Some(self.start.elapsed());
            }
            if let Poll::Ready(result) = result {
                self.poll(now);
                let duration = complete.unwrap_or_else(|| self.start.elapsed());
                return match result {
                    Ok(summary) => Ok((summary, duration)),
                    Err(Error::Store(error)) => Err(Failure::Flash(error)),
                    Err(Error::Transfer(error)) => Err(Failure::Transfer {
                        error,
                        text,
                        room: image.capacity(),
                    }),
                };
            }
            let poll_at = get.poll_at(socket);
            let poll_at = [self.iface.poll_at(now, &self.sockets), poll_at];
            self.sleep(poll_at.into_iter().flatten().min())?;
        }
    }

    fn sleep(&mut self, until: Option<Instant>) -> Result<(), Failure> {
        let now = self.now();
        let left = until.map(|until| {
            let micros = until.total_micros().saturating_sub(now.total_micros());
            Duration::from_micros(u64::try_from(micros).unwrap_or(0))
        });
        self.gateway.wait(left).map_err(Failure::Gateway)
    }
}

/// Is seen on a terminal, once there is a length.
fn bar() -> ProgressBar {
    let template = "{bar:40} {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec}";
    let style =
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::hidden()
        .with_style(style)
        .with_finish(ProgressFinish::AndClear)
}

fn digest(mut flash: Flash, len: u64) -> Result<Digest, Fault> {
    let mut hash = Hash::default();
    let mut piece = [0; 4096];
    let mut offset = 0_u32;
    while u64::from(offset) < len {
        let left = len.saturating_sub(offset.into());
        let left = usize::try_from(left).unwrap_or(usize::MAX).min(piece.len());
        let piece = piece.get_mut(..left).unwrap_or_default();
        flash.read(offset, piece)?;
        hash.update(piece);
        offset = offset.saturating_add(u32::try_from(left).unwrap_or(u32::MAX));
    }
    Ok(hash.finish())
}
