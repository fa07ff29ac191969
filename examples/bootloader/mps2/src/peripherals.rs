//! Arm's CMSDK peripherals, as far as they are needed: serial port, timer, watchdog.

use core::fmt;

use vcell::VolatileCell;

/// The clock of the peripherals.
const HERTZ: u32 = 25_000_000;

#[repr(C)]
pub(crate) struct UartRegisters {
    data: VolatileCell<u32>,
    state: VolatileCell<u32>,
    control: VolatileCell<u32>,
    interrupt: VolatileCell<u32>,
    divider: VolatileCell<u32>,
}

impl UartRegisters {
    pub(crate) const fn new() -> Self {
        Self {
            data: VolatileCell::new(0),
            state: VolatileCell::new(0),
            control: VolatileCell::new(0),
            interrupt: VolatileCell::new(0),
            divider: VolatileCell::new(0),
        }
    }
}

/// `state`: the transmit buffer is full. `control`: transmitter on.
const TX_FULL: u32 = 1;
const TX_ON: u32 = 1;

/// A serial port, to write text to.
pub struct Uart<'r> {
    registers: &'r UartRegisters,
}

impl fmt::Debug for Uart<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Uart")
    }
}

impl<'r> Uart<'r> {
    pub(crate) fn new(registers: &'r UartRegisters) -> Self {
        registers.divider.set(HERTZ / 115_200);
        registers.control.set(TX_ON);
        Self { registers }
    }
}

impl fmt::Write for Uart<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for octet in text.bytes() {
            while self.registers.state.get() & TX_FULL != 0 {}
            self.registers.data.set(u32::from(octet));
        }
        Ok(())
    }
}

#[repr(C)]
pub(crate) struct TimerRegisters {
    load: VolatileCell<u32>,
    value: VolatileCell<u32>,
    control: VolatileCell<u32>,
}

impl TimerRegisters {
    pub(crate) const fn new() -> Self {
        Self {
            load: VolatileCell::new(0),
            value: VolatileCell::new(0),
            control: VolatileCell::new(0),
        }
    }
}

/// `control`: counts down from all ones for ever, 32 bits wide, a step for 16 cycles.
const FREE_RUNNING: u32 = 1 << 7 | 1 << 1 | 1 << 2;
const CYCLES: u64 = 16;

/// The time since it was made: it must be asked at least every 45 minutes.
pub struct Clock<'r> {
    registers: &'r TimerRegisters,
    last: u32,
    steps: u64,
}

impl fmt::Debug for Clock<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

impl<'r> Clock<'r> {
    pub(crate) fn new(registers: &'r TimerRegisters) -> Self {
        registers.load.set(u32::MAX);
        registers.control.set(FREE_RUNNING);
        let last = registers.value.get();
        Self {
            registers,
            last,
            steps: 0,
        }
    }

    /// Microseconds since the clock was made.
    pub fn micros(&mut self) -> u64 {
        let value = self.registers.value.get();
        let passed = self.last.wrapping_sub(value);
        self.last = value;
        self.steps = self.steps.saturating_add(u64::from(passed));
        self.steps.saturating_mul(CYCLES) / u64::from(HERTZ / 1_000_000)
    }
}

#[repr(C)]
pub(crate) struct WatchdogRegisters {
    load: VolatileCell<u32>,
    value: VolatileCell<u32>,
    control: VolatileCell<u32>,
    clear: VolatileCell<u32>,
}

impl WatchdogRegisters {
    pub(crate) const fn new() -> Self {
        Self {
            load: VolatileCell::new(0),
            value: VolatileCell::new(0),
            control: VolatileCell::new(0),
            clear: VolatileCell::new(0),
        }
    }
}

/// `control`: count, and reset when the count ends a second time.
const COUNT_AND_RESET: u32 = 1 | 1 << 1;

/// Resets the board if it is not fed for twice its time.
pub struct Watchdog<'r> {
    registers: &'r WatchdogRegisters,
}

impl fmt::Debug for Watchdog<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watchdog")
    }
}

impl<'r> Watchdog<'r> {
    pub(crate) const fn new(registers: &'r WatchdogRegisters) -> Self {
        Self { registers }
    }

    /// Starts it: the board is reset after between one and two times `seconds` (85 at most) without food.
    pub fn start(&mut self, seconds: u8) {
        let cycles = u32::from(seconds.min(85)).saturating_mul(HERTZ);
        self.registers.load.set(cycles);
        self.registers.control.set(COUNT_AND_RESET);
    }

    /// Starts its time anew.
    pub fn feed(&mut self) {
        self.registers.clear.set(1);
    }

    /// Stops it.
    pub fn stop(&mut self) {
        self.registers.control.set(0);
    }
}
