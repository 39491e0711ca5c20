//! When a failed call is tried again, and when it is parked. Pure.
//!
//! Parking is by class and by age, never by the number of attempts alone: an outage of a receiver, however long, parks
//! nothing. A call that alone keeps failing while its receiver answers others is parked by its age.

use std::time::Duration;

use super::RelayConfig;
use super::verdict::{Failed, Failure};

/// What happens next to a failed call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// It becomes due again after this time.
    Retry(Duration),
    /// It waits for an operator, and its lane with it.
    Park,
}

/// How long a call has been failing in the same way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Streak {
    /// Attempts that failed in this way one after the other, this one included.
    pub(crate) count: u32,
    /// Since the first of them.
    pub(crate) age: Duration,
}

/// Longest time that a receiver's own wish to be left alone is honoured.
const LONGEST_WISH: Duration = Duration::from_secs(300);
/// Back-off of what a person or a roll-out has to mend: bounds of the first and of all.
const SLOW: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(300));
/// The same for a method that is not there yet.
const ROLLING: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(300));
/// A conflict is tried again at once so often.
const QUICK_RETRIES: u32 = 3;
/// Longest back-off behind a gap, which closes as soon as its earlier call or its skip arrives.
const GAP_CAP: Duration = Duration::from_secs(5);

/// Decides. `healthy` says that the target has answered others lately; `dice` is from 0 to below 1.
pub(crate) fn next(failed: &Failed, streak: Streak, healthy: bool, config: &RelayConfig, dice: f64) -> Next {
    let park_after = Duration::from_secs(config.park_after_s);
    let old = streak.age >= park_after;
    let park = match failed.failure {
        Failure::Hopeless | Failure::LaneReused => true,
        Failure::Refused => streak.count >= config.park_after_refusals,
        Failure::Panicked => streak.count >= config.park_after_panics,
        Failure::Denied | Failure::Unimplemented | Failure::Exhausted | Failure::Gap | Failure::Conflict => old,
        Failure::Outage | Failure::Defect => old && healthy,
    };
    if park {
        return Next::Park;
    }
    let base = Duration::from_millis(config.backoff_base_ms);
    let cap = Duration::from_millis(config.backoff_cap_ms);
    let backoff = match failed.failure {
        Failure::Conflict if streak.count <= QUICK_RETRIES => base.mul_f64(dice / 4.0),
        Failure::Conflict => full_jitter(base, cap, streak.count - QUICK_RETRIES, dice),
        Failure::Gap => full_jitter(base, cap.min(GAP_CAP), streak.count, dice),
        Failure::Denied | Failure::Refused => slow(SLOW, streak.count, dice),
        Failure::Unimplemented => slow(ROLLING, streak.count, dice),
        Failure::Outage
        | Failure::Defect
        | Failure::Panicked
        | Failure::Exhausted
        | Failure::Hopeless
        | Failure::LaneReused => full_jitter(base, cap, streak.count, dice),
    };
    let wish = failed.retry_after.map_or(Duration::ZERO, |wish| wish.min(LONGEST_WISH));
    // Those who got the same wish do not come back together.
    let wish = wish + wish.mul_f64(dice / 4.0);
    Next::Retry(backoff.max(wish))
}

/// From nothing to `base`, doubled with each failure, never more than `cap`.
pub(crate) fn full_jitter(base: Duration, cap: Duration, failures: u32, dice: f64) -> Duration {
    let ceiling = base.saturating_mul(1_u32 << failures.saturating_sub(1).min(20)).min(cap);
    ceiling.mul_f64(dice)
}

/// From the shortest back-off to its double with each failure, never more than the longest.
fn slow((shortest, longest): (Duration, Duration), failures: u32, dice: f64) -> Duration {
    let ceiling = shortest.saturating_mul(1_u32 << failures.min(10)).min(longest);
    shortest + (ceiling - shortest).mul_f64(dice)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: [Failure; 11] = [
        Failure::Outage,
        Failure::Defect,
        Failure::Panicked,
        Failure::Conflict,
        Failure::Gap,
        Failure::Exhausted,
        Failure::Denied,
        Failure::Unimplemented,
        Failure::Refused,
        Failure::LaneReused,
        Failure::Hopeless,
    ];
    const DAY: Duration = Duration::from_secs(24 * 3_600);

    fn failed(failure: Failure) -> Failed {
        Failed { failure, way: String::new(), text: String::new(), retry_after: None }
    }

    fn decide(failure: Failure, count: u32, age: Duration, healthy: bool) -> Next {
        next(&failed(failure), Streak { count, age }, healthy, &RelayConfig::default(), 0.5)
    }

    #[test]
    fn each_class_parks_by_its_own_rule() {
        for failure in ALL {
            let first = decide(failure, 1, Duration::ZERO, true) == Next::Park;
            let thrice = decide(failure, 3, Duration::ZERO, true) == Next::Park;
            let ten = decide(failure, 10, Duration::ZERO, true) == Next::Park;
            let old = decide(failure, 1, DAY, true) == Next::Park;
            let expected = match failure {
                Failure::Hopeless | Failure::LaneReused => (true, true, true, true),
                Failure::Panicked => (false, true, true, false),
                Failure::Refused => (false, false, true, false),
                Failure::Outage
                | Failure::Defect
                | Failure::Conflict
                | Failure::Gap
                | Failure::Exhausted
                | Failure::Denied
                | Failure::Unimplemented => (false, false, false, true),
            };
            assert_eq!((first, thrice, ten, old), expected, "{failure:?}");
        }
    }

    #[test]
    fn an_outage_of_the_receiver_parks_nothing() {
        for failure in [Failure::Outage, Failure::Defect] {
            assert!(matches!(decide(failure, 100_000, 365 * DAY, false), Next::Retry(_)), "{failure:?}");
        }
    }

    #[test]
    fn the_receivers_wish_is_honoured_within_bounds() {
        let mut exhausted = failed(Failure::Exhausted);
        for (wish, at_least, at_most) in [(7, 7, 9), (86_400, 300, 375)] {
            exhausted.retry_after = Some(Duration::from_secs(wish));
            let streak = Streak { count: 1, age: Duration::ZERO };
            let Next::Retry(after) = next(&exhausted, streak, true, &RelayConfig::default(), 0.5) else {
                panic!("parked");
            };
            assert!((at_least..=at_most).contains(&after.as_secs()), "{after:?}");
        }
    }

    proptest! {
        #[test]
        fn every_back_off_stays_in_its_bounds(index in 0..ALL.len(), count in 1_u32..1_000_000, dice in 0.0..1.0_f64) {
            let failure = ALL[index];
            let config = RelayConfig::default();
            let streak = Streak { count, age: Duration::ZERO };
            let Next::Retry(after) = next(&failed(failure), streak, false, &config, dice) else { return Ok(()) };
            let millis = after.as_millis();
            let (from, to) = match failure {
                Failure::Denied | Failure::Refused => (30_000, 300_000),
                Failure::Unimplemented => (60_000, 300_000),
                Failure::Gap => (0, 5_000),
                Failure::Conflict if count <= 3 => (0, 50),
                _ => (0, 60_000),
            };
            prop_assert!((from..=to).contains(&millis), "{failure:?} {after:?}");
        }
    }
}
