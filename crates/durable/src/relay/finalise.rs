//! Finalising: writes how attempts ended, one statement for a batch, fenced by each call's token.
//!
//! A call that somebody else has claimed meanwhile is left alone: this process is a zombie for it, and its result is
//! dropped. A rejection and a parking are finalised in a transaction of their own, together with what the service does
//! about them.

use std::collections::BTreeMap;

use kernel::{ServiceError, Timestamp};
use sea_orm::{ConnectionTrait as _, DbErr, QueryResult, Statement, Value};
use uuid::Uuid;

use super::claim::{Claimed, Failing, due_clock, micros};
use super::verdict::{Failed, Failure, rejection_text};
use super::{RejectionHandler, UndeliveredCall};
use crate::bulk::ColumnType::{Integer, Text, Uuid as Id};
use crate::{Bulk, Engine, Tx, sql};

/// A call whose attempt has ended.
#[derive(Clone, Debug)]
pub(crate) struct Ended {
    pub(crate) call: Claimed,
    pub(crate) outcome: Outcome,
}

/// What becomes of it.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// Final.
    Done,
    /// Final; the service reacts.
    Rejected(ServiceError),
    /// Due again after this time.
    Retry { after: std::time::Duration, failing: Failing, error: String },
    /// Waits for an operator; the service reacts.
    Parked { failing: Failing, error: String },
    /// Was claimed and not sent.
    Released,
}

/// What finalising a batch came to.
#[derive(Debug, Default)]
pub(crate) struct Finalised {
    /// Calls that were not ours any more.
    pub(crate) fenced: u64,
    /// Calls that are parked now.
    pub(crate) parked: u64,
    /// True when a lane has a later call, which may be sent now.
    pub(crate) followed: bool,
}

/// How often a call has failed in this way, and since when.
pub(crate) fn streak(call: &Claimed, failed: &Failed) -> Failing {
    match &call.failing {
        Some(failing) if failing.way == failed.way => {
            Failing { count: failing.count.saturating_add(1), ..failing.clone() }
        }
        _ => Failing { way: failed.way.clone(), count: 1, since: call.claimed_at },
    }
}

/// Writes a batch. Calls whose service could not react to a rejection or a parking become due again later.
///
/// # Errors
/// When the database fails: nothing, or not everything, is written. Writing it again is harmless.
pub(crate) async fn finalise(
    engine: &Engine,
    handler: Option<&dyn RejectionHandler>,
    target: &str,
    batch: &[Ended],
) -> Result<Finalised, DbErr> {
    // Before anything is written: see `quiescence`.
    engine.count_commit();
    let mut finalised = Finalised::default();
    let (undelivered, others): (Vec<&Ended>, Vec<&Ended>) =
        batch.iter().partition(|ended| matches!(ended.outcome, Outcome::Rejected(_) | Outcome::Parked { .. }));
    if !others.is_empty() {
        let mut rows = Vec::new();
        for statement in statements(engine, &others) {
            rows.extend(engine.db().write().query_all_raw(statement).await?);
        }
        finalised.add(&others, &rows)?;
    }
    for ended in undelivered {
        if let Err(failure) = react(engine, handler, target, ended, &mut finalised).await {
            tracing::error!(
                messaging.message.id = %ended.call.message_id,
                target,
                error = %failure,
                "the reaction to a call that does not go through failed; the call is sent again later"
            );
            let failed = Failed {
                failure: Failure::Defect,
                way: format!("REJECTION_HANDLER {}", failure.reason),
                text: String::new(),
                retry_after: None,
            };
            let again = Ended {
                call: ended.call.clone(),
                outcome: Outcome::Retry {
                    after: std::time::Duration::from_secs(30),
                    failing: streak(&ended.call, &failed),
                    error: rejection_text(&failure),
                },
            };
            let mut rows = Vec::new();
            for statement in statements(engine, &[&again]) {
                rows.extend(engine.db().write().query_all_raw(statement).await?);
            }
            finalised.add(&[&again], &rows)?;
        }
    }
    Ok(finalised)
}

async fn react(
    engine: &Engine,
    handler: Option<&dyn RejectionHandler>,
    target: &str,
    ended: &Ended,
    finalised: &mut Finalised,
) -> Result<(), ServiceError> {
    let call = undelivered_call(engine, target, &ended.call);
    if let (None, Outcome::Rejected(error)) = (handler, &ended.outcome) {
        tracing::warn!(messaging.message.id = %call.message_id, target, %error, "a durable call was refused for good");
    }
    let rows = engine
        .run_tx("durable.undelivered_call", |tx: Tx| {
            let call = &call;
            async move {
                let rows = tx.query_all(statements(engine, &[ended])).await?;
                if let (Some(handler), false) = (handler, rows.is_empty()) {
                    match &ended.outcome {
                        Outcome::Rejected(error) => handler.rejected(&tx, call, error).await?,
                        Outcome::Parked { failing, .. } => handler.parked(&tx, call, &failing.way).await?,
                        Outcome::Done | Outcome::Retry { .. } | Outcome::Released => {}
                    }
                }
                Ok(rows)
            }
        })
        .await?;
    finalised.add(&[ended], &rows).map_err(ServiceError::internal)
}

fn undelivered_call(engine: &Engine, target: &str, call: &Claimed) -> UndeliveredCall {
    UndeliveredCall {
        tenant: call.tenant.clone(),
        message_id: call.message_id,
        sender: engine.service().to_owned(),
        target: target.to_owned(),
        method: call.method.clone(),
        lane: call.lane.as_ref().map(|(lane, _)| lane.clone()),
        attempts: call.attempts,
        body: call.body.to_vec(),
        trace: kernel::TraceContext { traceparent: call.traceparent.clone(), tracestate: call.tracestate.clone() },
        journey: call.journey.clone(),
    }
}

impl Finalised {
    /// Counts the rows that a statement has written.
    fn add(&mut self, batch: &[&Ended], rows: &[QueryResult]) -> Result<(), DbErr> {
        let ours: BTreeMap<Uuid, bool> = rows
            .iter()
            .map(|row| Ok((sql::column(row, "message_id")?, sql::column::<i64>(row, "followed")? != 0)))
            .collect::<Result<_, DbErr>>()?;
        for ended in batch {
            let Some(&followed) = ours.get(&ended.call.message_id) else {
                self.fenced += 1;
                continue;
            };
            match ended.outcome {
                Outcome::Done | Outcome::Rejected(_) => self.followed |= followed,
                Outcome::Parked { .. } => self.parked += 1,
                Outcome::Retry { .. } | Outcome::Released => {}
            }
        }
        Ok(())
    }
}

/// The fenced update of a batch; returns the calls that were ours, and whether their lanes have later calls.
pub(super) fn statements(engine: &Engine, batch: &[&Ended]) -> Vec<Statement> {
    let mut input = Bulk::new(&[
        ("message_id", Id),
        ("token", Integer),
        ("state", Text),
        ("delay", Integer),
        ("unsent", Integer),
        ("last_error", Text),
        ("failing_as", Text),
        ("failing_count", Integer),
        ("failing_since", Integer),
    ])
    .nullable(&["delay", "last_error", "failing_as", "failing_count", "failing_since"]);
    for Ended { call, outcome } in batch {
        let (state, after, unsent, error, failing) = match outcome {
            Outcome::Done => ("done", None, 0, None, None),
            Outcome::Rejected(error) => ("rejected", None, 0, Some(rejection_text(error)), None),
            Outcome::Retry { after, failing, error } => {
                ("pending", Some(micros(*after)), 0, Some(error.clone()), Some(failing.clone()))
            }
            Outcome::Parked { failing, error } => ("parked", None, 0, Some(error.clone()), Some(failing.clone())),
            Outcome::Released => ("pending", None, 1, None, call.failing.clone()),
        };
        input.push([
            call.message_id.into(),
            call.token.into(),
            state.into(),
            Value::from(after),
            i64::from(unsent).into(),
            Value::from(error),
            Value::from(failing.as_ref().map(|failing| failing.way.clone())),
            Value::from(failing.as_ref().map(|failing| i64::from(failing.count))),
            Value::from(failing.as_ref().map(|failing| Timestamp::micros(failing.since))),
        ]);
    }
    let mut values: Vec<Value> = vec![engine.now().micros().into()];
    let clock = due_clock(engine, &mut values);
    input.statements(
        engine.db().backend(),
        &format!(
            "UPDATE outbound_calls SET state = input.state, \
             due_at = COALESCE({clock} + input.delay, outbound_calls.due_at), \
             attempts = outbound_calls.attempts - input.unsent, owner = NULL, lease_until = NULL, \
             last_error = CASE WHEN input.unsent = 1 THEN outbound_calls.last_error ELSE input.last_error END, \
             failing_as = input.failing_as, failing_count = input.failing_count, failing_since = input.failing_since, \
             finished_at = CASE WHEN input.state IN ('done', 'rejected') THEN $1 ELSE NULL END \
             FROM input WHERE outbound_calls.message_id = input.message_id AND outbound_calls.token = input.token \
             AND outbound_calls.state = 'leased' \
             RETURNING outbound_calls.message_id, CAST(CASE WHEN outbound_calls.lane IS NULL THEN 0 ELSE \
             COALESCE((SELECT CASE WHEN l.last_seq > outbound_calls.lane_seq THEN 1 ELSE 0 END FROM outbound_lanes l \
             WHERE l.tenant_id = outbound_calls.tenant_id AND l.target = outbound_calls.target \
             AND l.lane = outbound_calls.lane), 0) END AS BIGINT) AS followed"
        ),
        &values,
    )
}
