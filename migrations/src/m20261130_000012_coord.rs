//! Coordination: the head, sessions, locks, the line before them, fences, events.

use sea_orm_migration::prelude::*;

use crate::dialect::{bare, create, drop_tables, id, index, integer, key_text, resource, text, word};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const TABLES: [&str; 6] =
    ["coord_head", "coord_sessions", "coord_locks", "coord_waiters", "coord_fences", "coord_events"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        head(manager).await?;
        sessions(manager).await?;
        locks(manager).await?;
        line_and_fences(manager).await?;
        events(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, &TABLES).await
    }
}

async fn head(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = ["id", "last_token", "last_event", "last_ticket", "waiting", "clock"];
    let mut table = bare(manager, "coord_head");
    table.col(integer("id").not_null().primary_key());
    for column in &columns[1..] {
        table.col(integer(column).not_null());
    }
    create(manager, table).await?;
    let only = Query::insert()
        .into_table("coord_head")
        .columns(columns)
        .values_panic([1.into(), 0.into(), 0.into(), 0.into(), 0.into(), 0.into()])
        .on_conflict(OnConflict::column("id").do_nothing_on(["id"]).to_owned())
        .take();
    manager.execute(only).await
}

async fn sessions(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut table = resource(manager, "coord_sessions");
    table.col(key_text(manager, "session_id", 128).not_null());
    for column in ["machine", "host", "agent", "project_key", "task"] {
        table.col(key_text(manager, column, 255));
    }
    table
        .col(integer("pid"))
        .col(word(manager, "state"))
        .col(integer("started_at").not_null())
        .col(integer("last_seen_at").not_null())
        .col(integer("ended_at"));
    create(manager, table).await?;
    for (name, columns, unique) in [
        ("uq_coord_sessions_session", &["session_id"][..], true),
        ("ix_coord_sessions_state", &["state", "last_seen_at", "id"], false),
        ("ix_coord_sessions_seen", &["last_seen_at", "id"], false),
        ("ix_coord_sessions_project", &["project_key", "last_seen_at", "id"], false),
        ("ix_coord_sessions_ended", &["ended_at", "id"], false),
    ] {
        index(manager, name, "coord_sessions", columns, unique).await?;
    }
    Ok(())
}

async fn locks(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut table = resource(manager, "coord_locks");
    table
        .col(key_text(manager, "resource", 400).not_null())
        .col(word(manager, "mode"))
        .col(integer("token").not_null())
        .col(key_text(manager, "session_id", 128).not_null())
        .col(key_text(manager, "task", 255))
        .col(key_text(manager, "reason", 255))
        .col(text(manager, "meta"))
        .col(integer("ttl_seconds").not_null())
        .col(integer("granted_at").not_null())
        .col(integer("expires_at").not_null())
        .col(word(manager, "state"))
        .col(integer("ended_at"))
        .col(key_text(manager, "end_reason", 255))
        // Of locks not marked as ended: the path, the path if exclusive, and the end. Their indexes hold nothing else.
        .col(key_text(manager, "live_path", 400))
        .col(key_text(manager, "exclusive_path", 400))
        .col(integer("live_until"));
    create(manager, table).await?;
    for (name, columns, unique) in [
        ("uq_coord_locks_token", &["token"][..], true),
        ("uq_coord_locks_exclusive", &["exclusive_path"], true),
        ("ix_coord_locks_live", &["live_path"], false),
        ("ix_coord_locks_until", &["live_until"], false),
        ("ix_coord_locks_session", &["session_id", "granted_at", "id"], false),
        ("ix_coord_locks_granted", &["granted_at", "id"], false),
        ("ix_coord_locks_resource", &["resource", "granted_at", "id"], false),
        ("ix_coord_locks_ended", &["ended_at", "id"], false),
    ] {
        index(manager, name, "coord_locks", columns, unique).await?;
    }
    Ok(())
}

async fn line_and_fences(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut waiters = bare(manager, "coord_waiters");
    waiters
        .col(integer("ticket").not_null().primary_key())
        .col(key_text(manager, "session_id", 128).not_null())
        .col(text(manager, "resources").not_null())
        .col(word(manager, "mode"))
        .col(integer("since").not_null())
        .col(integer("deadline").not_null())
        .col(integer("alive_until").not_null());
    create(manager, waiters).await?;
    let mut fences = bare(manager, "coord_fences");
    fences.col(key_text(manager, "path", 400).not_null().primary_key()).col(integer("token").not_null());
    create(manager, fences).await
}

async fn events(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut table = bare(manager, "coord_events");
    table
        .col(integer("seq").not_null().primary_key())
        .col(integer("at").not_null())
        .col(word(manager, "kind"))
        .col(key_text(manager, "project_key", 255))
        .col(key_text(manager, "session_id", 128))
        .col(id("subject"))
        .col(text(manager, "payload").not_null());
    create(manager, table).await?;
    index(manager, "ix_coord_events_subject", "coord_events", &["subject", "seq"], false).await
}
