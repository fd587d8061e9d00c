//! Every port's contract suite on every engine of this version: the in-memory adapter and SQLite.
#![expect(clippy::expect_used, reason = "test code: what is missing is a failed test")]

mod session_directory;

use claudetools_kernel::StoreError;
use claudetools_testkit::{Engine, TestStore};

/// One test per suite and engine, named `<engine>::<suite>`.
macro_rules! on_every_engine {
    ($($suite:ident: $run:path, $port:ident;)+) => {
        on_every_engine!(@engine memory, Engine::Memory, $($suite: $run, $port;)+);
        on_every_engine!(@engine sqlite, Engine::Sqlite, $($suite: $run, $port;)+);
    };
    (@engine $engine:ident, $which:expr, $($suite:ident: $run:path, $port:ident;)+) => {
        mod $engine {
            use super::*;
            $(#[tokio::test]
            async fn $suite() {
                let store = TestStore::new($which).await;
                $run(&*store.$port).await.passed();
            })+
        }
    };
}

/// How a suite ends: some hand the store's failures out, others panic with them.
trait Outcome {
    fn passed(self);
}

impl Outcome for () {
    fn passed(self) {}
}

impl Outcome for Result<(), StoreError> {
    fn passed(self) {
        self.expect("the store must not fail");
    }
}

on_every_engine! {
    journal: claudetools_kernel::contract::journal, journal;
    pending_tasks: claudetools_sessions::contract::pending_tasks, sessions;
    projects: claudetools_sessions::contract::projects, sessions;
    clients: claudetools_sessions::contract::clients, sessions;
    machines: claudetools_sessions::contract::machines, sessions;
    tags: claudetools_sessions::contract::tags, sessions;
    accounts: claudetools_identity::contract::accounts, identity;
    refresh_tokens: claudetools_identity::contract::refresh_tokens, identity;
    revocations: claudetools_identity::contract::revocations, identity;
    login_throttle: claudetools_identity::contract::login_throttle, identity;
    agent_runs: claudetools_identity::contract::agent_runs, identity;
    api_audit_log: claudetools_identity::contract::api_audit_log, identity;
    sessions: claudetools_sessions::contract::sessions, sessions;
    work_items: claudetools_sessions::contract::work_items, sessions;
}
