//! The step of a payout against a provider that is modelled as a set of executed keys.

use kernel::Currency;
use proptest::prelude::*;

use super::*;

const RULES: ProviderRules = ProviderRules {
    key_ttl: Duration::from_secs(4_000),
    settlement_delay: Duration::from_secs(2_000),
    retry_base: Duration::from_secs(10),
    retry_cap: Duration::from_secs(1_000),
    safeguards: Safeguards::ALL,
};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

fn money(minor: i64) -> Money {
    Money::new(Currency::parse("EUR").expect("known"), minor)
}

pub(crate) fn payout() -> Payout {
    Payout {
        id: Uuid::from_u128(1).into(),
        remedy: Uuid::from_u128(2).into(),
        case: Uuid::from_u128(3).into(),
        grant: Uuid::from_u128(2),
        line: "r.refund".to_owned(),
        state: PayoutState::Reserved,
        amount: money(1_250),
        cost: Account::Expense,
        payee: "somebody".to_owned(),
        key: "key".to_owned(),
        request: vec![1, 2, 3],
        attempts: 0,
        steps: 0,
        first_attempt_at: None,
        key_valid_until: None,
        next_step_at: at(0),
        not_found_at: None,
        reference: String::new(),
        reason: String::new(),
        created_at: at(0),
        updated_at: at(0),
    }
}

fn begun(times: &[i64]) -> Payout {
    let mut payout = payout();
    for time in times {
        payout.begin(at(*time), &RULES).expect("a moving payout");
    }
    payout
}

fn lost() -> Finding {
    Finding::Lost { why: "time-out".to_owned() }
}

fn executed() -> Finding {
    Finding::Executed { reference: "ref".to_owned(), amount: None }
}

#[test]
fn the_first_attempt_sets_the_keys_time_and_later_ones_keep_it() {
    let payout = begun(&[100, 500]);
    assert_eq!((payout.attempts, payout.steps), (2, 2));
    assert_eq!(payout.first_attempt_at, Some(at(100)));
    assert_eq!(payout.key_valid_until, Some(at(3_100)), "a quarter of the provider's time is margin");
    assert!(payout.may_be_sent(Timestamp::from_micros(at(3_100).micros() - 1)) && !payout.may_be_sent(at(3_100)));
    assert!(!super::tests::payout().may_be_sent(at(0)), "nothing is sent before an intent");
}

#[test]
fn past_the_keys_time_it_is_looked_up_and_never_sent() {
    let mut payout = begun(&[0]);
    assert_eq!(payout.begin(at(2_999), &RULES), Ok(Step::Send));
    assert_eq!(payout.begin(at(3_000), &RULES), Ok(Step::LookUp));
    assert_eq!((payout.attempts, payout.steps), (2, 3));
}

#[test]
fn steps_come_ever_more_slowly() {
    let mut payout = payout();
    for (now, next) in [(0, 10), (100, 120), (200, 240), (300, 380)] {
        payout.begin(at(now), &RULES).expect("a moving payout");
        assert_eq!(payout.next_step_at, at(next));
    }
    assert_eq!(pause(40, &RULES), RULES.retry_cap);
    assert_eq!(pause(u32::MAX, &RULES), RULES.retry_cap);
}

#[test]
fn a_person_is_asked_after_two_look_ups_a_settlement_apart() {
    let mut payout = begun(&[0, 3_000]);
    assert_eq!(payout.record(2, Finding::NotFound, at(3_000), &RULES), Recorded::StillUnknown);
    payout.begin(at(4_000), &RULES).expect("moving");
    assert_eq!(payout.next_step_at, at(5_000), "not before the provider had its time");
    assert_eq!(payout.record(3, Finding::NotFound, at(4_999), &RULES), Recorded::StillUnknown);
    payout.begin(at(5_000), &RULES).expect("moving");
    assert_eq!(payout.record(4, Finding::NotFound, at(5_000), &RULES), Recorded::NeedsPerson);
    assert_eq!(payout.state, PayoutState::Manual);
    assert!(payout.begin(at(9_000), &RULES).is_err());
    // The provider's own word is taken even now.
    assert_eq!(payout.record(1, executed(), at(9_000), &RULES), Recorded::Confirmed);
}

/// Found by the model: the answer of a look-up that was asked too early is kept by a process that sleeps.
#[test]
fn an_answer_that_comes_late_was_not_asked_late() {
    let mut payout = begun(&[0, 3_000]);
    payout.record(2, Finding::NotFound, at(3_000), &RULES);
    payout.begin(at(3_100), &RULES).expect("moving");
    assert_eq!(payout.record(3, Finding::NotFound, at(9_000), &RULES), Recorded::StillUnknown);
    payout.begin(at(9_001), &RULES).expect("moving");
    assert_eq!(payout.record(4, Finding::NotFound, at(9_001), &RULES), Recorded::NeedsPerson);
}

#[test]
fn work_in_progress_starts_the_search_anew() {
    let mut payout = begun(&[0, 3_000]);
    payout.record(2, Finding::NotFound, at(3_000), &RULES);
    payout.begin(at(5_000), &RULES).expect("moving");
    assert_eq!(payout.record(3, Finding::Pending, at(5_000), &RULES), Recorded::StillUnknown);
    payout.begin(at(8_000), &RULES).expect("moving");
    assert_eq!(payout.record(4, Finding::NotFound, at(8_000), &RULES), Recorded::StillUnknown);
}

#[test]
fn only_a_success_is_taken_from_an_older_step() {
    let mut payout = begun(&[0, 100]);
    for finding in [lost(), Finding::NotFound, Finding::Pending, Finding::Declined { reason: "no".to_owned() }] {
        let before = payout.clone();
        assert_eq!(payout.record(1, finding, at(200), &RULES), Recorded::Nothing);
        assert_eq!(payout, before);
    }
    assert_eq!(payout.record(1, executed(), at(200), &RULES), Recorded::Confirmed);
    assert_eq!(payout.reference, "ref");
    assert_eq!(payout.record(2, executed(), at(201), &RULES), Recorded::Nothing);
}

#[test]
fn another_amount_is_never_taken_for_ours() {
    let mut payout = begun(&[0]);
    let other = Finding::Executed { reference: "ref".to_owned(), amount: Some(money(1_251)) };
    assert_eq!(payout.record(1, other, at(1), &RULES), Recorded::NeedsPerson);
    assert_eq!(payout.state, PayoutState::Manual);
    let ours = Finding::Executed { reference: "ref".to_owned(), amount: Some(money(1_250)) };
    assert_eq!(payout.record(1, ours, at(2), &RULES), Recorded::Confirmed);
}

#[test]
fn a_look_up_that_is_asked_for_puts_nothing_off_and_proves_nothing() {
    let mut payout = begun(&[0]);
    let due = payout.next_step_at;
    assert!(payout.begin_look_up(at(1), &RULES));
    assert_eq!((payout.steps, payout.attempts, payout.next_step_at), (2, 1, due));
    assert_eq!(payout.record(2, Finding::NotFound, at(2), &RULES), Recorded::StillUnknown);
    assert_eq!(payout.not_found_at, None, "another attempt may still come");
    assert!(payout.begin_look_up(at(50), &RULES));
    assert_eq!(payout.next_step_at, at(60), "the next step is planned again");
    // The answer of the send that was under way comes after the look-up began: only a success counts.
    assert_eq!(payout.record(1, lost(), at(51), &RULES), Recorded::Nothing);
    assert_eq!(payout.record(1, executed(), at(51), &RULES), Recorded::Confirmed);
    assert!(!payout.begin_look_up(at(52), &RULES), "nothing is left to find out");
    assert!(!super::tests::payout().begin_look_up(at(0), &RULES), "nothing was sent");
}

#[test]
fn people_settle_only_what_is_theirs() {
    let manual = || {
        let mut payout = begun(&[0, 3_000]);
        payout.record(2, Finding::NotFound, at(3_000), &RULES);
        payout.begin(at(5_000), &RULES).expect("moving");
        assert_eq!(payout.record(3, Finding::NotFound, at(5_000), &RULES), Recorded::NeedsPerson);
        payout
    };
    let (mut paid, mut ruled_out) = (manual(), manual());
    assert_eq!(paid.settle(Outcome::Executed, "bank 7", at(6_000)), Ok(Recorded::Confirmed));
    assert_eq!((paid.state, paid.reference.as_str(), paid.reason.as_str()), (PayoutState::Confirmed, "bank 7", ""));
    assert_eq!(ruled_out.settle(Outcome::NotExecuted, "", at(6_000)), Ok(Recorded::Declined));
    assert_eq!(ruled_out.state, PayoutState::Declined);
    let steps = manual().steps;
    assert_eq!((paid.steps, ruled_out.steps), (steps + 1, steps + 1), "people's word is a step of its own");
    assert_eq!(ruled_out.record(3, executed(), at(7_000), &RULES), Recorded::Contradiction);
    for state in PayoutState::ALL {
        let mut payout = Payout { state, ..manual() };
        let taken = payout.settle(Outcome::Executed, "x", at(6_000)).is_ok();
        assert_eq!(taken, state == PayoutState::Manual, "{state:?}");
    }
    // What a person has is looked up when somebody asks, and stays with that person.
    let mut manual = manual();
    let before = manual.clone();
    assert!(manual.begin_look_up(at(6_000), &RULES));
    assert_eq!(manual.record(3, Finding::NotFound, at(6_000), &RULES), Recorded::Nothing);
    assert_eq!(manual, before);
}

#[test]
fn a_provider_that_contradicts_itself_changes_nothing() {
    let mut payout = begun(&[0]);
    assert_eq!(payout.record(1, Finding::Declined { reason: "closed".to_owned() }, at(1), &RULES), Recorded::Declined);
    assert_eq!(payout.record(1, executed(), at(2), &RULES), Recorded::Contradiction);
    assert_eq!((payout.state, payout.reason.as_str()), (PayoutState::Declined, "closed"));
}

/// What the world does next.
#[derive(Clone, Debug)]
enum Act {
    Begin,
    /// The step's request reaches the provider, which executes it once per key it still holds.
    Arrive,
    /// The answer to the step comes back.
    Answer,
    /// The answer is lost.
    Lose,
    /// Time passes.
    Wait(i64),
    /// A look-up's answer.
    LookUp,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        Just(Act::Begin),
        Just(Act::Arrive),
        Just(Act::Answer),
        Just(Act::Lose),
        (1..1_500_i64).prop_map(Act::Wait),
        Just(Act::LookUp),
    ]
}

proptest! {
    /// Requests are sent only while `may_be_sent` and reach the provider within the margin; the provider forgets a key
    /// at its time to live. However acts follow each other, it pays at most once, and no paid payout ends as declined.
    #[test]
    fn it_is_paid_at_most_once(acts in prop::collection::vec(act(), 1..80)) {
        let (mut payout, mut now) = (payout(), 0_i64);
        let mut on_the_wire: Option<(u32, i64)> = None;
        let mut looking: Option<u32> = None;
        let (mut paid, mut first_paid_at) = (0, None);
        for act in acts {
            match act {
                Act::Begin => match payout.begin(at(now), &RULES) {
                    Ok(Step::Send) if payout.may_be_sent(at(now)) => on_the_wire = Some((payout.steps, now)),
                    Ok(Step::LookUp) => looking = Some(payout.steps),
                    _ => {}
                },
                Act::Arrive => if let Some((_, sent_at)) = on_the_wire
                    && now - sent_at < 500
                {
                    let known = first_paid_at.is_some_and(|first| now < first + 4_000);
                    if !known {
                        paid += 1;
                        first_paid_at.get_or_insert(now);
                    }
                },
                Act::Answer => if let Some((step, _)) = on_the_wire && paid > 0 {
                    payout.record(step, executed(), at(now), &RULES);
                },
                Act::Lose => if let Some((step, _)) = on_the_wire {
                    payout.record(step, lost(), at(now), &RULES);
                },
                Act::Wait(seconds) => now += seconds,
                Act::LookUp => if let Some(step) = looking.take() {
                    let finding = if paid > 0 { executed() } else { Finding::NotFound };
                    payout.record(step, finding, at(now), &RULES);
                },
            }
            prop_assert!(paid <= 1, "paid {paid} times");
            prop_assert!(paid == 0 || !matches!(payout.state, PayoutState::Declined | PayoutState::Voided));
            prop_assert!(payout.state != PayoutState::Confirmed || paid == 1);
        }
    }
}
