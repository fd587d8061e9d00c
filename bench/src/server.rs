//! The server under test: the release build as a process of its own, on a free port.

use std::{
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::json;
use tempfile::TempDir;

use crate::{
    client::{Call, Client},
    failure::{Failure, Result},
};

/// How long it may take to answer for the first time.
const START: Duration = Duration::from_secs(30);

const ADMIN: &str = "admin@bench.example";
/// Of an account in a database that only benchmarks use.
const PASSWORD: &str = "seven-blue-kites-rise";

/// A running server; it ends, and its scratch folder goes, when this is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
    scratch: TempDir,
}

impl Server {
    /// Starts `program` with these settings beside those that every scenario needs.
    pub(crate) async fn start(program: &Path, settings: &[(&str, String)]) -> Result<Self> {
        let scratch = tempfile::tempdir()?;
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let log = scratch.path().join("server.log");
        let out = File::create(&log).map_err(|error| Failure::File(log.clone(), error))?;
        let program = program.canonicalize().map_err(|error| Failure::File(program.to_owned(), error))?;
        // An empty folder and an empty environment: no setting of this machine may decide what is measured.
        let child = Command::new(&program)
            .current_dir(scratch.path())
            .env_clear()
            .env("DATA_DIR", scratch.path())
            .env("HOST", address.ip().to_string())
            .env("PORT", address.port().to_string())
            .env("BOOTSTRAP_ADMIN_EMAIL", ADMIN)
            .env("BOOTSTRAP_ADMIN_PASSWORD", PASSWORD)
            .env("RUST_LOG", "warn")
            // Counted as in earnest, and never refused.
            .env("RATE_LIMIT_PER_MINUTE", "1000000000")
            .env("RATE_LIMIT_PER_HOUR", "1000000000")
            .envs(settings.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .spawn()
            .map_err(|error| Failure::File(program.clone(), error))?;
        let mut server = Self { child, address, scratch };
        server.wait_until_healthy().await?;
        Ok(server)
    }

    /// A connection of its own, logged in as the administrator.
    pub(crate) async fn administrator(&self) -> Result<Client> {
        let mut client = self.connect().await?;
        let body = json!({"email": ADMIN, "password": PASSWORD});
        let answer = client.send(Call { path: "/api/v1/auth/token", body: Some(&body), ..Call::default() }).await?;
        answer.expect(200, "the administrator's log-in")?;
        let body: serde_json::Value = serde_json::from_slice(&answer.body)?;
        let token = body["access_token"].as_str();
        client.authorise(token.ok_or_else(|| Failure::Server("the log-in gave no token".into()))?.to_owned());
        Ok(client)
    }

    /// A connection of its own.
    pub(crate) async fn connect(&self) -> Result<Client> {
        Client::connect(self.address).await
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
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Err(self.with_log(&format!("no healthy answer within {} s", START.as_secs())))
    }

    fn with_log(&self, what: &str) -> Failure {
        let log = fs::read_to_string(self.scratch.path().join("server.log")).unwrap_or_default();
        Failure::Server(format!("{what}\n{}", log.trim_end()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Nothing depends on a failure here: the process may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
