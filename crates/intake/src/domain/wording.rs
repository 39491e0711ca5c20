//! The words that intake itself puts into work items, plans, messages and the story. Within the limits of the protos.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::case::{Case, Origin};
use super::event::{Fact, FailureEvent};
use super::milestone::{Kind, Milestone};

pub(super) const ACKNOWLEDGED: &str = "The customer has our apology.";
pub(super) const OWN_EVIDENCE: &str = "The operation's own evidence shows what went wrong.";
pub(super) const OFFER_WAITS: &str = "An offer waits for the customer's answer.";
pub(super) const OFFER_ANSWERED: &str = "The customer answered the offer.";
pub(super) const OFFER_UNANSWERED: &str = "Nobody answered the offer; the work goes on.";
pub(super) const SENIOR_OWNER: &str = "Somebody with more authority makes this right in person.";
pub(super) const NOT_RECOVERED: &str = "The customer says that it is still wrong after a second recovery";
pub(super) const TOO_MANY_STEPS: &str = "More happened than the recovery takes by itself";

/// `text`, cut to `max` characters.
pub(super) fn cut(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.to_owned();
    }
    text.chars().take(max - 1).chain(['…']).collect()
}

/// What the matter is called: `your flight UA1545`; at most 200 characters.
pub(super) fn topic(event: &FailureEvent) -> String {
    let thing = event.kind.split('.').next().unwrap_or_default().replace('_', " ");
    cut(format!("your {thing} {}", event.reference).trim_end(), 200)
}

pub(super) fn title(case: &Case) -> String {
    let what = format!("{} {}", case.event.kind, case.event.reference);
    let what = what.trim_end();
    cut(&if case.reopen_count > 0 { format!("It went wrong again: {what}") } else { format!("Recover: {what}") }, 512)
}

/// Everything that is known, so that nobody asks the customer again; at most 4,000 characters.
pub(super) fn handover(case: &Case) -> String {
    let mut text = String::new();
    if case.reopen_count > 0 {
        let _ = writeln!(text, "Double deviation: this is recovery number {}.", case.round());
    }
    let lines = [
        ("Expected", &case.expected),
        ("Delivered", &case.delivered),
        ("The customer would call fair", &case.requested_remedy),
        ("We found out", &case.finding),
    ];
    let _ = writeln!(text, "What happened: {} {} at {}", case.event.kind, case.event.reference, case.event.occurred_at);
    for (label, value) in lines {
        if !value.is_empty() {
            let _ = writeln!(text, "{label}: {}", cut(value, 800));
        }
    }
    for (key, fact) in &case.event.facts {
        let _ = match fact {
            Fact::Integer(number) => writeln!(text, "{key}: {number}"),
            Fact::Boolean(true) => writeln!(text, "{key}: yes"),
            Fact::Boolean(false) => writeln!(text, "{key}: no"),
            Fact::Text(words) => writeln!(text, "{key}: {words}"),
            Fact::Money(amount) => writeln!(text, "{key}: {amount}"),
            Fact::Time(time) => writeln!(text, "{key}: {time}"),
        };
    }
    cut(text.trim_end(), 4_000)
}

pub(super) fn opened(case: &Case) -> String {
    let what = format!("{} {}", case.event.kind, case.event.reference);
    match case.origin {
        Origin::Complaint => format!("The customer told us: {}", what.trim_end()),
        Origin::Disruption => format!("We know without a complaint: {}", what.trim_end()),
    }
}

/// What was done, for the work item; at most 2,000 characters.
pub(super) fn resolution(milestone: &Milestone) -> String {
    let said = [milestone.attribute("summary"), milestone.attribute("explanation"), &milestone.summary];
    let said = said.into_iter().find(|text| !text.trim().is_empty());
    cut(said.unwrap_or_else(|| self::milestone(milestone.kind)), 2_000)
}

pub(super) fn unreachable(milestone: &Milestone) -> String {
    because("The apology could not be delivered", milestone.attribute("reason"))
}

pub(super) fn offer_declined(milestone: &Milestone) -> String {
    because("The customer declined the offer", milestone.attribute("reason"))
}

pub(super) fn choice_owed(milestone: &Milestone) -> String {
    format!("Nobody answered, and the law leaves the choice to the customer: {}", milestone.attribute("choice_owed"))
}

pub(super) fn payout_stuck(milestone: &Milestone) -> String {
    because(&format!("The payout {} needs a person", milestone.about("payout")), milestone.attribute("reason"))
}

pub(super) fn timer_stuck(milestone: &Milestone) -> String {
    because(&format!("The timer of {} does not go through", milestone.subject), milestone.attribute("reason"))
}

pub(super) fn call_refused(method: &str, reason: &str) -> String {
    because(&format!("{method} was refused"), reason)
}

pub(super) fn call_parked(method: &str, reason: &str) -> String {
    because(&format!("{method} does not go through and waits for an operator"), reason)
}

pub(super) fn call_retried(method: &str) -> String {
    format!("An operator has {method} sent again.")
}

pub(super) fn call_discarded(method: &str) -> String {
    format!("An operator gave {method} up.")
}

pub(super) fn story_full(entries: i64) -> String {
    format!("The story has {entries} entries; from here on only what moves the recovery is written down")
}

fn because(what: &str, reason: &str) -> String {
    if reason.is_empty() { what.to_owned() } else { format!("{what}: {reason}") }
}

/// Values for a template: the topic and its own; blank ones are left out.
pub(super) fn values<const N: usize>(case: &Case, own: [(&str, &str); N]) -> BTreeMap<String, String> {
    let mut values = attributes(own);
    values.insert("topic".to_owned(), topic(&case.event));
    values.retain(|_, value| !value.trim().is_empty());
    values
}

pub(super) fn attributes<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), cut(value, 2_000))).collect()
}

/// What a milestone says when its reporter says nothing.
pub(super) fn milestone(kind: Kind) -> &'static str {
    match kind {
        Kind::WorkOpened => "A work item was opened and its clocks run.",
        Kind::WorkClaimed => "An agent took the work.",
        Kind::ProgressPosted => "The customer was given news.",
        Kind::ClockBreached => "A clock ran out.",
        Kind::WorkEscalated => "The work went to somebody with more authority.",
        Kind::WorkCompleted => "The work is done.",
        Kind::WorkNeedsAttention => "The timer of a clock does not go through.",
        Kind::NothingOwed => "Nothing is owed.",
        Kind::OfferMade => "An offer waits for the customer's answer.",
        Kind::OfferAccepted => "The customer accepted the offer.",
        Kind::OfferDeclined => "The customer declined the offer.",
        Kind::OfferExpired => "Nobody answered the offer in time.",
        Kind::VoucherIssued => "A voucher was issued.",
        Kind::PayoutConfirmed => "The money reached the customer.",
        Kind::PayoutNeedsAttention => "A payout needs a person.",
        Kind::RemedySettled => "Everything that was owed or accepted has been given.",
        Kind::MessageSent => "A message left for the customer.",
        Kind::MessageFailed => "A message could not be delivered.",
        Kind::PlanStarted => "The check-ins run.",
        Kind::SurveyAnswered => "The customer answered a survey.",
        Kind::Recovered => "The customer says that it is right again.",
        Kind::StillWrong => "The customer says that it is still wrong.",
        Kind::Lapsed => "Nobody answered any check-in.",
        Kind::PlanNeedsAttention => "The timer of the plan does not go through.",
    }
}
