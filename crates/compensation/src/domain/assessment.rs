//! What is owed for an event, with the reasons.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::decision_value::DecisionValue;
use super::line::{OfferOption, RemedyLine};

/// What one rule decided.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Id of the pack.
    pub pack: String,
    /// Version of the pack.
    pub version: String,
    /// Id of the rule; empty when the pack as a whole does not judge the event.
    pub rule: String,
    /// Where the source says so.
    #[serde(default)]
    pub article: String,
    /// The source, with its address.
    #[serde(default)]
    pub source: String,
    /// True when the condition held.
    pub applies: bool,
    /// Why, in words; names the facts that were missing.
    pub explanation: String,
    /// What the condition and the amounts read, as text.
    pub inputs: BTreeMap<String, String>,
    /// Facts that were missing, so that the rule, or an option of it, gives nothing.
    pub missing: Vec<String>,
    /// The rule that gives for the same loss, so that this one gives nothing, as `eu261/eu261-delay`; empty: none does.
    #[serde(default)]
    pub set_off_by: String,
    /// What would change the decision. Worked out only when it is asked for.
    #[serde(default)]
    pub would_change: Vec<Change>,
    /// True when the version is in force for a share of the tenants only, of which this is one.
    #[serde(default)]
    pub canary: bool,
}

/// Another value of one input, and what would come of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The input.
    pub input: String,
    /// Its value now, as text; `missing` when the event does not say.
    pub current: String,
    /// The nearest value that changes the decision, as text.
    pub other: String,
    /// What the rule would give with it.
    pub gives: String,
}

/// What a draft would give; decides nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shadow {
    /// Id of the pack.
    pub pack: String,
    /// Version of the pack.
    pub version: String,
    /// What it would give at once.
    pub automatic: Vec<RemedyLine>,
    /// What it would let the customer choose.
    pub choice_of: Vec<OfferOption>,
    /// What it would give with the chosen option.
    pub plus: Vec<RemedyLine>,
}

/// What is owed for an event, with the reasons.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assessment {
    /// Given at once.
    pub automatic: Vec<RemedyLine>,
    /// The customer chooses exactly one of these.
    pub choice_of: Vec<OfferOption>,
    /// Given together with the chosen option.
    pub plus: Vec<RemedyLine>,
    /// What each rule decided.
    pub decisions: Vec<Decision>,
    /// One sentence that sums it up.
    pub summary: String,
    /// What drafts would give.
    #[serde(default)]
    pub shadow: Vec<Shadow>,
    /// What it costs against what the customer is worth; none for what was recorded before it was worked out.
    #[serde(default)]
    pub value: Option<DecisionValue>,
}

impl Assessment {
    /// True when there is nothing to give and nothing to choose.
    pub fn is_empty(&self) -> bool {
        self.automatic.is_empty() && self.choice_of.is_empty()
    }

    /// Every line that is given or can be chosen; drafts give none.
    pub fn lines(&self) -> impl Iterator<Item = &RemedyLine> {
        let options = self.choice_of.iter().flat_map(|option| &option.lines);
        self.automatic.iter().chain(options).chain(&self.plus)
    }

    /// The same, to be changed.
    pub fn lines_mut(&mut self) -> impl Iterator<Item = &mut RemedyLine> {
        let options = self.choice_of.iter_mut().flat_map(|option| &mut option.lines);
        self.automatic.iter_mut().chain(options).chain(&mut self.plus)
    }

    /// True when a line is an item of the catalogue.
    pub fn names_items(&self) -> bool {
        self.lines().any(|line| line.origin.item.is_some())
    }

    /// One sentence for people: what is given at once and what can be chosen, or why nothing is owed.
    pub fn sum_up(&self) -> String {
        if self.is_empty() {
            // A fact that is missing is worth more to the reader than a list of conditions that did not hold.
            let missing = self.decisions.iter().find(|d| !(d.missing.is_empty() || d.rule.is_empty()));
            return match missing {
                Some(decision) => format!("Nothing is owed. Rule {}: {}", decision.rule, decision.explanation),
                None => "Nothing is owed: no rule applies.".to_owned(),
            };
        }
        let words = |lines: &[RemedyLine]| lines.iter().map(RemedyLine::in_words).collect::<Vec<_>>().join("; ");
        let mut parts = Vec::new();
        if !self.automatic.is_empty() {
            parts.push(format!("Given at once: {}.", words(&self.automatic)));
        }
        if !self.choice_of.is_empty() {
            let options: Vec<_> = self.choice_of.iter().map(|option| option.description.as_str()).collect();
            let plus = if self.plus.is_empty() { String::new() } else { format!("; with it: {}", words(&self.plus)) };
            parts.push(format!("Choice of: {}{plus}.", options.join(" or ")));
        }
        parts.join(" ")
    }
}

/// The options of an offer for a message to the customer: one line each, and what comes with any of them.
pub fn offer_summary(options: &[OfferOption], plus: &[RemedyLine]) -> String {
    let mut lines: Vec<String> = options
        .iter()
        .map(|option| {
            let amounts: Vec<String> = option.lines.iter().filter_map(amount_of).collect();
            let amounts = if amounts.is_empty() { String::new() } else { format!(" ({})", amounts.join(", ")) };
            format!("{}: {}{amounts}", option.id, option.description)
        })
        .collect();
    lines.extend(plus.iter().map(|line| format!("and with it: {}", line.in_words())));
    lines.join("\n")
}

fn amount_of(line: &RemedyLine) -> Option<String> {
    use super::line::Benefit;
    match &line.benefit {
        Benefit::Money(amount) | Benefit::Voucher(amount) => Some(amount.to_string()),
        Benefit::Discount(percent) => Some(format!("{percent} %")),
        Benefit::Service => None,
    }
}

#[cfg(test)]
mod tests {
    use kernel::{Currency, Money};

    use super::*;
    use crate::domain::line::{Basis, Benefit, Consent, Origin};

    fn eur(minor: i64) -> Money {
        Money::new(Currency::parse("EUR").expect("a currency"), minor)
    }

    fn line(description: &str, benefit: Benefit) -> RemedyLine {
        RemedyLine { description: description.to_owned(), ..RemedyLine::plain("", Basis::Statutory, benefit) }
    }

    fn option(id: &str, description: &str, lines: Vec<RemedyLine>) -> OfferOption {
        let (id, description) = (id.to_owned(), description.to_owned());
        OfferOption { id, description, lines, consent: Consent::None, holds_after: None }
    }

    fn options() -> Vec<OfferOption> {
        let cash = vec![line("Cash", Benefit::Money(eur(25_000)))];
        let both = vec![
            line("Voucher", Benefit::Voucher(eur(35_000))),
            line("Upgrade", Benefit::Service),
            line("Less", Benefit::Discount(10)),
        ];
        vec![option("cash", "the money", cash), option("more", "a voucher and more", both)]
    }

    #[test]
    fn what_is_given_and_what_can_be_chosen_is_summed_up() {
        let meal = || vec![line("Meal", Benefit::Voucher(eur(1_500))), line("Call", Benefit::Service)];
        let given = Assessment { automatic: meal(), ..Assessment::default() };
        let chosen = Assessment { choice_of: options(), ..Assessment::default() };
        let along = Assessment { plus: meal(), ..chosen.clone() };
        let all = Assessment { automatic: meal(), ..along.clone() };
        for (assessment, summary) in [
            (given, "Given at once: Meal (EUR 15.00); Call."),
            (chosen, "Choice of: the money or a voucher and more."),
            (along, "Choice of: the money or a voucher and more; with it: Meal (EUR 15.00); Call."),
            (
                all,
                "Given at once: Meal (EUR 15.00); Call. \
                 Choice of: the money or a voucher and more; with it: Meal (EUR 15.00); Call.",
            ),
        ] {
            assert!(!assessment.is_empty());
            assert_eq!(assessment.sum_up(), summary);
        }
    }

    /// Wherever a line stands, it is looked at, priced, and counted.
    #[test]
    fn lines_are_those_that_are_given_those_of_a_choice_and_those_that_come_along() {
        use crate::domain::line::CatalogueItem;
        let plain = |name: &str| line(name, Benefit::Service);
        let item = || {
            let item = Some(CatalogueItem::default());
            RemedyLine { origin: Origin { item, ..Origin::default() }, ..plain("item") }
        };
        let of = |given: RemedyLine, chosen: RemedyLine, along: RemedyLine| Assessment {
            automatic: vec![given],
            choice_of: vec![option("o", "", Vec::new()), option("p", "", vec![plain("first"), chosen])],
            plus: vec![along],
            ..Assessment::default()
        };
        let mut without = of(plain("given"), plain("chosen"), plain("along"));
        let names = |assessment: &Assessment| assessment.lines().map(|l| l.description.clone()).collect::<Vec<_>>();
        assert_eq!(names(&without), ["given", "first", "chosen", "along"]);
        assert!(!without.names_items());
        assert!(of(item(), plain("b"), plain("c")).names_items());
        assert!(of(plain("a"), item(), plain("c")).names_items());
        assert!(of(plain("a"), plain("b"), item()).names_items());
        without.lines_mut().for_each(|line| line.description.push('!'));
        assert_eq!(names(&without), ["given!", "first!", "chosen!", "along!"]);
    }

    #[test]
    fn where_nothing_is_owed_the_first_rule_that_lacks_a_fact_says_which() {
        let decision = |rule: &str, missing: &[&str]| Decision {
            rule: rule.to_owned(),
            explanation: format!("{missing:?} are not known"),
            missing: missing.iter().map(|fact| (*fact).to_owned()).collect(),
            ..Decision::default()
        };
        // Without a rule it is the whole pack that does not judge, of which no fact could make it.
        let silent = [decision("held", &[]), decision("", &["distance"]), decision("", &[])];
        let mut assessment = Assessment { decisions: silent.to_vec(), ..Assessment::default() };
        assert!(assessment.is_empty());
        assert_eq!(assessment.sum_up(), "Nothing is owed: no rule applies.");
        assessment.decisions.extend([decision("delay", &["hours"]), decision("bags", &["weight"])]);
        assert_eq!(assessment.sum_up(), "Nothing is owed. Rule delay: [\"hours\"] are not known");
    }

    #[test]
    fn a_message_names_each_option_with_its_amounts_and_what_comes_with_any() {
        let summary = offer_summary(&options(), &[line("Meal", Benefit::Voucher(eur(1_500)))]);
        assert_eq!(
            summary.lines().collect::<Vec<_>>(),
            [
                "cash: the money (EUR 250.00)",
                "more: a voucher and more (EUR 350.00, 10 %)",
                "and with it: Meal (EUR 15.00)"
            ]
        );
        let service = option("ride", "a ride", vec![line("Ride", Benefit::Service)]);
        assert_eq!(offer_summary(&[service], &[]), "ride: a ride");
    }
}
