//! What was told to the customer or noted about the work.

use kernel::Timestamp;
use serde::Serialize;

/// What kind of progress it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) enum ProgressKind {
    /// The customer has our acknowledgement and apology.
    Acknowledgement,
    /// The customer was told something new.
    SubstantiveUpdate,
    /// For colleagues only.
    InternalNote,
    /// The customer has the word.
    WaitingForCustomer,
    /// The customer answered.
    CustomerAnswered,
}

impl ProgressKind {
    /// All of them.
    #[cfg(test)]
    pub(crate) const ALL: [ProgressKind; 5] = [
        Self::Acknowledgement,
        Self::SubstantiveUpdate,
        Self::InternalNote,
        Self::WaitingForCustomer,
        Self::CustomerAnswered,
    ];

    /// As stored, and as told to others.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Acknowledgement => "ACKNOWLEDGEMENT",
            Self::SubstantiveUpdate => "SUBSTANTIVE_UPDATE",
            Self::InternalNote => "INTERNAL_NOTE",
            Self::WaitingForCustomer => "WAITING_FOR_CUSTOMER",
            Self::CustomerAnswered => "CUSTOMER_ANSWERED",
        }
    }
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Progress {
    /// What kind.
    pub(crate) kind: ProgressKind,
    /// What was said.
    pub(crate) text: String,
    /// By when the customer was promised news. Never set on a note, which the customer does not see.
    pub(crate) next_update_by: Option<Timestamp>,
}
