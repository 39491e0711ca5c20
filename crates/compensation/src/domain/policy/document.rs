//! A policy as it is written: YAML, strict, and with everything that is wrong named by its path.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::civil::Date;
use kernel::{Money, Timestamp};
use serde::Deserialize;

use super::abuse::{Abuse, Dimension, MAX_AT, Threshold};
use super::authority::{Authority, KindLimits, Limits, Role};
use super::budgets::{Band, Budgets};
use super::catalogue::{Catalogue, Item, Worth};
use super::measure::{self, Unit};
use super::window::MAX_DAYS;
use super::{Policy, PolicyKind, Rules};
use crate::domain::money::parse_amount;

/// Most bytes of a document.
pub const MAX_BYTES: usize = 65_536;
/// Most items of a catalogue.
const MAX_EXTRAS: usize = 500;
/// The largest share of the price that something costs or is worth, in percent.
const MAX_SHARE: u32 = 1_000;

#[derive(Debug, Deserialize)]
struct Head {
    kind: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AuthorityDocument {
    #[serde(rename = "kind")]
    _kind: String,
    version: String,
    effective_from: String,
    window_days: u32,
    default_role: String,
    roles: Vec<RoleDocument>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RoleDocument {
    id: String,
    #[serde(default)]
    approves: bool,
    limits: Vec<LimitDocument>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LimitDocument {
    kind: String,
    per_case: Vec<String>,
    per_customer: Vec<String>,
    per_agent_day: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BudgetsDocument {
    #[serde(rename = "kind")]
    _kind: String,
    version: String,
    effective_from: String,
    lifetime_value_fact: String,
    bands: Vec<BandDocument>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BandDocument {
    id: String,
    #[serde(default)]
    at_least: Vec<String>,
    limits: Vec<BudgetDocument>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BudgetDocument {
    window_days: u32,
    amounts: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AbuseDocument {
    #[serde(rename = "kind")]
    _kind: String,
    version: String,
    effective_from: String,
    signals: Vec<SignalDocument>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SignalDocument {
    dimension: String,
    at: u32,
    window_days: u32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CatalogueDocument {
    #[serde(rename = "kind")]
    _kind: String,
    version: String,
    effective_from: String,
    price_facts: Vec<String>,
    items: Vec<ItemDocument>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ItemDocument {
    id: String,
    description: String,
    cost: Vec<String>,
    perceived_value: Vec<String>,
}

/// Reads a policy.
///
/// # Errors
/// Everything that is wrong with the document, each problem with its path; an unknown key or a missing one alone, since
/// nothing can be read beyond it.
pub fn parse(yaml: &str) -> Result<Policy, Vec<String>> {
    if yaml.len() > MAX_BYTES {
        return Err(vec![format!("has {} bytes; allowed are {MAX_BYTES}", yaml.len())]);
    }
    let head: Head = read(yaml)?;
    let mut reader = Reader::default();
    let policy = match PolicyKind::parse(&head.kind) {
        Some(PolicyKind::Authority) => reader.authority(read(yaml)?),
        Some(PolicyKind::Budgets) => reader.budgets(read(yaml)?),
        Some(PolicyKind::Abuse) => reader.abuse(read(yaml)?),
        Some(PolicyKind::Catalogue) => reader.catalogue(read(yaml)?),
        None => return Err(vec![format!("kind: `{}` is not one of AUTHORITY, BUDGETS, ABUSE, CATALOGUE", head.kind)]),
    };
    if reader.problems.is_empty() { Ok(policy) } else { Err(reader.problems) }
}

fn read<T: for<'de> Deserialize<'de>>(yaml: &str) -> Result<T, Vec<String>> {
    serde_norway::from_str(yaml).map_err(|error| vec![error.to_string()])
}

#[derive(Default)]
struct Reader {
    problems: Vec<String>,
}

impl Reader {
    fn problem(&mut self, path: &str, problem: impl std::fmt::Display) {
        self.problems.push(format!("{path}: {problem}"));
    }

    fn policy(&mut self, version: String, effective_from: String, rules: Rules) -> Policy {
        if !(1..=32).contains(&version.chars().count()) || version.chars().any(char::is_control) {
            self.problem("version", "must have 1 to 32 characters");
        }
        let day = effective_from.parse::<Date>().ok().filter(|date| date.to_string() == effective_from);
        let midnight = day.and_then(|day| day.to_zoned(jiff::tz::TimeZone::UTC).ok());
        if midnight.is_none() {
            self.problem("effective_from", format!("`{effective_from}` is not a day such as 2026-01-01"));
        }
        let effective_at = midnight.map(|at| Timestamp::from_seconds(at.timestamp().as_second())).unwrap_or_default();
        Policy { version, effective_from, effective_at, rules }
    }

    fn authority(&mut self, document: AuthorityDocument) -> Policy {
        self.window("window_days", document.window_days);
        self.number("roles", document.roles.len(), 1, 32);
        let mut roles = BTreeMap::new();
        for (index, role) in document.roles.into_iter().enumerate() {
            let path = format!("roles[{index}]");
            self.id(&format!("{path}.id"), &role.id);
            let mut limits = BTreeMap::new();
            for (index, limit) in role.limits.into_iter().enumerate() {
                let path = format!("{path}.limits[{index}]");
                let read = KindLimits {
                    per_case: self.limits(&format!("{path}.per_case"), &limit.kind, &limit.per_case),
                    per_customer: self.limits(&format!("{path}.per_customer"), &limit.kind, &limit.per_customer),
                    per_agent_day: self.limits(&format!("{path}.per_agent_day"), &limit.kind, &limit.per_agent_day),
                };
                if !["MONEY", "VOUCHER", "DISCOUNT", "SERVICE"].contains(&limit.kind.as_str()) {
                    let problem = format!("`{}` is not one of MONEY, VOUCHER, DISCOUNT, SERVICE", limit.kind);
                    self.problem(&format!("{path}.kind"), problem);
                } else if limits.insert(limit.kind.clone(), read).is_some() {
                    self.problem(&format!("{path}.kind"), format!("`{}` is taken", limit.kind));
                }
            }
            if roles.insert(role.id.clone(), Role { approves: role.approves, limits }).is_some() {
                self.problem(&format!("{path}.id"), format!("`{}` is taken", role.id));
            }
        }
        if !roles.contains_key(&document.default_role) {
            self.problem("default_role", format!("`{}` is none of the roles", document.default_role));
        }
        if !roles.values().any(|role| role.approves) {
            self.problem("roles", "none approves: what is above the limits would wait for ever");
        }
        let rules = Authority {
            version: document.version.clone(),
            window_days: document.window_days,
            default_role: document.default_role,
            roles,
        };
        self.policy(document.version, document.effective_from, Rules::Authority(Arc::new(rules)))
    }

    /// Limits in the units that benefits of this kind are counted in.
    fn limits(&mut self, path: &str, kind: &str, texts: &[String]) -> Limits {
        self.number(path, texts.len(), 0, 64);
        let mut limits = Limits::new();
        for (index, text) in texts.iter().enumerate() {
            let path = format!("{path}[{index}]");
            let (fits, example): (fn(&Unit) -> bool, _) = match kind {
                "DISCOUNT" => (|unit| unit.as_str() == "PERCENT", "25 percent"),
                "SERVICE" => (|unit| unit.as_str() != "PERCENT", "3 times or EUR 50.00"),
                _ => (|unit| unit.money(0).is_some(), "EUR 50.00"),
            };
            match measure::parse(text).filter(|(unit, _)| fits(unit)) {
                Some((unit, limit)) => {
                    if limits.insert(unit, limit).is_some() {
                        self.problem(&path, format!("`{text}`: there is a limit in this unit already"));
                    }
                }
                None => self.problem(&path, format!("`{text}` is not a limit such as {example}")),
            }
        }
        limits
    }

    fn budgets(&mut self, document: BudgetsDocument) -> Policy {
        self.fact("lifetime_value_fact", &document.lifetime_value_fact);
        self.number("bands", document.bands.len(), 1, 16);
        let (mut bands, mut ids) = (Vec::new(), BTreeSet::new());
        let last = document.bands.len().saturating_sub(1);
        for (index, band) in document.bands.into_iter().enumerate() {
            let path = format!("bands[{index}]");
            self.id(&format!("{path}.id"), &band.id);
            if !ids.insert(band.id.clone()) {
                self.problem(&format!("{path}.id"), format!("`{}` is taken", band.id));
            }
            if band.at_least.is_empty() != (index == last) {
                let problem = "every band has one but the last, which takes the customers that are in no other";
                self.problem(&format!("{path}.at_least"), problem);
            }
            let at_least = self.amounts(&format!("{path}.at_least"), &band.at_least);
            self.number(&format!("{path}.limits"), band.limits.len(), 0, 8);
            let mut limits: Vec<(u32, BTreeMap<Unit, i64>)> = Vec::new();
            for (index, budget) in band.limits.into_iter().enumerate() {
                let path = format!("{path}.limits[{index}]");
                self.window(&format!("{path}.window_days"), budget.window_days);
                if limits.iter().any(|(days, _)| *days == budget.window_days) {
                    self.problem(&format!("{path}.window_days"), format!("`{}` is taken", budget.window_days));
                }
                let amounts = self.amounts(&format!("{path}.amounts"), &budget.amounts);
                let amounts = amounts.into_iter().map(|amount| (Unit::currency(amount.currency), amount.minor));
                limits.push((budget.window_days, amounts.collect()));
            }
            bands.push(Band { id: band.id, at_least, limits });
        }
        let lifetime_value_fact = document.lifetime_value_fact;
        let rules = Budgets { version: document.version.clone(), lifetime_value_fact, bands };
        self.policy(document.version, document.effective_from, Rules::Budgets(Arc::new(rules)))
    }

    fn amounts(&mut self, path: &str, texts: &[String]) -> Vec<Money> {
        self.number(path, texts.len(), 0, 64);
        let mut amounts: Vec<Money> = Vec::new();
        for (index, text) in texts.iter().enumerate() {
            let path = format!("{path}[{index}]");
            match parse_amount(text) {
                Some(amount) if amounts.iter().any(|other| other.currency == amount.currency) => {
                    self.problem(&path, format!("`{text}`: there is an amount in this currency already"));
                }
                Some(amount) => amounts.push(amount),
                None => self.problem(&path, format!("`{text}` is not an amount such as EUR 50.00")),
            }
        }
        amounts
    }

    fn abuse(&mut self, document: AbuseDocument) -> Policy {
        let mut thresholds: Vec<Threshold> = Vec::new();
        for (index, signal) in document.signals.into_iter().enumerate() {
            let path = format!("signals[{index}]");
            self.window(&format!("{path}.window_days"), signal.window_days);
            if !(2..=MAX_AT).contains(&signal.at) {
                let problem = format!("must be 2 to {MAX_AT}: what happens once is no repetition");
                self.problem(&format!("{path}.at"), problem);
            }
            match Dimension::parse(&signal.dimension) {
                None => {
                    let problem = format!("`{}` is not one of CUSTOMER, PAYEE, REFERENCE", signal.dimension);
                    self.problem(&format!("{path}.dimension"), problem);
                }
                Some(dimension) if thresholds.iter().any(|other| other.dimension == dimension) => {
                    self.problem(&format!("{path}.dimension"), format!("`{}` is taken", signal.dimension));
                }
                Some(dimension) => {
                    thresholds.push(Threshold { dimension, at: signal.at, window_days: signal.window_days });
                }
            }
        }
        let rules = Abuse { version: document.version.clone(), thresholds };
        self.policy(document.version, document.effective_from, Rules::Abuse(Arc::new(rules)))
    }

    fn catalogue(&mut self, document: CatalogueDocument) -> Policy {
        self.number("price_facts", document.price_facts.len(), 1, 8);
        for (index, key) in document.price_facts.iter().enumerate() {
            self.fact(&format!("price_facts[{index}]"), key);
        }
        self.number("items", document.items.len(), 0, MAX_EXTRAS);
        let mut items: Vec<Item> = Vec::new();
        for (index, item) in document.items.into_iter().enumerate() {
            let path = format!("items[{index}]");
            self.id(&format!("{path}.id"), &item.id);
            if items.iter().any(|other| other.id == item.id) {
                self.problem(&format!("{path}.id"), format!("`{}` is taken", item.id));
            }
            let length = item.description.chars().count();
            if !(1..=300).contains(&length) || item.description.chars().any(char::is_control) {
                self.problem(&format!("{path}.description"), "must have 1 to 300 characters, without line breaks");
            }
            let cost = self.worth(&format!("{path}.cost"), &item.cost);
            let perceived_value = self.worth(&format!("{path}.perceived_value"), &item.perceived_value);
            if let (Worth::Amounts(cost), Worth::Amounts(value)) = (&cost, &perceived_value)
                && !cost.iter().map(|amount| amount.currency).eq(value.iter().map(|amount| amount.currency))
            {
                let problem = "must name the currencies of cost, in their order: what something is worth is compared with what it costs";
                self.problem(&format!("{path}.perceived_value"), problem);
            }
            items.push(Item { id: item.id, description: item.description, cost, perceived_value });
        }
        let rules = Catalogue { version: document.version.clone(), price_facts: document.price_facts, items };
        self.policy(document.version, document.effective_from, Rules::Catalogue(Arc::new(rules)))
    }

    /// Amounts by currency, or one share of the price.
    fn worth(&mut self, path: &str, texts: &[String]) -> Worth {
        if let [text] = texts
            && let Some(percent) = text.strip_suffix(" percent")
        {
            let share = percent.parse().ok().filter(|share| (0..=MAX_SHARE).contains(share));
            if share.is_none() {
                self.problem(path, format!("`{text}` is not a share such as 60 percent, at most {MAX_SHARE} percent"));
            }
            return Worth::OfPrice(share.unwrap_or_default());
        }
        let before = self.problems.len();
        let amounts = self.amounts(path, texts);
        if amounts.is_empty() && self.problems.len() == before {
            self.problem(path, "needs amounts such as EUR 50.00, or one share of the price such as 60 percent");
        }
        Worth::Amounts(amounts)
    }

    fn fact(&mut self, path: &str, key: &str) {
        if !is_key(key) {
            self.problem(path, format!("`{key}` is not the key of a fact"));
        }
    }

    fn window(&mut self, path: &str, days: u32) {
        if !(1..=MAX_DAYS).contains(&days) {
            self.problem(path, format!("`{days}` is not 1 to {MAX_DAYS} days"));
        }
    }

    fn number(&mut self, path: &str, count: usize, min: usize, max: usize) {
        if !(min..=max).contains(&count) {
            self.problem(path, format!("has {count} items; allowed are {min} to {max}"));
        }
    }

    fn id(&mut self, path: &str, id: &str) {
        let ok = (1..=60).contains(&id.len())
            && id.starts_with(|c: char| c.is_ascii_lowercase())
            && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !ok {
            self.problem(path, format!("`{id}` is not 1 to 60 characters of a-z, 0-9 and '-', from a letter on"));
        }
    }
}

fn is_key(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}
