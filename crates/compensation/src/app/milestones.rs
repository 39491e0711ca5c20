//! What the milestone sinks are told, in the order of the case.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::extension::milestone::Kind;
use api::extension::{Milestone, ReportMilestonesRequest};
use api::method::milestone_sink::REPORT_MILESTONES;
use chassis::wire::to_timestamp;
use durable::{OutboundCall, Tx};
use kernel::{PayoutId, RequestContext, ResourceId, message_id_for_step};
use uuid::Uuid;

use crate::domain::assessment::offer_summary;
use crate::domain::grant::{Voucher, Worth};
use crate::domain::history::History;
use crate::domain::line::RemedyLine;
use crate::domain::offer::OfferState;
use crate::domain::payout_step::Payout;
use crate::domain::records::{Offer, Remedy};
use crate::domain::settlement::Discrepancy;

/// Longest summary and longest value of an attribute, in characters.
const MAX_TEXT: usize = 512;

/// Reason of a payout whose next step waits for an operator.
const CALL_PARKED: &str = "CALL_PARKED";

/// The sinks. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Milestones {
    sinks: Arc<[String]>,
}

impl Milestones {
    /// For these targets.
    pub(super) fn new(sinks: &[String]) -> Self {
        Self { sinks: sinks.into() }
    }

    /// Nothing is owed.
    pub(super) fn nothing_owed(&self, tx: &Tx, context: &RequestContext, remedy: &Remedy) {
        let explanation = remedy.assessment.summary.clone();
        let attributes = [("explanation", explanation.clone())];
        self.of_remedy(tx, context, remedy, Kind::NothingOwed, &explanation, attributes);
    }

    /// Everything that was owed or accepted has been given; `now`: by an offer that ends just now.
    pub(super) fn settled(
        &self,
        tx: &Tx,
        context: &RequestContext,
        remedy: &Remedy,
        history: &History,
        now: &[RemedyLine],
    ) {
        let summary = remedy.settlement(history, now);
        self.of_remedy(tx, context, remedy, Kind::RemedySettled, &summary, [("summary", summary.clone())]);
    }

    /// An offer waits for an answer.
    pub(super) fn offer_made(&self, tx: &Tx, context: &RequestContext, remedy: &Remedy, offer: &Offer) {
        let text = offer_summary(&offer.options, &offer.plus);
        let said = format!("Offer made, open until {}: {}", offer.expires_at.to_the_second(), text.replace('\n', "; "));
        let attributes = [("summary", text), ("expires_at", offer.expires_at.to_string())];
        self.of_offer(tx, context, offer, Kind::OfferMade, &said, attributes.into_iter().chain(senior_owner(remedy)));
    }

    /// An offer was answered, or nobody answered it.
    pub(super) fn offer_ended(&self, tx: &Tx, context: &RequestContext, offer: &Offer) {
        match offer.state {
            OfferState::Accepted => {
                let chosen = offer.options.iter().find(|option| option.id == offer.accepted_option);
                let said =
                    chosen.map_or_else(String::new, |option| format!("The customer chose: {}", option.description));
                let why = Some(("explanation", offer.explanation.clone())).filter(|(_, why)| !why.is_empty());
                let attributes = [("option", offer.accepted_option.clone())].into_iter().chain(why);
                self.of_offer(tx, context, offer, Kind::OfferAccepted, &said, attributes);
            }
            OfferState::Declined => {
                let mut attributes = vec![("reason", offer.decline_reason.clone())];
                if !offer.fair_ask.is_empty() {
                    attributes.push(("fair_ask", offer.fair_ask.clone()));
                }
                if let Some(amount) = offer.fair_amount {
                    attributes.push(("fair_ask_amount", amount.to_string()));
                }
                if let Some(answer) = offer.counter_offer {
                    attributes.push(("counter_offer", answer.to_string()));
                }
                if !offer.explanation.is_empty() {
                    attributes.push(("explanation", offer.explanation.clone()));
                }
                let said = format!("The customer declined the offer: {}", offer.decline_reason);
                self.of_offer(tx, context, offer, Kind::OfferDeclined, said.trim_end_matches([':', ' ']), attributes);
            }
            // The customer knows of an offer once it is open; whose time has passed has another report.
            OfferState::Expired | OfferState::Open | OfferState::PendingApproval | OfferState::Rejected => {}
        }
    }

    /// Nobody answered an offer. `choice_owed`: the law leaves the choice to the customer, so that a person has to ask.
    pub(super) fn offer_expired(&self, tx: &Tx, context: &RequestContext, offer: &Offer, choice_owed: bool) {
        let mut attributes = Vec::new();
        if !offer.explanation.is_empty() {
            attributes.push(("explanation", offer.explanation.clone()));
        }
        if choice_owed {
            let options: Vec<_> = offer.options.iter().map(|option| option.id.as_str()).collect();
            attributes.push(("choice_owed", options.join(", ")));
        }
        let said = "Nobody answered the offer in time";
        self.of_offer(tx, context, offer, Kind::OfferExpired, said, attributes);
    }

    /// A voucher was issued.
    pub(super) fn voucher_issued(&self, tx: &Tx, context: &RequestContext, voucher: &Voucher) {
        let (kind, worth) = match voucher.worth {
            Worth::Amount(amount) => ("VOUCHER", ("amount", amount.to_string())),
            Worth::Percent(percent) => ("DISCOUNT", ("percent", percent.to_string())),
        };
        let shown = if worth.0 == "percent" { format!("{} %", worth.1) } else { worth.1.clone() };
        let said = format!("Voucher issued: {} ({shown})", voucher.description);
        let attributes = [
            ("voucher", voucher.id.to_string()),
            ("kind", kind.to_owned()),
            worth,
            ("code", voucher.code.clone()),
            ("description", voucher.description.clone()),
        ];
        let expiry = voucher.expiry().map(|at| ("expires_at", at.to_string()));
        let attributes = attributes.into_iter().chain(expiry);
        let milestone = milestone(tx, Kind::VoucherIssued, voucher.case.to_string(), voucher.id, &said, attributes);
        self.report(tx, context, &milestone, voucher.id, 1);
    }

    /// Money reached the customer.
    pub(super) fn payout_confirmed(&self, tx: &Tx, context: &RequestContext, payout: &Payout) {
        let said = format!("Paid: {}", payout.amount);
        let attributes = [("payout", payout.id.to_string()), ("amount", payout.amount.to_string())];
        let milestone = milestone(tx, Kind::PayoutConfirmed, payout.case.to_string(), payout.id, &said, attributes);
        self.report(tx, context, &milestone, payout.id, 1);
    }

    /// A payout needs a person. `step` tells two occasions of one payout apart.
    pub(super) fn payout_needs_attention(
        &self,
        tx: &Tx,
        context: &RequestContext,
        payout: &Payout,
        reason: &str,
        step: u32,
    ) {
        let said = format!("The payout of {} needs a person: {reason}", payout.amount);
        let attributes = [("payout", payout.id.to_string()), ("reason", reason.to_owned())];
        let kind = Kind::PayoutNeedsAttention;
        let milestone = milestone(tx, kind, payout.case.to_string(), payout.id, &said, attributes);
        self.report(tx, context, &milestone, payout.id, step);
    }

    /// The call that takes a payout on waits for an operator. `(call, attempts)` tells two occasions apart.
    pub(super) fn payout_call_parked(
        &self,
        tx: &Tx,
        context: &RequestContext,
        payout: &Payout,
        (call, attempts): (Uuid, u32),
    ) {
        let said = format!("The payout of {} needs a person: its next step does not go through", payout.amount);
        let attributes = [("payout", payout.id.to_string()), ("reason", CALL_PARKED.to_owned())];
        let kind = Kind::PayoutNeedsAttention;
        let milestone = milestone(tx, kind, payout.case.to_string(), payout.id, &said, attributes);
        self.report(tx, context, &milestone, PayoutId::from(call), attempts);
    }

    /// The provider's books and ours differ about a payout.
    pub(super) fn discrepancy(&self, tx: &Tx, context: &RequestContext, payout: &Payout, found: &Discrepancy) {
        let said = format!("The payout of {} needs a person: {}", payout.amount, found.explanation);
        let attributes = [
            ("payout", payout.id.to_string()),
            ("reason", found.explanation.clone()),
            ("discrepancy", found.id.to_string()),
        ];
        let kind = Kind::PayoutNeedsAttention;
        let milestone = milestone(tx, kind, payout.case.to_string(), payout.id, &said, attributes);
        self.report(tx, context, &milestone, found.id, 1);
    }

    fn of_remedy<const N: usize>(
        &self,
        tx: &Tx,
        context: &RequestContext,
        remedy: &Remedy,
        kind: Kind,
        said: &str,
        attributes: [(&str, String); N],
    ) {
        let attributes = attributes.into_iter().chain(senior_owner(remedy));
        let milestone = milestone(tx, kind, remedy.case.to_string(), remedy.id, said, attributes);
        self.report(tx, context, &milestone, remedy.id, 1);
    }

    fn of_offer<'a>(
        &self,
        tx: &Tx,
        context: &RequestContext,
        offer: &Offer,
        kind: Kind,
        said: &str,
        attributes: impl IntoIterator<Item = (&'a str, String)>,
    ) {
        let attributes = [("offer", offer.id.to_string())].into_iter().chain(attributes);
        let milestone = milestone(tx, kind, offer.case.to_string(), offer.id, said, attributes);
        self.report(tx, context, &milestone, offer.id, 1);
    }

    fn report(&self, tx: &Tx, context: &RequestContext, milestone: &Milestone, subject: impl ResourceId, ordinal: u32) {
        for sink in &*self.sinks {
            // Callers choose ids of remedies: two tenants may choose the same.
            let step = format!("{}/{}@{sink}", context.tenant, milestone.kind().as_str_name());
            let call = message_id_for_step(subject.uuid(), &step, ordinal);
            let request = ReportMilestonesRequest { request_id: call.to_string(), milestones: vec![milestone.clone()] };
            let lane = milestone.case.clone();
            tx.enqueue(OutboundCall::in_lane(context, sink, REPORT_MILESTONES, call, lane, &request));
        }
    }
}

/// Why somebody with authority should own the case, where the gate asks for that.
fn senior_owner(remedy: &Remedy) -> Option<(&'static str, String)> {
    let gate = remedy.gate.as_ref().filter(|gate| gate.senior_owner)?;
    let reasons = gate.reasons.iter().filter(|reason| reason.allows == gate.outcome);
    let why = reasons.map(|reason| reason.text.as_str()).collect::<Vec<_>>().join(" ");
    Some(("senior_owner", if why.is_empty() { gate.outcome.as_str().to_owned() } else { why }))
}

fn milestone<'a>(
    tx: &Tx,
    kind: Kind,
    case: String,
    subject: impl ResourceId,
    said: &str,
    attributes: impl IntoIterator<Item = (&'a str, String)>,
) -> Milestone {
    let attributes: BTreeMap<String, String> =
        attributes.into_iter().map(|(key, value)| (key.to_owned(), cut(&value))).collect();
    Milestone {
        kind: kind.into(),
        case,
        subject: subject.to_string(),
        happened_at: Some(to_timestamp(tx.now())),
        summary: cut(said),
        attributes,
    }
}

fn cut(text: &str) -> String {
    text.chars().take(MAX_TEXT).collect()
}
