//! Accounts, their refresh tokens, revoked access tokens, failed log-ins and runs of agents.

use sea_orm_migration::prelude::*;

use crate::dialect::{
    bare, create, drop_tables, flag, id, index, integer, key_text, references, resource, stamps, text, word,
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        accounts(manager).await?;
        refresh_tokens(manager).await?;
        revocations(manager).await?;
        login_throttle(manager).await?;
        agent_runs(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, &["accounts", "refresh_tokens", "revocations", "login_throttle", "agent_runs"]).await
    }
}

async fn accounts(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut accounts = resource(manager, "accounts");
    accounts
        .col(key_text(manager, "email", 254).not_null())
        .col(key_text(manager, "email_key", 254).not_null())
        .col(text(manager, "password_hash").not_null())
        .col(word(manager, "scope"))
        .col(flag("is_active"))
        .col(integer("last_login_at"))
        .col(integer("password_changed_at").not_null());
    stamps(&mut accounts);
    create(manager, accounts).await?;
    index(manager, "ux_accounts_email", "accounts", &["email_key"], true).await?;
    // Locking the administrators must not lock everyone else's row on engines that lock what they scan.
    index(manager, "ix_accounts_scope", "accounts", &["scope", "is_active", "id"], false).await?;
    index(manager, "ix_accounts_created_at", "accounts", &["created_at", "id"], false).await?;
    index(manager, "ix_accounts_updated_at", "accounts", &["updated_at", "id"], false).await
}

async fn refresh_tokens(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let name = "refresh_tokens";
    let mut tokens = resource(manager, name);
    tokens
        .col(id("account_id").not_null())
        .col(id("family_id").not_null())
        .col(word(manager, "kind"))
        .col(ColumnDef::new("token_hash").binary_len(32).not_null())
        .col(key_text(manager, "machine", 255))
        .col(integer("created_at").not_null())
        .col(integer("last_used_at"))
        .col(integer("expires_at").not_null())
        .col(integer("used_at"))
        .col(integer("revoked_at"))
        .foreign_key(&mut references(name, "account_id", "accounts", ForeignKeyAction::Restrict));
    create(manager, tokens).await?;
    index(manager, "ux_refresh_tokens_hash", name, &["token_hash"], true).await?;
    // Only those that live are ever listed. Each use of a rotating token leaves a used one behind for a month, so that the
    // living are few among them.
    let indexes: [(&str, &[&str]); 4] = [
        ("ix_refresh_tokens_live", &["used_at", "revoked_at", "created_at", "id"]),
        ("ix_refresh_tokens_account", &["account_id", "used_at", "revoked_at", "created_at", "id"]),
        ("ix_refresh_tokens_family", &["family_id"]),
        ("ix_refresh_tokens_expires_at", &["expires_at"]),
    ];
    for (index_name, columns) in indexes {
        index(manager, index_name, name, columns, false).await?;
    }
    Ok(())
}

async fn revocations(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut revocations = resource(manager, "revocations");
    revocations
        .col(word(manager, "kind"))
        .col(key_text(manager, "value", 255).not_null())
        .col(integer("issued_before"))
        .col(integer("recorded_at").not_null())
        .col(integer("expires_at").not_null());
    create(manager, revocations).await?;
    index(manager, "ix_revocations_recorded_at", "revocations", &["recorded_at", "id"], false).await?;
    index(manager, "ix_revocations_expires_at", "revocations", &["expires_at"], false).await
}

async fn login_throttle(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut throttle = bare(manager, "login_throttle");
    throttle
        .col(key_text(manager, "throttle_key", 300).not_null().primary_key())
        .col(text(manager, "recent").not_null())
        .col(integer("strikes").not_null())
        .col(integer("blocked_until"))
        .col(integer("updated_at").not_null())
        .col(integer("revision").not_null());
    create(manager, throttle).await?;
    index(manager, "ix_login_throttle_updated_at", "login_throttle", &["updated_at"], false).await
}

/// Without foreign keys: a run is a record of what was, and outlives the session and client that it names.
async fn agent_runs(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let name = "agent_runs";
    let mut runs = resource(manager, name);
    runs.col(key_text(manager, "agent_type", 64).not_null())
        .col(id("parent_session").not_null())
        .col(id("client_id"))
        .col(word(manager, "scope"))
        .col(text(manager, "input"))
        .col(ColumnDef::new("input_digest").binary_len(32).not_null())
        .col(word(manager, "status"))
        .col(text(manager, "result"))
        .col(integer("started_at").not_null())
        .col(integer("finished_at"))
        .col(integer("request_count").not_null())
        .col(key_text(manager, "token_id", 255).not_null())
        .col(integer("expires_at").not_null())
        .col(key_text(manager, "started_by", 255).not_null())
        .col(integer("revision").not_null());
    create(manager, runs).await?;
    index(manager, "ux_agent_runs_token", name, &["token_id"], true).await?;
    let indexes: [(&str, &[&str]); 5] = [
        ("ix_agent_runs_started_at", &["started_at", "id"]),
        ("ix_agent_runs_session", &["parent_session", "started_at", "id"]),
        ("ix_agent_runs_type", &["agent_type", "started_at", "id"]),
        ("ix_agent_runs_status", &["status", "started_at", "id"]),
        // The earlier answer to the same question.
        ("ix_agent_runs_answer", &["input_digest", "client_id", "agent_type", "status", "finished_at", "id"]),
    ];
    for (index_name, columns) in indexes {
        index(manager, index_name, name, columns, false).await?;
    }
    Ok(())
}
