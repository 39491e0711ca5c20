//! The shapes of methods, by the AIPs: messages of requests and answers, standard methods, pages.

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor};

use super::Problem;
use crate::contract::{Contract, snake};

/// Each method has a request of its own, `VerbNounRequest`, and answers with a resource or its own `VerbNounResponse`.
pub fn messages(contract: &Contract) -> Vec<Problem> {
    let mut out = Vec::new();
    for method in contract.methods() {
        let package = method.parent_service().package_name().to_owned();
        let request = format!("{package}.{}Request", method.name());
        if method.input().full_name() != request {
            out.push(Problem::new(method.full_name(), format!("must take {request}")));
        }
        let response = format!("{}Response", method.name());
        let output = method.output();
        let is_resource = !output.name().ends_with("Response") && !output.name().ends_with("Request");
        if output.package_name() != package || (!is_resource && output.name() != response) {
            out.push(Problem::new(method.full_name(), format!("must answer with a resource or {package}.{response}")));
        }
    }
    out
}

/// The methods whose name is this verb and a noun, with the noun.
fn standard(contract: &Contract, verb: &'static str) -> impl Iterator<Item = (MethodDescriptor, String)> {
    contract.methods().filter_map(move |method| {
        let noun = method.name().strip_prefix(verb)?.to_owned();
        noun.starts_with(|c: char| c.is_ascii_uppercase()).then_some((method, noun))
    })
}

fn is_text(field: Option<&FieldDescriptor>) -> bool {
    field.is_some_and(|field| matches!(field.kind(), Kind::String) && !field.is_list())
}

fn is_message(field: Option<&FieldDescriptor>, full_name: &str) -> bool {
    field.is_some_and(|f| !f.is_list() && matches!(f.kind(), Kind::Message(m) if m.full_name() == full_name))
}

fn begins_with_name(contract: &Contract, resource: &MessageDescriptor) -> bool {
    resource
        .get_field(1)
        .is_some_and(|field| field.name() == "name" && contract.field_comment(&field).starts_with("Resource name, `"))
}

/// Get takes `name` and answers with the resource; a Get of something else answers with its own response (AIP-131).
pub fn get(contract: &Contract) -> Vec<Problem> {
    let mut out = Vec::new();
    for (method, noun) in standard(contract, "Get") {
        let output = method.output();
        if output.name() == format!("Get{noun}Response") {
            continue;
        }
        if output.name() != noun {
            out.push(Problem::new(method.full_name(), format!("must answer with {noun} or Get{noun}Response")));
        } else if !is_text(method.input().get_field(1).filter(|field| field.name() == "name").as_ref()) {
            out.push(Problem::new(method.full_name(), "field 1 of its request must be `string name`"));
        } else if !begins_with_name(contract, &output) {
            let text = format!("field 1 of {noun} must be `name`, with a comment that starts with: Resource name, `");
            out.push(Problem::new(method.full_name(), text));
        }
    }
    out
}

/// List answers with a page of the resource, called by its plural (AIP-132).
pub fn list(contract: &Contract) -> Vec<Problem> {
    let mut out = Vec::new();
    for (method, noun) in standard(contract, "List") {
        if method.input().get_field_by_name("page_size").is_none() {
            out.push(Problem::new(method.full_name(), "its request must have page_size"));
        }
        let first = method.output().get_field(1);
        let plural = snake(&noun);
        if !first.is_some_and(|f| f.is_list() && matches!(f.kind(), Kind::Message(_)) && f.name() == plural) {
            out.push(Problem::new(
                method.full_name(),
                format!("field 1 of its response must be `repeated … {plural}`"),
            ));
        }
    }
    out
}

/// Whatever has a page_size has a page_token, and its answer a next_page_token (AIP-158).
pub fn pages(contract: &Contract) -> Vec<Problem> {
    let mut out = Vec::new();
    for method in contract.methods() {
        let (input, output) = (method.input(), method.output());
        let fields = [
            ("int32 page_size", input.get_field_by_name("page_size").filter(|f| matches!(f.kind(), Kind::Int32))),
            ("string page_token", input.get_field_by_name("page_token").filter(|f| is_text(Some(f)))),
            ("string next_page_token", output.get_field_by_name("next_page_token").filter(|f| is_text(Some(f)))),
        ];
        if fields.iter().any(|(_, field)| field.is_some()) {
            let missing = fields.iter().filter(|(_, field)| field.is_none());
            out.extend(
                missing.map(|(field, _)| {
                    Problem::new(method.full_name(), format!("has pages, and so must have `{field}`"))
                }),
            );
        }
    }
    out
}

/// Create takes the resource under its name and answers with it (AIP-133).
pub fn create(contract: &Contract) -> Vec<Problem> {
    takes_resource(contract, "Create")
}

/// Update takes the resource and an update_mask, and answers with the resource (AIP-134).
pub fn update(contract: &Contract) -> Vec<Problem> {
    let mut out = takes_resource(contract, "Update");
    for (method, _) in standard(contract, "Update") {
        let mask = method.input().get_field_by_name("update_mask");
        if !is_message(mask.as_ref(), "google.protobuf.FieldMask") {
            out.push(Problem::new(method.full_name(), "must take `google.protobuf.FieldMask update_mask`"));
        }
    }
    out
}

fn takes_resource(contract: &Contract, verb: &'static str) -> Vec<Problem> {
    let mut out = Vec::new();
    for (method, noun) in standard(contract, verb) {
        let resource = format!("{}.{noun}", method.parent_service().package_name());
        let field = snake(&noun);
        if !is_message(method.input().get_field_by_name(&field).as_ref(), &resource) {
            out.push(Problem::new(method.full_name(), format!("its request must have `{noun} {field}`")));
        }
        if method.output().full_name() != resource {
            out.push(Problem::new(method.full_name(), format!("must answer with {noun}")));
        }
    }
    out
}

/// Delete takes `name` and answers with the resource as it is then (AIP-164); nothing here vanishes without a trace.
pub fn delete(contract: &Contract) -> Vec<Problem> {
    let mut out = Vec::new();
    for (method, noun) in standard(contract, "Delete") {
        if !is_text(method.input().get_field_by_name("name").as_ref()) {
            out.push(Problem::new(method.full_name(), "its request must have `string name`"));
        }
        if method.output().name() != noun {
            out.push(Problem::new(method.full_name(), format!("must answer with {noun}")));
        }
    }
    out
}
