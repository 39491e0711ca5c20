//! A message to a customer, as it was rendered when it was asked for.

use std::collections::BTreeMap;

use kernel::{CaseId, CustomerId, MessageId, TenantId, Timestamp};

use super::{ContactPoint, MessageEvent, MessageState};

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) tenant: TenantId,
    pub(crate) id: MessageId,
    pub(crate) case: CaseId,
    pub(crate) customer: CustomerId,
    pub(crate) state: MessageState,
    pub(crate) to: Option<ContactPoint>,
    pub(crate) template: String,
    pub(crate) language: String,
    pub(crate) values: BTreeMap<String, String>,
    pub(crate) subject: String,
    pub(crate) body: String,
    pub(crate) attempts: u32,
    pub(crate) created_at: Timestamp,
}

impl Message {
    /// Takes what a transport said after one more attempt; false when the message was final and nothing changed.
    pub(crate) fn take(&mut self, event: MessageEvent) -> bool {
        let Some(state) = self.state.after(event) else { return false };
        self.state = state;
        self.attempts = self.attempts.saturating_add(1);
        true
    }

    /// The channel as milestones name it.
    pub(crate) fn channel(&self) -> &'static str {
        self.to.as_ref().map_or("NONE", |to| to.kind.as_str())
    }
}
