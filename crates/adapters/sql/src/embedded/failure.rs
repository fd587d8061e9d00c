//! What an error of the embedded engine means to a use case.

use claudetools_kernel::StoreError;
use rusqlite::Error;

use crate::failure::by_sqlite;

/// Unique and primary keys; foreign keys.
const CONSTRAINTS: [i32; 3] = [2067, 1555, 787];

/// A flush that failed (`SQLITE_IOERR_FSYNC`).
const FLUSH_FAILED: i32 = 1034;

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

/// What a failed commit means. Whether pages that were written but not flushed outlive a crash, only the crash will show.
pub(super) fn by_commit(error: &Error) -> StoreError {
    match error.sqlite_error() {
        Some(cause) if cause.extended_code == FLUSH_FAILED => StoreError::Undecided(error.to_string()),
        _ => by_error(error),
    }
}

/// Whether another connection holds what this one needs (BUSY, `BUSY_RECOVERY`).
pub(super) fn is_busy(error: &Error) -> bool {
    error.sqlite_error().is_some_and(|cause| matches!(cause.extended_code, 5 | 261))
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

    use super::*;

    #[test]
    fn a_commit_whose_flush_failed_is_undecided_and_one_that_found_no_room_is_not() {
        let failed = |code| by_commit(&Error::SqliteFailure(ffi::Error::new(code), None));
        assert!(matches!(failed(ffi::SQLITE_IOERR_FSYNC), StoreError::Undecided(_)));
        assert!(matches!(failed(ffi::SQLITE_IOERR_WRITE), StoreError::Unavailable(_)));
        assert!(matches!(failed(ffi::SQLITE_FULL), StoreError::Unavailable(_)));
    }
}
