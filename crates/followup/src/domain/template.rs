//! The words to the customer: templates by language, the values that each needs, and rendering.
//!
//! Always holds: a value is put in as text and never read as a template; every value is cleaned first, so that none
//! can break a header or turn the reading direction; the subject is one line; rendering ends, by fuel.

use std::collections::{BTreeMap, BTreeSet};

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};

use super::text;

mod day;

/// Longest subject in characters.
pub(crate) const MAX_SUBJECT: usize = 200;
/// Longest text in characters.
pub(crate) const MAX_BODY: usize = 20_000;
/// Instructions that one rendering may take; the largest template takes about a hundred.
const FUEL: u64 = 20_000;
/// The language that every template exists in.
const FALLBACK: &str = "en";
/// Values that are always there.
const ALWAYS: [&str; 1] = ["case"];

/// Language, name and source of every template that ships.
const SHIPPED: [(&str, &str, &str); 12] = [
    ("en", "apology", include_str!("../../templates/en/apology.txt")),
    ("en", "check_in", include_str!("../../templates/en/check_in.txt")),
    ("en", "offer", include_str!("../../templates/en/offer.txt")),
    ("en", "payout", include_str!("../../templates/en/payout.txt")),
    ("en", "question", include_str!("../../templates/en/question.txt")),
    ("en", "voucher", include_str!("../../templates/en/voucher.txt")),
    ("de", "apology", include_str!("../../templates/de/apology.txt")),
    ("de", "check_in", include_str!("../../templates/de/check_in.txt")),
    ("de", "offer", include_str!("../../templates/de/offer.txt")),
    ("de", "payout", include_str!("../../templates/de/payout.txt")),
    ("de", "question", include_str!("../../templates/de/question.txt")),
    ("de", "voucher", include_str!("../../templates/de/voucher.txt")),
];

/// A rendered message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rendered {
    pub(crate) subject: String,
    pub(crate) body: String,
}

/// Why nothing was rendered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UnusableValues {
    /// There is no such template.
    #[error("is not a template; there are {}", known.join(", "))]
    UnknownTemplate {
        /// Those that there are.
        known: Vec<String>,
    },
    /// Values that the template needs are missing or blank.
    #[error("the template also needs {}", missing.join(", "))]
    Missing {
        /// Their keys.
        missing: Vec<String>,
    },
    /// The text would be too long, or too much work.
    #[error("the values make a text of more than {MAX_BODY} characters")]
    TooMuch,
}

/// A template that cannot be used: a defect of its file.
#[derive(Debug, thiserror::Error)]
#[error("template {name}: {problem}")]
pub(crate) struct BadTemplate {
    name: String,
    problem: String,
}

#[derive(Debug)]
struct Needs {
    required: BTreeSet<String>,
    optional: BTreeSet<String>,
}

/// All templates.
#[derive(Debug)]
pub(crate) struct Templates {
    environment: Environment<'static>,
    needs: BTreeMap<(String, String), Needs>,
}

impl Templates {
    /// The templates that ship.
    ///
    /// # Errors
    /// When one of them cannot be parsed.
    pub(crate) fn shipped() -> Result<Self, BadTemplate> {
        Self::parse(&SHIPPED)
    }

    fn parse(sources: &[(&str, &str, &str)]) -> Result<Self, BadTemplate> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        environment.set_fuel(Some(FUEL));
        environment.set_syntax(blocks_on_own_lines()?);
        environment.add_filter("day", day::day);
        let mut templates = Self { environment, needs: BTreeMap::new() };
        for (language, name, source) in sources {
            templates
                .add(language, name, source)
                .map_err(|problem| BadTemplate { name: format!("{language}/{name}"), problem })?;
        }
        Ok(templates)
    }

    /// Header lines, an empty line, the text. `Subject:` is needed; `Optional:` names values that may be missing.
    fn add(&mut self, language: &str, name: &str, source: &str) -> Result<(), String> {
        let (head, body) = source.split_once("\n\n").ok_or("there is no empty line after the headers")?;
        let (mut subject, mut optional) = (None, BTreeSet::new());
        for line in head.lines() {
            match line.split_once(": ") {
                Some(("Subject", text)) => subject = Some(text),
                Some(("Optional", keys)) => optional.extend(keys.split(',').map(|key| key.trim().to_owned())),
                _ => return Err(format!("`{line}` is not a header; there are Subject and Optional")),
            }
        }
        let subject = subject.ok_or("there is no Subject")?;
        let mut used = BTreeSet::new();
        for (part, text) in [("subject", subject), ("body", body)] {
            let full_name = part_name(language, name, part);
            let added = self.environment.add_template_owned(full_name.clone(), text.to_owned());
            added.map_err(|error| error.to_string())?;
            let template = self.environment.get_template(&full_name).map_err(|error| error.to_string())?;
            used.extend(template.undeclared_variables(false));
        }
        if let Some(unused) = optional.difference(&used).next() {
            return Err(format!("the optional value {unused} is not used"));
        }
        let given = |key: &String| optional.contains(key) || ALWAYS.contains(&key.as_str());
        let required = used.iter().filter(|key| !given(key)).cloned().collect();
        self.needs.insert((language.to_owned(), name.to_owned()), Needs { required, optional });
        Ok(())
    }

    /// Renders `name` in `language`, or in its main language, or in English. `case` is always among the values; keys
    /// that the template does not know are ignored.
    ///
    /// # Errors
    /// When there is no such template, values are missing, or the text would be too long.
    pub(crate) fn render(
        &self,
        name: &str,
        language: &str,
        case: &str,
        values: &BTreeMap<String, String>,
    ) -> Result<Rendered, UnusableValues> {
        let (language, needs) = self.find(name, language)?;
        let mut cleaned: BTreeMap<&str, String> =
            needs.optional.iter().map(|key| (key.as_str(), String::new())).collect();
        for (key, value) in values {
            cleaned.insert(key, text::clean(value).trim().to_owned());
        }
        cleaned.insert("case", case.to_owned());
        let blank = |key: &&String| cleaned.get(key.as_str()).is_none_or(String::is_empty);
        let missing: Vec<String> = needs.required.iter().filter(blank).cloned().collect();
        if !missing.is_empty() {
            return Err(UnusableValues::Missing { missing });
        }
        // Nothing but fuel can stop a template whose values are all there: their types are all text.
        let part = |part: &str| -> Result<String, UnusableValues> {
            let template = self.environment.get_template(&part_name(language, name, part));
            template.and_then(|template| template.render(&cleaned)).map_err(|_| UnusableValues::TooMuch)
        };
        let rendered = Rendered { subject: text::line(&part("subject")?, MAX_SUBJECT), body: part("body")? };
        if rendered.body.chars().count() > MAX_BODY {
            return Err(UnusableValues::TooMuch);
        }
        Ok(rendered)
    }

    fn find(&self, name: &str, language: &str) -> Result<(&str, &Needs), UnusableValues> {
        let tag = language.to_ascii_lowercase();
        let main = tag.split(['-', '_']).next().unwrap_or_default();
        [tag.as_str(), main, FALLBACK]
            .into_iter()
            .find_map(|language| self.needs.get_key_value(&(language.to_owned(), name.to_owned())))
            .map(|((language, _), needs)| (language.as_str(), needs))
            .ok_or_else(|| UnusableValues::UnknownTemplate { known: self.names() })
    }

    fn names(&self) -> Vec<String> {
        self.needs.keys().filter(|(language, _)| language == FALLBACK).map(|(_, name)| name.clone()).collect()
    }
}

/// A line that holds nothing but a block tag leaves no empty line behind.
fn blocks_on_own_lines() -> Result<SyntaxConfig, BadTemplate> {
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    syntax.map_err(|error| BadTemplate { name: "syntax".to_owned(), problem: error.to_string() })
}

fn part_name(language: &str, name: &str, part: &str) -> String {
    format!("{language}/{name}/{part}")
}

#[cfg(test)]
mod tests;
