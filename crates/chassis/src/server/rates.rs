//! How many calls each key makes in a time, so that one that asks too much is told when to come back.
//!
//! A bucket per key that refills evenly, kept as the time at which it is full again: what is full needs no memory. Always
//! holds: there are at most [`KEYS`] buckets; keys beyond share one, so that a flood of names buys nothing.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Buckets that are kept: about a megabyte.
const KEYS: usize = 10_000;

/// The buckets.
#[derive(Debug)]
pub(crate) struct Rates<K> {
    /// What one call costs of the time.
    each: Duration,
    /// A full bucket.
    all: Duration,
    keys: usize,
    buckets: Mutex<Buckets<K>>,
}

#[derive(Debug)]
struct Buckets<K> {
    full_at: HashMap<K, Instant>,
    others_full_at: Option<Instant>,
    next_tidying: Option<Instant>,
}

impl<K: Clone + Eq + Hash> Rates<K> {
    /// `calls` at once, and as many again in every `per`.
    pub(crate) fn new(calls: u32, per: Duration) -> Self {
        Self::with_room(calls, per, KEYS)
    }

    fn with_room(calls: u32, per: Duration, keys: usize) -> Self {
        let buckets = Buckets { full_at: HashMap::new(), others_full_at: None, next_tidying: None };
        let each = per / calls.max(1);
        Self { each, all: each * calls, keys, buckets: Mutex::new(buckets) }
    }

    /// Counts a call of `key` at `now`.
    ///
    /// # Errors
    /// How long its next call has to wait, when it has made as many as it may; this one is not counted.
    pub(crate) fn take(&self, key: &K, now: Instant) -> Result<(), Duration> {
        // Nothing that can fail runs under the lock.
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(full_at) = buckets.full_at.get_mut(key) {
            *full_at = self.after(Some(*full_at), now)?;
            return Ok(());
        }
        if buckets.full_at.len() >= self.keys && buckets.next_tidying.is_none_or(|next| next <= now) {
            buckets.full_at.retain(|_, full_at| *full_at > now);
            // Until then no more can have become full than few: looking again would cost more than it brings.
            buckets.next_tidying = Some(now + self.all);
        }
        if buckets.full_at.len() < self.keys {
            let full_at = self.after(None, now)?;
            buckets.full_at.insert(key.clone(), full_at);
        } else {
            buckets.others_full_at = Some(self.after(buckets.others_full_at, now)?);
        }
        Ok(())
    }

    /// When the bucket is full again after one more call.
    fn after(&self, full_at: Option<Instant>, now: Instant) -> Result<Instant, Duration> {
        let full_at = full_at.map_or(now, |full_at| full_at.max(now)) + self.each;
        let missing = full_at - now;
        if missing > self.all { Err(missing - self.all) } else { Ok(full_at) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn as_many_as_allowed_at_once_and_then_as_they_come_back() {
        let rates = Rates::new(4, 4 * SECOND);
        let start = Instant::now();
        for _ in 0..4 {
            assert_eq!(rates.take(&"a", start), Ok(()));
        }
        assert_eq!(rates.take(&"a", start), Err(SECOND));
        assert_eq!(rates.take(&"a", start + SECOND / 4), Err(3 * SECOND / 4), "a refused call costs nothing");
        assert_eq!(rates.take(&"b", start), Ok(()), "another key has its own");
        assert_eq!(rates.take(&"a", start + SECOND), Ok(()));
        assert_eq!(rates.take(&"a", start + SECOND), Err(SECOND));
        let later = start + 100 * SECOND;
        let made = (0..10).filter(|_| rates.take(&"a", later).is_ok()).count();
        assert_eq!(made, 4, "no more is saved than a full bucket");
    }

    #[test]
    fn more_names_than_are_kept_share_one_bucket() {
        let rates = Rates::with_room(2, 2 * SECOND, 3);
        let start = Instant::now();
        for key in 0..3 {
            assert_eq!(rates.take(&key, start), Ok(()));
        }
        assert_eq!([3, 4, 5].map(|key| rates.take(&key, start).is_ok()), [true, true, false]);
        assert_eq!(rates.take(&0, start), Ok(()), "who is known is not harmed");
        assert_eq!(rates.take(&5, start + 2 * SECOND), Ok(()));
        let kept: Vec<_> = rates.buckets.lock().expect("not poisoned").full_at.keys().copied().collect();
        assert_eq!(kept, [5], "full buckets are not kept");
    }
}
