//! A share each: how much of what all have in common one of them may hold.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::Semaphore;

/// How many shares are kept before those that nobody holds are looked for.
const FEW: usize = 1024;

/// The shares of each key: of an organization, or of an address.
#[derive(Debug)]
pub struct Shares<K> {
    each: usize,
    kept: Mutex<Kept<K>>,
}

#[derive(Debug)]
struct Kept<K> {
    shares: HashMap<K, Arc<Semaphore>>,
    /// At how many shares it is seen which are held.
    full: usize,
}

impl<K: Eq + Hash> Shares<K> {
    /// Shares of this size, one at least.
    #[must_use]
    pub fn of(each: usize) -> Self {
        Self { each: each.max(1), kept: Mutex::new(Kept { shares: HashMap::new(), full: FEW }) }
    }

    /// The share of `key`, to take places in.
    #[must_use]
    pub fn share(&self, key: K) -> Arc<Semaphore> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.shares.len() >= kept.full {
            // A share of which nothing is taken is as good as a new one.
            kept.shares.retain(|_, share| Arc::strong_count(share) > 1);
            kept.full = FEW.max(kept.shares.len() * 2);
        }
        Arc::clone(kept.shares.entry(key).or_insert_with(|| Arc::new(Semaphore::new(self.each))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_counts_to_its_own_share() {
        let shares = Shares::of(2);
        let held = [(); 2].map(|()| shares.share("a").try_acquire_owned().expect("a place"));
        assert!(shares.share("a").try_acquire_owned().is_err());
        assert!(shares.share("b").try_acquire_owned().is_ok());
        drop(held);
        assert!(shares.share("a").try_acquire_owned().is_ok());
    }

    #[test]
    fn only_what_is_held_is_kept() {
        let shares = Shares::of(1);
        let held: Vec<_> = (0..10).map(|key| shares.share(key).try_acquire_owned().expect("a place")).collect();
        for key in 10..100_000 {
            assert!(shares.share(key).try_acquire_owned().is_ok());
            assert!(shares.kept.lock().expect("the shares").shares.len() <= FEW);
        }
        for key in 0..10 {
            assert!(shares.share(key).try_acquire_owned().is_err(), "{key} is held");
        }
        drop(held);
    }
}
