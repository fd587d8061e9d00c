//! What a run is made of.

use std::{path::PathBuf, time::Duration};

use clap::ValueEnum;

/// A database engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Engine {
    /// A file, and one process.
    Sqlite,
    /// A server of `MariaDB`, and several replicas.
    Mariadb,
    /// A server of `PostgreSQL`, and several replicas.
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
}

/// Which faults are injected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each fault is there or not, whatever the others are")]
pub(crate) struct Faults {
    /// Replicas are killed with -9 and started again.
    pub(crate) kills: bool,
    /// Replicas are stopped for longer than a lock lives.
    pub(crate) stops: bool,
    /// Clients are stopped for longer than a lock lives, with a lock in hand.
    pub(crate) pauses: bool,
    /// A replica's clock steps an hour forward and back.
    pub(crate) clock: bool,
    /// Answers to commits get lost.
    pub(crate) cuts: bool,
    /// The database is killed and started again.
    pub(crate) restarts: bool,
    /// The database is away for a minute.
    pub(crate) minute: bool,
}

impl Faults {
    /// All but the minute without a database.
    pub(crate) const MOST: Self =
        Self { kills: true, stops: true, pauses: true, clock: true, cuts: true, restarts: true, minute: false };
    /// All.
    pub(crate) const ALL: Self = Self { minute: true, ..Self::MOST };
    /// None.
    pub(crate) const NONE: Self =
        Self { kills: false, stops: false, pauses: false, clock: false, cuts: false, restarts: false, minute: false };
}

/// A run.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) program: PathBuf,
    pub(crate) engine: Engine,
    pub(crate) replicas: usize,
    pub(crate) clients: usize,
    pub(crate) lasting: Duration,
    pub(crate) faults: Faults,
    pub(crate) seed: u64,
    /// What a test build is to do wrong.
    pub(crate) mutant: Option<String>,
}

/// How the clients of a run are divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Crowd {
    /// Take and give back locks as fast as they can.
    pub(crate) lockers: usize,
    /// Hold a lock beyond its time, and go on as if they still had it.
    pub(crate) sleepers: usize,
    /// Wait for a second lock with a first in hand, in any order.
    pub(crate) crossers: usize,
    /// Send messages and read theirs.
    pub(crate) senders: usize,
    /// Follow the feed.
    pub(crate) readers: usize,
    /// Processes of their own that read, change and write a set under a lock.
    pub(crate) writers: usize,
}

impl Plan {
    /// How many of each kind. There is one of each at the least, and an administrator beside them who breaks locks.
    pub(crate) fn crowd(&self) -> Crowd {
        let share = |percent: usize| (self.clients * percent / 100).max(2);
        let (sleepers, crossers, senders, readers) = (share(20), share(8), share(12), share(8));
        let writers = if self.faults.pauses { 4 } else { 0 };
        let others = sleepers + crossers + senders + readers + writers;
        Crowd { lockers: self.clients.saturating_sub(others).max(3), sleepers, crossers, senders, readers, writers }
    }
}
