//! Clients.

use sea_orm_migration::prelude::*;

use crate::dialect::{create, drop_tables, flag, index, integer, key_text, resource, stamps, text, word};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut clients = resource(manager, "clients");
        clients
            .col(key_text(manager, "name", 255).not_null())
            // Folding can lengthen text: `İ` becomes two characters.
            .col(key_text(manager, "name_key", 510).not_null())
            .col(word(manager, "client_type"))
            .col(key_text(manager, "network_subnet", 64))
            .col(key_text(manager, "domain_name", 255))
            .col(key_text(manager, "primary_contact", 255))
            .col(key_text(manager, "contact_email", 255))
            .col(key_text(manager, "contact_phone", 255))
            .col(text(manager, "notes"))
            .col(flag("is_active"))
            .col(integer("hourly_rate"))
            .col(ColumnDef::new("billing_increment_minutes").integer().not_null())
            .col(word(manager, "billing_rounding"))
            .col(key_text(manager, "currency", 3).not_null())
            .col(text(manager, "external_ids").not_null())
            .col(text(manager, "search_key").not_null());
        stamps(&mut clients);
        create(manager, clients).await?;
        index(manager, "ux_clients_name", "clients", &["name_key"], true).await?;
        index(manager, "ix_clients_created_at", "clients", &["created_at", "id"], false).await?;
        index(manager, "ix_clients_updated_at", "clients", &["updated_at", "id"], false).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, &["clients"]).await
    }
}
