//! The stack's view: a device that receives and sends whole frames.

use smoltcp::{
    phy::{self, Device, DeviceCapabilities, Medium},
    time::Instant,
};

use crate::{FRAME_LEN, Lan9118, Registers, registers as reg};

/// `RX_STATUS`: the frame is damaged (error summary).
const RX_ERROR: u32 = 1 << 15;
/// The frame check sequence, which the controller counts as part of what it received.
const FCS_LEN: usize = 4;
/// Octets of FIFO that a frame takes beside its own: two command words and the last word's rest.
const TX_OVERHEAD: usize = 12;
/// `TX command A`: this buffer is the whole frame.
const FIRST_AND_LAST: u32 = 1 << 13 | 1 << 12;

/// A frame that has arrived.
#[derive(Debug)]
pub struct RxToken<'a> {
    frame: &'a [u8],
}

/// Room for a frame to send.
pub struct TxToken<'a> {
    registers: &'a Registers,
    frame: &'a mut [u8; FRAME_LEN],
}

impl core::fmt::Debug for TxToken<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("TxToken")
    }
}

impl phy::RxToken for RxToken<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.frame)
    }
}

impl phy::TxToken for TxToken<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        // The stack keeps to the MTU that `capabilities` tells it.
        let len = len.min(FRAME_LEN);
        let frame = self.frame.get_mut(..len).unwrap_or_default();
        let result = f(frame);
        let size = u32::try_from(len).unwrap_or_default();
        let fifo = &self.registers.tx_data;
        fifo.set(FIRST_AND_LAST | size);
        fifo.set(size);
        for word in frame.chunks(4) {
            let mut octets = [0; 4];
            octets
                .iter_mut()
                .zip(word)
                .for_each(|(to, from)| *to = *from);
            fifo.set(u32::from_le_bytes(octets));
        }
        result
    }
}

impl Device for Lan9118<'_> {
    type RxToken<'a>
        = RxToken<'a>
    where
        Self: 'a;
    type TxToken<'a>
        = TxToken<'a>
    where
        Self: 'a;

    fn receive(&mut self, _: Instant) -> Option<(RxToken<'_>, TxToken<'_>)> {
        if !self.tx_has_room() {
            return None;
        }
        let len = self.pull()?;
        Some((
            RxToken {
                frame: self.frames.rx.get(..len).unwrap_or_default(),
            },
            TxToken {
                registers: self.registers,
                frame: &mut self.frames.tx,
            },
        ))
    }

    fn transmit(&mut self, _: Instant) -> Option<TxToken<'_>> {
        self.tx_has_room().then_some(TxToken {
            registers: self.registers,
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

impl Lan9118<'_> {
    fn tx_has_room(&self) -> bool {
        let free = self.registers.tx_fifo_inf.get() & 0xffff;
        free as usize >= FRAME_LEN.saturating_add(TX_OVERHEAD)
    }

    /// Moves the next sound frame from the FIFO to memory and tells its length.
    fn pull(&mut self) -> Option<usize> {
        loop {
            let waiting = self.registers.rx_fifo_inf.get() >> 16 & 0xff;
            if waiting == 0 {
                return None;
            }
            let status = self.registers.rx_status.get();
            let in_fifo = (status >> 16 & 0x3fff) as usize;
            let len = in_fifo.saturating_sub(FCS_LEN);
            if status & RX_ERROR != 0 || len > FRAME_LEN {
                self.skip(in_fifo);
                continue;
            }
            let fifo = &self.registers.rx_data;
            let frame = self.frames.rx.get_mut(..len).unwrap_or_default();
            for word in frame.chunks_mut(4) {
                let octets = fifo.get().to_le_bytes();
                word.iter_mut()
                    .zip(octets)
                    .for_each(|(to, from)| *to = from);
            }
            // The checksum's words that the frame's last word did not hold.
            for _ in len.div_ceil(4)..in_fifo.div_ceil(4) {
                let _ = fifo.get();
            }
            return Some(len);
        }
    }

    fn skip(&mut self, in_fifo: usize) {
        let words = in_fifo.div_ceil(4);
        // The controller's own way to skip works from four words on.
        if words < 4 {
            for _ in 0..words {
                let _ = self.registers.rx_data.get();
            }
            return;
        }
        self.registers.rx_dp_ctl.set(reg::FAST_FORWARD);
        let _ = self.until(|registers| registers.rx_dp_ctl.get() & reg::FAST_FORWARD == 0);
    }
}
