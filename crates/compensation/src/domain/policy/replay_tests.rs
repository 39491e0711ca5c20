//! What a policy counts for an offer, when, for whom, and what is given back.

use std::time::Duration;

use uuid::Uuid;

use super::super::authority::{KindLimits, Role};
use super::super::measure;
use super::super::window::start_of;
use super::*;

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

fn begin() -> Timestamp {
    start_of(16_000)
}

fn need(text: &str) -> Need {
    let (unit, amount) = measure::parse(text).expect(text);
    Need::from([(("MONEY".to_owned(), unit), amount)])
}

/// So much for a case, for a customer in two days, and for an agent in a day.
fn authority(per_case: &str, per_customer: &str, per_agent_day: &str) -> Authority {
    let limits = |text| measure::parse(text).into_iter().collect();
    let money = KindLimits {
        per_case: limits(per_case),
        per_customer: limits(per_customer),
        per_agent_day: limits(per_agent_day),
    };
    let agent = Role { approves: false, limits: BTreeMap::from([("MONEY".to_owned(), money)]) };
    Authority {
        version: "1".to_owned(),
        window_days: 2,
        default_role: "agent".to_owned(),
        roles: BTreeMap::from([("agent".to_owned(), agent)]),
    }
}

/// An offer of Ada to customer 1, put at once and still open.
fn offer(case: u128, after: Duration, text: &str) -> AgentOffer {
    let asked_at = begin().plus(after);
    AgentOffer {
        id: Uuid::from_u128(case).into(),
        case: Uuid::from_u128(case).into(),
        customer: Uuid::from_u128(1).into(),
        agent: "Ada".to_owned(),
        role: "agent".to_owned(),
        asked_at,
        need: need(text),
        put_at: Some(asked_at),
        ended: None,
    }
}

fn waits(replay: &mut Replay<'_>, offer: &AgentOffer) -> bool {
    !replay.judge(offer).is_empty()
}

#[test]
fn each_reach_sums_what_its_holder_was_offered() {
    let generous = "EUR 1000.00";
    let of_case = authority("EUR 100.00", generous, generous);
    let mut replay = Replay::new(&of_case);
    assert!(!waits(&mut replay, &offer(1, HOUR, "EUR 60.00")));
    assert!(waits(&mut replay, &offer(1, DAY * 40, "EUR 41.00")), "a case is one for its whole life");
    assert!(!waits(&mut replay, &offer(2, DAY * 40, "EUR 100.00")));

    let of_customer = authority(generous, "EUR 100.00", generous);
    let mut replay = Replay::new(&of_customer);
    assert!(!waits(&mut replay, &offer(1, HOUR, "EUR 60.00")));
    assert!(waits(&mut replay, &offer(2, DAY, "EUR 41.00")), "two days are yesterday and today");
    assert!(!waits(&mut replay, &offer(3, DAY * 3, "EUR 100.00")));

    let of_day = authority(generous, generous, "EUR 100.00");
    let mut replay = Replay::new(&of_day);
    assert!(!waits(&mut replay, &offer(1, HOUR, "EUR 60.00")));
    let other =
        AgentOffer { customer: Uuid::from_u128(2).into(), agent: " ADA".to_owned(), ..offer(2, HOUR * 2, "EUR 41.00") };
    assert!(waits(&mut replay, &other), "however the name is written");
    assert!(!waits(&mut replay, &AgentOffer { agent: "Bob".to_owned(), ..other }));
    assert!(!waits(&mut replay, &offer(3, DAY, "EUR 100.00")), "a new day");
}

#[test]
fn what_somebody_else_decides_counts_when_it_is_put_and_never_for_the_agents_day() {
    let rules = authority("EUR 50.00", "EUR 100.00", "EUR 60.00");
    let mut replay = Replay::new(&rules);
    let approved_late = AgentOffer { put_at: Some(begin().plus(HOUR * 5)), ..offer(1, HOUR, "EUR 90.00") };
    assert!(waits(&mut replay, &approved_late));
    assert!(!waits(&mut replay, &offer(2, HOUR * 2, "EUR 50.00")), "not put yet, and not of the agent's day");
    assert!(waits(&mut replay, &offer(3, HOUR * 5, "EUR 10.00")), "90 and 50 are the customer's by now");

    let mut replay = Replay::new(&rules);
    let never = AgentOffer { put_at: None, ..offer(1, HOUR, "EUR 90.00") };
    assert!(waits(&mut replay, &never));
    assert!(!waits(&mut replay, &offer(2, DAY, "EUR 50.00")), "what was not approved counts nothing");
}

#[test]
fn what_is_not_taken_is_given_back_when_the_offer_ends() {
    let rules = authority("EUR 100.00", "EUR 100.00", "EUR 1000.00");
    for (kept, second, is_within) in [
        (Need::new(), "EUR 100.00", true),
        (need("EUR 30.00"), "EUR 70.00", true),
        (need("EUR 30.00"), "EUR 71.00", false),
    ] {
        let ended = AgentOffer { ended: Some((begin().plus(HOUR * 3), kept)), ..offer(1, HOUR, "EUR 100.00") };
        let mut replay = Replay::new(&rules);
        assert!(!waits(&mut replay, &ended));
        assert!(waits(&mut replay, &offer(1, HOUR * 2, "EUR 1.00")), "it is open still");
        let mut replay = Replay::new(&rules);
        assert!(!waits(&mut replay, &ended));
        assert_eq!(!waits(&mut replay, &offer(1, HOUR * 3, second)), is_within, "{second}");
    }
}

#[test]
fn an_offer_that_this_policy_allows_counts_although_nobody_approved_it_then() {
    let rules = authority("EUR 100.00", "EUR 100.00", "EUR 100.00");
    let mut replay = Replay::new(&rules);
    let refused_then = AgentOffer { put_at: None, ..offer(1, HOUR, "EUR 80.00") };
    assert!(!waits(&mut replay, &refused_then));
    assert!(waits(&mut replay, &offer(2, HOUR * 2, "EUR 30.00")));
}

#[test]
fn sums_from_before_are_carried_over() {
    let rules = authority("EUR 100.00", "EUR 100.00", "EUR 1000.00");
    let euro = measure::parse("EUR 1.00").expect("an amount").0;
    let mut replay = Replay::new(&rules);
    let first = offer(1, HOUR, "EUR 30.00");
    replay.carry((Reach::Case, first.case.to_string(), "MONEY".to_owned(), euro.clone()), 15_000, 8_000);
    assert!(waits(&mut replay, &first), "80 before, however long ago");
    replay.carry((Reach::Customer, first.customer.to_string(), "MONEY".to_owned(), euro), 15_998, 9_000);
    assert!(!waits(&mut replay, &offer(2, HOUR * 2, "EUR 70.00")), "what was put then is 30; 90 are out of the window");
}

#[test]
fn a_role_that_the_policy_does_not_know_decides_nothing_alone() {
    let rules = authority("EUR 100.00", "EUR 100.00", "EUR 100.00");
    let mut replay = Replay::new(&rules);
    assert!(waits(&mut replay, &AgentOffer { role: "ghost".to_owned(), ..offer(1, HOUR, "EUR 1.00") }));
    let nothing = AgentOffer { role: "ghost".to_owned(), need: Need::new(), ..offer(2, HOUR, "EUR 1.00") };
    assert!(!waits(&mut replay, &nothing), "what the law demands is nobody's decision");
}

#[test]
fn offers_that_are_put_at_the_same_moment_count_each() {
    let rules = authority("EUR 10.00", "EUR 100.00", "EUR 1000.00");
    let mut replay = Replay::new(&rules);
    let put_at = Some(begin().plus(HOUR * 5));
    for case in [1, 2] {
        assert!(waits(&mut replay, &AgentOffer { put_at, ..offer(case, HOUR, "EUR 48.00") }));
    }
    assert!(!waits(&mut replay, &offer(3, HOUR * 5, "EUR 4.00")), "96 were put");
    assert!(waits(&mut replay, &offer(4, HOUR * 5, "EUR 1.00")));
}
