//! Durable calls as they are recorded: a row in the transaction of the change that caused them.
//!
//! A call in a lane gets its place from the lane's row, which the transaction locks: the order of places is the order
//! of commits, and a rollback leaves no gap. A timer is a call to the own service with a later due time and no lane.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{RequestContext, TenantId, Timestamp, TraceContext};
use prost::Message;
use sea_orm::{DbErr, Value};
use uuid::Uuid;

use crate::bulk::ColumnType::{Bytes, Integer, Text, Uuid as Id};
use crate::deferred::{self, ROWS_BEFORE};
use crate::tx::Effects;
use crate::{Backend, Bulk, Tx, Write};

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

/// Writes what a transaction has left to its end: its writes, the places in lanes, the calls, the cancellations. The
/// targets that have a call due now; `None` when a write lost a race.
pub(crate) async fn flush(tx: &Tx, service: &str, effects: Effects) -> Result<Option<BTreeSet<String>>, DbErr> {
    let Effects { mut writes, mut calls, mut cancelled, mut due } = effects;
    cancelled.sort_unstable();
    cancelled.dedup();
    // A write does not see what another one of the same statement has written.
    calls.retain(|call| call.lane.is_some() || cancelled.binary_search(&call.message_id).is_err());
    let is_due = |call: &&OutboundCall| call.due == Due::Now || matches!(call.due, Due::At(at) if at <= tx.now());
    due.extend(calls.iter().filter(is_due).map(|call| call.target.clone()));
    let lanes = Lanes::of(&calls);
    writes.push(lanes.take_places());
    writes.push(insert(tx, service, calls, &lanes));
    writes.push(cancel(tx, cancelled));
    writes.retain(|write| !write.is_empty());
    Ok((!deferred::carry_out(tx, &writes).await?).then_some(due))
}

type LaneKey = (String, String, String);

fn lane_key(call: &OutboundCall) -> Option<LaneKey> {
    call.lane.as_ref().map(|lane| (call.tenant.to_string(), call.target.clone(), lane.clone()))
}

/// The lanes of a transaction's calls, in the order of their keys' bytes, with the number of calls of each.
struct Lanes(BTreeMap<LaneKey, i64>);

impl Lanes {
    fn of(calls: &[OutboundCall]) -> Self {
        let mut counts = BTreeMap::new();
        for lane in calls.iter().filter_map(lane_key) {
            *counts.entry(lane).or_default() += 1;
        }
        Self(counts)
    }

    /// Takes places in lanes, in the order of their keys, so that two groups cannot deadlock.
    fn take_places(&self) -> Write {
        let mut input = Bulk::new(&[("tenant_id", Text), ("target", Text), ("lane", Text), ("taken", Integer)]);
        for ((tenant, target, lane), taken) in &self.0 {
            input.push([tenant.as_str().into(), target.as_str().into(), lane.as_str().into(), (*taken).into()]);
        }
        let body = "INSERT INTO outbound_lanes (tenant_id, target, lane, last_seq) \
                    SELECT tenant_id, target, lane, taken FROM input WHERE true ORDER BY tenant_id, target, lane \
                    ON CONFLICT (tenant_id, target, lane) \
                    DO UPDATE SET last_seq = outbound_lanes.last_seq + excluded.last_seq";
        Write::new("outbound_lanes", input, body).returning("tenant_id, target, lane, last_seq")
    }

    /// The last place taken in the lane of a row of `input`, as SQL. PostgreSQL has it in the rows just written only: in
    /// an array by the order of lanes, which is read once, where a join of two CTEs would compare each with each.
    fn last_place(&self, backend: Backend) -> String {
        match backend {
            Backend::Postgres if self.0.is_empty() => "NULL::bigint".to_owned(),
            Backend::Postgres => format!(
                "(SELECT array_agg(last_seq ORDER BY tenant_id COLLATE \"C\", target COLLATE \"C\", lane COLLATE \"C\") \
                 FROM {ROWS_BEFORE})[input.lane_index::int]"
            ),
            Backend::Sqlite => "(SELECT l.last_seq FROM outbound_lanes l WHERE l.tenant_id = input.tenant_id \
                                AND l.target = input.target AND l.lane = input.lane)"
                .to_owned(),
        }
    }
}

/// Inserts the calls; each lane's in the order of recording.
fn insert(tx: &Tx, service: &str, calls: Vec<OutboundCall>, lanes: &Lanes) -> Write {
    let mut input = Bulk::new(&[
        ("message_id", Id),
        ("tenant_id", Text),
        ("sender", Text),
        ("target", Text),
        ("method", Text),
        ("lane", Text),
        ("lane_index", Integer),
        ("later_calls", Integer),
        ("body", Bytes),
        ("due_at", Integer),
        ("traceparent", Text),
        ("tracestate", Text),
        ("journey", Text),
        ("created_at", Integer),
    ])
    .nullable(&["lane", "lane_index", "later_calls"]);
    let now = tx.now().micros();
    // Of each lane: its index from 1, and how many of its calls come later than the one at hand.
    let mut later: BTreeMap<&LaneKey, (i64, i64)> = BTreeMap::new();
    for (index, (lane, calls)) in (1..).zip(&lanes.0) {
        later.insert(lane, (index, *calls));
    }
    for call in calls {
        let place = lane_key(&call).and_then(|lane| later.get_mut(&lane)).map(|(index, later)| {
            *later -= 1;
            (*index, *later)
        });
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
            Value::from(place.map(|(index, _)| index)),
            Value::from(place.map(|(_, later)| later)),
            call.body.into(),
            due_at.into(),
            call.trace.traceparent.into(),
            call.trace.tracestate.into(),
            call.journey.into(),
            now.into(),
        ]);
    }
    let body = format!(
        "INSERT INTO outbound_calls (message_id, tenant_id, sender, target, method, lane, lane_seq, body, state, due_at, \
         attempts, token, traceparent, tracestate, journey, created_at) \
         SELECT message_id, tenant_id, sender, target, method, lane, {} - later_calls, body, 'pending', due_at, \
         0, 0, traceparent, tracestate, journey, created_at FROM input",
        lanes.last_place(tx.backend())
    );
    Write::new("outbound_calls", input, body)
}

/// Cancels timers that have not been sent.
fn cancel(tx: &Tx, message_ids: Vec<Uuid>) -> Write {
    let mut input = Bulk::new(&[("message_id", Id)]);
    for message_id in message_ids {
        input.push([message_id.into()]);
    }
    let body = "UPDATE outbound_calls SET state = 'cancelled', finished_at = $1 \
                WHERE message_id IN (SELECT message_id FROM input) AND state = 'pending' AND lane IS NULL";
    Write::new("cancelled_calls", input, body).with(vec![tx.now().micros().into()])
}
