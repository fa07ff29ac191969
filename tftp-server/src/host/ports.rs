//! Which ports are free, when they come from a range.

use core::ops::RangeInclusive;

/// The ports of a range that no transfer uses.
#[derive(Debug)]
pub(crate) struct PortPool {
    free: Vec<u16>,
}

impl PortPool {
    pub(crate) fn new(range: RangeInclusive<u16>) -> Self {
        Self {
            free: range.collect(),
        }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.free.is_empty()
    }

    /// A free port, which `random` chooses.
    pub(crate) fn take(&mut self, random: u32) -> Option<u16> {
        let index = usize::try_from(random).ok()?.checked_rem(self.free.len())?;
        Some(self.free.swap_remove(index))
    }

    pub(crate) fn give_back(&mut self, port: u16) {
        self.free.push(port);
    }
}

/// A number that nobody can guess, or at least not the same one every time.
pub(crate) fn random() -> u32 {
    getrandom::u32().unwrap_or_else(|_| {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        since.unwrap_or(core::time::Duration::ZERO).subsec_nanos()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_port_is_taken_twice() {
        let mut pool = PortPool::new(10..=12);
        let mut taken: Vec<_> = [5, 7, 1]
            .into_iter()
            .filter_map(|random| pool.take(random))
            .collect();
        taken.sort_unstable();
        assert_eq!(taken, [10, 11, 12]);
        assert_eq!(pool.take(0), None);
    }

    #[test]
    fn a_port_given_back_can_be_taken() {
        let mut pool = PortPool::new(10..=10);
        assert_eq!(pool.take(3), Some(10));
        pool.give_back(10);
        assert_eq!(pool.take(9), Some(10));
    }
}
