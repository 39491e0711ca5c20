//! Judging an event: every rule that is for its kind decides and says why, and what they give is put together.

use super::amount::{NoAmount, WorkedOut};
use super::expression::{Reads, Scope, Stop};
use super::one_choice::one_choice;
use super::read_rule::line_reads;
use super::{BenefitRule, LineRule, Pack, PackStatus, Rule, set_off};
use crate::domain::assessment::{Assessment, Decision, Shadow};
use crate::domain::event::{Fact, FailureEvent, Severity};
use crate::domain::line::{Benefit, CatalogueItem, OfferOption, Origin, RemedyLine};

/// Most characters of an explanation and of an arithmetic.
const MAX_TEXT: usize = 512;
/// The fact that says that the customer asked, for packs that do not give of their own accord.
pub const CLAIMED: &str = "claimed";

/// What is owed for an event by these packs. The same packs and the same event always give the same assessment.
pub fn assess<'a>(
    packs: impl IntoIterator<Item = &'a Pack>,
    event: &'a FailureEvent,
    severity: Severity,
) -> Assessment {
    let mut assessment = Assessment::default();
    let mut active = Vec::new();
    for pack in packs {
        let mut judged = judge_pack(pack, event, severity);
        if pack.status == PackStatus::Draft {
            set_off::settle(&mut judged);
            assessment.shadow.extend(shadow(pack, &mut judged));
        }
        active.append(&mut judged);
    }
    set_off::settle(&mut active);
    one_choice(&mut active);
    for judged in active {
        let Gives { mut automatic, mut choice_of, mut plus } = judged.gives;
        assessment.automatic.append(&mut automatic);
        assessment.choice_of.append(&mut choice_of);
        assessment.plus.append(&mut plus);
        assessment.decisions.push(judged.decision);
    }
    assessment.summary = assessment.sum_up();
    assessment
}

/// What a rule gives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Gives {
    pub(super) automatic: Vec<RemedyLine>,
    pub(super) choice_of: Vec<OfferOption>,
    pub(super) plus: Vec<RemedyLine>,
}

impl Gives {
    fn is_empty(&self) -> bool {
        self.automatic.is_empty() && self.choice_of.is_empty()
    }

    /// In words, for people.
    pub(super) fn in_words(&self) -> String {
        if self.is_empty() {
            return "nothing".to_owned();
        }
        let lines = self.automatic.iter().chain(&self.plus).map(RemedyLine::in_words);
        let options = self.choice_of.iter().map(|option| {
            let lines: Vec<_> = option.lines.iter().map(RemedyLine::in_words).collect();
            format!("option {}: {}", option.id, lines.join(" and "))
        });
        lines.chain(options).collect::<Vec<_>>().join("; ")
    }
}

/// A rule's decision, and what it gives.
#[derive(Debug)]
pub(super) struct Judged<'a> {
    pub(super) pack: &'a Pack,
    /// Absent when the pack as a whole does not judge the event.
    pub(super) rule: Option<&'a Rule>,
    /// Whether its pack comes before those of the others in its group.
    pub(super) comes_first: bool,
    pub(super) decision: Decision,
    pub(super) gives: Gives,
}

impl Judged<'_> {
    /// Takes back what it gives, and says why.
    pub(super) fn give_way(&mut self, why: &str) {
        self.gives = Gives::default();
        self.explain(why);
    }

    /// Says something before everything else.
    pub(super) fn explain(&mut self, why: &str) {
        self.decision.explanation = cut(&format!("{why} {}", self.decision.explanation));
    }
}

fn judge_pack<'a>(pack: &'a Pack, event: &'a FailureEvent, severity: Severity) -> Vec<Judged<'a>> {
    if !pack.judges(&event.kind) {
        return Vec::new();
    }
    if !pack.holds_at(event.occurred_at) {
        let to = if pack.effective_to.is_empty() { String::new() } else { format!(" until {}", pack.effective_to) };
        let from = &pack.effective_from;
        let why = format!("The pack holds from {from}{to}; the event happened at {}.", event.occurred_at);
        return vec![aside(pack, why)];
    }
    if pack.status == PackStatus::Withdrawn {
        return vec![aside(pack, "The pack is withdrawn.".to_owned())];
    }
    if !pack.proactive && event.facts.get(CLAIMED) != Some(&Fact::Boolean(true)) {
        let mut aside = aside(pack, format!("It is given when it is asked for; the fact `{CLAIMED}` does not say so."));
        aside.decision.missing.push(CLAIMED.to_owned());
        return vec![aside];
    }
    let scope = Scope::new(event, severity, &pack.inputs, &pack.terms);
    if let Some(condition) = &pack.applies_when {
        let mut notes = Notes::of(&scope, condition.reads());
        let why = match scope.holds(condition) {
            Ok(true) => None,
            Ok(false) => Some(format!("The pack is not for this event: {}.", notes.in_words())),
            Err(stop) => Some(format!("Whether the pack is for this event is not known: {}", notes.stopped(&stop))),
        };
        if let Some(why) = why {
            let mut aside = aside(pack, why);
            (aside.decision.inputs, aside.decision.missing) = (notes.inputs, notes.missing);
            return vec![aside];
        }
    }
    let rules = pack.rules.iter().filter(|rule| rule.judges(pack, &event.kind));
    rules.map(|rule| judge_rule(pack, rule, &scope)).collect()
}

/// A pack that does not judge the event, and why.
fn aside(pack: &Pack, why: String) -> Judged<'_> {
    let decision = Decision {
        pack: pack.id.clone(),
        version: pack.version.clone(),
        explanation: cut(&why),
        ..Decision::default()
    };
    Judged { pack, rule: None, comes_first: false, decision, gives: Gives::default() }
}

/// The decision of one rule of a pack that judges the event.
pub(super) fn judge_rule<'a>(pack: &'a Pack, rule: &'a Rule, scope: &Scope<'a>) -> Judged<'a> {
    let mut notes = Notes::of(scope, &rule.reads);
    let (applies, gives, explanation) = match decide(pack, rule, scope, &mut notes) {
        Ok((gives, explanation)) => (true, gives, explanation),
        Err(explanation) => (false, Gives::default(), explanation),
    };
    let group = pack.set_off.iter().find(|group| group.group == rule.set_off);
    let first_when = group.and_then(|group| group.first_when.as_ref());
    let decision = Decision {
        pack: pack.id.clone(),
        version: pack.version.clone(),
        rule: rule.id.clone(),
        article: rule.article.clone(),
        source: pack.sources.get(rule.source).map(super::Source::in_words).unwrap_or_default(),
        applies,
        explanation: cut(&explanation),
        inputs: notes.inputs,
        missing: notes.missing,
        ..Decision::default()
    };
    let comes_first = applies && first_when.is_some_and(|condition| scope.holds(condition) == Ok(true));
    Judged { pack, rule: Some(rule), comes_first, decision, gives }
}

/// What is noted while a rule decides.
struct Notes<'s, 'a> {
    scope: &'s Scope<'a>,
    inputs: std::collections::BTreeMap<String, String>,
    missing: Vec<String>,
}

impl<'s, 'a> Notes<'s, 'a> {
    fn of(scope: &'s Scope<'a>, reads: &Reads) -> Self {
        Self { scope, inputs: scope.read(reads), missing: Vec::new() }
    }

    fn missing(&mut self, index: usize) {
        let name = self.scope.input(index).map_or("", |input| input.name.as_str());
        if !self.missing.iter().any(|noted| noted == name) {
            self.missing.push(name.to_owned());
        }
    }

    /// Why something cannot be told.
    fn stopped(&mut self, stop: &Stop) -> String {
        match stop {
            Stop::Missing(index) => {
                self.missing(*index);
                let name = self.scope.input(*index).map_or("", |input| input.name.as_str());
                format!("The fact `{name}` is missing.")
            }
            Stop::WrongType(index, found) => match self.scope.input(*index) {
                Some(input) => format!("The fact `{}` is {found}; {} is needed.", input.name, input.kind),
                None => "A fact has not the type that is needed.".to_owned(),
            },
            Stop::Arithmetic => "A number is out of range or divided by zero.".to_owned(),
        }
    }

    /// What was read and is there.
    fn in_words(&self) -> String {
        let given: Vec<_> = self.inputs.iter().filter(|(_, value)| *value != super::input::MISSING).collect();
        if given.is_empty() {
            return "no inputs".to_owned();
        }
        given.into_iter().map(|(key, value)| format!("{key} = {value}")).collect::<Vec<_>>().join(", ")
    }
}

/// What the rule gives and why, or why it does not apply.
fn decide<'a>(
    pack: &'a Pack,
    rule: &'a Rule,
    scope: &Scope<'a>,
    notes: &mut Notes<'_, 'a>,
) -> Result<(Gives, String), String> {
    match scope.holds(&rule.condition) {
        Ok(true) => {}
        Ok(false) => return Err(format!("The condition does not hold with {}.", notes.in_words())),
        Err(stop) => return Err(notes.stopped(&stop)),
    }
    let read = notes.in_words();
    let mut left_out = Vec::new();
    let automatic = lines(pack, rule, &rule.automatic, scope, notes, &mut left_out);
    let mut choice_of = Vec::new();
    for option in &rule.choice_of {
        let mut why_not = Vec::new();
        let lines = lines(pack, rule, &option.lines, scope, notes, &mut why_not);
        if why_not.is_empty() && !lines.is_empty() {
            let (id, description) = (option.id.clone(), option.description.clone());
            let (consent, holds_after) = (option.consent, option.holds_after);
            choice_of.push(OfferOption { id, description, lines, consent, holds_after });
        } else {
            if why_not.is_empty() {
                why_not.push("no line of it is for this event.".to_owned());
            }
            left_out.push(format!("Option {} is left out: {}", option.id, why_not.join(" ")));
        }
    }
    if choice_of.is_empty() && automatic.is_empty() {
        let why =
            if left_out.is_empty() { "No line of the rule is for this event.".to_owned() } else { left_out.join(" ") };
        return Err(why);
    }
    let plus =
        if choice_of.is_empty() { Vec::new() } else { lines(pack, rule, &rule.plus, scope, notes, &mut left_out) };
    let mut explanation = format!("{} The condition holds with {read}.", rule.description);
    for why in left_out {
        explanation.push(' ');
        explanation.push_str(&why);
    }
    Ok((Gives { automatic, choice_of, plus }, explanation))
}

/// The lines with their amounts; of those that lack something, why.
fn lines<'a>(
    pack: &'a Pack,
    rule: &'a Rule,
    lines: &'a [LineRule],
    scope: &Scope<'a>,
    notes: &mut Notes<'_, 'a>,
    left_out: &mut Vec<String>,
) -> Vec<RemedyLine> {
    let mut given = Vec::new();
    for line in lines {
        match line.when.as_ref().map_or(Ok(true), |when| scope.holds(when)) {
            Ok(true) => {}
            Ok(false) => continue,
            Err(stop) => {
                left_out.push(format!("Line {} is left out: {}", line.id, notes.stopped(&stop)));
                continue;
            }
        }
        match one_line(pack, rule, line, scope, notes) {
            Ok(line) => given.push(line),
            Err(why) => left_out.push(why),
        }
    }
    given
}

fn one_line<'a>(
    pack: &'a Pack,
    rule: &'a Rule,
    line: &'a LineRule,
    scope: &Scope<'a>,
    notes: &mut Notes<'_, 'a>,
) -> Result<RemedyLine, String> {
    let (benefit, mut arithmetic) = match &line.benefit {
        BenefitRule::Money(amount) => {
            let WorkedOut { amount, arithmetic, lacking } = worked_out(amount.work_out(scope), notes)?;
            lacking.into_iter().for_each(|index| notes.missing(index));
            (Benefit::Money(amount), arithmetic)
        }
        BenefitRule::Voucher(amount) => {
            let WorkedOut { amount, arithmetic, lacking } = worked_out(amount.work_out(scope), notes)?;
            lacking.into_iter().for_each(|index| notes.missing(index));
            (Benefit::Voucher(amount), arithmetic)
        }
        BenefitRule::Discount(percent) => (Benefit::Discount(*percent), format!("fixed {percent} %")),
        BenefitRule::Service => (Benefit::Service, String::new()),
    };
    if !line.assumption.is_empty() {
        arithmetic = format!("{arithmetic}; {}", line.assumption);
    }
    let mut reads = line_reads(line);
    reads.add(rule.condition.reads());
    let article = if line.article.is_empty() { &rule.article } else { &line.article };
    Ok(RemedyLine {
        id: format!("{}.{}", rule.id, line.id),
        basis: line.basis,
        benefit,
        description: line.description.clone(),
        arithmetic: cut(arithmetic.trim_start_matches("; ")),
        origin: Origin {
            rule: format!("{}/{}", pack.id, rule.id),
            article: article.clone(),
            source: pack.sources.get(rule.source).map(super::Source::in_words).unwrap_or_default(),
            inputs: scope.read(&reads),
            never_expires: line.never_expires,
            item: line.catalogue_item.clone().map(|id| CatalogueItem { id, ..CatalogueItem::default() }),
        },
        refund: line.refund,
    })
}

fn worked_out(result: Result<WorkedOut, NoAmount>, notes: &mut Notes<'_, '_>) -> Result<WorkedOut, String> {
    result.map_err(|none| match none {
        NoAmount::Stop(stop) => notes.stopped(&stop),
        NoAmount::Because(why) => why,
    })
}

/// Takes what a draft would give apart, so that it decides nothing.
fn shadow(pack: &Pack, judged: &mut [Judged<'_>]) -> Option<Shadow> {
    let mut shadow = Shadow { pack: pack.id.clone(), version: pack.version.clone(), ..Shadow::default() };
    one_choice(judged);
    for one in judged {
        if one.decision.applies {
            one.explain("The pack is a draft and decides nothing.");
        }
        let Gives { mut automatic, mut choice_of, mut plus } = std::mem::take(&mut one.gives);
        shadow.automatic.append(&mut automatic);
        shadow.choice_of.append(&mut choice_of);
        shadow.plus.append(&mut plus);
    }
    let gives = !(shadow.automatic.is_empty() && shadow.choice_of.is_empty());
    gives.then_some(shadow)
}

pub(super) fn cut(text: &str) -> String {
    if text.len() <= MAX_TEXT { text.to_owned() } else { text.chars().take(MAX_TEXT).collect() }
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
