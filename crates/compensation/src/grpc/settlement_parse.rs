//! Requests of the SettlementService: every violation is listed.

use std::collections::BTreeSet;

use api::compensation as wire;
use api::compensation::payout_settlement::Outcome as WireOutcome;
use chassis::wire::{positive_money, timestamp};
use kernel::{ServiceError, Violations};

use super::names::{done, name};
use crate::app::{DecideSettlement, Reconcile, RecordProviderEvent, ResolveDiscrepancy, SettlePayout};
use crate::domain::payout_settlement::Outcome;
use crate::domain::settlement::{Day, Line};

/// Longest body of a webhook, in bytes.
const BODY: usize = 16_384;

/// A webhook.
pub(super) fn event(request: wire::RecordProviderEventRequest) -> Result<(String, RecordProviderEvent), ServiceError> {
    let mut violations = Violations::new();
    let request_id = violations.request_id(&request.request_id);
    let event = token("event", &request.event, 128, &mut violations);
    let timestamp = token("timestamp", &request.timestamp, 20, &mut violations);
    let signature = violations.text("signature", &request.signature, 1, 1_024);
    if !(1..=BODY).contains(&request.body.len()) {
        let text = format!("has {} bytes; allowed are 1 to {BODY}", request.body.len());
        violations.add("body", if request.body.is_empty() { "REQUIRED" } else { "LENGTH" }, text);
    }
    violations.finish()?;
    Ok((request_id, RecordProviderEvent { event, timestamp, signature, body: request.body.to_vec() }))
}

/// What the batches of one stream must agree on.
#[derive(Debug, Default)]
pub(super) struct Stream {
    of: Option<(String, String)>,
    is_complete: bool,
}

impl Stream {
    /// One batch.
    pub(super) fn batch(
        &mut self,
        batch: wire::ReconcileSettlementRequest,
    ) -> Result<(String, Reconcile), ServiceError> {
        let mut violations = Violations::new();
        let request_id = violations.request_id(&batch.request_id);
        let file = token("file", &batch.file, 128, &mut violations);
        let day = day("day", &batch.day, &mut violations);
        let of = self.of.get_or_insert_with(|| (batch.file.clone(), batch.day.clone()));
        if *of != (batch.file.clone(), batch.day.clone()) {
            violations.add("file", "ANOTHER_FILE", "must be the same file and day in every batch of a stream");
        }
        if self.is_complete {
            violations.add("last", "AFTER_THE_LAST", "must be set in the last batch of a stream, and only there");
        }
        violations.count("lines", batch.lines.len(), 0, 500);
        let mut numbers = BTreeSet::new();
        let mut lines = Vec::with_capacity(batch.lines.len().min(500));
        for (index, given) in batch.lines.iter().enumerate().take(500) {
            let found = violations.within(format!("lines[{index}]"), |violations| {
                if !numbers.insert(given.number) {
                    violations.add("number", "TWICE", format!("{} is in this batch before", given.number));
                }
                line(given, violations)
            });
            lines.extend(found);
        }
        let day = done(violations, day)?;
        self.is_complete = batch.last;
        Ok((request_id, Reconcile { file, day, lines, is_last: batch.last }))
    }

    /// The end of the stream.
    pub(super) fn end(self) -> Result<(), ServiceError> {
        let mut violations = Violations::new();
        if self.of.is_none() {
            violations.add("file", "REQUIRED", "send at least one batch");
        }
        violations.finish()
    }
}

fn line(line: &wire::SettlementLine, violations: &mut Violations) -> Option<Line> {
    if line.number < 1 {
        violations.add("number", "RANGE", format!("is {}; must be 1 or more", line.number));
    }
    let key = token("payout_key", &line.payout_key, 128, violations);
    let reference = violations.text("provider_reference", &line.provider_reference, 1, 128);
    let amount = positive_money("amount", line.amount.as_ref(), violations);
    let executed_at = timestamp("execute_time", line.execute_time.as_ref(), violations);
    amount.map(|amount| Line { number: line.number, key, reference, amount, executed_at })
}

/// The file that is to be closed.
pub(super) fn close(request: wire::CloseSettlementRequest) -> Result<(String, String), ServiceError> {
    let mut violations = Violations::new();
    let request_id = violations.request_id(&request.request_id);
    let file = token("file", &request.file, 128, &mut violations);
    violations.finish().map(|()| (request_id, file))
}

/// How a discrepancy was cleared up.
pub(super) fn resolve(
    request: wire::ResolveSettlementDiscrepancyRequest,
) -> Result<(String, ResolveDiscrepancy), ServiceError> {
    let mut violations = Violations::new();
    let request_id = violations.request_id(&request.request_id);
    let discrepancy = name("name", &request.name, &mut violations);
    let resolution = violations.text("resolution", &request.resolution, 1, 512);
    let discrepancy = done(violations, discrepancy)?;
    Ok((request_id, ResolveDiscrepancy { discrepancy, resolution }))
}

/// What became of a payout.
pub(super) fn settle(request: wire::SettlePayoutRequest) -> Result<(String, SettlePayout), ServiceError> {
    let mut violations = Violations::new();
    let request_id = violations.request_id(&request.request_id);
    let payout = name("name", &request.name, &mut violations);
    let outcome = violations.known_enum::<WireOutcome>("outcome", request.outcome, "EXECUTED, NOT_EXECUTED");
    let is_executed = outcome == Some(WireOutcome::Executed);
    let reference = violations.text("provider_reference", &request.provider_reference, usize::from(is_executed), 128);
    if outcome == Some(WireOutcome::NotExecuted) && !request.provider_reference.is_empty() {
        violations.add("provider_reference", "NOT_ALLOWED", "what was not executed has no reference: leave it empty");
    }
    let evidence = violations.text("evidence", &request.evidence, 1, 2_000);
    let payout = done(violations, payout)?;
    let outcome = if is_executed { Outcome::Executed } else { Outcome::NotExecuted };
    Ok((request_id, SettlePayout { payout, outcome, reference, evidence }))
}

/// What the second person says.
pub(super) fn decide(request_id: &str, id: &str, reason: &str) -> Result<(String, DecideSettlement), ServiceError> {
    let mut violations = Violations::new();
    let request_id = violations.request_id(request_id);
    let settlement = name("name", id, &mut violations);
    let reason = violations.text("reason", reason, 1, 512);
    let settlement = done(violations, settlement)?;
    Ok((request_id, DecideSettlement { settlement, reason }))
}

/// The one day of a request.
pub(super) fn day_of(text: &str) -> Result<Day, ServiceError> {
    let mut violations = Violations::new();
    let day = day("day", text, &mut violations);
    done(violations, day)
}

fn day(field: &str, text: &str, violations: &mut Violations) -> Option<Day> {
    let day = Day::parse(text);
    if day.is_none() {
        violations.add(field, if text.is_empty() { "REQUIRED" } else { "DAY" }, "must be a day such as 2026-08-31");
    }
    day
}

/// Printable ASCII without blanks.
fn token(field: &str, value: &str, max: usize, violations: &mut Violations) -> String {
    if value.is_empty() || value.len() > max || !value.bytes().all(|b| b.is_ascii_graphic()) {
        let class = if value.is_empty() { "REQUIRED" } else { "TOKEN" };
        violations.add(field, class, format!("must be 1 to {max} printable ASCII characters without blanks"));
        return String::new();
    }
    value.to_owned()
}
