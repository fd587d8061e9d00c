//! How far a database is from this program.

use sea_orm_migration::{MigratorTrait, prelude::*, sea_orm::ConnectionTrait};

use crate::Migrator;

/// What stands between the schema of a database and the one that this program knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Migrations that the database lacks, oldest first.
    pub missing: Vec<String>,
    /// Migrations that a newer version has applied.
    pub unknown: Vec<String>,
}

impl Migrator {
    /// Compares a database with this program. Changes nothing.
    pub async fn compare<'c, C>(connection: &'c C) -> Result<Difference, DbErr>
    where
        C: ConnectionTrait,
        &'c C: IntoSchemaManagerConnection<'c>,
    {
        let table = Self::migration_table_name().to_string();
        let applied: Vec<String> = if SchemaManager::new(connection).has_table(table).await? {
            Self::get_migration_models(connection).await?.into_iter().map(|row| row.version).collect()
        } else {
            Vec::new()
        };
        Ok(Self::difference(&applied))
    }

    /// The same of a database whose list of migrations has been read already.
    pub fn difference(applied: &[String]) -> Difference {
        let known: Vec<String> = Self::migrations().iter().map(|migration| migration.name().to_owned()).collect();
        let without =
            |names: &[String], others: &[String]| names.iter().filter(|name| !others.contains(name)).cloned().collect();
        Difference { missing: without(&known, applied), unknown: without(applied, &known) }
    }
}
