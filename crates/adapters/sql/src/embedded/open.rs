//! Connections to a database file.

use std::{
    path::Path,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use claudetools_kernel::StoreError;
use rusqlite::{Connection, OpenFlags, config::DbConfig};
use sea_orm::sqlx::sqlite::SqliteConnectOptions;

use super::failure::is_busy;
use crate::connect::{STATEMENTS, SqlOptions};

/// Between two attempts to open a file that another process is making.
const PAUSE: Duration = Duration::from_millis(20);

/// Pages that a connection keeps at the most, in KiB.
const READER_CACHE: &str = "PRAGMA cache_size = -512";
pub(crate) const WRITER_CACHE: &str = "PRAGMA cache_size = -2048";

/// Where the file is, and how long to wait for what others hold.
#[derive(Clone)]
pub(super) struct Place {
    path: Arc<Path>,
    patience: Duration,
}

impl Place {
    pub(super) fn of(url: &str, options: &SqlOptions) -> Result<Self, StoreError> {
        // The form of such URLs is the driver's, which the migrations connect with.
        let parsed = url.parse::<SqliteConnectOptions>();
        let parsed = parsed.map_err(|error| StoreError::Database(format!("the database's URL: {error}")))?;
        Ok(Self { path: parsed.get_filename().into(), patience: options.busy_timeout })
    }

    /// How long a statement waits for a lock that another process holds, and a caller for its turn.
    pub(super) const fn patience(&self) -> Duration {
        self.patience
    }

    /// The connection that writes. To turn a new file into one with a write-ahead log takes the file for oneself, which the
    /// engine does not wait for, whatever the busy timeout: processes that start at once on a new file take turns here.
    #[expect(
        clippy::disallowed_methods,
        reason = "this runs on the thread of the connection, which has nothing else to do"
    )]
    pub(super) fn writer(&self) -> rusqlite::Result<Connection> {
        let since = Instant::now();
        loop {
            match self.connection(false) {
                Err(error) if is_busy(&error) && since.elapsed() < self.patience => thread::sleep(PAUSE),
                outcome => return outcome,
            }
        }
    }

    /// A connection that can only read.
    pub(super) fn reader(&self) -> rusqlite::Result<Connection> {
        self.connection(true)
    }

    fn connection(&self, reads: bool) -> rusqlite::Result<Connection> {
        let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        if !reads {
            flags |= OpenFlags::SQLITE_OPEN_CREATE;
        }
        let connection = Connection::open_with_flags(&self.path, flags)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        connection.busy_timeout(self.patience)?;
        // Once there are statistics, a statement whose plan looked at them (STAT4) would be prepared anew for each value that it
        // is bound to: two thirds of what a session by its id costs.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        // Pages of the file are read where it is mapped; what the cache of a reader holds is pages of the log.
        let cache = if reads { READER_CACHE } else { WRITER_CACHE };
        // synchronous: an answered write must outlive a power cut, not only a crash of the process.
        connection.execute_batch(&format!(
            "PRAGMA journal_mode = wal; PRAGMA synchronous = full; PRAGMA foreign_keys = on; PRAGMA mmap_size = 2147418112; \
             {cache}; PRAGMA temp_store = memory; PRAGMA query_only = {reads};"
        ))?;
        Ok(connection)
    }
}
