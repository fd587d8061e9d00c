//! Database servers of one's own, to be killed and frozen without hurting anybody.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use sqlx::{Connection, Executor, MySqlConnection, PgConnection};
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

use crate::{Failure, Result, tools};

/// How long a server may take until it answers.
const START: Duration = Duration::from_mins(1);

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `MariaDB`.
    MariaDb,
    /// `PostgreSQL`.
    Postgres,
}

/// A server with an empty database `claudetools`. It is killed when this is dropped.
#[derive(Debug)]
pub struct DatabaseServer {
    /// Which one.
    pub kind: Kind,
    /// Where it listens, on the loopback address.
    pub port: u16,
    directory: TempDir,
    child: Child,
}

impl DatabaseServer {
    /// Starts one; `None` when its programs are not installed. What is slow to make is kept in `templates` for the next one.
    ///
    /// # Errors
    /// When it cannot be made or started.
    pub async fn start(kind: Kind, templates: &Path) -> Result<Option<Self>> {
        let Some(program) = kind.program() else { return Ok(None) };
        let directory = tools::directory_of_a_database()?;
        kind.initialise(directory.path(), templates)?;
        let port = tools::free_port();
        let child = kind.launch(&program, directory.path(), port)?;
        let server = Self { kind, port, directory, child };
        server.answers().await?;
        if kind == Kind::Postgres {
            let mut created = PgConnection::connect(&server.url_of("postgres", port)).await?;
            created.execute("CREATE DATABASE claudetools").await?;
            created.close().await?;
        }
        Ok(Some(server))
    }

    /// The URL of its database.
    pub fn url(&self) -> String {
        self.url_by(self.port)
    }

    /// The same by way of another port of this machine.
    pub fn url_by(&self, port: u16) -> String {
        self.url_of("claudetools", port)
    }

    fn url_of(&self, database: &str, port: u16) -> String {
        match self.kind {
            Kind::MariaDb => format!("mysql://claudetools:claudetools@127.0.0.1:{port}/claudetools"),
            Kind::Postgres => format!("postgres://postgres@127.0.0.1:{port}/{database}"),
        }
    }

    /// The server's processes, the first one first so that it starts no more.
    fn processes(&self) -> Vec<u32> {
        let first = self.child.id();
        let children = fs::read_dir("/proc").into_iter().flatten().filter_map(|entry| {
            let process: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
            let parent: u32 = stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()?;
            (parent == first).then_some(process)
        });
        std::iter::once(first).chain(children).collect()
    }

    /// Ends it at once, as a power cut would.
    ///
    /// # Errors
    /// When the system does not let it.
    pub fn kill(&mut self) -> Result<()> {
        // Stopped first, so that nobody starts another process meanwhile, or notices anything and tidies up.
        tools::signal("STOP", &[self.child.id()])?;
        tools::signal("KILL", &self.processes())?;
        self.child.wait()?;
        Ok(())
    }

    /// Starts it again after [`Self::kill`] and waits until it answers.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn restart(&mut self) -> Result<()> {
        let program = self.kind.program().ok_or_else(|| Failure::Server("the program is gone".to_owned()))?;
        self.child = self.kind.launch(&program, self.directory.path(), self.port)?;
        self.answers().await
    }

    /// Lets it do nothing more, with all its connections open.
    ///
    /// # Errors
    /// When no signal can be sent.
    pub fn freeze(&self) -> Result<()> {
        tools::signal("STOP", &[self.child.id()])?;
        tools::signal("STOP", &self.processes())
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// When no signal can be sent.
    pub fn thaw(&self) -> Result<()> {
        tools::signal("CONT", &self.processes())
    }

    /// Waits until it answers.
    ///
    /// # Errors
    /// When it does not within a minute.
    pub async fn answers(&self) -> Result<()> {
        let database = if self.kind == Kind::Postgres { "postgres" } else { "claudetools" };
        let (url, begun) = (self.url_of(database, self.port), Instant::now());
        loop {
            let asked = timeout(Duration::from_secs(5), self.kind.ask(&url)).await;
            match asked {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(failure)) if begun.elapsed() > START => return Err(failure),
                Err(_) if begun.elapsed() > START => {
                    return Err(Failure::Server(format!("{:?} does not answer", self.kind)));
                }
                _ => sleep(Duration::from_millis(50)).await,
            }
        }
    }
}

impl Drop for DatabaseServer {
    fn drop(&mut self) {
        let processes = self.processes();
        // Whoever is gone already needs no signal.
        let _ = tools::signal("KILL", &processes);
        let _ = self.child.wait();
    }
}

impl Kind {
    /// The program of the server.
    fn program(self) -> Option<PathBuf> {
        match self {
            Self::MariaDb => tools::find("mariadbd"),
            Self::Postgres => postgres_folder().map(|folder| folder.join("postgres")),
        }
    }

    async fn ask(self, url: &str) -> Result<()> {
        match self {
            Self::MariaDb => {
                let mut connection = MySqlConnection::connect(url).await?;
                connection.execute("SELECT 1").await?;
                connection.close().await?;
            }
            Self::Postgres => {
                let mut connection = PgConnection::connect(url).await?;
                connection.execute("SELECT 1").await?;
                connection.close().await?;
            }
        }
        Ok(())
    }

    /// Makes a new data directory.
    fn initialise(self, directory: &Path, templates: &Path) -> Result<()> {
        match self {
            Self::MariaDb => new_mariadb(&directory.join("data"), templates),
            Self::Postgres => {
                if is_root() {
                    tools::run(Command::new("chown").arg("postgres").arg(directory))?;
                }
                let folder = postgres_folder().ok_or_else(|| Failure::Server("PostgreSQL is gone".to_owned()))?;
                let mut initdb = unprivileged(&folder.join("initdb"));
                initdb.args(["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "--no-sync"]);
                tools::run(initdb.arg("--pgdata").arg(directory.join("data")))
            }
        }
    }

    fn launch(self, program: &Path, directory: &Path, port: u16) -> Result<Child> {
        let data = directory.join("data");
        let mut command = match self {
            Self::MariaDb => {
                let socket = directory.join("socket");
                let mut command = Command::new(program);
                command.arg("--no-defaults").arg(format!("--datadir={}", data.display()));
                command.arg(format!("--socket={}", socket.display())).arg(format!("--port={port}"));
                command.args(["--bind-address=127.0.0.1", "--skip-name-resolve", "--innodb-buffer-pool-size=32M"]);
                command.arg(format!("--init-file={}", data.join("init.sql").display()));
                if is_root() {
                    command.arg("--user=root");
                }
                command
            }
            Self::Postgres => {
                let mut command = unprivileged(program);
                command.arg("-D").arg(&data).arg("-p").arg(port.to_string());
                command.args(["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]);
                command.args(["-c", "shared_buffers=32MB"]);
                command
            }
        };
        // No pipe: nobody would read it. And not in this directory, which the postgres user may not see.
        command.current_dir(directory).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().map_err(|error| Failure::File(program.to_owned(), error))
    }
}

/// Makes `data` a new data directory of `MariaDB`. Making one takes seconds, so that one to be copied is kept in `templates`.
///
/// # Errors
/// When `mariadb-install-db` fails, or the copy.
pub fn new_mariadb(data: &Path, templates: &Path) -> Result<()> {
    tools::run(Command::new("cp").arg("-a").arg(mariadb_template(templates)?).arg(data))
}

fn mariadb_template(templates: &Path) -> Result<PathBuf> {
    let kept = templates.join("mariadb-data");
    if kept.is_dir() {
        return Ok(kept);
    }
    let made = tempfile::tempdir_in(templates)?;
    let data = made.path().join("data");
    let mut install = Command::new("mariadb-install-db");
    install.arg("--no-defaults").arg(format!("--datadir={}", data.display()));
    install.args(["--auth-root-authentication-method=normal", "--skip-test-db", "--innodb-log-file-size=16M"]);
    if is_root() {
        install.arg("--user=root");
    }
    tools::run(&mut install)?;
    let database = "CREATE DATABASE IF NOT EXISTS claudetools;\n\
                    CREATE USER IF NOT EXISTS claudetools@'127.0.0.1' IDENTIFIED BY 'claudetools';\n\
                    GRANT ALL ON claudetools.* TO claudetools@'127.0.0.1';\n";
    let first = data.join("init.sql");
    fs::write(&first, database).map_err(|error| Failure::File(first, error))?;
    // Another run may have been faster; then its directory stays.
    let _ = fs::rename(&data, &kept);
    Ok(kept)
}

/// Where the programs of the newest PostgreSQL are, which Debian keeps off the path.
fn postgres_folder() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().filter_map(std::result::Result::ok);
    let debian = versions.map(|version| version.path().join("bin")).max();
    debian
        .filter(|folder| folder.join("initdb").is_file())
        .or_else(|| Some(tools::find("initdb")?.parent()?.to_owned()))
}

/// A command that root runs as the user `postgres`: PostgreSQL refuses to run as root.
fn unprivileged(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]).arg(program).current_dir("/");
    command
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}
