//! What clients were told is done: I1 (every case that was acknowledged exists, with the content that was sent).

use std::collections::{BTreeMap, HashMap};

use amends::role::Role;
use api::common::{Fact, FailureEvent, fact};
use durable::sql::column;
use kernel::{CaseId, Money, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Checker, Findings};

/// A case that a client got an answer for, and what the client had sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acknowledged {
    case: String,
    content: Content,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Content {
    /// Source and value.
    identity: (String, String),
    event: String,
    reference: String,
    occurred_at: Timestamp,
    facts: BTreeMap<String, Value>,
    expected: String,
    delivered: String,
}

/// What was sent besides the event.
#[derive(Clone, Copy, Debug)]
pub struct Said<'a> {
    /// Source and value of the customer's identity.
    pub identity: (&'a str, &'a str),
    /// What was expected.
    pub expected: &'a str,
    /// What came instead.
    pub delivered: &'a str,
}

impl Acknowledged {
    /// The case that an answer named, for this event with these facts of the customer's own.
    pub fn new<'a>(
        case: &str,
        said: Said<'_>,
        event: &'a FailureEvent,
        own_facts: impl IntoIterator<Item = (&'a String, &'a Fact)>,
    ) -> Self {
        let occurred = event.occurred_at.expect("the test says when");
        let facts = event.facts.iter().chain(own_facts).map(|(key, fact)| (key.clone(), as_stored(fact)));
        let content = Content {
            identity: (said.identity.0.to_owned(), said.identity.1.to_owned()),
            event: event.kind.clone(),
            reference: event.reference.clone(),
            occurred_at: time(occurred),
            facts: facts.collect(),
            expected: said.expected.to_owned(),
            delivered: said.delivered.to_owned(),
        };
        Self { case: case.to_owned(), content }
    }
}

fn time(wire: prost_types::Timestamp) -> Timestamp {
    Timestamp::from_seconds_nanos(wire.seconds, wire.nanos).expect("a time that was acknowledged")
}

fn as_stored(fact: &Fact) -> Value {
    match fact.value.as_ref().expect("a fact that was acknowledged has a value") {
        fact::Value::Integer(number) => json!({ "integer": number }),
        fact::Value::Boolean(flag) => json!({ "boolean": flag }),
        fact::Value::Text(text) => json!({ "text": text }),
        fact::Value::Money(wire) => {
            let money = Money::from_units_nanos(&wire.currency_code, wire.units, wire.nanos);
            json!({ "money": money.expect("an amount that was acknowledged") })
        }
        fact::Value::Time(wire) => json!({ "time": time(*wire) }),
    }
}

impl Checker {
    /// I1, of what the clients of a test were told.
    pub async fn check_acknowledged(&self, acknowledged: &[Acknowledged]) -> Findings {
        let mut findings = Findings::default();
        let mut owners: HashMap<(String, String), Uuid> = HashMap::new();
        for row in self.rows(Role::Intake, "SELECT source, value, customer_id FROM customer_identities").await {
            let identity = (column(&row, "source").expect("source"), column(&row, "value").expect("value"));
            owners.insert(identity, column(&row, "customer_id").expect("customer"));
        }
        let mut cases = HashMap::new();
        let sql = "SELECT id, customer_id, event_kind, reference, occurred_at, facts, expected, delivered FROM cases";
        for row in self.rows(Role::Intake, sql).await {
            let text = |name: &str| column::<String>(&row, name).expect("text");
            let customer: Uuid = column(&row, "customer_id").expect("customer");
            let stored = (
                text("event_kind"),
                text("reference"),
                Timestamp::from_micros(column(&row, "occurred_at").expect("time")),
                serde_json::from_str(&text("facts")).expect("facts"),
                text("expected"),
                text("delivered"),
            );
            let id: Uuid = column(&row, "id").expect("id");
            cases.insert(CaseId::from(id).to_string(), (customer, stored));
        }
        for Acknowledged { case, content } in acknowledged {
            let Some((customer, stored)) = cases.get(case) else {
                findings.add("I1", format!("{case} was acknowledged and does not exist"));
                continue;
            };
            let Content { identity, event, reference, occurred_at, facts, expected, delivered } = content.clone();
            if *stored != (event, reference, occurred_at, facts, expected, delivered) {
                findings.add("I1", format!("{case} was acknowledged as {content:?} and is {stored:?}"));
            }
            if owners.get(&identity) != Some(customer) {
                findings.add("I1", format!("{case} was acknowledged for {identity:?} and is another customer's"));
            }
        }
        findings
    }
}
