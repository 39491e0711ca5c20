//! The edges of what the gate reads: facts, earlier failures and apologies.

use std::time::Duration;

use kernel::Currency;
use uuid::Uuid;

use super::*;
use crate::domain::gate::GateRules;
use crate::domain::gate::apology::ApologyAdvice;
use crate::domain::gate::prior::{weigh, weight_of};

const RULES: GateRules = GateRules {
    half_life: Duration::from_secs(180 * 86_400),
    window: Duration::from_secs(730 * 86_400),
    apology_cap: 3,
    apology_window: Duration::from_secs(365 * 86_400),
};

fn now() -> Timestamp {
    Timestamp::from_seconds(1_700_000_000)
}

fn event(facts: &[(&str, Fact)]) -> FailureEvent {
    let facts = facts.iter().map(|(key, fact)| ((*key).to_owned(), fact.clone())).collect();
    FailureEvent { kind: "flight.delayed".to_owned(), occurred_at: now(), reference: "UA 1".to_owned(), facts }
}

fn prior(number: u128, ago: Duration) -> PriorFailure {
    PriorFailure {
        remedy: Uuid::from_u128(number).into(),
        case: Uuid::from_u128(100 + number).into(),
        kind: "bill.wrong".to_owned(),
        reference: "UA 1".to_owned(),
        occurred_at: now().minus(ago),
        apology_at: None,
    }
}

fn inputs<'a>(event: &'a FailureEvent, context: &'a RecoveryContext, priors: &'a [PriorFailure]) -> GateInputs<'a> {
    let known = Known::of(event);
    GateInputs {
        event,
        severity: Severity::Medium,
        case: Uuid::from_u128(1).into(),
        known,
        context,
        priors,
        now: now(),
    }
}

#[test]
fn a_loss_is_named_and_made_good_in_its_own_way() {
    let named = [("money", Loss::Money), ("time", Loss::Time), ("service", Loss::Service), ("respect", Loss::Respect)];
    let mut ways = std::collections::BTreeSet::new();
    for (name, loss) in named {
        assert_eq!(Known::of(&event(&[("loss", Fact::Text(name.to_owned()))])).loss, Some(loss));
        assert!(loss.matching().len() > 40 && ways.insert(loss.matching()), "{name}");
    }
    assert_eq!(Known::of(&event(&[("loss", Fact::Text("Money".to_owned()))])).loss, None);
}

#[test]
fn a_price_of_nothing_is_no_price() {
    let euros = |minor| Fact::Money(Money::new(Currency::parse("EUR").expect("known"), minor));
    let price = |facts: &[(&str, Fact)]| Known::of(&event(facts)).price.map(|price| price.minor);
    assert_eq!(price(&[("price", euros(1))]), Some(1));
    for nothing in [0, -5] {
        assert_eq!(price(&[("price", euros(nothing))]), None);
        assert_eq!(price(&[("price", euros(nothing)), ("ticket_price", euros(7))]), Some(7));
        // A ticket is one passenger's; a price is the whole of it.
        let of = |passengers| [("ticket_price", euros(7)), ("passengers", Fact::Integer(passengers))];
        assert_eq!([of(3), of(1), of(0), of(-2)].map(|facts| price(&facts)), [Some(21), Some(7), Some(7), Some(7)]);
        assert_eq!(price(&of(i64::MAX)), None, "nothing is guessed");
        assert_eq!(price(&[("price", euros(9)), ("passengers", Fact::Integer(3))]), Some(9));
    }
}

#[test]
fn another_failure_of_the_same_reference_counts_and_what_weighs_nothing_is_not_told() {
    let (event, context) = (event(&[]), RecoveryContext::default());
    let priors = [prior(1, Duration::ZERO), prior(2, RULES.window + Duration::from_secs(1))];
    let weighed = weigh(&inputs(&event, &context, &priors), &RULES);
    let told: Vec<_> = weighed.counted.iter().map(|prior| (prior.remedy, prior.weight)).collect();
    assert_eq!((weighed.total, told), (250, vec![(priors[0].remedy, 250)]));
}

#[test]
fn whatever_the_half_life_an_old_failure_ends_at_nothing() {
    let rules = GateRules { half_life: Duration::from_secs(1), ..RULES };
    for seconds in [10, 11, 127, 128, 10_000] {
        assert_eq!(weight_of("bill.wrong", now(), &prior(1, Duration::from_secs(seconds)), &rules), 0, "{seconds}");
    }
}

#[test]
fn an_apology_is_counted_in_days() {
    let (event, context) = (event(&[]), RecoveryContext::default());
    let advice = ApologyAdvice::of(&inputs(&event, &context, &[]), &RULES);
    assert!(
        advice.text.starts_with("The customer had 0 apologies within 365 days, and the cap is 3"),
        "{}",
        advice.text
    );
}
