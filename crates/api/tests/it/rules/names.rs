//! Where things are and what they are called: packages, imports, enums, fields.

use std::collections::BTreeMap;

use prost_reflect::{FieldDescriptor, Kind};

use super::Problem;
use crate::contract::{Contract, snake};

/// A package ends in its version, lies in the directory of its name, and one of its files says what it is.
pub fn package(contract: &Contract) -> Vec<Problem> {
    let mut out = Vec::new();
    let mut introductions = BTreeMap::<String, usize>::new();
    for file in contract.files() {
        let package = file.package_name();
        let version = package.rsplit('.').next().unwrap_or_default();
        if !version.strip_prefix('v').is_some_and(|n| n.parse::<u32>().is_ok_and(|n| n > 0)) {
            out.push(Problem::new(file.name(), format!("package {package} must end in a version like v1")));
        }
        let directory = file.name().rsplit_once('/').map_or("", |(directory, _)| directory);
        if directory != package.replace('.', "/") {
            out.push(Problem::new(file.name(), format!("must lie in the directory of its package {package}")));
        }
        let introduced = !contract.comment(&file, &[2]).is_empty();
        *introductions.entry(package.to_owned()).or_default() += usize::from(introduced);
    }
    for (package, count) in introductions.into_iter().filter(|(_, count)| *count != 1) {
        out.push(Problem::new(package, format!("one of its files must say on `package` what it is; {count} do")));
    }
    out
}

/// A service knows no other one: packages import themselves, the common one, and what is not ours.
pub fn imports(contract: &Contract) -> Vec<Problem> {
    let mut out = Vec::new();
    for file in contract.files() {
        let foreign = file.dependencies().filter(|import| {
            let package = import.package_name();
            package.starts_with("amends.") && package != file.package_name() && !package.starts_with("amends.common.")
        });
        out.extend(
            foreign.map(|import| {
                Problem::new(file.name(), format!("imports {}; only common may be shared", import.name()))
            }),
        );
    }
    out
}

/// Values bear the enum's name, and zero is UNSPECIFIED.
pub fn enum_values(contract: &Contract) -> Vec<Problem> {
    let mut out = Vec::new();
    for e in contract.enums() {
        let prefix = format!("{}_", snake(e.name()).to_uppercase());
        for value in e.values() {
            if !value.name().starts_with(&prefix) {
                out.push(Problem::new(
                    format!("{}.{}", e.full_name(), value.name()),
                    format!("must start with {prefix}"),
                ));
            }
        }
        let zero = e.get_value(0).map(|value| value.name().to_owned());
        if zero != Some(format!("{prefix}UNSPECIFIED")) {
            out.push(Problem::new(e.full_name(), format!("value 0 must be {prefix}UNSPECIFIED")));
        }
    }
    out
}

/// Fields are called what the AIPs call them (140, 122, 142, 148).
pub fn field_names(contract: &Contract) -> Vec<Problem> {
    let mut out = Vec::new();
    for field in contract.fields() {
        let name = field.name();
        let mut wrong = |text: String| out.push(Problem::new(field.full_name(), text));
        if name != snake(name) || name.starts_with('_') || name.ends_with('_') || name.contains("__") {
            wrong("must be lower_snake_case".to_owned());
        }
        if is_timestamp(&field) && !name.ends_with("_time") {
            wrong("a point in time must end in _time".to_owned());
        }
        if let Some(bare) = name.strip_prefix("is_") {
            wrong(format!("must be called {bare}"));
        }
        if matches!(field.kind(), Kind::String) {
            if name.ends_with("_name") && name != "display_name" {
                wrong("a reference is called by its resource, without _name".to_owned());
            }
            let free = ["request_id", "external_id", "trace_id"].contains(&name);
            if let Some(resource) = name.strip_suffix("_id")
                && !free
                && field.parent_message().get_field_by_name(resource).is_none()
            {
                wrong(format!("a reference is called {resource}; an id goes with the new {resource} beside it"));
            }
        }
    }
    out
}

fn is_timestamp(field: &FieldDescriptor) -> bool {
    matches!(field.kind(), Kind::Message(message) if message.full_name() == "google.protobuf.Timestamp")
}

/// No floats for money, no unsigned numbers, no untyped messages (AIP-141, 143), and spans are Durations (AIP-142).
pub fn field_types(contract: &Contract) -> Vec<Problem> {
    let mut out = Vec::new();
    for field in contract.fields() {
        let mut wrong = |text: &str| out.push(Problem::new(field.full_name(), text));
        match field.kind() {
            Kind::Float | Kind::Double => wrong("must not be a floating-point number: use Money or a whole number"),
            Kind::Uint32 | Kind::Uint64 | Kind::Fixed32 | Kind::Fixed64 => wrong("must be int32 or int64"),
            Kind::Sint32 | Kind::Sint64 | Kind::Sfixed32 | Kind::Sfixed64 => wrong("must be int32 or int64"),
            Kind::Message(m) if ["google.protobuf.Any", "google.protobuf.Struct"].contains(&m.full_name()) => {
                wrong("must have a type that says what it holds");
            }
            Kind::Int32 | Kind::Int64
                if ["_seconds", "_minutes", "_hours", "_days", "_ms"]
                    .iter()
                    .any(|unit| field.name().ends_with(unit)) =>
            {
                wrong("a span of time must be a google.protobuf.Duration");
            }
            _ => {}
        }
    }
    out
}

/// A resource's life is an enum `State` in a field `state` that only methods change (AIP-216).
pub fn state(contract: &Contract) -> Vec<Problem> {
    let mut out = Vec::new();
    for e in contract.enums() {
        if e.name() == "Status" {
            out.push(Problem::new(e.full_name(), "must be called State"));
        }
        let Some(message) = e.parent_message().filter(|_| e.name() == "State") else { continue };
        let of_this = |field: &FieldDescriptor| matches!(field.kind(), Kind::Enum(kind) if kind == e);
        match message.fields().find(of_this) {
            Some(field) if field.name() != "state" => {
                out.push(Problem::new(field.full_name(), "must be called state"));
            }
            Some(field) if !contract.is_output_only(&field) => {
                out.push(Problem::new(field.full_name(), "must say `Output only`"));
            }
            Some(_) => {}
            None => out.push(Problem::new(e.full_name(), "its message must have it in a field `state`")),
        }
    }
    out
}
