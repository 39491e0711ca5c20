//! Judging a checked expression by an event: a walk over its tree, with CEL's rules for what is missing.

use std::borrow::Cow;
use std::cell::{Cell, OnceCell};
use std::cmp::Ordering;
use std::collections::BTreeMap;

use kernel::Timestamp;

use super::{Arithmetic, Comparison, Expression, Field, Node, Reads, Term, TextTest};
use crate::domain::event::{FailureEvent, Severity};
use crate::domain::pack::derived::Argument;
use crate::domain::pack::input::{Input, MISSING, Type, Value};

/// Why an expression has no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// This input is missing.
    Missing(usize),
    /// The event's fact for this input is of another type.
    WrongType(usize, Type),
    /// A number is out of range or divided by zero.
    Arithmetic,
}

/// A value that takes the place of what an event says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Assumed<'a> {
    /// Of an input.
    Input(usize, Value<'a>),
    /// Of the severity.
    Severity(Severity),
}

type Judged<'a> = Result<Value<'a>, Stop>;

/// One event as the expressions of one pack see it. Each input and each term is worked out at most once.
#[derive(Debug)]
pub struct Scope<'a> {
    event: &'a FailureEvent,
    severity: Severity,
    inputs: &'a [Input],
    terms: &'a [Term],
    values: Vec<OnceCell<Judged<'a>>>,
    named: Vec<OnceCell<Judged<'a>>>,
    steps: Cell<usize>,
}

impl<'a> Scope<'a> {
    /// An event by the names of a pack.
    pub fn new(event: &'a FailureEvent, severity: Severity, inputs: &'a [Input], terms: &'a [Term]) -> Self {
        Self {
            event,
            severity,
            inputs,
            terms,
            values: vec![OnceCell::new(); inputs.len()],
            named: vec![OnceCell::new(); terms.len()],
            steps: Cell::new(0),
        }
    }

    /// The same event with another value.
    pub fn assuming(&self, assumed: Assumed<'a>) -> Self {
        let severity = if let Assumed::Severity(severity) = assumed { severity } else { self.severity };
        let scope = Self::new(self.event, severity, self.inputs, self.terms);
        if let Assumed::Input(index, value) = assumed
            && let Some(cell) = scope.values.get(index)
        {
            // The cell is new, so that setting it cannot fail.
            let _ = cell.set(Ok(value));
        }
        scope
    }

    /// The event.
    pub const fn event(&self) -> &'a FailureEvent {
        self.event
    }

    /// How badly the customer was hit.
    pub const fn severity(&self) -> Severity {
        self.severity
    }

    /// An input that the pack declares.
    pub fn input(&self, index: usize) -> Option<&'a Input> {
        self.inputs.get(index)
    }

    /// Steps taken so far.
    pub fn steps(&self) -> usize {
        self.steps.get()
    }

    /// Yes or no.
    ///
    /// # Errors
    /// When it cannot be told.
    pub fn holds(&self, condition: &'a Expression) -> Result<bool, Stop> {
        self.judge(condition).map(|value| value == Value::Boolean(true))
    }

    /// The value of an expression.
    ///
    /// # Errors
    /// When it has none.
    pub fn judge(&self, expression: &'a Expression) -> Judged<'a> {
        self.eval(expression.node())
    }

    /// The value of a part.
    pub(in crate::domain::pack) fn look(&self, node: &'a Node) -> Judged<'a> {
        self.eval(node)
    }

    /// The value of an input.
    ///
    /// # Errors
    /// When it is missing, or the event's fact is of another type.
    pub fn value(&self, index: usize) -> Judged<'a> {
        let (Some(cell), Some(input)) = (self.values.get(index), self.inputs.get(index)) else {
            return Err(Stop::Missing(index));
        };
        cell.get_or_init(|| self.work_out(index, input)).clone()
    }

    /// True when the event itself says the input.
    pub fn is_said(&self, index: usize) -> bool {
        self.inputs.get(index).is_some_and(|input| self.event.facts.contains_key(&input.name))
    }

    fn work_out(&self, index: usize, input: &'a Input) -> Judged<'a> {
        if let Some(fact) = self.event.facts.get(&input.name) {
            let value = Value::of(fact);
            return if value.kind() == input.kind { Ok(value) } else { Err(Stop::WrongType(index, value.kind())) };
        }
        if let Some(derivation) = &input.derived {
            let arguments = derivation.arguments.iter().map(|argument| match argument {
                Argument::Input(index) => self.value(*index),
                Argument::OccurredAt => Ok(Value::Time(self.event.occurred_at)),
            });
            match arguments.collect::<Result<Vec<_>, _>>() {
                Ok(arguments) => {
                    if let Some(value) = derivation.function.call(&arguments) {
                        return Ok(value);
                    }
                }
                Err(stop) if input.default.is_none() && !derivation.function.is_usually_said() => return Err(stop),
                Err(_) => {}
            }
        }
        input.default.as_ref().map(Value::of).ok_or(Stop::Missing(index))
    }

    /// What is read of the event, as text; what is assumed says so, and what is missing reads `missing`.
    pub fn read(&self, reads: &Reads) -> BTreeMap<String, String> {
        let mut inputs = BTreeMap::new();
        for field in &reads.fields {
            let (name, value) = match field {
                Field::Kind => ("kind", self.event.kind.clone()),
                Field::Severity => ("severity", self.severity.as_str().to_owned()),
                Field::OccurredAt => ("occurred_at", self.event.occurred_at.to_string()),
            };
            inputs.insert(name.to_owned(), value);
        }
        for index in &reads.inputs {
            if let Some(input) = self.inputs.get(*index) {
                inputs.insert(input.name.clone(), self.in_words(*index, input));
            }
        }
        inputs
    }

    fn in_words(&self, index: usize, input: &Input) -> String {
        if let Some(fact) = self.event.facts.get(&input.name) {
            return fact.to_string();
        }
        match self.value(index) {
            Ok(value) if input.derived.is_some() && input.default.as_ref().map(Value::of).as_ref() != Some(&value) => {
                value.to_string()
            }
            Ok(value) => format!("{value} (assumed)"),
            Err(_) => MISSING.to_owned(),
        }
    }

    fn eval(&self, node: &'a Node) -> Judged<'a> {
        self.steps.set(self.steps.get() + 1);
        Ok(match node {
            Node::Constant(value) => borrowed(value),
            Node::Input(index) => return self.value(*index),
            Node::Has(index) => Value::Boolean(self.is_said(*index)),
            Node::Term(index) => return self.term(*index),
            Node::Field(Field::Kind) => Value::Text(Cow::Borrowed(&self.event.kind)),
            Node::Field(Field::Severity) => Value::Integer(self.severity.rank()),
            Node::Field(Field::OccurredAt) => Value::Time(self.event.occurred_at),
            Node::Minor(of) => match self.eval(of)? {
                Value::Money(money) => Value::Integer(money.minor),
                _ => return Err(Stop::Arithmetic),
            },
            Node::Currency(of) => match self.eval(of)? {
                Value::Money(money) => Value::Text(Cow::Owned(money.currency.code().to_owned())),
                _ => return Err(Stop::Arithmetic),
            },
            Node::Not(of) => Value::Boolean(self.eval(of)? != Value::Boolean(true)),
            Node::Negative(of) => self.number(of)?.checked_neg().map(Value::Integer).ok_or(Stop::Arithmetic)?,
            Node::And(parts) => self.settle(parts, false)?,
            Node::Or(parts) => self.settle(parts, true)?,
            Node::Compare(comparison, sides) => {
                let (left, right) = (self.eval(&sides.0)?, self.eval(&sides.1)?);
                Value::Boolean(compare(*comparison, &left, &right).ok_or(Stop::Arithmetic)?)
            }
            Node::Arithmetic(arithmetic, sides) => {
                let (left, right) = (self.eval(&sides.0)?, self.eval(&sides.1)?);
                calculate(*arithmetic, &left, &right).ok_or(Stop::Arithmetic)?
            }
            Node::Text(test, sides) => match (self.eval(&sides.0)?, self.eval(&sides.1)?) {
                (Value::Text(text), Value::Text(part)) => Value::Boolean(match test {
                    TextTest::Starts => text.starts_with(&*part),
                    TextTest::Ends => text.ends_with(&*part),
                    TextTest::Contains => text.contains(&*part),
                }),
                _ => return Err(Stop::Arithmetic),
            },
            Node::OneOf(what, list) => {
                let what = self.eval(what)?;
                let mut found = false;
                for one in list {
                    // A list is whole or it is not: an element that has no value fails it, wherever it stands.
                    let one = self.eval(one)?;
                    found = found || one == what;
                }
                Value::Boolean(found)
            }
            Node::If(parts) => {
                let branch = if self.eval(&parts.0)? == Value::Boolean(true) { &parts.1 } else { &parts.2 };
                return self.eval(branch);
            }
        })
    }

    /// CEL's `&&` (`settled` is false) and `||` (true): one part that settles it is enough, whatever the others lack.
    fn settle(&self, parts: &'a [Node], settled: bool) -> Judged<'a> {
        let mut stop = None;
        for part in parts {
            match self.eval(part) {
                Ok(value) if value == Value::Boolean(settled) => return Ok(value),
                Ok(_) => {}
                Err(found) => stop = stop.or(Some(found)),
            }
        }
        stop.map_or(Ok(Value::Boolean(!settled)), Err)
    }

    fn term(&self, index: usize) -> Judged<'a> {
        let (Some(cell), Some(term)) = (self.named.get(index), self.terms.get(index)) else {
            return Err(Stop::Arithmetic);
        };
        cell.get_or_init(|| self.eval(term.is.node())).clone()
    }

    fn number(&self, node: &'a Node) -> Result<i64, Stop> {
        match self.eval(node)? {
            Value::Integer(value) => Ok(value),
            _ => Err(Stop::Arithmetic),
        }
    }
}

fn borrowed<'a>(value: &'a Value<'static>) -> Value<'a> {
    match value {
        Value::Text(text) => Value::Text(Cow::Borrowed(text)),
        other => other.clone(),
    }
}

fn compare(comparison: Comparison, left: &Value<'_>, right: &Value<'_>) -> Option<bool> {
    match comparison {
        Comparison::Equal => return Some(left == right),
        Comparison::Different => return Some(left != right),
        Comparison::Less | Comparison::AtMost | Comparison::Greater | Comparison::AtLeast => {}
    }
    let order = match (left, right) {
        (Value::Integer(left), Value::Integer(right)) => left.cmp(right),
        (Value::Text(left), Value::Text(right)) => left.cmp(right),
        (Value::Time(left), Value::Time(right)) => left.cmp(right),
        (Value::Money(left), Value::Money(right)) if left.currency == right.currency => left.minor.cmp(&right.minor),
        _ => return None,
    };
    Some(match comparison {
        Comparison::Less => order == Ordering::Less,
        Comparison::AtMost => order != Ordering::Greater,
        Comparison::Greater => order == Ordering::Greater,
        Comparison::AtLeast | Comparison::Equal | Comparison::Different => order != Ordering::Less,
    })
}

/// Whole numbers in checked arithmetic; times differ by whole seconds, rounded down.
pub(super) fn calculate<'a>(arithmetic: Arithmetic, left: &Value<'_>, right: &Value<'_>) -> Option<Value<'a>> {
    const MICROS: i64 = 1_000_000;
    match (left, right) {
        (Value::Integer(left), Value::Integer(right)) => match arithmetic {
            Arithmetic::Add => left.checked_add(*right),
            Arithmetic::Subtract => left.checked_sub(*right),
            Arithmetic::Multiply => left.checked_mul(*right),
            Arithmetic::Divide => left.checked_div(*right),
            Arithmetic::Remainder => left.checked_rem(*right),
        }
        .map(Value::Integer),
        (Value::Time(left), Value::Time(right)) if arithmetic == Arithmetic::Subtract => {
            left.micros().checked_sub(right.micros()).map(|micros| Value::Integer(micros.div_euclid(MICROS)))
        }
        (Value::Time(at), Value::Integer(seconds)) => {
            let micros = seconds.checked_mul(MICROS)?;
            let moved = match arithmetic {
                Arithmetic::Add => at.micros().checked_add(micros),
                Arithmetic::Subtract => at.micros().checked_sub(micros),
                Arithmetic::Multiply | Arithmetic::Divide | Arithmetic::Remainder => None,
            };
            moved.map(|micros| Value::Time(Timestamp::from_micros(micros)))
        }
        _ => None,
    }
}
