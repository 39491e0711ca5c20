//! Durable calls as they are recorded: a row in the transaction of the change that caused them.
//!
//! A call in a lane gets its place from the lane's row, which the transaction locks: the order of places is the order
//! of commits, and a rollback leaves no gap. A timer is a call to the own service with a later due time and no lane.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{RequestContext, TenantId, Timestamp, TraceContext};
use prost::Message;
use sea_orm::{DbErr, QueryResult, Value};
use uuid::Uuid;

use crate::bulk::ColumnType::{Bytes, Integer, Text, Uuid as Id};
use crate::deferred::{self, Returning};
use crate::tx::Effects;
use crate::{Bulk, Tx, sql};

/// When a durable call is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// As soon as the transaction has committed.
    Now,
    /// Not before this time: a timer.
    At(Timestamp),
}

/// A call to record. Its receiver is an ordinary public RPC that is idempotent by `request_id`.
#[derive(Clone, Debug)]
pub struct OutboundCall {
    /// The tenant in whose name it is made.
    pub tenant: TenantId,
    /// A service of the suite, the own one for a timer, or a configured sink.
    pub target: String,
    /// Full gRPC method, from `api::method`.
    pub method: &'static str,
    /// Constant for this step of this case: from `kernel::message_id_for_step`. The request's `request_id`.
    pub message_id: Uuid,
    /// What it is ordered by, e.g. `cases/…`; `None` for a timer.
    pub lane: Option<String>,
    /// The encoded request.
    pub body: Vec<u8>,
    /// When it is sent.
    pub due: Due,
    /// The trace that caused it; the sender links to it.
    pub trace: TraceContext,
    /// `traceparent` of the first request of the story.
    pub journey: String,
}

impl OutboundCall {
    /// A call that leaves as soon as the transaction has committed, in order within `lane`. `request` carries
    /// `message_id` as its `request_id`.
    pub fn in_lane(
        context: &RequestContext,
        target: &str,
        method: &'static str,
        message_id: Uuid,
        lane: String,
        request: &impl Message,
    ) -> Self {
        Self {
            tenant: context.tenant.clone(),
            target: target.to_owned(),
            method,
            message_id,
            lane: Some(lane),
            body: request.encode_to_vec(),
            due: Due::Now,
            trace: context.trace.clone(),
            journey: context.journey.clone(),
        }
    }

    /// A call to the own service at `at`; cancel it by its `message_id`.
    pub fn timer(
        context: &RequestContext,
        service: &str,
        method: &'static str,
        message_id: Uuid,
        at: Timestamp,
        request: &impl Message,
    ) -> Self {
        Self {
            tenant: context.tenant.clone(),
            target: service.to_owned(),
            method,
            message_id,
            lane: None,
            body: request.encode_to_vec(),
            due: Due::At(at),
            trace: context.trace.clone(),
            journey: context.journey.clone(),
        }
    }
}

/// Writes what a transaction has left to its end: its writes and the places in lanes, then the calls, then the
/// cancellations. The targets that have a call due now; `None` when a write lost a race.
pub(crate) async fn flush(tx: &Tx, service: &str, effects: Effects) -> Result<Option<BTreeSet<String>>, DbErr> {
    let Effects { writes, calls, cancelled, mut due } = effects;
    let is_due = |call: &&OutboundCall| call.due == Due::Now || matches!(call.due, Due::At(at) if at <= tx.now());
    due.extend(calls.iter().filter(is_due).map(|call| call.target.clone()));
    let counts = lane_counts(&calls);
    let written = deferred::carry_out(tx, &writes, take_places(&counts).as_ref()).await?;
    if written.lost_race {
        return Ok(None);
    }
    if !calls.is_empty() {
        let places = lane_places(&calls, &counts, &written.returned)?;
        insert(tx, service, calls, places).await?;
    }
    if !cancelled.is_empty() {
        cancel(tx, cancelled).await?;
    }
    Ok(Some(due))
}

type LaneKey = (String, String, String);

fn lane_key(call: &OutboundCall) -> Option<LaneKey> {
    call.lane.as_ref().map(|lane| (call.tenant.to_string(), call.target.clone(), lane.clone()))
}

fn lane_counts(calls: &[OutboundCall]) -> BTreeMap<LaneKey, i64> {
    let mut counts = BTreeMap::new();
    for lane in calls.iter().filter_map(lane_key) {
        *counts.entry(lane).or_default() += 1;
    }
    counts
}

/// Takes places in lanes: one statement, lanes in key order, so that two groups cannot deadlock.
fn take_places(counts: &BTreeMap<LaneKey, i64>) -> Option<Returning> {
    let mut input = Bulk::new(&[("tenant_id", Text), ("target", Text), ("lane", Text), ("taken", Integer)]);
    for ((tenant, target, lane), taken) in counts {
        input.push([tenant.as_str().into(), target.as_str().into(), lane.as_str().into(), (*taken).into()]);
    }
    (!input.is_empty()).then_some(Returning {
        input,
        body: "INSERT INTO outbound_lanes (tenant_id, target, lane, last_seq) \
               SELECT tenant_id, target, lane, taken FROM input WHERE true ORDER BY tenant_id, target, lane \
               ON CONFLICT (tenant_id, target, lane) DO UPDATE SET last_seq = outbound_lanes.last_seq + excluded.last_seq \
               RETURNING tenant_id, target, lane, last_seq",
    })
}

/// The place of each call in its lane, in the order of recording.
fn lane_places(
    calls: &[OutboundCall],
    counts: &BTreeMap<LaneKey, i64>,
    rows: &[QueryResult],
) -> Result<Vec<Option<i64>>, DbErr> {
    let mut next: BTreeMap<LaneKey, i64> = BTreeMap::new();
    if !counts.is_empty() {
        for row in rows {
            let lane: LaneKey =
                (sql::column(row, "tenant_id")?, sql::column(row, "target")?, sql::column(row, "lane")?);
            let last: i64 = sql::column(row, "last_seq")?;
            let taken = counts.get(&lane).copied().unwrap_or(0);
            next.insert(lane, last - taken);
        }
    }
    Ok(calls
        .iter()
        .map(|call| {
            let place = next.get_mut(&lane_key(call)?)?;
            *place += 1;
            Some(*place)
        })
        .collect())
}

async fn insert(tx: &Tx, service: &str, calls: Vec<OutboundCall>, places: Vec<Option<i64>>) -> Result<(), DbErr> {
    let mut input = Bulk::new(&[
        ("message_id", Id),
        ("tenant_id", Text),
        ("sender", Text),
        ("target", Text),
        ("method", Text),
        ("lane", Text),
        ("lane_seq", Integer),
        ("body", Bytes),
        ("due_at", Integer),
        ("traceparent", Text),
        ("tracestate", Text),
        ("journey", Text),
        ("created_at", Integer),
    ])
    .nullable(&["lane", "lane_seq"]);
    let now = tx.now().micros();
    for (call, place) in calls.into_iter().zip(places) {
        let due_at = match call.due {
            Due::Now => now,
            Due::At(at) => at.micros(),
        };
        input.push([
            call.message_id.into(),
            call.tenant.as_str().into(),
            service.into(),
            call.target.into(),
            call.method.into(),
            Value::from(call.lane),
            Value::from(place),
            call.body.into(),
            due_at.into(),
            call.trace.traceparent.into(),
            call.trace.tracestate.into(),
            call.journey.into(),
            now.into(),
        ]);
    }
    tx.execute_all(input.statements(
        tx.backend(),
        "INSERT INTO outbound_calls (message_id, tenant_id, sender, target, method, lane, lane_seq, body, state, due_at, \
         attempts, token, traceparent, tracestate, journey, created_at) \
         SELECT message_id, tenant_id, sender, target, method, lane, lane_seq, body, 'pending', due_at, \
         0, 0, traceparent, tracestate, journey, created_at FROM input",
        &[],
    ))
    .await?;
    Ok(())
}

async fn cancel(tx: &Tx, mut message_ids: Vec<Uuid>) -> Result<(), DbErr> {
    message_ids.sort_unstable();
    message_ids.dedup();
    let mut input = Bulk::new(&[("message_id", Id)]);
    for message_id in message_ids {
        input.push([message_id.into()]);
    }
    tx.execute_all(input.statements(
        tx.backend(),
        "UPDATE outbound_calls SET state = 'cancelled', finished_at = $1 \
         WHERE message_id IN (SELECT message_id FROM input) AND state = 'pending' AND lane IS NULL",
        &[tx.now().micros().into()],
    ))
    .await?;
    Ok(())
}
