//! What went wrong in a transaction: a rejection by the use case, or a failure of the database. SQLSTATEs and SQLite's
//! codes are known here and nowhere else.

use std::time::Duration;

use kernel::{ErrorCode, ServiceError, reason};
use sea_orm::{DbErr, RuntimeErr};

/// Why a transaction did not commit.
#[derive(Debug, thiserror::Error)]
pub enum TxError {
    /// The use case said no. Everything that the transaction did is undone; a definitive no becomes the stored answer.
    #[error(transparent)]
    Rejected(#[from] ServiceError),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbErr),
}

impl From<TxError> for ServiceError {
    /// What the caller is told, also about a read outside of any transaction.
    fn from(error: TxError) -> Self {
        match error {
            TxError::Rejected(error) => error,
            TxError::Db(error) => to_service_error(&error),
        }
    }
}

/// What can be done about a database failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DbFailure {
    /// Another transaction was in the way; run this one again.
    Conflict,
    /// A unique or foreign key, or a check, was violated.
    Constraint,
    /// The database does not answer or threw us out; the outcome of a COMMIT is unknown.
    Unavailable,
    /// No space left.
    Full,
    /// A defect of ours.
    Defect,
}

/// Reason of a rejection that undoes a transaction from inside so that it is run again; never leaves this crate.
pub(crate) const LOST_RACE: &str = "LOST_RACE";

impl TxError {
    /// Undoes a mutation's transaction and runs it again: another one was faster, and the next run will see what it did.
    /// For [`crate::Engine::mutate`] and [`crate::GroupCommand`]s, where `ON CONFLICT DO NOTHING` inserted less than
    /// was asked.
    pub fn lost_race() -> Self {
        lost_race().into()
    }
}

/// As [`TxError::lost_race`].
pub(crate) fn lost_race() -> ServiceError {
    ServiceError::precondition(LOST_RACE, "").transient()
}

/// Classifies a database failure.
pub fn classify(error: &DbErr) -> DbFailure {
    let Some(sqlx_error) = sqlx_error(error) else {
        return match error {
            DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => DbFailure::Unavailable,
            _ => DbFailure::Defect,
        };
    };
    let Some(database_error) = sqlx_error.as_database_error() else {
        return match sqlx_error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => DbFailure::Unavailable,
            _ => DbFailure::Defect,
        };
    };
    let code = database_error.code().unwrap_or_default();
    if database_error.try_downcast_ref::<sqlx::postgres::PgDatabaseError>().is_some() {
        match code.as_ref() {
            "40001" | "40P01" | "55P03" => DbFailure::Conflict,
            // Not 53200, which is the server's memory: that passes, and is told apart by nothing that a caller can do.
            "53100" => DbFailure::Full,
            "57014" => DbFailure::Conflict,
            code if code.starts_with("23") => DbFailure::Constraint,
            code if code.starts_with("08") || code.starts_with("57P") || code.starts_with("53") || code == "25P03" => {
                DbFailure::Unavailable
            }
            _ => DbFailure::Defect,
        }
    } else {
        // SQLite's primary result code is the low byte of the extended one.
        match code.parse::<i32>().unwrap_or(0) & 0xff {
            5 | 6 => DbFailure::Conflict,
            13 => DbFailure::Full,
            19 => DbFailure::Constraint,
            10 | 14 => DbFailure::Unavailable,
            _ => DbFailure::Defect,
        }
    }
}

/// True for a unique violation; `constraint` is a part of the constraint's or index's name, or of the column list.
pub fn is_unique_violation(error: &DbErr, constraint: &str) -> bool {
    sqlx_error(error).and_then(sqlx::Error::as_database_error).is_some_and(|error| {
        error.is_unique_violation()
            && (error.constraint().is_some_and(|name| name.contains(constraint))
                || error.message().contains(constraint))
    })
}

/// What the caller of a use case is told about a database failure.
pub(crate) fn to_service_error(error: &DbErr) -> ServiceError {
    match classify(error) {
        DbFailure::Conflict | DbFailure::Unavailable => ServiceError::unavailable(
            reason::STORAGE_UNAVAILABLE,
            "the database does not answer; send the same request with the same request_id again",
            Duration::from_millis(500),
        )
        .caused_by(error),
        DbFailure::Full => {
            let mut full = ServiceError::new(
                ErrorCode::ResourceExhausted,
                reason::STORAGE_FULL,
                "the database has no space left; try again later",
            );
            full.retry_after = Some(Duration::from_secs(30));
            full.caused_by(error)
        }
        DbFailure::Constraint | DbFailure::Defect => ServiceError::internal(error),
    }
}

fn sqlx_error(error: &DbErr) -> Option<&sqlx::Error> {
    match error {
        DbErr::Conn(RuntimeErr::SqlxError(error))
        | DbErr::Exec(RuntimeErr::SqlxError(error))
        | DbErr::Query(RuntimeErr::SqlxError(error)) => Some(error),
        _ => None,
    }
}
