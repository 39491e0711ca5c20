//! What the answer to a durable call means. Pure.
//!
//! A no is final only when the receiver says that it has put it on record. Whatever tonic, a proxy or a mesh makes up,
//! and whatever leaves the outcome open, is tried again under the same key.

use std::time::Duration;

use kernel::{ErrorCode, FieldViolation, ServiceError, reason};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

/// `ErrorInfo.domain` of every error of the suite.
const DOMAIN: &str = "amends.dev";
/// Metadata of a refusal that the receiver will give for ever.
const RECORDED: &str = "recorded";
/// Metadata of an error that comes from a panic.
const PANICKED: &str = "panicked";
/// As much of an error's text as is kept with the call.
const TEXT_CHARS: usize = 512;

/// How an attempt ended.
#[derive(Debug)]
pub(crate) enum Attempt {
    /// The receiver, or something between, answered.
    Answered(Result<(), Status>),
    /// Nobody answered within the deadline.
    TimedOut,
    /// There is no connection.
    Unreachable(String),
    /// The call cannot be put on the wire at all.
    Unsendable(String),
}

/// What an attempt means for the call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The receiver took it.
    Done,
    /// The receiver refused it for good.
    Rejected(ServiceError),
    /// It is to be tried again, or to be parked.
    Failed(Failed),
}

/// A failed attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failed {
    pub(crate) failure: Failure,
    /// Code and reason: two attempts that have the same failed in the same way.
    pub(crate) way: String,
    /// For an operator.
    pub(crate) text: String,
    /// When the receiver asks to be tried again.
    pub(crate) retry_after: Option<Duration>,
}

/// Classes of failure, by what is to be done about them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The receiver was not reached, or not heard: the outcome is unknown.
    Outage,
    /// The receiver failed on this call: the outcome is unknown.
    Defect,
    /// The receiver panicked on this call.
    Panicked,
    /// A concurrent change was faster.
    Conflict,
    /// An earlier call of the lane has not been applied.
    Gap,
    /// The receiver has more work than it takes.
    Exhausted,
    /// The receiver does not know or not trust us.
    Denied,
    /// The receiver does not know the method.
    Unimplemented,
    /// A refusal that is not on record: the lane stands still at the receiver.
    Refused,
    /// Its place in the lane was taken by another message at the receiver: one of the two has lost data.
    LaneReused,
    /// Data was lost, or the call cannot be put on the wire.
    Hopeless,
}

impl Failure {
    /// For metrics.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Outage => "outage",
            Self::Defect => "defect",
            Self::Panicked => "panicked",
            Self::Conflict => "conflict",
            Self::Gap => "gap",
            Self::Exhausted => "exhausted",
            Self::Denied => "denied",
            Self::Unimplemented => "unimplemented",
            Self::Refused => "refused",
            Self::LaneReused => "lane_reused",
            Self::Hopeless => "hopeless",
        }
    }
}

/// Judges an attempt.
pub(crate) fn judge(attempt: &Attempt) -> Verdict {
    let status = match attempt {
        Attempt::Answered(Ok(())) => return Verdict::Done,
        Attempt::Answered(Err(status)) => status,
        Attempt::TimedOut => {
            return Verdict::Failed(Failed {
                failure: Failure::Outage,
                way: "DEADLINE_EXCEEDED".to_owned(),
                text: "DEADLINE_EXCEEDED: no answer within the deadline".to_owned(),
                retry_after: None,
            });
        }
        Attempt::Unreachable(why) => {
            return Verdict::Failed(Failed {
                failure: Failure::Outage,
                way: "UNAVAILABLE".to_owned(),
                text: shortened(&format!("UNAVAILABLE: {why}")),
                retry_after: None,
            });
        }
        Attempt::Unsendable(why) => {
            return Verdict::Failed(Failed {
                failure: Failure::Hopeless,
                way: "UNSENDABLE".to_owned(),
                text: shortened(&format!("UNSENDABLE: {why}")),
                retry_after: None,
            });
        }
    };
    let ours = status
        .check_error_details()
        .ok()
        .filter(|details| details.error_info().is_some_and(|info| info.domain == DOMAIN && !info.reason.is_empty()));
    if let Some(error) = ours.as_ref().and_then(|details| recorded_refusal(status, details)) {
        return Verdict::Rejected(error);
    }
    let info = ours.as_ref().and_then(ErrorDetails::error_info);
    let reason = info.map_or("", |info| info.reason.as_str());
    let panicked = info.is_some_and(|info| info.metadata.get(PANICKED).is_some_and(|value| value == "true"));
    let failure = match status.code() {
        Code::FailedPrecondition if reason == reason::SEQUENCE_GAP => Failure::Gap,
        Code::Internal if reason == reason::LANE_REUSED => Failure::LaneReused,
        Code::Internal if panicked => Failure::Panicked,
        Code::Internal | Code::Unknown if info.is_some() => Failure::Defect,
        Code::InvalidArgument | Code::OutOfRange | Code::NotFound | Code::AlreadyExists | Code::FailedPrecondition => {
            Failure::Refused
        }
        Code::PermissionDenied | Code::Unauthenticated => Failure::Denied,
        Code::Unimplemented => Failure::Unimplemented,
        Code::ResourceExhausted => Failure::Exhausted,
        Code::Aborted => Failure::Conflict,
        Code::DataLoss => Failure::Hopeless,
        // `Ok` cannot be an error; were it one, the outcome would be as unknown as for the rest.
        Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled | Code::Unknown | Code::Internal | Code::Ok => {
            Failure::Outage
        }
    };
    let code = code_name(status.code());
    let way = match (failure, reason) {
        (Failure::Panicked, _) => format!("{code} PANICKED"),
        (_, "") => code.to_owned(),
        (_, reason) => format!("{code} {reason}"),
    };
    Verdict::Failed(Failed {
        failure,
        text: shortened(&format!("{way}: {}", status.message())),
        way,
        retry_after: status.get_details_retry_info().and_then(|retry| retry.retry_delay),
    })
}

/// A definitive no of ours that the receiver has put on record.
fn recorded_refusal(status: &Status, details: &ErrorDetails) -> Option<ServiceError> {
    let info = details.error_info()?;
    if info.metadata.get(RECORDED).is_none_or(|value| value != "true") {
        return None;
    }
    let code = match status.code() {
        Code::InvalidArgument => ErrorCode::InvalidArgument,
        Code::NotFound => ErrorCode::NotFound,
        Code::AlreadyExists => ErrorCode::AlreadyExists,
        Code::FailedPrecondition => ErrorCode::FailedPrecondition,
        _ => return None,
    };
    let mut error = ServiceError::new(code, &info.reason, status.message());
    error.metadata = info
        .metadata
        .iter()
        .filter(|(key, _)| *key != RECORDED)
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let violations = details.bad_request().map(|bad| bad.field_violations.as_slice()).unwrap_or_default();
    error.violations = violations
        .iter()
        .map(|violation| FieldViolation {
            field: violation.field.clone(),
            reason: violation.reason.clone(),
            description: violation.description.clone(),
        })
        .collect();
    Some(error)
}

/// The text that is kept with a rejected call.
pub(crate) fn rejection_text(error: &ServiceError) -> String {
    shortened(&error.to_string())
}

fn shortened(text: &str) -> String {
    // PostgreSQL's text takes no NUL.
    text.chars().filter(|c| *c != '\0').take(TEXT_CHARS).collect()
}

/// The code as the conventions for telemetry name it.
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

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "statuses as a peer sends them")]
mod tests {
    use std::collections::HashMap;

    use super::*;

    const CODES: [Code; 16] = [
        Code::Cancelled,
        Code::Unknown,
        Code::InvalidArgument,
        Code::DeadlineExceeded,
        Code::NotFound,
        Code::AlreadyExists,
        Code::PermissionDenied,
        Code::ResourceExhausted,
        Code::FailedPrecondition,
        Code::Aborted,
        Code::OutOfRange,
        Code::Unimplemented,
        Code::Internal,
        Code::Unavailable,
        Code::DataLoss,
        Code::Unauthenticated,
    ];

    fn ours(code: Code, domain: &str, reason: &str, metadata: &[(&str, &str)]) -> Status {
        let metadata: HashMap<_, _> = metadata.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Status::with_error_details(code, "text", ErrorDetails::with_error_info(reason, domain, metadata))
    }

    fn failure(status: Status) -> Failure {
        match judge(&Attempt::Answered(Err(status))) {
            Verdict::Failed(failed) => failed.failure,
            verdict => panic!("not a failure: {verdict:?}"),
        }
    }

    #[test]
    fn nothing_is_final_without_our_word_that_it_is_on_record() {
        for code in CODES {
            let definitive =
                matches!(code, Code::InvalidArgument | Code::NotFound | Code::AlreadyExists | Code::FailedPrecondition);
            for (status, expected) in [
                (Status::new(code, "text"), false),
                (ours(code, DOMAIN, "SOME_REASON", &[]), false),
                (ours(code, DOMAIN, "SOME_REASON", &[("recorded", "false")]), false),
                (ours(code, "example.com", "SOME_REASON", &[("recorded", "true")]), false),
                (ours(code, DOMAIN, "", &[("recorded", "true")]), false),
                (ours(code, DOMAIN, "SOME_REASON", &[("recorded", "true")]), definitive),
            ] {
                let verdict = judge(&Attempt::Answered(Err(status)));
                assert_eq!(matches!(verdict, Verdict::Rejected(_)), expected, "{code:?} {verdict:?}");
                assert_ne!(verdict, Verdict::Done);
            }
        }
        assert_eq!(judge(&Attempt::Answered(Ok(()))), Verdict::Done);
    }

    #[test]
    fn each_code_has_its_class_with_and_without_our_details() {
        for (code, foreign, own) in [
            (Code::Cancelled, Failure::Outage, Failure::Outage),
            (Code::Unknown, Failure::Outage, Failure::Defect),
            (Code::InvalidArgument, Failure::Refused, Failure::Refused),
            (Code::DeadlineExceeded, Failure::Outage, Failure::Outage),
            (Code::NotFound, Failure::Refused, Failure::Refused),
            (Code::AlreadyExists, Failure::Refused, Failure::Refused),
            (Code::PermissionDenied, Failure::Denied, Failure::Denied),
            (Code::ResourceExhausted, Failure::Exhausted, Failure::Exhausted),
            (Code::FailedPrecondition, Failure::Refused, Failure::Refused),
            (Code::Aborted, Failure::Conflict, Failure::Conflict),
            (Code::OutOfRange, Failure::Refused, Failure::Refused),
            (Code::Unimplemented, Failure::Unimplemented, Failure::Unimplemented),
            (Code::Internal, Failure::Outage, Failure::Defect),
            (Code::Unavailable, Failure::Outage, Failure::Outage),
            (Code::DataLoss, Failure::Hopeless, Failure::Hopeless),
            (Code::Unauthenticated, Failure::Denied, Failure::Denied),
        ] {
            assert_eq!(failure(Status::new(code, "text")), foreign, "{code:?}");
            assert_eq!(failure(ours(code, DOMAIN, "SOME_REASON", &[])), own, "{code:?}");
        }
        let info = |reason: &str| ours(Code::FailedPrecondition, DOMAIN, reason, &[]);
        assert_eq!(failure(info(reason::SEQUENCE_GAP)), Failure::Gap);
        assert_eq!(failure(ours(Code::Internal, DOMAIN, reason::LANE_REUSED, &[])), Failure::LaneReused);
        assert_eq!(failure(ours(Code::Internal, DOMAIN, reason::INTERNAL, &[("panicked", "true")])), Failure::Panicked);
    }

    #[test]
    fn the_way_tells_reasons_apart_and_the_text_is_bounded() {
        let Verdict::Failed(failed) = judge(&Attempt::Answered(Err(Status::with_error_details(
            Code::ResourceExhausted,
            "x\0".repeat(1_000),
            ErrorDetails::with_retry_info(Some(Duration::from_secs(3))),
        )))) else {
            panic!("not a failure");
        };
        assert_eq!(failed.way, "RESOURCE_EXHAUSTED");
        assert_eq!(failed.retry_after, Some(Duration::from_secs(3)));
        assert_eq!(failed.text.chars().count(), TEXT_CHARS);
        assert!(!failed.text.contains('\0'));
        let Verdict::Failed(failed) = judge(&Attempt::Answered(Err(ours(Code::NotFound, DOMAIN, "NO_CASE", &[]))))
        else {
            panic!("not a failure");
        };
        assert_eq!((failed.way.as_str(), failed.text.as_str()), ("NOT_FOUND NO_CASE", "NOT_FOUND NO_CASE: text"));
    }

    #[test]
    fn a_rejection_carries_what_the_receiver_said() {
        let mut details = ErrorDetails::with_error_info(
            "INVALID_FIELDS",
            DOMAIN,
            HashMap::from([("recorded".to_owned(), "true".to_owned()), ("state".to_owned(), "OPEN".to_owned())]),
        );
        details.add_bad_request_violation("name", "must not be empty");
        let status = Status::with_error_details(Code::InvalidArgument, "text", details);
        let Verdict::Rejected(error) = judge(&Attempt::Answered(Err(status))) else { panic!("not rejected") };
        assert_eq!(
            (error.code, error.reason.as_str(), error.message.as_str()),
            (ErrorCode::InvalidArgument, "INVALID_FIELDS", "text")
        );
        assert_eq!(error.metadata.into_iter().collect::<Vec<_>>(), [("state".to_owned(), "OPEN".to_owned())]);
        assert_eq!(error.violations.len(), 1);
        assert_eq!(error.violations[0].field, "name");
    }
}
