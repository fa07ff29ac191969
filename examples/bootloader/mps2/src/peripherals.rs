//! Arm's CMSDK peripherals, as far as they are needed: serial port, timer, watchdog.

use core::fmt;

use safe_mmio::{
    UniqueMmioPointer, field, field_shared,
    fields::{ReadPure, ReadPureWrite, WriteOnly},
};

/// The clock of the peripherals.
const HERTZ: u32 = 25_000_000;

#[derive(Debug)]
#[repr(C)]
pub(crate) struct UartRegisters {
    data: WriteOnly<u32>,
    state: ReadPureWrite<u32>,
    control: ReadPureWrite<u32>,
    interrupt: ReadPureWrite<u32>,
    divider: ReadPureWrite<u32>,
}

/// `state`: the transmit buffer is full. `control`: transmitter on.
const TX_FULL: u32 = 1;
const TX_ON: u32 = 1;

/// A serial port, to write text to.
#[derive(Debug)]
pub struct Uart {
    registers: UniqueMmioPointer<'static, UartRegisters>,
}

impl Uart {
    pub(crate) fn new(mut registers: UniqueMmioPointer<'static, UartRegisters>) -> Self {
        field!(registers, divider).write(HERTZ / 115_200);
        field!(registers, control).write(TX_ON);
        Self { registers }
    }
}

impl fmt::Write for Uart {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for octet in text.bytes() {
            while field_shared!(self.registers, state).read() & TX_FULL != 0 {}
            field!(self.registers, data).write(u32::from(octet));
        }
        Ok(())
    }
}

#[derive(Debug)]
#[repr(C)]
pub(crate) struct TimerRegisters {
    load: ReadPureWrite<u32>,
    value: ReadPure<u32>,
    control: ReadPureWrite<u32>,
}

/// `control`: counts down from all ones for ever, 32 bits wide, a step for 16 cycles.
const FREE_RUNNING: u32 = 1 << 7 | 1 << 1 | 1 << 2;
const CYCLES: u64 = 16;

/// The time since it was made: it must be asked at least every 45 minutes.
#[derive(Debug)]
pub struct Clock {
    registers: UniqueMmioPointer<'static, TimerRegisters>,
    last: u32,
    steps: u64,
}

impl Clock {
    pub(crate) fn new(mut registers: UniqueMmioPointer<'static, TimerRegisters>) -> Self {
        field!(registers, load).write(u32::MAX);
        field!(registers, control).write(FREE_RUNNING);
        let last = field!(registers, value).read();
        Self {
            registers,
            last,
            steps: 0,
        }
    }

    /// Microseconds since the clock was made.
    pub fn micros(&mut self) -> u64 {
        let value = field!(self.registers, value).read();
        let passed = self.last.wrapping_sub(value);
        self.last = value;
        self.steps = self.steps.saturating_add(u64::from(passed));
        self.steps.saturating_mul(CYCLES) / u64::from(HERTZ / 1_000_000)
    }
}

#[derive(Debug)]
#[repr(C)]
pub(crate) struct WatchdogRegisters {
    load: ReadPureWrite<u32>,
    value: ReadPure<u32>,
    control: ReadPureWrite<u32>,
    clear: WriteOnly<u32>,
}

/// `control`: count, and reset when the count ends a second time.
const COUNT_AND_RESET: u32 = 1 | 1 << 1;

/// Resets the board if it is not fed for twice its time.
#[derive(Debug)]
pub struct Watchdog {
    registers: UniqueMmioPointer<'static, WatchdogRegisters>,
}

impl Watchdog {
    pub(crate) const fn new(registers: UniqueMmioPointer<'static, WatchdogRegisters>) -> Self {
        Self { registers }
    }

    /// Starts it: the board is reset after between one and two times `seconds` (85 at most) without food.
    pub fn start(&mut self, seconds: u8) {
        let cycles = u32::from(seconds.min(85)).saturating_mul(HERTZ);
        field!(self.registers, load).write(cycles);
        field!(self.registers, control).write(COUNT_AND_RESET);
    }

    /// Starts its time anew.
    pub fn feed(&mut self) {
        field!(self.registers, clear).write(1);
    }

    /// Stops it.
    pub fn stop(&mut self) {
        field!(self.registers, control).write(0);
    }
}
