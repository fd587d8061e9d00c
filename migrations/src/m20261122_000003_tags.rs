//! Tags. The tables that tie them to sessions and work items come with those.

use sea_orm_migration::prelude::*;

use crate::dialect::{create, drop_tables, index, key_text, resource, stamps, text};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut tags = resource(manager, "tags");
        // Names are kept folded, which can lengthen text: `İ` becomes two characters.
        tags.col(key_text(manager, "name", 200).not_null())
            .col(key_text(manager, "category", 32))
            .col(text(manager, "description"))
            .col(text(manager, "search_key").not_null());
        stamps(&mut tags);
        create(manager, tags).await?;
        index(manager, "ux_tags_name", "tags", &["name"], true).await?;
        index(manager, "ix_tags_category", "tags", &["category", "name", "id"], false).await?;
        index(manager, "ix_tags_created_at", "tags", &["created_at", "id"], false).await?;
        index(manager, "ix_tags_updated_at", "tags", &["updated_at", "id"], false).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, &["tags"]).await
    }
}
