//! From a document to a pack, with everything that is wrong named by its path.

use std::collections::BTreeSet;

use jiff::civil::Date;
use kernel::Timestamp;

use super::derived::{Argument, Derivation, zone};
use super::document::{DerivedDocument, FactDocument, InputDocument, PackDocument, SetOffDocument, SourceDocument};
use super::expression::{Expression, MAX_STEPS, Names, RANKS, Term};
use super::input::{Input, Type, type_of};
use super::{Pack, PackStatus, SetOff, Source};
use crate::domain::event::Fact;
use crate::domain::line::Basis;
use crate::domain::money::parse_amount;

/// Longest document in bytes.
pub(super) const MAX_DOCUMENT: usize = 256 * 1024;
/// Most inputs, terms, rules of a pack.
const MAX_PARTS: usize = 64;
/// Most steps that all expressions of a pack may take together for one event.
const MAX_PACK_STEPS: usize = 20_000;

pub(super) fn pack(document: PackDocument, yaml: &str) -> Result<Pack, Vec<String>> {
    let zone_name = document.time_zone.clone();
    let mut reader =
        Reader { problems: Vec::new(), zone: zone(&zone_name), inputs: Vec::new(), terms: Vec::new(), steps: 0 };
    let pack = reader.pack(document, yaml);
    if reader.problems.is_empty() { Ok(pack) } else { Err(reader.problems) }
}

/// Which events something is about, as it was read.
pub(in crate::domain) struct Read {
    pub(in crate::domain) inputs: Vec<Input>,
    pub(in crate::domain) condition: Option<Expression>,
    pub(in crate::domain) problems: Vec<String>,
}

/// Reads kinds, inputs and a condition over them, which are not a pack's.
pub(in crate::domain) fn population(kinds: &[String], inputs: Vec<InputDocument>, condition: Option<&str>) -> Read {
    let mut reader =
        Reader { problems: Vec::new(), zone: zone("UTC"), inputs: Vec::new(), terms: Vec::new(), steps: 0 };
    reader.kinds("event_kinds", kinds);
    reader.inputs(inputs);
    let condition = condition.and_then(|source| reader.condition("condition", source));
    let Reader { inputs, problems, .. } = reader;
    Read { inputs, condition, problems }
}

/// What has been read so far, and what is wrong with it.
pub(super) struct Reader {
    problems: Vec<String>,
    zone: Option<jiff::tz::TimeZone>,
    pub(super) inputs: Vec<Input>,
    pub(super) terms: Vec<Term>,
    steps: usize,
}

impl Reader {
    pub(super) fn problem(&mut self, path: &str, problem: impl std::fmt::Display) {
        self.problems.push(format!("{path}: {problem}"));
    }

    fn pack(&mut self, document: PackDocument, yaml: &str) -> Pack {
        self.id("id", &document.id);
        self.text("display_name", &document.display_name, 1, 200);
        self.text("version", &document.version, 1, 32);
        self.text("jurisdiction", &document.jurisdiction, 0, 60);
        if self.zone.is_none() {
            self.problem("time_zone", format!("`{}` is not the IANA name of a time zone", document.time_zone));
        }
        let from = self.day("effective_from", &document.effective_from).unwrap_or(Timestamp::EPOCH);
        let to = if document.effective_to.is_empty() { None } else { self.day("effective_to", &document.effective_to) };
        if to.is_some_and(|to| to <= from) {
            self.problem("effective_to", "must be later than effective_from");
        }
        if !document.reviewed.is_empty() {
            self.day("reviewed", &document.reviewed);
        }
        self.kinds("event_kinds", &document.event_kinds);
        let sources = self.sources(document.sources);
        self.inputs(document.inputs);
        self.terms(document.terms);
        let applies_when = document.applies_when.and_then(|source| self.condition("applies_when", &source));
        let set_off = self.set_off(document.set_off);
        if document.rules.is_empty() && document.status != PackStatus::Withdrawn {
            self.problem("rules", "has no rule");
        }
        if document.rules.len() > MAX_PARTS {
            self.problem("rules", format!("has more than {MAX_PARTS} rules"));
        }
        let mut ids = Vec::new();
        let mut rules = Vec::new();
        for (index, rule) in document.rules.into_iter().enumerate() {
            let path = format!("rules[{index}]");
            self.unique(&path, &mut ids, &rule.id);
            rules.extend(self.rule(&path, rule, &sources, &set_off));
        }
        if self.steps > MAX_PACK_STEPS {
            let steps = self.steps;
            self.problem("rules", format!("take up to {steps} steps together; at most {MAX_PACK_STEPS}"));
        }
        let statutory = rules.iter().any(|rule| rule.lines().any(|line| line.basis == Basis::Statutory));
        if statutory {
            if document.jurisdiction.is_empty() {
                self.problem("jurisdiction", "is required for statutory lines");
            }
            if document.reviewed.is_empty() {
                self.problem("reviewed", "is required for statutory lines");
            }
            if sources.iter().all(|source| source.url.is_empty()) {
                self.problem("sources", "need a url for statutory lines");
            }
        }
        Pack {
            id: document.id,
            display_name: document.display_name,
            version: document.version,
            status: document.status,
            jurisdiction: document.jurisdiction,
            reviewed: document.reviewed,
            proactive: document.proactive,
            time_zone: document.time_zone,
            effective_from: document.effective_from,
            effective_to: document.effective_to,
            in_force: (from, to),
            event_kinds: document.event_kinds,
            applies_when,
            inputs: std::mem::take(&mut self.inputs),
            terms: std::mem::take(&mut self.terms),
            set_off,
            sources,
            rules,
            document: yaml.to_owned(),
        }
    }

    fn sources(&mut self, documents: Vec<SourceDocument>) -> Vec<Source> {
        if documents.is_empty() {
            self.problem("sources", "name at least one source");
        }
        let mut ids = Vec::new();
        let mut sources = Vec::new();
        for (index, document) in documents.into_iter().enumerate() {
            let path = format!("sources[{index}]");
            let source = match document {
                SourceDocument::Title(title) => Source { id: String::new(), title, url: String::new() },
                SourceDocument::Whole(whole) => Source { id: whole.id, title: whole.title, url: whole.url },
            };
            self.text(&format!("{path}.title"), &source.title, 1, 1_000);
            if !source.id.is_empty() {
                self.unique(&path, &mut ids, &source.id);
            }
            if !(source.url.is_empty() || source.url.starts_with("https://")) {
                self.problem(&format!("{path}.url"), "must start with https://");
            }
            sources.push(source);
        }
        sources
    }

    fn inputs(&mut self, documents: Vec<InputDocument>) {
        if documents.len() > MAX_PARTS {
            self.problem("inputs", format!("has more than {MAX_PARTS} inputs"));
        }
        for (index, document) in documents.into_iter().enumerate() {
            let path = format!("inputs[{index}]");
            self.name(&path, &document.name);
            self.text(&format!("{path}.description"), &document.description, 0, 300);
            let default = document.default.and_then(|default| self.default(&path, &default, document.kind));
            let derived = document.derived.and_then(|derived| self.derived(&path, &derived, document.kind));
            let (name, kind, description) = (document.name, document.kind, document.description);
            self.inputs.push(Input { name, kind, description, default, derived });
        }
    }

    fn default(&mut self, path: &str, document: &FactDocument, kind: Type) -> Option<Fact> {
        let path = format!("{path}.default");
        match fact(document) {
            Ok(fact) if type_of(&fact) == kind => Some(fact),
            Ok(fact) => {
                self.problem(&path, format!("is {}, not {kind}", fact.type_name()));
                None
            }
            Err(problem) => {
                self.problem(&path, problem);
                None
            }
        }
    }

    fn derived(&mut self, path: &str, document: &DerivedDocument, kind: Type) -> Option<Derivation> {
        let path = format!("{path}.derived");
        let function = document.function;
        if function.result() != kind {
            self.problem(&path, format!("{} is {}, not {kind}", function.name(), function.result()));
        }
        let wanted = function.arguments();
        if document.of.len() != wanted.len() {
            self.problem(&path, format!("{} takes {} arguments under `of`", function.name(), wanted.len()));
        }
        let mut arguments = Vec::new();
        for (name, wanted) in document.of.iter().zip(wanted) {
            let found = if name == "event.occurred_at" {
                Some((Argument::OccurredAt, Type::Time))
            } else {
                let known = self.inputs.iter().enumerate().find(|(_, input)| input.name == *name);
                known.map(|(index, input)| (Argument::Input(index), input.kind))
            };
            match found {
                Some((argument, kind)) if kind == *wanted => arguments.push(argument),
                Some((_, kind)) => self.problem(&path, format!("`{name}` is {kind}; {wanted} is needed")),
                None => self.problem(&path, format!("`{name}` is not an input that is declared before")),
            }
        }
        (arguments.len() == wanted.len()).then_some(Derivation { function, arguments })
    }

    fn terms(&mut self, documents: Vec<super::document::TermDocument>) {
        if documents.len() > MAX_PARTS {
            self.problem("terms", format!("has more than {MAX_PARTS} terms"));
        }
        for (index, document) in documents.into_iter().enumerate() {
            let path = format!("terms[{index}]");
            self.name(&path, &document.name);
            if let Some(is) = self.expression(&format!("{path}.is"), &document.is) {
                self.terms.push(Term { name: document.name, is });
            }
        }
    }

    fn set_off(&mut self, documents: Vec<SetOffDocument>) -> Vec<SetOff> {
        let mut groups = BTreeSet::new();
        let mut all = Vec::new();
        for (index, document) in documents.into_iter().enumerate() {
            let path = format!("set_off[{index}]");
            self.id(&format!("{path}.group"), &document.group);
            if !groups.insert(document.group.clone()) {
                self.problem(&format!("{path}.group"), format!("`{}` is there twice", document.group));
            }
            let path = format!("{path}.first_when");
            let first_when = document.first_when.and_then(|source| self.condition(&path, &source));
            all.push(SetOff { group: document.group, policy: document.policy, order: document.order, first_when });
        }
        all
    }

    /// An expression over what has been declared so far.
    pub(super) fn expression(&mut self, path: &str, source: &str) -> Option<Expression> {
        let compiled = Expression::compile(source, Names { inputs: &self.inputs, terms: &self.terms });
        self.compiled(path, compiled)
    }

    /// An expression that says yes or no.
    pub(super) fn condition(&mut self, path: &str, source: &str) -> Option<Expression> {
        let compiled = Expression::condition(source, Names { inputs: &self.inputs, terms: &self.terms });
        self.compiled(path, compiled)
    }

    fn compiled(&mut self, path: &str, compiled: Result<Expression, Vec<String>>) -> Option<Expression> {
        match compiled {
            Ok(expression) => {
                self.steps += expression.steps().min(MAX_STEPS);
                Some(expression)
            }
            Err(problems) => {
                for problem in problems {
                    self.problem(path, problem);
                }
                None
            }
        }
    }

    /// A declared input of a type, by its name.
    pub(super) fn input(&mut self, path: &str, name: &str, wanted: &[Type]) -> Option<usize> {
        let found = self.inputs.iter().enumerate().find(|(_, input)| input.name == name);
        match found.map(|(index, input)| (index, input.kind)) {
            Some((index, kind)) if wanted.contains(&kind) => Some(index),
            Some((_, kind)) => {
                let wanted: Vec<_> = wanted.iter().map(ToString::to_string).collect();
                self.problem(path, format!("`{name}` is {kind}; {} is needed", wanted.join(" or ")));
                None
            }
            None => {
                self.problem(path, format!("`{name}` is not declared under inputs"));
                None
            }
        }
    }

    pub(super) fn kinds(&mut self, path: &str, kinds: &[String]) {
        for kind in kinds {
            let word = |word: &str| {
                !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
            };
            if kind.len() > 63 || !kind.split('.').all(word) {
                self.problem(path, format!("`{kind}` is not a kind of event such as flight.delayed"));
            }
        }
    }

    fn name(&mut self, path: &str, name: &str) {
        let path = format!("{path}.name");
        if !is_key(name) || name == "event" || RANKS.iter().any(|(rank, _)| *rank == name) {
            self.problem(&path, format!("`{name}` is not 1 to 63 characters of a-z, 0-9 and '_', from a letter on"));
        }
        let taken = self.inputs.iter().any(|input| input.name == name) || self.terms.iter().any(|t| t.name == name);
        if taken {
            self.problem(&path, format!("`{name}` is taken"));
        }
    }

    pub(super) fn unique(&mut self, path: &str, ids: &mut Vec<String>, id: &str) {
        let path = format!("{path}.id");
        self.id(&path, id);
        if ids.iter().any(|other| other == id) {
            self.problem(&path, format!("`{id}` is taken"));
        }
        ids.push(id.to_owned());
    }

    pub(super) fn id(&mut self, path: &str, id: &str) {
        let ok = (1..=60).contains(&id.len())
            && id.starts_with(|c: char| c.is_ascii_lowercase())
            && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !ok {
            self.problem(path, format!("`{id}` is not 1 to 60 characters of a-z, 0-9 and '-', from a letter on"));
        }
    }

    pub(super) fn text(&mut self, path: &str, text: &str, min: usize, max: usize) {
        if !(min..=max).contains(&text.chars().count()) {
            self.problem(path, format!("must have {min} to {max} characters"));
        }
    }

    /// Midnight of a day in the pack's zone.
    pub(super) fn day(&mut self, path: &str, text: &str) -> Option<Timestamp> {
        let day = text.parse::<Date>().ok().filter(|date| date.to_string() == text);
        let Some(day) = day else {
            self.problem(path, format!("`{text}` is not a day such as 2013-01-01"));
            return None;
        };
        let midnight = day.to_zoned(self.zone.clone()?).ok()?;
        Some(Timestamp::from_seconds(midnight.timestamp().as_second()))
    }
}

/// A fact as it is written.
pub(super) fn fact(document: &FactDocument) -> Result<Fact, String> {
    Ok(match document {
        FactDocument::Integer(value) => Fact::Integer(*value),
        FactDocument::Boolean(value) => Fact::Boolean(*value),
        FactDocument::Text(value) => Fact::Text(value.clone()),
        FactDocument::Money { money } => {
            Fact::Money(parse_amount(money).ok_or_else(|| format!("`{money}` is not an amount such as USD 15.00"))?)
        }
        FactDocument::Time { time } => Fact::Time(instant(time)?),
    })
}

/// A time as it is written, RFC 3339.
pub(super) fn instant(text: &str) -> Result<Timestamp, String> {
    let parsed: jiff::Timestamp = text.parse().map_err(|error| format!("`{text}` is not a time: {error}"))?;
    Ok(Timestamp::from_micros(parsed.as_microsecond()))
}

fn is_key(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}
