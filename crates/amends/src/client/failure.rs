//! What a failed call means to the person who made it.
//!
//! Always holds: an answer of the suite is shown whole, with its reason, every violation and its metadata; what
//! something else answered is never taken for it.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use kernel::{ErrorCode, ServiceError};
use tonic::{Code, ConnectError, Status};

use super::output::clean;

/// A call that did not succeed.
#[derive(Debug)]
pub struct Failure {
    address: String,
    cause: Cause,
    repeat: Vec<String>,
}

#[derive(Debug)]
enum Cause {
    /// The suite's own answer.
    Answer(ServiceError),
    /// Nobody took the connection.
    Unreachable(String),
    /// Something in between answered, or the connection broke.
    Foreign(Code, String),
}

impl Failure {
    /// What `status` from `address` means.
    pub fn new(status: &Status, address: &str) -> Self {
        let cause = match (chassis::from_status(status), connect_error(status)) {
            (Some(error), _) => Cause::Answer(error),
            (None, Some(text)) => Cause::Unreachable(text),
            (None, None) => Cause::Foreign(status.code(), status.message().to_owned()),
        };
        Self { address: address.to_owned(), cause, repeat: Vec::new() }
    }

    /// The same failure of a call that is safe to repeat with `arguments` added.
    #[must_use]
    pub fn repeat_with(mut self, arguments: String) -> Self {
        self.repeat.push(arguments);
        self
    }

    /// True when the outcome is unknown and the user is told how to repeat the call.
    pub fn can_be_repeated(&self) -> bool {
        !self.repeat.is_empty()
    }

    /// The code, when the suite has it among its own.
    pub fn code(&self) -> Option<ErrorCode> {
        match &self.cause {
            Cause::Answer(error) => Some(error.code),
            Cause::Unreachable(_) => Some(ErrorCode::Unavailable),
            Cause::Foreign(code, _) => match code {
                Code::Unavailable => Some(ErrorCode::Unavailable),
                Code::Aborted => Some(ErrorCode::Aborted),
                _ => None,
            },
        }
    }

    /// The suite's reason.
    pub fn reason(&self) -> Option<&str> {
        match &self.cause {
            Cause::Answer(error) => Some(&error.reason),
            Cause::Unreachable(_) | Cause::Foreign(..) => None,
        }
    }

    /// When the server wants to be asked again.
    pub fn retry_after(&self) -> Option<Duration> {
        match &self.cause {
            Cause::Answer(error) => error.retry_after,
            Cause::Unreachable(_) | Cause::Foreign(..) => None,
        }
    }

    /// True when no server was reached, so that nothing can have been done.
    pub fn is_unreachable(&self) -> bool {
        matches!(self.cause, Cause::Unreachable(_))
    }

    /// True when a connection or a server went away, and asking again may find another.
    pub fn is_passing(&self) -> bool {
        match &self.cause {
            Cause::Answer(error) => matches!(error.code, ErrorCode::Unavailable | ErrorCode::DeadlineExceeded),
            Cause::Foreign(Code::DeadlineExceeded, _) => true,
            Cause::Unreachable(_) | Cause::Foreign(..) => self.is_broken_connection(),
        }
    }

    /// True when no answer of the suite came, because a connection broke or was closed: tonic says so with all of these.
    pub fn is_broken_connection(&self) -> bool {
        match &self.cause {
            Cause::Answer(_) => false,
            Cause::Unreachable(_) => true,
            Cause::Foreign(code, _) => {
                matches!(code, Code::Unavailable | Code::Cancelled | Code::Unknown | Code::Internal)
            }
        }
    }

    /// True when the call may have been carried out although it failed.
    pub fn leaves_outcome_unknown(&self) -> bool {
        match &self.cause {
            Cause::Answer(error) => {
                matches!(error.code, ErrorCode::Unavailable | ErrorCode::DeadlineExceeded | ErrorCode::Internal)
            }
            // An earlier attempt may have got through.
            Cause::Unreachable(_) | Cause::Foreign(..) => true,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Cause::Answer(error) => answer(f, error)?,
            Cause::Unreachable(text) => write!(
                f,
                "no server answers at {}: {}\n  start one with `amends dev`, or say where it is with --address or AMENDS_ADDRESS",
                self.address,
                clean(text)
            )?,
            Cause::Foreign(code, text) => write!(
                f,
                "{}: {}\n  this is no answer of the suite: is {} its address?",
                code.description(),
                clean(text),
                self.address
            )?,
        }
        if !self.repeat.is_empty() {
            write!(
                f,
                "\n  the outcome is unknown; it is safe to repeat the same command with {}",
                self.repeat.join(" ")
            )?;
        }
        Ok(())
    }
}

impl Error for Failure {}

fn answer(f: &mut fmt::Formatter<'_>, error: &ServiceError) -> fmt::Result {
    write!(f, "{}: {}", clean(&error.reason), clean(&error.message))?;
    for violation in &error.violations {
        write!(f, "\n  {}: {}", clean(&violation.field), clean(&violation.description))?;
    }
    for (key, value) in &error.metadata {
        write!(f, "\n  {} = {}", clean(key), clean(value))?;
    }
    if let Some(after) = error.retry_after {
        write!(f, "\n  try again in {} ms", after.as_millis())?;
    }
    Ok(())
}

/// The innermost words of why no connection came about.
fn connect_error(status: &Status) -> Option<String> {
    let mut source = status.source();
    let mut is_connect = false;
    let mut text = None;
    while let Some(error) = source {
        is_connect |= error.is::<ConnectError>();
        text = Some(error.to_string());
        source = error.source();
    }
    text.filter(|_| is_connect)
}
