//! What one document changes of another, in words.

use std::collections::BTreeMap;

use serde_json::Value;

/// The changes from one YAML document to another, by path. Items of lists are named by what tells them apart, so that
/// an item that moved is no change. A document that cannot be read says nothing.
pub fn changes(before: &str, after: &str) -> Vec<String> {
    let (before, after) = (flat(before), flat(after));
    let mut changes = Vec::new();
    for (path, old) in &before {
        match after.get(path) {
            None => changes.push(format!("{path}: {old} is gone")),
            Some(new) if new != old => changes.push(format!("{path}: {old} becomes {new}")),
            Some(_) => {}
        }
    }
    let added = after.iter().filter(|(path, _)| !before.contains_key(*path));
    changes.extend(added.map(|(path, new)| format!("{path}: {new} is new")));
    changes
}

fn flat(yaml: &str) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    if let Ok(document) = serde_norway::from_str::<Value>(yaml) {
        walk(String::new(), &document, &mut values);
    }
    values
}

fn walk(path: String, value: &Value, values: &mut BTreeMap<String, String>) {
    let under = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| walk(under(key), value, values)),
        Value::Array(items) if items.iter().any(Value::is_object) => {
            for (index, item) in items.iter().enumerate() {
                let name = ["id", "kind", "dimension", "window_days"].iter().find_map(|key| item.get(key)).map(word);
                walk(format!("{path}[{}]", name.unwrap_or_else(|| index.to_string())), item, values);
            }
        }
        // Amounts are told apart by their unit.
        Value::Array(items) => {
            for text in items.iter().map(word) {
                let (amount, unit) = match text.split_once(' ') {
                    Some((unit, amount)) if unit.starts_with(|c: char| c.is_ascii_uppercase()) => (amount, unit),
                    Some((amount, unit)) => (amount, unit),
                    None => (text.as_str(), ""),
                };
                values.insert(under(unit), amount.to_owned());
            }
        }
        scalar => {
            values.insert(path, word(scalar));
        }
    }
}

fn word(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_told_by_what_things_are_called() {
        let before = "version: a\nroles:\n- {id: agent, limits: [{kind: MONEY, per_case: [EUR 5.00, USD 5.00]}]}\n- {id: lead, approves: true}";
        let after = "version: b\nroles:\n- {id: lead, approves: true}\n- {id: agent, limits: [{kind: MONEY, per_case: [EUR 6.00]}, {kind: DISCOUNT, per_case: [5 percent]}]}";
        assert_eq!(
            changes(before, after),
            [
                "roles[agent].limits[MONEY].per_case.EUR: 5.00 becomes 6.00",
                "roles[agent].limits[MONEY].per_case.USD: 5.00 is gone",
                "version: a becomes b",
                "roles[agent].limits[DISCOUNT].kind: DISCOUNT is new",
                "roles[agent].limits[DISCOUNT].per_case.percent: 5 is new",
            ]
        );
        assert!(changes(before, before).is_empty());
        assert!(changes(": :", "- [").is_empty());
    }
}
