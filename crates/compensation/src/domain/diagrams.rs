//! The state machines as Mermaid diagrams; the README shows what the machines do, or this test fails.

use super::approval::{ApprovalEvent, ApprovalState};
use super::experiment::state::{ExperimentEvent, ExperimentState};
use super::offer::{OfferEvent, OfferState};
use super::payout::{PayoutEvent, PayoutState};
use super::payout_settlement::{SettlementEvent, SettlementState};
use super::remedy::{Progress, RemedyEvent, RemedyState};
use super::voucher::{VoucherEvent, VoucherState};

/// A diagram of every change of state.
fn diagram(changes: impl IntoIterator<Item = (&'static str, Option<&'static str>, &'static str)>) -> String {
    let mut lines: Vec<String> = Vec::new();
    for (from, to, event) in changes {
        let Some(to) = to.filter(|to| *to != from) else { continue };
        let line = format!("    {from} --> {to}: {event}");
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    format!("```mermaid\nstateDiagram-v2\n{}\n```", lines.join("\n"))
}

fn remedies() -> String {
    let mut events = vec![
        (RemedyEvent::OfferDeclined, "declined"),
        (RemedyEvent::OfferCountered, "a fair ask is answered"),
        (RemedyEvent::OfferExpired, "nobody answered"),
        (RemedyEvent::Apologised, "the customer has our apology"),
        (RemedyEvent::ApologisedBefore, "the customer has our apology, the offer comes later"),
        (RemedyEvent::ApologyOverdue, "no apology in time, and the law does not wait"),
        (RemedyEvent::TimeCame, "its time has come"),
    ];
    events.push((RemedyEvent::OfferDefaulted(Progress::Open), "nobody answered, the law's money on its way"));
    events.push((RemedyEvent::OfferDefaulted(Progress::Unsure), "nobody answered, a payout needs a person"));
    events.push((RemedyEvent::OfferDefaulted(Progress::Given), "nobody answered, the law's demand is for people"));
    for (payouts, accepted, moved) in [
        (Progress::Given, "accepted, nothing to pay", "all paid"),
        (Progress::Refused, "accepted, a payout needs a person", "a payout needs a person"),
        (Progress::Open, "accepted, payouts on their way", "payouts on their way"),
        (Progress::Unsure, "accepted, a payout needs a person", "a payout needs a person"),
    ] {
        events.push((RemedyEvent::OfferMade(payouts), "another offer"));
        events.push((RemedyEvent::OfferAccepted(payouts), accepted));
        events.push((RemedyEvent::PayoutMoved(payouts), moved));
    }
    let mut changes = Vec::new();
    for from in RemedyState::ALL {
        let to = |event: RemedyEvent| from.on(event).ok().map(RemedyState::as_str);
        changes.extend(events.iter().map(|(event, name)| (from.as_str(), to(*event), *name)));
    }
    diagram(changes)
}

fn offers() -> String {
    let events = [
        (OfferEvent::Accept, "accept"),
        (OfferEvent::Decline, "decline"),
        (OfferEvent::Expire, "expire"),
        (OfferEvent::Approve, "approved"),
        (OfferEvent::Reject, "not approved"),
    ];
    diagram(OfferState::ALL.into_iter().flat_map(|from| {
        events.map(|(event, name)| (from.as_str(), from.on(event).ok().map(OfferState::as_str), name))
    }))
}

fn approvals() -> String {
    let events =
        [(ApprovalEvent::Approve, "approve"), (ApprovalEvent::Reject, "reject"), (ApprovalEvent::Expire, "expire")];
    diagram(ApprovalState::ALL.into_iter().flat_map(|from| {
        events.map(|(event, name)| (from.as_str(), from.on(event).ok().map(ApprovalState::as_str), name))
    }))
}

fn payouts() -> String {
    let events = [
        (PayoutEvent::Begin, "begin"),
        (PayoutEvent::Confirm, "paid"),
        (PayoutEvent::Decline, "refused"),
        (PayoutEvent::Lose, "no answer"),
        (PayoutEvent::GiveUp, "not to be found out"),
        (PayoutEvent::Void, "withdrawn"),
        (PayoutEvent::RuleOut, "two people rule it out"),
    ];
    diagram(PayoutState::ALL.into_iter().flat_map(|from| {
        events.map(|(event, name)| (from.as_str(), from.on(event).ok().map(PayoutState::as_str), name))
    }))
}

fn decisions() -> String {
    let events = [(SettlementEvent::Approve, "another person agrees"), (SettlementEvent::Reject, "rejected")];
    diagram(SettlementState::ALL.into_iter().flat_map(|from| {
        events.map(|(event, name)| (from.as_str(), from.on(event).ok().map(SettlementState::as_str), name))
    }))
}

fn vouchers() -> String {
    let events = [
        (VoucherEvent::RedeemPart, "a part is used"),
        (VoucherEvent::RedeemRest, "the rest is used"),
        (VoucherEvent::Expire, "expire"),
        (VoucherEvent::Void, "void"),
    ];
    diagram(VoucherState::ALL.into_iter().flat_map(|from| {
        events.map(|(event, name)| (from.as_str(), from.on(event).ok().map(VoucherState::as_str), name))
    }))
}

fn experiments() -> String {
    let events = [
        (ExperimentEvent::SampleReached, "the last look"),
        (ExperimentEvent::BenefitSeen, "a look beyond the boundary"),
        (ExperimentEvent::HarmSeen, "a look beyond the boundary of harm"),
        (ExperimentEvent::StoppedByPerson, "a person stops it"),
        (ExperimentEvent::TimePassed, "its days have passed"),
    ];
    diagram(ExperimentState::ALL.into_iter().flat_map(|from| {
        events.map(|(event, name)| (from.as_str(), from.on(event).ok().map(ExperimentState::as_str), name))
    }))
}

#[test]
fn the_readme_shows_the_machines_as_they_are() {
    let readme = include_str!("../../README.md");
    let lacking: Vec<_> = [remedies(), offers(), approvals(), vouchers(), payouts(), decisions(), experiments()]
        .into_iter()
        .filter(|diagram| !readme.contains(diagram))
        .collect();
    assert!(lacking.is_empty(), "the README lacks\n{}", lacking.join("\n"));
}
