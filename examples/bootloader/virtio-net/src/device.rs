//! The stack's view: a device that receives and sends whole frames.

use smoltcp::{
    phy::{self, Device, DeviceCapabilities, Medium},
    time::Instant,
};

use crate::{FRAME_LEN, RX_QUEUE, Registers, TX_FRAMES, TX_QUEUE, VirtioNet, queue::Queue};

/// A frame that has arrived.
#[derive(Debug)]
pub struct RxToken<'a>(&'a [u8]);

/// Room for a frame to send.
pub struct TxToken<'a, 'm> {
    registers: &'m Registers,
    queue: &'a mut Queue<'m, TX_FRAMES>,
    buffer: u16,
    frame: &'a mut [u8; FRAME_LEN],
}

impl core::fmt::Debug for TxToken<'_, '_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("TxToken")
    }
}

impl phy::RxToken for RxToken<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.0)
    }
}

impl phy::TxToken for TxToken<'_, '_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        // The stack keeps to the MTU that `capabilities` tells it.
        let frame = self.frame.get_mut(..len.min(FRAME_LEN)).unwrap_or_default();
        let result = f(frame);
        self.queue.send(self.buffer, frame);
        self.registers.queue_notify.set(TX_QUEUE);
        result
    }
}

impl<'m> Device for VirtioNet<'m> {
    type RxToken<'a>
        = RxToken<'a>
    where
        Self: 'a;
    type TxToken<'a>
        = TxToken<'a, 'm>
    where
        Self: 'a;

    fn receive(&mut self, _: Instant) -> Option<(RxToken<'_>, TxToken<'_, 'm>)> {
        let buffer = self.tx.free()?;
        let len = self.rx.receive(&mut self.frames.rx)?;
        self.registers.queue_notify.set(RX_QUEUE);
        Some((
            RxToken(self.frames.rx.get(..len).unwrap_or_default()),
            TxToken {
                registers: self.registers,
                queue: &mut self.tx,
                buffer,
                frame: &mut self.frames.tx,
            },
        ))
    }

    fn transmit(&mut self, _: Instant) -> Option<TxToken<'_, 'm>> {
        Some(TxToken {
            registers: self.registers,
            buffer: self.tx.free()?,
            queue: &mut self.tx,
            frame: &mut self.frames.tx,
        })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = FRAME_LEN;
        capabilities
    }
}
