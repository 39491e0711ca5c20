//! How much one tenant or one peer holds of what all share, so that none of them takes all of it.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What each key holds, at most `most`. Keys that hold nothing are not kept.
#[derive(Clone, Debug)]
pub(crate) struct Shares<K> {
    most: usize,
    held: Arc<Mutex<HashMap<K, usize>>>,
}

/// One place of a key's share; free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Share<K: Eq + Hash> {
    key: K,
    held: Arc<Mutex<HashMap<K, usize>>>,
}

impl<K: Clone + Eq + Hash> Shares<K> {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, held: Arc::default() }
    }

    /// A place for `key`; `None` when it holds as many as it may.
    pub(crate) fn take(&self, key: &K) -> Option<Share<K>> {
        let mut held = lock(&self.held);
        match held.get_mut(key) {
            Some(count) if *count >= self.most => return None,
            Some(count) => *count += 1,
            None => drop(held.insert(key.clone(), 1)),
        }
        drop(held);
        Some(Share { key: key.clone(), held: Arc::clone(&self.held) })
    }

    /// How many places a key may hold.
    pub(crate) fn most(&self) -> usize {
        self.most
    }
}

impl<K: Eq + Hash> Drop for Share<K> {
    fn drop(&mut self) {
        let mut held = lock(&self.held);
        if let Some(count) = held.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.key);
            }
        }
    }
}

/// Counts stay right whoever panics: nothing that can fail runs under the lock.
fn lock<K>(held: &Mutex<HashMap<K, usize>>) -> MutexGuard<'_, HashMap<K, usize>> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_has_its_own_share_and_gives_it_back() {
        let shares = Shares::new(2);
        let (first, _second) = (shares.take(&"a"), shares.take(&"a"));
        assert!(first.is_some() && shares.take(&"a").is_none());
        let other = shares.take(&"b");
        assert!(other.is_some());
        drop((first, other));
        assert!(shares.take(&"a").is_some());
        assert_eq!(lock(&shares.held).keys().collect::<Vec<_>>(), [&"a"], "who holds nothing is not kept");
    }
}
