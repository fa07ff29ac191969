//! A driver of the SMSC LAN9118 Ethernet controller for smoltcp.
//!
//! It is polled and copies each frame once: between the controller's FIFO and a buffer in the driver,
//! which the stack reads and writes. No interrupt, no DMA, no allocation; every wait is bounded.

#![no_std]
#![forbid(unsafe_code)]

mod device;
mod registers;

pub use device::{RxToken, TxToken};
pub use registers::Registers;

use registers as reg;

/// Octets in a frame without its checksum: 14 of header and an MTU of 1500.
pub const FRAME_LEN: usize = 1514;

/// Full frames that the controller keeps until they are fetched. More that arrive in a row are lost, so
/// this is the largest window to ask for.
pub const RX_FRAMES: usize = 6;

/// How often a busy bit is looked at before it is given up. The slowest operation, a soft reset,
/// takes 100 us.
const PATIENCE: u32 = 1_000_000;

/// Why the controller cannot be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// The byte order test register does not read as it must: no controller at this address, or the
    /// bus is wired for another byte order.
    NotFound,
    /// An operation did not finish.
    Stuck,
}

impl core::fmt::Display for Error {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::NotFound => "no LAN9118 at this address",
            Self::Stuck => "the controller does not finish",
        })
    }
}

impl core::error::Error for Error {}

/// The controller, and a frame's worth of memory for each direction.
pub struct Lan9118<'r> {
    registers: &'r Registers,
    mac: [u8; 6],
    frames: Frames,
    dropped: u32,
}

/// The frame that was received last, and the one that is being built.
pub(crate) struct Frames {
    pub(crate) rx: [u8; FRAME_LEN],
    pub(crate) tx: [u8; FRAME_LEN],
}

impl core::fmt::Debug for Lan9118<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Lan9118")
            .field("mac", &self.mac)
            .field("dropped", &self.dropped)
            .finish_non_exhaustive()
    }
}

impl<'r> Lan9118<'r> {
    /// Resets the controller and starts it with the address that its EEPROM gave it.
    ///
    /// # Errors
    /// If there is no controller, or it does not answer.
    pub fn new(registers: &'r Registers) -> Result<Self, Error> {
        let mut this = Self {
            registers,
            mac: [0; 6],
            frames: Frames {
                rx: [0; FRAME_LEN],
                tx: [0; FRAME_LEN],
            },
            dropped: 0,
        };
        this.start()?;
        Ok(this)
    }

    /// The Ethernet address.
    #[must_use]
    pub const fn mac(&self) -> [u8; 6] {
        self.mac
    }

    /// Frames that the controller had no room for since the start.
    pub fn dropped(&mut self) -> u32 {
        // Reading clears the counter.
        let more = self.registers.rx_drop.get();
        self.dropped = self.dropped.saturating_add(more);
        self.dropped
    }

    /// Whether the cable has a link.
    ///
    /// # Errors
    /// If the controller does not answer.
    pub fn link_is_up(&mut self) -> Result<bool, Error> {
        Ok(self.phy_read(reg::PHY_STATUS)? & reg::PHY_LINK != 0)
    }

    fn start(&mut self) -> Result<(), Error> {
        // The first read wakes a controller that sleeps.
        let _ = self.registers.byte_test.get();
        if self.registers.byte_test.get() != reg::BYTE_TEST {
            return Err(Error::NotFound);
        }
        self.registers.hw_cfg.set(reg::SRST);
        self.until(|registers| registers.hw_cfg.get() & reg::SRST == 0)?;
        self.registers
            .hw_cfg
            .set(reg::MUST_BE_ONE | reg::TX_FIFO_KIB);
        self.registers.int_en.set(0);
        self.registers.rx_cfg.set(0);
        self.registers.afc_cfg.set(0x006e_3740);

        let low = self.mac_read(reg::ADDRL)?.to_le_bytes();
        let high = self.mac_read(reg::ADDRH)?.to_le_bytes();
        self.mac = [low[0], low[1], low[2], low[3], high[0], high[1]];

        self.phy_write(reg::PHY_CONTROL, reg::PHY_NEGOTIATE)?;
        self.registers
            .tx_cfg
            .set(reg::TX_ON | reg::TX_STATUS_OVERRUN);
        self.mac_write(reg::MAC_CR, reg::TXEN | reg::RXEN | reg::FULL_DUPLEX)
    }

    fn until(&mut self, done: impl Fn(&Registers) -> bool) -> Result<(), Error> {
        for _ in 0..PATIENCE {
            if done(self.registers) {
                return Ok(());
            }
        }
        Err(Error::Stuck)
    }

    fn mac_idle(&mut self) -> Result<(), Error> {
        self.until(|registers| registers.mac_csr_cmd.get() & reg::CSR_BUSY == 0)
    }

    fn mac_read(&mut self, register: u32) -> Result<u32, Error> {
        self.mac_idle()?;
        self.registers
            .mac_csr_cmd
            .set(reg::CSR_BUSY | reg::CSR_READ | register);
        self.mac_idle()?;
        Ok(self.registers.mac_csr_data.get())
    }

    fn mac_write(&mut self, register: u32, value: u32) -> Result<(), Error> {
        self.mac_idle()?;
        self.registers.mac_csr_data.set(value);
        self.registers.mac_csr_cmd.set(reg::CSR_BUSY | register);
        self.mac_idle()
    }

    fn phy_idle(&mut self) -> Result<(), Error> {
        for _ in 0..PATIENCE {
            if self.mac_read(reg::MII_ACC)? & reg::MII_BUSY == 0 {
                return Ok(());
            }
        }
        Err(Error::Stuck)
    }

    fn phy_read(&mut self, register: u32) -> Result<u16, Error> {
        self.phy_idle()?;
        self.mac_write(reg::MII_ACC, reg::PHY | register << 6 | reg::MII_BUSY)?;
        self.phy_idle()?;
        let [low, high, ..] = self.mac_read(reg::MII_DATA)?.to_le_bytes();
        Ok(u16::from_le_bytes([low, high]))
    }

    fn phy_write(&mut self, register: u32, value: u16) -> Result<(), Error> {
        self.phy_idle()?;
        self.mac_write(reg::MII_DATA, u32::from(value))?;
        self.mac_write(
            reg::MII_ACC,
            reg::PHY | register << 6 | reg::MII_WRITE | reg::MII_BUSY,
        )?;
        self.phy_idle()
    }
}
