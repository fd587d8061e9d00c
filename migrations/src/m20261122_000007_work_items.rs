//! Work items and their tags.

use sea_orm_migration::prelude::*;

use crate::dialect::{
    bare, create, date, drop_tables, flag, id, index, integer, key_text, references, resource, stamps, text, word,
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        work_items(manager).await?;

        let mut tags = bare(manager, "work_item_tags");
        tags.col(id("work_item_id").not_null())
            .col(id("tag_id").not_null())
            .primary_key(Index::create().col("work_item_id").col("tag_id"))
            .foreign_key(&mut references("work_item_tags", "work_item_id", "work_items", ForeignKeyAction::Cascade))
            .foreign_key(&mut references("work_item_tags", "tag_id", "tags", ForeignKeyAction::Cascade));
        create(manager, tags).await?;
        index(manager, "ix_work_item_tags_tag", "work_item_tags", &["tag_id", "work_item_id"], false).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, &["work_items", "work_item_tags"]).await
    }
}

async fn work_items(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut items = resource(manager, "work_items");
    items
        .col(id("session_id").not_null())
        // Copies of the session's client and day, kept in step with it, so that filters by them have an index.
        .col(id("client_id"))
        .col(date("session_date").not_null())
        .col(word(manager, "category"))
        .col(key_text(manager, "title", 255).not_null())
        // As of sessions.
        .col(key_text(manager, "title_key", 510).not_null())
        .col(word(manager, "status"))
        .col(word(manager, "priority"))
        .col(flag("is_billable"))
        .col(ColumnDef::new("estimated_minutes").integer())
        .col(ColumnDef::new("actual_minutes").integer())
        .col(integer("completed_at"));
    stamps(&mut items);
    items
        .col(text(manager, "description"))
        .col(text(manager, "affected_systems").not_null())
        .col(text(manager, "technologies_used").not_null())
        .col(text(manager, "search_key").not_null())
        .foreign_key(&mut references("work_items", "session_id", "sessions", ForeignKeyAction::Restrict))
        .foreign_key(&mut references("work_items", "client_id", "clients", ForeignKeyAction::Restrict));
    create(manager, items).await?;
    let indexes: [(&str, &[&str]); 10] = [
        ("ix_work_items_session", &["session_id", "created_at", "id"]),
        ("ix_work_items_client", &["client_id", "created_at", "id"]),
        ("ix_work_items_category", &["category", "created_at", "id"]),
        ("ix_work_items_status", &["status", "created_at", "id"]),
        ("ix_work_items_priority", &["priority", "created_at", "id"]),
        ("ix_work_items_billable", &["is_billable", "created_at", "id"]),
        ("ix_work_items_date", &["session_date", "id"]),
        ("ix_work_items_created_at", &["created_at", "id", "session_date"]),
        ("ix_work_items_updated_at", &["updated_at", "id"]),
        ("ix_work_items_title", &["title_key", "id"]),
    ];
    for (name, columns) in indexes {
        index(manager, name, "work_items", columns, false).await?;
    }
    Ok(())
}
