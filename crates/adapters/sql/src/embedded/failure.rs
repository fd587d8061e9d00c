//! What an error of the embedded engine means to a use case.

use claudetools_kernel::StoreError;
use rusqlite::Error;

use crate::failure::by_sqlite;

/// Unique and primary keys; foreign keys.
const CONSTRAINTS: [i32; 3] = [2067, 1555, 787];

/// Sorts an error by what can be done about it.
#[expect(clippy::needless_pass_by_value, reason = "the form that map_err takes")]
pub(crate) fn failure(error: Error) -> StoreError {
    by_error(&error)
}

pub(super) fn by_error(error: &Error) -> StoreError {
    let text = error.to_string();
    match error.sqlite_error() {
        Some(cause) if CONSTRAINTS.contains(&cause.extended_code) => StoreError::Constraint(text),
        Some(cause) => by_sqlite(cause.extended_code, text),
        None => StoreError::Database(text),
    }
}

/// Whether another connection holds what this one needs (BUSY, `BUSY_RECOVERY`).
pub(super) fn is_busy(error: &Error) -> bool {
    error.sqlite_error().is_some_and(|cause| matches!(cause.extended_code, 5 | 261))
}
