//! A pack as it is written: YAML, strict, and with everything that is wrong named by its path.

use jiff::civil::Date;
use kernel::Timestamp;
use serde::Deserialize;

use super::condition::Condition;
use super::{AmountRule, BenefitRule, LineRule, OptionRule, Pack, PackStatus, Rule};
use crate::domain::line::Basis;
use crate::domain::money::parse_amount;

/// Most options of a choice, lines of an option, and lines that come with it.
const MAX_ITEMS: usize = 8;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PackDocument {
    id: String,
    display_name: String,
    version: String,
    status: PackStatus,
    effective_from: String,
    #[serde(default)]
    effective_to: String,
    sources: Vec<String>,
    rules: Vec<RuleDocument>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleDocument {
    id: String,
    description: String,
    condition: String,
    #[serde(default)]
    automatic: Vec<LineDocument>,
    #[serde(default)]
    choice_of: Vec<OptionDocument>,
    #[serde(default)]
    plus: Vec<LineDocument>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OptionDocument {
    id: String,
    description: String,
    lines: Vec<LineDocument>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LineDocument {
    id: String,
    basis: Basis,
    kind: KindDocument,
    description: String,
    #[serde(default)]
    amount: Option<AmountDocument>,
    #[serde(default)]
    percent: Option<u32>,
    #[serde(default)]
    assumption: String,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum KindDocument {
    Money,
    Voucher,
    Discount,
    Service,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AmountDocument {
    #[serde(default)]
    fixed: Option<String>,
    #[serde(default)]
    from_fact: Option<String>,
    #[serde(default)]
    percent: Option<u32>,
}

/// Reads a pack.
///
/// # Errors
/// Everything that is wrong with the document, each problem with its path; an unknown key or a missing one alone, since
/// nothing can be read beyond it.
pub fn parse(yaml: &str) -> Result<Pack, Vec<String>> {
    let document: PackDocument = serde_norway::from_str(yaml).map_err(|error| vec![error.to_string()])?;
    let mut reader = Reader { problems: Vec::new() };
    let mut pack = reader.pack(document);
    yaml.clone_into(&mut pack.document);
    if reader.problems.is_empty() { Ok(pack) } else { Err(reader.problems) }
}

struct Reader {
    problems: Vec<String>,
}

impl Reader {
    fn problem(&mut self, path: &str, problem: impl std::fmt::Display) {
        self.problems.push(format!("{path}: {problem}"));
    }

    fn pack(&mut self, document: PackDocument) -> Pack {
        self.id("id", &document.id);
        self.text("display_name", &document.display_name, 200);
        self.text("version", &document.version, 32);
        let from = self.day("effective_from", &document.effective_from).unwrap_or(Timestamp::EPOCH);
        let to = if document.effective_to.is_empty() { None } else { self.day("effective_to", &document.effective_to) };
        if to.is_some_and(|to| to <= from) {
            self.problem("effective_to", "must be later than effective_from");
        }
        if document.sources.is_empty() {
            self.problem("sources", "name at least one source");
        }
        if document.rules.is_empty() {
            self.problem("rules", "has no rule");
        }
        let mut ids = Vec::new();
        let rules = document.rules.into_iter().enumerate();
        let rules = rules.filter_map(|(index, rule)| {
            let path = format!("rules[{index}]");
            self.unique(&path, &mut ids, &rule.id);
            self.rule(&path, rule)
        });
        Pack {
            rules: rules.collect(),
            id: document.id,
            display_name: document.display_name,
            version: document.version,
            status: document.status,
            effective_from: document.effective_from,
            effective_to: document.effective_to,
            in_force: (from, to),
            sources: document.sources,
            document: String::new(),
        }
    }

    fn rule(&mut self, path: &str, document: RuleDocument) -> Option<Rule> {
        self.text(&format!("{path}.description"), &document.description, 512);
        let gives = (document.automatic.len(), document.choice_of.len(), document.plus.len());
        match gives {
            (0, 0, _) => self.problem(path, "gives nothing: name lines under automatic or options under choice_of"),
            (_, 0, 1..) => self.problem(&format!("{path}.plus"), "needs choice_of: it comes with a chosen option"),
            _ => {}
        }
        if gives.0.max(gives.1).max(gives.2) > MAX_ITEMS {
            self.problem(path, format!("has more than {MAX_ITEMS} lines or options in one list"));
        }
        let mut line_ids = Vec::new();
        let automatic = self.lines(&format!("{path}.automatic"), document.automatic, &mut line_ids);
        let mut option_ids = Vec::new();
        let mut choice_of = Vec::new();
        for (index, option) in document.choice_of.into_iter().enumerate() {
            let path = format!("{path}.choice_of[{index}]");
            self.unique(&path, &mut option_ids, &option.id);
            self.text(&format!("{path}.description"), &option.description, 512);
            if !(1..=MAX_ITEMS).contains(&option.lines.len()) {
                self.problem(
                    &format!("{path}.lines"),
                    format!("has {} lines; allowed are 1 to {MAX_ITEMS}", option.lines.len()),
                );
            }
            let lines = self.lines(&format!("{path}.lines"), option.lines, &mut line_ids);
            choice_of.push(OptionRule { id: option.id, description: option.description, lines });
        }
        let plus = self.lines(&format!("{path}.plus"), document.plus, &mut line_ids);
        match Condition::compile(&document.condition) {
            Ok(condition) => {
                Some(Rule { id: document.id, description: document.description, condition, automatic, choice_of, plus })
            }
            Err(problem) => {
                self.problem(&format!("{path}.condition"), problem);
                None
            }
        }
    }

    fn lines(&mut self, path: &str, documents: Vec<LineDocument>, ids: &mut Vec<String>) -> Vec<LineRule> {
        let mut lines = Vec::new();
        for (index, document) in documents.into_iter().enumerate() {
            let path = format!("{path}[{index}]");
            self.unique(&path, ids, &document.id);
            self.text(&format!("{path}.description"), &document.description, 300);
            if let Some(benefit) = self.benefit(&path, &document) {
                lines.push(LineRule {
                    id: document.id,
                    basis: document.basis,
                    benefit,
                    description: document.description,
                    assumption: document.assumption,
                });
            }
        }
        lines
    }

    fn benefit(&mut self, path: &str, line: &LineDocument) -> Option<BenefitRule> {
        match (line.kind, &line.amount, line.percent) {
            (KindDocument::Money, Some(amount), None) => self.amount(path, amount).map(BenefitRule::Money),
            (KindDocument::Voucher, Some(amount), None) => self.amount(path, amount).map(BenefitRule::Voucher),
            (KindDocument::Discount, None, Some(percent @ 1..=100)) => Some(BenefitRule::Discount(percent)),
            (KindDocument::Service, None, None) => Some(BenefitRule::Service),
            (KindDocument::Money | KindDocument::Voucher, _, _) => {
                self.problem(path, "needs an amount, and no percent beside it");
                None
            }
            (KindDocument::Discount, _, _) => {
                self.problem(path, "needs a percent of 1 to 100, and no amount");
                None
            }
            (KindDocument::Service, _, _) => {
                self.problem(path, "is a service: it has neither amount nor percent");
                None
            }
        }
    }

    fn amount(&mut self, path: &str, document: &AmountDocument) -> Option<AmountRule> {
        let path = format!("{path}.amount");
        match (&document.fixed, &document.from_fact, document.percent) {
            (Some(text), None, None) => match parse_amount(text).filter(|amount| amount.minor > 0) {
                Some(amount) => Some(AmountRule::Fixed(amount)),
                None => {
                    self.problem(
                        &format!("{path}.fixed"),
                        format!("`{text}` is not a positive amount such as USD 15.00"),
                    );
                    None
                }
            },
            (None, Some(fact), percent) => {
                let percent = percent.unwrap_or(100);
                if !(1..=1_000).contains(&percent) {
                    self.problem(&format!("{path}.percent"), "must be 1 to 1000");
                }
                if !is_key(fact) {
                    self.problem(&format!("{path}.from_fact"), format!("`{fact}` is not the key of a fact"));
                }
                Some(AmountRule::FromFact { fact: fact.clone(), percent })
            }
            _ => {
                self.problem(&path, "give either fixed, or from_fact with an optional percent");
                None
            }
        }
    }

    fn unique(&mut self, path: &str, ids: &mut Vec<String>, id: &str) {
        let path = format!("{path}.id");
        self.id(&path, id);
        if ids.iter().any(|other| other == id) {
            self.problem(&path, format!("`{id}` is taken"));
        }
        ids.push(id.to_owned());
    }

    fn id(&mut self, path: &str, id: &str) {
        let ok = (1..=60).contains(&id.len())
            && id.starts_with(|c: char| c.is_ascii_lowercase())
            && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !ok {
            self.problem(path, format!("`{id}` is not 1 to 60 characters of a-z, 0-9 and '-', from a letter on"));
        }
    }

    fn text(&mut self, path: &str, text: &str, max: usize) {
        if !(1..=max).contains(&text.chars().count()) {
            self.problem(path, format!("must have 1 to {max} characters"));
        }
    }

    fn day(&mut self, path: &str, text: &str) -> Option<Timestamp> {
        let day = text.parse::<Date>().ok().filter(|date| date.to_string() == text);
        let Some(day) = day else {
            self.problem(path, format!("`{text}` is not a day such as 2013-01-01"));
            return None;
        };
        let midnight = day.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
        Some(Timestamp::from_seconds(midnight.timestamp().as_second()))
    }
}

fn is_key(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

#[cfg(test)]
#[path = "document_tests.rs"]
mod tests;
