//! Packs: dated sets of rules that say what is owed for a failure.
//!
//! A pack is a YAML document (`document`), its conditions are compiled when it is loaded (`condition`), and judging an
//! event is a pure function of the packs and the event (`judge`). What always holds: a pack that was loaded cannot
//! stall or fail a judgement, and a rule that lacks a fact gives nothing and says which fact.

pub mod condition;
pub mod diff;
pub mod document;
pub mod judge;
pub mod set;
pub mod vectors;

use kernel::Timestamp;

use self::condition::Condition;
use super::line::Basis;

/// Whether a pack decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PackStatus {
    /// Decides.
    Active,
    /// Is judged in the shadow of the active ones and decides nothing.
    Draft,
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
    /// First day on which it holds, as written.
    pub effective_from: String,
    /// First day on which it does not hold any more, as written; empty: no end.
    pub effective_to: String,
    /// The days as times: midnight UTC.
    pub in_force: (Timestamp, Option<Timestamp>),
    /// Where the rules come from.
    pub sources: Vec<String>,
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
}

/// One rule.
#[derive(Debug)]
pub struct Rule {
    /// Unique among all packs.
    pub id: String,
    /// One sentence for people.
    pub description: String,
    /// When it applies.
    pub condition: Condition,
    /// Given at once.
    pub automatic: Vec<LineRule>,
    /// The customer chooses one of these.
    pub choice_of: Vec<OptionRule>,
    /// Given with the chosen option.
    pub plus: Vec<LineRule>,
}

/// An option of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionRule {
    /// Unique in the rule.
    pub id: String,
    /// One sentence for the customer.
    pub description: String,
    /// What the customer gets; an option whose amounts lack a fact is left out.
    pub lines: Vec<LineRule>,
}

/// A line of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineRule {
    /// Unique in the rule.
    pub id: String,
    /// What it is for.
    pub basis: Basis,
    /// What the customer gets.
    pub benefit: BenefitRule,
    /// One sentence for the customer.
    pub description: String,
    /// What the source does not say and the pack assumes; empty when the source says it all.
    pub assumption: String,
}

/// What a line gives, before its amount is known.
#[derive(Clone, Debug, PartialEq, Eq)]
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

/// Where an amount comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AmountRule {
    /// The rule names it.
    Fixed(kernel::Money),
    /// A share of an amount that the event names.
    FromFact {
        /// Key of the fact.
        fact: String,
        /// 1 to 1000 percent of it.
        percent: u32,
    },
}
