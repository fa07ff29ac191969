//! The parts of the board, each handed out once.
//!
//! Each group of registers is a variable that `board.x` has the linker place where the registers are. That
//! file is the one place that claims where something is; here the compiler checks all the rest.

use core::fmt;

use boot_program::Program;
use critical_section::{CriticalSection, Mutex};
use vcell::VolatileCell;

const VIRTIO_SLOTS: usize = 8;
const VIRTIO_STEP: usize = 0x1000;

#[used]
static UART_REGISTERS: Mutex<UartRegisters> = Mutex::new(UartRegisters {
    data: VolatileCell::new(0),
    between: [0; 4],
    status: VolatileCell::new(0),
});
#[used]
static VIRTIO_REGISTERS: Mutex<[VirtioSlot; VIRTIO_SLOTS]> = Mutex::new(
    [const {
        VirtioSlot {
            device: virtio_net::Registers::new(),
            rest: [0; _],
        }
    }; VIRTIO_SLOTS],
);
static VIRTIO_MEMORY: Mutex<virtio_net::Memory> = Mutex::new(virtio_net::Memory::new());

/// The parts of the board.
#[derive(Debug)]
#[non_exhaustive]
pub struct Hardware<'cs> {
    /// A serial port.
    pub uart: Uart<'cs>,
    /// The virtio devices' registers.
    pub virtio: Virtio<'cs>,
    /// Memory for a virtio network device.
    pub virtio_memory: &'cs virtio_net::Memory,
    /// What stands for the flash: RAM that a reset leaves as it is.
    pub flash: &'static mut [u8],
    /// Where a program is put to be started. In a program that was started there, nothing.
    pub program: Program,
}

/// Hands out the parts: once, and then `None`. While they are in use no interrupt is taken, as `cs` shows.
#[must_use]
pub fn take(cs: CriticalSection<'_>) -> Option<Hardware<'_>> {
    let (flash, program) = boot_program::take()?;
    Some(Hardware {
        uart: Uart {
            registers: UART_REGISTERS.borrow(cs),
        },
        virtio: Virtio {
            slots: VIRTIO_REGISTERS.borrow(cs),
        },
        virtio_memory: VIRTIO_MEMORY.borrow(cs),
        flash,
        program,
    })
}

/// One of the places where a virtio device can be.
#[repr(C)]
struct VirtioSlot {
    device: virtio_net::Registers,
    rest: [u8; VIRTIO_STEP - size_of::<virtio_net::Registers>()],
}

/// The virtio devices' registers.
pub struct Virtio<'r> {
    slots: &'r [VirtioSlot; VIRTIO_SLOTS],
}

impl<'r> Virtio<'r> {
    /// Those of each place, whether or not there is a device.
    pub fn registers(&self) -> impl Iterator<Item = &'r virtio_net::Registers> + use<'r> {
        self.slots.iter().map(|slot| &slot.device)
    }
}

impl fmt::Debug for Virtio<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Virtio")
    }
}

#[repr(C)]
struct UartRegisters {
    data: VolatileCell<u8>,
    between: [u8; 4],
    status: VolatileCell<u8>,
}

/// `status`: there is room for an octet.
const TX_READY: u8 = 1 << 5;

/// A serial port, to write text to.
pub struct Uart<'r> {
    registers: &'r UartRegisters,
}

impl fmt::Debug for Uart<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Uart")
    }
}

impl fmt::Write for Uart<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for octet in text.bytes() {
            while self.registers.status.get() & TX_READY == 0 {}
            self.registers.data.set(octet);
        }
        Ok(())
    }
}
