//! Database servers of a test's own, to be killed and frozen without hurting anybody.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU16, Ordering},
    time::Duration,
};

use sea_orm::{ConnectOptions, ConnectionTrait, Database};
use tempfile::TempDir;

use crate::{
    program::{SOON, eventually},
    tools,
};

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    MariaDb,
    Postgres,
}

/// A server with an empty database `claudetools`. It is killed when this is dropped.
pub(crate) struct DatabaseServer {
    pub(crate) kind: Kind,
    pub(crate) port: u16,
    directory: TempDir,
    child: Child,
}

/// A port on which nothing listens. Not one of those that the system gives to whoever connects: while a server is away,
/// somebody who tries to reach it could be given its port and meet himself.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id() % 100).unwrap_or_default() * 100;
    loop {
        let port = 20_000 + (start + NEXT.fetch_add(1, Ordering::Relaxed)) % 10_000;
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

impl DatabaseServer {
    /// Starts one; `None` (and a word about it) when its programs are not installed.
    pub(crate) async fn start(kind: Kind, what: &str) -> Option<Self> {
        let Some(program) = kind.program() else {
            tools::leave_out(what, &format!("{kind:?}"));
            return None;
        };
        let directory = tools::directory_of_a_database();
        kind.initialise(directory.path());
        let port = free_port();
        let child = kind.launch(&program, directory.path(), port);
        let server = Self { kind, port, directory, child };
        server.answers().await;
        if kind == Kind::Postgres {
            let created = Database::connect(server.url_of("postgres", port)).await.expect("the new server");
            created.execute_unprepared("CREATE DATABASE claudetools").await.expect("a database");
            created.close().await.expect("a clean end");
        }
        Some(server)
    }

    /// The URL of its database.
    pub(crate) fn url(&self) -> String {
        self.url_by(self.port)
    }

    /// The same by way of another port of this machine.
    pub(crate) fn url_by(&self, port: u16) -> String {
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
    pub(crate) fn kill(&mut self) {
        // Stopped first, so that nobody starts another process meanwhile, or notices anything and tidies up.
        tools::signal("STOP", &[self.child.id()]);
        tools::signal("KILL", &self.processes());
        self.child.wait().expect("an end");
    }

    /// Starts it again after [`Self::kill`] and waits until it answers.
    pub(crate) async fn restart(&mut self) {
        let program = self.kind.program().expect("the program");
        self.child = self.kind.launch(&program, self.directory.path(), self.port);
        self.answers().await;
    }

    /// Lets it do nothing more, with all its connections open.
    pub(crate) fn freeze(&self) {
        tools::signal("STOP", &[self.child.id()]);
        tools::signal("STOP", &self.processes());
    }

    /// Lets it go on.
    pub(crate) fn thaw(&self) {
        tools::signal("CONT", &self.processes());
    }

    /// Waits until it answers.
    pub(crate) async fn answers(&self) {
        let database = if self.kind == Kind::Postgres { "postgres" } else { "claudetools" };
        let url = self.url_of(database, self.port);
        eventually("a database that answers", SOON, async || {
            let mut options = ConnectOptions::new(url.clone());
            options.max_connections(1).connect_timeout(Duration::from_secs(5)).sqlx_logging(false);
            let connection = Database::connect(options).await.ok()?;
            connection.execute_unprepared("SELECT 1").await.ok()?;
            connection.close().await.ok()
        })
        .await;
    }
}

impl Drop for DatabaseServer {
    fn drop(&mut self) {
        let processes = self.processes();
        tools::signal("KILL", &processes);
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

    /// Makes a new data directory.
    fn initialise(self, directory: &Path) {
        match self {
            Self::MariaDb => new_mariadb(&directory.join("data")),
            Self::Postgres => {
                if is_root() {
                    tools::run(Command::new("chown").arg("postgres").arg(directory));
                }
                let folder = postgres_folder().expect("PostgreSQL");
                let mut initdb = unprivileged(&folder.join("initdb"));
                initdb.args(["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "--no-sync"]);
                tools::run(initdb.arg("--pgdata").arg(directory.join("data")));
            }
        }
    }

    fn launch(self, program: &Path, directory: &Path, port: u16) -> Child {
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
        command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"))
    }
}

/// Makes `data` a new data directory of MariaDB.
pub(crate) fn new_mariadb(data: &Path) {
    let copy = Command::new("cp").arg("-a").arg(mariadb_template()).arg(data).status();
    assert!(copy.expect("cp").success(), "the data directory could not be copied");
}

/// A data directory of MariaDB to be copied. Making one takes seconds, so that it is kept between the runs.
fn mariadb_template() -> PathBuf {
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mariadb-data");
    if kept.is_dir() {
        return kept;
    }
    let made = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    let data = made.path().join("data");
    let mut install = Command::new("mariadb-install-db");
    install.arg("--no-defaults").arg(format!("--datadir={}", data.display()));
    install.args(["--auth-root-authentication-method=normal", "--skip-test-db", "--innodb-log-file-size=16M"]);
    if is_root() {
        install.arg("--user=root");
    }
    tools::run(&mut install);
    let database = "CREATE DATABASE IF NOT EXISTS claudetools;\n\
                    CREATE USER IF NOT EXISTS claudetools@'127.0.0.1' IDENTIFIED BY 'claudetools';\n\
                    GRANT ALL ON claudetools.* TO claudetools@'127.0.0.1';\n";
    fs::write(data.join("init.sql"), database).expect("the first statements");
    // Another run may have been faster; then its directory stays.
    let _ = fs::rename(&data, &kept);
    kept
}

/// Where the programs of the newest PostgreSQL are, which Debian keeps off the path.
fn postgres_folder() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().filter_map(Result::ok);
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
    fs::metadata("/proc/self").expect("this process").uid() == 0
}
