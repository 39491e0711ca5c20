//! The comments are the manual: they are everywhere, end like sentences, name the error reasons and state the limits.

use prost_reflect::FileDescriptor;

use super::Problem;
use crate::contract::{Contract, is_upper_snake, one_line, quoted};

/// Every service, rpc, message, field, oneof, enum and value has a comment that is a sentence.
pub fn everywhere(contract: &Contract) -> Vec<Problem> {
    let mut out = Vec::new();
    let mut check = |file: FileDescriptor, path: &[i32], name: &str| {
        let comment = contract.comment(&file, path);
        if comment.is_empty() {
            out.push(Problem::new(name, "has no comment"));
        } else if !comment.ends_with(['.', '?', '…']) {
            out.push(Problem::new(name, "its comment must be sentences, each with its full stop"));
        }
    };
    for service in contract.services() {
        check(service.parent_file(), service.path(), service.full_name());
    }
    for method in contract.methods() {
        check(method.parent_file(), method.path(), method.full_name());
    }
    for message in contract.messages() {
        check(message.parent_file(), message.path(), message.full_name());
        for oneof in message.oneofs().filter(|oneof| !oneof.is_synthetic()) {
            check(oneof.parent_file(), oneof.path(), oneof.full_name());
        }
    }
    for field in contract.fields() {
        check(field.parent_file(), field.path(), field.full_name());
    }
    for e in contract.enums() {
        check(e.parent_file(), e.path(), e.full_name());
        for value in e.values() {
            check(value.parent_file(), value.path(), &format!("{}.{}", e.full_name(), value.name()));
        }
    }
    out
}

/// A method, or its service for all methods, names in backticks the reasons of the errors that it answers with.
pub fn error_reasons(contract: &Contract) -> Vec<Problem> {
    let names_one = |comment: &str| quoted(comment).any(is_upper_snake);
    let mut out = Vec::new();
    for service in contract.services() {
        if names_one(contract.comment(&service.parent_file(), service.path())) {
            continue;
        }
        let silent = service.methods().filter(|m| !names_one(contract.comment(&m.parent_file(), m.path())));
        out.extend(
            silent.map(|method| Problem::new(method.full_name(), "must name an error reason, or its service must")),
        );
    }
    out
}

/// The comment of a field states every upper limit that its `buf.validate` options set.
pub fn stated_limits(contract: &Contract) -> Vec<Problem> {
    const LIMITS: &[&str] = &[
        "string.max_len",
        "bytes.max_len",
        "int32.lte",
        "int64.lte",
        "repeated.max_items",
        "repeated.items.string.max_len",
        "map.max_pairs",
        "map.keys.string.max_len",
        "map.values.string.max_len",
    ];
    let mut out = Vec::new();
    for field in contract.fields() {
        let comment = one_line(&contract.field_comment(&field)).replace(',', "");
        let stated: Vec<_> = comment.split(|c: char| !c.is_ascii_digit()).collect();
        for path in LIMITS {
            if let Some(limit) = contract.number(&field, path)
                && !stated.contains(&limit.to_string().as_str())
            {
                out.push(Problem::new(field.full_name(), format!("its comment must state {path}, which is {limit}")));
            }
        }
    }
    out
}
