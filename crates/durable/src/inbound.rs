//! What has been asked of this service and how it was answered, and how far each sender's lane has been applied.
//!
//! One table is both the idempotency of clients and the inbox of durable calls: a durable call is a client's request
//! whose client is a service and whose request id is the message id.

use std::collections::BTreeMap;

use kernel::{RequestKey, ServiceError, reason};
use sea_orm::{DbErr, Value};

use crate::bulk::ColumnType::{Bytes, Integer, Text};
use crate::{Bulk, Tx, Write, sql};

/// How a request was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The encoded response.
    Response(Vec<u8>),
    /// A definitive no.
    Rejection(ServiceError),
}

/// An answer in the log.
#[derive(Clone, Debug)]
pub(crate) struct Logged {
    pub(crate) request_hash: Vec<u8>,
    pub(crate) outcome: Outcome,
}

/// `(tenant, client, method, request id)`.
pub(crate) type LogKey = (String, String, String, String);

pub(crate) fn log_key(key: &RequestKey) -> LogKey {
    (key.tenant.to_string(), key.client.clone(), key.method.to_owned(), key.request_id.clone())
}

/// Answers to these requests that are in the log.
pub(crate) async fn find(tx: &Tx, keys: &[RequestKey]) -> Result<BTreeMap<LogKey, Logged>, DbErr> {
    let mut input = Bulk::new(&[("tenant_id", Text), ("client", Text), ("method", Text), ("request_id", Text)]);
    for key in keys {
        input.push([
            key.tenant.as_str().into(),
            key.client.as_str().into(),
            key.method.into(),
            key.request_id.as_str().into(),
        ]);
    }
    let rows = tx
        .query_all(input.statements(
            tx.backend(),
            "SELECT r.tenant_id, r.client, r.method, r.request_id, r.request_hash, r.response, r.rejection \
             FROM input i JOIN inbound_requests r ON r.tenant_id = i.tenant_id AND r.client = i.client \
             AND r.method = i.method AND r.request_id = i.request_id",
            &[],
        ))
        .await?;
    let mut logged = BTreeMap::new();
    for row in rows {
        let key = (
            sql::column(&row, "tenant_id")?,
            sql::column(&row, "client")?,
            sql::column(&row, "method")?,
            sql::column(&row, "request_id")?,
        );
        let rejection: Option<String> = sql::column(&row, "rejection")?;
        let response: Option<Vec<u8>> = sql::column(&row, "response")?;
        let outcome = match (response, rejection) {
            (_, Some(json)) => Outcome::Rejection(
                serde_json::from_str(&json).map_err(|error| DbErr::Json(format!("stored rejection: {error}")))?,
            ),
            (response, None) => Outcome::Response(response.unwrap_or_default()),
        };
        logged.insert(key, Logged { request_hash: sql::column(&row, "request_hash")?, outcome });
    }
    Ok(logged)
}

/// Has the answers of a group written at the end of the transaction; when another one has answered one of the requests in
/// the meantime, this one loses the race.
pub(crate) fn record(tx: &Tx, answers: &[(&RequestKey, &Outcome)]) -> Result<(), DbErr> {
    let mut input = Bulk::new(&[
        ("tenant_id", Text),
        ("client", Text),
        ("method", Text),
        ("request_id", Text),
        ("request_hash", Bytes),
        ("response", Bytes),
        ("rejection", Text),
        ("lane", Text),
        ("lane_seq", Integer),
        ("created_at", Integer),
    ])
    .nullable(&["rejection", "lane", "lane_seq"]);
    let mut ordered = answers.to_vec();
    ordered.sort_by_key(|(key, _)| log_key(key));
    for (key, outcome) in ordered {
        let (response, rejection) = match outcome {
            Outcome::Response(bytes) => (bytes.clone(), None),
            Outcome::Rejection(error) => {
                let json = serde_json::to_string(error).map_err(|error| DbErr::Json(error.to_string()))?;
                (Vec::new(), Some(json))
            }
        };
        input.push([
            key.tenant.as_str().into(),
            key.client.as_str().into(),
            key.method.into(),
            key.request_id.as_str().into(),
            key.request_hash.to_vec().into(),
            response.into(),
            Value::from(rejection),
            Value::from(key.lane.as_ref().map(|lane| lane.lane.clone())),
            Value::from(key.lane.as_ref().map(|lane| lane.seq)),
            tx.now().micros().into(),
        ]);
    }
    let body = "INSERT INTO inbound_requests (tenant_id, client, method, request_id, request_hash, response, rejection, \
                lane, lane_seq, created_at) SELECT tenant_id, client, method, request_id, request_hash, \
                CASE WHEN rejection IS NULL THEN response END, rejection, lane, lane_seq, created_at \
                FROM input WHERE true ON CONFLICT (tenant_id, client, method, request_id) DO NOTHING";
    tx.write_at_end(Write::new("inbound_requests", input, body).all_or_lost_race());
    Ok(())
}

/// `(tenant, client, lane)`.
type LaneKey = (String, String, String);

/// The lanes of a group: where each stands, and where the group takes it.
#[derive(Debug, Default)]
pub(crate) struct Lanes {
    stored: BTreeMap<LaneKey, i64>,
    reached: BTreeMap<LaneKey, i64>,
}

impl Lanes {
    /// Reads where the lanes of these requests stand.
    pub(crate) async fn load(tx: &Tx, keys: &[RequestKey]) -> Result<Self, DbErr> {
        let mut lanes: Vec<LaneKey> = keys.iter().filter_map(lane_key).collect();
        lanes.sort_unstable();
        lanes.dedup();
        if lanes.is_empty() {
            return Ok(Self::default());
        }
        let mut input = Bulk::new(&[("tenant_id", Text), ("client", Text), ("lane", Text)]);
        for (tenant, client, lane) in &lanes {
            input.push([tenant.as_str().into(), client.as_str().into(), lane.as_str().into()]);
        }
        let rows = tx
            .query_all(input.statements(
                tx.backend(),
                "SELECT l.tenant_id, l.client, l.lane, l.last_seq FROM input i JOIN inbound_lanes l \
                 ON l.tenant_id = i.tenant_id AND l.client = i.client AND l.lane = i.lane",
                &[],
            ))
            .await?;
        let mut stored: BTreeMap<LaneKey, i64> = lanes.into_iter().map(|lane| (lane, 0)).collect();
        for row in rows {
            let lane = (sql::column(&row, "tenant_id")?, sql::column(&row, "client")?, sql::column(&row, "lane")?);
            stored.insert(lane, sql::column(&row, "last_seq")?);
        }
        Ok(Self { stored, reached: BTreeMap::new() })
    }

    /// Takes the request's place in its lane, when it is the next one.
    ///
    /// # Errors
    /// `SEQUENCE_GAP` (to be sent again) when an earlier call is missing; `LANE_REUSED` when the place was taken by
    /// another message, which only a defect or a foreign sender can cause.
    pub(crate) fn advance(&mut self, key: &RequestKey) -> Result<(), ServiceError> {
        let (Some(lane), Some(delivery)) = (lane_key(key), key.lane.as_ref()) else { return Ok(()) };
        let last = self.reached.get(&lane).or_else(|| self.stored.get(&lane)).copied().unwrap_or(0);
        if delivery.seq == last + 1 {
            self.reached.insert(lane, delivery.seq);
            return Ok(());
        }
        if delivery.seq > last {
            return Err(ServiceError::precondition(
                reason::SEQUENCE_GAP,
                format!("{} waits for call {} of its lane, not {}", delivery.lane, last + 1, delivery.seq),
            )
            .with("expected", last + 1)
            .transient());
        }
        let mut error =
            ServiceError::internal(format!("{} call {} is new, but {last} was applied", delivery.lane, delivery.seq));
        error.reason = reason::LANE_REUSED.to_owned();
        Err(error)
    }

    /// Has it written where the lanes have got to at the end of the transaction, which loses the race when another one
    /// has moved one of them in the meantime. A new lane is inserted, a known one moved from where it was seen.
    pub(crate) fn store(&self, tx: &Tx) {
        let mut new = Bulk::new(&[
            ("tenant_id", Text),
            ("client", Text),
            ("lane", Text),
            ("from_seq", Integer),
            ("to_seq", Integer),
        ]);
        let mut known = new.clone();
        for (lane, reached) in &self.reached {
            let from = self.stored.get(lane).copied().unwrap_or(0);
            let bulk = if from == 0 { &mut new } else { &mut known };
            bulk.push([
                lane.0.as_str().into(),
                lane.1.as_str().into(),
                lane.2.as_str().into(),
                from.into(),
                (*reached).into(),
            ]);
        }
        let insert = "INSERT INTO inbound_lanes (tenant_id, client, lane, last_seq) \
                      SELECT tenant_id, client, lane, to_seq FROM input WHERE true ORDER BY tenant_id, client, lane \
                      ON CONFLICT (tenant_id, client, lane) DO NOTHING";
        tx.write_at_end(Write::new("new_lanes", new, insert).all_or_lost_race());
        let update = "UPDATE inbound_lanes SET last_seq = input.to_seq FROM input \
                      WHERE inbound_lanes.tenant_id = input.tenant_id AND inbound_lanes.client = input.client \
                      AND inbound_lanes.lane = input.lane AND inbound_lanes.last_seq = input.from_seq";
        tx.write_at_end(Write::new("known_lanes", known, update).all_or_lost_race());
    }
}

fn lane_key(key: &RequestKey) -> Option<LaneKey> {
    key.lane.as_ref().map(|delivery| (key.tenant.to_string(), key.client.clone(), delivery.lane.clone()))
}
