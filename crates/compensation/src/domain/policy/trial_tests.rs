//! Two versions over the same offers: what is counted of each, and where they differ.

use kernel::Timestamp;
use uuid::Uuid;

use super::super::authority::{KindLimits, Reach, Role};
use super::super::measure::{self, Need};
use super::*;
use crate::domain::money::parse_amount;

fn authority(limit: &str) -> Authority {
    let limits: BTreeMap<_, _> = measure::parse(limit).into_iter().collect();
    let money = KindLimits { per_case: limits.clone(), per_customer: limits.clone(), per_agent_day: limits };
    let role = Role { approves: false, limits: BTreeMap::from([("MONEY".to_owned(), money)]) };
    Authority {
        version: limit.to_owned(),
        window_days: 30,
        default_role: "agent".to_owned(),
        roles: BTreeMap::from([("agent".to_owned(), role)]),
    }
}

/// Each offer is another case's, customer's and agent's.
fn offer(number: u128, text: &str) -> (AgentOffer, Vec<Money>) {
    let (unit, amount) = measure::parse(text).expect(text);
    let id = Uuid::from_u128(number);
    let asked_at = Timestamp::from_seconds(i64::try_from(number).expect("a small number"));
    let offer = AgentOffer {
        id: id.into(),
        case: id.into(),
        customer: id.into(),
        agent: number.to_string(),
        role: "agent".to_owned(),
        asked_at,
        need: Need::from([(("MONEY".to_owned(), unit), amount)]),
        put_at: Some(asked_at),
        ended: None,
    };
    (offer, parse_amount(text).into_iter().collect())
}

fn report(baseline: &str, candidate: &str, max_differences: usize) -> TrialReport {
    let (baseline, candidate) = (authority(baseline), authority(candidate));
    let mut trial = PolicyTrial::new(&baseline, &candidate, max_differences);
    for (number, text) in [(1, "EUR 10.00"), (2, "EUR 60.00"), (3, "EUR 80.00"), (4, "EUR 200.00")] {
        let (offer, costs) = offer(number, text);
        trial.judge(offer, costs);
    }
    trial.into_report()
}

#[test]
fn both_versions_are_told_and_where_they_differ() {
    let wider = report("EUR 50.00", "EUR 100.00", 10);
    let counts = |side: &Side| (side.total.alone, side.total.to_approve);
    assert_eq!((wider.offers, counts(&wider.baseline), counts(&wider.candidate)), (4, (1, 3), (3, 1)));
    assert_eq!((wider.more_alone, wider.more_to_approve), (2, 0));
    let euro = parse_amount("EUR 1.00").expect("an amount").currency;
    assert_eq!(wider.candidate.total.costs_alone[&euro], 15_000);
    assert_eq!(wider.candidate.total.costs_to_approve[&euro], 20_000);
    assert_eq!(wider.candidate.roles["agent"], wider.candidate.total);
    let told: Vec<_> = wider.differences.iter().map(|one| (one.offer.agent.as_str(), one.baseline.len())).collect();
    assert_eq!(told, [("2", 3), ("3", 3)]);

    let tighter = report("EUR 100.00", "EUR 50.00", 1);
    assert_eq!((tighter.more_alone, tighter.more_to_approve), (0, 2));
    assert_eq!(tighter.differences.len(), 1);
    assert_eq!(tighter.differences[0].offer.agent, "3", "the latest one is kept");
    assert!(tighter.differences[0].baseline.is_empty() && !tighter.differences[0].candidate.is_empty());

    let same = report("EUR 50.00", "EUR 50.00", 10);
    assert_eq!(same.baseline, same.candidate);
    assert!(same.differences.is_empty());
}

#[test]
fn what_was_counted_before_is_carried_into_both_versions() {
    let (baseline, candidate) = (authority("EUR 50.00"), authority("EUR 100.00"));
    let mut trial = PolicyTrial::new(&baseline, &candidate, 10);
    for (number, before) in [(1, 0), (2, 4_100), (3, 9_100)] {
        let (offer, costs) = offer(number, "EUR 10.00");
        let euro = measure::parse("EUR 1.00").expect("an amount").0;
        trial.carry(&(Reach::Case, offer.case.to_string(), "MONEY".to_owned(), euro), 0, before);
        trial.judge(offer, costs);
    }
    let report = trial.into_report();
    assert_eq!((report.baseline.total.alone, report.baseline.total.to_approve), (1, 2));
    assert_eq!((report.candidate.total.alone, report.candidate.total.to_approve), (2, 1));
}
