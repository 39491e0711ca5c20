//! Random stories: whatever comes in whatever order, the promises hold.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use uuid::Uuid;

use super::samples::{NOW, complaint, milestone, silent};
use crate::domain::case::Case;
use crate::domain::case_state::State;
use crate::domain::milestone::{Kind, Milestone};
use crate::domain::reaction::Reaction;
use crate::domain::recovery::{on_finding, on_milestone, on_question, on_refused_call, on_reopen};

#[derive(Clone, Debug)]
enum Happening {
    Milestone(Milestone),
    Finding,
    Question(u128),
    Reopen,
    Refused,
}

fn happenings() -> impl Strategy<Value = Happening> {
    let subject = prop::sample::select(vec!["offers/1", "offers/2", "vouchers/1", "payouts/1", "x", ""]);
    let template = prop::sample::select(vec!["apology", "offer", ""]);
    let progress = prop::sample::select(vec!["ACKNOWLEDGEMENT", "SUBSTANTIVE_UPDATE", ""]);
    let told = (prop::sample::select(Kind::ALL), subject, template, progress, 0..12_u8).prop_map(
        |(kind, subject, template, progress, score)| {
            let score = score.to_string();
            Happening::Milestone(milestone(
                kind,
                subject,
                &[("template", template), ("kind", progress), ("score", &score)],
            ))
        },
    );
    prop_oneof![
        12 => told,
        2 => Just(Happening::Finding),
        1 => (1..u128::MAX).prop_map(Happening::Question),
        2 => Just(Happening::Reopen),
        1 => Just(Happening::Refused),
    ]
}

fn react(case: &Case, happening: &Happening) -> Option<Reaction> {
    let case = case.clone();
    match happening {
        Happening::Milestone(milestone) => Some(on_milestone(case, milestone, NOW)),
        Happening::Finding => on_finding(case, "found", &BTreeMap::new(), NOW).ok(),
        Happening::Question(id) => on_question(case, "why?", Uuid::from_u128(*id), NOW).ok(),
        Happening::Reopen => on_reopen(case, "again", NOW).ok(),
        Happening::Refused => Some(on_refused_call(case, "m", "c", "r", "t", NOW)),
    }
}

proptest! {
    #[test]
    fn every_story_keeps_the_promises(silently: bool, story in prop::collection::vec(happenings(), 0..80)) {
        let mut case = if silently { silent() } else { complaint() };
        let mut ids: BTreeSet<Uuid> = BTreeSet::new();
        let mut steps = BTreeSet::new();
        for happening in &story {
            let Some(reaction) = react(&case, happening) else { continue };
            let (before, after) = (case.state, reaction.case.state);
            if before.is_final() && after != before {
                prop_assert!(after == State::Reopened || after.is_final(), "{before:?} went to {after:?}");
                prop_assert!(after != State::Reopened || reaction.case.reopen_count == case.reopen_count + 1);
            }
            for command in &reaction.commands {
                prop_assert!(ids.insert(command.message_id), "a message id left twice: {command:?}");
                // What a command says is the same for the same step, so a step that left twice would show here.
                if !matches!(happening, Happening::Question(_)) {
                    let once = format!("{:?} {}", command.ask, reaction.case.round());
                    prop_assert!(steps.insert(once) || is_about_another_subject(happening), "{command:?} left twice");
                }
            }
            prop_assert_eq!(reaction.case.entry_count, case.entry_count + reaction.entries.len() as i64);
            prop_assert_eq!(reaction.case.version, case.version + 1);
            prop_assert!(reaction.case.reopen_count >= case.reopen_count);
            case = reaction.case;
        }
    }
}

/// Vouchers, payouts and answers are told once for each subject, with the same words.
fn is_about_another_subject(happening: &Happening) -> bool {
    matches!(happening, Happening::Milestone(milestone) if matches!(
        milestone.kind,
        Kind::OfferMade | Kind::OfferAccepted | Kind::OfferDeclined | Kind::VoucherIssued | Kind::PayoutConfirmed
    ))
}

#[test]
fn a_case_that_takes_too_many_steps_asks_for_a_person() {
    let mut case = complaint();
    let mut left = 0;
    for n in 0..300 {
        let reaction = on_milestone(case, &milestone(Kind::VoucherIssued, &format!("vouchers/{n}"), &[]), NOW);
        left += reaction.commands.len();
        case = reaction.case;
    }
    assert_eq!(left, 254, "256 steps, two of them taken when the case was opened");
    assert!(case.attention.is_needed());
}
