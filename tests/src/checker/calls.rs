//! Durable calls and lanes: I11 (a sender was told what its receiver has stored), I13 (every delivery is a receipt and the
//! other way round), I14 (order without gaps), I15 (nothing left behind). What the sweep has removed from a receiver's log is excused as far as the receiver counted it.

use std::collections::{BTreeMap, BTreeSet};

use amends::role::Role;
use durable::sql::column;
use uuid::Uuid;

use super::{Checker, Counted, Findings};

impl Checker {
    pub(super) async fn check_calls(&self, findings: &mut Findings, counted: &mut Counted) {
        // With the time of recording: the receipt is not older.
        let mut sent: BTreeMap<(String, String), BTreeMap<String, i64>> = BTreeMap::new();
        let mut refused: BTreeMap<String, bool> = BTreeMap::new();
        for sender in Role::ALL {
            for row in self.rows(sender, "SELECT message_id, target, state, created_at FROM outbound_calls").await {
                let message: Uuid = column(&row, "message_id").expect("message_id");
                let target: String = column(&row, "target").expect("target");
                let state: String = column(&row, "state").expect("state");
                match state.as_str() {
                    "done" | "rejected" => {
                        counted.delivered += 1;
                        refused.insert(message.to_string(), state == "rejected");
                        let recorded: i64 = column(&row, "created_at").expect("created_at");
                        sent.entry((sender.name().to_owned(), target))
                            .or_default()
                            .insert(message.to_string(), recorded);
                    }
                    "leased" => {
                        findings.add("I15", format!("{sender}: call {message} to {target} is still being sent"));
                    }
                    "parked" => findings.add("I22", format!("{sender}: call {message} to {target} is parked")),
                    _ => {}
                }
            }
            let due = self.number(sender, &format!("SELECT count(*) AS n FROM outbound_calls WHERE state = 'pending' AND lane IS NOT NULL AND due_at <= {}", self.now(sender))).await;
            if due > 0 {
                findings.add("I15", format!("{sender}: {due} calls are due and were not sent"));
            }
        }
        for receiver in Role::ALL {
            let mut received: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
            for row in self
                .rows(
                    receiver,
                    "SELECT client, request_id, rejection FROM inbound_requests WHERE client LIKE 'service:%'",
                )
                .await
            {
                let client: String = column(&row, "client").expect("client");
                let request: String = column(&row, "request_id").expect("request_id");
                let stored: Option<String> = column(&row, "rejection").expect("rejection");
                if refused.get(&request).is_some_and(|refused| *refused != stored.is_some()) {
                    let text =
                        format!("{receiver}: the answer to {request} of {client} is not what its sender was told");
                    findings.add("I11", text);
                }
                received.entry(client.trim_start_matches("service:").to_owned()).or_default().insert(request);
            }
            let swept_until = self.number(receiver, "SELECT swept_until AS n FROM inbound_sweep").await;
            for sender in Role::ALL {
                let key = (sender.name().to_owned(), receiver.name().to_owned());
                let (sent, received) =
                    (sent.get(&key).cloned().unwrap_or_default(), received.remove(sender.name()).unwrap_or_default());
                let removed = self.receipts_removed(receiver, sender.name()).await;
                let mut excused = 0;
                for (lost, recorded) in sent.iter().filter(|(message, _)| !received.contains(*message)) {
                    if *recorded <= swept_until && excused < removed {
                        excused += 1;
                    } else {
                        findings.add("I13", format!("{sender} → {receiver}: {lost} is done and was never received"));
                    }
                }
                let known = self.known_messages(sender, &received).await;
                for invented in received.difference(&known) {
                    findings.add("I13", format!("{sender} → {receiver}: {invented} was received and never sent"));
                }
            }
            self.check_lanes(receiver, findings, counted).await;
        }
    }

    /// How many of a sender's receipts the sweep has removed at a receiver.
    async fn receipts_removed(&self, receiver: Role, sender: &str) -> i64 {
        let sql = format!(
            "SELECT CAST(COALESCE(sum(requests), 0) AS BIGINT) AS n FROM inbound_removed WHERE client = 'service:{sender}'"
        );
        self.number(receiver, &sql).await
    }

    /// Those of the messages that the sender has a row for, in whatever state.
    async fn known_messages(&self, sender: Role, messages: &BTreeSet<String>) -> BTreeSet<String> {
        if messages.is_empty() {
            return BTreeSet::new();
        }
        let rows = self.rows(sender, "SELECT message_id FROM outbound_calls").await;
        rows.iter()
            .map(|row| column::<Uuid>(row, "message_id").expect("message_id").to_string())
            .filter(|id| messages.contains(id))
            .collect()
    }

    async fn check_lanes(&self, receiver: Role, findings: &mut Findings, counted: &mut Counted) {
        type Lane = (String, String, String);
        let mut lanes: BTreeMap<Lane, Vec<(i64, i64)>> = BTreeMap::new();
        let sql = "SELECT tenant_id, client, lane, lane_seq, created_at FROM inbound_requests WHERE lane IS NOT NULL ORDER BY lane_seq";
        for row in self.rows(receiver, sql).await {
            let lane = (
                column(&row, "tenant_id").expect("tenant"),
                column(&row, "client").expect("client"),
                column(&row, "lane").expect("lane"),
            );
            lanes
                .entry(lane)
                .or_default()
                .push((column(&row, "lane_seq").expect("seq"), column(&row, "created_at").expect("time")));
        }
        let mut reached: BTreeMap<Lane, i64> = BTreeMap::new();
        for row in self.rows(receiver, "SELECT tenant_id, client, lane, last_seq FROM inbound_lanes").await {
            let lane = (
                column(&row, "tenant_id").expect("tenant"),
                column(&row, "client").expect("client"),
                column(&row, "lane").expect("lane"),
            );
            reached.insert(lane, column(&row, "last_seq").expect("seq"));
        }
        // The sweep takes the first places of a lane.
        let mut swept_places: BTreeMap<String, i64> = BTreeMap::new();
        for (lane, applied) in &lanes {
            counted.lanes += 1;
            let places: Vec<i64> = applied.iter().map(|(seq, _)| *seq).collect();
            let first = places.first().copied().unwrap_or(1);
            *swept_places.entry(lane.1.clone()).or_default() += first - 1;
            let expected: Vec<i64> = (first..).take(places.len()).collect();
            if places != expected {
                findings.add("I14", format!("{receiver}: lane {lane:?} applied the places {places:?}"));
            }
            if !applied.is_sorted_by_key(|(_, at)| *at) {
                findings.add("I14", format!("{receiver}: lane {lane:?} was applied out of order: {applied:?}"));
            }
            if reached.get(lane) != places.last() {
                findings.add(
                    "I14",
                    format!("{receiver}: lane {lane:?} stands at {:?}, applied {:?}", reached.get(lane), places.last()),
                );
            }
        }
        for (client, missing) in swept_places {
            let removed = self.receipts_removed(receiver, client.trim_start_matches("service:")).await;
            if missing > removed {
                let text =
                    format!("{receiver}: {missing} places of {client} are missing, {removed} receipts were removed");
                findings.add("I14", text);
            }
        }
    }
}
