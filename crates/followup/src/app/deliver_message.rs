//! Hands a queued message to its transport, outside of any transaction, and then records in one what came of it.
//!
//! The hand-over is at least once: when the record is lost, the same message goes out again under the same id. It
//! goes on when the caller leaves, so that a slow transport does not send twice.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use durable::{GroupCommand, Tx, TxError};
use kernel::{Answer, MessageId, RequestContext, RequestKey, ServiceError};
use serde::Serialize;
use tokio::time::Instant;
use tracing::Instrument as _;

use super::App;
use super::milestones::Milestones;
use super::ports::{Outgoing, SendError};
use super::read::storage_error;
use crate::domain::{Message, MessageEvent, cut};
use crate::store::messages;
use crate::wire;

/// Longest reason of a failure that is kept, in characters.
const MAX_REASON: usize = 300;

/// Which message.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct DeliverMessage {
    pub(crate) id: MessageId,
}

impl App {
    /// Hands the message over and records what came of it. Does nothing on a final one.
    ///
    /// # Errors
    /// NOT_FOUND; UNAVAILABLE `TRANSPORT_UNAVAILABLE` when the transport did not take it.
    #[tracing::instrument(skip_all, name = "followup.deliver_message", fields(amends.message = %command.id))]
    pub(crate) async fn deliver_message(
        self: &Arc<Self>,
        context: RequestContext,
        key: RequestKey,
        command: DeliverMessage,
    ) -> Result<Answer<api::followup::Message>, ServiceError> {
        let app = Arc::clone(self);
        let work = async move { app.deliver(context, key, command.id).await };
        self.engine.spawn(work.in_current_span()).await.map_err(ServiceError::internal)?
    }

    async fn deliver(
        &self,
        context: RequestContext,
        key: RequestKey,
        id: MessageId,
    ) -> Result<Answer<api::followup::Message>, ServiceError> {
        // Entered before the message is read: whoever comes next sees what this one records.
        let Some(_pass) = self.under_way.enter(&context.tenant, id) else {
            return Err(unavailable().caused_by("the message is being handed over right now"));
        };
        let message = messages::message_get(self.engine.read(), &context.tenant, id).await.map_err(storage_error)?;
        let event = match message {
            Some(message) if !message.state.is_final() => Some(self.hand_over(&context, &message).await?),
            Some(_) | None => None,
        };
        self.record.submit(key, RecordDelivery { context, id, event }).await
    }

    async fn hand_over(&self, context: &RequestContext, message: &Message) -> Result<MessageEvent, ServiceError> {
        let Some(to) = message.to.clone() else {
            return Ok(MessageEvent::Undeliverable { reason: api::reason::followup::NO_CONTACT_POINT.to_owned() });
        };
        let transport = self.transports.of(to.kind);
        let outgoing = Outgoing {
            context: context.clone(),
            message: message.id,
            case: message.case,
            to,
            subject: message.subject.clone(),
            body: message.body.clone(),
            created_at: message.created_at,
        };
        let span = tracing::info_span!("followup.transport.send", amends.transport = transport.name());
        let began = Instant::now();
        let sent = transport.send(&outgoing).instrument(span).await;
        self.hand_overs.record(transport.name(), began.elapsed(), &sent);
        match sent {
            Ok(()) => Ok(MessageEvent::HandedOver { at: self.engine.now() }),
            Err(SendError::Undeliverable(text)) => {
                let reason = format!("{}: {text}", api::reason::extension::UNDELIVERABLE);
                Ok(MessageEvent::Undeliverable { reason: cut(&reason, MAX_REASON) })
            }
            Err(SendError::Unavailable(cause)) => {
                self.count_attempt(message).await;
                Err(unavailable().caused_by(format!("{}: {cause}", transport.name())))
            }
        }
    }

    /// The count is for people: when it cannot be written, the attempt has failed all the same.
    async fn count_attempt(&self, message: &Message) {
        let counted = self
            .engine
            .run_tx("followup.count_attempt", |tx| {
                let (tenant, id) = (message.tenant.clone(), message.id);
                async move { Ok(messages::message_count_attempt_in_tx(&tx, &tenant, id).await?) }
            })
            .await;
        if let Err(error) = counted {
            tracing::debug!(%error, "an attempt could not be counted");
        }
    }
}

fn unavailable() -> ServiceError {
    ServiceError::unavailable(
        api::reason::followup::TRANSPORT_UNAVAILABLE,
        "the transport did not take the message; it is tried again",
        Duration::from_secs(2),
    )
}

/// What came of a hand-over.
pub(super) struct RecordDelivery {
    context: RequestContext,
    id: MessageId,
    /// `None` when there was nothing to hand over.
    event: Option<MessageEvent>,
}

/// Records hand-overs in groups.
pub(super) struct RecordDeliveries {
    pub(super) milestones: Milestones,
}

#[async_trait]
impl GroupCommand for RecordDeliveries {
    const NAME: &'static str = "followup.deliver_message";
    type Command = RecordDelivery;
    type Response = api::followup::Message;

    async fn apply(
        &self,
        tx: &Tx,
        commands: &[&RecordDelivery],
    ) -> Result<Vec<Result<api::followup::Message, ServiceError>>, TxError> {
        let keys: Vec<_> = commands.iter().map(|command| (command.context.tenant.clone(), command.id)).collect();
        let mut found = messages::message_lock_in_tx(tx, &keys).await?;
        let mut changed = BTreeMap::new();
        let mut results = Vec::with_capacity(commands.len());
        for (command, key) in commands.iter().zip(keys) {
            let Some(message) = found.get_mut(&key) else {
                results.push(Err(ServiceError::not_found(command.id)));
                continue;
            };
            if let Some(event) = &command.event
                && message.take(event.clone())
            {
                self.milestones.message(tx, &command.context, message);
                changed.insert(key, message.clone());
            }
            results.push(Ok(without_text(message)));
        }
        messages::message_update_in_tx(tx, &changed.values().collect::<Vec<_>>()).await?;
        Ok(results)
    }
}

/// The answer says where the message stands. What it says was answered when it was asked for, and is not kept twice.
fn without_text(message: &Message) -> api::followup::Message {
    api::followup::Message { values: BTreeMap::new(), body: String::new(), ..wire::message(message) }
}
