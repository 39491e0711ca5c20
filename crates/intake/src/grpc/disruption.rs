//! ReportDisruption and AddAffected.

use api::intake;
use kernel::{DisruptionId, ServiceError, Timestamp, Violations};

use super::{customer, event, fields};
use crate::app::{AddAffected, Affected};
use crate::domain::disruption::DisruptionContent;

/// Customers in one batch at most.
const MAX_BATCH: usize = 500;
/// Customers in one stream at most: its one answer has a result for each, and must fit a client's 4 MB.
const MAX_STREAM: usize = 20_000;

/// ReportDisruption: the request id and the disruption.
pub(super) fn report(
    request: &intake::ReportDisruptionRequest,
    now: Timestamp,
) -> Result<(String, DisruptionContent), ServiceError> {
    let mut violations = Violations::new();
    let request_id = violations.request_id(&request.request_id);
    let content = fields::required("disruption", &request.disruption, &mut violations)
        .and_then(|disruption| violations.within("disruption", |violations| content(disruption, now, violations)));
    fields::finish(content.map(|content| (request_id, content)), violations)
}

fn content(disruption: &intake::Disruption, now: Timestamp, violations: &mut Violations) -> Option<DisruptionContent> {
    let external_id = violations.text("external_id", &disruption.external_id, 1, 128);
    let event = event::event("event", &disruption.event, now, violations);
    let expected = violations.text("expected", &disruption.expected, 0, fields::MAX_TEXT);
    let delivered = violations.text("delivered", &disruption.delivered, 0, fields::MAX_TEXT);
    let severity = event::severity(disruption.severity, None, violations);
    Some(DisruptionContent { external_id, event: event?, expected, delivered, severity })
}

/// What the batches of one stream have in common.
#[derive(Debug, Default)]
pub(super) struct Stream {
    disruption: Option<DisruptionId>,
    items: usize,
}

impl Stream {
    /// The next batch: its request id and its customers.
    pub(super) fn batch(
        &mut self,
        request: &intake::AddAffectedRequest,
    ) -> Result<(String, AddAffected), ServiceError> {
        let mut violations = Violations::new();
        let request_id = violations.request_id(&request.request_id);
        let disruption: DisruptionId = fields::name("disruption", &request.disruption, &mut violations);
        if self.disruption.is_some_and(|first| first != disruption) {
            violations.add("disruption", "DIFFERS", "must be the same in every batch of a stream");
        }
        violations.count("affected", request.affected.len(), 1, MAX_BATCH);
        self.items += request.affected.len();
        if self.items > MAX_STREAM {
            let many = format!("one stream takes {MAX_STREAM} customers; add the rest by another one");
            violations.add("affected", "TOO_MANY_ITEMS", many);
        }
        let mut affected = Vec::with_capacity(request.affected.len().min(MAX_BATCH));
        for (index, item) in request.affected.iter().take(MAX_BATCH).enumerate() {
            affected.extend(violations.within(format!("affected[{index}]"), |violations| one(item, violations)));
        }
        violations.finish()?;
        self.disruption = Some(disruption);
        Ok((request_id, AddAffected { disruption, affected }))
    }

    /// The stream has ended; one without any batch is a mistake.
    pub(super) fn end(&self) -> Result<(), ServiceError> {
        let mut violations = Violations::new();
        if self.disruption.is_none() {
            violations.add("", "REQUIRED", "the stream must have at least one batch");
        }
        violations.finish()
    }
}

fn one(item: &intake::Affected, violations: &mut Violations) -> Option<Affected> {
    let customer = customer::draft(&item.customer, violations);
    let facts = event::facts(&item.facts, event::MAX_MORE_FACTS, violations);
    Some(Affected { customer: customer?, facts })
}
