//! What changed between two documents of a pack, in words.
//!
//! Compares what is written, whatever it means: rules, options, lines and inputs are matched by their ids, all other
//! values by where they stand. What always holds: documents without a change are read as the same pack, and the order of
//! things that have ids, blanks and comments are no change.

use std::fmt;

use kernel::Money;
use serde_norway::Value;

use crate::domain::money::parse_amount;

/// Most characters of a thing that came or went.
const MAX_SHOWN: usize = 400;

/// What a change does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChangeKind {
    /// Is there only in the second document.
    Added,
    /// Is there only in the first document.
    Removed,
    /// Is in both, and not the same.
    Changed,
}

impl fmt::Display for ChangeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed => "changed",
        })
    }
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What it does.
    pub kind: ChangeKind,
    /// What it concerns: `version`, `rule late, condition`, `rule late, line food, amount`.
    pub what: String,
    /// In words, with both values of what changed.
    pub words: String,
}

/// What changed from `old` to `new`, in the order of `old`; what was added comes after what stayed.
///
/// # Errors
/// When one of them is not YAML, or nests deeper than its reader goes.
pub fn diff(old: &str, new: &str) -> Result<Vec<Change>, String> {
    let read = |text: &str| serde_norway::from_str::<Value>(text).map_err(|error| error.to_string());
    let mut changes = Changes(Vec::new());
    changes.compare(&Place::default(), &read(old)?, &read(new)?);
    Ok(changes.0)
}

/// Where in a document something stands.
#[derive(Clone, Debug, Default)]
struct Place(Vec<String>);

impl Place {
    fn field(&self, key: &str) -> Self {
        self.with(key.replace('_', " "))
    }

    /// An item of the list under this place, by its id.
    fn item(&self, id: &str) -> Self {
        let mut outer = self.clone();
        let list = outer.0.pop().unwrap_or_default();
        let noun = match list.as_str() {
            "automatic" | "plus" => "line",
            "choice of" => "option",
            list => list.strip_suffix('s').unwrap_or(list),
        };
        outer.with(format!("{noun} {id}"))
    }

    fn with(&self, segment: String) -> Self {
        let mut segments = self.0.clone();
        segments.push(segment);
        Self(segments)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(", "))
    }
}

struct Changes(Vec<Change>);

impl Changes {
    fn push(&mut self, kind: ChangeKind, place: &Place, words: String) {
        self.0.push(Change { kind, what: place.to_string(), words });
    }

    fn compare(&mut self, place: &Place, old: &Value, new: &Value) {
        match (old, new) {
            (Value::Mapping(before), Value::Mapping(after)) => {
                let fields = |mapping: &serde_norway::Mapping| -> Vec<(String, Value)> {
                    mapping.iter().map(|(key, value)| (shown(key), value.clone())).collect()
                };
                self.matched(place, &fields(before), &fields(after), Place::field);
            }
            (Value::Sequence(before), Value::Sequence(after)) => match (by_id(before), by_id(after)) {
                (Some(before), Some(after)) => self.matched(place, &before, &after, Place::item),
                _ => self.listed(place, before, after),
            },
            (old, new) if old == new => {}
            (Value::String(old), Value::String(new)) => self.text(place, old, new),
            (old, new) => {
                let much = match (old.as_i64(), new.as_i64()) {
                    (Some(old), Some(new)) => percentage(old.into(), new.into()),
                    _ => String::new(),
                };
                self.push(ChangeKind::Changed, place, format!("from {} to {}{much}", shown(old), shown(new)));
            }
        }
    }

    /// Things that have names, in both documents or in one.
    fn matched(
        &mut self,
        place: &Place,
        old: &[(String, Value)],
        new: &[(String, Value)],
        at: fn(&Place, &str) -> Place,
    ) {
        let find = |list: &[(String, Value)], name: &str| {
            list.iter().find(|(other, _)| other == name).map(|(_, value)| value.clone())
        };
        for (name, before) in old {
            let place = at(place, name);
            match find(new, name) {
                Some(after) => self.compare(&place, before, &after),
                None => self.push(ChangeKind::Removed, &place, shown(before)),
            }
        }
        for (name, after) in new.iter().filter(|(name, _)| find(old, name).is_none()) {
            self.push(ChangeKind::Added, &at(place, name), shown(after));
        }
    }

    /// A list of things without names: those that came and went, or that it is in another order.
    fn listed(&mut self, place: &Place, old: &[Value], new: &[Value]) {
        let before = self.0.len();
        for item in old.iter().filter(|item| !new.contains(item)) {
            self.push(ChangeKind::Removed, place, shown(item));
        }
        for item in new.iter().filter(|item| !old.contains(item)) {
            self.push(ChangeKind::Added, place, shown(item));
        }
        if before == self.0.len() && old != new {
            let whole = |list: &[Value]| shown(&Value::Sequence(list.to_vec()));
            self.push(ChangeKind::Changed, place, format!("from {} to {}", whole(old), whole(new)));
        }
    }

    /// An amount with how much it changes; an expression by its numbers where all the rest is as it was.
    fn text(&mut self, place: &Place, old: &str, new: &str) {
        let (old, new) = (squeezed(old), squeezed(new));
        if old == new {
            return;
        }
        let words = match (parse_amount(&old), parse_amount(&new)) {
            (Some(before), Some(after)) => format!("from {old} to {new}{}", of_amounts(before, after)),
            _ => match thresholds(&old, &new) {
                Some(numbers) if !numbers.is_empty() => {
                    let noun = if numbers.len() == 1 { "threshold" } else { "thresholds" };
                    format!("{noun} from {}; now {new}", numbers.join(", from "))
                }
                _ => format!("from {} to {}", quoted(&old), quoted(&new)),
            },
        };
        self.push(ChangeKind::Changed, place, words);
    }
}

/// The items by their ids; `None` when one has none, or two have the same.
fn by_id(items: &[Value]) -> Option<Vec<(String, Value)>> {
    let named = items.iter().map(|item| {
        let mapping = item.as_mapping()?;
        let (key, id) = ["id", "name", "key"].iter().find_map(|key| Some((*key, mapping.get(*key)?.as_str()?)))?;
        let rest = mapping.iter().filter(|(field, _)| field.as_str() != Some(key));
        let rest = rest.map(|(field, value)| (field.clone(), value.clone())).collect();
        Some((id.to_owned(), Value::Mapping(rest)))
    });
    let named: Vec<(String, Value)> = named.collect::<Option<_>>()?;
    let is_unique =
        named.iter().enumerate().all(|(index, (id, _))| named[..index].iter().all(|(other, _)| other != id));
    is_unique.then_some(named)
}

/// A value on one line, cut.
fn shown(value: &Value) -> String {
    let mut text = String::new();
    write_flow(&mut text, value);
    if text.chars().count() > MAX_SHOWN {
        text = text.chars().take(MAX_SHOWN).collect();
        text.push('…');
    }
    text
}

fn write_flow(text: &mut String, value: &Value) {
    match value {
        Value::Null => text.push_str("nothing"),
        Value::Bool(value) => text.push_str(&value.to_string()),
        Value::Number(value) => text.push_str(&value.to_string()),
        Value::String(value) => text.push_str(&squeezed(value)),
        Value::Sequence(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                text.push_str(if index == 0 { "" } else { ", " });
                write_flow(text, item);
            }
            text.push(']');
        }
        Value::Mapping(fields) => {
            for (index, (key, value)) in fields.iter().enumerate() {
                text.push_str(if index == 0 { "" } else { ", " });
                write_flow(text, key);
                text.push_str(": ");
                let nests = matches!(value, Value::Mapping(_));
                text.push_str(if nests { "{" } else { "" });
                write_flow(text, value);
                text.push_str(if nests { "}" } else { "" });
            }
        }
        Value::Tagged(tagged) => write_flow(text, &tagged.value),
    }
}

fn quoted(text: &str) -> String {
    if text.is_empty() { "nothing".to_owned() } else { text.to_owned() }
}

fn squeezed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn of_amounts(old: Money, new: Money) -> String {
    if old.currency == new.currency { percentage(old.minor.into(), new.minor.into()) } else { String::new() }
}

/// How much more or less, to a tenth of a percent.
fn percentage(old: i128, new: i128) -> String {
    if old <= 0 || new < 0 {
        return String::new();
    }
    let tenths = ((new - old).abs() * 2_000 + old) / (2 * old);
    let sign = if new < old { '-' } else { '+' };
    format!(" ({sign}{}.{} %)", tenths / 10, tenths % 10)
}

/// The numbers and comparisons that differ, as `180 to 120`, when two expressions differ in nothing else.
fn thresholds(old: &str, new: &str) -> Option<Vec<String>> {
    // A version has numbers as well, and no threshold.
    if !old.contains(['<', '>', '=']) {
        return None;
    }
    let (old, new) = (tokens(old), tokens(new));
    if old.len() != new.len() {
        return None;
    }
    let is_comparison = |token: &String| matches!(token.as_str(), "<" | "<=" | ">" | ">=");
    let is_number = |token: &String| token.starts_with(|c: char| c.is_ascii_digit());
    let mut found = Vec::new();
    let mut index = 0;
    while index < old.len() {
        let (before, after) = (&old[index], &new[index]);
        let next = |tokens: &[String]| tokens.get(index + 1).cloned().unwrap_or_default();
        if before == after {
            index += 1;
        } else if is_number(before) && is_number(after) {
            found.push(format!("{before} to {after}"));
            index += 1;
        } else if is_comparison(before) && is_comparison(after) && is_number(&next(&old)) && is_number(&next(&new)) {
            // A comparison is told with its number, whether that changed or not.
            found.push(format!("{before} {} to {after} {}", next(&old), next(&new)));
            index += 2;
        } else {
            return None;
        }
    }
    Some(found)
}

/// Words, numbers, texts and runs of signs of an expression.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let (mut last, mut quote) = (' ', None);
    for c in text.chars() {
        let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.');
        let is_sign = |c: char| matches!(c, '<' | '>' | '=' | '!' | '&' | '|');
        let continues = quote.is_some() || (is_word(last) && is_word(c)) || (is_sign(last) && is_sign(c));
        let was_in_text = quote.is_some();
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            _ => {}
        }
        if was_in_text || !c.is_whitespace() {
            match tokens.last_mut() {
                Some(token) if continues => token.push(c),
                _ => tokens.push(c.to_string()),
            }
        }
        last = c;
    }
    tokens
}

#[cfg(test)]
#[path = "diff_tests.rs"]
mod tests;
