//! What processes take: processor time and memory.

use std::{collections::HashMap, fs};

use nix::sys::resource::{UsageWho, getrusage};

/// Processor time of a server at one moment, in seconds.
///
/// A server may have a child for each transfer whose time is lost when it ends, because nobody waits for
/// it; so children are looked at while they live.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cpu {
    own: f64,
    children: HashMap<u32, f64>,
}

impl Cpu {
    /// What the process and its children have used so far.
    pub(crate) fn of(process: u32) -> Self {
        Self {
            own: process_time(process).unwrap_or(0.0),
            children: children(process)
                .into_iter()
                .filter_map(|child| Some((child, thread_time(child)?)))
                .collect(),
        }
    }

    /// What was used since `earlier`.
    pub(crate) fn since(&self, earlier: &Self) -> f64 {
        let children: f64 = self
            .children
            .iter()
            .map(|(child, time)| time - earlier.children.get(child).unwrap_or(&0.0))
            .sum();
        self.own - earlier.own + children
    }
}

/// Processor time of all threads, those included that have ended, and of children that were waited for.
fn process_time(process: u32) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name, in parentheses, may contain anything; after it the third field follows.
    let (_, fields) = stat.rsplit_once(')')?;
    let ticks: u64 = fields
        .split_ascii_whitespace()
        .skip(11)
        .take(4)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    Some(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}

/// Processor time of a process with one thread, in nanoseconds where the system has it.
fn thread_time(process: u32) -> Option<f64> {
    let text = fs::read_to_string(format!("/proc/{process}/schedstat")).ok();
    let nanos = text.and_then(|text| text.split_ascii_whitespace().next()?.parse::<u64>().ok());
    nanos.map_or_else(
        || process_time(process),
        |nanos| Some(nanos as f64 / 1_000_000_000.0),
    )
}

fn children(process: u32) -> Vec<u32> {
    fs::read_to_string(format!("/proc/{process}/task/{process}/children"))
        .unwrap_or_default()
        .split_ascii_whitespace()
        .filter_map(|child| child.parse().ok())
        .collect()
}

/// Processor time of the calling thread, in seconds.
pub(crate) fn thread_cpu() -> f64 {
    getrusage(UsageWho::RUSAGE_THREAD).map_or(0.0, |usage| {
        let seconds = |time: nix::sys::time::TimeVal| {
            time.tv_sec() as f64 + time.tv_usec() as f64 / 1_000_000.0
        };
        seconds(usage.user_time()) + seconds(usage.system_time())
    })
}

/// Memory of a server at one moment, in KiB.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Memory {
    /// What is in memory, of the process and all its children. What they share is counted in each.
    pub(crate) resident: u64,
    /// The most that the process itself ever had.
    pub(crate) peak: u64,
    pub(crate) processes: u64,
}

impl Memory {
    pub(crate) fn of(process: u32) -> Self {
        let mut memory = Self::default();
        let (resident, peak) = status(process);
        memory.peak = peak;
        memory.resident = resident;
        memory.processes = 1;
        for child in children(process) {
            memory.resident += status(child).0;
            memory.processes += 1;
        }
        memory
    }
}

/// `VmRSS` and `VmHWM`.
fn status(process: u32) -> (u64, u64) {
    let text = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let value = |name: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(name))
            .and_then(|rest| rest.split_ascii_whitespace().next()?.parse().ok())
            .unwrap_or(0)
    };
    (value("VmRSS:"), value("VmHWM:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_thread_has_worked_shows_in_the_time_of_its_process() {
        let (before, thread_before) = (Cpu::of(std::process::id()), thread_cpu());
        while thread_cpu() - thread_before < 0.1 {
            core::hint::spin_loop();
        }
        // Either part of it is counted in hundredths.
        assert!(Cpu::of(std::process::id()).since(&before) >= 0.07);
    }

    #[test]
    fn this_process_has_memory() {
        let memory = Memory::of(std::process::id());
        assert!(memory.resident > 0 && memory.peak >= memory.resident / 2);
    }
}
