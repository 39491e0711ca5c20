//! Inputs that a pack declares, and their values for one event.
//!
//! A fact of the event wins; what it does not bring is derived (`derived`), or taken from the default that the pack
//! declares and shows as assumed. What always holds: a value has the type that was declared.

use std::borrow::Cow;
use std::fmt;

use kernel::{Money, Timestamp};

use super::derived::Derivation;
use crate::domain::event::Fact;

/// How an input reads that the event does not have.
pub const MISSING: &str = "missing";

/// Type of an input and of an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Type {
    /// A whole number.
    Integer,
    /// Yes or no.
    Boolean,
    /// Text.
    Text,
    /// An amount.
    Money,
    /// A point in time.
    Time,
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Integer => "a whole number",
            Self::Boolean => "yes or no",
            Self::Text => "text",
            Self::Money => "an amount of money",
            Self::Time => "a time",
        })
    }
}

/// An input that a pack declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// Key of the fact.
    pub name: String,
    /// Its type.
    pub kind: Type,
    /// What it means, with its unit.
    pub description: String,
    /// Taken when the event says nothing; shown as assumed.
    pub default: Option<Fact>,
    /// How it is worked out when the event does not bring it.
    pub derived: Option<Derivation>,
}

/// A value in an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// A whole number.
    Integer(i64),
    /// Yes or no.
    Boolean(bool),
    /// Text.
    Text(Cow<'a, str>),
    /// An amount.
    Money(Money),
    /// A point in time.
    Time(Timestamp),
}

impl<'a> Value<'a> {
    /// Of a fact.
    pub fn of(fact: &'a Fact) -> Self {
        match fact {
            Fact::Integer(value) => Self::Integer(*value),
            Fact::Boolean(value) => Self::Boolean(*value),
            Fact::Text(value) => Self::Text(Cow::Borrowed(value)),
            Fact::Money(value) => Self::Money(*value),
            Fact::Time(value) => Self::Time(*value),
        }
    }

    /// Its type.
    pub const fn kind(&self) -> Type {
        match self {
            Self::Integer(_) => Type::Integer,
            Self::Boolean(_) => Type::Boolean,
            Self::Text(_) => Type::Text,
            Self::Money(_) => Type::Money,
            Self::Time(_) => Type::Time,
        }
    }
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(value) => value.fmt(f),
            Self::Boolean(value) => value.fmt(f),
            Self::Text(value) => value.fmt(f),
            Self::Money(value) => value.fmt(f),
            Self::Time(value) => value.fmt(f),
        }
    }
}

/// Type of a fact.
pub const fn type_of(fact: &Fact) -> Type {
    match fact {
        Fact::Integer(_) => Type::Integer,
        Fact::Boolean(_) => Type::Boolean,
        Fact::Text(_) => Type::Text,
        Fact::Money(_) => Type::Money,
        Fact::Time(_) => Type::Time,
    }
}
