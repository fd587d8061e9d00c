//! Every port's contract suite on every engine of this version: the in-memory adapter and SQLite.

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
                $run(&*store.$port).await.expect("the store must not fail");
            })+
        }
    };
}

on_every_engine! {
    journal: claudetools_kernel::contract::journal, journal;
    clients: claudetools_sessions::contract::clients, sessions;
}
