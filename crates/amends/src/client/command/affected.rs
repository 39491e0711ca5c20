//! Affected customers from a file, and how they are sent.
//!
//! Always holds: nothing is sent while a line is wrong; a batch has at most 500 customers and fits a message; each has
//! a request id that follows from that of the command, so that the whole command can be repeated.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use api::common::{Fact, fact};
use api::intake::intake_service_client::IntakeServiceClient;
use api::intake::{AddAffectedRequest, AddAffectedResponse, Affected, Customer, Identity};
use prost::Message as _;
use serde::Deserialize;
use serde_json::Value;

use super::case::email_of;
use crate::client::call::Caller;
use crate::client::session::Patience;
use crate::client::values::{contact, fact_value, identity};

/// Customers in one batch.
const BATCH: usize = 500;
/// Bytes of the customers in one batch; half of what the service takes.
const BATCH_BYTES: usize = chassis::limits::BATCH_BYTES / 2;
/// Batches in one stream: its one answer has a result for every customer and must fit a message.
const STREAM: usize = 20;
/// How long a stream may take.
const DEADLINE: Duration = Duration::from_secs(120);
/// Wrong lines that are shown.
const SHOWN: usize = 10;

/// One line of the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    customer: OneOrMany,
    #[serde(default)]
    name: String,
    #[serde(default)]
    contact: OneOrMany,
    #[serde(default)]
    tier: String,
    #[serde(default)]
    language: String,
    #[serde(default)]
    facts: BTreeMap<String, Value>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "a text or an array of texts")]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl Default for OneOrMany {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl OneOrMany {
    fn parse<T>(&self, parse: fn(&str) -> Result<T, String>) -> Result<Vec<T>, String> {
        match self {
            Self::One(text) => Ok(vec![parse(text)?]),
            Self::Many(texts) => texts.iter().map(|text| parse(text)).collect(),
        }
    }
}

/// An affected customer of whom only an identity is known.
pub fn identified(identity: Identity) -> Affected {
    let identities = vec![identity];
    let contact_points = email_of(&identities).into_iter().collect();
    let customer = Customer { identities, contact_points, ..Customer::default() };
    Affected { customer: Some(customer), facts: BTreeMap::new() }
}

/// The customers in a file; `-` is standard input.
///
/// # Errors
/// When it cannot be read; with every wrong line, the first ten in words.
pub fn read(file: &Path) -> anyhow::Result<Vec<Affected>> {
    let text = if file.as_os_str() == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::read_to_string(file)
    };
    parse(&text.with_context(|| format!("{} cannot be read", file.display()))?)
        .with_context(|| format!("{} is not what it should be", file.display()))
}

fn parse(text: &str) -> anyhow::Result<Vec<Affected>> {
    let mut customers = Vec::new();
    let mut wrong = Vec::new();
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        match parse_line(line) {
            Ok(customer) => customers.push(customer),
            Err(why) => wrong.push(format!("line {number}: {why}")),
        }
    }
    if wrong.is_empty() {
        return Ok(customers);
    }
    let more = wrong.len().saturating_sub(SHOWN);
    wrong.truncate(SHOWN);
    if more > 0 {
        wrong.push(format!("and {more} more"));
    }
    bail!("nothing was sent\n  {}", wrong.join("\n  "))
}

fn parse_line(line: &str) -> Result<Affected, String> {
    let line: Line = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let identities = line.customer.parse(identity).map_err(|why| format!("customer: {why}"))?;
    let mut contact_points = line.contact.parse(contact).map_err(|why| format!("contact: {why}"))?;
    if contact_points.is_empty() {
        contact_points.extend(email_of(&identities));
    }
    let facts = line.facts.into_iter().map(|(key, value)| match json_fact(&value) {
        Ok(value) => Ok((key, Fact { value: Some(value) })),
        Err(why) => Err(format!("facts.{key}: {why}")),
    });
    let facts = facts.collect::<Result<_, _>>()?;
    let customer = Customer {
        display_name: line.name,
        identities,
        contact_points,
        tier: line.tier,
        language: line.language,
        ..Customer::default()
    };
    Ok(Affected { customer: Some(customer), facts })
}

/// A fact, typed from its JSON.
///
/// # Errors
/// When it is none.
pub fn json_fact(value: &Value) -> Result<fact::Value, String> {
    match value {
        Value::Bool(value) => Ok(fact::Value::Boolean(*value)),
        Value::String(text) => fact_value(text),
        Value::Number(number) => {
            number.as_i64().map(fact::Value::Integer).ok_or_else(|| format!("{number} is no whole number"))
        }
        Value::Null | Value::Array(_) | Value::Object(_) => {
            Err("give true, false, a whole number or a text".to_owned())
        }
    }
}

/// Adds customers to a disruption and prints what became of each.
///
/// # Errors
/// When a batch fails; those before it stand.
pub async fn add(
    disruption: &str,
    customers: Vec<Affected>,
    request_id: &str,
    caller: &mut Caller,
) -> anyhow::Result<()> {
    let batches = batches(disruption, customers, request_id);
    let session = caller.session().clone();
    let session = session.clone().with_patience(Patience { deadline: DEADLINE, ..session.patience() });
    let mut response = AddAffectedResponse::default();
    for stream in batches.chunks(STREAM) {
        let answer = session.repeated(Some(request_id), |limit| {
            let request = session.request(futures::stream::iter(stream.to_vec()));
            let channel = session.channel();
            Box::pin(chassis::with_deadline(limit, request, move |request| {
                let mut client = IntakeServiceClient::new(channel.clone());
                async move { client.add_affected(request).await }
            }))
        });
        match answer.await {
            Ok(answer) => response.results.extend(answer.message.results),
            Err(failure) => {
                if !response.results.is_empty() {
                    caller
                        .screen()
                        .note(&format!("{} customers were added before it failed", response.results.len()))?;
                }
                return Err(caller.repeatable(failure).into());
            }
        }
    }
    caller.screen().print(api::method::intake_service::ADD_AFFECTED, &response)
}

fn batches(disruption: &str, customers: Vec<Affected>, request_id: &str) -> Vec<AddAffectedRequest> {
    let mut batches: Vec<AddAffectedRequest> = Vec::new();
    let mut bytes = 0;
    for customer in customers {
        let size = customer.encoded_len();
        match batches.last_mut() {
            Some(batch) if batch.affected.len() < BATCH && bytes + size <= BATCH_BYTES => {
                bytes += size;
                batch.affected.push(customer);
            }
            _ => {
                bytes = size;
                batches.push(AddAffectedRequest {
                    request_id: format!("{request_id}-{}", batches.len() + 1),
                    disruption: disruption.to_owned(),
                    affected: vec![customer],
                });
            }
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn a_line_is_one_customer_with_typed_facts() {
        let text = r#"
            {"customer": "email=ann@example.com", "name": "Ann", "facts": {"ticket_price": "USD 214.50", "seats": 2}}

            {"customer": ["crm=1", "app=x"], "contact": "app:x", "language": "de"}
        "#;
        let customers = parse(text).unwrap();
        let ann = customers[0].customer.as_ref().unwrap();
        assert_eq!((ann.display_name.as_str(), ann.contact_points[0].address.as_str()), ("Ann", "ann@example.com"));
        let value = |key| customers[0].facts[key].value.clone().unwrap();
        assert!(matches!(value("ticket_price"), fact::Value::Money(money) if money.units == 214));
        assert_eq!(value("seats"), fact::Value::Integer(2));
        let other = customers[1].customer.as_ref().unwrap();
        assert_eq!((other.identities.len(), other.contact_points.len()), (2, 1));
    }

    #[test]
    fn all_wrong_lines_are_told_and_nothing_is_taken() {
        let text = "{\"customer\": \"ann\"}\n{\"customer\": \"a=1\"}\nnonsense\n{\"customer\": \"a=1\", \"fax\": \"1\"}\n\
            {\"customer\": \"a=1\", \"facts\": {\"price\": 1.5}}\n";
        let words = parse(text).unwrap_err().to_string();
        let lines: Vec<&str> = words.lines().map(str::trim).collect();
        assert_eq!(lines[0], "nothing was sent");
        assert_eq!(lines[1], "line 1: customer: give SOURCE=VALUE, e.g. email=ann@example.com or crm=4711");
        assert!(lines[2].starts_with("line 3: expected"), "{words}");
        assert!(lines[3].starts_with("line 4: unknown field `fax`"), "{words}");
        assert_eq!(lines[4], "line 5: facts.price: 1.5 is no whole number");
        assert_eq!(lines.len(), 5);
    }

    #[test]
    fn many_wrong_lines_are_counted() {
        let words = parse(&"x\n".repeat(25)).unwrap_err().to_string();
        assert!(words.ends_with("and 15 more"), "{words}");
        assert_eq!(words.lines().count(), 12);
    }

    #[test]
    fn a_batch_has_500_customers_and_an_id_of_its_own() {
        let customers = (0..1_001).map(|i| identified(Identity { source: "crm".into(), value: i.to_string() }));
        let batches = batches("disruptions/d", customers.collect(), "r");
        let shape: Vec<_> = batches.iter().map(|batch| (batch.request_id.as_str(), batch.affected.len())).collect();
        assert_eq!(shape, [("r-1", 500), ("r-2", 500), ("r-3", 1)]);
    }

    #[test]
    fn a_batch_fits_a_message() {
        let customer = |_| {
            let mut customer = identified(Identity { source: "crm".into(), value: "1".into() });
            let text = fact::Value::Text("x".repeat(500));
            customer.facts = (0..10).map(|i| (format!("f{i}"), Fact { value: Some(text.clone()) })).collect();
            customer
        };
        let batches = batches("disruptions/d", (0..500).map(customer).collect(), "r");
        assert!(batches.len() > 1 && batches.iter().all(|batch| batch.encoded_len() < chassis::limits::BATCH_BYTES));
        assert_eq!(batches.iter().map(|batch| batch.affected.len()).sum::<usize>(), 500);
    }
}
