//! The switch, and what a payout does while it is on.

use super::*;
use crate::domain::payout_step::{self, Finding, Recorded};
use crate::domain::safeguards::Safeguards;
use FreezeEvent::{Freeze, Unfreeze};
use FreezeState::{Flowing, Frozen};

const RULES: ProviderRules = ProviderRules {
    key_ttl: Duration::from_secs(4_000),
    settlement_delay: Duration::from_secs(800),
    retry_base: Duration::from_secs(10),
    retry_cap: Duration::from_secs(1_000),
    safeguards: Safeguards::ALL,
};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

fn payout(state: PayoutState) -> Payout {
    Payout { state, ..payout_step::tests::payout() }
}

#[test]
fn every_state_takes_what_the_table_says() {
    for state in FreezeState::ALL {
        let expected = match state {
            Flowing => [Some(Frozen), None],
            Frozen => [Some(Frozen), Some(Flowing)],
        };
        for (event, expected) in [Freeze, Unfreeze].into_iter().zip(expected) {
            assert_eq!(state.on(event).ok(), expected, "{state:?} on {event:?}");
        }
        assert_eq!(FreezeState::parse(state.as_str()), Some(state));
    }
}

#[test]
fn the_configuration_freezes_what_was_not_unfrozen_after_its_time() {
    let moved = |state, seconds| {
        Some(PayoutFreeze {
            state,
            reason: "r".to_owned(),
            changed_by: "Ada".to_owned(),
            changed_at: Some(at(seconds)),
        })
    };
    let cases = [
        (None, None, Flowing),
        (None, Some(at(10)), Frozen),
        (moved(Flowing, 9), Some(at(10)), Frozen),
        (moved(Flowing, 10), Some(at(10)), Flowing),
        (moved(Frozen, 9), Some(at(10)), Frozen),
        (moved(Frozen, 11), Some(at(10)), Frozen),
        (moved(Frozen, 1), None, Frozen),
        (moved(Flowing, 1), None, Flowing),
    ];
    for (stored, since, expected) in cases {
        let said = format!("{stored:?} {since:?}");
        assert_eq!(PayoutFreeze::in_force(stored, since).state, expected, "{said}");
    }
    let by_configuration = PayoutFreeze::in_force(moved(Flowing, 9), Some(at(10)));
    assert_eq!(by_configuration.changed_at, None);
    assert!(by_configuration.reason.contains("1970-01-01T00:00:10Z"), "{}", by_configuration.reason);
}

#[test]
fn what_was_never_sent_waits_and_is_sent_in_full_time_later() {
    let mut payout = payout(PayoutState::Reserved);
    assert_eq!(payout.begin_frozen(at(100), &RULES), Ok(None));
    assert_eq!((payout.state, payout.attempts, payout.steps), (PayoutState::Reserved, 0, 1));
    assert_eq!((payout.next_step_at, payout.updated_at), (at(400), at(100)));
    assert_eq!((payout.first_attempt_at, payout.key_valid_until), (None, None));
    assert_eq!(payout.begin(at(400), &RULES), Ok(Step::Send));
    assert_eq!(payout.key_valid_until, Some(at(3_400)), "the key's time begins with the first send");
}

#[test]
fn what_may_have_been_sent_is_looked_up_and_never_sent() {
    for state in [PayoutState::Submitting, PayoutState::Unknown] {
        let mut payout = payout(PayoutState::Reserved);
        payout.begin(at(0), &RULES).expect("reserved");
        payout.state = state;
        assert_eq!(payout.begin_frozen(at(10), &RULES), Ok(Some(Step::LookUp)));
        assert_eq!((payout.state, payout.attempts, payout.steps), (PayoutState::Submitting, 1, 2));
        assert_eq!(payout.next_step_at, at(30), "10 + 20");
    }
    for state in [PayoutState::Confirmed, PayoutState::Declined, PayoutState::Manual, PayoutState::Voided] {
        let mut ended = payout(state);
        assert!(ended.begin_frozen(at(10), &RULES).is_err());
        assert_eq!(ended, payout(state), "nothing has changed");
    }
}

#[test]
fn while_it_can_still_be_sent_not_being_known_is_no_step_towards_giving_up() {
    let mut payout = payout(PayoutState::Reserved);
    payout.begin(at(0), &RULES).expect("reserved");
    for now in [10, 600, 1_200] {
        assert_eq!(payout.begin_frozen(at(now), &RULES), Ok(Some(Step::LookUp)));
        assert_eq!(payout.record(payout.steps, Finding::NotFound, at(now), &RULES), Recorded::StillUnknown);
    }
    assert_eq!(payout.begin(at(1_300), &RULES), Ok(Step::Send));
    assert_eq!(payout.not_found_at, None, "what was said before this attempt says nothing of it");
    // The key's time is over: from here on it is looked up as ever, and a person is asked after the second time.
    assert_eq!(payout.begin_frozen(at(3_000), &RULES), Ok(Some(Step::LookUp)));
    assert_eq!(payout.record(payout.steps, Finding::NotFound, at(3_000), &RULES), Recorded::StillUnknown);
    assert_eq!(payout.begin_frozen(at(3_100), &RULES), Ok(Some(Step::LookUp)));
    assert_eq!((payout.not_found_at, payout.next_step_at), (Some(at(3_000)), at(3_800)));
    let asked_too_early = payout.record(payout.steps, Finding::NotFound, at(3_800), &RULES);
    assert_eq!(asked_too_early, Recorded::StillUnknown, "however late its answer comes");
    assert_eq!(payout.begin_frozen(at(3_800), &RULES), Ok(Some(Step::LookUp)));
    assert_eq!(payout.record(payout.steps, Finding::NotFound, at(3_801), &RULES), Recorded::NeedsPerson);
}
