//! The registers that the host sees (datasheet, section 5.3), and the bits used here.

use vcell::VolatileCell;

/// The controller's registers, as they lie in memory from its base address on.
#[repr(C)]
pub struct Registers {
    pub(crate) rx_data: VolatileCell<u32>,
    rx_data_aliases: [u32; 7],
    pub(crate) tx_data: VolatileCell<u32>,
    tx_data_aliases: [u32; 7],
    pub(crate) rx_status: VolatileCell<u32>,
    rx_status_peek: VolatileCell<u32>,
    tx_status: VolatileCell<u32>,
    tx_status_peek: VolatileCell<u32>,
    pub(crate) id_rev: VolatileCell<u32>,
    irq_cfg: VolatileCell<u32>,
    int_sts: VolatileCell<u32>,
    pub(crate) int_en: VolatileCell<u32>,
    reserved_60: u32,
    pub(crate) byte_test: VolatileCell<u32>,
    fifo_int: VolatileCell<u32>,
    pub(crate) rx_cfg: VolatileCell<u32>,
    pub(crate) tx_cfg: VolatileCell<u32>,
    pub(crate) hw_cfg: VolatileCell<u32>,
    pub(crate) rx_dp_ctl: VolatileCell<u32>,
    pub(crate) rx_fifo_inf: VolatileCell<u32>,
    pub(crate) tx_fifo_inf: VolatileCell<u32>,
    pmt_ctrl: VolatileCell<u32>,
    gpio_cfg: VolatileCell<u32>,
    gpt_cfg: VolatileCell<u32>,
    gpt_cnt: VolatileCell<u32>,
    reserved_94: u32,
    word_swap: VolatileCell<u32>,
    free_run: VolatileCell<u32>,
    pub(crate) rx_drop: VolatileCell<u32>,
    pub(crate) mac_csr_cmd: VolatileCell<u32>,
    pub(crate) mac_csr_data: VolatileCell<u32>,
    pub(crate) afc_cfg: VolatileCell<u32>,
}

impl Registers {
    /// What a linker can place at the controller's base address.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            rx_data: VolatileCell::new(0),
            rx_data_aliases: [0; 7],
            tx_data: VolatileCell::new(0),
            tx_data_aliases: [0; 7],
            rx_status: VolatileCell::new(0),
            rx_status_peek: VolatileCell::new(0),
            tx_status: VolatileCell::new(0),
            tx_status_peek: VolatileCell::new(0),
            id_rev: VolatileCell::new(0),
            irq_cfg: VolatileCell::new(0),
            int_sts: VolatileCell::new(0),
            int_en: VolatileCell::new(0),
            reserved_60: 0,
            byte_test: VolatileCell::new(0),
            fifo_int: VolatileCell::new(0),
            rx_cfg: VolatileCell::new(0),
            tx_cfg: VolatileCell::new(0),
            hw_cfg: VolatileCell::new(0),
            rx_dp_ctl: VolatileCell::new(0),
            rx_fifo_inf: VolatileCell::new(0),
            tx_fifo_inf: VolatileCell::new(0),
            pmt_ctrl: VolatileCell::new(0),
            gpio_cfg: VolatileCell::new(0),
            gpt_cfg: VolatileCell::new(0),
            gpt_cnt: VolatileCell::new(0),
            reserved_94: 0,
            word_swap: VolatileCell::new(0),
            free_run: VolatileCell::new(0),
            rx_drop: VolatileCell::new(0),
            mac_csr_cmd: VolatileCell::new(0),
            mac_csr_data: VolatileCell::new(0),
            afc_cfg: VolatileCell::new(0),
        }
    }
}

impl Default for Registers {
    fn default() -> Self {
        Self::new()
    }
}

impl core::fmt::Debug for Registers {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        // To read some of them changes them.
        f.write_str("Registers")
    }
}

pub(crate) const BYTE_TEST: u32 = 0x8765_4321;

/// `HW_CFG`: soft reset; done when it reads 0.
pub(crate) const SRST: u32 = 1;
/// `HW_CFG`: a bit that must be written as 1.
pub(crate) const MUST_BE_ONE: u32 = 1 << 20;
/// `HW_CFG`: KiB of the 16 KiB buffer that are the transmitter's. The receiver has the rest: 10,560
/// octets of data. QEMU knows no other division.
pub(crate) const TX_FIFO_KIB: u32 = 5 << 16;

/// `TX_CFG`: transmitter on; statuses that nobody reads are overwritten.
pub(crate) const TX_ON: u32 = 1 << 1;
pub(crate) const TX_STATUS_OVERRUN: u32 = 1 << 2;

/// `RX_DP_CTL`: pass over the rest of a packet.
pub(crate) const FAST_FORWARD: u32 = 1 << 31;

/// `MAC_CSR_CMD`: go; the same bit reads as busy. And: read rather than write.
pub(crate) const CSR_BUSY: u32 = 1 << 31;
pub(crate) const CSR_READ: u32 = 1 << 30;

/// Registers of the MAC, reached through `MAC_CSR_CMD`.
pub(crate) const MAC_CR: u32 = 1;
pub(crate) const ADDRH: u32 = 2;
pub(crate) const ADDRL: u32 = 3;
pub(crate) const MII_ACC: u32 = 6;
pub(crate) const MII_DATA: u32 = 7;

/// `MAC_CR`: transmitter and receiver on, full duplex.
pub(crate) const TXEN: u32 = 1 << 3;
pub(crate) const RXEN: u32 = 1 << 2;
pub(crate) const FULL_DUPLEX: u32 = 1 << 20;

/// `MII_ACC`: the address of the internal PHY, and: write, busy.
pub(crate) const PHY: u32 = 1 << 11;
pub(crate) const MII_WRITE: u32 = 1 << 1;
pub(crate) const MII_BUSY: u32 = 1;

/// The PHY's control register, and its bits: negotiate, do it now.
pub(crate) const PHY_CONTROL: u32 = 0;
pub(crate) const PHY_NEGOTIATE: u16 = 1 << 12 | 1 << 9;
/// The PHY's status register: the link is up.
pub(crate) const PHY_STATUS: u32 = 1;
pub(crate) const PHY_LINK: u16 = 1 << 2;
