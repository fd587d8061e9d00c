//! The databases that are measured on: seeded, copied where entrants write, and removed afterwards.

use std::{
    cell::RefCell,
    fs,
    net::IpAddr,
    path::{Path, PathBuf},
};

use chrono::NaiveDate;
use clap::ValueEnum;
use claudetools_seed::{Plan, Size};
use claudetools_sql::{SqlOptions, SqlStore};
use sqlx::{AssertSqlSafe, Connection, MySqlConnection, PgConnection};
use tempfile::TempDir;

use crate::{
    failure::{Failure, Result},
    process,
};

/// The last day of the seeded year is the one before.
pub(crate) const UNTIL: NaiveDate = NaiveDate::from_ymd_opt(2026, 7, 1).unwrap();
/// How the databases on a server begin. Nothing else is ever dropped.
const PREFIX: &str = "ct_bench_";

/// A database engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Engine {
    /// A file.
    Sqlite,
    /// A server of `MariaDB`.
    Mariadb,
    /// A server of `PostgreSQL`.
    Postgres,
}

impl Engine {
    pub(crate) const ALL: [Self; 3] = [Self::Sqlite, Self::Mariadb, Self::Postgres];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Mariadb => "mariadb",
            Self::Postgres => "postgres",
        }
    }

    /// The name of the server's processes, whose work is no noise.
    pub(crate) const fn process_name(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            Self::Mariadb => Some("mariadbd"),
            Self::Postgres => Some("postgres"),
        }
    }
}

/// How many rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rows {
    /// One of the seed's sizes.
    Seed(Size),
    /// 10,000 sessions: the smallest size five times.
    TenThousand,
}

impl Rows {
    fn name(self) -> String {
        match self {
            Self::Seed(size) => size.to_string(),
            Self::TenThousand => "10k".to_owned(),
        }
    }

    pub(crate) const fn sessions(self) -> u64 {
        match self {
            Self::Seed(size) => size.sessions(),
            Self::TenThousand => 10_000,
        }
    }
}

/// A database to measure on.
#[derive(Debug, Clone)]
pub(crate) struct Data {
    pub(crate) engine: Engine,
    /// What our server takes as `DATABASE_URL`.
    pub(crate) url: String,
}

/// Where the database servers are.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Servers {
    /// The `MariaDB` server, without a database. On this machine only: databases are made and dropped there.
    #[arg(long, global = true, default_value = "mysql://root@127.0.0.1:3306")]
    mariadb: String,
    /// The `PostgreSQL` server, without a database; likewise.
    #[arg(long, global = true, default_value = "postgres://root@127.0.0.1:5432")]
    postgres: String,
}

/// Makes databases, and removes those that are not worth keeping.
#[derive(Debug)]
pub(crate) struct Databases {
    /// Where seeded files are kept for later runs.
    folder: PathBuf,
    servers: Servers,
    /// Copies of files, which go with this.
    scratch: TempDir,
    /// What was made on servers.
    made: RefCell<Vec<(Engine, String, Data)>>,
}

impl Databases {
    pub(crate) fn new(folder: &Path, servers: Servers) -> Result<Self> {
        fs::create_dir_all(folder).map_err(|error| Failure::File(folder.to_owned(), error))?;
        let folder = folder.canonicalize().map_err(|error| Failure::File(folder.to_owned(), error))?;
        // Beside the seeded files, so that copies lie on the same disk as what is measured elsewhere.
        let scratch = tempfile::tempdir_in(&folder)?;
        Ok(Self { folder, servers, scratch, made: RefCell::default() })
    }

    /// A database of these rows for one entrant: on `SQLite` a copy of its own, on a server the same for all.
    pub(crate) async fn copy(&self, engine: Engine, rows: Rows) -> Result<Data> {
        if engine != Engine::Sqlite {
            return self.on_server(engine, rows, "").await;
        }
        let seeded = self.seeded_file(rows).await?;
        let folder = tempfile::tempdir_in(self.scratch.path())?.keep();
        let copy = folder.join("bench.db");
        fs::copy(&seeded, &copy).map_err(|error| Failure::File(seeded, error))?;
        Ok(file(&copy))
    }

    /// A database of these rows that nothing may write to: on `SQLite` the file that later runs use again.
    pub(crate) async fn shared(&self, engine: Engine, rows: Rows) -> Result<Data> {
        match engine {
            Engine::Sqlite => Ok(file(&self.seeded_file(rows).await?)),
            server => self.on_server(server, rows, "").await,
        }
    }

    /// A database of these rows that is left as no other scenario can use it.
    pub(crate) async fn alone(&self, engine: Engine, rows: Rows) -> Result<Data> {
        match engine {
            Engine::Sqlite => self.copy(engine, rows).await,
            server => self.on_server(server, rows, "_alone").await,
        }
    }

    /// The name of a file that does not exist.
    pub(crate) fn new_file(&self) -> Result<Data> {
        Ok(file(&tempfile::tempdir_in(self.scratch.path())?.keep().join("bench.db")))
    }

    /// Removes what was made on servers.
    pub(crate) async fn remove(&self) -> Result<()> {
        let made = std::mem::take(&mut *self.made.borrow_mut());
        for (engine, name, _) in made {
            self.execute(engine, &format!("DROP DATABASE IF EXISTS {name}{}", force(engine))).await?;
        }
        Ok(())
    }

    async fn seeded_file(&self, rows: Rows) -> Result<PathBuf> {
        let database = self.folder.join(format!("seed-{}.db", rows.name()));
        if database.exists() {
            return Ok(database);
        }
        // Only a finished one gets the name, or a run that was broken off would leave half of the rows to be measured.
        let unfinished = tempfile::tempdir_in(&self.folder)?;
        let path = unfinished.path().join("seed.db");
        seed(&file(&path).url, rows).await?;
        fs::rename(&path, &database).map_err(|error| Failure::File(path, error))?;
        Ok(database)
    }

    async fn on_server(&self, engine: Engine, rows: Rows, suffix: &str) -> Result<Data> {
        let name = format!("{PREFIX}{}_{}{suffix}", std::process::id(), rows.name());
        let made = self.made.borrow().iter().find(|made| made.0 == engine && made.1 == name).cloned();
        if let Some((.., data)) = made {
            return Ok(data);
        }
        self.remove_leftovers(engine).await?;
        self.execute(engine, &format!("CREATE DATABASE {name}")).await?;
        let data = Data { engine, url: format!("{}/{name}", self.server(engine)) };
        self.made.borrow_mut().push((engine, name, data.clone()));
        seed(&data.url, rows).await?;
        Ok(data)
    }

    /// Removes what a run has left that was broken off.
    async fn remove_leftovers(&self, engine: Engine) -> Result<()> {
        let all: Vec<String> = match engine {
            Engine::Sqlite => Vec::new(),
            Engine::Mariadb => {
                let mut server = MySqlConnection::connect(&self.loopback(engine, "")?).await?;
                sqlx::query_scalar("SELECT schema_name FROM information_schema.schemata").fetch_all(&mut server).await?
            }
            Engine::Postgres => {
                let mut server = PgConnection::connect(&self.loopback(engine, "/postgres")?).await?;
                sqlx::query_scalar("SELECT datname::text FROM pg_database").fetch_all(&mut server).await?
            }
        };
        for name in all.iter().filter(|name| is_leftover(name)) {
            self.execute(engine, &format!("DROP DATABASE IF EXISTS {name}{}", force(engine))).await?;
        }
        Ok(())
    }

    async fn execute(&self, engine: Engine, statement: &str) -> Result<()> {
        // Of parts of this module alone.
        let statement = sqlx::raw_sql(AssertSqlSafe(statement.to_owned()));
        match engine {
            Engine::Sqlite => {}
            Engine::Mariadb => {
                let mut server = MySqlConnection::connect(&self.loopback(engine, "")?).await?;
                statement.execute(&mut server).await?;
            }
            Engine::Postgres => {
                let mut server = PgConnection::connect(&self.loopback(engine, "/postgres")?).await?;
                statement.execute(&mut server).await?;
            }
        }
        Ok(())
    }

    fn server(&self, engine: Engine) -> &str {
        let url = if engine == Engine::Mariadb { &self.servers.mariadb } else { &self.servers.postgres };
        url.trim_end_matches('/')
    }

    /// The server's URL with a database behind it, if the server runs on this machine.
    fn loopback(&self, engine: Engine, database: &str) -> Result<String> {
        let url = self.server(engine);
        if is_loopback(url) {
            return Ok(format!("{url}{database}"));
        }
        // The URL is not repeated: it may hold a password.
        Err(Failure::Server(format!("the {} server must be named by a loopback address", engine.name())))
    }
}

/// Whether the URL names a loopback address, as a number.
fn is_loopback(url: &str) -> bool {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest).split(['/', '?']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host).trim_matches(['[', ']']);
    host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

/// Whether this is a database of a run that is over.
fn is_leftover(name: &str) -> bool {
    let pid = name.strip_prefix(PREFIX).and_then(|rest| rest.split_once('_')?.0.parse().ok());
    pid.is_some_and(|pid| !process::is_alive(pid))
}

/// `PostgreSQL` drops no database that is connected to; `MariaDB` does.
const fn force(engine: Engine) -> &'static str {
    if matches!(engine, Engine::Postgres) { " WITH (FORCE)" } else { "" }
}

fn file(path: &Path) -> Data {
    Data { engine: Engine::Sqlite, url: format!("sqlite://{}", path.display()) }
}

async fn seed(url: &str, rows: Rows) -> Result<()> {
    let store = SqlStore::open(url, &SqlOptions::default()).await?;
    let plans = match rows {
        Rows::Seed(size) => vec![(1, size)],
        Rows::TenThousand => (1..=5).map(|seed| (seed, Size::Small)).collect(),
    };
    for (seed, size) in plans {
        let plan = Plan { seed, size, until: UNTIL, append: seed > 1 };
        claudetools_seed::run(&store, &plan, &|_| {}).await?;
    }
    Ok(store.close().await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_written_to() {
        for url in ["mysql://root@127.0.0.1:3306", "postgres://a:b@[::1]:5432", "postgres://127.0.0.1"] {
            assert!(is_loopback(url), "{url}");
        }
        for url in ["mysql://root@db.example:3306", "postgres://10.0.0.1", "mysql://127.0.0.1@db.example", "mysql://"] {
            assert!(!is_loopback(url), "{url}");
        }
    }

    #[test]
    fn only_databases_of_runs_that_are_over_are_left_over() {
        let own = format!("{PREFIX}{}_small", std::process::id());
        assert!(!is_leftover(&own));
        assert!(is_leftover(&format!("{PREFIX}{}_small", u32::MAX)));
        for name in ["claudetools", "ct_bench_", "ct_bench_x_small", "test"] {
            assert!(!is_leftover(name), "{name}");
        }
    }

    #[tokio::test]
    async fn a_copy_is_written_to_without_changing_what_later_runs_use() {
        let folder = tempfile::tempdir().unwrap();
        let servers = Servers { mariadb: String::new(), postgres: String::new() };
        let databases = Databases::new(folder.path(), servers).unwrap();
        let rows = Rows::Seed(Size::Small);
        let copy = databases.copy(Engine::Sqlite, rows).await.unwrap();
        let open = |data: &Data| rusqlite::Connection::open(data.url.trim_start_matches("sqlite://")).unwrap();
        open(&copy).execute("DELETE FROM session_tags", []).unwrap();
        let shared = databases.shared(Engine::Sqlite, rows).await.unwrap();
        let count =
            |data: &Data| open(data).query_row("SELECT COUNT(*) FROM session_tags", [], |row| row.get(0)).unwrap();
        let (left, kept): (i64, i64) = (count(&copy), count(&shared));
        assert!(left == 0 && kept > 1_000, "{left} {kept}");
    }
}
