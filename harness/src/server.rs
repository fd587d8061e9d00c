//! The servers that are measured: ours and its peers, each a process of its own on a free port.

use std::{
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use hyper::header::HeaderValue;
use serde_json::json;
use tempfile::TempDir;

use crate::{
    Failure, Result,
    client::{Call, Client},
    process::Tree,
    tools,
};

/// How long it may take to answer for the first time.
const START: Duration = Duration::from_mins(1);
/// Between two looks whether it answers: short, because the time to the first answer is measured by them.
const LOOK: Duration = Duration::from_millis(2);
/// How long it may take to end once it is told to.
const END: Duration = Duration::from_secs(10);

const ADMIN: &str = "admin@bench.example";
/// Of an account in a database that only benchmarks use.
const PASSWORD: &str = "seven-blue-kites-rise";
/// Signs the tokens of our server, which its peers accept as well. It guards databases that only benchmarks use.
pub const JWT_KEY: &str = "YmVuY2htYXJrcy1zaWduLXRoZWlyLXRva2Vucy13aXRoLXRoaXM=";
/// The vault's key ring: a database outlives the folders of the servers that are measured on it.
pub const MASTER_KEYS: &str = "bench:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
/// Issuer and audience of those tokens.
pub const JWT_NAME: &str = "claudetools";

/// A running server; it ends, and its scratch folder goes, when this is dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    address: SocketAddr,
    scratch: TempDir,
    /// From the start of the process to the first healthy answer.
    pub first_answer: Duration,
}

impl Server {
    /// Starts our server, `program`, with these settings beside those that every scenario needs.
    ///
    /// # Errors
    /// When it cannot be started, or is not healthy in time; with what it said.
    pub async fn start(program: &Path, settings: &[(&str, String)]) -> Result<Self> {
        Self::start_at(program, free_address()?, settings).await
    }

    /// The same at an address that the caller has chosen, as the next one in the place of one that was killed.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn start_at(program: &Path, address: SocketAddr, settings: &[(&str, String)]) -> Result<Self> {
        let program = program.canonicalize().map_err(|error| Failure::File(program.to_owned(), error))?;
        Self::launch_at(address, |address, scratch| {
            let mut command = Command::new(&program);
            command
                .env("DATA_DIR", scratch)
                .env("HOST", address.ip().to_string())
                .env("PORT", address.port().to_string())
                .env("BOOTSTRAP_ADMIN_EMAIL", ADMIN)
                .env("BOOTSTRAP_ADMIN_PASSWORD", PASSWORD)
                .env("JWT_SECRET_KEY", JWT_KEY)
                .env("MASTER_KEYS", MASTER_KEYS)
                .env("ACCESS_TOKEN_EXPIRE_MINUTES", "1440")
                .env("RUST_LOG", "warn")
                .envs(settings.iter().map(|(name, value)| (name, value)));
            command
        })
        .await
    }

    /// Starts the server that `command` makes for an address and an empty folder.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn launch(command: impl FnOnce(SocketAddr, &Path) -> Command) -> Result<Self> {
        Self::launch_at(free_address()?, command).await
    }

    async fn launch_at(address: SocketAddr, command: impl FnOnce(SocketAddr, &Path) -> Command) -> Result<Self> {
        let scratch = tempfile::tempdir()?;
        let log = scratch.path().join("server.log");
        let out = File::create(&log).map_err(|error| Failure::File(log.clone(), error))?;
        let mut command = command(address, scratch.path());
        let given: Vec<_> =
            command.get_envs().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))).collect();
        // An empty folder and an empty environment: no setting of this machine may decide what is measured.
        command.current_dir(scratch.path()).env_clear().envs(given);
        command.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(out);
        let started = Instant::now();
        let child = command.spawn().map_err(|error| Failure::File(command.get_program().into(), error))?;
        let mut server = Self { child, address, scratch, first_answer: Duration::ZERO };
        server.wait_until_healthy().await?;
        server.first_answer = started.elapsed();
        if !server.tree().owns_port(address.port())? {
            return Err(Failure::Server(format!("another program answers on {address}")));
        }
        Ok(server)
    }

    /// A connection of its own, logged in as the administrator.
    ///
    /// # Errors
    /// When the server does not answer, or not with a token.
    pub async fn administrator(&self) -> Result<Client> {
        let mut client = self.connect().await?;
        client.authorise(self.authorization().await?);
        Ok(client)
    }

    /// The `Authorization` of the administrator of our server.
    ///
    /// # Errors
    /// When the server does not answer, or not with a token.
    pub async fn authorization(&self) -> Result<HeaderValue> {
        let mut client = self.connect().await?;
        let body = json!({"email": ADMIN, "password": PASSWORD});
        let answer = client.send(Call { path: "/api/v1/auth/token", body: Some(&body), ..Call::default() }).await?;
        answer.expect(200, "the administrator's log-in")?;
        let body = answer.json()?;
        let token = body["access_token"].as_str();
        let token = token.ok_or_else(|| Failure::Server("the log-in gave no token".into()))?;
        Ok(HeaderValue::from_str(&format!("Bearer {token}")).map_err(hyper::http::Error::from)?)
    }

    /// A connection of its own.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub async fn connect(&self) -> Result<Client> {
        Client::connect(self.address).await
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its processes.
    pub fn tree(&self) -> Tree {
        Tree::new(self.child.id())
    }

    /// Sends it a signal, as [`tools::signal`] names them.
    ///
    /// # Errors
    /// When there is no shell to send it with.
    pub fn signal(&self, name: &str) -> Result<()> {
        tools::signal(name, &[self.child.id()])
    }

    /// Ends it at once, as a power cut would.
    ///
    /// # Errors
    /// When the system does not let it.
    pub fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Whether it has ended by itself.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn has_ended(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_some())
    }

    /// Ends it, and waits until it has.
    ///
    /// # Errors
    /// When the system does not say whether it has.
    pub async fn stop(mut self) -> Result<()> {
        self.terminate();
        let begun = Instant::now();
        while begun.elapsed() < END {
            if self.child.try_wait()?.is_some() {
                return Ok(());
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    /// Asks it to end: a server of several processes takes the others with it then, which it could not if it were killed.
    fn terminate(&self) {
        // The standard library knows no signal but the one that kills.
        let asked = Command::new("kill").arg(self.child.id().to_string()).status();
        // Whoever has ended already needs no signal; who does not obey is killed when this is dropped.
        drop(asked);
    }

    async fn wait_until_healthy(&mut self) -> Result<()> {
        let start = Instant::now();
        while start.elapsed() < START {
            // Asked first: another program that took the port must not be taken for ours.
            if let Some(status) = self.child.try_wait()? {
                return Err(self.with_log(&format!("the server has ended by itself: {status}")));
            }
            if let Ok(mut client) = self.connect().await {
                let health = client.send(Call { path: "/health", ..Call::default() }).await;
                if health.is_ok_and(|answer| answer.status == 200) {
                    return Ok(());
                }
            }
            tokio::time::sleep(LOOK).await;
        }
        Err(self.with_log(&format!("no healthy answer within {} s", START.as_secs())))
    }

    /// The failure, with what the server has printed.
    pub fn with_log(&self, what: &str) -> Failure {
        let log = fs::read_to_string(self.scratch.path().join("server.log")).unwrap_or_default();
        Failure::Server(format!("{what}\n{}", log.trim_end()))
    }
}

fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

impl Drop for Server {
    fn drop(&mut self) {
        // Nothing depends on a failure here: the process may be gone already.
        if matches!(self.child.try_wait(), Ok(None)) {
            self.terminate();
            if !ended_soon(&mut self.child) {
                let _ = self.child.kill();
            }
        }
        let _ = self.child.wait();
    }
}

#[expect(clippy::disallowed_methods, reason = "nothing else runs any more when a server is dropped")]
fn ended_soon(child: &mut Child) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < END {
        if !matches!(child.try_wait(), Ok(None)) {
            return true;
        }
        std::thread::sleep(LOOK);
    }
    false
}
