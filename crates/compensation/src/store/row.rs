//! Columns from and to values: times, money, states, JSON. A row that makes no sense is refused, never guessed.

use kernel::{Currency, Money, Timestamp};
use sea_orm::sea_query::{Expr, ExprTrait as _, SimpleExpr};
use sea_orm::{ColumnTrait, DbErr};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Where a page ended: creation time and id of its last row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// Microseconds.
    pub created_at: i64,
    /// Id.
    pub id: Uuid,
}

/// The error of a row that contradicts itself.
pub(super) fn broken(what: impl std::fmt::Display) -> DbErr {
    DbErr::Custom(format!("a stored row makes no sense: {what}"))
}

pub(super) fn money(minor: i64, currency: &str) -> Result<Money, DbErr> {
    Currency::parse(currency).map(|currency| Money::new(currency, minor)).ok_or_else(|| broken(currency))
}

pub(super) fn count(value: i64) -> Result<u32, DbErr> {
    u32::try_from(value).map_err(broken)
}

pub(super) fn time(micros: Option<i64>) -> Option<Timestamp> {
    micros.map(Timestamp::from_micros)
}

pub(super) fn state<S>(parse: impl Fn(&str) -> Option<S>, text: &str) -> Result<S, DbErr> {
    parse(text).ok_or_else(|| broken(text))
}

pub(super) fn from_json<T: DeserializeOwned>(text: &str) -> Result<T, DbErr> {
    serde_json::from_str(text).map_err(broken)
}

pub(super) fn to_json(value: &impl Serialize) -> Result<String, DbErr> {
    serde_json::to_string(value).map_err(broken)
}

/// An update of a locked row changes exactly one.
pub(super) fn expect_one(affected: u64, what: impl std::fmt::Display) -> Result<(), DbErr> {
    if affected == 1 {
        Ok(())
    } else {
        Err(DbErr::RecordNotUpdated).inspect_err(|_| tracing::error!(%what, affected, "not one row"))
    }
}

/// `(created_at, id) > cursor`, as one comparison of rows, which an index on both serves.
pub(super) fn later_than<C: ColumnTrait>(created_at: C, id: C, after: Cursor) -> SimpleExpr {
    pair(created_at, id).gt(Expr::tuple([after.created_at.into(), after.id.into()]))
}

/// `(created_at, id) < cursor`.
pub(super) fn earlier_than<C: ColumnTrait>(created_at: C, id: C, after: Cursor) -> SimpleExpr {
    pair(created_at, id).lt(Expr::tuple([after.created_at.into(), after.id.into()]))
}

fn pair<C: ColumnTrait>(created_at: C, id: C) -> SimpleExpr {
    Expr::tuple([Expr::col(created_at), Expr::col(id)])
}
