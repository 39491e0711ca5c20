//! The table of messages.

use std::collections::BTreeMap;

use durable::ColumnType::{Integer, Text, Uuid as Id};
use durable::{Backend, Bulk, Tx, sql};
use kernel::{CaseId, MessageId, ResourceId, TenantId, Timestamp};
use sea_orm::entity::prelude::*;
use sea_orm::{Condition, FromQueryResult, QueryOrder, QuerySelect, Select, Statement, Value};

use super::{Cursor, row};
use crate::domain::{Message, MessageState};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "messages")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub case_id: Uuid,
    pub customer_id: Uuid,
    pub state: String,
    pub contact_kind: Option<String>,
    pub contact_address: Option<String>,
    pub template: String,
    pub language: String,
    pub template_values: String,
    pub subject: String,
    pub body: String,
    pub attempts: i64,
    pub failure_reason: Option<String>,
    pub sent_at: Option<i64>,
    pub created_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

const TABLE: &str = "messages";

impl TryFrom<Model> for Message {
    type Error = DbErr;

    fn try_from(model: Model) -> Result<Self, DbErr> {
        let state = match model.state.as_str() {
            "QUEUED" => MessageState::Queued,
            "SENT" => MessageState::Sent { at: row::time(TABLE, "sent_at", model.sent_at)? },
            "FAILED" => MessageState::Failed {
                reason: model.failure_reason.ok_or_else(|| row::inconsistent(TABLE, "failure_reason"))?,
            },
            _ => return Err(row::inconsistent(TABLE, "state")),
        };
        Ok(Self {
            tenant: row::tenant(TABLE, &model.tenant_id)?,
            id: model.id.into(),
            case: model.case_id.into(),
            customer: model.customer_id.into(),
            state,
            to: row::contact(TABLE, model.contact_kind.as_deref(), model.contact_address)?,
            template: model.template,
            language: model.language,
            values: serde_json::from_str(&model.template_values)
                .map_err(|_| row::inconsistent(TABLE, "template_values"))?,
            subject: model.subject,
            body: model.body,
            attempts: row::number(TABLE, "attempts", model.attempts)?,
            created_at: Timestamp::from_micros(model.created_at),
        })
    }
}

/// A message.
pub(crate) async fn message_get(
    connection: &impl ConnectionTrait,
    tenant: &TenantId,
    id: MessageId,
) -> Result<Option<Message>, DbErr> {
    get_query(tenant, id).one(connection).await?.map(Message::try_from).transpose()
}

pub(super) fn get_query(tenant: &TenantId, id: MessageId) -> Select<Entity> {
    Entity::find_by_id((tenant.as_str().to_owned(), id.uuid()))
}

/// Messages of a case after `after`, oldest first.
pub(crate) async fn message_list_page(
    connection: &impl ConnectionTrait,
    tenant: &TenantId,
    case: CaseId,
    after: Option<Cursor>,
    limit: u64,
) -> Result<Vec<Message>, DbErr> {
    list_query(tenant, case, after, limit).all(connection).await?.into_iter().map(Message::try_from).collect()
}

pub(super) fn list_query(tenant: &TenantId, case: CaseId, after: Option<Cursor>, limit: u64) -> Select<Entity> {
    let mut of_case = Condition::all().add(Column::TenantId.eq(tenant.as_str())).add(Column::CaseId.eq(case.uuid()));
    if let Some(after) = after {
        of_case = of_case.add(row::after(Column::CreatedAt, Column::Id, after));
    }
    Entity::find().filter(of_case).order_by_asc(Column::CreatedAt).order_by_asc(Column::Id).limit(limit)
}

/// These messages, locked for the rest of the transaction.
pub(crate) async fn message_lock_in_tx(
    tx: &Tx,
    keys: &[(TenantId, MessageId)],
) -> Result<BTreeMap<(TenantId, MessageId), Message>, DbErr> {
    let mut found = BTreeMap::new();
    for row in tx.query_all(lock_statements(tx.backend(), keys)).await? {
        let message = Message::try_from(Model::from_query_result(&row, "")?)?;
        found.insert((message.tenant.clone(), message.id), message);
    }
    Ok(found)
}

pub(super) fn lock_statements(backend: Backend, keys: &[(TenantId, MessageId)]) -> Vec<Statement> {
    let mut input = Bulk::new(&[("tenant_id", Text), ("id", Id)]);
    for (tenant, id) in keys {
        input.push([tenant.as_str().into(), id.uuid().into()]);
    }
    let body = format!(
        "SELECT m.* FROM input i JOIN messages m ON m.tenant_id = i.tenant_id AND m.id = i.id \
         ORDER BY m.tenant_id, m.id{}",
        lock_clause(backend, "m")
    );
    input.statements(backend, &body, &[])
}

/// Inserts messages; gives back the keys of those whose id was free.
pub(crate) async fn message_insert_in_tx(tx: &Tx, messages: &[&Message]) -> Result<Vec<(String, Uuid)>, DbErr> {
    let mut input = Bulk::new(&[
        ("tenant_id", Text),
        ("id", Id),
        ("case_id", Id),
        ("customer_id", Id),
        ("state", Text),
        ("contact_kind", Text),
        ("contact_address", Text),
        ("template", Text),
        ("language", Text),
        ("template_values", Text),
        ("subject", Text),
        ("body", Text),
        ("attempts", Integer),
        ("failure_reason", Text),
        ("created_at", Integer),
    ])
    .nullable(&["contact_kind", "contact_address", "failure_reason"]);
    for message in messages {
        let failure = match &message.state {
            MessageState::Queued => None,
            MessageState::Failed { reason } => Some(reason.clone()),
            MessageState::Sent { .. } => return Err(row::inconsistent(TABLE, "new state")),
        };
        input.push([
            message.tenant.as_str().into(),
            message.id.uuid().into(),
            message.case.uuid().into(),
            message.customer.uuid().into(),
            message.state.as_str().into(),
            Value::from(message.to.as_ref().map(|to| to.kind.as_str().to_owned())),
            Value::from(message.to.as_ref().map(|to| to.address.clone())),
            message.template.as_str().into(),
            message.language.as_str().into(),
            serde_json::to_string(&message.values).map_err(|error| DbErr::Custom(error.to_string()))?.into(),
            message.subject.as_str().into(),
            message.body.as_str().into(),
            i64::from(message.attempts).into(),
            Value::from(failure),
            message.created_at.micros().into(),
        ]);
    }
    if input.is_empty() {
        return Ok(Vec::new());
    }
    let rows = tx
        .query_all(input.statements(
            tx.backend(),
            "INSERT INTO messages (tenant_id, id, case_id, customer_id, state, contact_kind, contact_address, template, \
             language, template_values, subject, body, attempts, failure_reason, created_at) \
             SELECT tenant_id, id, case_id, customer_id, state, contact_kind, contact_address, template, \
             language, template_values, subject, body, attempts, failure_reason, created_at \
             FROM input WHERE true ORDER BY tenant_id, id ON CONFLICT (tenant_id, id) DO NOTHING RETURNING tenant_id, id",
            &[],
        ))
        .await?;
    rows.iter().map(|row| Ok((sql::column(row, "tenant_id")?, sql::column(row, "id")?))).collect()
}

/// Writes where messages have got to.
pub(crate) async fn message_update_in_tx(tx: &Tx, messages: &[&Message]) -> Result<(), DbErr> {
    tx.execute_all(update_statements(tx.backend(), messages)).await?;
    Ok(())
}

pub(super) fn update_statements(backend: Backend, messages: &[&Message]) -> Vec<Statement> {
    let mut input = Bulk::new(&[
        ("tenant_id", Text),
        ("id", Id),
        ("state", Text),
        ("attempts", Integer),
        ("failure_reason", Text),
        ("sent_at", Integer),
    ])
    .nullable(&["failure_reason", "sent_at"]);
    for message in messages {
        let (failure, sent_at) = match &message.state {
            MessageState::Queued => (None, None),
            MessageState::Sent { at } => (None, Some(at.micros())),
            MessageState::Failed { reason } => (Some(reason.clone()), None),
        };
        input.push([
            message.tenant.as_str().into(),
            message.id.uuid().into(),
            message.state.as_str().into(),
            i64::from(message.attempts).into(),
            Value::from(failure),
            Value::from(sent_at),
        ]);
    }
    if input.is_empty() {
        return Vec::new();
    }
    input.statements(
        backend,
        "UPDATE messages SET state = input.state, attempts = input.attempts, failure_reason = input.failure_reason, \
         sent_at = input.sent_at FROM input WHERE messages.tenant_id = input.tenant_id AND messages.id = input.id",
        &[],
    )
}

/// Counts an attempt that the transport did not take; nothing on a final message.
pub(crate) async fn message_count_attempt_in_tx(tx: &Tx, tenant: &TenantId, id: MessageId) -> Result<(), DbErr> {
    tx.execute(count_attempt_statement(tx.backend(), tenant, id)).await?;
    Ok(())
}

pub(super) fn count_attempt_statement(backend: Backend, tenant: &TenantId, id: MessageId) -> Statement {
    sql::statement(
        backend,
        "UPDATE messages SET attempts = attempts + 1 WHERE tenant_id = $1 AND id = $2 AND state = 'QUEUED'",
        [tenant.as_str().into(), id.uuid().into()],
    )
}

/// ` FOR UPDATE OF <alias>` where rows can be locked.
pub(super) fn lock_clause(backend: Backend, alias: &str) -> String {
    match sql::for_update(backend) {
        "" => String::new(),
        clause => format!("{clause} OF {alias}"),
    }
}
