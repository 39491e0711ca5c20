//! Queries over orders: what was captured, and what holds a part of it: refunds, and vouchers in the place of a refund.

use std::collections::BTreeMap;

use durable::{Bulk, ColumnType, Tx, sql};
use kernel::{Money, PayoutId, ResourceId, TenantId, VoucherId};
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Statement};
use uuid::Uuid;

use super::row::money;
use crate::domain::order_funds::OrderFunds;

/// What holds a part of what was captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefundHolder {
    /// The payout that pays it.
    Payout(PayoutId),
    /// The voucher that the customer signed for in its place.
    Voucher(VoucherId),
}

/// A refund that is on its way or was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderRefund {
    /// What gives it.
    pub holder: RefundHolder,
    /// The order.
    pub order: String,
    /// How much.
    pub amount: Money,
}

fn funds(row: &QueryResult) -> Result<OrderFunds, DbErr> {
    let currency: String = sql::column(row, "currency")?;
    Ok(OrderFunds {
        order: sql::column(row, "order_reference")?,
        captured: money(sql::column(row, "captured_minor")?, &currency)?,
        refunded: sql::column(row, "refunded_minor")?,
    })
}

/// One order.
pub async fn get(
    connection: &impl ConnectionTrait,
    tenant: &TenantId,
    order: &str,
) -> Result<Option<OrderFunds>, DbErr> {
    let sql = "SELECT order_reference, currency, captured_minor, refunded_minor FROM orders \
               WHERE tenant_id = $1 AND order_reference = $2";
    let values = [tenant.as_str().into(), order.into()];
    let statement = Statement::from_sql_and_values(connection.get_database_backend(), sql, values);
    connection.query_one_raw(statement).await?.as_ref().map(funds).transpose()
}

/// These orders, locked in one order for the rest of the transaction; by tenant and reference.
pub async fn lock_in_tx(
    tx: &Tx,
    orders: &[(&TenantId, &str)],
) -> Result<BTreeMap<(String, String), OrderFunds>, DbErr> {
    if orders.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut input = Bulk::new(&[("tenant_id", ColumnType::Text), ("order_reference", ColumnType::Text)]);
    for (tenant, order) in orders {
        input.push([tenant.as_str().into(), (*order).into()]);
    }
    let lock = match tx.backend() {
        durable::Backend::Postgres => " FOR UPDATE OF o",
        durable::Backend::Sqlite => "",
    };
    let body = format!(
        "SELECT o.tenant_id, o.order_reference, o.currency, o.captured_minor, o.refunded_minor FROM input i \
         JOIN orders o ON o.tenant_id = i.tenant_id AND o.order_reference = i.order_reference \
         ORDER BY o.tenant_id, o.order_reference{lock}"
    );
    let rows = tx.query_all(input.statements(tx.backend(), &body, &[])).await?;
    rows.iter()
        .map(|row| Ok(((sql::column(row, "tenant_id")?, sql::column(row, "order_reference")?), funds(row)?)))
        .collect()
}

/// Makes an order of its first capture; false when there is the order. Two at once: the second waits for the first.
pub async fn open_in_tx(tx: &Tx, tenant: &TenantId, order: &str, amount: Money) -> Result<bool, DbErr> {
    let sql = "INSERT INTO orders (tenant_id, order_reference, currency, captured_minor, refunded_minor, created_at, \
               updated_at) VALUES ($1, $2, $3, $4, 0, $5, $5) ON CONFLICT DO NOTHING";
    let code = amount.currency.code();
    let values = [tenant.as_str().into(), order.into(), code.into(), amount.minor.into(), tx.now().micros().into()];
    Ok(tx.execute(sql::statement(tx.backend(), sql, values)).await? == 1)
}

/// Adds a capture to an order that is locked, in its currency.
pub async fn add_in_tx(tx: &Tx, tenant: &TenantId, order: &str, amount: Money) -> Result<(), DbErr> {
    let sql = "UPDATE orders SET captured_minor = captured_minor + $1, updated_at = $2 \
               WHERE tenant_id = $3 AND order_reference = $4";
    let values = [amount.minor.into(), tx.now().micros().into(), tenant.as_str().into(), order.into()];
    tx.execute(sql::statement(tx.backend(), sql, values)).await.map(|_| ())
}

/// Writes a capture of an order that is locked.
pub async fn capture_in_tx(tx: &Tx, tenant: &TenantId, order: &str, capture: &str, amount: Money) -> Result<(), DbErr> {
    let sql = "INSERT INTO captures (tenant_id, order_reference, capture, amount_minor, currency, created_at) \
               VALUES ($1, $2, $3, $4, $5, $6)";
    let values = [
        tenant.as_str().into(),
        order.into(),
        capture.into(),
        amount.minor.into(),
        amount.currency.code().into(),
        tx.now().micros().into(),
    ];
    tx.execute(sql::statement(tx.backend(), sql, values)).await.map(|_| ())
}

/// The amount of a capture.
pub async fn get_capture(
    connection: &impl ConnectionTrait,
    tenant: &TenantId,
    order: &str,
    capture: &str,
) -> Result<Option<Money>, DbErr> {
    let sql = "SELECT amount_minor, currency FROM captures \
               WHERE tenant_id = $1 AND order_reference = $2 AND capture = $3";
    let values = [tenant.as_str().into(), order.into(), capture.into()];
    let statement = Statement::from_sql_and_values(connection.get_database_backend(), sql, values);
    let row = connection.query_one_raw(statement).await?;
    row.map(|row| money(sql::column(&row, "amount_minor")?, &sql::column::<String>(&row, "currency")?)).transpose()
}

/// Holds new refunds against their orders, which the caller has locked.
pub async fn hold_in_tx(tx: &Tx, refunds: &[(&TenantId, &OrderRefund)]) -> Result<(), DbErr> {
    let (mut payouts, mut vouchers) = (Vec::new(), Vec::new());
    for (tenant, refund) in refunds {
        match refund.holder {
            RefundHolder::Payout(id) => payouts.push((*tenant, id.uuid(), *refund)),
            RefundHolder::Voucher(id) => vouchers.push((*tenant, id.uuid(), *refund)),
        }
    }
    let body = "INSERT INTO order_refunds (tenant_id, payout_id, order_reference, state, amount_minor, currency, \
                created_at, updated_at) \
                SELECT tenant_id, holder_id, order_reference, 'HELD', amount_minor, currency, $1, $1 FROM input";
    hold_rows(tx, &payouts, body).await?;
    let body = "INSERT INTO order_vouchers (tenant_id, voucher_id, order_reference, held_minor, amount_minor, currency, \
                created_at, updated_at) \
                SELECT tenant_id, holder_id, order_reference, amount_minor, amount_minor, currency, $1, $1 FROM input";
    hold_rows(tx, &vouchers, body).await
}

async fn hold_rows(tx: &Tx, held: &[(&TenantId, Uuid, &OrderRefund)], insert: &str) -> Result<(), DbErr> {
    if held.is_empty() {
        return Ok(());
    }
    let mut input = Bulk::new(&[
        ("tenant_id", ColumnType::Text),
        ("holder_id", ColumnType::Uuid),
        ("order_reference", ColumnType::Text),
        ("amount_minor", ColumnType::Integer),
        ("currency", ColumnType::Text),
    ]);
    for (tenant, holder, refund) in held {
        input.push([
            tenant.as_str().into(),
            (*holder).into(),
            refund.order.as_str().into(),
            refund.amount.minor.into(),
            refund.amount.currency.code().into(),
        ]);
    }
    let now = tx.now().micros();
    tx.execute_all(input.statements(tx.backend(), insert, &[now.into()])).await?;
    let body = "UPDATE orders SET refunded_minor = orders.refunded_minor + held.amount, updated_at = $1 \
                FROM (SELECT tenant_id, order_reference, CAST(sum(amount_minor) AS BIGINT) AS amount FROM input \
                GROUP BY tenant_id, order_reference) AS held \
                WHERE orders.tenant_id = held.tenant_id AND orders.order_reference = held.order_reference";
    tx.execute_all(input.statements(tx.backend(), body, &[now.into()])).await.map(|_| ())
}

/// Gives back what a payout held that certainly was not paid; does nothing for one that is no refund.
pub async fn release_in_tx(tx: &Tx, tenant: &TenantId, payout: PayoutId) -> Result<(), DbErr> {
    let values = || [tx.now().micros().into(), tenant.as_str().into(), payout.uuid().into()];
    let sql = "UPDATE order_refunds SET state = 'RELEASED', updated_at = $1 \
               WHERE tenant_id = $2 AND payout_id = $3 AND state = 'HELD'";
    if tx.execute(sql::statement(tx.backend(), sql, values())).await? == 0 {
        return Ok(());
    }
    let sql = "UPDATE orders SET updated_at = $1, refunded_minor = refunded_minor - \
               (SELECT amount_minor FROM order_refunds WHERE tenant_id = $2 AND payout_id = $3) \
               WHERE tenant_id = $2 AND order_reference = \
               (SELECT order_reference FROM order_refunds WHERE tenant_id = $2 AND payout_id = $3)";
    tx.execute(sql::statement(tx.backend(), sql, values())).await.map(|_| ())
}

/// Gives back what is left of a voucher that was taken back: that much of the price is owed again. Does nothing for a voucher
/// that stands in the place of no refund.
pub async fn give_back_in_tx(tx: &Tx, tenant: &TenantId, voucher: VoucherId, left: Money) -> Result<(), DbErr> {
    let values = || [tx.now().micros().into(), tenant.as_str().into(), voucher.uuid().into(), left.minor.into()];
    let sql = "UPDATE order_vouchers SET updated_at = $1, held_minor = held_minor - $4 \
               WHERE tenant_id = $2 AND voucher_id = $3";
    if tx.execute(sql::statement(tx.backend(), sql, values())).await? == 0 {
        return Ok(());
    }
    let sql = "UPDATE orders SET updated_at = $1, refunded_minor = refunded_minor - $4 \
               WHERE tenant_id = $2 AND order_reference = \
               (SELECT order_reference FROM order_vouchers WHERE tenant_id = $2 AND voucher_id = $3)";
    tx.execute(sql::statement(tx.backend(), sql, values())).await.map(|_| ())
}
