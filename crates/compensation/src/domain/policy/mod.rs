//! Policies: who may decide what alone, how much may be given as a gesture, when repetition is looked at first, and what
//! extras cost and are worth.
//!
//! Owns the documents, what they say, and the decisions that they make. Pure. What always holds: a version is never
//! changed, a limit holds to the minor unit, and every refusal to decide alone says which limit it is about.

pub mod abuse;
pub mod authority;
pub mod budgets;
pub mod catalogue;
pub mod diff;
mod document;
pub mod gestures;
pub mod measure;
pub mod replay;
pub mod trial;
pub mod window;

pub use document::parse;

use std::sync::Arc;

use self::abuse::Abuse;
use self::authority::Authority;
use self::budgets::Budgets;
use self::catalogue::Catalogue;

/// What a policy is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PolicyKind {
    /// Who may decide what alone.
    Authority,
    /// How much may be given as a gesture in a time.
    Budgets,
    /// When repeated gestures are looked at by a person first.
    Abuse,
    /// What extras cost and are worth.
    Catalogue,
}

impl PolicyKind {
    /// All.
    pub const ALL: [PolicyKind; 4] = [Self::Authority, Self::Budgets, Self::Abuse, Self::Catalogue];

    /// As written in documents and stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Authority => "AUTHORITY",
            Self::Budgets => "BUDGETS",
            Self::Abuse => "ABUSE",
            Self::Catalogue => "CATALOGUE",
        }
    }

    /// The last part of its resource name.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Authority => "authority",
            Self::Budgets => "budgets",
            Self::Abuse => "abuse",
            Self::Catalogue => "catalogue",
        }
    }

    /// The reverse of [`PolicyKind::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// The reverse of [`PolicyKind::id`].
    pub fn from_id(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.id() == text)
    }

    /// The document that decides where a tenant has applied none.
    pub const fn shipped(self) -> &'static str {
        match self {
            Self::Authority => include_str!("../../../policies/authority.yaml"),
            Self::Budgets => include_str!("../../../policies/budgets.yaml"),
            Self::Abuse => include_str!("../../../policies/abuse.yaml"),
            Self::Catalogue => include_str!("../../../policies/catalogue.yaml"),
        }
    }
}

/// What a document says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rules {
    /// Who may decide what alone.
    Authority(Arc<Authority>),
    /// How much may be given as a gesture in a time.
    Budgets(Arc<Budgets>),
    /// When repeated gestures are looked at by a person first.
    Abuse(Arc<Abuse>),
    /// What extras cost and are worth.
    Catalogue(Arc<Catalogue>),
}

/// A document that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The version that it says it is.
    pub version: String,
    /// The day from which on it decides, as written.
    pub effective_from: String,
    /// That day's midnight, UTC.
    pub effective_at: kernel::Timestamp,
    /// What it says.
    pub rules: Rules,
}

impl Policy {
    /// What it is about.
    pub const fn kind(&self) -> PolicyKind {
        match self.rules {
            Rules::Authority(_) => PolicyKind::Authority,
            Rules::Budgets(_) => PolicyKind::Budgets,
            Rules::Abuse(_) => PolicyKind::Abuse,
            Rules::Catalogue(_) => PolicyKind::Catalogue,
        }
    }
}

#[cfg(test)]
#[path = "document_tests.rs"]
mod document_tests;
