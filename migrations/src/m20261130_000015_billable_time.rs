//! Billable time, timers, closed periods, blocks of hours, and the time zones of clients.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

use crate::dialect::{
    create, date, drop_tables, flag, id, index, integer, key_text, references, resource, stamps, text, word,
};

/// What whoever changes time or closes periods locks.
const GUARD: &str = "billing_periods";
const TABLES: [&str; 4] = ["billable_time", "timers", "closings", "time_blocks"];

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() != DbBackend::MySql || !manager.has_column("clients", "time_zone").await? {
            let zone = key_text(manager, "time_zone", 64);
            manager.alter_table(Table::alter().table("clients").add_column(zone).take()).await?;
        }
        billable_time(manager).await?;
        timers(manager).await?;
        closings(manager).await?;
        time_blocks(manager).await?;
        let guard = Query::insert()
            .into_table("write_guards")
            .columns(["name"])
            .values_panic([GUARD.into()])
            .on_conflict(OnConflict::column("name").do_nothing_on(["name"]).to_owned())
            .take();
        manager.execute(guard).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let guard = Query::delete().from_table("write_guards").and_where(Expr::col("name").eq(GUARD)).take();
        manager.execute(guard).await?;
        drop_tables(manager, &TABLES).await?;
        if manager.get_database_backend() != DbBackend::MySql || manager.has_column("clients", "time_zone").await? {
            manager.alter_table(Table::alter().table("clients").drop_column("time_zone").take()).await?;
        }
        Ok(())
    }
}

/// Whom work was done for, and as part of what.
fn belongs(of: &'static str, table: &mut TableCreateStatement) {
    table.col(id("client_id").not_null()).col(id("project_id")).col(id("session_id")).col(id("work_item_id"));
    for (column, target) in [
        ("client_id", "clients"),
        ("project_id", "projects"),
        ("session_id", "sessions"),
        ("work_item_id", "work_items"),
    ] {
        table.foreign_key(&mut references(of, column, target, ForeignKeyAction::Restrict));
    }
}

async fn billable_time(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut entries = resource(manager, "billable_time");
    belongs("billable_time", &mut entries);
    entries
        .col(key_text(manager, "technician", 255).not_null())
        .col(key_text(manager, "technician_key", 510).not_null())
        .col(date("entry_date").not_null())
        .col(integer("start_time"))
        .col(integer("end_time"))
        .col(integer("minutes").not_null())
        .col(flag("is_billable"))
        .col(integer("hourly_rate"))
        .col(word(manager, "rate_source"))
        .col(key_text(manager, "currency", 3).not_null())
        .col(ColumnDef::new("billing_increment_minutes").integer().not_null())
        .col(word(manager, "billing_rounding"))
        .col(key_text(manager, "time_zone", 64))
        .col(integer("rounded_minutes").not_null())
        .col(integer("amount"))
        .col(flag("is_billed"))
        .col(key_text(manager, "invoice_ref", 255));
    stamps(&mut entries);
    entries.col(text(manager, "description"));
    create(manager, entries).await?;
    // Each single filter followed by the usual order. Of a technician's entries the times stand in the index, so that overlaps
    // are looked for there alone.
    let indexes: [(&str, &[&str]); 12] = [
        ("ix_billable_time_date", &["entry_date", "id", "technician_key"]),
        ("ix_billable_time_client", &["client_id", "entry_date", "id"]),
        ("ix_billable_time_unbilled", &["client_id", "is_billed", "entry_date", "id"]),
        ("ix_billable_time_project", &["project_id", "entry_date", "id"]),
        ("ix_billable_time_session", &["session_id", "entry_date", "id"]),
        ("ix_billable_time_work_item", &["work_item_id"]),
        ("ix_billable_time_billed", &["is_billed", "entry_date", "id"]),
        ("ix_billable_time_billable", &["is_billable", "entry_date", "id"]),
        ("ix_billable_time_span", &["technician_key", "start_time", "end_time"]),
        ("ix_billable_time_technician", &["technician_key", "id"]),
        ("ix_billable_time_created_at", &["created_at", "id"]),
        ("ix_billable_time_updated_at", &["updated_at", "id"]),
    ];
    for (name, columns) in indexes {
        index(manager, name, "billable_time", columns, false).await?;
    }
    Ok(())
}

async fn timers(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut timers = resource(manager, "timers");
    belongs("timers", &mut timers);
    timers
        .col(key_text(manager, "technician", 255).not_null())
        .col(key_text(manager, "technician_key", 510).not_null())
        // The technician while the timer runs, and null while it is paused, which a unique index takes any number of times.
        .col(key_text(manager, "running_key", 510))
        .col(flag("is_billable"))
        .col(integer("hourly_rate"))
        .col(integer("started_at").not_null())
        .col(integer("paused_at"))
        .col(integer("paused_micros").not_null());
    stamps(&mut timers);
    timers.col(text(manager, "description"));
    create(manager, timers).await?;
    index(manager, "ux_timers_running", "timers", &["running_key"], true).await?;
    index(manager, "ix_timers_technician", "timers", &["technician_key", "started_at", "paused_at"], false).await?;
    index(manager, "ix_timers_client", "timers", &["client_id", "started_at", "id"], false).await?;
    index(manager, "ix_timers_started_at", "timers", &["started_at", "id"], false).await
}

async fn closings(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut closings = resource(manager, "closings");
    closings
        .col(id("client_id"))
        .col(date("through_date").not_null())
        .col(integer("closed_at").not_null())
        .col(key_text(manager, "closed_by", 255).not_null())
        .col(integer("reopened_at"))
        .col(key_text(manager, "reopened_by", 255))
        .col(integer("revision").not_null())
        .foreign_key(&mut references("closings", "client_id", "clients", ForeignKeyAction::Restrict));
    create(manager, closings).await?;
    index(manager, "ix_closings_client", "closings", &["client_id", "through_date"], false).await?;
    index(manager, "ix_closings_closed_at", "closings", &["closed_at", "id"], false).await?;
    index(manager, "ix_closings_through", "closings", &["through_date", "id"], false).await
}

async fn time_blocks(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut blocks = resource(manager, "time_blocks");
    blocks
        .col(id("client_id").not_null())
        .col(integer("hours").not_null())
        .col(date("from_date").not_null())
        .col(date("until_date"))
        .col(flag("rollover"));
    stamps(&mut blocks);
    blocks.col(text(manager, "notes")).foreign_key(&mut references(
        "time_blocks",
        "client_id",
        "clients",
        ForeignKeyAction::Restrict,
    ));
    create(manager, blocks).await?;
    index(manager, "ix_time_blocks_client", "time_blocks", &["client_id", "from_date", "id"], false).await?;
    index(manager, "ix_time_blocks_from", "time_blocks", &["from_date", "id"], false).await?;
    index(manager, "ix_time_blocks_created_at", "time_blocks", &["created_at", "id"], false).await?;
    index(manager, "ix_time_blocks_updated_at", "time_blocks", &["updated_at", "id"], false).await
}
