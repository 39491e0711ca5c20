//! The only place where a `tonic::Status` is built, and where one is read back.
//!
//! Always holds: a status that leaves carries `google.rpc.ErrorInfo` with our domain; its text is at most 256 bytes;
//! internal causes are logged here once and never sent.

use std::collections::HashMap;
use std::time::Duration;

use kernel::{ErrorCode, FieldViolation, ServiceError, TenantId, reason};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// `ErrorInfo.domain` of every error of the suite.
pub const DOMAIN: &str = "amends.dev";

/// Reasons that the front layers give.
pub mod front_reason {
    /// `grpc-timeout` is not 1 to 8 digits and a unit.
    pub const BAD_TIMEOUT: &str = "BAD_TIMEOUT";
    /// A header of ours, or a `-bin` header, is not what it must be; or it came twice.
    pub const BAD_HEADER: &str = "BAD_HEADER";
    /// The request message is not valid protobuf or not a valid gRPC frame.
    pub const MALFORMED_MESSAGE: &str = "MALFORMED_MESSAGE";
    /// The request message is larger than this method takes.
    pub const MESSAGE_TOO_LARGE: &str = "MESSAGE_TOO_LARGE";
    /// More than one message in a call that takes one.
    pub const EXTRA_MESSAGE: &str = "EXTRA_MESSAGE";
    /// No such service or method here, or the path is not the canonical one.
    pub const UNKNOWN_METHOD: &str = "UNKNOWN_METHOD";
    /// The message encoding is not supported.
    pub const UNSUPPORTED_ENCODING: &str = "UNSUPPORTED_ENCODING";
    /// The caller has no credentials, or wrong ones.
    pub const BAD_CREDENTIALS: &str = "BAD_CREDENTIALS";
    /// The tenant made more calls than one may in a time; see RetryInfo.
    pub const RATE_LIMITED: &str = "RATE_LIMITED";
    /// The server is draining; another replica takes the call.
    pub const SHUTTING_DOWN: &str = "SHUTTING_DOWN";
}

/// Longest status text in bytes; a proxy may drop longer headers.
const MESSAGE_BYTES: usize = 256;
/// Room for all violations: base64 makes 4/3 of it, and many clients take 8 KiB of headers in all.
const VIOLATION_BYTES: usize = 4 * 1024;
/// Longest text of one violation in bytes.
const DESCRIPTION_BYTES: usize = 256;

/// What a use case answered, as it goes over the wire. Logs the internal cause, once.
pub fn to_status(error: ServiceError) -> Status {
    match (&error.internal, error.code) {
        (Some(cause), ErrorCode::Internal) => {
            tracing::error!(reason = %error.reason, cause = %cause, "internal error");
        }
        (Some(cause), code) => {
            tracing::warn!(reason = %error.reason, ?code, cause = %cause, "a call failed");
        }
        (None, _) => {}
    }
    build(code_of(error.code), &error)
}

/// The reverse of [`to_status`]: `None` unless the status carries our `ErrorInfo`, so that what tonic, a proxy or a
/// mesh made up is never taken for an answer of ours.
pub fn from_status(status: &Status) -> Option<ServiceError> {
    let details = status.check_error_details().ok()?;
    let info = details.error_info().filter(|info| info.domain == DOMAIN)?;
    let mut error = ServiceError::new(code_from(status.code())?, &info.reason, status.message());
    error.metadata = info.metadata.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    if let Some(bad) = details.bad_request() {
        error.violations = bad
            .field_violations
            .iter()
            .map(|v| FieldViolation {
                field: v.field.clone(),
                reason: v.reason.clone(),
                description: v.description.clone(),
            })
            .collect();
    }
    error.retry_after = details.retry_info().and_then(|retry| retry.retry_delay);
    Some(error)
}

/// True when the status carries our `ErrorInfo`.
pub(crate) fn is_ours(status: &Status) -> bool {
    status
        .check_error_details()
        .is_ok_and(|details| details.error_info().is_some_and(|info| info.domain == DOMAIN && !info.reason.is_empty()))
}

/// How tonic words the errors of a request message that it cannot read. A test sends one of each.
const UNREADABLE: [&str; 5] = [
    "failed to decode Protobuf message",
    "protocol error: received message with",
    "Unexpected EOF decoding stream",
    "Missing request message",
    "Error decompressing",
];

/// What leaves instead of `status`; `None` when it may leave as it is. tonic makes statuses of its own, without our
/// `ErrorInfo` and some with another code than the caller can act on.
#[expect(clippy::disallowed_methods, reason = "the one file that builds statuses")]
pub(crate) fn replacement(status: &Status) -> Option<Status> {
    if is_ours(status) {
        let text = truncated(status.message(), MESSAGE_BYTES);
        return (text.len() < status.message().len())
            .then(|| Status::with_details(status.code(), text, status.details().to_vec().into()));
    }
    let text = truncated(status.message(), MESSAGE_BYTES);
    Some(match status.code() {
        Code::Ok => return None,
        Code::Internal if UNREADABLE.iter().any(|words| text.starts_with(words)) => {
            refused(front_reason::MALFORMED_MESSAGE, format!("the request message cannot be read: {text}"))
        }
        Code::OutOfRange if text.contains("message length too large") => too_large(&text),
        Code::ResourceExhausted if text.starts_with("Error decompressing") => too_large(&text),
        Code::Unimplemented if text.contains("Content is compressed") => {
            to_status(ServiceError::new(ErrorCode::Unimplemented, front_reason::UNSUPPORTED_ENCODING, text))
        }
        Code::Unimplemented => unknown_method(),
        Code::Internal | Code::Unknown | Code::DataLoss => {
            to_status(ServiceError::internal(format!("{:?}: {}", status.code(), status.message())))
        }
        code => {
            let info = ErrorDetails::with_error_info(code_name(code), DOMAIN, HashMap::new());
            Status::with_error_details(code, text, info)
        }
    })
}

/// The code's name as the conventions for telemetry want it.
pub(crate) fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

fn build(code: Code, error: &ServiceError) -> Status {
    Status::with_error_details(code, truncated(&error.message, MESSAGE_BYTES), details(error))
}

fn details(error: &ServiceError) -> ErrorDetails {
    let mut metadata: HashMap<String, String> = error.metadata.clone().into_iter().collect();
    let kept = fitting(&error.violations);
    if kept.len() < error.violations.len() {
        metadata.insert("violations_total".to_owned(), error.violations.len().to_string());
    }
    let mut details = ErrorDetails::with_error_info(error.reason.clone(), DOMAIN, metadata);
    if !kept.is_empty() {
        details.set_bad_request(kept);
    }
    if let Some(after) = error.retry_after {
        details.set_retry_info(Some(after));
    }
    details
}

/// The violations, in their order, as far as a client's header limit lets them through.
fn fitting(violations: &[FieldViolation]) -> Vec<tonic_types::FieldViolation> {
    let mut room = VIOLATION_BYTES;
    let mut kept = Vec::new();
    for violation in violations {
        let field = truncated(&violation.field, DESCRIPTION_BYTES);
        let description = truncated(&violation.description, DESCRIPTION_BYTES);
        let Some(rest) = room.checked_sub(field.len() + description.len() + violation.reason.len() + 16) else { break };
        room = rest;
        kept.push(tonic_types::FieldViolation {
            field,
            description,
            reason: violation.reason.clone(),
            localized_message: None,
        });
    }
    kept
}

fn truncated(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(limit - '…'.len_utf8());
    format!("{}…", &text[..end])
}

fn code_of(code: ErrorCode) -> Code {
    match code {
        ErrorCode::InvalidArgument => Code::InvalidArgument,
        ErrorCode::NotFound => Code::NotFound,
        ErrorCode::AlreadyExists => Code::AlreadyExists,
        ErrorCode::FailedPrecondition => Code::FailedPrecondition,
        ErrorCode::Aborted => Code::Aborted,
        ErrorCode::Unauthenticated => Code::Unauthenticated,
        ErrorCode::PermissionDenied => Code::PermissionDenied,
        ErrorCode::ResourceExhausted => Code::ResourceExhausted,
        ErrorCode::DeadlineExceeded => Code::DeadlineExceeded,
        ErrorCode::Unavailable => Code::Unavailable,
        ErrorCode::Unimplemented => Code::Unimplemented,
        ErrorCode::Internal => Code::Internal,
    }
}

fn code_from(code: Code) -> Option<ErrorCode> {
    Some(match code {
        Code::InvalidArgument => ErrorCode::InvalidArgument,
        Code::NotFound => ErrorCode::NotFound,
        Code::AlreadyExists => ErrorCode::AlreadyExists,
        Code::FailedPrecondition => ErrorCode::FailedPrecondition,
        Code::Aborted => ErrorCode::Aborted,
        Code::Unauthenticated => ErrorCode::Unauthenticated,
        Code::PermissionDenied => ErrorCode::PermissionDenied,
        Code::ResourceExhausted => ErrorCode::ResourceExhausted,
        Code::DeadlineExceeded => ErrorCode::DeadlineExceeded,
        Code::Unavailable => ErrorCode::Unavailable,
        Code::Unimplemented => ErrorCode::Unimplemented,
        Code::Internal => ErrorCode::Internal,
        Code::Ok | Code::Cancelled | Code::Unknown | Code::OutOfRange | Code::DataLoss => return None,
    })
}

/// DEADLINE_EXCEEDED after `limit`.
pub(crate) fn deadline_exceeded(limit: Duration) -> Status {
    let error = ServiceError::new(
        ErrorCode::DeadlineExceeded,
        reason::DEADLINE_EXCEEDED,
        format!("not answered within {} ms; the outcome is unknown, retry with the same request id", limit.as_millis()),
    );
    to_status(error.with("timeout_ms", limit.as_millis()))
}

/// RESOURCE_EXHAUSTED: as many calls are running as this server takes.
pub(crate) fn overloaded(what: &str, limit: usize) -> Status {
    let mut error = ServiceError::new(
        ErrorCode::ResourceExhausted,
        reason::OVERLOADED,
        format!("the server runs as many {what} as it takes; try again"),
    );
    error.retry_after = Some(Duration::from_secs(1));
    to_status(error.with("limit", limit))
}

/// RESOURCE_EXHAUSTED: a tenant runs as many calls as one tenant may, while others still have room.
pub(crate) fn tenant_overloaded(tenant: &TenantId, what: &str, limit: usize) -> Status {
    let text = format!("the tenant runs as many {what} as one tenant may; try again");
    let error = ServiceError::new(ErrorCode::ResourceExhausted, reason::OVERLOADED, &text).with("limit", limit);
    quota(error, tenant, format!("at most {limit} {what} at the same time"), Duration::from_secs(1))
}

/// RESOURCE_EXHAUSTED: a tenant made more calls than one tenant may in a time; the next one is taken after `wait`.
pub(crate) fn rate_limited(tenant: &TenantId, calls: u32, per: Duration, wait: Duration) -> Status {
    let text = "the tenant makes more calls than one tenant may; try again later, and less often";
    let error = ServiceError::new(ErrorCode::ResourceExhausted, front_reason::RATE_LIMITED, text).with("limit", calls);
    // No client can wait for less, and none is to come a moment too early.
    let wait = Duration::from_millis(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).saturating_add(1));
    quota(error, tenant, format!("at most {calls} calls in {per:?}"), wait)
}

/// `error` about a quota of a tenant's own.
fn quota(mut error: ServiceError, tenant: &TenantId, what: String, retry_after: Duration) -> Status {
    error.retry_after = Some(retry_after);
    let mut details = details(&error);
    details.add_quota_failure_violation(format!("tenants/{tenant}"), what);
    Status::with_error_details(code_of(error.code), error.message, details)
}

/// INVALID_ARGUMENT with a reason of the front layers.
pub(crate) fn refused(reason: &str, message: impl Into<String>) -> Status {
    to_status(ServiceError::new(ErrorCode::InvalidArgument, reason, message))
}

/// RESOURCE_EXHAUSTED: the message is larger than this method takes.
pub(crate) fn too_large(detail: &str) -> Status {
    let message = format!("the request message is too large: {detail}");
    to_status(ServiceError::new(ErrorCode::ResourceExhausted, front_reason::MESSAGE_TOO_LARGE, message))
}

/// UNIMPLEMENTED: nothing is served at this path.
pub(crate) fn unknown_method() -> Status {
    to_status(ServiceError::new(
        ErrorCode::Unimplemented,
        front_reason::UNKNOWN_METHOD,
        "no such method; the path must be exactly /package.Service/Method",
    ))
}

/// UNAUTHENTICATED.
pub(crate) fn unauthenticated(message: &str) -> Status {
    to_status(ServiceError::new(ErrorCode::Unauthenticated, front_reason::BAD_CREDENTIALS, message))
}

/// INTERNAL: a handler panicked. The panic hook has logged where.
pub(crate) fn panicked() -> Status {
    // Who sends a durable call again and again parks it when it hears this too often.
    to_status(ServiceError::internal("the handler panicked").with("panicked", true))
}

/// UNAVAILABLE: the server is going away; the stream starts again elsewhere.
pub(crate) fn shutting_down() -> Status {
    to_status(ServiceError::unavailable(
        front_reason::SHUTTING_DOWN,
        "the server is shutting down; call again to reach another replica",
        Duration::from_millis(100),
    ))
}
