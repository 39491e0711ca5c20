//! What agents and customers ask of a case, disruptions that run by themselves, and what needs a person.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::samples::{NOW, apology_sent, asked, case_in, complaint, milestone, silent};
use crate::domain::attention::Cause;
use crate::domain::case_state::State;
use crate::domain::command::{Ask, OutcomeResult};
use crate::domain::event::{Fact, Facts};
use crate::domain::milestone::Kind;
use crate::domain::recovery::{
    Unparked, on_finding, on_milestone, on_opened, on_parked_call, on_question, on_refused_call, on_reopen,
    on_requested_remedy, on_unparked_call,
};
use crate::domain::refusal::Refusal;

#[test]
fn a_disruption_runs_by_itself_until_the_customer_must_speak() {
    let opened = on_opened(crate::domain::case::Case { version: 0, steps: Default::default(), ..silent() }, NOW);
    assert_eq!(asked(&opened), ["apology", "unattended work"]);
    let acknowledged = on_milestone(silent(), &apology_sent(), NOW);
    assert_eq!(asked(&acknowledged), ["Acknowledgement", "remedy"]);
    assert_eq!(acknowledged.case.state, State::Understood);
    let story: Vec<_> = acknowledged.entries.iter().map(|entry| (&*entry.kind, entry.state)).collect();
    assert_eq!(story, [("MESSAGE_SENT", State::Acknowledged), ("FINDING_RECORDED", State::Understood)]);
    let again = [Kind::NothingOwed, Kind::PlanStarted, Kind::StillWrong]
        .into_iter()
        .fold(acknowledged.case, |case, kind| on_milestone(case, &milestone(kind, "s", &[]), NOW).case);
    assert_eq!((again.state, again.round()), (State::Reopened, 2));
    let second = on_milestone(again, &apology_sent(), NOW);
    assert_eq!(second.case.state, State::Acknowledged, "a double deviation waits for a person");
    assert_eq!(asked(&second), ["Acknowledgement"]);
}

#[test]
fn nothing_is_asked_or_found_out_before_the_acknowledgement() {
    for state in State::ALL {
        let case = case_in(*state);
        let early = matches!(state, State::Received | State::Reopened);
        let question =
            on_question(case.clone(), "Which bag?", Uuid::from_u128(1), NOW).map(|reaction| asked(&reaction));
        let finding = on_finding(case.clone(), "snow", &BTreeMap::new(), NOW).map(|reaction| reaction.case.state);
        if early {
            assert_eq!(question, Err(Refusal::AcknowledgeFirst), "{state:?}");
            assert_eq!(finding, Err(Refusal::AcknowledgeFirst), "{state:?}");
        } else {
            let expected = if state.is_final() { Err(Refusal::Final) } else { Ok(vec!["question".to_owned()]) };
            assert_eq!(question, expected, "{state:?}");
            assert_eq!(finding.is_ok(), *state == State::Acknowledged, "{state:?}");
        }
        assert_eq!(on_requested_remedy(case.clone(), "a refund", NOW).is_ok(), !state.is_final(), "{state:?}");
        assert_eq!(on_reopen(case, "it broke again", NOW).is_ok(), state.is_final(), "{state:?}");
    }
}

#[test]
fn a_finding_adds_its_facts_and_never_too_many() {
    let facts: Facts = [("bags".to_owned(), Fact::Integer(2))].into();
    let found = on_finding(case_in(State::Acknowledged), "the belt broke", &facts, NOW).expect("acknowledged");
    assert_eq!((found.case.finding.as_str(), &found.case.event.facts), ("the belt broke", &facts));
    assert_eq!(asked(&found), ["remedy"]);
    let many: Facts = (0..65).map(|n| (format!("fact_{n}"), Fact::Boolean(true))).collect();
    assert_eq!(on_finding(case_in(State::Acknowledged), "x", &many, NOW), Err(Refusal::TooManyFacts));
}

#[test]
fn what_happens_to_things_of_an_earlier_round_moves_nothing() {
    let first = case_in(State::Understood);
    let second = case_in(State::Reopened);
    let old_work = format!("workItems/{}", first.work_item().expect("opened"));
    let old_plan = format!("plans/{}", case_in(State::FollowingUp).plan().expect("started"));
    let echo = milestone(Kind::ProgressPosted, &old_work, &[("kind", "ACKNOWLEDGEMENT")]);
    let reaction = on_milestone(second.clone(), &echo, NOW);
    assert_eq!((reaction.case.state, reaction.entries.len()), (State::Reopened, 1));
    let new_work = format!("workItems/{}", second.work_item().expect("opened again"));
    let by_agent = milestone(Kind::ProgressPosted, &new_work, &[("kind", "ACKNOWLEDGEMENT")]);
    assert_eq!(on_milestone(second, &by_agent, NOW).case.state, State::Acknowledged);
    let remedied = {
        let acknowledged = on_milestone(case_in(State::Reopened), &apology_sent(), NOW).case;
        let understood = on_finding(acknowledged, "ice", &BTreeMap::new(), NOW).expect("acknowledged").case;
        on_milestone(understood, &milestone(Kind::NothingOwed, "s", &[]), NOW).case
    };
    let late = on_milestone(remedied, &milestone(Kind::Lapsed, &old_plan, &[]), NOW);
    assert_eq!(late.case.state, State::Remedied);
}

#[test]
fn a_reason_stays_until_it_is_settled() {
    let failed =
        milestone(Kind::MessageFailed, "messages/1", &[("template", "apology"), ("reason", "NO_CONTACT_POINT")]);
    let unreachable = on_milestone(complaint(), &failed, NOW).case;
    assert_eq!(unreachable.attention.text(), "The apology could not be delivered: NO_CONTACT_POINT");
    let told = milestone(Kind::ProgressPosted, "workItems/1", &[("kind", "ACKNOWLEDGEMENT")]);
    assert!(!on_milestone(unreachable, &told, NOW).case.attention.is_needed());

    let refused = on_refused_call(case_in(State::Understood), "x.Y/Z", "1", "REMEDY_EXISTS", "taken", NOW);
    assert_eq!(refused.case.attention.text(), "x.Y/Z was refused: REMEDY_EXISTS");
    assert_eq!(refused.entries[0].kind, "CALL_REFUSED");

    let parked = on_parked_call(case_in(State::Understood), "x.Y/Z", "1", "DATA_LOSS", NOW);
    assert_eq!(
        (parked.case.attention.text().as_str(), parked.entries[0].kind.as_ref()),
        ("x.Y/Z does not go through and waits for an operator: DATA_LOSS", "CALL_PARKED")
    );
    let mut taken_over = parked.case.clone();
    taken_over.attention.taken_over();
    assert!(taken_over.attention.is_needed(), "no person at the case can mend that");
    assert_eq!(on_unparked_call(parked.case.clone(), "x.Y/Z", "2", Unparked::Retried, NOW), None, "another call");
    for (how, kind) in [(Unparked::Retried, "CALL_RETRIED"), (Unparked::Discarded, "CALL_DISCARDED")] {
        let ended = on_unparked_call(parked.case.clone(), "x.Y/Z", "1", how, NOW).expect("the case knows of it");
        assert_eq!((ended.case.attention.is_needed(), ended.entries[0].kind.as_ref()), (false, kind));
    }

    let stuck = milestone(Kind::PayoutNeedsAttention, "payouts/1", &[("reason", "UNKNOWN")]);
    let both = on_milestone(refused.case, &stuck, NOW).case;
    let settled = on_milestone(both, &milestone(Kind::RemedySettled, "s", &[]), NOW).case;
    assert_eq!(
        settled.attention.text(),
        "x.Y/Z was refused: REMEDY_EXISTS",
        "the payout is settled, the refusal is not"
    );
}

#[test]
fn a_choice_that_the_law_leaves_to_the_customer_is_not_made_good_by_silence() {
    let owed = [("offer", "offers/1"), ("choice_owed", "refund, reroute")];
    let case = on_milestone(case_in(State::Understood), &milestone(Kind::OfferExpired, "offers/1", &owed), NOW).case;
    assert_eq!(case.state, State::Understood, "nothing was remedied");
    let text = "Nobody answered, and the law leaves the choice to the customer: refund, reroute";
    assert_eq!(case.attention.text(), text);
    let again = on_milestone(case, &milestone(Kind::OfferMade, "offers/2", &[("offer", "offers/2")]), NOW);
    assert!(!again.case.attention.is_needed());
    let other = milestone(Kind::OfferExpired, "offers/2", &[("offer", "offers/2")]);
    assert_eq!(
        on_milestone(again.case, &other, NOW).case.state,
        State::Remedied,
        "of other offers silence is an answer"
    );
}

#[test]
fn somebody_with_authority_gets_the_work_once_a_round() {
    let save = |kind, number: &str| {
        let subject = format!("offers/{number}");
        milestone(kind, &subject, &[("offer", &subject), ("senior_owner", "The case came back")])
    };
    let first = on_milestone(case_in(State::Understood), &save(Kind::OfferMade, "1"), NOW);
    assert_eq!(asked(&first), ["EscalateWork", "offer", "WaitingForCustomer"]);
    let again = on_milestone(first.case, &save(Kind::OfferMade, "2"), NOW);
    assert_eq!(asked(&again), ["offer", "WaitingForCustomer"]);
    // Before the work is done, and never after it.
    let settled = on_milestone(case_in(State::Understood), &save(Kind::RemedySettled, "1"), NOW);
    assert_eq!(asked(&settled)[..2], ["EscalateWork", "complete"]);
    let late = on_milestone(case_in(State::Remedied), &save(Kind::OfferMade, "3"), NOW);
    assert_eq!(asked(&late), ["offer"]);
}

#[test]
fn an_agent_s_second_offer_settles_the_declined_one() {
    let declined = milestone(Kind::OfferDeclined, "offers/1", &[("offer", "offers/1"), ("reason", "too little")]);
    let case = on_milestone(case_in(State::Understood), &declined, NOW).case;
    assert_eq!(case.attention.text(), "The customer declined the offer: too little");
    let offer = milestone(Kind::OfferMade, "offers/2", &[("offer", "offers/2")]);
    let first = on_milestone(case, &offer, NOW);
    assert!(!first.case.attention.is_needed());
    assert_eq!(asked(&first), ["offer", "WaitingForCustomer"]);
    assert_eq!(asked(&on_milestone(first.case, &offer, NOW)), [""; 0], "the same offer is told once");
}

#[test]
fn scores_outside_of_the_scale_are_not_scores() {
    for (text, score) in [("7", Some(7)), ("0", Some(0)), ("11", None), ("-1", None), ("good", None), ("", None)] {
        let answer = milestone(Kind::SurveyAnswered, "surveys/1", &[("score", text)]);
        assert_eq!(on_milestone(complaint(), &answer, NOW).case.last_score, score, "{text}");
    }
}

#[test]
fn what_came_of_a_round_is_told_once_and_only_when_it_had_a_remedy() {
    let reopened = on_reopen(case_in(State::Recovered), "it broke again", NOW).expect("it was final");
    assert_eq!(asked(&reopened), ["outcome reopened", "apology", "work"]);
    let before_a_remedy = on_reopen(reopened.case, "once more", NOW);
    assert!(before_a_remedy.is_err(), "it is not final");
    let answer = milestone(Kind::Recovered, "s", &[("score", "9"), ("delta", "4")]);
    let recovered = on_milestone(case_in(State::Lapsed), &answer, NOW);
    let told = |ask: &Ask| match ask {
        Ask::RecordOutcome { result, score, delta } => Some((*result, *score, *delta)),
        _ => None,
    };
    let outcomes: Vec<_> = recovered.commands.iter().filter_map(|command| told(&command.ask)).collect();
    assert_eq!(outcomes, [(OutcomeResult::Recovered, Some(9), Some(4))]);
    assert_eq!(asked(&on_milestone(recovered.case, &answer, NOW)), [""; 0], "it is told once");
    let without = crate::domain::case::Case { steps: Default::default(), ..case_in(State::FollowingUp) };
    assert_eq!(asked(&on_milestone(without, &answer, NOW)), [""; 0], "there was no remedy");
}

#[test]
fn a_timer_of_a_service_that_is_parked_needs_a_person_until_an_operator_has_dealt_with_it() {
    let case = case_in(State::Understood);
    let work = format!("workItems/{}", case.work_item().expect("opened"));
    let told = |call: &str, reason: &str| {
        milestone(Kind::WorkNeedsAttention, &work, &[("clock", "RESOLVE"), ("call", call), ("reason", reason)])
    };
    let parked = on_milestone(case, &told("1", "CALL_PARKED"), NOW).case;
    assert_eq!(parked.attention.text(), format!("The timer of {work} does not go through: CALL_PARKED"));
    let two = on_milestone(parked, &told("2", "CALL_PARKED"), NOW).case;
    let one = on_milestone(two, &told("1", "CALL_RETRIED"), NOW).case;
    assert!(one.attention.is_needed(), "the other one still waits");
    assert!(!on_milestone(one.clone(), &told("2", "CALL_DISCARDED"), NOW).case.attention.is_needed());

    let mut later = one;
    later.reopen_count += 1;
    let echo = on_milestone(later.clone(), &told("3", "CALL_PARKED"), NOW).case;
    assert!(!echo.attention.is_raised(Cause::CallParked, "3"), "work of an earlier round");
    let settled = on_milestone(later, &told("2", "CALL_RETRIED"), NOW).case;
    assert!(!settled.attention.is_needed(), "what was raised before is settled all the same");
}
