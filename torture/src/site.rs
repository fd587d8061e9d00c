//! What is tortured: replicas of the server on one database, each a process of its own, and the network between them.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

use claudetools_harness::{
    cut::Cut,
    database::{DatabaseServer, Kind},
    server::Server,
    tools,
};
use hyper::header::HeaderValue;
use tempfile::TempDir;

use crate::{
    check::Micros,
    clock::Clock,
    failure::{Failure, Result},
    history::Record,
    plan::{Engine, Plan},
    registers::Registers,
};

/// What the environment variable is called by which a test build is told what to do wrong.
const MUTANT: &str = "MUTANT";
/// How long after the end of a fault its consequences may last.
const AFTERMATH: Micros = 5_000_000;

/// What was in trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// One replica: dead, stopped, or with answers lost.
    Replica,
    /// The database, or every replica.
    Everything,
}

/// What is tortured, and all that is known of it.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) plan: Plan,
    pub(crate) clock: Clock,
    pub(crate) record: Record,
    pub(crate) registers: Registers,
    /// Whether the clients are to come to an end.
    pub(crate) is_over: Cell<bool>,
    /// Whether the readers of the feed are to stop where they are.
    pub(crate) is_read: Cell<bool>,
    pub(crate) addresses: Vec<SocketAddr>,
    replicas: RefCell<Vec<Option<Server>>>,
    database: RefCell<Option<DatabaseServer>>,
    /// Between the first replica and the database.
    network: Option<Cut>,
    /// The file by which the last replica is told how far its clock is off.
    offset: Option<PathBuf>,
    database_url: String,
    /// The same by way of the network that loses answers.
    network_url: String,
    admin: RefCell<Option<HeaderValue>>,
    troubles: RefCell<Vec<(Micros, Micros, Trouble)>>,
    injected: RefCell<BTreeMap<&'static str, u64>>,
    /// How far each reader of the feed has read.
    positions: RefCell<Vec<i64>>,
    /// The folder of the database and the clock; it goes with this.
    _scratch: TempDir,
}

impl Site {
    /// Starts everything.
    pub(crate) async fn start(plan: Plan, templates: &Path) -> Result<Self> {
        let scratch = tools::directory_of_a_database()?;
        let database = match plan.engine {
            Engine::Sqlite => None,
            Engine::Mariadb => Some(started(Kind::MariaDb, templates).await?),
            Engine::Postgres => Some(started(Kind::Postgres, templates).await?),
        };
        let database_url = database
            .as_ref()
            .map_or_else(|| format!("sqlite://{}", scratch.path().join("torture.db").display()), DatabaseServer::url);
        let network = match &database {
            Some(database) => Some(Cut::before(database.port).await?),
            None => None,
        };
        let network_url = match (&network, &database) {
            (Some(network), Some(database)) => database.url_by(network.port),
            _ => database_url.clone(),
        };
        // On SQLite the server's clock is the database's: there is none to be off.
        let offset = (plan.faults.clock && database.is_some()).then(|| scratch.path().join("offset"));
        if let Some(offset) = &offset {
            std::fs::write(offset, "+0").map_err(|error| Failure::File(offset.clone(), error))?;
        }
        let addresses = (0..plan.replicas).map(|_| (Ipv4Addr::LOCALHOST, tools::free_port()).into()).collect();
        let site = Self {
            clock: Clock::new(),
            record: Record::default(),
            registers: Registers::default(),
            is_over: Cell::new(false),
            is_read: Cell::new(false),
            addresses,
            replicas: RefCell::default(),
            database: RefCell::new(database),
            network,
            offset,
            database_url,
            network_url,
            admin: RefCell::default(),
            troubles: RefCell::default(),
            injected: RefCell::default(),
            positions: RefCell::new(vec![0; plan.crowd().readers]),
            _scratch: scratch,
            plan,
        };
        for replica in 0..site.plan.replicas {
            let server = site.start_replica(replica).await?;
            let authorization = server.authorization().await?;
            site.replicas.borrow_mut().push(Some(server));
            site.admin.borrow_mut().get_or_insert(authorization);
        }
        Ok(site)
    }

    async fn start_replica(&self, replica: usize) -> Result<Server> {
        let url = if replica == 0 { &self.network_url } else { &self.database_url }.clone();
        let set = |name: &'static str, value: &str| (name, value.to_owned());
        let mut settings =
            vec![("DATABASE_URL", url), set("RATE_LIMIT_PER_MINUTE", "0"), set("RATE_LIMIT_PER_HOUR", "0")];
        settings.push(set("WORKERS", "2"));
        if let Some(mutant) = &self.plan.mutant {
            settings.push(set(MUTANT, mutant));
        }
        if let Some(offset) = self.offset.as_ref().filter(|_| self.is_stepped(replica)) {
            let library = tools::faketime();
            let library = library.ok_or_else(|| Failure::Needed("libfaketime is needed to step a clock".to_owned()))?;
            settings.push(("LD_PRELOAD", library.display().to_string()));
            settings.push(("FAKETIME_TIMESTAMP_FILE", offset.display().to_string()));
            settings.extend([set("FAKETIME_NO_CACHE", "1"), set("FAKETIME_DONT_FAKE_MONOTONIC", "1")]);
        }
        Ok(Server::start_at(&self.plan.program, self.addresses[replica], &settings).await?)
    }

    /// Whether this is the replica whose clock is stepped: the last one, as long as there is one whose is not.
    pub(crate) fn is_stepped(&self, replica: usize) -> bool {
        self.offset.is_some() && replica + 1 == self.plan.replicas
    }

    /// Sets the clock of the replica that has one of its own.
    pub(crate) fn step_clock(&self, seconds: i64) -> Result<bool> {
        let Some(offset) = &self.offset else { return Ok(false) };
        std::fs::write(offset, format!("{seconds:+}")).map_err(|error| Failure::File(offset.clone(), error))?;
        Ok(true)
    }

    /// Who may do what only an administrator may, at a replica whose clock is right.
    pub(crate) fn admin(&self) -> Option<HeaderValue> {
        self.admin.borrow().clone()
    }

    /// Kills a replica with -9 and starts it again.
    pub(crate) async fn kill_replica(&self, replica: usize) -> Result<()> {
        let from = self.clock.now();
        let server = self.replicas.borrow_mut().get_mut(replica).and_then(Option::take);
        if let Some(server) = server {
            server.kill()?;
        }
        // The database may be away at the moment: whoever operates the server has it started again until it stays.
        let mut again = self.start_replica(replica).await;
        while again.is_err() && self.clock.now() - from < 120_000_000 {
            again = self.start_replica(replica).await;
        }
        self.replicas.borrow_mut()[replica] = Some(again?);
        self.trouble(from, self.whole_or_one());
        Ok(())
    }

    /// Stops a replica (SIGSTOP), or lets it go on; tells since when, to be handed to [`Self::trouble`].
    pub(crate) fn signal_replica(&self, replica: usize, signal: &str) -> Result<()> {
        if let Some(Some(server)) = self.replicas.borrow().get(replica) {
            server.signal(signal)?;
        }
        Ok(())
    }

    /// Counts a fault that was injected.
    pub(crate) fn injected(&self, fault: &'static str) {
        *self.injected.borrow_mut().entry(fault).or_default() += 1;
    }

    /// The faults that were injected, and how often.
    pub(crate) fn faults(&self) -> BTreeMap<&'static str, u64> {
        let mut faults = self.injected.borrow().clone();
        let lost = self.network.as_ref().map_or(0, Cut::lost);
        if lost > 0 {
            faults.insert("the answer to a COMMIT lost", u64::try_from(lost).unwrap_or(u64::MAX));
        }
        faults
    }

    /// Notes how far a reader has read.
    pub(crate) fn has_read(&self, reader: usize, seq: i64) {
        if let Some(position) = self.positions.borrow_mut().get_mut(reader) {
            *position = seq;
        }
    }

    /// How far the reader has read that has read the least.
    pub(crate) fn furthest_behind(&self) -> i64 {
        self.positions.borrow().iter().copied().min().unwrap_or(i64::MAX)
    }

    /// Notes that a part was in trouble from then until now.
    pub(crate) fn trouble(&self, from: Micros, what: Trouble) {
        self.troubles.borrow_mut().push((from, self.clock.now() + AFTERMATH, what));
    }

    /// What it means that one replica is in trouble.
    pub(crate) const fn whole_or_one(&self) -> Trouble {
        if self.plan.replicas == 1 { Trouble::Everything } else { Trouble::Replica }
    }

    /// Takes the database away for so long; without a database server nothing happens.
    pub(crate) async fn database_away(&self, away: std::time::Duration) -> Result<bool> {
        let from = self.clock.now();
        let Some(mut database) = self.database.borrow_mut().take() else { return Ok(false) };
        database.kill()?;
        tokio::time::sleep(away).await;
        let restarted = database.restart().await;
        *self.database.borrow_mut() = Some(database);
        restarted?;
        self.trouble(from, Trouble::Everything);
        Ok(true)
    }

    /// Lets the answer to the first replica's next commit get lost.
    pub(crate) fn lose_answer(&self) {
        if let Some(network) = &self.network {
            network.lose_next();
        }
    }

    /// Whether this, or something worse, was in trouble at some moment between these two.
    pub(crate) fn was_troubled(&self, from: Micros, to: Micros, at_least: Trouble) -> bool {
        let troubles = self.troubles.borrow();
        let mut grave = troubles.iter().filter(|(.., what)| at_least == Trouble::Replica || *what == at_least);
        grave.any(|(begun, over, _)| *begun <= to && from <= *over)
    }

    /// What a replica has printed, for a report of something that is wrong.
    pub(crate) fn logs(&self) -> Vec<String> {
        let replicas = self.replicas.borrow();
        replicas.iter().flatten().map(|server| server.with_log("its log:").to_string()).collect()
    }

    /// Ends all of it.
    pub(crate) async fn stop(&self) -> Result<()> {
        let servers = std::mem::take(&mut *self.replicas.borrow_mut());
        for server in servers.into_iter().flatten() {
            server.stop().await?;
        }
        drop(self.database.borrow_mut().take());
        Ok(())
    }
}

async fn started(kind: Kind, templates: &Path) -> Result<DatabaseServer> {
    let server = DatabaseServer::start(kind, templates).await?;
    server.ok_or_else(|| Failure::Needed(format!("{kind:?} is not installed")))
}
