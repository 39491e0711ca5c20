//! The rules of the contract, each a function that reports what breaks it, and the exceptions with their reasons.
//!
//! Always holds: an exception that nothing needs any more is itself a broken rule.

mod comments;
mod inputs;
mod mutations;
mod names;
mod shapes;

use crate::contract::Contract;

/// One broken rule: where, and what would be right.
pub struct Problem {
    element: String,
    text: String,
}

impl Problem {
    fn new(element: impl Into<String>, text: impl Into<String>) -> Self {
        Self { element: element.into(), text: text.into() }
    }
}

/// A rule's name and what finds all that breaks it.
pub type Rule = (&'static str, fn(&Contract) -> Vec<Problem>);

/// A rule, an element that may break it, and why.
pub type Exception = (&'static str, &'static str, &'static str);

/// Every rule.
pub const RULES: &[Rule] = &[
    ("package", names::package),
    ("imports", names::imports),
    ("enum-values", names::enum_values),
    ("field-names", names::field_names),
    ("field-types", names::field_types),
    ("state", names::state),
    ("comments", comments::everywhere),
    ("error-reasons", comments::error_reasons),
    ("stated-limits", comments::stated_limits),
    ("messages", shapes::messages),
    ("get", shapes::get),
    ("list", shapes::list),
    ("pages", shapes::pages),
    ("create", shapes::create),
    ("update", shapes::update),
    ("delete", shapes::delete),
    ("request-id", mutations::request_id),
    ("request-key", mutations::request_key),
    ("bounded-text", inputs::bounded_text),
    ("bounded-collections", inputs::bounded_collections),
    ("known-enums", inputs::known_enums),
    ("page-size", inputs::page_size),
];

/// What our protos may do all the same.
pub const EXCEPTIONS: &[Exception] = &[
    ("get", "amends.followup.v1.FollowUpService.GetOutcome", "a case has one outcome, which is found by the case"),
    ("request-id", "amends.extension.v1.PayoutProvider.ExecutePayout", "the payout's key repeats for ever"),
    ("request-id", "amends.extension.v1.MessageTransport.Send", "the message's id repeats for its life"),
    (
        "field-names",
        "amends.extension.v1.SendRequest.message_id",
        "the id that an e-mail bears, not a resource of ours",
    ),
    ("field-names", "amends.common.v1.Fact.time", "a value of the type, not a moment of the fact's life"),
    ("field-names", "amends.common.v1.FailureEvent.occurred_at", "a moment of the world, not of the resource"),
    ("field-names", "amends.extension.v1.Milestone.happened_at", "a moment of the world, not of the resource"),
    ("field-names", "amends.intake.v1.TimelineEntry.happened_at", "a moment of the world, not of the resource"),
    ("field-names", "amends.operations.v1.AuditRecord.happened_at", "a moment of the world, not of the resource"),
    ("field-names", "amends.routing.v1.Progress.next_update_by", "a promise: by when, not when"),
    ("field-names", "amends.compensation.v1.Payout.key_valid_until", "a limit: until when, not when"),
    ("state", "amends.compensation.v1.Pack.Status", "what the document says of itself; no method changes it"),
];

/// Everything that breaks a rule, as `rule: element: what would be right`.
pub fn broken(contract: &Contract, exceptions: &[Exception]) -> Vec<String> {
    let mut unused = exceptions.to_vec();
    let mut out = Vec::new();
    for (rule, check) in RULES {
        for Problem { element, text } in check(contract) {
            let is_this = |exception: &Exception| exception.0 == *rule && exception.1 == element;
            unused.retain(|exception| !is_this(exception));
            if !exceptions.iter().any(is_this) {
                out.push(format!("{rule}: {element}: {text}"));
            }
        }
    }
    out.extend(unused.iter().map(|(rule, element, _)| format!("{rule}: {element}: needs no exception; remove it")));
    out
}
