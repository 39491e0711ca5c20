//! Reads a configuration from a TOML file, the environment and overrides, and reports all that is wrong at once.
//!
//! Later sources win: file, then environment, then overrides. `AMENDS_SERVER__LISTEN` is `server.listen`; variables
//! without `__` are not ours to read (Kubernetes puts `AMENDS_INTAKE_PORT` and the like into every pod).

use std::path::Path;

use figment::error::{Error, Kind};
use figment::providers::{Format, Toml};
use figment::value::{Dict, Tag, Value};
use figment::{Figment, providers::Serialized};
use serde::de::DeserializeOwned;

use super::{ConfigError, Problems, Validate};

/// Loads and validates a configuration from `file`, this process's environment and `overrides` (key, value).
///
/// # Errors
/// All unknown keys, wrong values and failed validations.
pub fn load<C>(file: Option<&Path>, env_prefix: &str, overrides: &[(String, String)]) -> Result<C, ConfigError>
where
    C: DeserializeOwned + Validate,
{
    load_from(file, env_prefix, environment(), overrides)
}

#[expect(clippy::disallowed_methods, reason = "the one place where configuration reads the environment")]
fn environment() -> Vec<(String, String)> {
    // `vars` would panic at a variable of anybody's that is not Unicode.
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// As [`load`], with the environment given.
///
/// # Errors
/// All unknown keys, wrong values and failed validations.
pub fn load_from<C>(
    file: Option<&Path>,
    env_prefix: &str,
    environment: impl IntoIterator<Item = (String, String)>,
    overrides: &[(String, String)],
) -> Result<C, ConfigError>
where
    C: DeserializeOwned + Validate,
{
    let mut problems = Problems::default();
    let mut root = Dict::new();
    if let Some(path) = file {
        read_file(path, &mut root, &mut problems);
    }
    let mut ignored = Vec::new();
    for (name, text) in environment {
        let Some(key) = name.strip_prefix(env_prefix) else { continue };
        if key.contains("__") {
            insert(&mut root, &key.to_lowercase().split("__").collect::<Vec<_>>(), scalar(&text));
        } else {
            ignored.push((name.clone(), key.to_lowercase()));
        }
    }
    for (key, text) in overrides {
        insert(&mut root, &key.split('.').collect::<Vec<_>>(), scalar(text));
    }
    for (name, key) in ignored {
        if let Some(meant) = nearly_a_key::<C>(&key) {
            let right = format!("{env_prefix}{}", meant.join("__").to_uppercase());
            problems.add(&meant.join("."), format!("{name} is not read; write {right}"));
        }
    }
    let config = extract::<C>(root, &mut problems);
    if let Some(config) = &config {
        config.validate(&mut problems);
    }
    problems.finish()?;
    config.ok_or_else(|| ConfigError { problems: Vec::new() })
}

fn read_file(path: &Path, root: &mut Dict, problems: &mut Problems) {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => return problems.add(&path.display().to_string(), format!("cannot be read: {error}")),
    };
    match Figment::from(Toml::string(&text)).extract::<Dict>() {
        Ok(values) => *root = values,
        // The parser's text shows the line, which may hold a secret: only its position is told.
        Err(error) => problems.add(&path.display().to_string(), format!("is not valid TOML{}", position(&error))),
    }
}

fn position(error: &Error) -> String {
    let text = error.to_string();
    let at = text.lines().find_map(|line| line.split_once("at line ")).map(|(_, rest)| rest.to_owned());
    at.map_or_else(String::new, |at| format!(" at line {at}"))
}

/// Deserializes; a key that is wrong is recorded and taken out, until the rest can be read.
fn extract<C: DeserializeOwned>(mut root: Dict, problems: &mut Problems) -> Option<C> {
    loop {
        let error = match figment(&root).extract_lossy::<C>() {
            Ok(config) => return Some(config),
            Err(error) => error,
        };
        let mut progress = false;
        for error in error {
            let (path, message) = explain(&error);
            problems.add(&path.join("."), message);
            progress |= remove(&mut root, &path);
        }
        if !progress {
            return None;
        }
    }
}

fn figment(root: &Dict) -> Figment {
    Figment::from(Serialized::defaults(root))
}

/// The full key and what is wrong with it. Values are not repeated: they may be secrets.
fn explain(error: &Error) -> (Vec<String>, String) {
    let mut path = error.path.clone();
    let message = match &error.kind {
        Kind::UnknownField(field, known) => {
            if path.last() != Some(field) {
                path.push(field.clone());
            }
            format!("is not a key; known here are {}", known.join(", "))
        }
        Kind::MissingField(field) => {
            path.push(field.to_string());
            "is required".to_owned()
        }
        Kind::UnknownVariant(_, known) => format!("must be one of {}", known.join(", ")),
        Kind::InvalidType(_, wanted) | Kind::InvalidValue(_, wanted) => format!("must be {wanted}"),
        Kind::Message(text) => text.clone(),
        other => other.to_string(),
    };
    (path, message)
}

/// Names with more underscores than this are not looked at: there are too many ways to read them.
const MAX_UNDERSCORES: usize = 6;

/// The key that `AMENDS_SERVER_LISTEN` was meant for, when there is such a one.
fn nearly_a_key<C: DeserializeOwned>(key: &str) -> Option<Vec<String>> {
    let words: Vec<&str> = key.split('_').collect();
    let gaps = words.len() - 1;
    if gaps > MAX_UNDERSCORES {
        return None;
    }
    // Each underscore is either a part of a name or was meant to be two.
    (1..1_usize << gaps).find_map(|meant| {
        let mut path = vec![words[0].to_owned()];
        for (gap, word) in words[1..].iter().enumerate() {
            match path.last_mut() {
                Some(name) if meant & (1 << gap) == 0 => *name = format!("{name}_{word}"),
                _ => path.push((*word).to_owned()),
            }
        }
        is_key::<C>(&path).then_some(path)
    })
}

fn is_key<C: DeserializeOwned>(path: &[String]) -> bool {
    let mut root = Dict::new();
    insert(&mut root, &path.iter().map(String::as_str).collect::<Vec<_>>(), Value::from("?"));
    match figment(&root).extract_lossy::<C>() {
        Ok(_) => true,
        // A wrong value is told by its full path; what is not a key is told before that.
        Err(error) => error.into_iter().all(|e| !matches!(e.kind, Kind::UnknownField(..)) && e.path == path),
    }
}

/// Everything from outside a file is text, and is read as what its key wants; lists and tables may be written in
/// TOML's inline form.
fn scalar(text: &str) -> Value {
    if text.starts_with(['[', '{']) {
        return text.parse().unwrap_or_else(|never: std::convert::Infallible| match never {});
    }
    Value::from(text)
}

fn insert(dict: &mut Dict, path: &[&str], value: Value) {
    match path {
        [] => {}
        [last] => {
            dict.insert((*last).to_owned(), value);
        }
        [first, rest @ ..] => {
            let entry = dict.entry((*first).to_owned()).or_insert_with(|| Value::Dict(Tag::Default, Dict::new()));
            if !matches!(entry, Value::Dict(..)) {
                *entry = Value::Dict(Tag::Default, Dict::new());
            }
            if let Value::Dict(_, inner) = entry {
                insert(inner, rest, value);
            }
        }
    }
}

fn remove(dict: &mut Dict, path: &[String]) -> bool {
    match path {
        [] => false,
        [last] => dict.remove(last).is_some(),
        [first, rest @ ..] => match dict.get_mut(first) {
            Some(Value::Dict(_, inner)) => remove(inner, rest),
            Some(_) => dict.remove(first).is_some(),
            None => false,
        },
    }
}
