//! Projects.

use sea_orm_migration::prelude::*;

use crate::dialect::{
    create, date, drop_tables, id, index, integer, key_text, references, resource, stamps, text, word,
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut projects = resource(manager, "projects");
        projects
            .col(id("client_id").not_null())
            .col(key_text(manager, "name", 255).not_null())
            // Folding can lengthen text: `İ` becomes two characters. Twice the length still fits every engine's index keys.
            .col(key_text(manager, "name_key", 510).not_null())
            .col(key_text(manager, "slug", 100).not_null())
            .col(key_text(manager, "category", 255))
            .col(word(manager, "status"))
            .col(word(manager, "priority"))
            .col(date("started_on"))
            .col(date("due_date"))
            .col(date("completed_on"))
            .col(integer("estimated_hours"))
            .col(integer("hourly_rate"));
        stamps(&mut projects);
        // Long text stands last: what comes before it is then read without its overflow pages.
        projects
            .col(text(manager, "description"))
            .col(text(manager, "notes"))
            .col(text(manager, "search_key").not_null())
            .foreign_key(&mut references("projects", "client_id", "clients", ForeignKeyAction::Restrict));
        create(manager, projects).await?;
        index(manager, "ux_projects_name", "projects", &["client_id", "name_key"], true).await?;
        index(manager, "ux_projects_slug", "projects", &["client_id", "slug"], true).await?;
        let indexes: [(&str, &[&str]); 4] = [
            ("ix_projects_name", &["name_key", "id"]),
            ("ix_projects_status", &["status", "name_key", "id"]),
            ("ix_projects_created_at", &["created_at", "id"]),
            ("ix_projects_updated_at", &["updated_at", "id"]),
        ];
        for (name, columns) in indexes {
            index(manager, name, "projects", columns, false).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, &["projects"]).await
    }
}
