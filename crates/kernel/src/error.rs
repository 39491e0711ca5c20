//! The one error that leaves a use case, with everything a caller needs to act on it and nothing that it must not see.
//!
//! `chassis` turns it into a `google.rpc.Status`; `durable` stores a definitive one as the outcome of a request.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The subset of gRPC codes that the suite answers with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ErrorCode {
    /// The request is wrong whatever the state; all violations are listed.
    InvalidArgument,
    /// No such resource for this tenant.
    NotFound,
    /// The resource exists already.
    AlreadyExists,
    /// The state does not allow it now.
    FailedPrecondition,
    /// A concurrent change won; read again and retry.
    Aborted,
    /// No or wrong credentials.
    Unauthenticated,
    /// The caller may not do this.
    PermissionDenied,
    /// A quota, a queue or a size limit is reached.
    ResourceExhausted,
    /// The deadline passed; the outcome is unknown to the caller.
    DeadlineExceeded,
    /// Try again with the same request id.
    Unavailable,
    /// This server does not know the method.
    Unimplemented,
    /// A defect; the text stays inside.
    Internal,
}

/// Machine-readable reasons of this crate and of every service. Callers branch on these, never on text.
pub mod reason {
    /// One or more fields are wrong; see the violations.
    pub const INVALID_FIELDS: &str = "INVALID_FIELDS";
    /// The same request id came with another request.
    pub const IDEMPOTENCY_KEY_REUSED: &str = "IDEMPOTENCY_KEY_REUSED";
    /// A durable call overtook an earlier one of its lane; it will be sent again.
    pub const SEQUENCE_GAP: &str = "SEQUENCE_GAP";
    /// An unknown message arrived at a lane position that was already applied.
    pub const LANE_REUSED: &str = "LANE_REUSED";
    /// The page token is forged, foreign, or of another query.
    pub const BAD_PAGE_TOKEN: &str = "BAD_PAGE_TOKEN";
    /// The etag is not the current one.
    pub const VERSION_MISMATCH: &str = "VERSION_MISMATCH";
    /// The resource does not exist for this tenant.
    pub const RESOURCE_NOT_FOUND: &str = "RESOURCE_NOT_FOUND";
    /// The state machine does not allow this step from this state.
    pub const INVALID_TRANSITION: &str = "INVALID_TRANSITION";
    /// The server has as much work as it can take.
    pub const OVERLOADED: &str = "OVERLOADED";
    /// The database does not answer, or its answer to COMMIT is unknown.
    pub const STORAGE_UNAVAILABLE: &str = "STORAGE_UNAVAILABLE";
    /// The disk or the database is full.
    pub const STORAGE_FULL: &str = "STORAGE_FULL";
    /// The deadline passed before the answer was ready.
    pub const DEADLINE_EXCEEDED: &str = "DEADLINE_EXCEEDED";
    /// A defect on the server; the log has it under the request's trace id.
    pub const INTERNAL: &str = "INTERNAL";
}

/// One wrong field, with how to mend it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldViolation {
    /// Path in the request, e.g. `affected[3].customer.email`.
    pub field: String,
    /// `UPPER_SNAKE` class of the violation.
    pub reason: String,
    /// What is wrong and what would be right.
    pub description: String,
}

/// What a use case answers when it does not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceError {
    /// The gRPC code.
    pub code: ErrorCode,
    /// `UPPER_SNAKE` reason, at most 63 characters.
    pub reason: String,
    /// For a person; safe to show to the caller.
    pub message: String,
    /// Facts that belong to the reason, e.g. the current state.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// All violations of the request.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub violations: Vec<FieldViolation>,
    /// When to try again, for transient errors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<Duration>,
    /// Never stored as the outcome of its request id, although its code is a definitive one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub transient: bool,
    /// For the log only: never crosses the wire and is never stored.
    #[serde(skip)]
    pub internal: Option<String>,
}

impl ServiceError {
    /// An error with a code, a reason and a text for the caller.
    pub fn new(code: ErrorCode, reason: &str, message: impl Into<String>) -> Self {
        Self {
            code,
            reason: reason.to_owned(),
            message: message.into(),
            metadata: BTreeMap::new(),
            violations: Vec::new(),
            retry_after: None,
            transient: false,
            internal: None,
        }
    }

    /// INVALID_ARGUMENT with every violation found.
    pub fn invalid(violations: Vec<FieldViolation>) -> Self {
        let fields: Vec<_> = violations.iter().map(|v| v.field.as_str()).collect();
        let mut error = Self::new(
            ErrorCode::InvalidArgument,
            reason::INVALID_FIELDS,
            format!("{} invalid: {}", if fields.len() == 1 { "field" } else { "fields" }, fields.join(", ")),
        );
        error.violations = violations;
        error
    }

    /// NOT_FOUND for a resource name. Another tenant's resource answers the same.
    pub fn not_found(resource: impl fmt::Display) -> Self {
        Self::new(ErrorCode::NotFound, reason::RESOURCE_NOT_FOUND, format!("{resource} does not exist"))
            .with("resource", resource)
    }

    /// FAILED_PRECONDITION with a reason.
    pub fn precondition(reason: &str, message: impl Into<String>) -> Self {
        Self::new(ErrorCode::FailedPrecondition, reason, message)
    }

    /// INTERNAL: the cause goes to the log, the caller sees a fixed text.
    pub fn internal(cause: impl fmt::Display) -> Self {
        let mut error = Self::new(ErrorCode::Internal, reason::INTERNAL, "internal error");
        error.internal = Some(cause.to_string());
        error
    }

    /// UNAVAILABLE with the time after which a retry makes sense; the cause goes to the log.
    pub fn unavailable(reason: &str, message: impl Into<String>, retry_after: Duration) -> Self {
        let mut error = Self::new(ErrorCode::Unavailable, reason, message);
        error.retry_after = Some(retry_after);
        error
    }

    /// Adds one metadata entry.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl fmt::Display) -> Self {
        self.metadata.insert(key.to_owned(), value.to_string());
        self
    }

    /// Adds a cause for the log.
    #[must_use]
    pub fn caused_by(mut self, cause: impl fmt::Display) -> Self {
        self.internal = Some(cause.to_string());
        self
    }

    /// Marks a definitive-looking error as one to be tried again.
    #[must_use]
    pub fn transient(mut self) -> Self {
        self.transient = true;
        self
    }

    /// True when the same request will always get this answer, so that it is stored as the request's outcome.
    pub fn is_definitive(&self) -> bool {
        !self.transient
            && matches!(
                self.code,
                ErrorCode::InvalidArgument
                    | ErrorCode::NotFound
                    | ErrorCode::AlreadyExists
                    | ErrorCode::FailedPrecondition
            )
    }
}

impl fmt::Display for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason, self.message)?;
        if let Some(internal) = &self.internal {
            write!(f, " ({internal})")?;
        }
        Ok(())
    }
}

impl std::error::Error for ServiceError {}
