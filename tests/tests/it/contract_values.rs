//! What a `buf.validate` rule says, and values that break it.

use bytes::Bytes;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MapKey, Value};

/// The key of the one entry of a map.
pub const KEY: &str = "value";

/// The value at a path of `FieldRules`, when it is set.
fn rule(rules: &DynamicMessage, path: &str) -> Option<Value> {
    let mut value = Value::Message(rules.clone());
    for part in path.split('.') {
        let message = value.as_message()?;
        if !message.has_field_by_name(part) {
            return None;
        }
        let inner = message.get_field_by_name(part)?.into_owned();
        value = inner;
    }
    Some(value)
}

/// The number of a rule; 0 for a list.
pub fn limit(rules: &DynamicMessage, path: &str) -> Option<i64> {
    match rule(rules, path)? {
        Value::U64(number) => i64::try_from(number).ok(),
        Value::I64(number) => Some(number),
        Value::I32(number) => Some(number.into()),
        Value::U32(number) => Some(number.into()),
        Value::List(_) => Some(0),
        _ => None,
    }
}

/// Whether a rule that is on or off is on.
pub fn is_set(rules: &DynamicMessage, path: &str) -> bool {
    rule(rules, path).and_then(|value| value.as_bool()).unwrap_or(false)
}

/// The pattern of a text.
pub fn pattern(rules: &DynamicMessage) -> Option<String> {
    rule(rules, "string.pattern")?.as_str().map(str::to_owned)
}

/// Every rule of a field with a value that breaks it; without a value the field is left out. The suffix belongs to the
/// name of what is wrong, e.g. the index of an element.
pub fn wrong_values(field: &FieldDescriptor, rules: &DynamicMessage) -> Vec<(String, String, Option<Value>)> {
    let mut wrong = Vec::new();
    let mut add = |rule: &str, suffix: &str, value: Option<Value>| {
        wrong.push((rule.to_owned(), suffix.to_owned(), value));
    };
    if is_set(rules, "required") {
        add("required", "", None);
    }
    if field.is_map() {
        let Kind::Message(entry) = field.kind() else { return wrong };
        let value = entry.map_entry_value_field();
        let entries = |keys: Vec<String>| {
            Some(Value::Map(
                keys.into_iter().map(|key| (MapKey::String(key), Value::default_value_for_field(&value))).collect(),
            ))
        };
        if let Some(most) = limit(rules, "map.max_pairs") {
            add("map.max_pairs", "", entries((0..=most).map(|n| format!("key_{n}")).collect()));
        }
        if limit(rules, "map.min_pairs").is_some_and(|least| least > 0) {
            add("map.min_pairs", "", None);
        }
        if let Some(Value::Message(keys)) = rule(rules, "map.keys") {
            for (rule, text) in wrong_texts(&keys) {
                add(&format!("map.keys.{rule}"), "", entries(vec![text]));
            }
        }
        if let Some(Value::Message(values)) = rule(rules, "map.values") {
            for (rule, text) in wrong_texts(&values) {
                let map = Value::Map([(MapKey::String(KEY.to_owned()), Value::String(text))].into());
                add(&format!("map.values.{rule}"), &format!("[{KEY}]"), Some(map));
            }
        }
        return wrong;
    }
    if field.is_list() {
        let item = Value::default_value(&field.kind());
        if let Some(most) = limit(rules, "repeated.max_items") {
            let many = usize::try_from(most).expect("a number of items") + 1;
            add("repeated.max_items", "", Some(Value::List(vec![item; many])));
        }
        if limit(rules, "repeated.min_items").is_some_and(|least| least > 0) {
            add("repeated.min_items", "", None);
        }
        if let Some(Value::Message(items)) = rule(rules, "repeated.items") {
            for (rule, value) in wrong_scalars(&items) {
                add(&format!("repeated.items.{rule}"), "[0]", Some(Value::List(vec![value])));
            }
        }
        return wrong;
    }
    for (rule, value) in wrong_scalars(rules) {
        add(&rule, "", Some(value));
    }
    wrong
}

fn wrong_scalars(rules: &DynamicMessage) -> Vec<(String, Value)> {
    let mut wrong: Vec<(String, Value)> =
        wrong_texts(rules).into_iter().map(|(rule, text)| (rule, Value::String(text))).collect();
    for (kind, number) in
        [("int32", (|n| Value::I32(i32::try_from(n).expect("an int32"))) as fn(i64) -> Value), ("int64", Value::I64)]
    {
        for (rule, by) in [("gte", -1), ("gt", 0), ("lte", 1), ("lt", 0)] {
            let rule = format!("{kind}.{rule}");
            if let Some(limit) = limit(rules, &rule) {
                wrong.push((rule, number(limit + by)));
            }
        }
    }
    if is_set(rules, "enum.defined_only") {
        wrong.push(("enum.defined_only".to_owned(), Value::EnumNumber(99)));
        wrong.push(("enum.defined_only, below zero".to_owned(), Value::EnumNumber(-1)));
    }
    if rule(rules, "enum.not_in").is_some() {
        wrong.push(("enum.not_in".to_owned(), Value::EnumNumber(0)));
    }
    if let Some(most) = limit(rules, "bytes.max_len") {
        wrong.push((
            "bytes.max_len".to_owned(),
            Value::Bytes(vec![0; usize::try_from(most).expect("a length") + 1].into()),
        ));
    }
    if limit(rules, "bytes.min_len").is_some_and(|least| least > 0) {
        wrong.push(("bytes.min_len".to_owned(), Value::Bytes(Bytes::new())));
    }
    wrong
}

fn wrong_texts(rules: &DynamicMessage) -> Vec<(String, String)> {
    let mut wrong = Vec::new();
    if limit(rules, "string.min_len").is_some_and(|least| least > 0) {
        wrong.push(("string.min_len".to_owned(), String::new()));
    }
    if let Some(most) = limit(rules, "string.max_len") {
        wrong.push(("string.max_len".to_owned(), "x".repeat(usize::try_from(most).expect("a length") + 1)));
    }
    if pattern(rules).is_some() {
        // No pattern of the contract lets a space through.
        wrong.push(("string.pattern".to_owned(), "Not This".to_owned()));
    }
    wrong
}
