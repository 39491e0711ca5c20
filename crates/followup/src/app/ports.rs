//! What follow-up needs from outside: something that carries a message to a customer.

use std::sync::Arc;

use async_trait::async_trait;
use kernel::{CaseId, MessageId, RequestContext, Timestamp};

use crate::domain::{ContactKind, ContactPoint};

/// A rendered message on its way out.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    /// The call that sends it: tenant and trace.
    pub(crate) context: RequestContext,
    /// Constant for the life of the message.
    pub(crate) message: MessageId,
    /// The case that it belongs to.
    pub(crate) case: CaseId,
    /// Where to.
    pub(crate) to: ContactPoint,
    /// One line.
    pub(crate) subject: String,
    /// The text.
    pub(crate) body: String,
    /// When the message was asked for: its date.
    pub(crate) created_at: Timestamp,
}

/// Why a transport did not take a message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SendError {
    /// It will never be delivered.
    #[error("{0}")]
    Undeliverable(String),
    /// Not now, or nobody knows: the same message is handed over again.
    #[error("{0}")]
    Unavailable(String),
}

/// Carries messages to customers. The same message may come again when an answer was lost.
#[async_trait]
pub(crate) trait MessageTransport: Send + Sync + 'static {
    /// For logs and metrics.
    fn name(&self) -> &'static str;

    /// Hands the message over.
    async fn send(&self, outgoing: &Outgoing) -> Result<(), SendError>;
}

/// One transport for each kind of address. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Transports {
    pub(crate) email: Arc<dyn MessageTransport>,
    pub(crate) phone: Arc<dyn MessageTransport>,
    pub(crate) app: Arc<dyn MessageTransport>,
}

impl Transports {
    /// The transport for addresses of this kind.
    pub(crate) fn of(&self, kind: ContactKind) -> &Arc<dyn MessageTransport> {
        match kind {
            ContactKind::Email => &self.email,
            ContactKind::Phone => &self.phone,
            ContactKind::App => &self.app,
        }
    }
}
