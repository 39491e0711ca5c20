//! Expressions of packs: CEL that is parsed, checked against the declared inputs, and compiled to a tree without loops.
//!
//! The CEL crate parses; it has no type checker and its interpreter no budget, so that checking (`check`) and judging
//! (`eval`) are done here. What always holds: every expression has a type before it is ever judged; judging visits each
//! node at most once, so that the number of steps is at most [`Expression::steps`], which the pack's limits bound; and
//! it allocates nothing but the result.
//!
//! `event.kind` is text, `event.severity` a number from 0 to 4 (`LOW`, `MEDIUM`, `HIGH` and `CRITICAL` stand for 1 to 4),
//! `event.occurred_at` a time. An input is read by its name, or as `event.facts.<name>`; `has(event.facts.<name>)` asks
//! whether the event says it. An amount has `.currency` and `.minor` (minor units); times subtract to whole seconds.

mod check;
mod eval;

use std::collections::BTreeSet;

pub use check::{MAX_BYTES, MAX_STEPS};
pub use eval::{Assumed, Scope, Stop};

use super::input::{Input, Type, Value};
use crate::domain::event::Severity;

/// Names that stand for severities.
pub const RANKS: [(&str, Severity); 4] =
    [("LOW", Severity::Low), ("MEDIUM", Severity::Medium), ("HIGH", Severity::High), ("CRITICAL", Severity::Critical)];

/// What an expression may name.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    /// Inputs that the pack declares.
    pub inputs: &'a [Input],
    /// Terms that the pack has defined so far.
    pub terms: &'a [Term],
}

/// A part of an expression that has a name of its own.
#[derive(Debug)]
pub struct Term {
    /// Its name.
    pub name: String,
    /// What it stands for.
    pub is: Expression,
}

/// A field of the event besides its facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// `event.kind`.
    Kind,
    /// `event.severity`.
    Severity,
    /// `event.occurred_at`.
    OccurredAt,
}

/// A checked expression.
#[derive(Debug)]
pub struct Expression {
    source: String,
    node: Node,
    kind: Type,
    steps: usize,
    reads: Reads,
}

/// What an expression reads, itself and by its terms.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reads {
    /// Fields of the event.
    pub fields: BTreeSet<Field>,
    /// Inputs, by their place among the declared ones.
    pub inputs: BTreeSet<usize>,
}

impl Reads {
    /// Both together.
    pub fn add(&mut self, other: &Self) {
        self.fields.extend(&other.fields);
        self.inputs.extend(&other.inputs);
    }
}

impl Expression {
    /// Checks and compiles an expression.
    ///
    /// # Errors
    /// What is wrong with it, for its author.
    pub fn compile(source: &str, names: Names<'_>) -> Result<Self, Vec<String>> {
        check::compile(source, names)
    }

    /// Checks and compiles an expression that says yes or no.
    ///
    /// # Errors
    /// What is wrong with it, for its author.
    pub fn condition(source: &str, names: Names<'_>) -> Result<Self, Vec<String>> {
        let compiled = Self::compile(source, names)?;
        if compiled.kind == Type::Boolean {
            Ok(compiled)
        } else {
            Err(vec![format!("is {}; it must say yes or no", compiled.kind)])
        }
    }

    /// As written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Type of its value.
    pub const fn kind(&self) -> Type {
        self.kind
    }

    /// Most steps that judging it takes, terms included.
    pub const fn steps(&self) -> usize {
        self.steps
    }

    /// What it reads.
    pub const fn reads(&self) -> &Reads {
        &self.reads
    }

    /// Its tree.
    pub(super) const fn node(&self) -> &Node {
        &self.node
    }
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::domain::pack) enum Comparison {
    /// `==`
    Equal,
    /// `!=`
    Different,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
}

/// What is worked out from two whole numbers or times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::domain::pack) enum Arithmetic {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`, towards zero
    Divide,
    /// `%`, with the sign of the left side
    Remainder,
}

/// How a text is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::domain::pack) enum TextTest {
    /// `startsWith`
    Starts,
    /// `endsWith`
    Ends,
    /// `contains`
    Contains,
}

/// A checked node. Has no loop: `all` and `exists` over a list that is written out have become `And` and `Or`.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::domain::pack) enum Node {
    /// What is written out.
    Constant(Value<'static>),
    /// A declared input.
    Input(usize),
    /// True when the event says the input.
    Has(usize),
    /// A term.
    Term(usize),
    /// A field of the event.
    Field(Field),
    /// Minor units of an amount.
    Minor(Box<Node>),
    /// Currency code of an amount.
    Currency(Box<Node>),
    /// `!`
    Not(Box<Node>),
    /// `-`
    Negative(Box<Node>),
    /// `&&`, `all`
    And(Vec<Node>),
    /// `||`, `exists`
    Or(Vec<Node>),
    /// A comparison of two values of one type.
    Compare(Comparison, Box<(Node, Node)>),
    /// Arithmetic.
    Arithmetic(Arithmetic, Box<(Node, Node)>),
    /// A look at a text.
    Text(TextTest, Box<(Node, Node)>),
    /// `in` a list that is written out.
    OneOf(Box<Node>, Vec<Node>),
    /// `? :`
    If(Box<(Node, Node, Node)>),
}

#[cfg(test)]
#[path = "../expression_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "../expression_properties.rs"]
mod properties;
