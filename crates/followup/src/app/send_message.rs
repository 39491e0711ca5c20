//! Asks for a message: it is rendered, stored and queued. One without an address fails at once, and says so.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use durable::{GroupCommand, Tx, TxError};
use kernel::{
    Answer, CaseId, CustomerId, ErrorCode, MessageId, RequestContext, RequestKey, ResourceId as _, ServiceError,
    Violations,
};
use serde::Serialize;
use uuid::Uuid;

use super::milestones::Milestones;
use super::own_calls::enqueue_delivery;
use super::{App, taken};
use crate::domain::{ContactPoint, Message, MessageEvent, MessageState, Rendered, UnusableValues};
use crate::store::messages;
use crate::wire;

/// A message as it is asked for.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct SendMessage {
    /// The caller's choice; the service's when `None`.
    pub(crate) id: Option<Uuid>,
    pub(crate) case: CaseId,
    pub(crate) customer: CustomerId,
    pub(crate) to: Option<ContactPoint>,
    pub(crate) template: String,
    pub(crate) language: String,
    pub(crate) values: BTreeMap<String, String>,
}

impl App {
    /// Records what the template would complain about, for a message that is refused for other reasons.
    pub(crate) fn check_values(&self, command: &SendMessage, violations: &mut Violations) {
        if let Err(error) = self.render(command) {
            complain(&error, violations);
        }
    }

    fn render(&self, command: &SendMessage) -> Result<Rendered, UnusableValues> {
        self.templates.render(&command.template, &command.language, &command.case.to_string(), &command.values)
    }

    /// Renders and queues a message.
    ///
    /// # Errors
    /// INVALID_ARGUMENT when the template is unknown or a value is missing; ALREADY_EXISTS when the id is taken.
    #[tracing::instrument(skip_all, name = "followup.send_message", fields(amends.case = %command.case))]
    pub(crate) async fn send_message(
        &self,
        context: RequestContext,
        key: RequestKey,
        command: SendMessage,
    ) -> Result<Answer<api::followup::Message>, ServiceError> {
        let rendered = self.render(&command);
        let id = command.id.unwrap_or_else(|| self.engine.new_id());
        self.send.submit(key, QueueMessage { context, id: id.into(), command, rendered }).await
    }
}

/// Records what makes a message unusable.
fn complain(error: &UnusableValues, violations: &mut Violations) {
    violations.within("message", |violations| match error {
        UnusableValues::UnknownTemplate { .. } => violations.add("template", "UNKNOWN_TEMPLATE", error.to_string()),
        UnusableValues::TooMuch => violations.add("values", "LENGTH", error.to_string()),
        UnusableValues::Missing { missing } => {
            for key in missing {
                violations.add(&format!("values[{key}]"), "REQUIRED", "is a value that the template needs");
            }
        }
    });
}

fn violations_of(error: &UnusableValues) -> ServiceError {
    let mut violations = Violations::new();
    complain(error, &mut violations);
    violations.finish().err().unwrap_or_else(|| ServiceError::internal("an unusable message without a violation"))
}

/// A rendered message that waits for its transaction.
pub(super) struct QueueMessage {
    context: RequestContext,
    id: MessageId,
    command: SendMessage,
    /// A refusal is put on record like any other answer.
    rendered: Result<Rendered, UnusableValues>,
}

/// Stores messages in groups.
pub(super) struct QueueMessages {
    pub(super) milestones: Milestones,
}

#[async_trait]
impl GroupCommand for QueueMessages {
    const NAME: &'static str = "followup.send_message";
    type Command = QueueMessage;
    type Response = api::followup::Message;

    async fn apply(
        &self,
        tx: &Tx,
        commands: &[&QueueMessage],
    ) -> Result<Vec<Result<api::followup::Message, ServiceError>>, TxError> {
        let wanted: Vec<Result<Message, ServiceError>> = commands.iter().map(|command| message(command, tx)).collect();
        let mut free = taken::Ids::default();
        let fresh: Vec<&Message> =
            wanted.iter().flatten().filter(|message| free.claim(&message.tenant, message.id)).collect();
        let mut inserted: BTreeSet<_> = messages::message_insert_in_tx(tx, &fresh).await?.into_iter().collect();
        let mut results = Vec::with_capacity(commands.len());
        for (command, message) in commands.iter().zip(wanted) {
            results.push(message.and_then(|message| {
                // The first to ask for an id has it; the others find it taken.
                if !inserted.remove(&(message.tenant.to_string(), message.id.uuid())) {
                    return Err(exists(message.id));
                }
                if message.state.is_final() {
                    self.milestones.message(tx, &command.context, &message);
                } else {
                    enqueue_delivery(tx, &command.context, &message);
                }
                Ok(wire::message(&message))
            }));
        }
        Ok(results)
    }
}

fn message(QueueMessage { context, id, command, rendered }: &QueueMessage, tx: &Tx) -> Result<Message, ServiceError> {
    let rendered = rendered.as_ref().map_err(violations_of)?;
    let queued = MessageState::Queued;
    let no_address = MessageEvent::Undeliverable { reason: api::reason::followup::NO_CONTACT_POINT.to_owned() };
    let state = match command.to {
        Some(_) => queued,
        None => queued.after(no_address).unwrap_or(queued),
    };
    Ok(Message {
        tenant: context.tenant.clone(),
        id: *id,
        case: command.case,
        customer: command.customer,
        state,
        to: command.to.clone(),
        template: command.template.clone(),
        language: command.language.clone(),
        values: command.values.clone(),
        subject: rendered.subject.clone(),
        body: rendered.body.clone(),
        attempts: 0,
        created_at: tx.now(),
    })
}

fn exists(id: MessageId) -> ServiceError {
    ServiceError::new(
        ErrorCode::AlreadyExists,
        api::reason::followup::MESSAGE_EXISTS,
        format!("{id} exists; choose another message_id, or none"),
    )
    .with("resource", id)
}
