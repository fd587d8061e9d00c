//! Messages with their recipients, components with their history, projects of coordination, and how long what is kept.

use sea_orm_migration::prelude::*;

use crate::dialect::{
    bare, create, drop_tables, flag, id, index, integer, key_text, references, resource, stamps, text, word,
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const TABLES: [&str; 6] = [
    "coord_messages",
    "coord_message_recipients",
    "coord_components",
    "coord_component_history",
    "coord_projects",
    "coord_retention",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        messages(manager).await?;
        recipients(manager).await?;
        components(manager).await?;
        projects(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, &TABLES).await
    }
}

async fn messages(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut table = resource(manager, "coord_messages");
    table
        .col(integer("seq").not_null())
        .col(key_text(manager, "from_session", 128).not_null())
        .col(key_text(manager, "to_session", 128))
        .col(key_text(manager, "to_project", 200))
        .col(flag("broadcast"))
        .col(key_text(manager, "subject", 255))
        .col(word(manager, "importance"))
        .col(flag("ack_required"))
        .col(key_text(manager, "thread_id", 128))
        // No foreign key: an answer outlives what it answers.
        .col(id("reply_to"))
        .col(integer("expires_at"))
        .col(key_text(manager, "project_key", 200))
        .col(integer("created_at").not_null())
        .col(text(manager, "body").not_null())
        .col(text(manager, "search_key").not_null());
    create(manager, table).await?;
    let indexes: [(&str, &[&str], bool); 6] = [
        ("ux_coord_messages_seq", &["seq"], true),
        ("ix_coord_messages_from_session", &["from_session", "seq"], false),
        ("ix_coord_messages_project", &["project_key", "seq"], false),
        ("ix_coord_messages_thread", &["thread_id", "seq"], false),
        ("ix_coord_messages_importance", &["importance", "seq"], false),
        ("ix_coord_messages_created_at", &["created_at", "seq"], false),
    ];
    for (name, columns, unique) in indexes {
        index(manager, name, "coord_messages", columns, unique).await?;
    }
    Ok(())
}

async fn recipients(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut table = bare(manager, "coord_message_recipients");
    table
        .col(id("message_id").not_null())
        .col(key_text(manager, "session_id", 128).not_null())
        .col(integer("seq").not_null())
        .col(integer("delivered_at").not_null())
        .col(integer("read_at"))
        .col(integer("acked_at"))
        .primary_key(Index::create().col("message_id").col("session_id"))
        .foreign_key(&mut references(
            "coord_message_recipients",
            "message_id",
            "coord_messages",
            ForeignKeyAction::Cascade,
        ));
    create(manager, table).await?;
    let inbox: &[&str] = &["session_id", "seq", "message_id"];
    index(manager, "ix_coord_message_recipients_inbox", "coord_message_recipients", inbox, false).await
}

async fn components(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut table = resource(manager, "coord_components");
    table
        .col(key_text(manager, "project_key", 200).not_null())
        .col(key_text(manager, "component", 100).not_null())
        .col(word(manager, "state"))
        .col(key_text(manager, "version", 255))
        .col(key_text(manager, "updated_by", 255))
        .col(integer("observed_at").not_null());
    stamps(&mut table);
    table.col(text(manager, "notes"));
    create(manager, table).await?;
    index(manager, "ux_coord_components_key", "coord_components", &["project_key", "component"], true).await?;

    let mut history = resource(manager, "coord_component_history");
    history
        .col(id("component_id").not_null())
        .col(word(manager, "state"))
        .col(key_text(manager, "version", 255))
        .col(key_text(manager, "updated_by", 255))
        .col(integer("observed_at").not_null())
        .col(integer("recorded_at").not_null())
        .col(flag("late"))
        .col(text(manager, "notes"))
        .foreign_key(&mut references(
            "coord_component_history",
            "component_id",
            "coord_components",
            ForeignKeyAction::Cascade,
        ));
    create(manager, history).await?;
    let of_component: &[&str] = &["component_id", "recorded_at", "id"];
    index(manager, "ix_coord_component_history", "coord_component_history", of_component, false).await?;
    let table = "coord_component_history";
    index(manager, "ix_coord_component_history_recorded_at", table, &["recorded_at"], false).await
}

async fn projects(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut table = resource(manager, "coord_projects");
    table.col(key_text(manager, "project_key", 200).not_null()).col(key_text(manager, "name", 255));
    stamps(&mut table);
    table.col(text(manager, "allowed_components")).col(text(manager, "allowed_states"));
    create(manager, table).await?;
    index(manager, "ux_coord_projects_key", "coord_projects", &["project_key"], true).await?;

    let mut retention = bare(manager, "coord_retention");
    retention.col(integer("id").not_null().primary_key());
    for days in ["events_days", "messages_days", "history_days", "ended_days"] {
        retention.col(ColumnDef::new(days).integer().not_null());
    }
    create(manager, retention).await
}
