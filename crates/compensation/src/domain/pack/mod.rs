//! Packs: dated sets of rules that say what is owed for a failure.
//!
//! A pack is a YAML document (`document`, read by `read`), its expressions are checked and compiled when it is loaded
//! (`expression`), and judging an event is a pure function of the packs and the event (`judge`). What always holds: a
//! pack that was loaded cannot stall or fail a judgement, a rule that lacks an input gives nothing and says which, what
//! the law demands is money or a service unless the customer signs for something else, and of rules that stand for the
//! same loss one decides and the others say which.

pub mod amount;
pub mod canary;
pub mod derived;
pub mod diff;
pub mod document;
pub mod explain;
pub mod expression;
pub mod input;
pub mod judge;
mod one_choice;
mod read;
mod read_amount;
mod read_rule;
pub mod set;
mod set_off;
pub mod vectors;

use std::time::Duration;

use kernel::Timestamp;

use self::amount::AmountRule;
use self::expression::{Expression, Reads, Term};
use self::input::Input;
use super::line::{Basis, Consent};

/// Whether a pack decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PackStatus {
    /// Decides.
    Active,
    /// Is judged in the shadow of the active ones and decides nothing.
    Draft,
    /// Takes the place of earlier versions for its time, and gives nothing.
    Withdrawn,
}

/// A dated set of rules.
#[derive(Debug)]
pub struct Pack {
    /// Its id.
    pub id: String,
    /// For people.
    pub display_name: String,
    /// Version of the document.
    pub version: String,
    /// Whether it decides.
    pub status: PackStatus,
    /// Whose rules these are, e.g. `EU`; empty for a company's own.
    pub jurisdiction: String,
    /// Day on which somebody last compared it with its sources, as written; empty when not said.
    pub reviewed: String,
    /// Whether it gives without being asked.
    pub proactive: bool,
    /// Zone of its days, an IANA name.
    pub time_zone: String,
    /// First day on which it holds, as written.
    pub effective_from: String,
    /// First day on which it does not hold any more, as written; empty: no end.
    pub effective_to: String,
    /// The days as times: midnights of its zone.
    pub in_force: (Timestamp, Option<Timestamp>),
    /// Kinds of event that it judges; empty: all.
    pub event_kinds: Vec<String>,
    /// Whether it judges an event at all.
    pub applies_when: Option<Expression>,
    /// What its expressions and amounts may read.
    pub inputs: Vec<Input>,
    /// Named parts of its expressions.
    pub terms: Vec<Term>,
    /// How its rules give way to those of other packs.
    pub set_off: Vec<SetOff>,
    /// Where the rules come from.
    pub sources: Vec<Source>,
    /// The rules.
    pub rules: Vec<Rule>,
    /// The document.
    pub document: String,
}

impl Pack {
    /// True when the pack judges what happened at `at`.
    pub fn holds_at(&self, at: Timestamp) -> bool {
        let (from, to) = self.in_force;
        from <= at && to.is_none_or(|to| at < to)
    }

    /// True when one of its rules judges events of this kind.
    pub fn judges(&self, kind: &str) -> bool {
        self.rules.iter().any(|rule| rule.judges(self, kind))
    }
}

/// Where a rule comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// What rules refer to it by; empty when none does.
    pub id: String,
    /// For people.
    pub title: String,
    /// Where it can be read; empty for what is not on the web.
    pub url: String,
}

impl Source {
    /// Title and address in one line.
    pub fn in_words(&self) -> String {
        if self.url.is_empty() { self.title.clone() } else { format!("{} <{}>", self.title, self.url) }
    }
}

/// How the rules of a group give way to each other: one of them gives, the others are set off.
#[derive(Debug)]
pub struct SetOff {
    /// Rules of the same group, in whatever pack, stand for the same loss.
    pub group: String,
    /// Which of them gives.
    pub policy: Policy,
    /// Packs with a lower number come first.
    pub order: i64,
    /// A pack for which this holds comes before those for which it does not.
    pub first_when: Option<Expression>,
}

/// Which rule of a group gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Policy {
    /// The one that gives the most money. Amounts of different currencies are not compared: then as for FIRST.
    Highest,
    /// The one of the pack that comes first.
    First,
}

/// One rule.
#[derive(Debug)]
pub struct Rule {
    /// Unique among all packs.
    pub id: String,
    /// One sentence for people.
    pub description: String,
    /// Where the source says so, e.g. `Article 7(1)`; empty when it has no parts.
    pub article: String,
    /// The source that it is taken from, by its place among the pack's.
    pub source: usize,
    /// Kinds of event that it judges; empty: those of the pack.
    pub on: Vec<String>,
    /// When it applies.
    pub condition: Expression,
    /// The group in which it may be set off; empty: none.
    pub set_off: String,
    /// Given at once.
    pub automatic: Vec<LineRule>,
    /// The customer chooses one of these.
    pub choice_of: Vec<OptionRule>,
    /// Given with the chosen option.
    pub plus: Vec<LineRule>,
    /// Everything that its condition, lines and amounts read.
    pub reads: Reads,
}

impl Rule {
    /// True when the rule judges events of this kind.
    pub fn judges(&self, pack: &Pack, kind: &str) -> bool {
        let kinds = if self.on.is_empty() { &pack.event_kinds } else { &self.on };
        kinds.is_empty() || kinds.iter().any(|known| known == kind)
    }

    /// All lines that it may give.
    pub fn lines(&self) -> impl Iterator<Item = &LineRule> {
        let of_options = self.choice_of.iter().flat_map(|option| &option.lines);
        self.automatic.iter().chain(of_options).chain(&self.plus)
    }
}

/// An option of a rule.
#[derive(Debug)]
pub struct OptionRule {
    /// Unique in the rule.
    pub id: String,
    /// One sentence for the customer.
    pub description: String,
    /// What choosing it needs.
    pub consent: Consent,
    /// After this time it holds though nobody has chosen it; none when silence chooses nothing.
    pub holds_after: Option<Duration>,
    /// What the customer gets; an option whose amounts lack an input is left out.
    pub lines: Vec<LineRule>,
}

/// A line of a rule.
#[derive(Debug)]
pub struct LineRule {
    /// Unique in the rule.
    pub id: String,
    /// What it is for.
    pub basis: Basis,
    /// What the customer gets.
    pub benefit: BenefitRule,
    /// One sentence for the customer.
    pub description: String,
    /// Where the source says so; empty: as the rule.
    pub article: String,
    /// Given only when this holds.
    pub when: Option<Expression>,
    /// Whether it gives back what was paid, and so no more than what was captured.
    pub refund: bool,
    /// What the source does not say and the pack assumes; empty when the source says it all.
    pub assumption: String,
    /// A voucher by it never runs out.
    pub never_expires: bool,
    /// The item of the catalogue that a service is.
    pub catalogue_item: Option<String>,
}

/// What a line gives, before its amount is known.
#[derive(Debug)]
pub enum BenefitRule {
    /// Money by a payout.
    Money(AmountRule),
    /// A voucher with an amount.
    Voucher(AmountRule),
    /// A voucher with percent off.
    Discount(u32),
    /// A service in kind.
    Service,
}
