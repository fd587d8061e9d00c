//! Sessions, their tags and the technologies they used.

use sea_orm_migration::prelude::*;

use crate::dialect::{
    bare, create, date, drop_tables, flag, id, index, integer, key_text, references, resource, stamps, text, word,
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        sessions(manager).await?;
        session_tags(manager).await?;
        session_technologies(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, &["sessions", "session_tags", "session_technologies"]).await
    }
}

async fn sessions(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut sessions = resource(manager, "sessions");
    sessions
        .col(id("client_id"))
        .col(id("project_id"))
        .col(id("machine_id"))
        .col(date("session_date").not_null())
        .col(integer("start_time"))
        .col(integer("end_time"))
        .col(integer("duration_minutes"))
        .col(key_text(manager, "session_title", 255).not_null())
        // Folding can lengthen text: `İ` becomes two characters. Twice the length still fits every engine's index keys.
        .col(key_text(manager, "title_key", 510).not_null())
        .col(key_text(manager, "technician", 255))
        .col(key_text(manager, "technician_key", 510))
        .col(word(manager, "status"))
        .col(flag("is_billable"))
        .col(integer("billable_hours"))
        .col(flag("billable_hours_given"));
    stamps(&mut sessions);
    // Long text stands last: what comes before it is then read without its overflow pages.
    sessions
        .col(text(manager, "summary"))
        .col(text(manager, "notes"))
        .col(text(manager, "search_key").not_null())
        .foreign_key(&mut references("sessions", "client_id", "clients", ForeignKeyAction::Restrict))
        .foreign_key(&mut references("sessions", "project_id", "projects", ForeignKeyAction::Restrict))
        .foreign_key(&mut references("sessions", "machine_id", "machines", ForeignKeyAction::Restrict));
    create(manager, sessions).await?;
    // Each single filter of the list followed by its usual order, so that a page and a total are read off one index. The
    // technician stands in the index of the order itself: a substring is looked for there instead of in the rows.
    let indexes: [(&str, &[&str]); 9] = [
        ("ix_sessions_date", &["session_date", "id", "technician_key"]),
        ("ix_sessions_client", &["client_id", "session_date", "id"]),
        ("ix_sessions_project", &["project_id", "session_date", "id"]),
        ("ix_sessions_machine", &["machine_id", "session_date", "id"]),
        ("ix_sessions_status", &["status", "session_date", "id"]),
        ("ix_sessions_billable", &["is_billable", "session_date", "id"]),
        ("ix_sessions_title", &["title_key", "id"]),
        ("ix_sessions_created_at", &["created_at", "id"]),
        ("ix_sessions_updated_at", &["updated_at", "id"]),
    ];
    for (name, columns) in indexes {
        index(manager, name, "sessions", columns, false).await?;
    }
    Ok(())
}

async fn session_tags(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut tags = bare(manager, "session_tags");
    tags.col(id("session_id").not_null())
        .col(id("tag_id").not_null())
        // A copy of the session's, so that the sessions with a tag come in the order of the list.
        .col(date("session_date").not_null())
        .primary_key(Index::create().col("session_id").col("tag_id"))
        .foreign_key(&mut references("session_tags", "session_id", "sessions", ForeignKeyAction::Cascade))
        .foreign_key(&mut references("session_tags", "tag_id", "tags", ForeignKeyAction::Cascade));
    create(manager, tags).await?;
    let columns = &["tag_id", "session_date", "session_id"];
    index(manager, "ix_session_tags_tag", "session_tags", columns, false).await
}

async fn session_technologies(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut technologies = bare(manager, "session_technologies");
    technologies
        .col(id("session_id").not_null())
        .col(key_text(manager, "technology_key", 510).not_null())
        .col(key_text(manager, "technology", 255).not_null())
        .col(ColumnDef::new("position").integer().not_null())
        .col(date("session_date").not_null())
        .primary_key(Index::create().col("session_id").col("technology_key"))
        .foreign_key(&mut references("session_technologies", "session_id", "sessions", ForeignKeyAction::Cascade));
    create(manager, technologies).await?;
    let columns = &["technology_key", "session_date", "session_id"];
    index(manager, "ix_session_technologies_technology", "session_technologies", columns, false).await
}
