//! What was run lately on a piece of infrastructure, and what failed lately at a client, without a look at all that was ever run
//! there.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

use crate::dialect::index;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const TABLE: &str = "commands";

/// An index: its name and its columns.
type Made = (&'static str, &'static [&'static str]);

/// What was there, and what takes its place.
const REPLACED: [(Made, Made); 2] = [
    (
        ("ix_commands_asset", &["infrastructure_id"]),
        ("ix_commands_asset_sessions", &["infrastructure_id", "created_at", "session_id"]),
    ),
    (
        ("ix_commands_client", &["client_id"]),
        ("ix_commands_client_success", &["client_id", "success", "executed_at", "id"]),
    ),
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (before, after) in REPLACED {
            replace(manager, before, after).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (before, after) in REPLACED {
            replace(manager, after, before).await?;
        }
        Ok(())
    }
}

/// The new one first: `MySQL` wants one for the foreign key at every moment.
async fn replace(manager: &SchemaManager<'_>, old: Made, new: Made) -> Result<(), DbErr> {
    index(manager, new.0, TABLE, new.1, false).await?;
    // An attempt that was broken off may have dropped it.
    if manager.get_database_backend() == DbBackend::MySql && !manager.has_index(TABLE, old.0).await? {
        return Ok(());
    }
    let mut drop = Index::drop();
    drop.name(old.0).table(TABLE);
    manager.drop_index(drop).await
}
