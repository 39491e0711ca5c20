//! What a caller sends has limits that the contract shows: text, collections, enums, page sizes.

use prost_reflect::{FieldDescriptor, Kind};

use super::Problem;
use crate::contract::{Contract, quoted};

/// Text that a service made itself and only takes back: compared, never stored.
const OPAQUE: &[&str] = &["page_token", "etag"];

fn has_length(contract: &Contract, field: &FieldDescriptor, prefix: &str) -> bool {
    ["max_len", "len", "pattern", "const"]
        .iter()
        .any(|limit| contract.limit(field, &format!("{prefix}.{limit}")).is_some())
}

fn is_resource_name(contract: &Contract, field: &FieldDescriptor) -> bool {
    quoted(&contract.field_comment(field)).any(|text| text.contains("/{") && !text.contains(' '))
}

/// Text and bytes of an input have a longest length or a pattern, or are resource names; items, keys and values too.
pub fn bounded_text(contract: &Contract) -> Vec<Problem> {
    let mut out = Vec::new();
    for (name, field) in contract.input_fields() {
        let mut demand = |prefix: &str| {
            if !has_length(contract, &field, prefix) {
                out.push(Problem::new(&name, format!("must have {prefix}.max_len or {prefix}.pattern")));
            }
        };
        match field.kind() {
            Kind::Message(entry) if entry.is_map_entry() => {
                for (kind, prefix) in [
                    (entry.map_entry_key_field().kind(), "map.keys.string"),
                    (entry.map_entry_value_field().kind(), "map.values.string"),
                ] {
                    if matches!(kind, Kind::String) {
                        demand(prefix);
                    }
                }
            }
            Kind::String if OPAQUE.contains(&field.name()) || is_resource_name(contract, &field) => {}
            Kind::String => demand(if field.is_list() { "repeated.items.string" } else { "string" }),
            Kind::Bytes => demand(if field.is_list() { "repeated.items.bytes" } else { "bytes" }),
            _ => {}
        }
    }
    out
}

/// Lists and maps of an input have a largest size.
pub fn bounded_collections(contract: &Contract) -> Vec<Problem> {
    let mut out = Vec::new();
    for (name, field) in contract.input_fields() {
        let limit = match (field.is_map(), field.is_list()) {
            (true, _) => "map.max_pairs",
            (_, true) => "repeated.max_items",
            (false, false) => continue,
        };
        if contract.limit(&field, limit).is_none() {
            out.push(Problem::new(name, format!("must have {limit}")));
        }
    }
    out
}

/// Enums of an input take no numbers that the contract does not define.
pub fn known_enums(contract: &Contract) -> Vec<Problem> {
    let mut out = Vec::new();
    for (name, field) in contract.input_fields() {
        let path = if field.is_list() { "repeated.items.enum.defined_only" } else { "enum.defined_only" };
        let known = contract.limit(&field, path).and_then(|value| value.as_bool()).unwrap_or(false);
        if matches!(field.kind(), Kind::Enum(_)) && !known {
            out.push(Problem::new(name, format!("must have {path}")));
        }
    }
    out
}

/// A page size is not negative; one that is too large is cut down, not refused (AIP-158).
pub fn page_size(contract: &Contract) -> Vec<Problem> {
    let mut out = Vec::new();
    for (name, field) in contract.input_fields().into_iter().filter(|(_, field)| field.name() == "page_size") {
        if contract.number(&field, "int32.gte") != Some(0) || contract.limit(&field, "int32.lte").is_some() {
            out.push(Problem::new(name, "must have int32.gte = 0 and no upper limit"));
        }
    }
    out
}
