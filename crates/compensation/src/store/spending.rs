//! What was counted against limits: holders that are locked, sums by day, and what each offer counted.
//!
//! Always holds: sums are read and changed only by who has locked their holder, and holders are locked in one order.

use std::collections::{BTreeMap, BTreeSet};

use durable::{Bulk, ColumnType, Engine, Tx, sql};
use kernel::{OfferId, ResourceId, TenantId};
use sea_orm::{ConnectionTrait as _, DbErr};
use serde::{Deserialize, Serialize};

use super::row::{from_json, state, to_json};
use crate::domain::policy::measure::Unit;

/// Whose sums are limited; `ORDER` is the order in which they are locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Scope {
    /// An agent.
    Agent,
    /// A budget: a band of customers.
    Budget,
    /// A case.
    Case,
    /// A customer.
    Customer,
}

impl Scope {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "AGENT",
            Self::Budget => "BUDGET",
            Self::Case => "CASE",
            Self::Customer => "CUSTOMER",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Agent, Self::Budget, Self::Case, Self::Customer].into_iter().find(|scope| scope.as_str() == text)
    }
}

/// Whose sums: tenant, scope, and the agent, band, case or customer.
pub type Holder = (TenantId, Scope, String);

/// A sum: of whom, of which kind of benefit, in which unit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Account {
    /// Of what kind of holder.
    pub scope: Scope,
    /// The agent, band, case or customer.
    pub holder: String,
    /// Kind of benefit; `GESTURE` for budgets.
    pub kind: String,
    /// In which unit.
    pub unit: Unit,
}

/// An amount of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The account.
    pub account: Account,
    /// How much, positive.
    pub amount: i64,
}

/// What was counted for an offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// On which day.
    pub day: i64,
    /// What.
    pub entries: Vec<Entry>,
}

/// Locks holders for the rest of the transaction, and makes those that are new.
pub async fn lock_in_tx(tx: &Tx, holders: &BTreeSet<Holder>) -> Result<(), DbErr> {
    if holders.is_empty() {
        return Ok(());
    }
    let columns = &[("tenant_id", ColumnType::Text), ("scope", ColumnType::Text), ("holder", ColumnType::Text)];
    let mut input = Bulk::new(columns);
    for (tenant, scope, holder) in holders {
        input.push([tenant.as_str().into(), scope.as_str().into(), holder.as_str().into()]);
    }
    let body = "INSERT INTO spending_holders (tenant_id, scope, holder, version) \
                SELECT tenant_id, scope, holder, 1 FROM input WHERE true ORDER BY tenant_id, scope, holder \
                ON CONFLICT (tenant_id, scope, holder) DO UPDATE SET version = spending_holders.version + 1";
    tx.execute_all(input.statements(tx.backend(), body, &[])).await.map(|_| ())
}

/// Sums of accounts from a day on, in the order of the accounts.
pub async fn sums_in_tx(tx: &Tx, accounts: &[(&TenantId, &Account, i64)]) -> Result<Vec<i64>, DbErr> {
    let mut sums = vec![0; accounts.len()];
    if accounts.is_empty() {
        return Ok(sums);
    }
    let mut input = Bulk::new(&[
        ("place", ColumnType::Integer),
        ("tenant_id", ColumnType::Text),
        ("scope", ColumnType::Text),
        ("holder", ColumnType::Text),
        ("kind", ColumnType::Text),
        ("unit", ColumnType::Text),
        ("first_day", ColumnType::Integer),
    ]);
    for (place, (tenant, account, first_day)) in (0_i64..).zip(accounts) {
        input.push([
            place.into(),
            tenant.as_str().into(),
            account.scope.as_str().into(),
            account.holder.as_str().into(),
            account.kind.as_str().into(),
            account.unit.as_str().into(),
            (*first_day).into(),
        ]);
    }
    let body = "SELECT i.place, CAST(sum(d.amount) AS BIGINT) AS total FROM input i JOIN spending_days d \
                ON d.tenant_id = i.tenant_id AND d.scope = i.scope AND d.holder = i.holder AND d.kind = i.kind \
                AND d.unit = i.unit AND d.day >= i.first_day GROUP BY i.place";
    for row in tx.query_all(input.statements(tx.backend(), body, &[])).await? {
        let place = usize::try_from(sql::column::<i64>(&row, "place")?).unwrap_or(usize::MAX);
        if let Some(sum) = sums.get_mut(place) {
            *sum = sql::column(&row, "total")?;
        }
    }
    Ok(sums)
}

/// What was counted for holders of a tenant from a day of theirs on and before `day`, by account and day.
pub async fn days_before(
    engine: &Engine,
    tenant: &TenantId,
    holders: &[(Scope, String, i64)],
    day: i64,
) -> Result<Vec<(Account, i64, i64)>, DbErr> {
    if holders.is_empty() {
        return Ok(Vec::new());
    }
    let mut input =
        Bulk::new(&[("scope", ColumnType::Text), ("holder", ColumnType::Text), ("first_day", ColumnType::Integer)]);
    for (scope, holder, first_day) in holders {
        input.push([scope.as_str().into(), holder.as_str().into(), (*first_day).into()]);
    }
    let backend = engine.db().backend();
    let on = "d.tenant_id = $1 AND d.scope = i.scope AND d.holder = i.holder AND d.day >= i.first_day AND d.day < $2";
    let body = format!(
        "SELECT d.scope, d.holder, d.kind, d.unit, d.day, d.amount FROM input i {}",
        sql::look_up(backend, "spending_days", "d", on)
    );
    let mut days = Vec::new();
    for statement in input.statements(backend, &body, &[tenant.as_str().into(), day.into()]) {
        for row in engine.read().query_all_raw(statement).await? {
            let account = Account {
                scope: state(Scope::parse, &sql::column::<String>(&row, "scope")?)?,
                holder: sql::column(&row, "holder")?,
                kind: sql::column(&row, "kind")?,
                unit: Unit::stored(sql::column(&row, "unit")?),
            };
            days.push((account, sql::column(&row, "day")?, sql::column(&row, "amount")?));
        }
    }
    Ok(days)
}

/// Adds to accounts on a day. Their holders are locked.
pub async fn add_in_tx(tx: &Tx, day: i64, entries: &[(&TenantId, &Entry)]) -> Result<(), DbErr> {
    let Some(input) = summed(entries) else { return Ok(()) };
    let body = "INSERT INTO spending_days (tenant_id, scope, holder, kind, unit, day, amount) \
                SELECT tenant_id, scope, holder, kind, unit, $1, amount FROM input WHERE true \
                ON CONFLICT (tenant_id, scope, holder, kind, unit, day) \
                DO UPDATE SET amount = spending_days.amount + excluded.amount";
    tx.execute_all(input.statements(tx.backend(), body, &[day.into()])).await.map(|_| ())
}

/// Takes from accounts what was added on a day. Their holders are locked.
pub async fn take_back_in_tx(tx: &Tx, day: i64, entries: &[(&TenantId, &Entry)]) -> Result<(), DbErr> {
    let Some(input) = summed(entries) else { return Ok(()) };
    let body = "UPDATE spending_days SET amount = spending_days.amount - i.amount FROM input i \
                WHERE spending_days.tenant_id = i.tenant_id AND spending_days.scope = i.scope \
                AND spending_days.holder = i.holder AND spending_days.kind = i.kind \
                AND spending_days.unit = i.unit AND spending_days.day = $1";
    tx.execute_all(input.statements(tx.backend(), body, &[day.into()])).await.map(|_| ())
}

/// One row for each account: a statement changes a row once.
fn summed(entries: &[(&TenantId, &Entry)]) -> Option<Bulk> {
    let mut sums: BTreeMap<(&TenantId, &Account), i64> = BTreeMap::new();
    for (tenant, entry) in entries {
        *sums.entry((tenant, &entry.account)).or_default() += entry.amount;
    }
    let mut input = Bulk::new(&[
        ("tenant_id", ColumnType::Text),
        ("scope", ColumnType::Text),
        ("holder", ColumnType::Text),
        ("kind", ColumnType::Text),
        ("unit", ColumnType::Text),
        ("amount", ColumnType::Integer),
    ]);
    for ((tenant, account), amount) in sums {
        input.push([
            tenant.as_str().into(),
            account.scope.as_str().into(),
            account.holder.as_str().into(),
            account.kind.as_str().into(),
            account.unit.as_str().into(),
            amount.into(),
        ]);
    }
    (!input.is_empty()).then_some(input)
}

/// Remembers what offers counted.
pub async fn remember_in_tx(tx: &Tx, counted: &[(&TenantId, OfferId, &Counted)]) -> Result<(), DbErr> {
    if counted.is_empty() {
        return Ok(());
    }
    let mut input = Bulk::new(&[
        ("tenant_id", ColumnType::Text),
        ("offer_id", ColumnType::Uuid),
        ("day", ColumnType::Integer),
        ("entries", ColumnType::Text),
    ]);
    for (tenant, offer, counted) in counted {
        input.push([
            tenant.as_str().into(),
            offer.uuid().into(),
            counted.day.into(),
            to_json(&counted.entries)?.into(),
        ]);
    }
    let body = "INSERT INTO spending_counted (tenant_id, offer_id, day, entries) \
                SELECT tenant_id, offer_id, day, entries FROM input";
    tx.execute_all(input.statements(tx.backend(), body, &[])).await.map(|_| ())
}

/// What an offer counted.
pub async fn counted_in_tx(tx: &Tx, tenant: &TenantId, offer: OfferId) -> Result<Option<Counted>, DbErr> {
    let text = "SELECT day, entries FROM spending_counted WHERE tenant_id = $1 AND offer_id = $2";
    let rows = tx.query(sql::statement(tx.backend(), text, [tenant.as_str().into(), offer.uuid().into()])).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let entries: String = sql::column(row, "entries")?;
    Ok(Some(Counted { day: sql::column(row, "day")?, entries: from_json(&entries)? }))
}

/// Forgets what an offer counted: it has been answered, and counts for good or not at all.
pub async fn forget_in_tx(tx: &Tx, tenant: &TenantId, offer: OfferId) -> Result<(), DbErr> {
    let text = "DELETE FROM spending_counted WHERE tenant_id = $1 AND offer_id = $2";
    tx.execute(sql::statement(tx.backend(), text, [tenant.as_str().into(), offer.uuid().into()])).await.map(|_| ())
}
