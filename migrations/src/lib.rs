//! The database schema, forward and back. The migrations are the truth; the entities of the SQL adapter are compared
//! with what they make.
//!
//! A migration that has been released is never edited: a new one changes what it made. `dialect.rs` holds what differs
//! by engine.

mod dialect;
mod m20261122_000001_journal;
mod m20261122_000002_clients;

use sea_orm_migration::prelude::*;

/// Every migration, oldest first.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(m20261122_000001_journal::Migration), Box::new(m20261122_000002_clients::Migration)]
    }
}

pub use sea_orm_migration::{MigratorTrait, sea_orm::DbErr};
