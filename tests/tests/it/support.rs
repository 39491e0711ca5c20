//! What the flow and fault tests say to the suite, in short.

use std::collections::BTreeMap;
use std::time::Duration;

use api::common::{ContactPoint, Fact, FailureEvent, Severity, contact_point, fact};
use api::google::r#type::Money;
use api::intake::{Affected, Customer, Disruption, Identity};
use kernel::Timestamp;
use sea_orm::{ConnectionTrait as _, DatabaseConnection};

/// A customer known by e-mail.
pub fn customer(email: &str) -> Customer {
    Customer {
        display_name: "Ann".to_owned(),
        identities: vec![Identity { source: "email".to_owned(), value: email.to_owned() }],
        contact_points: vec![ContactPoint { kind: contact_point::Kind::Email.into(), address: email.to_owned() }],
        ..Customer::default()
    }
}

pub fn integer(value: i64) -> Fact {
    Fact { value: Some(fact::Value::Integer(value)) }
}

/// An amount in cents of a currency with two decimal places.
pub fn money(currency: &str, cents: i64) -> Fact {
    let nanos = i32::try_from(cents % 100).expect("below a hundred") * 10_000_000;
    Fact { value: Some(fact::Value::Money(Money { currency_code: currency.to_owned(), units: cents / 100, nanos })) }
}

pub fn event<const N: usize>(kind: &str, at: Timestamp, facts: [(&str, Fact); N]) -> FailureEvent {
    FailureEvent {
        kind: kind.to_owned(),
        occurred_at: Some(chassis::wire::to_timestamp(at)),
        reference: "A1".to_owned(),
        facts: facts.into_iter().map(|(key, fact)| (key.to_owned(), fact)).collect(),
    }
}

pub fn disruption(external_id: &str, event: FailureEvent) -> Disruption {
    Disruption {
        external_id: external_id.to_owned(),
        event: Some(event),
        expected: "a flight as scheduled".to_owned(),
        delivered: "another thing".to_owned(),
        severity: Severity::High.into(),
        ..Disruption::default()
    }
}

pub fn affected<const N: usize>(email: &str, facts: [(&str, Fact); N]) -> Affected {
    let facts: BTreeMap<String, Fact> = facts.into_iter().map(|(key, fact)| (key.to_owned(), fact)).collect();
    Affected { customer: Some(customer(email)), facts }
}

pub const fn days(days: u64) -> Duration {
    Duration::from_secs(days * 86_400)
}

/// Changes rows behind the back of a suite that has stopped; fails where there is nothing to change.
pub async fn tamper(database: &DatabaseConnection, statement: &str) {
    let done = database.execute_unprepared(statement).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
    assert!(done.rows_affected() > 0 || statement.starts_with("DROP"), "{statement}: nothing to tamper with");
}
