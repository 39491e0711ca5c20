//! What would change a decision: the nearest other values of what it read, found where the rule compares, and tried.
//!
//! Calls the judge with one value put in the place of another. What always holds: every change that is told was judged, so
//! that it is never a guess; and the number of trials is bounded by the pack's own comparisons.

use std::collections::BTreeMap;

use kernel::{Money, Timestamp};

use super::amount::Bound;
use super::derived::{Argument, Function};
use super::expression::{Arithmetic, Assumed, Expression, Field, Node, Scope, Term};
use super::input::{Input, MISSING, Type, Value};
use super::judge::{assess, judge_rule};
use super::{BenefitRule, Pack, Rule};
use crate::domain::assessment::{Assessment, Change};
use crate::domain::event::{FailureEvent, Severity};

/// Most changes that a decision tells.
const MAX_CHANGES: usize = 8;
/// Most values of one input that are tried.
const MAX_TRIALS: usize = 48;

/// As [`assess`], with what would change each decision.
pub fn explain<'a>(
    packs: impl Iterator<Item = &'a Pack> + Clone,
    event: &'a FailureEvent,
    severity: Severity,
) -> Assessment {
    let mut assessment = assess(packs.clone(), event, severity);
    for pack in packs {
        let scope = Scope::new(event, severity, &pack.inputs, &pack.terms);
        let own = assessment.decisions.iter_mut().filter(|d| d.pack == pack.id && d.version == pack.version);
        for decision in own {
            decision.would_change = match pack.rules.iter().find(|rule| rule.id == decision.rule) {
                Some(rule) => of_rule(pack, rule, &scope),
                None => of_pack(pack, &scope),
            };
        }
    }
    assessment
}

fn of_rule<'a>(pack: &'a Pack, rule: &'a Rule, scope: &Scope<'a>) -> Vec<Change> {
    let mut trials = Trials { terms: &pack.terms, scope, of: BTreeMap::new() };
    trials.of_expression(&rule.condition);
    for line in rule.lines() {
        trials.of_all(line.when.as_ref());
        let (BenefitRule::Money(amount) | BenefitRule::Voucher(amount)) = &line.benefit else { continue };
        amount.adjust.iter().for_each(|adjustment| trials.of_expression(&adjustment.when));
        for row in amount.table.iter().flat_map(|table| &table.rows) {
            trials.of_all(row.when.as_ref());
            let by = amount.table.as_ref().and_then(|table| table.by);
            if let (Some(by), Some(Bound::UpTo(bound) | Bound::Below(bound))) = (by, &row.bound) {
                trials.around(Read::Input(by), bound);
            }
        }
    }
    let now = judge_rule(pack, rule, scope);
    trials.nearest(&pack.inputs, |assumed| {
        let other = judge_rule(pack, rule, &scope.assuming(assumed));
        let differs = other.decision.applies != now.decision.applies || other.gives.in_words() != now.gives.in_words();
        differs.then(|| other.gives.in_words())
    })
}

/// A pack that does not judge the event: what would make it.
fn of_pack<'a>(pack: &'a Pack, scope: &Scope<'a>) -> Vec<Change> {
    let Some(condition) = &pack.applies_when else { return Vec::new() };
    if !pack.holds_at(scope.event().occurred_at) || scope.holds(condition) == Ok(true) {
        return Vec::new();
    }
    let mut trials = Trials { terms: &pack.terms, scope, of: BTreeMap::new() };
    trials.of_expression(condition);
    trials.nearest(&pack.inputs, |assumed| {
        let judges = scope.assuming(assumed).holds(condition) == Ok(true);
        judges.then(|| "what its rules say: the pack would judge the event".to_owned())
    })
}

/// What a comparison reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Read {
    Input(usize),
    Severity,
}

/// Values to try, by what would have them.
struct Trials<'s, 'a> {
    terms: &'a [Term],
    scope: &'s Scope<'a>,
    of: BTreeMap<Read, Vec<Value<'a>>>,
}

impl<'a> Trials<'_, 'a> {
    fn of_all(&mut self, expression: Option<&'a Expression>) {
        if let Some(expression) = expression {
            self.of_expression(expression);
        }
    }

    fn of_expression(&mut self, expression: &'a Expression) {
        self.walk(expression.node());
    }

    fn walk(&mut self, node: &'a Node) {
        match node {
            Node::Constant(_) | Node::Has(_) | Node::Field(_) => {}
            Node::Input(index) => self.try_all(Read::Input(*index), [Value::Boolean(true), Value::Boolean(false)]),
            Node::Term(index) => {
                if let Some(term) = self.terms.get(*index) {
                    self.walk(term.is.node());
                }
            }
            Node::Minor(of) | Node::Currency(of) | Node::Not(of) | Node::Negative(of) => self.walk(of),
            Node::And(parts) | Node::Or(parts) => parts.iter().for_each(|part| self.walk(part)),
            Node::Compare(_, sides) => {
                self.compared(&sides.0, &sides.1);
                self.compared(&sides.1, &sides.0);
                self.walk(&sides.0);
                self.walk(&sides.1);
            }
            Node::Arithmetic(_, sides) | Node::Text(_, sides) => {
                self.walk(&sides.0);
                self.walk(&sides.1);
            }
            Node::OneOf(what, list) => {
                // One of them stands for all: the first that makes a difference is told.
                for one in list {
                    self.compared(what, one);
                }
            }
            Node::If(parts) => [&parts.0, &parts.1, &parts.2].into_iter().for_each(|part| self.walk(part)),
        }
    }

    /// `left` is compared with `right`, which may be written out.
    fn compared(&mut self, left: &'a Node, right: &'a Node) {
        let Node::Constant(bound) = right else { return };
        match left {
            Node::Input(index) => match self.times(*index) {
                Some((from, to)) => self.apart(*index, from, to, bound),
                None => self.around(Read::Input(*index), bound),
            },
            Node::Field(Field::Severity) => self.around(Read::Severity, bound),
            Node::Minor(of) => {
                if let (Node::Input(index), Value::Integer(minor)) = (&**of, bound)
                    && let Ok(Value::Money(now)) = self.scope.value(*index)
                {
                    let bound = Value::Money(Money::new(now.currency, *minor));
                    self.around(Read::Input(*index), &bound);
                }
            }
            // How far two times are apart: either may have been another one.
            Node::Arithmetic(Arithmetic::Subtract, sides) => {
                let Value::Integer(seconds) = bound else { return };
                let micros = seconds.saturating_mul(1_000_000);
                let moved =
                    |at: Timestamp, by: i64| Value::Time(Timestamp::from_micros(at.micros().saturating_add(by)));
                if let (Node::Input(index), Ok(Value::Time(other))) = (&sides.0, self.scope.look(&sides.1)) {
                    self.around(Read::Input(*index), &moved(other, micros));
                }
                if let (Node::Input(index), Ok(Value::Time(other))) = (&sides.1, self.scope.look(&sides.0)) {
                    self.around(Read::Input(*index), &moved(other, -micros));
                }
            }
            _ => {}
        }
    }

    /// The two times that an input is derived from by the clock on the wall, when the event does not say it itself.
    fn times(&self, index: usize) -> Option<(usize, usize)> {
        let derived = self.scope.input(index)?.derived.as_ref().filter(|_| !self.scope.is_said(index))?;
        match (derived.function, derived.arguments.as_slice()) {
            (Function::LocalSeconds, [Argument::Input(from), Argument::Input(to), _]) => Some((*from, *to)),
            _ => None,
        }
    }

    /// Times that would be as far apart as the bound says: either may have been another one. What passes between is moved
    /// by as much as is lacking, which is exact unless the clocks are changed just there; then it is not found.
    fn apart(&mut self, index: usize, from: usize, to: usize, bound: &Value<'static>) {
        let (Value::Integer(bound), Ok(Value::Integer(now))) = (bound, self.scope.value(index)) else { return };
        let micros = bound.saturating_sub(now).saturating_mul(1_000_000);
        for (place, by) in [(from, -micros), (to, micros)] {
            if let Ok(Value::Time(at)) = self.scope.value(place) {
                let moved = Value::Time(Timestamp::from_micros(at.micros().saturating_add(by)));
                self.around(Read::Input(place), &moved);
            }
        }
    }

    /// A bound, and the values on both sides of it.
    fn around(&mut self, read: Read, bound: &Value<'static>) {
        let sides = |less: Value<'static>, more: Value<'static>| [less, bound.clone(), more];
        match bound {
            Value::Integer(value) => self
                .try_all(read, sides(Value::Integer(value.saturating_sub(1)), Value::Integer(value.saturating_add(1)))),
            Value::Money(money) => {
                let with = |by: i64| Value::Money(Money::new(money.currency, money.minor.saturating_add(by)));
                self.try_all(read, sides(with(-1), with(1)));
            }
            Value::Time(at) => {
                let with = |by: i64| Value::Time(Timestamp::from_micros(at.micros().saturating_add(by)));
                self.try_all(read, sides(with(-1_000_000), with(1_000_000)));
            }
            Value::Text(_) | Value::Boolean(_) => self.try_all(read, [bound.clone()]),
        }
    }

    fn try_all(&mut self, read: Read, values: impl IntoIterator<Item = Value<'static>>) {
        let known = self.of.entry(read).or_default();
        for value in values {
            if known.len() < MAX_TRIALS && !known.contains(&value) {
                known.push(value);
            }
        }
    }

    /// The nearest values, one to each side, with which `judge` says something else.
    fn nearest(self, inputs: &[Input], judge: impl Fn(Assumed<'a>) -> Option<String>) -> Vec<Change> {
        let mut changes = Vec::new();
        for (read, mut values) in self.of {
            let (name, kind, now) = match read {
                Read::Input(index) => match inputs.get(index) {
                    Some(input) => (input.name.as_str(), input.kind, self.scope.value(index).ok()),
                    None => continue,
                },
                Read::Severity => ("severity", Type::Integer, Some(Value::Integer(self.scope.severity().rank()))),
            };
            values.retain(|value| value.kind() == kind && Some(value) != now.as_ref());
            values.sort_by_key(|value| {
                now.as_ref().map_or_else(|| distance(value, None), |now| distance(value, Some(now)))
            });
            let mut told = [false; 2];
            for value in values {
                let side = usize::from(now.as_ref().is_some_and(|now| is_less(&value, now)));
                if told[side] || changes.len() == MAX_CHANGES {
                    continue;
                }
                let (assumed, other) = match (read, &value) {
                    (Read::Input(index), value) => (Assumed::Input(index, value.clone()), value.to_string()),
                    (Read::Severity, Value::Integer(rank)) => {
                        let Some(severity) = Severity::ALL.into_iter().find(|one| one.rank() == *rank) else {
                            continue;
                        };
                        (Assumed::Severity(severity), severity.as_str().to_owned())
                    }
                    (Read::Severity, _) => continue,
                };
                if let Some(gives) = judge(assumed) {
                    told[side] = true;
                    let current = match (read, &now) {
                        (Read::Severity, _) => self.scope.severity().as_str().to_owned(),
                        (Read::Input(_), Some(now)) => now.to_string(),
                        (Read::Input(_), None) => MISSING.to_owned(),
                    };
                    changes.push(Change { input: name.to_owned(), current, other, gives });
                }
            }
        }
        changes
    }
}

/// How far a value is from the one that holds; from nought when none does.
fn distance(value: &Value<'_>, now: Option<&Value<'_>>) -> u64 {
    match (value, now) {
        (Value::Integer(value), Some(Value::Integer(now))) => value.abs_diff(*now),
        (Value::Integer(value), _) => value.unsigned_abs(),
        (Value::Money(value), Some(Value::Money(now))) => value.minor.abs_diff(now.minor),
        (Value::Money(value), _) => value.minor.unsigned_abs(),
        (Value::Time(value), Some(Value::Time(now))) => value.micros().abs_diff(now.micros()),
        (Value::Time(value), _) => value.micros().unsigned_abs(),
        (Value::Text(_) | Value::Boolean(_), _) => 0,
    }
}

fn is_less(value: &Value<'_>, now: &Value<'_>) -> bool {
    match (value, now) {
        (Value::Integer(value), Value::Integer(now)) => value < now,
        (Value::Money(value), Value::Money(now)) => value.minor < now.minor,
        (Value::Time(value), Value::Time(now)) => value < now,
        _ => false,
    }
}

#[cfg(test)]
#[path = "explain_tests.rs"]
mod tests;
