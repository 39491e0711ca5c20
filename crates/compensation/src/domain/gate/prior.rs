//! What earlier failures weigh: by how similar they are and how close in time, never by their bare number.

use std::collections::BTreeSet;
use std::time::Duration;

use kernel::{CaseId, RemedyId, Timestamp};
use serde::{Deserialize, Serialize};

use super::{GateInputs, GateRules};

/// Weight of an equal failure at the same moment.
const WHOLE: u64 = 1_000;

/// An earlier failure of the same customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriorFailure {
    /// The remedy that it had.
    pub remedy: RemedyId,
    /// Its case.
    pub case: CaseId,
    /// Its dotted kind.
    pub kind: String,
    /// The company's reference of it.
    pub reference: String,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// When the customer had our apology for it.
    pub apology_at: Option<Timestamp>,
}

/// An earlier failure with what it weighs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountedPrior {
    /// The remedy that it had.
    pub remedy: RemedyId,
    /// Its dotted kind.
    pub kind: String,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// Thousandths of an equal failure at the same moment.
    pub weight: u64,
}

/// Earlier failures, weighed.
pub(super) struct Weighed {
    /// Sum of the weights.
    pub(super) total: u64,
    /// This case had a remedy before: it came back.
    pub(super) same_case: bool,
    /// Those that weigh something, the heaviest first.
    pub(super) counted: Vec<CountedPrior>,
}

/// Weighs what happened before. The same event that another case of the customer is about is no other failure.
pub(super) fn weigh(inputs: &GateInputs<'_>, rules: &GateRules) -> Weighed {
    let event = inputs.event;
    let same_case = inputs.priors.iter().any(|prior| prior.case == inputs.case);
    let mut known = BTreeSet::new();
    let others = inputs.priors.iter().filter(|prior| {
        let same_event =
            prior.kind == event.kind && prior.occurred_at == event.occurred_at && prior.reference == event.reference;
        // A gesture that was approved later is a remedy of its own for the same failure.
        let is_new = known.insert((prior.case, &prior.kind, prior.occurred_at, &prior.reference));
        prior.case != inputs.case && !same_event && is_new
    });
    let mut counted: Vec<_> = others
        .map(|prior| CountedPrior {
            remedy: prior.remedy,
            kind: prior.kind.clone(),
            occurred_at: prior.occurred_at,
            weight: weight_of(&event.kind, event.occurred_at, prior, rules),
        })
        .filter(|prior| prior.weight > 0)
        .collect();
    counted.sort_by_key(|prior| (std::cmp::Reverse(prior.weight), prior.remedy));
    Weighed { total: counted.iter().map(|prior| prior.weight).sum(), same_case, counted }
}

/// How alike two kinds of failure are, in thousandths: 1000 for the same kind, 500 for kinds of one family (the first
/// word), 250 for any two failures of one firm. The steps are this product's assumption; the research names none.
pub fn similarity(one: &str, other: &str) -> u64 {
    let family = |kind: &str| kind.split('.').next().unwrap_or_default().to_owned();
    if one == other {
        WHOLE
    } else if family(one) == family(other) {
        WHOLE / 2
    } else {
        WHOLE / 4
    }
}

/// What an earlier failure weighs, in thousandths: its similarity, halved with every half-life between the two.
pub fn weight_of(kind: &str, occurred_at: Timestamp, prior: &PriorFailure, rules: &GateRules) -> u64 {
    let apart = Duration::from_micros(occurred_at.micros().abs_diff(prior.occurred_at.micros()));
    if apart > rules.window {
        return 0;
    }
    similarity(kind, &prior.kind) * remaining(apart, rules.half_life) / WHOLE
}

/// `2 ^ (-age / half_life)` in thousandths, in whole numbers: exact at every half-life, straight in between.
fn remaining(age: Duration, half_life: Duration) -> u64 {
    let (age, half_life) = (age.as_micros(), half_life.as_micros().max(1));
    let halvings = age / half_life;
    if halvings > 10 {
        return 0;
    }
    let at_start = u128::from(WHOLE) >> halvings;
    let within = (at_start / 2) * (age % half_life) / half_life;
    u64::try_from(at_start - within).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);
    const RULES: GateRules = GateRules {
        half_life: Duration::from_secs(180 * 86_400),
        window: Duration::from_secs(730 * 86_400),
        apology_cap: 3,
        apology_window: Duration::from_secs(365 * 86_400),
    };

    fn prior(kind: &str, days_ago: u32) -> PriorFailure {
        PriorFailure {
            remedy: Uuid::from_u128(1).into(),
            case: Uuid::from_u128(2).into(),
            kind: kind.to_owned(),
            reference: String::new(),
            occurred_at: now().minus(DAY * days_ago),
            apology_at: None,
        }
    }

    fn now() -> Timestamp {
        Timestamp::from_seconds(1_700_000_000)
    }

    #[test]
    fn a_failure_weighs_by_likeness_and_age() {
        for (kind, days, weight) in [
            ("flight.delayed", 0, 1_000),
            ("flight.delayed", 90, 750),
            ("flight.delayed", 180, 500),
            ("flight.delayed", 360, 250),
            ("flight.cancelled", 0, 500),
            ("flight.cancelled", 180, 250),
            ("bill.wrong", 0, 250),
            ("bill.wrong", 180, 125),
            ("flight.delayed", 730, 61),
            ("flight.delayed", 731, 0),
        ] {
            assert_eq!(
                weight_of("flight.delayed", now(), &prior(kind, days), &RULES),
                weight,
                "{kind} {days} days ago"
            );
        }
        assert_eq!(similarity("flight", "flight.delayed"), 500);
    }

    #[test]
    fn the_order_of_two_failures_does_not_matter() {
        let later = PriorFailure { occurred_at: now().plus(DAY * 90), ..prior("a", 0) };
        assert_eq!(weight_of("a", now(), &later, &RULES), weight_of("a", now(), &prior("a", 90), &RULES));
    }

    proptest! {
        #[test]
        fn an_older_failure_never_weighs_more(days in 0_u32..800, more in 0_u32..800) {
            let weight = |days| weight_of("a.b", now(), &prior("a.b", days), &RULES);
            prop_assert!(weight(days) >= weight(days + more));
        }
    }
}
