//! Clients.

use sea_orm_migration::prelude::*;

use crate::dialect::{drop_tables, flag, index, integer, key_text, resource, stamps, text, word};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut clients = resource(manager, "clients");
        clients
            .col(key_text("name", 255).not_null())
            // Folding can lengthen text: `İ` becomes two characters.
            .col(key_text("name_key", 510).not_null())
            .col(word("client_type"))
            .col(key_text("network_subnet", 64))
            .col(key_text("domain_name", 255))
            .col(key_text("primary_contact", 255))
            .col(key_text("contact_email", 255))
            .col(key_text("contact_phone", 255))
            .col(text("notes"))
            .col(flag("is_active"))
            .col(integer("hourly_rate"))
            .col(ColumnDef::new("billing_increment_minutes").integer().not_null())
            .col(word("billing_rounding"))
            .col(key_text("currency", 3).not_null())
            .col(text("external_ids").not_null())
            .col(text("search_key").not_null());
        stamps(&mut clients);
        manager.create_table(clients).await?;
        index(manager, "ux_clients_name", "clients", &["name_key"], true).await?;
        index(manager, "ix_clients_created_at", "clients", &["created_at", "id"], false).await?;
        index(manager, "ix_clients_updated_at", "clients", &["updated_at", "id"], false).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, &["clients"]).await
    }
}
