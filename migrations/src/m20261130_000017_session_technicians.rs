//! Who has ever had a session, so that a part of a name is looked for among the names instead of in every session.

use sea_orm_migration::prelude::*;

use crate::dialect::{bare, create, drop_tables, index, key_text};

const TABLE: &str = "session_technicians";
const INDEX: &str = "ix_sessions_technician";

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut names = bare(manager, TABLE);
        names.col(key_text(manager, "technician_key", 510).not_null().primary_key());
        create(manager, names).await?;
        index(manager, INDEX, "sessions", &["technician_key", "session_date", "id"], false).await?;
        // An attempt that was broken off may have copied them already.
        manager.execute(Query::delete().from_table(TABLE).take()).await?;
        let known = Query::select()
            .distinct()
            .column("technician_key")
            .from("sessions")
            .and_where(Expr::col("technician_key").is_not_null())
            .take();
        let mut copy = Query::insert().into_table(TABLE).columns(["technician_key"]).take();
        copy.select_from(known).map_err(|error| DbErr::Migration(error.to_string()))?;
        manager.execute(copy).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.has_index("sessions", INDEX).await? {
            manager.drop_index(Index::drop().name(INDEX).table("sessions").to_owned()).await?;
        }
        drop_tables(manager, &[TABLE]).await
    }
}
