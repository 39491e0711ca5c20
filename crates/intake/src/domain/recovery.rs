//! The recovery workflow, whole: what the case does when it is opened, when another service reports a milestone, when
//! an agent or the customer asks something of it, and when a service refuses a command.
//!
//! Always holds: every milestone is written into the story, and one that no transition waits for changes nothing else;
//! no command leaves twice (see [`super::steps`]); what happens to a work item, remedy or plan of an earlier round no
//! longer moves the case.

use std::collections::BTreeMap;

use kernel::Timestamp;
use uuid::Uuid;

use super::attention::Cause;
use super::case::Case;
use super::case_state::State;
use super::command::{Ask, Command, OutcomeResult, Progress, Template};
use super::entry::kind;
use super::event::Facts;
use super::milestone::{Kind, Milestone};
use super::reaction::Reaction;
use super::refusal::Refusal;
use super::steps::Step;
use super::wording;

/// A case was made: we apologise first, and somebody gets the work.
pub fn on_opened(case: Case, now: Timestamp) -> Reaction {
    let mut reaction = Reaction::of(case, now);
    let summary = wording::opened(&reaction.case);
    reaction.note(kind::CASE_OPENED, &summary, BTreeMap::new());
    start_round(&mut reaction);
    reaction
}

/// Another service says what happened.
pub fn on_milestone(case: Case, milestone: &Milestone, now: Timestamp) -> Reaction {
    let mut reaction = Reaction::of(case, now);
    let r = &mut reaction;
    if let (Kind::SurveyAnswered | Kind::Recovered | Kind::StillWrong, Some(score)) =
        (milestone.kind, milestone.score())
    {
        r.case.last_score = Some(score);
    }
    if r.case.is_of_earlier_round(&milestone.subject) {
        r.record(milestone);
        settle_timer(r, milestone);
        return reaction;
    }
    if !milestone.attribute("senior_owner").is_empty() {
        senior_owner(r);
    }
    match milestone.kind {
        Kind::MessageSent if milestone.attribute("template") == Template::Apology.as_str() => {
            acknowledged(r, milestone, RoutingKnows::No);
        }
        Kind::ProgressPosted if milestone.attribute("kind") == "ACKNOWLEDGEMENT" => {
            acknowledged(r, milestone, RoutingKnows::Yes);
        }
        Kind::MessageFailed => message_failed(r, milestone),
        Kind::OfferMade => offer_made(r, milestone),
        Kind::OfferAccepted => offer_answered(r, milestone),
        Kind::OfferDeclined => {
            offer_answered(r, milestone);
            r.case.attention.raise(Cause::OfferDeclined, &milestone.subject, wording::offer_declined(milestone));
        }
        Kind::VoucherIssued => voucher_issued(r, milestone),
        Kind::PayoutConfirmed => payout_confirmed(r, milestone),
        Kind::PayoutNeedsAttention => {
            r.record(milestone);
            let text = wording::payout_stuck(milestone);
            r.case.attention.raise(Cause::PayoutStuck, milestone.about("payout"), text);
        }
        Kind::RemedySettled => {
            r.case.attention.settle(Cause::OfferDeclined);
            r.case.attention.settle(Cause::PayoutStuck);
            remedied(r, milestone);
        }
        Kind::OfferExpired if !milestone.attribute("choice_owed").is_empty() => choice_owed(r, milestone),
        Kind::NothingOwed | Kind::OfferExpired => remedied(r, milestone),
        Kind::PlanStarted => {
            moved(r, milestone, State::follow_up);
        }
        Kind::Recovered => {
            if moved(r, milestone, State::recover) {
                outcome(r, OutcomeResult::Recovered, Some(milestone));
            }
        }
        Kind::Lapsed => {
            if moved(r, milestone, State::lapse) {
                outcome(r, OutcomeResult::Lapsed, Some(milestone));
            }
        }
        Kind::StillWrong => still_wrong(r, milestone),
        Kind::WorkNeedsAttention | Kind::PlanNeedsAttention => timer_stuck(r, milestone),
        Kind::MessageSent
        | Kind::ProgressPosted
        | Kind::WorkOpened
        | Kind::WorkClaimed
        | Kind::ClockBreached
        | Kind::WorkEscalated
        | Kind::WorkCompleted
        | Kind::SurveyAnswered => r.record(milestone),
    }
    reaction
}

/// An agent asks the customer something.
///
/// # Errors
/// Before the acknowledgement (row S34), and on a final case.
pub fn on_question(case: Case, question: &str, message_id: Uuid, now: Timestamp) -> Result<Reaction, Refusal> {
    if !case.state.is_acknowledged() {
        return Err(Refusal::AcknowledgeFirst);
    }
    if case.state.is_final() {
        return Err(Refusal::Final);
    }
    let mut reaction = Reaction::of(case, now);
    reaction.note(kind::QUESTION_ASKED, question, BTreeMap::new());
    let values = wording::values(&reaction.case, [("question", question)]);
    reaction.commands.push(Command { message_id, ask: Ask::SendMessage { template: Template::Question, values } });
    Ok(reaction)
}

/// An agent found out what went wrong.
///
/// # Errors
/// Before the acknowledgement (row S34), once the remedy is under way, and when the facts become too many.
pub fn on_finding(case: Case, finding: &str, facts: &Facts, now: Timestamp) -> Result<Reaction, Refusal> {
    if !case.state.is_acknowledged() {
        return Err(Refusal::AcknowledgeFirst);
    }
    if case.state.understand().is_none() {
        return Err(Refusal::WrongState {
            state: case.state,
            needed: "a finding is recorded while it is ACKNOWLEDGED",
        });
    }
    let event = case.event.with_facts(facts).ok_or(Refusal::TooManyFacts)?;
    let mut reaction = Reaction::of(Case { event, ..case }, now);
    understood(&mut reaction, finding);
    Ok(reaction)
}

/// The customer says what would be fair.
///
/// # Errors
/// On a final case.
pub fn on_requested_remedy(case: Case, wish: &str, now: Timestamp) -> Result<Reaction, Refusal> {
    if case.state.is_final() {
        return Err(Refusal::Final);
    }
    let mut reaction = Reaction::of(case, now);
    wish.clone_into(&mut reaction.case.requested_remedy);
    reaction.note(kind::REMEDY_REQUESTED, wish, BTreeMap::new());
    Ok(reaction)
}

/// The customer came back after the end.
///
/// # Errors
/// While the case is not final.
pub fn on_reopen(case: Case, reason: &str, now: Timestamp) -> Result<Reaction, Refusal> {
    let Some(next) = case.state.reopen() else {
        return Err(Refusal::WrongState { state: case.state, needed: "only a final case is reopened" });
    };
    let mut reaction = Reaction::of(case, now);
    outcome(&mut reaction, OutcomeResult::Reopened, None);
    reopen(&mut reaction, next);
    reaction.note(kind::CASE_REOPENED, reason, BTreeMap::new());
    start_round(&mut reaction);
    Ok(reaction)
}

/// A service refused a command for good.
pub fn on_refused_call(case: Case, method: &str, call: &str, reason: &str, message: &str, now: Timestamp) -> Reaction {
    let mut reaction = Reaction::of(case, now);
    reaction.case.attention.raise(Cause::CallRefused, call, wording::call_refused(method, reason));
    let attributes = [("method", method), ("reason", reason), ("message", message)];
    reaction.note(kind::CALL_REFUSED, &wording::call_refused(method, reason), wording::attributes(attributes));
    reaction
}

/// What a service is asked does not go through, and waits for an operator.
pub fn on_parked_call(case: Case, method: &str, call: &str, reason: &str, now: Timestamp) -> Reaction {
    let mut reaction = Reaction::of(case, now);
    let text = wording::call_parked(method, reason);
    reaction.note(kind::CALL_PARKED, &text, wording::attributes([("method", method), ("reason", reason)]));
    reaction.case.attention.raise(Cause::CallParked, call, text);
    reaction
}

/// How an operator ended the parking of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unparked {
    /// It is sent again.
    Retried,
    /// It was given up.
    Discarded,
}

/// An operator has dealt with a call that did not go through; `None` when the case did not know of it.
pub fn on_unparked_call(case: Case, method: &str, call: &str, how: Unparked, now: Timestamp) -> Option<Reaction> {
    if !case.attention.is_raised(Cause::CallParked, call) {
        return None;
    }
    let mut reaction = Reaction::of(case, now);
    reaction.case.attention.settle_about(Cause::CallParked, call);
    let (kind, text) = match how {
        Unparked::Retried => (kind::CALL_RETRIED, wording::call_retried(method)),
        Unparked::Discarded => (kind::CALL_DISCARDED, wording::call_discarded(method)),
    };
    reaction.note(kind, &text, wording::attributes([("method", method)]));
    Some(reaction)
}

/// Every round starts with an apology to the customer and a work item for somebody.
fn start_round(r: &mut Reaction) {
    let again = if r.case.reopen_count > 0 { "true" } else { "" };
    let apology =
        Ask::SendMessage { template: Template::Apology, values: wording::values(&r.case, [("again", again)]) };
    let work = Ask::OpenWork {
        title: wording::title(&r.case),
        handover: wording::handover(&r.case),
        unattended: r.case.runs_by_itself(),
    };
    r.take(Step::Apology, apology);
    r.take(Step::Work, work);
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum RoutingKnows {
    Yes,
    No,
}

/// The customer has heard from us.
fn acknowledged(r: &mut Reaction, milestone: &Milestone, routing_knows: RoutingKnows) {
    let first = r.advance(r.case.state.acknowledge());
    r.record(milestone);
    if !first {
        return;
    }
    r.case.attention.settle(Cause::Unreachable);
    if routing_knows == RoutingKnows::No {
        progress(r, Step::Acknowledgement, Progress::Acknowledgement, wording::ACKNOWLEDGED);
    }
    if r.case.runs_by_itself() {
        understood(r, wording::OWN_EVIDENCE);
    }
}

/// We know what went wrong: what is owed is worked out.
fn understood(r: &mut Reaction, finding: &str) {
    r.advance(r.case.state.understand());
    finding.clone_into(&mut r.case.finding);
    r.note(kind::FINDING_RECORDED, finding, BTreeMap::new());
    r.take(Step::Remedy, Ask::OpenRemedy);
}

/// A customer whom the apology cannot reach needs a person; other messages are follow-up's own concern.
fn message_failed(r: &mut Reaction, milestone: &Milestone) {
    r.record(milestone);
    let apology = Step::Apology.message_id(r.case.id, r.case.round());
    let is_apology = milestone.attribute("template") == Template::Apology.as_str()
        || milestone.subject == format!("messages/{apology}");
    if is_apology && !r.case.state.is_acknowledged() {
        r.case.attention.raise(Cause::Unreachable, "", wording::unreachable(milestone));
    }
}

fn offer_made(r: &mut Reaction, milestone: &Milestone) {
    r.record(milestone);
    r.case.attention.settle(Cause::OfferDeclined);
    let offer = milestone.about("offer").to_owned();
    let summary = milestone.attribute("summary");
    let expires_at = milestone.attribute("expires_at");
    let values = wording::values(&r.case, [("summary", summary), ("offer", &offer), ("expires_at", expires_at)]);
    r.take(Step::OfferMessage(offer.clone()), Ask::SendMessage { template: Template::Offer, values });
    progress(r, Step::OfferWaits(offer), Progress::WaitingForCustomer, wording::OFFER_WAITS);
}

fn offer_answered(r: &mut Reaction, milestone: &Milestone) {
    r.record(milestone);
    r.case.attention.settle(Cause::OfferDeclined);
    let offer = milestone.about("offer").to_owned();
    progress(r, Step::OfferAnswered(offer), Progress::CustomerAnswered, wording::OFFER_ANSWERED);
}

/// Nobody answered, and the law leaves the choice to the customer: nothing is made good by silence, so a person asks.
fn choice_owed(r: &mut Reaction, milestone: &Milestone) {
    r.record(milestone);
    let offer = milestone.about("offer").to_owned();
    progress(r, Step::OfferAnswered(offer), Progress::CustomerAnswered, wording::OFFER_UNANSWERED);
    r.case.attention.raise(Cause::OfferDeclined, &milestone.subject, wording::choice_owed(milestone));
}

fn voucher_issued(r: &mut Reaction, milestone: &Milestone) {
    r.record(milestone);
    let fields = ["code", "description", "expires_at", "kind", "amount", "percent"];
    let values = wording::values(&r.case, fields.map(|field| (field, milestone.attribute(field))));
    let step = Step::VoucherMessage(milestone.about("voucher").to_owned());
    r.take(step, Ask::SendMessage { template: Template::Voucher, values });
}

fn payout_confirmed(r: &mut Reaction, milestone: &Milestone) {
    r.record(milestone);
    let payout = milestone.about("payout").to_owned();
    r.case.attention.settle_about(Cause::PayoutStuck, &payout);
    let values = wording::values(&r.case, [("amount", milestone.attribute("amount"))]);
    r.take(Step::PayoutMessage(payout), Ask::SendMessage { template: Template::Payout, values });
}

/// Nothing is left to give: the work is done, and we ask whether it is right again.
fn remedied(r: &mut Reaction, milestone: &Milestone) {
    let first = r.advance(r.case.state.remedy());
    r.record(milestone);
    if !first {
        return;
    }
    if let Some(work_item) = r.case.work_item() {
        let resolution = wording::resolution(milestone);
        r.take(Step::CompleteWork, Ask::CompleteWork { work_item, resolution });
    }
    r.take(Step::Plan, Ask::StartPlan { topic: wording::topic(&r.case.event) });
}

/// A service's timer waits for an operator, or an operator has dealt with it.
fn timer_stuck(r: &mut Reaction, milestone: &Milestone) {
    r.record(milestone);
    if !settle_timer(r, milestone) {
        r.case.attention.raise(Cause::CallParked, milestone.about("call"), wording::timer_stuck(milestone));
    }
}

/// Settles what an operator has dealt with, in whatever round it was parked; says whether that is what the milestone says.
fn settle_timer(r: &mut Reaction, milestone: &Milestone) -> bool {
    let is_about_timer = matches!(milestone.kind, Kind::WorkNeedsAttention | Kind::PlanNeedsAttention);
    let is_dealt_with = matches!(milestone.attribute("reason"), "CALL_RETRIED" | "CALL_DISCARDED");
    if is_about_timer && is_dealt_with {
        r.case.attention.settle_about(Cause::CallParked, milestone.about("call"));
    }
    is_about_timer && is_dealt_with
}

fn moved(r: &mut Reaction, milestone: &Milestone, verb: fn(State) -> Option<State>) -> bool {
    let moved = r.advance(verb(r.case.state));
    r.record(milestone);
    moved
}

/// Tells compensation what came of the round, if it had a remedy: experiments count it.
fn outcome(r: &mut Reaction, result: OutcomeResult, milestone: Option<&Milestone>) {
    if r.case.remedy().is_some() {
        let (score, delta) = (milestone.and_then(Milestone::score), milestone.and_then(Milestone::delta));
        r.take(Step::Outcome(result), Ask::RecordOutcome { result, score, delta });
    }
}

/// The first time it is a double deviation and the story starts over; the second time a person must decide.
fn still_wrong(r: &mut Reaction, milestone: &Milestone) {
    match r.case.state.still_wrong(r.case.round()) {
        Some(State::Reopened) => {
            outcome(r, OutcomeResult::Reopened, Some(milestone));
            reopen(r, State::Reopened);
            r.record(milestone);
            start_round(r);
        }
        Some(ended) => {
            r.advance(Some(ended));
            r.record(milestone);
            outcome(r, OutcomeResult::NotRecovered, Some(milestone));
            r.case.attention.raise(Cause::NotRecovered, "", wording::NOT_RECOVERED.to_owned());
        }
        None => r.record(milestone),
    }
}

/// A new round brings a person.
fn reopen(r: &mut Reaction, next: State) {
    r.advance(Some(next));
    r.case.reopen_count += 1;
    r.case.attention.taken_over();
}

/// Compensation says that the customer is about to be lost for good: the work goes to somebody with authority, once a
/// round.
fn senior_owner(r: &mut Reaction) {
    let done = r.case.steps.taken(&Step::CompleteWork, r.case.round());
    if let (Some(work_item), false) = (r.case.work_item(), done) {
        let reason = wording::SENIOR_OWNER.to_owned();
        r.take(Step::SeniorOwner, Ask::EscalateWork { work_item, reason });
    }
}

/// Tells routing about the round's work item while it is open.
fn progress(r: &mut Reaction, step: Step, progress: Progress, text: &str) {
    let done = r.case.steps.taken(&Step::CompleteWork, r.case.round());
    if let (Some(work_item), false) = (r.case.work_item(), done) {
        r.take(step, Ask::PostProgress { work_item, progress, text: text.to_owned() });
    }
}
