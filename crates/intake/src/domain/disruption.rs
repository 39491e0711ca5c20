//! A failure that hits many customers at once.

use kernel::{DisruptionId, Timestamp};
use serde::{Deserialize, Serialize};

use super::event::{FailureEvent, Severity};

/// What is reported about a disruption.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisruptionContent {
    /// The company's own id, unique per tenant.
    pub external_id: String,
    /// The failure in facts.
    pub event: FailureEvent,
    /// What customers expected.
    pub expected: String,
    /// What they got instead.
    pub delivered: String,
    /// How badly they were hit.
    pub severity: Severity,
}

/// A disruption.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disruption {
    /// The id.
    pub id: DisruptionId,
    /// What was reported; never changes.
    pub content: DisruptionContent,
    /// Affected customers added so far.
    pub affected_count: i64,
    /// When it was reported.
    pub created_at: Timestamp,
}
