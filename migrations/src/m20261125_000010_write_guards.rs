//! Rows that exist to be locked: whoever changes what no single row stands for locks the one of that name first.

use sea_orm_migration::prelude::*;

use crate::dialect::{bare, create, drop_tables, key_text};

const TABLE: &str = "write_guards";

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut guards = bare(manager, TABLE);
        guards.col(key_text(manager, "name", 64).not_null().primary_key());
        create(manager, guards).await?;
        let guard = Query::insert()
            .into_table(TABLE)
            .columns(["name"])
            .values_panic(["task_graph".into()])
            .on_conflict(OnConflict::column("name").do_nothing_on(["name"]).to_owned())
            .take();
        manager.execute(guard).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, &[TABLE]).await
    }
}
