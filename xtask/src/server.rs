//! A server of our own, on a free port and a fresh database, for tools that try it from outside.

use std::{
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    failure::{Failure, Result},
    http, shell,
    workspace::Workspace,
};

/// How long a server may take to answer for the first time: migrations and the making of keys in a debug build.
const START: Duration = Duration::from_mins(1);

/// The administrator that a server starts with.
pub(crate) const ADMIN: &str = "admin@example.test";
/// Signs the tokens of every server here, so that one accepts those of another. It guards databases that are deleted with them.
const KEY: &str = "b25seS1mb3ItdG9vbHMtdGhhdC10cnktYS1zZXJ2ZXI=";
/// The master key of the vault: the database outlives the folder that a ring would be made in.
const MASTER_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
/// The password of an account that lives as long as this command, in a database that is deleted with it.
const PASSWORD: &str = "twelve-grey-herons-land";

/// Which build to start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Build {
    /// The one that tests and rustdoc have mostly built already.
    Debug,
    /// The one that is shipped.
    Release,
}

/// A running server; it ends, and its data go, when this is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
    data: PathBuf,
    log: PathBuf,
    admin: &'static str,
}

impl Server {
    /// Builds the server and starts it below the target folder, with `admin` as its administrator; `name` keeps the tools apart.
    pub(crate) fn start(workspace: &Workspace, build: Build, name: &str, admin: &'static str) -> Result<Self> {
        let binary = build_server(workspace, build)?;
        let folder = workspace.target.join(name);
        // The process id: two runs at once must not share a database.
        let data = folder.join(format!("data-{}", std::process::id()));
        fs::create_dir_all(&data).map_err(|error| Failure::at(&data, error))?;
        let log = folder.join("server.log");
        let address = free_address()?;
        let child = spawn(&binary, &data, &log, address, admin)?;
        let mut server = Self { child, address, data, log, admin };
        server.wait_until_healthy()?;
        Ok(server)
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it has printed.
    pub(crate) fn log(&self) -> &Path {
        &self.log
    }

    /// The access token of the admin account.
    pub(crate) fn log_in(&self) -> Result<String> {
        let body = json!({"email": self.admin, "password": PASSWORD}).to_string();
        let answer = http::send(self.address, "POST", "/api/v1/auth/token", None, &body)?;
        if answer.status != 200 {
            return Err(Failure::new(format!("the log-in was answered {}: {}", answer.status, answer.body)));
        }
        let answer: Value = serde_json::from_str(&answer.body)?;
        answer["access_token"]
            .as_str()
            .map(str::to_owned)
            .ok_or_else(|| Failure::new("the log-in gave no access_token"))
    }

    /// Fails when the process has ended.
    pub(crate) fn check_alive(&mut self) -> Result<()> {
        match self.child.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => Err(Failure::new(format!("the server has ended by itself: {status}"))),
            Err(error) => Err(Failure::new(format!("the server: {error}"))),
        }
    }

    /// Fails when the token is no longer an administrator's.
    pub(crate) fn expect_authorised(&self, token: &str) -> Result<()> {
        let answer = http::send(self.address, "GET", "/api/v1/accounts?limit=1", Some(token), "")?;
        if answer.status == 200 {
            return Ok(());
        }
        Err(Failure::new(format!(
            "the account of the run has lost its rights on the way (GET /accounts: {}), so later cases were refused unseen",
            answer.status
        )))
    }

    fn wait_until_healthy(&mut self) -> Result<()> {
        let start = Instant::now();
        while start.elapsed() < START {
            self.check_alive().map_err(|failure| self.with_log(&failure))?;
            if http::send(self.address, "GET", "/health", None, "").is_ok_and(|answer| answer.status == 200) {
                return Ok(());
            }
            pause();
        }
        Err(self.with_log(&Failure::new(format!("no healthy answer within {} s", START.as_secs()))))
    }

    fn with_log(&self, failure: &Failure) -> Failure {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        Failure::new(format!("{failure}\n{}", log.trim_end()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Nothing can be done about a failure here, and nothing depends on it: the process may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.data);
    }
}

#[expect(clippy::disallowed_methods, reason = "there is no async runtime here whose worker could be blocked")]
fn pause() {
    std::thread::sleep(Duration::from_millis(50));
}

/// Builds the server and tells where the program is.
pub(crate) fn build_server(workspace: &Workspace, build: Build) -> Result<PathBuf> {
    build_bin(workspace, build, "claudetools", &[])
}

/// Builds a program as a part of the whole workspace, and tells where it is: by itself its dependencies would be built anew, with other
/// features.
pub(crate) fn build_bin(workspace: &Workspace, build: Build, name: &str, more: &[&str]) -> Result<PathBuf> {
    let mut cargo = shell::cargo(&workspace.root);
    cargo.args(["build", "--quiet", "--workspace", "--locked", "--bin", name]).args(more);
    let folder = match build {
        Build::Debug => "debug",
        Build::Release => {
            cargo.arg("--release");
            "release"
        }
    };
    shell::run(&mut cargo)?;
    Ok(workspace.target.join(folder).join(name))
}

/// A port that was free a moment ago; the system does not hand it out again at once.
fn free_address() -> Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map_err(|error| Failure::new(format!("no free port: {error}")))
}

fn spawn(binary: &Path, data: &Path, log: &Path, address: SocketAddr, admin: &str) -> Result<Child> {
    let out = File::create(log).map_err(|error| Failure::at(log, error))?;
    let err = out.try_clone().map_err(|error| Failure::at(log, error))?;
    let mut command = Command::new(binary);
    // An empty folder and an empty environment: no setting of this machine may decide what is tried.
    command.current_dir(data).env_clear().envs(settings(data, address, admin));
    command.stdin(Stdio::null()).stdout(out).stderr(err).spawn().map_err(|error| Failure::at(binary, error))
}

fn settings(data: &Path, address: SocketAddr, admin: &str) -> [(&'static str, String); 11] {
    [
        ("DATABASE_URL", format!("sqlite://{}", data.join("claudetools.db").display())),
        ("HOST", address.ip().to_string()),
        ("PORT", address.port().to_string()),
        ("BOOTSTRAP_ADMIN_EMAIL", admin.into()),
        ("BOOTSTRAP_ADMIN_PASSWORD", PASSWORD.into()),
        // The token must outlive the longest run.
        ("ACCESS_TOKEN_EXPIRE_MINUTES", "240".into()),
        ("JWT_SECRET_KEY", KEY.into()),
        ("MASTER_KEYS", format!("tool:{MASTER_KEY}")),
        // The description says which scope an operation needs, of whoever is not let in for where he calls from.
        ("COORD_AUTH", "token".into()),
        // Tools make more requests in a minute than any budget has room for.
        ("RATE_LIMIT_PER_MINUTE", "0".into()),
        ("RATE_LIMIT_PER_HOUR", "0".into()),
    ]
}

#[cfg(test)]
mod tests {
    use std::{io::Read, io::Write, thread};

    use super::*;

    /// Stands in for a server: answers three requests, and remembers them.
    fn stand_in(listener: TcpListener) -> thread::JoinHandle<Vec<String>> {
        let bodies = ["{}", r#"{"access_token":"abc"}"#, "{}"];
        thread::spawn(move || {
            let answers = bodies.iter().map(|body| {
                let (mut stream, _) = listener.accept().unwrap();
                let mut buffer = [0; 4096];
                let length = stream.read(&mut buffer).unwrap();
                write!(stream, "HTTP/1.0 200 OK\r\n\r\n{body}").unwrap();
                String::from_utf8_lossy(&buffer[..length]).into_owned()
            });
            answers.collect()
        })
    }

    #[test]
    fn a_healthy_server_is_logged_into_and_ended_with_its_data() {
        let folder = std::env::temp_dir().join(format!("xtask-healthy-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let requests = stand_in(listener);
        let child = Command::new("sleep").arg("60").spawn().unwrap();
        let mut server = Server { child, address, data: folder.clone(), log: folder.join("server.log"), admin: ADMIN };
        server.wait_until_healthy().unwrap();
        let token = server.log_in().unwrap();
        server.expect_authorised(&token).unwrap();
        server.check_alive().unwrap();
        drop(server);
        assert!(!folder.exists());
        let requests = requests.join().unwrap();
        assert!(requests[0].starts_with("GET /health "), "{requests:?}");
        assert!(requests[1].contains(PASSWORD), "{requests:?}");
        assert!(requests[2].contains("Authorization: Bearer abc\r\n"), "{requests:?}");
    }

    #[test]
    fn a_process_that_ends_at_once_is_reported_with_its_log() {
        let folder = std::env::temp_dir().join(format!("xtask-server-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let log = folder.join("server.log");
        let address = free_address().unwrap();
        let child = spawn(Path::new("/bin/pwd"), &folder, &log, address, ADMIN).unwrap();
        let mut server = Server { child, address, data: folder.clone(), log, admin: ADMIN };
        let failure = server.wait_until_healthy().unwrap_err().to_string();
        assert!(failure.contains("ended by itself"), "{failure}");
        assert!(failure.contains("xtask-server-"), "the log is quoted: {failure}");
        drop(server);
        assert!(!folder.exists());
    }
}
