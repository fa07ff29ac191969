//! How many octets uploads may fill.

use core::{
    net::IpAddr,
    sync::atomic::{AtomicU64, Ordering},
};
use std::{collections::HashMap, sync::Arc};

use tftp_proto::ErrorCode;

use crate::client::client;

/// Clients whose octets are remembered.
const REMEMBERED: usize = 1 << 16;

/// Octets in use, of so many that may be.
#[derive(Clone, Debug)]
struct Account {
    limit: u64,
    used: Arc<AtomicU64>,
}

impl Account {
    fn new(limit: u64) -> Self {
        Self {
            limit,
            used: Arc::default(),
        }
    }

    fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    fn take(&self, octets: u64) -> Result<(), ErrorCode> {
        self.used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
                used.checked_add(octets).filter(|used| *used <= self.limit)
            })
            .map(|_| ())
            .map_err(|_| ErrorCode::DISK_FULL)
    }

    fn give_back(&self, octets: u64) {
        // The closure never declines, so the result carries nothing.
        let _ = self
            .used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
                Some(used.saturating_sub(octets))
            });
    }
}

/// Octets that all uploads together, and those of each client, may store; those in progress included.
#[derive(Debug)]
pub(crate) struct Quotas {
    total: Account,
    per_client: u64,
    clients: HashMap<IpAddr, Account>,
}

impl Quotas {
    pub(crate) fn new(total: u64, per_client: u64) -> Self {
        Self {
            total: Account::new(total),
            per_client,
            clients: HashMap::new(),
        }
    }

    /// A share of nothing yet for an upload of the client that has the address `peer`.
    ///
    /// # Errors
    /// [`ErrorCode::DISK_FULL`] if more clients than can be remembered have stored something.
    pub(crate) fn share(&mut self, peer: IpAddr) -> Result<Share, ErrorCode> {
        let mut accounts = vec![self.total.clone()];
        if self.per_client != u64::MAX {
            let client = client(peer);
            if self.clients.len() >= REMEMBERED {
                self.clients.retain(|_, account| account.used() > 0);
            }
            if self.clients.len() >= REMEMBERED && !self.clients.contains_key(&client) {
                return Err(ErrorCode::DISK_FULL);
            }
            let account = self
                .clients
                .entry(client)
                .or_insert_with(|| Account::new(self.per_client));
            accounts.push(account.clone());
        }
        Ok(Share {
            accounts,
            octets: 0,
        })
    }
}

/// What one upload has used. It is given back when the share is dropped, unless it is kept.
#[derive(Debug)]
pub(crate) struct Share {
    accounts: Vec<Account>,
    octets: u64,
}

impl Share {
    pub(crate) const fn octets(&self) -> u64 {
        self.octets
    }

    /// Whether `octets` more would fit now.
    pub(crate) fn has_room(&self, octets: u64) -> bool {
        self.accounts
            .iter()
            .all(|account| account.used().saturating_add(octets) <= account.limit)
    }

    /// Uses `octets` more.
    pub(crate) fn grow(&mut self, octets: u64) -> Result<(), ErrorCode> {
        for (index, account) in self.accounts.iter().enumerate() {
            if let Err(error) = account.take(octets) {
                for taken in self.accounts.iter().take(index) {
                    taken.give_back(octets);
                }
                return Err(error);
            }
        }
        self.octets = self.octets.saturating_add(octets);
        Ok(())
    }

    /// What was used stays used, but for `replaced` octets of an older file, which are free again.
    pub(crate) fn keep(&mut self, replaced: u64) {
        self.octets = 0;
        self.give_back(replaced);
    }

    fn give_back(&self, octets: u64) {
        self.accounts
            .iter()
            .for_each(|account| account.give_back(octets));
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

    const ONE: IpAddr = IpAddr::V4(core::net::Ipv4Addr::new(192, 0, 2, 1));
    const OTHER: IpAddr = IpAddr::V4(core::net::Ipv4Addr::new(192, 0, 2, 2));

    fn share(quotas: &mut Quotas, client: IpAddr, octets: u64) -> Result<Share, ErrorCode> {
        let mut share = quotas.share(client)?;
        share.grow(octets)?;
        Ok(share)
    }

    #[test]
    fn a_dropped_share_makes_room_again() {
        let mut quotas = Quotas::new(10, u64::MAX);
        let taken = share(&mut quotas, ONE, 10).unwrap();
        assert!(!quotas.share(ONE).unwrap().has_room(1));
        drop(taken);
        assert!(quotas.share(ONE).unwrap().has_room(10));
    }

    #[test]
    fn a_kept_share_stays_used() {
        let mut quotas = Quotas::new(10, u64::MAX);
        share(&mut quotas, ONE, 7).unwrap().keep(0);
        assert!(!quotas.share(ONE).unwrap().has_room(4));
    }

    #[test]
    fn replaced_octets_are_free_again() {
        let mut quotas = Quotas::new(10, u64::MAX);
        share(&mut quotas, ONE, 4).unwrap().keep(0);
        share(&mut quotas, ONE, 6).unwrap().keep(4);
        let share = quotas.share(ONE).unwrap();
        assert!(share.has_room(4) && !share.has_room(5));
    }

    #[test]
    fn shares_together_stay_below_the_limit() {
        let mut quotas = Quotas::new(10, u64::MAX);
        let _one = share(&mut quotas, ONE, 6).unwrap();
        assert_eq!(
            share(&mut quotas, OTHER, 5).err(),
            Some(ErrorCode::DISK_FULL)
        );
        assert!(share(&mut quotas, OTHER, 4).is_ok());
    }

    #[test]
    fn a_client_has_a_limit_of_its_own() {
        let mut quotas = Quotas::new(10, 6);
        let _one = share(&mut quotas, ONE, 6).unwrap();
        assert_eq!(share(&mut quotas, ONE, 1).err(), Some(ErrorCode::DISK_FULL));
        let _other = share(&mut quotas, OTHER, 4).unwrap();
        assert!(!quotas.share(OTHER).unwrap().has_room(1));
    }

    #[test]
    fn a_client_has_no_limit_of_its_own_for_each_of_its_addresses() {
        let mut quotas = Quotas::new(u64::MAX, 6);
        let [one, same, other] =
            ["2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"].map(|text| text.parse().unwrap());
        let _held = share(&mut quotas, one, 6).unwrap();
        assert!(!quotas.share(same).unwrap().has_room(1));
        assert!(quotas.share(other).unwrap().has_room(6));
    }

    #[test]
    fn what_one_limit_refuses_is_not_counted_against_the_other() {
        let mut quotas = Quotas::new(10, 6);
        assert!(share(&mut quotas, ONE, 7).is_err());
        assert_eq!(quotas.total.used(), 0);
    }
}
