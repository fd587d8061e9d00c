//! The application over real HTTP: the very server that ships, on a port of its own, with a database of its own.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use chrono::TimeDelta;
use claudetools_identity::Claims;
use claudetools_kernel::{Clock, Scope, Scopes};
use claudetools_server::{
    config::{self, Config, Machine, Sources},
    serve::{self, Running},
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    api::Api,
    clock::TestClock,
    database::{Database, Engine},
};

/// The administrator of every test application.
pub const ADMIN_EMAIL: &str = "admin@claudetools.test";
/// Its password.
pub const ADMIN_PASSWORD: &str = "a long enough passphrase";

/// A running application.
#[derive(Debug)]
pub struct TestApp {
    /// `http://127.0.0.1:<port>`
    pub base: String,
    /// The application's clock.
    pub clock: Arc<TestClock>,
    running: Option<Running>,
    directory: Option<TempDir>,
    settings: BTreeMap<String, String>,
    /// On a server; a database in a file lies in the directory.
    _database: Option<Database>,
}

/// What a test wants different from the defaults.
#[derive(Debug, Default)]
pub struct TestAppBuilder {
    settings: BTreeMap<String, String>,
}

impl TestAppBuilder {
    /// Sets a name of the configuration.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.settings.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Starts the application.
    pub async fn start(self) -> TestApp {
        let directory = tempfile::tempdir().expect("a directory for the data");
        let data = directory.path().join("data").display().to_string();
        let mut settings = BTreeMap::from(
            [
                ("DATA_DIR", data.as_str()),
                ("PORT", "0"),
                ("WORKERS", "2"),
                ("BOOTSTRAP_ADMIN_EMAIL", ADMIN_EMAIL),
                ("BOOTSTRAP_ADMIN_PASSWORD", ADMIN_PASSWORD),
                ("SHUTDOWN_TIMEOUT_SECONDS", "5"),
                // A test that is not about limits may make as many requests as it likes.
                ("RATE_LIMIT_PER_MINUTE", "0"),
                ("RATE_LIMIT_PER_HOUR", "0"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        let engine = Engine::of_run();
        let database = if engine == Engine::Sqlite { None } else { Some(Database::with_tables(engine).await) };
        if let Some(database) = &database {
            settings.insert("DATABASE_URL".to_owned(), database.url.clone());
        }
        settings.extend(self.settings);
        let clock = Arc::new(TestClock::default());
        let running = run(&settings, &clock).await;
        let base = format!("http://{}", running.address);
        TestApp { base, clock, running: Some(running), directory: Some(directory), settings, _database: database }
    }
}

/// The configuration that `settings` make.
fn configuration(settings: &BTreeMap<String, String>) -> Config {
    let machine = Machine { cores: 2, terminal: false };
    let sources = Sources { environment: settings.clone(), ..Sources::none(machine) };
    config::load(&sources).expect("a sound configuration").config
}

async fn run(settings: &BTreeMap<String, String>, clock: &Arc<TestClock>) -> Running {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let clock: Arc<dyn Clock> = clock.clone();
    // Boxed: what the drivers of all engines await nests deeper than the compiler follows in the futures of whole tests.
    Box::pin(serve::start_with(&configuration(settings), clock)).await.expect("the server must start")
}

impl TestApp {
    /// An application with the defaults.
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// An application that differs from the defaults.
    pub fn builder() -> TestAppBuilder {
        TestAppBuilder::default()
    }

    /// A caller without a token.
    pub fn anonymous(&self) -> Api {
        Api::new(self.base.clone(), None)
    }

    /// A caller with `msp:read`.
    pub fn reader(&self) -> Api {
        self.caller("reader@claudetools.test", Scope::Read)
    }

    /// A caller with `msp:write`.
    pub fn writer(&self) -> Api {
        self.caller("writer@claudetools.test", Scope::Write)
    }

    /// The administrator.
    pub fn admin(&self) -> Api {
        self.caller(ADMIN_EMAIL, Scope::Admin)
    }

    /// A caller with a token of its own that was not logged in for: tests of anything but log-in need no password hashed.
    pub fn caller(&self, subject: &str, scope: Scope) -> Api {
        Api::new(self.base.clone(), Some(self.sign(&self.claims(subject, scope))))
    }

    /// The claims of a good token.
    pub fn claims(&self, subject: &str, scope: Scope) -> Claims {
        let context = &self.running().assembly.identity;
        let issued = self.clock.now();
        Claims {
            sub: subject.to_owned(),
            scopes: Scopes::up_to(scope).list(),
            machine: None,
            iat: issued.micros().div_euclid(1_000_000),
            iat_us: Some(issued.micros()),
            exp: issued.plus(TimeDelta::hours(1)).micros().div_euclid(1_000_000),
            jti: context.ids.next().to_string(),
            iss: context.settings.issuer.clone(),
            aud: context.settings.audience.clone(),
            agent_type: None,
            parent_session: None,
            run_id: None,
            owner: None,
        }
    }

    /// The token that says `claims`.
    pub fn sign(&self, claims: &Claims) -> String {
        self.running().assembly.identity.signer.sign(claims).expect("a signature")
    }

    /// What the application is made of.
    ///
    /// # Panics
    /// While it is stopped.
    pub fn running(&self) -> &Running {
        self.running.as_ref().expect("the application is running")
    }

    /// Where its files are.
    pub fn data_dir(&self) -> std::path::PathBuf {
        self.directory.as_ref().expect("a directory").path().join("data")
    }

    /// The URL of its database.
    pub fn database_url(&self) -> String {
        configuration(&self.settings).database_url.url()
    }

    /// Another server on the same data, with a clock of its own. It is to be stopped before this one.
    pub async fn replica(&self) -> Self {
        let clock = Arc::new(TestClock::default());
        let running = run(&self.settings, &clock).await;
        let base = format!("http://{}", running.address);
        Self { base, clock, running: Some(running), directory: None, settings: self.settings.clone(), _database: None }
    }

    /// Stops it gracefully and starts it again on the same data; the port changes.
    pub async fn restart(&mut self) {
        self.running.take().expect("a running application").stop().await.expect("a clean stop");
        let running = run(&self.settings, &self.clock).await;
        self.base = format!("http://{}", running.address);
        self.running = Some(running);
    }

    /// Stops it gracefully.
    pub async fn stop(mut self) {
        self.running.take().expect("a running application").stop().await.expect("a clean stop");
    }

    /// Logs the administrator in and returns the answer's body.
    pub async fn log_in(&self) -> Value {
        let body = json!({"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD});
        let answer = self.anonymous().post("/api/v1/auth/token", &body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body
    }

    /// Asks until `probe` answers something, as for rows that are written in batches; bounded.
    ///
    /// # Panics
    /// When ten seconds pass without an answer.
    pub async fn eventually<T>(&self, what: &str, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
        for _ in 0..200 {
            if let Some(found) = probe().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{what} did not come about within ten seconds");
    }
}
