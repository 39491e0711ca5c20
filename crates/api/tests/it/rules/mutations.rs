//! Every mutation is safe to repeat, and says so first.

use prost_reflect::{Kind, MethodDescriptor};

use super::Problem;
use crate::contract::Contract;

/// The verbs of methods that change nothing that a caller could do twice by accident. All others are mutations.
const READS: &[&str] = &["Get", "List", "Watch", "Stream", "Assess", "Backtest", "LookUp", "Classify"];

fn is_read(method: &MethodDescriptor) -> bool {
    let verb_ends = |rest: &str| rest.is_empty() || rest.starts_with(|c: char| c.is_ascii_uppercase());
    READS.iter().any(|verb| method.name().strip_prefix(verb).is_some_and(verb_ends))
}

/// Field 1 of a mutation is `request_id`, and no read has one (AIP-155).
pub fn request_id(contract: &Contract) -> Vec<Problem> {
    let mut out = Vec::new();
    for method in contract.methods() {
        let number = method.input().get_field_by_name("request_id").map(|field| field.number());
        match (is_read(&method), number) {
            (false, Some(1)) | (true, None) => {}
            (false, _) => out.push(Problem::new(method.full_name(), "field 1 of a mutation must be `request_id`")),
            (true, Some(_)) => out.push(Problem::new(method.full_name(), "a read must not have a request_id")),
        }
    }
    out
}

/// The key of a mutation, whatever it is called, is required text of at most 128 characters.
pub fn request_key(contract: &Contract) -> Vec<Problem> {
    let mut out = Vec::new();
    for method in contract.methods().filter(|method| !is_read(method)) {
        let bounded = method.input().get_field(1).is_some_and(|field| {
            matches!(field.kind(), Kind::String)
                && contract.number(&field, "string.min_len") == Some(1)
                && contract.number(&field, "string.max_len") == Some(128)
        });
        if !bounded {
            let text = "field 1 of its request must be a string with min_len 1 and max_len 128";
            out.push(Problem::new(method.full_name(), text));
        }
    }
    out
}
