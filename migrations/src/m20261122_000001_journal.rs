//! What commits together with a change: API audit rows and answers kept for repeated requests.

use sea_orm_migration::prelude::*;

use crate::dialect::{bare, bytes, create, drop_tables, id, index, integer, key_text, resource, text};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut audit = resource(manager, "api_audit_logs");
        audit
            .col(integer("at").not_null())
            .col(key_text(manager, "request_id", 128).not_null())
            .col(key_text(manager, "subject", 255))
            .col(key_text(manager, "agent_type", 64))
            .col(id("parent_session"))
            .col(key_text(manager, "method", 16).not_null())
            .col(key_text(manager, "route", 255))
            .col(text(manager, "path").not_null())
            .col(ColumnDef::new("status").small_integer().not_null())
            .col(integer("duration_micros").not_null())
            .col(key_text(manager, "client_ip", 45))
            .col(key_text(manager, "user_agent", 255));
        create(manager, audit).await?;
        let indexes: [(&str, &[&str]); 6] = [
            ("ix_api_audit_logs_at", &["at", "id"]),
            ("ix_api_audit_logs_subject", &["subject", "at", "id"]),
            ("ix_api_audit_logs_route", &["route", "at", "id"]),
            ("ix_api_audit_logs_status", &["status", "at", "id"]),
            ("ix_api_audit_logs_request", &["request_id", "at", "id"]),
            ("ix_api_audit_logs_parent", &["parent_session", "at", "id"]),
        ];
        for (name, columns) in indexes {
            index(manager, name, "api_audit_logs", columns, false).await?;
        }

        let mut keys = bare(manager, "idempotency_keys");
        keys.col(key_text(manager, "caller", 300).not_null())
            .col(key_text(manager, "idempotency_key", 128).not_null())
            .col(ColumnDef::new("fingerprint").binary_len(32).not_null())
            .col(ColumnDef::new("status").small_integer().not_null())
            .col(text(manager, "location"))
            .col(key_text(manager, "etag", 128))
            .col(bytes(manager, "body").not_null())
            .col(integer("created_at").not_null())
            .col(integer("expires_at").not_null())
            .primary_key(Index::create().col("caller").col("idempotency_key"));
        create(manager, keys).await?;
        index(manager, "ix_idempotency_keys_expires_at", "idempotency_keys", &["expires_at"], false).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, &["api_audit_logs", "idempotency_keys"]).await
    }
}
