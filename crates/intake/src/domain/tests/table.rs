//! Every state under every milestone.

use super::samples::{apology_sent, asked, case_in, milestone};
use crate::domain::case::Case;
use crate::domain::case_state::State;
use crate::domain::milestone::{Kind, Milestone};
use crate::domain::recovery::on_milestone;
use crate::domain::tests::samples::NOW;

use State::{Acknowledged, FollowingUp, Lapsed, NotRecovered, Received, Recovered, Remedied, Reopened, Understood};

/// What a cell of the table says: the state after, the commands, and whether a person is needed then.
type Cell = (State, &'static [&'static str], bool);

const OFFER: &[&str] = &["offer", "WaitingForCustomer"];
const ANSWERED: &[&str] = &["CustomerAnswered"];
const REMEDY: &[&str] = &["complete", "plan"];
/// What came of the first round is told before the second one begins.
const ROUND: &[&str] = &["outcome reopened", "apology", "work"];

/// All milestones, those that count apart with the attribute that makes them count.
fn milestones() -> Vec<(&'static str, Milestone)> {
    let mut all: Vec<(&'static str, Milestone)> =
        Kind::ALL.iter().map(|kind| (kind.as_str(), milestone(*kind, "subject", &[]))).collect();
    all.push(("MESSAGE_SENT apology", apology_sent()));
    all.push(("MESSAGE_FAILED apology", milestone(Kind::MessageFailed, "messages/1", &[("template", "apology")])));
    all.push((
        "PROGRESS_POSTED acknowledgement",
        milestone(Kind::ProgressPosted, "workItems/1", &[("kind", "ACKNOWLEDGEMENT")]),
    ));
    all.push((
        "OFFER_EXPIRED owed",
        milestone(Kind::OfferExpired, "offers/1", &[("offer", "offers/1"), ("choice_owed", "a, b")]),
    ));
    all
}

/// The cells in which something happens besides the entry.
fn cell(state: State, name: &str, attention: bool) -> Option<Cell> {
    let done = matches!(state, Remedied | FollowingUp | Recovered | Lapsed | NotRecovered);
    Some(match (name, state) {
        ("MESSAGE_SENT apology", Received | Reopened) => (Acknowledged, &["Acknowledgement"], false),
        ("PROGRESS_POSTED acknowledgement", Received | Reopened) => (Acknowledged, &[], false),
        ("MESSAGE_FAILED apology", Received | Reopened) => (state, &[], true),
        ("REMEDY_SETTLED" | "NOTHING_OWED" | "OFFER_EXPIRED", Understood) => (Remedied, REMEDY, false),
        ("PLAN_STARTED", Remedied) => (FollowingUp, &[], false),
        ("RECOVERED", Remedied | FollowingUp | Lapsed) => (Recovered, &["outcome recovered"], false),
        ("LAPSED", Remedied | FollowingUp) => (Lapsed, &["outcome lapsed"], false),
        ("STILL_WRONG", Remedied | FollowingUp | Recovered | Lapsed) => (Reopened, ROUND, false),
        ("OFFER_MADE", _) => (state, if done { &["offer"] } else { OFFER }, attention),
        ("OFFER_ACCEPTED", _) => (state, if done { &[] } else { ANSWERED }, attention),
        ("OFFER_DECLINED" | "OFFER_EXPIRED owed", _) => (state, if done { &[] } else { ANSWERED }, true),
        ("VOUCHER_ISSUED", _) => (state, &["voucher"], attention),
        ("PAYOUT_CONFIRMED", _) => (state, &["payout"], attention),
        ("PAYOUT_NEEDS_ATTENTION" | "WORK_NEEDS_ATTENTION" | "PLAN_NEEDS_ATTENTION", _) => (state, &[], true),
        _ => return None,
    })
}

#[test]
fn every_state_under_every_milestone() {
    for state in State::ALL {
        let case = case_in(*state);
        assert_eq!(case.state, *state);
        for (name, milestone) in milestones() {
            let before = case.attention.is_needed();
            let (next, commands, attention) = cell(*state, name, before).unwrap_or((*state, &[], before));
            let reaction = on_milestone(case.clone(), &milestone, NOW);
            let place = format!("{} under {name}", state.as_str());
            assert_eq!(reaction.case.state, next, "{place}");
            assert_eq!(asked(&reaction), commands, "{place}");
            assert_eq!(reaction.case.attention.is_needed(), attention, "{place}");
            assert_recorded(&case, &reaction, &milestone, &place);
        }
    }
}

/// Every milestone is in the story, in order, whatever else it does.
fn assert_recorded(before: &Case, reaction: &crate::domain::reaction::Reaction, milestone: &Milestone, place: &str) {
    let entry = &reaction.entries[0];
    assert_eq!((&*entry.kind, &*entry.source), (milestone.kind.as_str(), milestone.kind.source()), "{place}");
    assert!(!entry.summary.is_empty(), "{place}");
    let seqs: Vec<i64> = reaction.entries.iter().map(|entry| entry.seq).collect();
    let expected: Vec<i64> = (before.entry_count + 1..=reaction.case.entry_count).collect();
    assert_eq!(seqs, expected, "{place}");
    assert_eq!(reaction.case.version, before.version + 1, "{place}");
}

#[test]
fn a_second_failure_ends_the_recovery_and_asks_for_a_person() {
    let case = case_in(NotRecovered);
    assert_eq!((case.round(), case.attention.is_needed()), (2, true));
    assert_eq!(case.attention.text(), "The customer says that it is still wrong after a second recovery");
}
