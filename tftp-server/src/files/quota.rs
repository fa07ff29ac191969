//! How many octets uploads may fill.

use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use tftp_proto::ErrorCode;

/// Octets that all uploads together may store, those in progress included.
#[derive(Clone, Debug)]
pub(crate) struct Quota {
    limit: u64,
    used: Arc<AtomicU64>,
}

impl Quota {
    pub(crate) fn new(limit: u64) -> Self {
        Self {
            limit,
            used: Arc::default(),
        }
    }

    /// Whether `octets` more would fit now.
    pub(crate) fn has_room(&self, octets: u64) -> bool {
        self.used.load(Ordering::Relaxed).saturating_add(octets) <= self.limit
    }

    /// A share of nothing yet.
    pub(crate) fn share(&self) -> Share {
        Share {
            quota: self.clone(),
            octets: 0,
        }
    }
}

/// What one upload has used. It is given back when the share is dropped, unless it is kept.
#[derive(Debug)]
pub(crate) struct Share {
    quota: Quota,
    octets: u64,
}

impl Share {
    pub(crate) const fn octets(&self) -> u64 {
        self.octets
    }

    /// Uses `octets` more.
    pub(crate) fn grow(&mut self, octets: u64) -> Result<(), ErrorCode> {
        let limit = self.quota.limit;
        self.quota
            .used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
                used.checked_add(octets).filter(|used| *used <= limit)
            })
            .map_err(|_| ErrorCode::DISK_FULL)?;
        self.octets = self.octets.saturating_add(octets);
        Ok(())
    }

    /// What was used stays used, but for `replaced` octets of an older file, which are free again.
    pub(crate) fn keep(&mut self, replaced: u64) {
        self.octets = 0;
        self.give_back(replaced);
    }

    fn give_back(&self, octets: u64) {
        // The closure never declines, so the result carries nothing.
        let _ = self
            .quota
            .used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
                Some(used.saturating_sub(octets))
            });
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.give_back(self.octets);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_share_makes_room_again() {
        let quota = Quota::new(10);
        let mut share = quota.share();
        share.grow(10).unwrap();
        assert!(!quota.has_room(1));
        drop(share);
        assert!(quota.has_room(10));
    }

    #[test]
    fn a_kept_share_stays_used() {
        let quota = Quota::new(10);
        let mut share = quota.share();
        share.grow(7).unwrap();
        share.keep(0);
        drop(share);
        assert!(!quota.has_room(4));
    }

    #[test]
    fn replaced_octets_are_free_again() {
        let quota = Quota::new(10);
        let mut share = quota.share();
        share.grow(4).unwrap();
        share.keep(0);
        let mut share = quota.share();
        share.grow(6).unwrap();
        share.keep(4);
        assert!(quota.has_room(4) && !quota.has_room(5));
    }

    #[test]
    fn shares_together_stay_below_the_limit() {
        let quota = Quota::new(10);
        let (mut one, mut other) = (quota.share(), quota.share());
        one.grow(6).unwrap();
        assert_eq!(other.grow(5), Err(ErrorCode::DISK_FULL));
        assert_eq!(other.grow(4), Ok(()));
    }
}
