//! Database servers of a test's own, to be killed and frozen without hurting anybody.

use std::{
    ops::{Deref, DerefMut},
    path::Path,
};

pub(crate) use claudetools_harness::{database::Kind, tools::free_port};

use crate::tools;

/// A server with an empty database `claudetools`. It is killed when this is dropped.
pub(crate) struct DatabaseServer(claudetools_harness::database::DatabaseServer);

impl DatabaseServer {
    /// Starts one; `None` (and a word about it) when its programs are not installed.
    pub(crate) async fn start(kind: Kind, what: &str) -> Option<Self> {
        let started = claudetools_harness::database::DatabaseServer::start(kind, templates()).await;
        let started = started.expect("a database server").map(Self);
        if started.is_none() {
            tools::leave_out(what, &format!("{kind:?}"));
        }
        started
    }
}

impl Deref for DatabaseServer {
    type Target = claudetools_harness::database::DatabaseServer;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for DatabaseServer {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

/// Makes `data` a new data directory of MariaDB.
pub(crate) fn new_mariadb(data: &Path) {
    claudetools_harness::database::new_mariadb(data, templates()).expect("a data directory");
}

fn templates() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}
