//! The four roles that a process can play.

use std::fmt;

/// A service of the suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, clap::ValueEnum)]
pub enum Role {
    /// The case, its story, the recovery workflow.
    Intake,
    /// Who acts, by when.
    Routing,
    /// What is owed, money.
    Compensation,
    /// Every word to the customer, proof of recovery.
    Followup,
}

impl Role {
    /// All of them.
    pub const ALL: [Role; 4] = [Role::Intake, Role::Routing, Role::Compensation, Role::Followup];

    /// The name that the service has as a target, a sender and a key of the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Intake => intake::NAME,
            Self::Routing => routing::NAME,
            Self::Compensation => compensation::NAME,
            Self::Followup => followup::NAME,
        }
    }

    /// The migrations of its database.
    pub fn migrations(self) -> durable::Migrations {
        match self {
            Self::Intake => intake::migrations(),
            Self::Routing => routing::migrations(),
            Self::Compensation => compensation::migrations(),
            Self::Followup => followup::migrations(),
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
