//! Queues of frames that are shared with the device (virtio 1.2, section 2.7).

use core::sync::atomic::{Ordering, fence};

use vcell::VolatileCell;

use crate::{Error, FRAME_LEN, RX_FRAMES, Registers, TX_FRAMES};

/// What is in front of a frame (section 5.1.6): zeros, for a driver that wants no help with checksums.
const HEADER_LEN: usize = 12;
/// Words of a buffer: the header, a frame, and the rest of its last word.
const WORDS: usize = (HEADER_LEN + FRAME_LEN).div_ceil(4);
const HEADER_WORDS: usize = HEADER_LEN / 4;

/// `Descriptor::flags`: the device writes here.
const DEVICE_WRITES: u16 = 2;
/// `Avail::flags`: no interrupt is wanted.
const NO_INTERRUPT: u16 = 1;

/// Where a buffer is.
#[repr(C, align(16))]
struct Descriptor {
    address: [VolatileCell<u32>; 2],
    len: VolatileCell<u32>,
    flags: VolatileCell<u16>,
    next: VolatileCell<u16>,
}

/// Buffers that the device may use, in order.
#[repr(C)]
struct Avail<const N: usize> {
    flags: VolatileCell<u16>,
    index: VolatileCell<u16>,
    ring: [VolatileCell<u16>; N],
    event: VolatileCell<u16>,
}

/// Buffers that the device has done with, in order.
#[repr(C, align(4))]
struct Used<const N: usize> {
    flags: VolatileCell<u16>,
    index: VolatileCell<u16>,
    ring: [UsedElement; N],
    event: VolatileCell<u16>,
}

#[repr(C)]
struct UsedElement {
    buffer: VolatileCell<u32>,
    len: VolatileCell<u32>,
}

type Buffer = [VolatileCell<u32>; WORDS];

/// A queue's part of the memory.
#[repr(C)]
pub(crate) struct Shared<const N: usize> {
    descriptors: [Descriptor; N],
    avail: Avail<N>,
    used: Used<N>,
    buffers: [Buffer; N],
}

/// Memory that the device reads and writes by itself.
pub struct Memory {
    pub(crate) rx: Shared<RX_FRAMES>,
    pub(crate) tx: Shared<TX_FRAMES>,
}

impl Memory {
    /// All zeros.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            rx: Shared::new(),
            tx: Shared::new(),
        }
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

impl core::fmt::Debug for Memory {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Memory")
    }
}

impl<const N: usize> Shared<N> {
    const fn new() -> Self {
        const { assert!(N.is_power_of_two() && N <= 32) };
        Self {
            descriptors: [const {
                Descriptor {
                    address: [const { VolatileCell::new(0) }; 2],
                    len: VolatileCell::new(0),
                    flags: VolatileCell::new(0),
                    next: VolatileCell::new(0),
                }
            }; N],
            avail: Avail {
                flags: VolatileCell::new(0),
                index: VolatileCell::new(0),
                ring: [const { VolatileCell::new(0) }; N],
                event: VolatileCell::new(0),
            },
            used: Used {
                flags: VolatileCell::new(0),
                index: VolatileCell::new(0),
                ring: [const {
                    UsedElement {
                        buffer: VolatileCell::new(0),
                        len: VolatileCell::new(0),
                    }
                }; N],
                event: VolatileCell::new(0),
            },
            buffers: [const { [const { VolatileCell::new(0) }; WORDS] }; N],
        }
    }

    /// Tells the device where the queue is.
    pub(crate) fn announce(&self, registers: &Registers, queue: u32) -> Result<(), Error> {
        let len = u32::try_from(N).unwrap_or(u32::MAX);
        registers.queue_sel.set(queue);
        if registers.queue_ready.get() != 0 || registers.queue_num_max.get() < len {
            return Err(Error::Queues);
        }
        registers.queue_num.set(len);
        set_address(&registers.queue_desc, &self.descriptors);
        set_address(&registers.queue_driver, &self.avail);
        set_address(&registers.queue_device, &self.used);
        registers.queue_ready.set(1);
        Ok(())
    }
}

/// Writes where something is: low half, high half.
fn set_address<T>(to: &[VolatileCell<u32>; 2], of: &T) {
    let address = core::ptr::from_ref(of).addr() as u64;
    let [low, high] = to;
    low.set((address & 0xffff_ffff) as u32);
    high.set((address >> 32) as u32);
}

/// The driver's side of a queue. A buffer's number is its descriptor's.
pub(crate) struct Queue<'m, const N: usize> {
    shared: &'m Shared<N>,
    /// Buffers lent and buffers taken back since the start, both modulo 65,536.
    lent: u16,
    taken: u16,
    /// A bit for each buffer that is lent.
    out: u32,
}

fn bit(id: u16) -> u32 {
    1_u32.checked_shl(id.into()).unwrap_or(0)
}

impl<'m, const N: usize> Queue<'m, N> {
    const LEN: u16 = N as u16;

    /// A queue of which nothing is lent. The memory may have been used before.
    pub(crate) fn new(shared: &'m Shared<N>) -> Self {
        shared.avail.flags.set(NO_INTERRUPT);
        shared.avail.index.set(0);
        shared.used.index.set(0);
        Self {
            shared,
            lent: 0,
            taken: 0,
            out: 0,
        }
    }

    /// Lends every buffer for the device to write into.
    pub(crate) fn lend_all(&mut self) {
        for id in 0..Self::LEN {
            self.lend(id, size_of::<Buffer>(), DEVICE_WRITES);
        }
    }

    /// A buffer that the device has not.
    pub(crate) fn free(&mut self) -> Option<u16> {
        while let Some((id, _)) = self.take() {
            self.out &= !bit(id);
        }
        (0..Self::LEN).find(|id| self.out & bit(*id) == 0)
    }

    /// Lends a frame for the device to send.
    pub(crate) fn send(&mut self, id: u16, frame: &[u8]) {
        let Some(buffer) = self.shared.buffers.get(usize::from(id)) else {
            return;
        };
        for (to, octets) in buffer.iter().skip(HEADER_WORDS).zip(frame.chunks(4)) {
            let mut word = [0; 4];
            word.iter_mut()
                .zip(octets)
                .for_each(|(to, from)| *to = *from);
            to.set(u32::from_le_bytes(word));
        }
        self.lend(id, HEADER_LEN.saturating_add(frame.len()), 0);
    }

    /// Copies the next frame that arrived, lends its buffer again, and tells its length.
    pub(crate) fn receive(&mut self, frame: &mut [u8; FRAME_LEN]) -> Option<usize> {
        let (id, len) = self.take()?;
        let buffer = self.shared.buffers.get(usize::from(id))?;
        let len = len.saturating_sub(HEADER_LEN).min(FRAME_LEN);
        for (octets, from) in frame
            .get_mut(..len)?
            .chunks_mut(4)
            .zip(buffer.iter().skip(HEADER_WORDS))
        {
            octets
                .iter_mut()
                .zip(from.get().to_le_bytes())
                .for_each(|(to, from)| *to = from);
        }
        self.lend(id, size_of::<Buffer>(), DEVICE_WRITES);
        Some(len)
    }

    /// Takes back the next buffer that the device has done with, and the octets that it wrote.
    fn take(&mut self) -> Option<(u16, usize)> {
        if self.shared.used.index.get() == self.taken {
            return None;
        }
        // What the index covers was there before it.
        fence(Ordering::SeqCst);
        let place = usize::from(self.taken.checked_rem(Self::LEN)?);
        let element = self.shared.used.ring.get(place)?;
        self.taken = self.taken.wrapping_add(1);
        let id = u16::try_from(element.buffer.get()).ok()?;
        Some((id, element.len.get() as usize))
    }

    fn lend(&mut self, id: u16, len: usize, flags: u16) {
        let (Some(descriptor), Some(buffer), Some(place)) = (
            self.shared.descriptors.get(usize::from(id)),
            self.shared.buffers.get(usize::from(id)),
            self.shared.avail.ring.get(usize::from(
                self.lent.checked_rem(Self::LEN).unwrap_or_default(),
            )),
        ) else {
            return;
        };
        set_address(&descriptor.address, buffer);
        descriptor.len.set(u32::try_from(len).unwrap_or_default());
        descriptor.flags.set(flags);
        place.set(id);
        self.out |= bit(id);
        self.lent = self.lent.wrapping_add(1);
        // The device must see what the index covers before the index.
        fence(Ordering::SeqCst);
        self.shared.avail.index.set(self.lent);
        fence(Ordering::SeqCst);
    }
}
