//! Credentials, the versions of their secrets, one-time links, the audit chain.

use sea_orm_migration::prelude::*;

use crate::dialect::{
    bare, bytes, create, drop_tables, flag, id, index, integer, key_text, references, resource, stamps, text, word,
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const TABLES: [&str; 8] = [
    "credentials",
    "credential_access",
    "credential_versions",
    "credential_shares",
    "credential_audit_log",
    "credential_audit_epochs",
    "credential_audit_head",
    "vault_check",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        credentials(manager).await?;
        access(manager).await?;
        versions(manager).await?;
        shares(manager).await?;
        chain(manager).await?;
        single_rows(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, &TABLES).await
    }
}

async fn credentials(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut table = resource(manager, "credentials");
    table
        .col(id("client_id"))
        .col(id("service_id"))
        .col(id("infrastructure_id"))
        .col(key_text(manager, "service_name", 255).not_null())
        .col(key_text(manager, "service_name_key", 510).not_null())
        .col(word(manager, "credential_type"))
        .col(key_text(manager, "username", 255))
        .col(key_text(manager, "external_url", 255))
        .col(key_text(manager, "internal_url", 255))
        .col(ColumnDef::new("custom_port").integer())
        .col(flag("requires_vpn"))
        .col(flag("requires_2fa"))
        .col(flag("requires_reason"))
        .col(integer("expires_at"))
        .col(integer("last_rotated_at"))
        .col(ColumnDef::new("rotation_interval_days").integer())
        .col(integer("rotation_due_at"))
        .col(flag("is_active"))
        .col(key_text(manager, "has", 255).not_null())
        .col(integer("version").not_null())
        .col(flag("is_restricted"));
    stamps(&mut table);
    table
        .col(text(manager, "role_description"))
        .col(text(manager, "tags").not_null())
        .col(text(manager, "search_key").not_null())
        .foreign_key(&mut references("credentials", "client_id", "clients", ForeignKeyAction::Restrict));
    create(manager, table).await?;
    let indexes: [(&str, &[&str]); 9] = [
        ("ix_credentials_name", &["service_name_key", "id"]),
        ("ix_credentials_client", &["client_id", "service_name_key", "id"]),
        ("ix_credentials_service", &["service_id", "service_name_key", "id"]),
        ("ix_credentials_infrastructure", &["infrastructure_id", "service_name_key", "id"]),
        ("ix_credentials_type", &["credential_type", "service_name_key", "id"]),
        ("ix_credentials_expires_at", &["expires_at", "id"]),
        ("ix_credentials_rotation_due_at", &["rotation_due_at", "id"]),
        ("ix_credentials_created_at", &["created_at", "id"]),
        ("ix_credentials_updated_at", &["updated_at", "id"]),
    ];
    for (name, columns) in indexes {
        index(manager, name, "credentials", columns, false).await?;
    }
    Ok(())
}

async fn access(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut table = bare(manager, "credential_access");
    table
        .col(id("credential_id").not_null())
        .col(word(manager, "kind"))
        .col(key_text(manager, "name", 510).not_null())
        .primary_key(Index::create().col("credential_id").col("kind").col("name"))
        .foreign_key(&mut references("credential_access", "credential_id", "credentials", ForeignKeyAction::Cascade));
    create(manager, table).await
}

async fn versions(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut table = bare(manager, "credential_versions");
    table
        .col(id("credential_id").not_null())
        .col(integer("version").not_null())
        .col(key_text(manager, "fields", 255).not_null())
        .col(key_text(manager, "key_id", 64).not_null())
        .col(integer("created_at").not_null())
        .col(key_text(manager, "created_by", 320).not_null())
        .col(integer("sealed_at").not_null())
        .col(bytes(manager, "wrapped_key").not_null())
        .col(bytes(manager, "ciphertext").not_null())
        .primary_key(Index::create().col("credential_id").col("version"))
        .foreign_key(&mut references("credential_versions", "credential_id", "credentials", ForeignKeyAction::Cascade));
    create(manager, table).await?;
    // What each key wraps is counted off the index.
    index(manager, "ix_credential_versions_key", "credential_versions", &["key_id", "sealed_at"], false).await
}

async fn shares(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut table = resource(manager, "credential_shares");
    table
        .col(id("credential_id").not_null())
        .col(key_text(manager, "fields", 255).not_null())
        .col(ColumnDef::new("views_left").integer().not_null())
        .col(integer("expires_at").not_null())
        .col(integer("created_at").not_null())
        .col(key_text(manager, "created_by", 320).not_null())
        .col(bytes(manager, "sealed").not_null())
        .foreign_key(&mut references("credential_shares", "credential_id", "credentials", ForeignKeyAction::Cascade));
    create(manager, table).await?;
    index(manager, "ix_credential_shares_expires_at", "credential_shares", &["expires_at"], false).await
}

async fn chain(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut table = bare(manager, "credential_audit_log");
    table
        .col(integer("seq").not_null().primary_key())
        .col(id("id").not_null())
        .col(integer("epoch").not_null())
        // No foreign keys: a row outlives what it is about.
        .col(id("credential_id"))
        .col(key_text(manager, "credential_name", 255))
        .col(word(manager, "action"))
        .col(key_text(manager, "subject", 320).not_null())
        .col(key_text(manager, "agent_type", 64))
        .col(id("parent_session"))
        .col(key_text(manager, "client_ip", 64))
        .col(key_text(manager, "user_agent", 255))
        .col(key_text(manager, "request_id", 128))
        .col(integer("at").not_null())
        .col(bytes(manager, "hash").not_null())
        .col(text(manager, "reason"));
    create(manager, table).await?;
    let indexes: [(&str, &[&str], bool); 5] = [
        ("ux_credential_audit_log_id", &["id"], true),
        ("ix_credential_audit_log_credential", &["credential_id", "seq"], false),
        ("ix_credential_audit_log_subject", &["subject", "seq"], false),
        ("ix_credential_audit_log_action", &["action", "seq"], false),
        ("ix_credential_audit_log_at", &["at", "seq"], false),
    ];
    for (name, columns, unique) in indexes {
        index(manager, name, "credential_audit_log", columns, unique).await?;
    }
    Ok(())
}

/// The epochs of the chain, and what there is but one of: its head, and the value that master keys are checked by.
async fn single_rows(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut epochs = bare(manager, "credential_audit_epochs");
    epochs
        .col(integer("epoch").not_null().primary_key())
        .col(key_text(manager, "key_id", 64).not_null())
        .col(integer("first_seq").not_null())
        .col(key_text(manager, "sealed_key_id", 64).not_null())
        .col(bytes(manager, "wrapped_key").not_null())
        .col(bytes(manager, "ciphertext").not_null());
    create(manager, epochs).await?;
    let mut head = bare(manager, "credential_audit_head");
    head.col(integer("id").not_null().primary_key())
        .col(integer("seq").not_null())
        .col(integer("epoch").not_null())
        .col(bytes(manager, "hash").not_null())
        .col(bytes(manager, "seal").not_null());
    create(manager, head).await?;
    let mut check = bare(manager, "vault_check");
    check
        .col(integer("id").not_null().primary_key())
        .col(key_text(manager, "key_id", 64).not_null())
        .col(bytes(manager, "wrapped_key").not_null())
        .col(bytes(manager, "ciphertext").not_null());
    create(manager, check).await
}
