//! One request for each rule of the contract that breaks this rule, made from the descriptors alone.

use bytes::Bytes;
use prost_reflect::{
    Cardinality, DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, MethodDescriptor,
    OneofDescriptor, Value,
};

use crate::contract_values::{KEY, is_set, limit, pattern, wrong_values};

/// Interfaces that users implement: the suite calls them and serves none of them.
const NOT_SERVED: [&str; 3] =
    ["amends.extension.v1.MessageTransport", "amends.extension.v1.PayoutProvider", "amends.extension.v1.TriageModel"];

/// Values that descriptors cannot tell, for what comes before the message in question.
const SAMPLES: &[(&str, &str)] =
    &[("amends.compensation.v1.BacktestVersion.name", "packs/eu261@1.1.1"), ("google.type.Money.currency_code", "EUR")];

/// Messages are followed this deep; the deepest field of the contract lies above.
const DEPTH: usize = 6;

/// How to break one rule: the field's path as violations write it, the rule, and the request.
pub struct Breach {
    pub method: MethodDescriptor,
    pub field: String,
    pub rule: String,
    /// What a stream has to start with when the breach is not in its first message.
    pub before: Option<DynamicMessage>,
    pub request: DynamicMessage,
}

impl Breach {
    pub fn name(&self) -> String {
        let service = self.method.parent_service().name().to_owned();
        format!("{service}/{} {} {}", self.method.name(), self.field, self.rule)
    }
}

/// One step from a message to a field.
#[derive(Clone)]
enum Step {
    Field(FieldDescriptor),
    /// The only element of a list.
    Item(FieldDescriptor),
    /// The only entry of a map.
    Entry(FieldDescriptor),
}

/// Knows the rules of the contract.
pub struct Contract {
    pool: DescriptorPool,
}

impl Contract {
    pub fn load() -> Self {
        Self { pool: DescriptorPool::decode(api::FILE_DESCRIPTOR_SET).expect("the descriptor set is whole") }
    }

    pub fn methods(&self) -> Vec<MethodDescriptor> {
        let services = self
            .pool
            .services()
            .filter(|service| service.full_name().starts_with("amends.") && !NOT_SERVED.contains(&service.full_name()));
        services.flat_map(|service| service.methods().collect::<Vec<_>>()).collect()
    }

    fn rules(&self, field: &FieldDescriptor) -> Option<DynamicMessage> {
        let extension = self.pool.get_extension_by_name("buf.validate.field").expect("buf.validate is known");
        let options = field.options();
        options.has_extension(&extension).then(|| options.get_extension(&extension).as_message().cloned()).flatten()
    }

    fn is_required(&self, oneof: &OneofDescriptor) -> bool {
        let extension = self.pool.get_extension_by_name("buf.validate.oneof").expect("buf.validate is known");
        let options = oneof.options();
        options.has_extension(&extension)
            && options.get_extension(&extension).as_message().is_some_and(|rules| is_set(rules, "required"))
    }

    pub fn breaches(&self) -> Vec<Breach> {
        let mut found = Vec::new();
        for method in self.methods() {
            self.walk(&method, &method.input(), &[], &mut found);
        }
        found
    }

    fn walk(&self, method: &MethodDescriptor, message: &MessageDescriptor, path: &[Step], found: &mut Vec<Breach>) {
        for oneof in message.oneofs().filter(|oneof| !oneof.is_synthetic() && self.is_required(oneof)) {
            let cleared = |target: &mut DynamicMessage| {
                for field in oneof.fields() {
                    target.clear_field(&field);
                }
            };
            let field = shown(path, Some(oneof.name()));
            found.push(self.breach(method, path, &field, "oneof.required", cleared));
        }
        for field in message.fields().filter(|field| !is_output_only(field)) {
            let here = shown(path, Some(field.name()));
            for (rule, suffix, value) in
                self.rules(&field).map(|rules| wrong_values(&field, &rules)).unwrap_or_default()
            {
                let set = |target: &mut DynamicMessage| match &value {
                    Some(value) => target.set_field(&field, value.clone()),
                    None => target.clear_field(&field),
                };
                found.push(self.breach(method, path, &format!("{here}{suffix}"), &rule, set));
            }
            let (inner, step) = match field.kind() {
                Kind::Message(entry) if field.is_map() => match entry.map_entry_value_field().kind() {
                    Kind::Message(inner) => (inner, Step::Entry(field)),
                    _ => continue,
                },
                Kind::Message(inner) if field.is_list() => (inner, Step::Item(field)),
                Kind::Message(inner) => (inner, Step::Field(field)),
                _ => continue,
            };
            if path.len() < DEPTH && inner.full_name().starts_with("amends.") {
                let path: Vec<Step> = path.iter().cloned().chain([step]).collect();
                self.walk(method, &inner, &path, found);
            }
        }
    }

    fn breach(
        &self,
        method: &MethodDescriptor,
        path: &[Step],
        field: &str,
        rule: &str,
        change: impl Fn(&mut DynamicMessage),
    ) -> Breach {
        let mut request = self.good(&method.input(), 0);
        self.change_at(&mut request, path, 0, &change);
        let first = self.good(&method.input(), 0);
        let started = path.first().is_some_and(|step| {
            let (Step::Field(field) | Step::Item(field) | Step::Entry(field)) = step;
            field.containing_oneof().is_some_and(|oneof| self.is_required(&oneof)) && !first.has_field(field)
        });
        let before = (method.is_client_streaming() && started).then_some(first);
        Breach { method: method.clone(), field: field.to_owned(), rule: rule.to_owned(), before, request }
    }

    fn change_at(
        &self,
        message: &mut DynamicMessage,
        path: &[Step],
        depth: usize,
        change: &impl Fn(&mut DynamicMessage),
    ) {
        let Some((step, rest)) = path.split_first() else { return change(message) };
        let take = |field: &FieldDescriptor, found: Option<DynamicMessage>| match (found, field.kind()) {
            (Some(found), _) => found,
            (None, Kind::Message(entry)) if field.is_map() => match entry.map_entry_value_field().kind() {
                Kind::Message(inner) => self.good(&inner, depth + 1),
                _ => unreachable!("only maps of messages are followed"),
            },
            (None, Kind::Message(inner)) => self.good(&inner, depth + 1),
            (None, _) => unreachable!("only messages are followed"),
        };
        let (field, value) = match step {
            Step::Field(field) => {
                let found = message.has_field(field).then(|| message.get_field(field).as_message().cloned()).flatten();
                let mut inner = take(field, found);
                self.change_at(&mut inner, rest, depth + 1, change);
                (field, Value::Message(inner))
            }
            Step::Item(field) => {
                let mut inner = take(field, None);
                self.change_at(&mut inner, rest, depth + 1, change);
                (field, Value::List(vec![Value::Message(inner)]))
            }
            Step::Entry(field) => {
                let mut inner = take(field, None);
                self.change_at(&mut inner, rest, depth + 1, change);
                (field, Value::Map([(MapKey::String(KEY.to_owned()), Value::Message(inner))].into()))
            }
        };
        message.set_field(field, value);
    }

    /// A message that keeps the rules as far as the descriptors tell them.
    pub fn good(&self, message: &MessageDescriptor, depth: usize) -> DynamicMessage {
        let mut good = DynamicMessage::new(message.clone());
        for field in message.fields() {
            let rules = self.rules(&field);
            let required = rules.as_ref().is_some_and(|rules| {
                is_set(rules, "required")
                    || [
                        "string.min_len",
                        "repeated.min_items",
                        "int32.gte",
                        "int64.gte",
                        "enum.not_in",
                        "map.min_pairs",
                    ]
                    .iter()
                    .any(|rule| limit(rules, rule).is_some())
                    || pattern(rules).is_some()
            });
            // Enums, so that what is asked of other fields for their sake is asked.
            let required = required || rules.as_ref().is_some_and(|rules| is_set(rules, "enum.defined_only"));
            let first_of_oneof = field.containing_oneof().is_some_and(|oneof| {
                self.is_required(&oneof) && oneof.fields().next().is_some_and(|first| first == field)
            });
            if (required || first_of_oneof) && depth < DEPTH {
                let value = self.good_value(&field, rules.as_ref(), depth);
                good.set_field(&field, value);
            }
        }
        good
    }

    fn good_value(&self, field: &FieldDescriptor, rules: Option<&DynamicMessage>, depth: usize) -> Value {
        let one = match field.kind() {
            _ if field.is_map() => return Value::Map(std::collections::HashMap::default()),
            Kind::String if field.name() == "request_id" => Value::String("contract".to_owned()),
            Kind::String => Value::String(good_text(field, rules)),
            Kind::Int32 | Kind::Sint32 => {
                let least = rules.and_then(|rules| limit(rules, "int32.gte")).unwrap_or(1);
                Value::I32(i32::try_from(least).expect("an int32"))
            }
            Kind::Int64 | Kind::Sint64 => Value::I64(rules.and_then(|rules| limit(rules, "int64.gte")).unwrap_or(1)),
            Kind::Enum(_) => Value::EnumNumber(1),
            Kind::Message(inner) => Value::Message(match inner.full_name() {
                "google.protobuf.Timestamp" => timestamp(inner),
                _ => self.good(&inner, depth + 1),
            }),
            Kind::Bytes => Value::Bytes(Bytes::from_static(b"x")),
            Kind::Bool => Value::Bool(true),
            kind => Value::default_value(&kind),
        };
        if field.cardinality() == Cardinality::Repeated { Value::List(vec![one]) } else { one }
    }
}

fn timestamp(descriptor: MessageDescriptor) -> DynamicMessage {
    let mut message = DynamicMessage::new(descriptor);
    message.set_field_by_name("seconds", Value::I64(testkit::TEST_EPOCH.to_seconds_nanos().0));
    message
}

/// Fields that the services write: what a request says there is not read, and the contract says so in their comments.
fn is_output_only(field: &FieldDescriptor) -> bool {
    let file = field.parent_file();
    let info = file.file_descriptor_proto().source_code_info.as_ref().expect("the descriptors have their comments");
    let location = info.location.iter().find(|location| location.path == field.path()).expect("a field has its place");
    location.leading_comments().contains("Output only")
}

fn good_text(field: &FieldDescriptor, rules: Option<&DynamicMessage>) -> String {
    let least = rules.and_then(|rules| limit(rules, "string.min_len")).unwrap_or(1);
    match SAMPLES.iter().find(|(name, _)| *name == field.full_name()) {
        Some((_, sample)) => (*sample).to_owned(),
        None => "x".repeat(usize::try_from(least.max(1)).expect("a length")),
    }
}

/// The path of a field as violations write it.
fn shown(path: &[Step], last: Option<&str>) -> String {
    let steps = path.iter().map(|step| match step {
        Step::Field(field) => field.name().to_owned(),
        Step::Item(field) => format!("{}[0]", field.name()),
        Step::Entry(field) => format!("{}[{KEY}]", field.name()),
    });
    steps.chain(last.map(str::to_owned)).collect::<Vec<_>>().join(".")
}
