//! Commands, the patterns of their failures, and what is known of places.

use sea_orm_migration::prelude::*;

use crate::dialect::{
    bare, create, drop_tables, flag, id, index, integer, key_text, references, resource, stamps, text, word,
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const TABLES: [&str; 5] =
    ["failure_patterns", "failure_pattern_keys", "failure_pattern_spots", "commands", "environmental_insights"];
/// The row of `write_guards` that the analysis locks.
const GUARD: &str = "command_queue";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        patterns(manager).await?;
        pattern_keys(manager).await?;
        pattern_spots(manager).await?;
        commands(manager).await?;
        insights(manager).await?;
        let guard = Query::insert()
            .into_table("write_guards")
            .columns(["name"])
            .values_panic([GUARD.into()])
            .on_conflict(OnConflict::column("name").do_nothing_on(["name"]).to_owned())
            .take();
        manager.execute(guard).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .execute(Query::delete().from_table("write_guards").and_where(Expr::col("name").eq(GUARD)).take())
            .await?;
        drop_tables(manager, &TABLES).await
    }
}

async fn patterns(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let name = "failure_patterns";
    let mut table = resource(manager, name);
    table
        .col(word(manager, "pattern_type"))
        .col(key_text(manager, "pattern_signature", 255).not_null())
        .col(word(manager, "severity"))
        .col(integer("occurrence_count").not_null())
        .col(flag("is_active"))
        .col(word(manager, "source"))
        .col(key_text(manager, "verb", 120).not_null())
        .col(key_text(manager, "subject", 120).not_null())
        .col(integer("first_seen_at"))
        .col(integer("last_seen_at"));
    stamps(&mut table);
    for column in ["error_pattern", "root_cause", "recommended_solution"] {
        table.col(text(manager, column));
    }
    for column in [
        "alternative_approaches",
        "affected_infrastructure",
        "hosts",
        "client_ids",
        "examples",
        "suggestions",
        "search_key",
    ] {
        table.col(text(manager, column).not_null());
    }
    create(manager, table).await?;
    let indexes: [(&str, &[&str]); 6] = [
        ("ix_failure_patterns_count", &["occurrence_count", "id"]),
        ("ix_failure_patterns_created_at", &["created_at", "id"]),
        ("ix_failure_patterns_updated_at", &["updated_at", "id"]),
        ("ix_failure_patterns_type", &["pattern_type", "occurrence_count", "id"]),
        ("ix_failure_patterns_severity", &["severity", "occurrence_count", "id"]),
        ("ix_failure_patterns_active", &["is_active", "occurrence_count", "id"]),
    ];
    for (index_name, columns) in indexes {
        index(manager, index_name, name, columns, false).await?;
    }
    Ok(())
}

async fn pattern_keys(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let name = "failure_pattern_keys";
    let mut table = bare(manager, name);
    table
        .col(ColumnDef::new("failure_key").binary_len(32).not_null().primary_key())
        .col(ColumnDef::new("bucket").binary_len(32).not_null())
        .col(id("pattern_id").not_null())
        .col(ColumnDef::new("fingerprint_version").integer().not_null())
        .col(integer("created_at").not_null())
        .col(text(manager, "template").not_null())
        .foreign_key(&mut references(name, "pattern_id", "failure_patterns", ForeignKeyAction::Cascade));
    create(manager, table).await?;
    index(manager, "ix_failure_pattern_keys_bucket", name, &["bucket", "created_at"], false).await?;
    index(manager, "ix_failure_pattern_keys_pattern", name, &["pattern_id"], false).await
}

async fn pattern_spots(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let name = "failure_pattern_spots";
    let mut table = bare(manager, name);
    table
        .col(key_text(manager, "spot", 520).not_null())
        .col(key_text(manager, "verb", 120).not_null())
        .col(id("pattern_id").not_null())
        .col(key_text(manager, "needle", 510).not_null())
        .primary_key(Index::create().col("spot").col("verb").col("pattern_id"))
        .foreign_key(&mut references(name, "pattern_id", "failure_patterns", ForeignKeyAction::Cascade));
    create(manager, table).await?;
    index(manager, "ix_failure_pattern_spots_pattern", name, &["pattern_id"], false).await
}

async fn commands(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let name = "commands";
    let mut table = resource(manager, name);
    table
        .col(id("session_id").not_null())
        .col(id("work_item_id"))
        // The session's client and the asset as they were then.
        .col(id("client_id"))
        .col(id("infrastructure_id"))
        .col(key_text(manager, "host", 255))
        .col(key_text(manager, "host_key", 510).not_null())
        .col(key_text(manager, "shell_type", 32))
        .col(flag("success"))
        .col(ColumnDef::new("exit_code").integer())
        .col(key_text(manager, "failure_category", 32))
        .col(integer("duration_ms"))
        .col(integer("executed_at").not_null())
        .col(key_text(manager, "os", 255))
        .col(key_text(manager, "os_version", 255))
        .col(key_text(manager, "shell_version", 255))
        .col(key_text(manager, "verb", 120).not_null())
        .col(key_text(manager, "intent", 120).not_null())
        .col(flag("is_analysed"))
        .col(id("pattern_id"))
        .col(integer("created_at").not_null())
        .col(integer("revision").not_null())
        .col(text(manager, "command_text").not_null())
        .col(text(manager, "error_message"))
        .col(text(manager, "output_excerpt"))
        .col(text(manager, "search_key").not_null())
        .foreign_key(&mut references(name, "session_id", "sessions", ForeignKeyAction::Restrict))
        .foreign_key(&mut references(name, "work_item_id", "work_items", ForeignKeyAction::Restrict))
        .foreign_key(&mut references(name, "client_id", "clients", ForeignKeyAction::Restrict))
        .foreign_key(&mut references(name, "infrastructure_id", "infrastructure", ForeignKeyAction::Restrict))
        .foreign_key(&mut references(name, "pattern_id", "failure_patterns", ForeignKeyAction::SetNull));
    create(manager, table).await?;
    let indexes: [(&str, &[&str]); 12] = [
        ("ix_commands_executed_at", &["executed_at", "id"]),
        ("ix_commands_created_at", &["created_at", "id"]),
        ("ix_commands_session", &["session_id", "executed_at", "id"]),
        ("ix_commands_work_item", &["work_item_id", "executed_at", "id"]),
        ("ix_commands_host", &["host_key", "executed_at", "id"]),
        ("ix_commands_success", &["success", "executed_at", "id"]),
        ("ix_commands_category", &["failure_category", "executed_at", "id"]),
        ("ix_commands_pattern", &["pattern_id"]),
        ("ix_commands_client", &["client_id", "success", "executed_at", "id"]),
        ("ix_commands_asset", &["infrastructure_id", "created_at", "session_id"]),
        // The queue, and what a contrast looks at.
        ("ix_commands_queue", &["is_analysed", "created_at", "id"]),
        ("ix_commands_verb", &["verb", "is_analysed", "created_at", "id"]),
    ];
    for (index_name, columns) in indexes {
        index(manager, index_name, name, columns, false).await?;
    }
    Ok(())
}

async fn insights(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let name = "environmental_insights";
    let mut table = resource(manager, name);
    table
        .col(id("client_id"))
        .col(id("infrastructure_id"))
        .col(word(manager, "category"))
        .col(key_text(manager, "title", 255).not_null())
        .col(ColumnDef::new("priority").integer().not_null())
        .col(word(manager, "source"))
        .col(ColumnDef::new("confidence").integer().not_null())
        .col(integer("last_verified_at"))
        .col(id("pattern_id"))
        .col(key_text(manager, "verb", 120).not_null())
        .col(key_text(manager, "attribute", 32))
        .col(key_text(manager, "attribute_value", 1020))
        .col(key_text(manager, "spot", 520).not_null());
    stamps(&mut table);
    table
        .col(text(manager, "description").not_null())
        .col(text(manager, "examples").not_null())
        .col(text(manager, "search_key").not_null())
        .col(text(manager, "topics").not_null())
        .foreign_key(&mut references(name, "client_id", "clients", ForeignKeyAction::Restrict))
        .foreign_key(&mut references(name, "infrastructure_id", "infrastructure", ForeignKeyAction::Restrict))
        .foreign_key(&mut references(name, "pattern_id", "failure_patterns", ForeignKeyAction::Cascade));
    create(manager, table).await?;
    // A pattern has one insight; those entered by hand have no pattern.
    index(manager, "ux_environmental_insights_pattern", name, &["pattern_id"], true).await?;
    let indexes: [(&str, &[&str]); 9] = [
        ("ix_environmental_insights_priority", &["priority", "id"]),
        ("ix_environmental_insights_created_at", &["created_at", "id"]),
        ("ix_environmental_insights_updated_at", &["updated_at", "id"]),
        ("ix_environmental_insights_client", &["client_id", "priority", "id"]),
        ("ix_environmental_insights_asset", &["infrastructure_id", "priority", "id"]),
        ("ix_environmental_insights_category", &["category", "priority", "id"]),
        ("ix_environmental_insights_source", &["source", "priority", "id"]),
        ("ix_environmental_insights_verb", &["verb", "priority", "id"]),
        ("ix_environmental_insights_spot", &["spot", "verb", "priority", "id"]),
    ];
    for (index_name, columns) in indexes {
        index(manager, index_name, name, columns, false).await?;
    }
    Ok(())
}
