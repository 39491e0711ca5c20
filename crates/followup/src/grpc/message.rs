//! Requests about messages.

use std::collections::BTreeMap;

use api::followup::{DeliverMessageRequest, SendMessageRequest};
use kernel::{ServiceError, Violations};

use super::fields;
use crate::app::{App, DeliverMessage, SendMessage};
use crate::domain::cut;

/// Most values of a message.
const MAX_VALUES: usize = 32;
/// Longest value in characters.
const MAX_VALUE: usize = 2_000;
/// Longest name of a template or a value in characters.
const MAX_KEY: usize = 63;

/// A message to send.
pub(super) fn send(request: SendMessageRequest, app: &App) -> Result<(String, SendMessage), ServiceError> {
    let mut violations = Violations::new();
    let request_id = violations.request_id(&request.request_id);
    let id = fields::chosen_id("message_id", &request.message_id, &mut violations);
    let Some(message) = request.message else {
        violations.add("message", "REQUIRED", "is required");
        return Err(fields::refused(violations));
    };
    let command = violations.within("message", |violations| SendMessage {
        id,
        case: fields::name("case", &message.case, violations),
        customer: fields::name("customer", &message.customer, violations),
        to: fields::contact("to", message.to.as_ref(), violations),
        template: violations.text("template", &message.template, 1, MAX_KEY),
        language: fields::language("language", &message.language, violations),
        values: values(message.values, violations),
    });
    if violations.is_empty() {
        return Ok((request_id, command));
    }
    // The use case would say this too, but it is not reached: the caller is told of everything at once.
    if !command.template.is_empty() {
        app.check_values(&command, &mut violations);
    }
    Err(fields::refused(violations))
}

fn values(values: BTreeMap<String, String>, violations: &mut Violations) -> BTreeMap<String, String> {
    violations.count("values", values.len(), 0, MAX_VALUES);
    let mut checked = BTreeMap::new();
    // A few more than allowed are enough to show what is wrong.
    for (key, value) in values.into_iter().take(MAX_VALUES) {
        let field = format!("values[{}]", cut(&key, MAX_KEY));
        if !is_key(&key) {
            violations.add(&field, "KEY", "a key is lower snake case of at most 63 characters, from a letter on");
        }
        let value = violations.text(&field, &value, 0, MAX_VALUE);
        checked.insert(key, value);
    }
    checked
}

fn is_key(key: &str) -> bool {
    (1..=MAX_KEY).contains(&key.len())
        && key.as_bytes()[0].is_ascii_lowercase()
        && key.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// A message to hand over.
pub(super) fn deliver(request: &DeliverMessageRequest) -> Result<(String, DeliverMessage), ServiceError> {
    let mut violations = Violations::new();
    let request_id = violations.request_id(&request.request_id);
    let id = fields::name("name", &request.name, &mut violations);
    violations.finish()?;
    Ok((request_id, DeliverMessage { id }))
}
