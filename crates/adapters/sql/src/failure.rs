//! What a driver's error means to a use case.

use claudetools_kernel::StoreError;
use sea_orm::{
    DbErr, RuntimeErr, SqlErr,
    sqlx::{self, mysql::MySqlDatabaseError, postgres::PgDatabaseError},
};

/// Sorts a driver's error by what can be done about it.
#[expect(clippy::needless_pass_by_value, reason = "the form that map_err takes")]
pub(crate) fn failure(error: DbErr) -> StoreError {
    if let Some(SqlErr::UniqueConstraintViolation(text) | SqlErr::ForeignKeyConstraintViolation(text)) = error.sql_err()
    {
        return StoreError::Constraint(text);
    }
    match (&error, cause(&error)) {
        // A server that goes down, or comes up, says anything to whoever calls: a part of an answer, or none.
        (DbErr::Conn(_), Some(sqlx::Error::Protocol(_))) => StoreError::Unavailable(error.to_string()),
        (_, Some(cause)) => by_cause(cause, error.to_string()),
        // The pool's own, and ours about a server that does not answer.
        (DbErr::ConnectionAcquire(_) | DbErr::Conn(RuntimeErr::Internal(_)), None) => {
            StoreError::Unavailable(error.to_string())
        }
        _ => StoreError::Database(error.to_string()),
    }
}

/// Whether the connection to a server was gone before the statement could run: closed by the server or on the way.
pub(crate) fn is_lost(error: &DbErr) -> bool {
    match cause(error) {
        Some(sqlx::Error::Io(_)) => true,
        Some(sqlx::Error::Database(database)) => postgres_is_lost(database.code().as_deref().unwrap_or_default()),
        _ => false,
    }
}

fn cause(error: &DbErr) -> Option<&sqlx::Error> {
    match error {
        DbErr::Conn(RuntimeErr::SqlxError(cause))
        | DbErr::Exec(RuntimeErr::SqlxError(cause))
        | DbErr::Query(RuntimeErr::SqlxError(cause)) => Some(cause),
        _ => None,
    }
}

fn by_cause(cause: &sqlx::Error, text: String) -> StoreError {
    match cause {
        sqlx::Error::Database(database) => {
            let code = database.code().unwrap_or_default();
            if let Some(mysql) = database.try_downcast_ref::<MySqlDatabaseError>() {
                by_mysql(mysql.number(), text)
            } else if database.try_downcast_ref::<PgDatabaseError>().is_some() {
                by_postgres(&code, text)
            } else {
                by_sqlite(code.parse().unwrap_or_default(), text)
            }
        }
        sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::Io(_)
        | sqlx::Error::Tls(_) => StoreError::Unavailable(text),
        _ => StoreError::Database(text),
    }
}

/// SQLite's extended result codes, <https://www.sqlite.org/rescode.html>.
pub(crate) fn by_sqlite(code: i32, text: String) -> StoreError {
    match code {
        // A read transaction that cannot be upgraded, because another has written since: begin anew.
        517 => StoreError::Contention(text),
        // BUSY, LOCKED, their variants, NOMEM, IOERR and its kinds, FULL, CANTOPEN: the busy timeout has been waited for.
        5 | 6 | 261 | 262 | 773 | 7 | 10 | 13 | 14 => StoreError::Unavailable(text),
        _ if code & 0xff == 10 => StoreError::Unavailable(text),
        _ => StoreError::Database(text),
    }
}

/// Error numbers of `MySQL` and `MariaDB`, <https://mariadb.com/kb/en/mariadb-error-code-reference/>.
fn by_mysql(number: u16, text: String) -> StoreError {
    match number {
        // A wait for a lock that took too long, a deadlock, a row changed since it was read, a write set that Galera refused.
        1205 | 1213 | 1020 | 1180 => StoreError::Contention(text),
        // Too many connections, shutting down, out of memory or disk, killed, read only, not ready (a Galera node that has
        // lost the others).
        1040 | 1203 | 1053 | 1077 | 1079 | 1037 | 1038 | 1021 | 1114 | 3 | 1317 | 1927 | 1290 | 1836 | 1047 | 1129
        | 1226 => StoreError::Unavailable(text),
        _ => StoreError::Database(text),
    }
}

/// `PostgreSQL`'s SQLSTATEs, <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
fn by_postgres(code: &str, text: String) -> StoreError {
    match code {
        // A serialisation failure, a deadlock, a lock not to be had in time.
        "40001" | "40P01" | "55P03" => StoreError::Contention(text),
        // Read only, as a stand-by is after a fail-over; connection failures; out of resources; the system itself.
        "25006" => StoreError::Unavailable(text),
        _ if postgres_is_lost(code) || ["08", "53", "58"].iter().any(|class| code.starts_with(class)) => {
            StoreError::Unavailable(text)
        }
        _ => StoreError::Database(text),
    }
}

/// The server is shutting down, has crashed, or is not up yet; or it has given the connection up because it lay idle, in a transaction
/// or outside, as that of a process does which was frozen.
fn postgres_is_lost(code: &str) -> bool {
    matches!(code, "57P01" | "57P02" | "57P03" | "57P05" | "25P03" | "25P04")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a failure is to a use case.
    fn kind(error: &StoreError) -> &'static str {
        match error {
            StoreError::Contention(_) => "contention",
            StoreError::Unavailable(_) => "unavailable",
            _ => "database",
        }
    }

    #[test]
    fn a_server_that_makes_no_sense_while_it_is_called_is_away() {
        let nonsense =
            || RuntimeErr::SqlxError(sqlx::Error::Protocol("unexpected response from SSLRequest: 0x00".into()).into());
        assert_eq!(kind(&failure(DbErr::Conn(nonsense()))), "unavailable");
        assert_eq!(kind(&failure(DbErr::Exec(nonsense()))), "database", "in the middle it may be our mistake");
    }

    #[test]
    fn meetings_of_writers_are_told_from_servers_that_are_away_and_from_mistakes() {
        for (code, expected) in
            [(517, "contention"), (5, "unavailable"), (13, "unavailable"), (778, "unavailable"), (1, "database")]
        {
            assert_eq!(kind(&by_sqlite(code, String::new())), expected, "SQLite {code}");
        }
        for (number, expected) in [
            (1213, "contention"),
            (1205, "contention"),
            (1040, "unavailable"),
            (1114, "unavailable"),
            (1064, "database"),
        ] {
            assert_eq!(kind(&by_mysql(number, String::new())), expected, "MySQL {number}");
        }
        for (code, expected) in [
            ("40001", "contention"),
            ("55P03", "contention"),
            ("57P01", "unavailable"),
            ("25P03", "unavailable"),
            ("53300", "unavailable"),
            ("42601", "database"),
        ] {
            assert_eq!(kind(&by_postgres(code, String::new())), expected, "PostgreSQL {code}");
        }
    }
}
