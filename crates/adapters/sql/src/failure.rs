//! What a driver's error means to a use case.

use claudetools_kernel::StoreError;
use sea_orm::{DbErr, RuntimeErr, SqlErr, sqlx};

/// Sorts a driver's error by what can be done about it.
#[expect(clippy::needless_pass_by_value, reason = "the form that map_err takes")]
pub(crate) fn failure(error: DbErr) -> StoreError {
    if let Some(SqlErr::UniqueConstraintViolation(text) | SqlErr::ForeignKeyConstraintViolation(text)) = error.sql_err()
    {
        return StoreError::Constraint(text);
    }
    match &error {
        DbErr::ConnectionAcquire(_) => StoreError::Unavailable(error.to_string()),
        DbErr::Conn(RuntimeErr::SqlxError(cause))
        | DbErr::Exec(RuntimeErr::SqlxError(cause))
        | DbErr::Query(RuntimeErr::SqlxError(cause)) => by_cause(cause, error.to_string()),
        _ => StoreError::Database(error.to_string()),
    }
}

/// Whether another connection holds what this one needs (BUSY, `BUSY_RECOVERY`).
pub(crate) fn is_busy(error: &DbErr) -> bool {
    let (DbErr::Conn(RuntimeErr::SqlxError(cause))
    | DbErr::Exec(RuntimeErr::SqlxError(cause))
    | DbErr::Query(RuntimeErr::SqlxError(cause))) = error
    else {
        return false;
    };
    cause.as_database_error().is_some_and(|database| matches!(database.code().as_deref(), Some("5" | "261")))
}

fn by_cause(cause: &sqlx::Error, text: String) -> StoreError {
    match cause {
        sqlx::Error::Database(database) => by_code(database.code().as_deref().unwrap_or_default(), text),
        sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed | sqlx::Error::Io(_) => {
            StoreError::Unavailable(text)
        }
        _ => StoreError::Database(text),
    }
}

/// SQLite's extended result codes, <https://www.sqlite.org/rescode.html>.
fn by_code(code: &str, text: String) -> StoreError {
    match code {
        // A read transaction that cannot be upgraded, because another has written since: begin anew.
        "517" => StoreError::Contention(text),
        // BUSY, LOCKED, their variants, NOMEM, IOERR, FULL, CANTOPEN: the busy timeout has already been waited for.
        "5" | "6" | "261" | "262" | "773" | "7" | "10" | "13" | "14" => StoreError::Unavailable(text),
        _ => StoreError::Database(text),
    }
}
