//! Machines.

use sea_orm_migration::prelude::*;

use crate::dialect::{create, drop_tables, flag, index, integer, key_text, resource, stamps, text, word};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut machines = resource(manager, "machines");
        machines
            .col(key_text(manager, "hostname", 255).not_null())
            // Folding can lengthen text: `İ` becomes two characters. Twice the length still fits every engine's index keys.
            .col(key_text(manager, "hostname_key", 510).not_null())
            .col(key_text(manager, "machine_fingerprint", 64).not_null())
            .col(word(manager, "platform"))
            .col(key_text(manager, "os_version", 255))
            .col(key_text(manager, "username", 255))
            .col(key_text(manager, "friendly_name", 255))
            .col(flag("has_vpn_access"))
            .col(text(manager, "vpn_profiles").not_null())
            .col(flag("has_docker"))
            .col(key_text(manager, "powershell_version", 255))
            .col(key_text(manager, "preferred_shell", 255))
            .col(text(manager, "available_mcps").not_null())
            .col(text(manager, "available_skills").not_null())
            .col(text(manager, "notes"))
            .col(flag("is_active"))
            .col(integer("last_seen"))
            .col(text(manager, "search_key").not_null());
        stamps(&mut machines);
        create(manager, machines).await?;
        index(manager, "ux_machines_fingerprint", "machines", &["machine_fingerprint"], true).await?;
        index(manager, "ix_machines_hostname", "machines", &["hostname_key", "id"], false).await?;
        index(manager, "ix_machines_created_at", "machines", &["created_at", "id"], false).await?;
        index(manager, "ix_machines_updated_at", "machines", &["updated_at", "id"], false).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, &["machines"]).await
    }
}
