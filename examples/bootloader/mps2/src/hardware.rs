//! The parts of the board, each handed out once.
//!
//! Each group of registers is a variable that `board.x` has the linker place where the registers are. That
//! file is the one place that claims where something is; here the compiler checks all the rest.

use boot_program::Program;
use critical_section::{CriticalSection, Mutex};

use crate::{
    Clock, Uart, Watchdog,
    peripherals::{TimerRegisters, UartRegisters, WatchdogRegisters},
};

#[used]
static UART0_REGISTERS: Mutex<UartRegisters> = Mutex::new(UartRegisters::new());
#[used]
static DUAL_TIMER_REGISTERS: Mutex<TimerRegisters> = Mutex::new(TimerRegisters::new());
#[used]
static WATCHDOG_REGISTERS: Mutex<WatchdogRegisters> = Mutex::new(WatchdogRegisters::new());
#[used]
static ETHERNET_REGISTERS: Mutex<lan9118::Registers> = Mutex::new(lan9118::Registers::new());

/// The parts of the board.
#[derive(Debug)]
#[non_exhaustive]
pub struct Hardware<'cs> {
    /// A serial port.
    pub uart: Uart<'cs>,
    /// The time since the start.
    pub clock: Clock<'cs>,
    /// Resets the board if it is not fed.
    pub watchdog: Watchdog<'cs>,
    /// The Ethernet controller's registers.
    pub ethernet: &'cs lan9118::Registers,
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
        uart: Uart::new(UART0_REGISTERS.borrow(cs)),
        clock: Clock::new(DUAL_TIMER_REGISTERS.borrow(cs)),
        watchdog: Watchdog::new(WATCHDOG_REGISTERS.borrow(cs)),
        ethernet: ETHERNET_REGISTERS.borrow(cs),
        flash,
        program,
    })
}
