//! What would break a caller who was built against the last release: on the wire, in JSON, or in generated code.
//!
//! Compares two descriptor sets by full names and reports all differences that are not additions.

mod sampled;

use prost_reflect::{
    Cardinality, DescriptorPool, EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor,
    ServiceDescriptor,
};

/// Every difference from `old` to `new` that is not an addition, for the packages that start with `amends.`.
pub fn changes(old: &DescriptorPool, new: &DescriptorPool) -> Vec<String> {
    let mut out = Vec::new();
    for service in old.services().filter(|service| service.package_name().starts_with("amends.")) {
        match new.get_service_by_name(service.full_name()) {
            Some(now) => service_changes(&service, &now, &mut out),
            None => out.push(format!("service {} is gone", service.full_name())),
        }
    }
    for message in old.all_messages().filter(|m| m.package_name().starts_with("amends.") && !m.is_map_entry()) {
        match new.get_message_by_name(message.full_name()) {
            Some(now) => message_changes(&message, &now, &mut out),
            None => out.push(format!("message {} is gone", message.full_name())),
        }
    }
    for e in old.all_enums().filter(|e| e.package_name().starts_with("amends.")) {
        match new.get_enum_by_name(e.full_name()) {
            Some(now) => enum_changes(&e, &now, &mut out),
            None => out.push(format!("enum {} is gone", e.full_name())),
        }
    }
    out
}

fn service_changes(old: &ServiceDescriptor, new: &ServiceDescriptor, out: &mut Vec<String>) {
    for method in old.methods() {
        let name = method.full_name();
        let Some(now) = new.methods().find(|now| now.name() == method.name()) else {
            out.push(format!("rpc {name} is gone"));
            continue;
        };
        let mut differs = |what: &str, before: String, after: String| {
            if before != after {
                out.push(format!("rpc {name}: {what} was {before}, is {after}"));
            }
        };
        differs("its request", method.input().full_name().to_owned(), now.input().full_name().to_owned());
        differs("its response", method.output().full_name().to_owned(), now.output().full_name().to_owned());
        differs("its streaming", streaming(&method), streaming(&now));
    }
}

fn streaming(method: &MethodDescriptor) -> String {
    match (method.is_client_streaming(), method.is_server_streaming()) {
        (false, false) => "none",
        (true, false) => "of requests",
        (false, true) => "of responses",
        (true, true) => "of both",
    }
    .to_owned()
}

fn message_changes(old: &MessageDescriptor, new: &MessageDescriptor, out: &mut Vec<String>) {
    for field in old.fields() {
        let name = field.full_name();
        let Some(now) = new.get_field(field.number()) else {
            match new.get_field_by_name(field.name()) {
                Some(moved) => {
                    out.push(format!("field {name}: its number was {}, is {}", field.number(), moved.number()));
                }
                None => out.push(format!("field {name} = {} is gone", field.number())),
            }
            continue;
        };
        let mut differs = |what: &str, before: String, after: String| {
            if before != after {
                out.push(format!("field {name}: {what} was {before}, is {after}"));
            }
        };
        differs("its name", field.name().to_owned(), now.name().to_owned());
        differs("its JSON name", field.json_name().to_owned(), now.json_name().to_owned());
        differs("its type", type_of(&field), type_of(&now));
        differs("its label", label(&field), label(&now));
        differs("its oneof", oneof(&field), oneof(&now));
    }
    for range in old.reserved_ranges() {
        if !new.reserved_ranges().any(|now| now.start <= range.start && now.end >= range.end) {
            let (from, to) = (range.start, range.end - 1);
            out.push(format!("message {}: numbers {from} to {to} are no longer reserved", old.full_name()));
        }
    }
    for name in old.reserved_names().filter(|name| !new.reserved_names().any(|now| now == *name)) {
        out.push(format!("message {}: name {name} is no longer reserved", old.full_name()));
    }
}

/// The type with the names that it refers to; never `{:?}`, which would print the whole pool.
fn type_of(field: &FieldDescriptor) -> String {
    match field.kind() {
        Kind::Message(entry) if entry.is_map_entry() => {
            format!("map<{}, {}>", type_of(&entry.map_entry_key_field()), type_of(&entry.map_entry_value_field()))
        }
        Kind::Message(message) => message.full_name().to_owned(),
        Kind::Enum(e) => e.full_name().to_owned(),
        Kind::Double => "double".to_owned(),
        Kind::Float => "float".to_owned(),
        Kind::Int32 => "int32".to_owned(),
        Kind::Int64 => "int64".to_owned(),
        Kind::Uint32 => "uint32".to_owned(),
        Kind::Uint64 => "uint64".to_owned(),
        Kind::Sint32 => "sint32".to_owned(),
        Kind::Sint64 => "sint64".to_owned(),
        Kind::Fixed32 => "fixed32".to_owned(),
        Kind::Fixed64 => "fixed64".to_owned(),
        Kind::Sfixed32 => "sfixed32".to_owned(),
        Kind::Sfixed64 => "sfixed64".to_owned(),
        Kind::Bool => "bool".to_owned(),
        Kind::String => "string".to_owned(),
        Kind::Bytes => "bytes".to_owned(),
    }
}

fn label(field: &FieldDescriptor) -> String {
    match field.cardinality() {
        Cardinality::Repeated => "repeated",
        Cardinality::Required => "required",
        Cardinality::Optional if field.field_descriptor_proto().proto3_optional() => "optional",
        Cardinality::Optional => "none",
    }
    .to_owned()
}

fn oneof(field: &FieldDescriptor) -> String {
    match field.containing_oneof() {
        Some(oneof) if !oneof.is_synthetic() => oneof.name().to_owned(),
        _ => "none".to_owned(),
    }
}

fn enum_changes(old: &EnumDescriptor, new: &EnumDescriptor, out: &mut Vec<String>) {
    for value in old.values() {
        let name = format!("{}.{}", old.full_name(), value.name());
        match (new.get_value_by_name(value.name()), new.get_value(value.number())) {
            (Some(now), _) if now.number() == value.number() => {}
            (Some(now), _) => {
                out.push(format!("value {name}: its number was {}, is {}", value.number(), now.number()));
            }
            (None, Some(now)) => out.push(format!("value {name}: its name is {} now", now.name())),
            (None, None) => out.push(format!("value {name} = {} is gone", value.number())),
        }
    }
    for range in old.reserved_ranges() {
        if !new.reserved_ranges().any(|now| now.start() <= range.start() && now.end() >= range.end()) {
            let (from, to) = (range.start(), range.end());
            out.push(format!("enum {}: numbers {from} to {to} are no longer reserved", old.full_name()));
        }
    }
    for name in old.reserved_names().filter(|name| !new.reserved_names().any(|now| now == *name)) {
        out.push(format!("enum {}: name {name} is no longer reserved", old.full_name()));
    }
}
