//! `cargo xtask services`: the servers that the suites need.
//!
//! A server that listens where Debian puts it and lets the tests in is used as it is. Otherwise one is started of the
//! suites' own: other port, other data, so that nothing of the machine's is touched. What is not installed is installed
//! with `apt-get`, which needs root.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use clap::Subcommand;

use crate::{
    failure::{Failure, Result},
    shell,
};

/// What to do with them.
#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum Action {
    /// Start what is not there, and install what is missing.
    Up,
    /// Say where each one is.
    Status,
    /// Stop those that `up` has started.
    Down,
}

/// How long a server may take until it answers for the first time.
const START: Duration = Duration::from_mins(1);

/// A server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    MariaDb,
    Postgres,
    Redis,
}

impl Service {
    pub(crate) const ALL: [Self; 3] = [Self::MariaDb, Self::Postgres, Self::Redis];

    /// What people call it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::MariaDb => "MariaDB",
            Self::Postgres => "PostgreSQL",
            Self::Redis => "Redis",
        }
    }

    /// By which the suites learn where it is.
    pub(crate) const fn variable(self) -> &'static str {
        match self {
            Self::MariaDb => "CLAUDETOOLS_TEST_MARIADB_URL",
            Self::Postgres => "CLAUDETOOLS_TEST_POSTGRES_URL",
            Self::Redis => "CLAUDETOOLS_TEST_REDIS_URL",
        }
    }

    /// The usual port, and the one of a server of the suites' own.
    const fn ports(self) -> [u16; 2] {
        match self {
            Self::MariaDb => [3306, 23306],
            Self::Postgres => [5432, 25432],
            Self::Redis => [6379, 26379],
        }
    }

    fn url(self, port: u16) -> String {
        match self {
            Self::MariaDb => format!("mysql://root@127.0.0.1:{port}/test"),
            Self::Postgres => format!("postgres://postgres@127.0.0.1:{port}/postgres"),
            Self::Redis => format!("redis://127.0.0.1:{port}/"),
        }
    }

    const fn packages(self) -> &'static [&'static str] {
        match self {
            Self::MariaDb => &["mariadb-server", "mariadb-client"],
            Self::Postgres => &["postgresql", "postgresql-client"],
            Self::Redis => &["redis-server", "redis-tools"],
        }
    }

    /// Asks the server at a port whether it lets us in.
    fn answers(self, port: u16) -> bool {
        let port = port.to_string();
        let mut client = match self {
            Self::MariaDb => {
                command("mariadb", &["--protocol=tcp", "-h127.0.0.1", "-P", &port, "-uroot", "-e", "SELECT 1"])
            }
            Self::Postgres => {
                command("psql", &["-w", "-h127.0.0.1", "-p", &port, "-Upostgres", "-dpostgres", "-c", "SELECT 1"])
            }
            Self::Redis => command("redis-cli", &["-h", "127.0.0.1", "-p", &port, "ping"]),
        };
        let quiet = client.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        quiet.status().is_ok_and(|status| status.success())
    }

    /// Where a server is that lets the suites in: where the variable says, else at the usual port, else one of our own.
    pub(crate) fn find(self) -> Option<String> {
        if let Ok(url) = env::var(self.variable()) {
            return Some(url);
        }
        self.ports().into_iter().find(|port| self.answers(*port)).map(|port| self.url(port))
    }

    fn is_installed(self) -> bool {
        match self {
            Self::MariaDb => shell::is_on_path("mariadb") && program(&["/usr/sbin/mariadbd"]).is_some(),
            Self::Postgres => shell::is_on_path("psql") && postgres_programs().is_some(),
            Self::Redis => shell::is_on_path("redis-server") && shell::is_on_path("redis-cli"),
        }
    }

    /// Starts a server of the suites' own.
    fn start(self) -> Result<()> {
        let [_, port] = self.ports();
        let folder = folder().join(self.name());
        fs::create_dir_all(&folder).map_err(|error| Failure::at(&folder, error))?;
        match self {
            Self::MariaDb => start_mariadb(&folder, port)?,
            Self::Postgres => start_postgres(&folder, port)?,
            Self::Redis => start_redis(&folder, port)?,
        }
        let since = Instant::now();
        while !self.answers(port) {
            if since.elapsed() > START {
                let log = fs::read_to_string(folder.join("log")).unwrap_or_default();
                return Err(Failure::new(format!("{} does not answer at port {port}\n{log}", self.name())));
            }
            wait();
        }
        Ok(())
    }
}

/// Outside the repository: the servers run as users of their own, who may not be let into it.
fn folder() -> PathBuf {
    env::temp_dir().join("claudetools-services")
}

fn command(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments);
    command
}

fn program(paths: &[&str]) -> Option<PathBuf> {
    paths.iter().map(PathBuf::from).find(|path| path.is_file())
}

/// The newest of Debian's installations.
fn postgres_programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut folders: Vec<PathBuf> = versions.flatten().map(|version| version.path().join("bin")).collect();
    folders.sort();
    folders.into_iter().rfind(|folder| folder.join("initdb").is_file())
}

fn is_root() -> bool {
    shell::read(&mut command("id", &["-u"])).is_ok_and(|id| id.trim() == "0")
}

fn start_mariadb(folder: &Path, port: u16) -> Result<()> {
    let data = folder.join("data");
    let user = if is_root() { "--user=root" } else { "--console" };
    if !data.exists() {
        let at = format!("--datadir={}", data.display());
        let install = ["--no-defaults", &at, "--auth-root-authentication-method=normal", "--skip-test-db", user];
        shell::read(command("mariadb-install-db", &install).args(["--skip-name-resolve"]))?;
        fs::create_dir_all(data.join("test")).map_err(|error| Failure::at(&data, error))?;
    }
    let mut server = command("/usr/sbin/mariadbd", &["--no-defaults", "--bind-address=127.0.0.1", user]);
    server
        .arg(format!("--datadir={}", data.display()))
        .arg(format!("--socket={}", folder.join("socket").display()))
        .arg(format!("--pid-file={}", folder.join("pid").display()))
        .arg(format!("--port={port}"));
    in_background(&mut server, folder)
}

fn start_postgres(folder: &Path, port: u16) -> Result<()> {
    let programs = postgres_programs().ok_or_else(|| Failure::new("PostgreSQL is not installed"))?;
    let data = folder.join("data");
    // The server refuses to run as root.
    let as_user = |program: &str| {
        let path = programs.join(program);
        if is_root() {
            let mut command = command("runuser", &["-u", "postgres", "--"]);
            command.arg(path);
            command
        } else {
            Command::new(path)
        }
    };
    if is_root() {
        shell::run(command("chown", &["postgres"]).arg(folder))?;
    }
    if !data.exists() {
        let initdb = ["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8", "-D"];
        shell::read(as_user("initdb").args(initdb).arg(&data).current_dir(folder))?;
    }
    let mut server = as_user("postgres");
    server.arg("-D").arg(&data).args(["-h", "127.0.0.1", "-p", &port.to_string(), "-k"]).arg(folder);
    in_background(server.current_dir(folder), folder)
}

fn start_redis(folder: &Path, port: u16) -> Result<()> {
    let arguments = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port", &port.to_string()];
    in_background(command("redis-server", &arguments).arg("--dir").arg(folder), folder)
}

/// Starts a program that goes on when this one ends, and notes its process.
fn in_background(server: &mut Command, folder: &Path) -> Result<()> {
    let log = folder.join("log");
    let out = fs::File::create(&log).map_err(|error| Failure::at(&log, error))?;
    let errors = out.try_clone().map_err(|error| Failure::at(&log, error))?;
    let child = server.stdin(Stdio::null()).stdout(out).stderr(errors).spawn();
    let child = child.map_err(|error| Failure::new(format!("a server could not be started: {error}")))?;
    let process = folder.join("process");
    fs::write(&process, child.id().to_string()).map_err(|error| Failure::at(&process, error))
}

/// Nothing runs beside this command that could be held up.
#[expect(clippy::disallowed_methods, reason = "there is no runtime here whose workers it could block")]
fn wait() {
    std::thread::sleep(Duration::from_millis(100));
}

/// Runs the command.
pub(crate) fn run(action: Action) -> Result<()> {
    match action {
        Action::Up => up(),
        Action::Status => {
            for service in Service::ALL {
                println!("{:<11}{}", service.name(), service.find().as_deref().unwrap_or("not there"));
            }
            Ok(())
        }
        Action::Down => Service::ALL.into_iter().try_for_each(stop),
    }
}

fn up() -> Result<()> {
    let missing: Vec<&str> = Service::ALL
        .into_iter()
        .filter(|service| service.find().is_none() && !service.is_installed())
        .flat_map(|service| service.packages().iter().copied())
        .collect();
    if !missing.is_empty() {
        println!("installing {}", missing.join(", "));
        shell::run(&mut command("apt-get", &["update", "-q"]))?;
        let mut install = command("apt-get", &["install", "-q", "-y", "--no-install-recommends"]);
        shell::run(install.args(&missing).env("DEBIAN_FRONTEND", "noninteractive"))?;
    }
    for service in Service::ALL {
        if service.find().is_none() {
            service.start()?;
        }
        println!("{:<11}{}", service.name(), service.find().as_deref().unwrap_or("not there"));
    }
    Ok(())
}

/// Ends the server that `up` has started; one that was there before has no note of its process.
fn stop(service: Service) -> Result<()> {
    let note = folder().join(service.name()).join("process");
    let Ok(process) = fs::read_to_string(&note) else { return Ok(()) };
    // It may have ended by itself.
    let _ = shell::capture(&mut command("kill", &["-TERM", process.trim()]))?;
    fs::remove_file(&note).map_err(|error| Failure::at(&note, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_server_of_our_own_has_a_port_of_its_own() {
        let mut ports: Vec<u16> = Service::ALL.into_iter().flat_map(Service::ports).collect();
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), 2 * Service::ALL.len());
    }
}
