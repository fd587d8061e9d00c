//! Every port's contract suite on every adapter and engine: memory, SQLite, MariaDB, PostgreSQL. `cargo xtask test` leaves those
//! out that are not there, and says so.
#![expect(clippy::expect_used, reason = "test code: what is missing is a failed test")]

mod analysis;
mod billing;
mod failures;
mod inventory;
mod migrations;
mod netbox;
mod session_directory;
mod vault;

use claudetools_kernel::StoreError;
use claudetools_testkit::{Engine, TestStore};

/// One test per suite and engine, named `<engine>::<suite>`.
macro_rules! on_every_engine {
    ($($suite:ident($store:ident): $run:expr;)+) => {
        on_every_engine!(@engine memory, TestStore::in_memory(), $($suite($store): $run;)+);
        on_every_engine!(@engine sqlite, TestStore::on(Engine::Sqlite).await, $($suite($store): $run;)+);
        on_every_engine!(@engine mariadb, TestStore::on(Engine::MariaDb).await, $($suite($store): $run;)+);
        on_every_engine!(@engine postgres, TestStore::on(Engine::Postgres).await, $($suite($store): $run;)+);
    };
    (@engine $engine:ident, $fresh:expr, $($suite:ident($store:ident): $run:expr;)+) => {
        mod $engine {
            use super::*;
            $(#[tokio::test]
            async fn $suite() {
                let $store = $fresh;
                $run.await.passed();
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
    journal(store): claudetools_kernel::contract::journal(&*store.journal);
    pending_tasks(store): claudetools_sessions::contract::pending_tasks(&*store.sessions);
    projects(store): claudetools_sessions::contract::projects(&*store.sessions);
    clients(store): claudetools_sessions::contract::clients(&*store.sessions);
    machines(store): claudetools_sessions::contract::machines(&*store.sessions);
    tags(store): claudetools_sessions::contract::tags(&*store.sessions);
    accounts(store): claudetools_identity::contract::accounts(&*store.identity);
    refresh_tokens(store): claudetools_identity::contract::refresh_tokens(&*store.identity);
    revocations(store): claudetools_identity::contract::revocations(&*store.identity);
    login_throttle(store): claudetools_identity::contract::login_throttle(&*store.identity);
    agent_runs(store): claudetools_identity::contract::agent_runs(&*store.identity);
    api_audit_log(store): claudetools_identity::contract::api_audit_log(&*store.identity);
    sessions(store): claudetools_sessions::contract::sessions(&*store.sessions);
    session_directory(store): session_directory::suite(&store);
    work_items(store): claudetools_sessions::contract::work_items(&*store.sessions);
    billable_time(store): claudetools_sessions::contract::billable_time(&*store.sessions);
    timers(store): claudetools_sessions::contract::timers(&*store.sessions);
    closings(store): claudetools_sessions::contract::closings(&*store.sessions);
    time_blocks(store): claudetools_sessions::contract::time_blocks(&*store.sessions);
    one_of_a_thousand_timers_runs(store): billing::one_of_a_thousand_timers_runs(&store);
    a_closed_period_takes_no_time(store): billing::a_closed_period_takes_no_time(&store);
    the_summary_is_the_sum_of_the_rows(store): billing::the_summary_is_the_sum_of_the_rows(&store);
    credentials(store): vault::credentials(&store);
    vault_beginnings(store): vault::beginnings(&store);
    vault_first_start(store): vault::first_start(&store);
    credential_access(store): claudetools_credentials::contract::credential_access(&*store.credentials);
    credential_lists(store): vault::credential_lists(&store);
    credential_versions(store): claudetools_credentials::contract::credential_versions(&*store.credentials);
    credential_shares(store): claudetools_credentials::contract::credential_shares(&*store.credentials);
    audit_chain(store): claudetools_credentials::contract::audit_chain(&*store.credentials);
    coord_messages(store): claudetools_coord::contract::messages(&*store.coord);
    coord_audiences(store): claudetools_coord::contract::audiences(&*store.coord);
    coord_components(store): claudetools_coord::contract::components(&*store.coord);
    coord_projects(store): claudetools_coord::contract::coord_projects(&*store.coord);
    coord_retention(store): claudetools_coord::contract::retention(&*store.coord);
    inventory_rows(store): inventory::rows(&store);
    inventory_lists(store): inventory::lists(&store);
    inventory_lookups(store): inventory::lookups(&store);
    inventory_credentials(store): inventory::credentials(&store);
    inventory_parents(store): inventory::parents(&store);
    failure_commands(store): failures::commands(&store);
    failure_queue(store): failures::queue(&store);
    failure_patterns(store): failures::patterns(&store);
    failure_insights(store): failures::insights(&store);
    failure_check(store): failures::check(&store);
    analysis_of_each_command_once(store): analysis::each_command_once(&store);
    analysis_whatever_the_order(store): analysis::whatever_the_order(&store);
    analysis_passes_over_what_fails(store): analysis::passes_over_what_fails(&store);
    netbox(store): netbox::demo(&store);
    netbox_relations(store): netbox::relations(&store);
    clients_of_credentials(store): vault::clients_of_credentials(&store);
    coord_head(store): claudetools_coord::contract::head(&*store.coord);
    coord_events(store): claudetools_coord::contract::events(&*store.coord);
    coord_locks(store): claudetools_coord::contract::locks(&*store.coord);
    coord_lock_lists(store): claudetools_coord::contract::lock_lists(&*store.coord);
    coord_presence(store): claudetools_coord::contract::presence(&*store.coord);
    coord_desk(store): claudetools_coord::contract::desk(store.coord.clone(), std::sync::Arc::new(Sleep));
}

/// The runtime's own way of doing nothing.
struct Sleep;

#[async_trait::async_trait]
impl claudetools_coord::Pause for Sleep {
    async fn pause(&self, milliseconds: u64) {
        tokio::time::sleep(std::time::Duration::from_millis(milliseconds)).await;
    }
}

/// The same for what needs an empty database.
macro_rules! migrations_on_every_engine {
    ($($rule:ident),+ $(,)?) => {
        migrations_on_every_engine!(@engine sqlite, Engine::Sqlite, $($rule),+);
        migrations_on_every_engine!(@engine mariadb, Engine::MariaDb, $($rule),+);
        migrations_on_every_engine!(@engine postgres, Engine::Postgres, $($rule),+);
    };
    (@engine $engine:ident, $which:expr, $($rule:ident),+) => {
        mod $engine {
            use super::{Engine, migrations};
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $rule() {
                migrations::$rule($which).await;
            })+
        }
    };
}

mod migrations_of {
    use super::*;

    migrations_on_every_engine! {
        go_back_leaving_nothing_behind_and_forth_to_the_same_schema,
        leave_the_rows_of_the_schema_before_as_they_are,
        are_applied_once_when_replicas_start_at_once,
        can_be_repeated_after_an_attempt_that_failed,
    }
}
