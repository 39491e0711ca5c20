//! What is called: requests as a backend would send them, each unlike any other.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use api::common::{ContactPoint, Fact, FailureEvent, Severity, contact_point, fact};
use api::intake::intake_service_client::IntakeServiceClient;
use api::intake::{
    AddAffectedRequest, Affected, Case, Customer, Disruption, GetCaseRequest, Identity, OpenCaseRequest,
    ReportDisruptionRequest,
};
use futures::StreamExt as _;
use kernel::{Clock as _, SystemClock, Timestamp};
use serde::{Deserialize, Serialize};
use tonic::Status;
use tonic::transport::{Channel, Endpoint};

use super::Spec;

/// Connections that callers share in turn, as the instances of a backend would.
const CONNECTIONS: usize = 4;
/// Cases that are opened at the same time before reads are measured.
const OPENED_AT_ONCE: usize = 32;
/// What a caller does again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operation {
    /// Opens a case of a new customer.
    OpenCase,
    /// Adds new customers to the caller's own disruption, in one batch.
    AddAffected {
        /// Customers in the batch.
        batch: usize,
    },
    /// Reads one of some cases, in no order.
    GetCase {
        /// Cases, which are opened first.
        cases: usize,
    },
}

/// One caller with what it needs.
#[derive(Clone)]
pub struct Caller {
    intake: IntakeServiceClient<Channel>,
    operation: Operation,
    run: u32,
    number: usize,
    disruption: String,
    cases: Arc<[String]>,
}

/// The callers of `spec`, with the disruptions and cases that they will use.
pub async fn prepare(spec: &Spec, callers: usize) -> anyhow::Result<Vec<Caller>> {
    let endpoint = Endpoint::from_shared(spec.address.clone())?.tcp_nodelay(true);
    let mut channels = Vec::new();
    for _ in 0..callers.min(CONNECTIONS) {
        channels.push(endpoint.connect().await.with_context(|| format!("nobody answers at {}", spec.address))?);
    }
    let clients: Vec<_> = channels.into_iter().map(IntakeServiceClient::new).collect();
    let cases = match spec.operation {
        Operation::GetCase { cases } => open_cases(&clients, spec.run, cases).await?,
        Operation::OpenCase | Operation::AddAffected { .. } => Vec::new(),
    };
    let cases: Arc<[String]> = cases.into();
    let mut prepared = Vec::new();
    for (number, client) in (0..callers).zip(clients.iter().cycle()) {
        let mut intake = client.clone();
        let disruption = match spec.operation {
            Operation::AddAffected { .. } => {
                let report = report_disruption(&token(spec.run, number, u64::MAX), SystemClock.now());
                intake.report_disruption(report).await?.into_inner().name
            }
            Operation::OpenCase | Operation::GetCase { .. } => String::new(),
        };
        let (operation, run) = (spec.operation, spec.run);
        prepared.push(Caller { intake, operation, run, number, disruption, cases: Arc::clone(&cases) });
    }
    Ok(prepared)
}

async fn open_cases(clients: &[IntakeServiceClient<Channel>], run: u32, count: usize) -> anyhow::Result<Vec<String>> {
    let opened = (0..count).zip(clients.iter().cycle()).map(|(number, client)| {
        let mut client = client.clone();
        async move {
            let request = open_case(&token(run, number, u64::MAX), SystemClock.now());
            let case = client.open_case(request).await?.into_inner().case;
            anyhow::Ok(case.context("OpenCase answered without a case")?.name)
        }
    });
    let opened: Vec<_> = futures::stream::iter(opened).buffer_unordered(OPENED_AT_ONCE).collect().await;
    opened.into_iter().collect()
}

impl Caller {
    /// The caller's `index`th call, from the first byte to the whole answer.
    pub async fn call(&mut self, index: u64) -> Result<(), Status> {
        let token = token(self.run, self.number, index);
        match self.operation {
            Operation::OpenCase => self.intake.open_case(open_case(&token, SystemClock.now())).await.map(drop),
            Operation::AddAffected { batch } => {
                let request = add_affected(&token, &self.disruption, batch);
                let answer = self.intake.add_affected(futures::stream::iter([request])).await?.into_inner();
                let added = answer.results.iter().filter(|result| !result.already_added).count();
                if added == batch { Ok(()) } else { Err(std::io::Error::other("not every customer was added").into()) }
            }
            Operation::GetCase { .. } => {
                // Multiplying by a large odd number visits the cases in no order that a cache could know.
                let place = index.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(self.number as u64) >> 20;
                let name = self.cases[usize::try_from(place).unwrap_or(0) % self.cases.len()].clone();
                self.intake.get_case(GetCaseRequest { name }).await.map(drop)
            }
        }
    }
}

/// A text of 23 characters that no other call has.
pub fn token(run: u32, caller: usize, index: u64) -> String {
    format!("{:06}-{:05}-{:010}", run % 1_000_000, caller % 100_000, index % 10_000_000_000)
}

/// A complaint as a shop's backend would report it.
pub fn open_case(token: &str, now: Timestamp) -> OpenCaseRequest {
    OpenCaseRequest {
        request_id: token.to_owned(),
        customer: Some(customer(token)),
        case: Some(Case {
            expected: format!("Order {token} was to be delivered on Tuesday between 9 and 12, as confirmed by e-mail."),
            delivered: format!("Nobody came. The tracking page says that parcel {token} is still at the depot."),
            event: Some(event("parcel.late", token, now)),
            severity: Severity::Medium.into(),
            ..Case::default()
        }),
    }
}

/// A disruption; its external id is the token.
pub fn report_disruption(token: &str, now: Timestamp) -> ReportDisruptionRequest {
    ReportDisruptionRequest {
        request_id: token.to_owned(),
        disruption: Some(Disruption {
            external_id: token.to_owned(),
            event: Some(event("depot.closed", token, now)),
            expected: "Delivery on the confirmed day.".to_owned(),
            delivered: "The depot was closed for the day; nothing left it.".to_owned(),
            severity: Severity::Medium.into(),
            ..Disruption::default()
        }),
    }
}

/// A batch of new customers.
pub fn add_affected(token: &str, disruption: &str, batch: usize) -> AddAffectedRequest {
    let affected =
        |place: usize| Affected { customer: Some(customer(&format!("{token}.{place:03}"))), ..Affected::default() };
    AddAffectedRequest {
        request_id: token.to_owned(),
        disruption: disruption.to_owned(),
        affected: (0..batch).map(affected).collect(),
    }
}

fn customer(token: &str) -> Customer {
    let email = format!("{token}@example.com");
    let identity = |source: &str, value: &str| Identity { source: source.to_owned(), value: value.to_owned() };
    Customer {
        display_name: "Robin Example".to_owned(),
        identities: vec![identity("email", &email), identity("shop", token)],
        contact_points: vec![ContactPoint { kind: contact_point::Kind::Email.into(), address: email }],
        tier: "gold".to_owned(),
        language: "en".to_owned(),
        ..Customer::default()
    }
}

fn event(kind: &str, reference: &str, now: Timestamp) -> FailureEvent {
    let text = |text: &str| Fact { value: Some(fact::Value::Text(text.to_owned())) };
    let number = |number| Fact { value: Some(fact::Value::Integer(number)) };
    let (seconds, nanos) = now.minus(Duration::from_secs(3_600)).to_seconds_nanos();
    FailureEvent {
        kind: kind.to_owned(),
        occurred_at: Some(prost_types::Timestamp { seconds, nanos }),
        reference: reference.to_owned(),
        facts: [
            ("days_late".to_owned(), number(2)),
            ("depot".to_owned(), text("Leipzig")),
            ("service_level".to_owned(), text("standard")),
        ]
        .into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_have_one_length_and_differ_in_every_part() {
        let tokens = [token(1, 0, 0), token(2, 0, 0), token(1, 1, 0), token(1, 0, 1), token(1, 0, u64::MAX)];
        for (place, token) in tokens.iter().enumerate() {
            assert_eq!(token.len(), 23, "{token}");
            assert!(!tokens[..place].contains(token), "{token}");
        }
    }
}
