//! The virtio network controller as a device of smoltcp's.
//!
//! The other place with unsafe code: the controller writes into memory that was lent to it, and only the
//! driver's user can promise to leave that memory alone.

#![expect(
    unsafe_code,
    reason = "buffers are lent to a device, which the language does not know"
)]

use core::{
    fmt,
    ptr::NonNull,
    sync::atomic::{AtomicUsize, Ordering},
};

use smoltcp::{
    phy::{self, Device, DeviceCapabilities, Medium},
    time::Instant,
};
use virtio_drivers::{
    BufferDirection, Hal, PAGE_SIZE, PhysAddr, device::net::VirtIONetRaw,
    transport::mmio::MmioTransport,
};

/// Frames that the controller has room for: more than any window.
const FRAMES: usize = 16;
/// Octets in a frame, and in front of it the longer of virtio's two headers.
const FRAME_LEN: usize = 1514;
const BUFFER_LEN: usize = 12 + FRAME_LEN + 2;

/// Memory for the queues, of which nothing is ever given back.
const POOL: usize = 0x8080_0000;
const POOL_PAGES: usize = 64;

/// Memory is where it is: addresses are the same for the processor and the controller.
struct Identity;

// SAFETY: `dma_alloc` hands out each page of the pool once, zeroed (it is RAM that nothing has written to
// since it was cleared here), and addresses are physical.
unsafe impl Hal for Identity {
    fn dma_alloc(pages: usize, _: BufferDirection) -> (PhysAddr, NonNull<u8>) {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let first = NEXT.fetch_add(pages, Ordering::Relaxed);
        let end = first.saturating_add(pages);
        let start = POOL.saturating_add(first.saturating_mul(PAGE_SIZE));
        match NonNull::new(start as *mut u8) {
            Some(memory) if end <= POOL_PAGES => {
                // SAFETY: these pages are RAM, and nobody else's.
                unsafe { memory.write_bytes(0, pages.saturating_mul(PAGE_SIZE)) };
                (start as PhysAddr, memory)
            }
            // The driver takes an address of 0 for "no memory".
            _ => (0, NonNull::dangling()),
        }
    }

    unsafe fn dma_dealloc(_: PhysAddr, _: NonNull<u8>, _: usize) -> i32 {
        0
    }

    unsafe fn mmio_phys_to_virt(address: PhysAddr, _: usize) -> NonNull<u8> {
        // Only buses that this board has not are asked for.
        NonNull::new(address as *mut u8).unwrap_or(NonNull::dangling())
    }

    unsafe fn share(buffer: NonNull<[u8]>, _: BufferDirection) -> PhysAddr {
        buffer.addr().get() as PhysAddr
    }

    unsafe fn unshare(_: PhysAddr, _: NonNull<[u8]>, _: BufferDirection) {}
}

/// Memory that frames arrive in.
#[derive(Debug)]
pub struct Buffers([[u8; BUFFER_LEN]; FRAMES]);

impl Buffers {
    /// All zero.
    #[must_use]
    pub const fn new() -> Self {
        Self([[0; BUFFER_LEN]; FRAMES])
    }
}

impl Default for Buffers {
    fn default() -> Self {
        Self::new()
    }
}

/// The controller, and the frames that it is lent.
pub struct Network {
    raw: VirtIONetRaw<Identity, MmioTransport<'static>, FRAMES>,
    buffers: &'static mut Buffers,
    rx: [u8; FRAME_LEN],
    tx: [u8; FRAME_LEN],
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network").finish_non_exhaustive()
    }
}

impl Network {
    /// Starts the controller and lends it the buffers. `None`: it does not work as it should.
    pub fn new(transport: MmioTransport<'static>, buffers: &'static mut Buffers) -> Option<Self> {
        let mut raw = VirtIONetRaw::new(transport).ok()?;
        for buffer in &mut buffers.0 {
            // SAFETY: the buffer is left alone until `pull` has it back.
            unsafe { raw.receive_begin(buffer) }.ok()?;
        }
        Some(Self {
            raw,
            buffers,
            rx: [0; FRAME_LEN],
            tx: [0; FRAME_LEN],
        })
    }

    /// The Ethernet address.
    #[must_use]
    pub fn mac(&self) -> [u8; 6] {
        self.raw.mac_address()
    }

    /// Copies the next frame and lends its buffer again.
    fn pull(&mut self) -> Option<usize> {
        let token = self.raw.poll_receive()?;
        let buffer = self.buffers.0.get_mut(usize::from(token))?;
        // SAFETY: tokens are given in the order of the buffers, from 0 on, and each buffer that comes back is
        // lent at once again and gets the token that it had: the only one that is free.
        let (start, len) = unsafe { self.raw.receive_complete(token, buffer) }.ok()?;
        let frame = buffer.get(start..)?.get(..len.min(FRAME_LEN))?;
        self.rx.get_mut(..frame.len())?.copy_from_slice(frame);
        let len = frame.len();
        // SAFETY: as at the first time.
        unsafe { self.raw.receive_begin(buffer) }.ok()?;
        Some(len)
    }
}

/// A frame that has arrived.
#[derive(Debug)]
pub struct RxToken<'a>(&'a [u8]);

/// Room for a frame to send.
pub struct TxToken<'a> {
    raw: &'a mut VirtIONetRaw<Identity, MmioTransport<'static>, FRAMES>,
    frame: &'a mut [u8; FRAME_LEN],
}

impl fmt::Debug for TxToken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TxToken")
    }
}

impl phy::RxToken for RxToken<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.0)
    }
}

impl phy::TxToken for TxToken<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let frame = self.frame.get_mut(..len.min(FRAME_LEN)).unwrap_or_default();
        let result = f(frame);
        // What could not be sent is lost, as on any network.
        let _ = self.raw.send(frame);
        result
    }
}

impl Device for Network {
    type RxToken<'a> = RxToken<'a>;
    type TxToken<'a> = TxToken<'a>;

    fn receive(&mut self, _: Instant) -> Option<(RxToken<'_>, TxToken<'_>)> {
        let len = self.pull()?;
        Some((
            RxToken(self.rx.get(..len).unwrap_or_default()),
            TxToken {
                raw: &mut self.raw,
                frame: &mut self.tx,
            },
        ))
    }

    fn transmit(&mut self, _: Instant) -> Option<TxToken<'_>> {
        Some(TxToken {
            raw: &mut self.raw,
            frame: &mut self.tx,
        })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = FRAME_LEN;
        capabilities
    }
}
