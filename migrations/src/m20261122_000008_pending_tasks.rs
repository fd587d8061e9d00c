//! Pending tasks and what they depend on.

use sea_orm_migration::prelude::*;

use crate::dialect::{
    bare, create, date, drop_tables, id, index, integer, key_text, references, resource, stamps, text, word,
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        pending_tasks(manager).await?;
        task_dependencies(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, &["pending_tasks", "task_dependencies"]).await
    }
}

async fn pending_tasks(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut tasks = resource(manager, "pending_tasks");
    tasks
        .col(id("client_id"))
        .col(id("project_id"))
        .col(id("work_item_id"))
        .col(id("parent_task_id"))
        .col(key_text(manager, "title", 255).not_null())
        // Folding can lengthen text: `İ` becomes two characters. Twice the length still fits every engine's index keys.
        .col(key_text(manager, "title_key", 510).not_null())
        .col(word(manager, "priority"))
        .col(word(manager, "status"))
        .col(key_text(manager, "assigned_to", 255))
        .col(key_text(manager, "assigned_key", 510))
        .col(date("due_date"))
        .col(integer("completed_at"));
    stamps(&mut tasks);
    // Long text stands last: what comes before it is then read without its overflow pages.
    tasks.col(text(manager, "description")).col(text(manager, "blocked_by"));
    for (column, target) in [
        ("client_id", "clients"),
        ("project_id", "projects"),
        ("work_item_id", "work_items"),
        ("parent_task_id", "pending_tasks"),
    ] {
        tasks.foreign_key(&mut references("pending_tasks", column, target, ForeignKeyAction::Restrict));
    }
    create(manager, tasks).await?;
    // Each single filter of the list followed by its usual order. The assignee and the day due stand in the index of the order
    // itself: substrings and days are looked for there instead of in the rows.
    let indexes: [(&str, &[&str]); 9] = [
        ("ix_pending_tasks_created_at", &["created_at", "id", "due_date", "assigned_key"]),
        ("ix_pending_tasks_updated_at", &["updated_at", "id"]),
        ("ix_pending_tasks_title", &["title_key", "id"]),
        ("ix_pending_tasks_client", &["client_id", "created_at", "id"]),
        ("ix_pending_tasks_project", &["project_id", "created_at", "id"]),
        ("ix_pending_tasks_priority", &["priority", "created_at", "id"]),
        ("ix_pending_tasks_status", &["status", "created_at", "id", "due_date"]),
        ("ix_pending_tasks_work_item", &["work_item_id"]),
        ("ix_pending_tasks_parent", &["parent_task_id"]),
    ];
    for (name, columns) in indexes {
        index(manager, name, "pending_tasks", columns, false).await?;
    }
    Ok(())
}

async fn task_dependencies(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut links = bare(manager, "task_dependencies");
    links
        .col(id("task_id").not_null())
        .col(id("depends_on_id").not_null())
        .primary_key(Index::create().col("task_id").col("depends_on_id"))
        .foreign_key(&mut references("task_dependencies", "task_id", "pending_tasks", ForeignKeyAction::Cascade))
        .foreign_key(&mut references(
            "task_dependencies",
            "depends_on_id",
            "pending_tasks",
            ForeignKeyAction::Restrict,
        ));
    create(manager, links).await?;
    index(manager, "ix_task_dependencies_on", "task_dependencies", &["depends_on_id", "task_id"], false).await
}
