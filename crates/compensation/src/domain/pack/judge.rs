//! Judging an event: every rule of every pack decides and says why, and what they give is put together.

use std::collections::BTreeMap;

use super::condition::{MISSING, Scope, Verdict};
use super::{AmountRule, BenefitRule, LineRule, Pack, PackStatus, Rule};
use crate::domain::assessment::{Assessment, Decision};
use crate::domain::event::{Fact, FailureEvent, Severity};
use crate::domain::line::{Benefit, OfferOption, RemedyLine};
use crate::domain::money::percent_of;

/// Most characters of an explanation and of an arithmetic.
const MAX_TEXT: usize = 512;

/// What is owed for an event by these packs. The same packs and the same event always give the same assessment.
pub fn assess<'a>(packs: impl IntoIterator<Item = &'a Pack>, event: &FailureEvent, severity: Severity) -> Assessment {
    let mut assessment = Assessment::default();
    let seen = Seen { event, severity, scope: Scope::of(event, severity) };
    for pack in packs {
        for rule in &pack.rules {
            let mut judged = judge_rule(pack, rule, &seen);
            if pack.status == PackStatus::Draft && judged.decision.applies {
                judged.gives = Gives::default();
                judged.decision.explanation =
                    cut(&format!("The pack is a draft and decides nothing. {}", judged.decision.explanation));
            }
            if !judged.gives.choice_of.is_empty() && !assessment.choice_of.is_empty() {
                judged.gives.choice_of.clear();
                judged.gives.plus.clear();
                judged.decision.explanation =
                    cut(&format!("Its choice is set aside: another rule offers one. {}", judged.decision.explanation));
            }
            assessment.automatic.append(&mut judged.gives.automatic);
            assessment.choice_of.append(&mut judged.gives.choice_of);
            assessment.plus.append(&mut judged.gives.plus);
            assessment.decisions.push(judged.decision);
        }
    }
    assessment.summary = assessment.sum_up();
    assessment
}

/// The event, also as conditions see it.
struct Seen<'a> {
    event: &'a FailureEvent,
    severity: Severity,
    scope: Scope,
}

#[derive(Default)]
struct Gives {
    automatic: Vec<RemedyLine>,
    choice_of: Vec<OfferOption>,
    plus: Vec<RemedyLine>,
}

struct Judged {
    decision: Decision,
    gives: Gives,
}

fn judge_rule(pack: &Pack, rule: &Rule, seen: &Seen<'_>) -> Judged {
    let mut notes = Notes { inputs: rule.condition.inputs(seen.event, seen.severity), missing: Vec::new() };
    let (applies, gives, explanation) = match decide(pack, rule, seen, &mut notes) {
        Ok((gives, explanation)) => (true, gives, explanation),
        Err(explanation) => (false, Gives::default(), explanation),
    };
    let decision = Decision {
        pack: pack.id.clone(),
        version: pack.version.clone(),
        rule: rule.id.clone(),
        applies,
        explanation: cut(&explanation),
        inputs: notes.inputs,
        missing: notes.missing,
    };
    Judged { decision, gives }
}

/// What is noted while a rule decides.
struct Notes {
    inputs: BTreeMap<String, String>,
    missing: Vec<String>,
}

impl Notes {
    fn missing(&mut self, fact: &str) -> String {
        if !self.missing.iter().any(|noted| noted == fact) {
            self.missing.push(fact.to_owned());
        }
        format!("The fact `{fact}` is missing.")
    }
}

/// What the rule gives and why, or why it does not apply.
fn decide(pack: &Pack, rule: &Rule, seen: &Seen<'_>, notes: &mut Notes) -> Result<(Gives, String), String> {
    let event = seen.event;
    if !pack.holds_at(event.occurred_at) {
        let to = if pack.effective_to.is_empty() { String::new() } else { format!(" until {}", pack.effective_to) };
        let from = &pack.effective_from;
        return Err(format!("The pack holds from {from}{to}; the event happened at {}.", event.occurred_at));
    }
    let read = in_words(&notes.inputs);
    match rule.condition.judge(&seen.scope) {
        Verdict::Holds => {}
        Verdict::Fails => return Err(format!("The condition does not hold with {read}.")),
        Verdict::Missing(fact) => return Err(notes.missing(&fact)),
        Verdict::WrongType => {
            return Err(format!("A fact has not the type that the condition compares it with: {read}."));
        }
    }
    let automatic = lines(rule, &rule.automatic, event, notes)?;
    let mut left_out = Vec::new();
    let mut choice_of = Vec::new();
    for option in &rule.choice_of {
        match lines(rule, &option.lines, event, notes) {
            Ok(lines) => {
                let (id, description) = (option.id.clone(), option.description.clone());
                choice_of.push(OfferOption { id, description, lines });
            }
            Err(why) => left_out.push(format!("Option {} is left out: {why}", option.id)),
        }
    }
    if choice_of.is_empty() && automatic.is_empty() {
        return Err(left_out.join(" "));
    }
    let plus = if choice_of.is_empty() { Vec::new() } else { lines(rule, &rule.plus, event, notes)? };
    let mut explanation = format!("{} The condition holds with {read}.", rule.description);
    for why in left_out {
        explanation.push(' ');
        explanation.push_str(&why);
    }
    Ok((Gives { automatic, choice_of, plus }, explanation))
}

/// The lines with their amounts, or which fact is missing.
fn lines(rule: &Rule, lines: &[LineRule], event: &FailureEvent, notes: &mut Notes) -> Result<Vec<RemedyLine>, String> {
    lines.iter().map(|line| one_line(rule, line, event, notes)).collect()
}

fn one_line(rule: &Rule, line: &LineRule, event: &FailureEvent, notes: &mut Notes) -> Result<RemedyLine, String> {
    let (benefit, mut arithmetic) = match &line.benefit {
        BenefitRule::Money(amount) => {
            let (amount, arithmetic) = work_out(amount, event, notes)?;
            (Benefit::Money(amount), arithmetic)
        }
        BenefitRule::Voucher(amount) => {
            let (amount, arithmetic) = work_out(amount, event, notes)?;
            (Benefit::Voucher(amount), arithmetic)
        }
        BenefitRule::Discount(percent) => (Benefit::Discount(*percent), format!("fixed {percent} %")),
        BenefitRule::Service => (Benefit::Service, String::new()),
    };
    if !line.assumption.is_empty() {
        arithmetic = format!("{arithmetic}; {}", line.assumption);
    }
    Ok(RemedyLine {
        id: format!("{}.{}", rule.id, line.id),
        basis: line.basis,
        benefit,
        description: line.description.clone(),
        arithmetic: cut(arithmetic.trim_start_matches("; ")),
    })
}

fn work_out(rule: &AmountRule, event: &FailureEvent, notes: &mut Notes) -> Result<(kernel::Money, String), String> {
    let (fact, percent) = match rule {
        AmountRule::Fixed(amount) => return Ok((*amount, format!("fixed {amount}"))),
        AmountRule::FromFact { fact, percent } => (fact, *percent),
    };
    let value = event.facts.get(fact);
    notes.inputs.insert(fact.clone(), value.map_or_else(|| MISSING.to_owned(), ToString::to_string));
    let whole = match value {
        None => return Err(notes.missing(fact)),
        Some(Fact::Money(whole)) => *whole,
        Some(other) => {
            return Err(format!("The fact `{fact}` is {}; an amount of money is needed.", other.type_name()));
        }
    };
    let share = percent_of(whole, percent).filter(|share| share.minor > 0);
    let share = share.ok_or_else(|| format!("{percent} % of `{fact}` ({whole}) is not an amount that can be paid."))?;
    Ok((share, format!("{fact} {whole} x {percent} % = {share}")))
}

/// What was read and is there.
fn in_words(inputs: &BTreeMap<String, String>) -> String {
    let given: Vec<_> = inputs.iter().filter(|(_, value)| *value != MISSING).collect();
    if given.is_empty() {
        return "no inputs".to_owned();
    }
    given.into_iter().map(|(key, value)| format!("{key} = {value}")).collect::<Vec<_>>().join(", ")
}

fn cut(text: &str) -> String {
    text.chars().take(MAX_TEXT).collect()
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
