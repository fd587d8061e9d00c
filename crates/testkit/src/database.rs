//! A database of a test's own, on any engine.
//!
//! To make the tables by the migrations takes MariaDB tens of changes of its schema, each with an fsync. So the first test of
//! a process does that, and the others repeat the statements that make the same tables in one go.

use std::{env, fmt, sync::atomic::AtomicU32, sync::atomic::Ordering};

use claudetools_sql::{SqlOptions, SqlStore};
use sea_orm::{ConnectOptions, ConnectionTrait, DatabaseConnection, DbBackend, Statement};
use tempfile::TempDir;
use tokio::sync::OnceCell;

/// An engine that stores on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Engine {
    /// A file in a directory of the test's own.
    Sqlite,
    /// A server.
    MariaDb,
    /// A server.
    Postgres,
}

/// Names the engine that the HTTP suites run on; SQLite unless set.
const ENGINE: &str = "CLAUDETOOLS_TEST_ENGINE";

impl Engine {
    /// The engine that this run of the suites is for.
    ///
    /// # Panics
    /// When `CLAUDETOOLS_TEST_ENGINE` names none.
    pub fn of_run() -> Self {
        match env::var(ENGINE).as_deref() {
            Err(_) | Ok("" | "sqlite") => Self::Sqlite,
            Ok("mariadb") => Self::MariaDb,
            Ok("postgres") => Self::Postgres,
            Ok(other) => panic!("{ENGINE} is {other:?}; it must be sqlite, mariadb or postgres"),
        }
    }

    /// The URL of the server, with the database to be connected to for making others.
    fn server(self) -> String {
        let (name, usual) = match self {
            Self::Sqlite => unreachable!("SQLite has no server"),
            Self::MariaDb => ("CLAUDETOOLS_TEST_MARIADB_URL", "mysql://root@127.0.0.1:3306/test"),
            Self::Postgres => ("CLAUDETOOLS_TEST_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/postgres"),
        };
        env::var(name).unwrap_or_else(|_| usual.to_owned())
    }

    async fn connect(self) -> DatabaseConnection {
        let url = self.server();
        let mut options = ConnectOptions::new(url.clone());
        options.max_connections(1).sqlx_logging(false);
        let connected = sea_orm::Database::connect(options).await;
        connected.unwrap_or_else(|error| panic!("no {self:?} at {url}; `cargo xtask services up` starts it: {error}"))
    }
}

/// A database that goes when this is dropped.
pub struct Database {
    /// Its URL.
    pub url: String,
    /// What it is in.
    pub engine: Engine,
    name: String,
    directory: Option<TempDir>,
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("url", &self.url).finish_non_exhaustive()
    }
}

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// What makes the tables without the migrations.
static MARIADB_TABLES: OnceCell<Vec<String>> = OnceCell::const_new();

impl Database {
    /// A new, empty database.
    pub async fn empty(engine: Engine) -> Self {
        if engine == Engine::Sqlite {
            let directory = tempfile::tempdir().expect("a directory for the database");
            let url = format!("sqlite://{}", directory.path().join("test.db").display());
            return Self { url, engine, name: String::new(), directory: Some(directory) };
        }
        let database = Self::named(engine);
        let connection = engine.connect().await;
        run(&connection, &format!("CREATE DATABASE {}", database.name)).await;
        connection.close().await.expect("the connection closes");
        database
    }

    /// A new database with every table.
    pub async fn with_tables(engine: Engine) -> Self {
        if engine != Engine::MariaDb {
            let database = Self::empty(engine).await;
            migrate(&database.url).await;
            return database;
        }
        let tables = MARIADB_TABLES.get_or_init(mariadb_tables).await;
        let database = Self::empty(engine).await;
        let connection = engine.connect().await;
        run(&connection, &format!("USE {}", database.name)).await;
        for statement in tables {
            run(&connection, statement).await;
        }
        connection.close().await.expect("the connection closes");
        database
    }

    /// A name that no other test, process or earlier run has, and that tells what it is for.
    fn named(engine: Engine) -> Self {
        let (process, number) = (std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let unique = tempfile::Builder::new().tempfile().expect("a file for its name");
        let unique: String = unique.path().to_string_lossy().chars().rev().take(6).collect();
        let name = format!("ct_test_{process}_{number}_{}", hex(&unique));
        let server = engine.server();
        let (server, _) = server.rsplit_once('/').expect("a URL with a database");
        Self { url: format!("{server}/{name}"), engine, name, directory: None }
    }
}

fn hex(text: &str) -> String {
    use std::fmt::Write;
    text.bytes().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

impl Drop for Database {
    fn drop(&mut self) {
        if self.directory.is_some() {
            return;
        }
        let (engine, name) = (self.engine, self.name.clone());
        // A runtime of its own: the test's may be about to end, and a drop cannot wait in it.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let connection = engine.connect().await;
                // What a failed test has left open would hold the drop up: PostgreSQL ends it on demand, for MariaDB we do.
                if engine == Engine::MariaDb {
                    let open =
                        format!("SELECT CONCAT('KILL ', id) FROM information_schema.processlist WHERE db = '{name}'");
                    for kill in texts(&connection, &open, 0).await {
                        // It may have ended by itself meanwhile.
                        let _ = connection.execute_unprepared(&kill).await;
                    }
                }
                let force = if engine == Engine::Postgres { " WITH (FORCE)" } else { "" };
                run(&connection, &format!("DROP DATABASE IF EXISTS {name}{force}")).await;
            });
        });
        // A failure has said what is wrong on the thread's behalf; the test's own verdict stands.
        let _ = dropped.join();
    }
}

async fn run(connection: &DatabaseConnection, statement: &str) {
    connection.execute_unprepared(statement).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
}

async fn migrate(url: &str) {
    let store = SqlStore::open(url, &SqlOptions::default()).await.expect("the new database");
    claudetools_sql::prepare(&store).await.expect("the migrations");
    store.close().await.expect("the connections close");
}

/// The statements that make every table with its indexes and keys, and the rows that migrations put there.
async fn mariadb_tables() -> Vec<String> {
    let model = Database::empty(Engine::MariaDb).await;
    migrate(&model.url).await;
    let connection = Engine::MariaDb.connect().await;
    run(&connection, &format!("USE {}", model.name)).await;
    let (mut tables, mut rows) = (Vec::new(), Vec::new());
    for table in texts(&connection, "SHOW TABLES", 0).await {
        tables.extend(texts(&connection, &format!("SHOW CREATE TABLE {table}"), 1).await);
        rows.extend(mariadb_rows(&connection, &table).await);
    }
    connection.close().await.expect("the connection closes");
    let off_and_on = ["SET foreign_key_checks = 0", "SET foreign_key_checks = 1"].map(str::to_owned);
    let [off, on] = off_and_on;
    [vec![off], tables, rows, vec![on]].concat()
}

/// The statements that insert the rows of a table.
async fn mariadb_rows(connection: &DatabaseConnection, table: &str) -> Vec<String> {
    let columns = format!(
        "SELECT GROUP_CONCAT(CONCAT('QUOTE(', column_name, ')') ORDER BY ordinal_position) FROM information_schema.columns \
         WHERE table_schema = DATABASE() AND table_name = '{table}'"
    );
    let columns = texts(connection, &columns, 0).await.concat();
    let rows = format!("SELECT CONCAT('INSERT INTO {table} VALUES (', CONCAT_WS(',', {columns}), ')') FROM {table}");
    texts(connection, &rows, 0).await
}

async fn texts(connection: &DatabaseConnection, query: &str, column: usize) -> Vec<String> {
    let rows = connection.query_all_raw(Statement::from_string(DbBackend::MySql, query)).await;
    let rows = rows.unwrap_or_else(|error| panic!("{query}: {error}"));
    rows.iter().map(|row| row.try_get_by_index(column).expect("a text")).collect()
}
