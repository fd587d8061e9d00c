//! The database schema, forward and back. The migrations are the truth; the entities of the SQL adapter are compared
//! with what they make.
//!
//! A migration that has been released is never edited: a new one changes what it made. `dialect.rs` holds what differs
//! by engine.

mod dialect;
mod difference;
mod m20261122_000001_journal;
mod m20261122_000002_clients;
mod m20261122_000003_tags;
mod m20261122_000004_machines;
mod m20261122_000005_projects;
mod m20261122_000006_sessions;
mod m20261122_000007_work_items;
mod m20261122_000008_pending_tasks;
mod m20261122_000009_identity;
mod m20261125_000010_write_guards;
mod m20261125_000011_credentials;
mod m20261130_000012_coord;
mod m20261130_000013_coord_messages;
mod m20261130_000014_inventory;
mod m20261130_000014a_networks_and_incidents;
mod m20261130_000015_billable_time;
mod m20261130_000016_commands;
mod m20261130_000017_session_technicians;

use sea_orm_migration::prelude::*;

/// Every migration, oldest first.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261122_000001_journal::Migration),
            Box::new(m20261122_000002_clients::Migration),
            Box::new(m20261122_000003_tags::Migration),
            Box::new(m20261122_000004_machines::Migration),
            Box::new(m20261122_000005_projects::Migration),
            Box::new(m20261122_000006_sessions::Migration),
            Box::new(m20261122_000007_work_items::Migration),
            Box::new(m20261122_000008_pending_tasks::Migration),
            Box::new(m20261122_000009_identity::Migration),
            Box::new(m20261125_000010_write_guards::Migration),
            Box::new(m20261125_000011_credentials::Migration),
            Box::new(m20261130_000012_coord::Migration),
            Box::new(m20261130_000013_coord_messages::Migration),
            Box::new(m20261130_000014_inventory::Migration),
            Box::new(m20261130_000014a_networks_and_incidents::Migration),
            Box::new(m20261130_000015_billable_time::Migration),
            Box::new(m20261130_000016_commands::Migration),
            Box::new(m20261130_000017_session_technicians::Migration),
        ]
    }
}

pub use difference::Difference;
pub use sea_orm_migration::{MigratorTrait, sea_orm::DbErr};
