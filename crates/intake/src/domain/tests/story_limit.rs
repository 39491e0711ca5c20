//! A story that is full: what callers add is refused, what happens is taken, and the story ends.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::samples::{NOW, apology_sent, asked, case_in, complaint, milestone};
use crate::domain::attention::Cause;
use crate::domain::case::Case;
use crate::domain::case_state::State;
use crate::domain::milestone::Kind;
use crate::domain::recovery::{
    on_finding, on_milestone, on_parked_call, on_question, on_refused_call, on_reopen, on_requested_remedy,
};
use crate::domain::refusal::Refusal;
use crate::domain::story_limit::StoryLimit;

const TEXT: &str = "The story has 3 entries; from here on only what moves the recovery is written down";

/// `case` as if its story had so many entries.
fn with_entries(case: Case, entries: i64) -> Case {
    Case { entry_count: entries, ..case }
}

#[test]
fn what_a_caller_adds_is_refused_from_the_limit_on() {
    let limit = StoryLimit::new(3);
    let full = Err(Refusal::TooLarge { entries: 3 });
    let acknowledged = |entries| with_entries(case_in(State::Acknowledged), entries);
    let question = |case| limit.allow(on_question(case, "Which bag?", Uuid::from_u128(1), NOW)?);
    let wish = |case| limit.allow(on_requested_remedy(case, "a refund", NOW)?);
    assert_eq!(question(acknowledged(2)).map(|reaction| reaction.case.entry_count), Ok(3));
    assert_eq!((question(acknowledged(3)), question(acknowledged(4))), (full.clone(), full.clone()));
    assert_eq!((wish(acknowledged(2)).is_ok(), wish(acknowledged(3))), (true, full.clone()));
    let again = |entries| limit.allow(on_reopen(with_entries(case_in(State::Lapsed), entries), "again", NOW)?);
    assert_eq!((again(2).is_ok(), again(3)), (true, full));
    assert_eq!(question(with_entries(case_in(State::Lapsed), 3)), Err(Refusal::Final), "the state is said first");
    assert!(on_finding(acknowledged(3), "snow", &BTreeMap::new(), NOW).is_ok(), "the recovery can go on");
}

#[test]
fn what_happens_to_a_full_story_moves_the_case_and_is_else_left_out() {
    let limit = StoryLimit::new(3);
    let echo = milestone(Kind::ProgressPosted, "workItems/1", &[]);
    let last = limit.keep(on_milestone(with_entries(complaint(), 2), &echo, NOW));
    assert_eq!((last.case.entry_count, last.entries.len(), last.case.attention.is_needed()), (3, 1, false));
    let first_out = limit.keep(on_milestone(last.case, &echo, NOW));
    assert_eq!(
        (first_out.case.entry_count, first_out.entries[0].seq, &*first_out.entries[0].kind),
        (4, 4, "STORY_FULL")
    );
    assert_eq!((first_out.case.attention.text().as_str(), first_out.entries.len()), (TEXT, 1));
    let second_out = limit.keep(on_milestone(first_out.case, &echo, NOW));
    assert_eq!((second_out.case.entry_count, second_out.entries.len()), (4, 0));
    assert_eq!(second_out.case.attention.text(), TEXT);

    let moved = limit.keep(on_milestone(second_out.case, &apology_sent(), NOW));
    assert_eq!(
        (moved.case.state, moved.case.entry_count, asked(&moved)),
        (State::Acknowledged, 5, vec!["Acknowledgement".to_owned()])
    );
    let stuck = milestone(Kind::PayoutNeedsAttention, "payouts/1", &[("reason", "UNKNOWN")]);
    let stuck = limit.keep(on_milestone(moved.case, &stuck, NOW)).case;
    assert!(stuck.attention.is_raised(Cause::PayoutStuck, "payouts/1"), "a person is asked for all the same");
    let refused = limit.keep(on_refused_call(stuck, "m", "1", "r", "t", NOW)).case;
    let parked = limit.keep(on_parked_call(refused, "m", "2", "r", NOW)).case;
    assert!(parked.attention.is_raised(Cause::CallRefused, "1") && parked.attention.is_raised(Cause::CallParked, "2"));
    assert_eq!(parked.entry_count, 5);
}

/// Services that report for ever: the story ends.
#[test]
fn a_story_does_not_grow_for_ever() {
    let limit = StoryLimit::new(20);
    let mut case = complaint();
    let tell = |case: Case, times: u32| {
        (0..times).fold(case, |case, n| {
            let kind = Kind::ALL[n as usize % Kind::ALL.len()];
            let subject = format!("offers/{n}");
            let told =
                milestone(kind, &subject, &[("template", "apology"), ("kind", "ACKNOWLEDGEMENT"), ("score", "1")]);
            let case = limit.keep(on_milestone(case, &told, NOW)).case;
            match on_finding(case.clone(), "found", &BTreeMap::new(), NOW) {
                Ok(found) => found.case,
                Err(_) => case,
            }
        })
    };
    case = tell(case, 20_000);
    let ended = case.entry_count;
    // 256 commands, two rounds, and what was there before.
    assert!((20..20 + 256 + 30).contains(&ended), "{ended}");
    assert_eq!(tell(case, 20_000).entry_count, ended);
}
