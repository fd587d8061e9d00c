//! Sites, assets, services and how they hang together.

use sea_orm_migration::prelude::*;

use crate::dialect::{
    create, date, drop_tables, flag, id, index, integer, key_text, references, resource, stamps, text, word,
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// The row of `write_guards` that changes of parents lock.
const GUARD: &str = "asset_parents";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        sites(manager).await?;
        infrastructure(manager).await?;
        services(manager).await?;
        relationships(manager).await?;
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
        drop_tables(manager, &["sites", "infrastructure", "services", "service_relationships"]).await
    }
}

async fn sites(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut table = resource(manager, "sites");
    table
        .col(id("client_id").not_null())
        .col(key_text(manager, "name", 255).not_null())
        .col(key_text(manager, "name_key", 510).not_null())
        .col(key_text(manager, "address", 255))
        .col(key_text(manager, "city", 255))
        .col(key_text(manager, "state", 255))
        .col(key_text(manager, "postal_code", 255))
        .col(key_text(manager, "country", 255))
        .col(key_text(manager, "network_subnet", 64))
        .col(flag("vpn_required"))
        .col(key_text(manager, "vpn_subnet", 64))
        .col(key_text(manager, "gateway_ip", 64))
        .col(integer("latitude"))
        .col(integer("longitude"));
    stamps(&mut table);
    table
        .col(text(manager, "dns_servers").not_null())
        .col(text(manager, "notes"))
        .col(text(manager, "external_ids").not_null())
        .col(text(manager, "search_key").not_null())
        .foreign_key(&mut references("sites", "client_id", "clients", ForeignKeyAction::Restrict));
    create(manager, table).await?;
    index(manager, "ux_sites_name", "sites", &["client_id", "name_key"], true).await?;
    let indexes: [(&str, &[&str]); 3] = [
        ("ix_sites_name", &["name_key", "id"]),
        ("ix_sites_created_at", &["created_at", "id"]),
        ("ix_sites_updated_at", &["updated_at", "id"]),
    ];
    for (name, columns) in indexes {
        index(manager, name, "sites", columns, false).await?;
    }
    Ok(())
}

async fn infrastructure(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut table = resource(manager, "infrastructure");
    table
        .col(id("client_id").not_null())
        .col(id("site_id"))
        .col(id("parent_id"))
        .col(key_text(manager, "hostname", 255).not_null())
        .col(key_text(manager, "hostname_key", 510).not_null())
        .col(key_text(manager, "ip_address", 64))
        .col(key_text(manager, "mac_address", 17))
        .col(word(manager, "asset_type"))
        .col(key_text(manager, "os", 255))
        .col(key_text(manager, "os_version", 255))
        .col(key_text(manager, "location", 255))
        .col(word(manager, "status"))
        .col(key_text(manager, "powershell_version", 255))
        .col(key_text(manager, "shell_type", 255))
        .col(key_text(manager, "package_manager", 255))
        .col(flag("has_gui"))
        .col(flag("has_ssh"))
        .col(flag("has_winrm"))
        .col(key_text(manager, "serial_number", 255))
        .col(date("warranty_until"));
    stamps(&mut table);
    table
        .col(text(manager, "environmental_notes"))
        .col(text(manager, "limitations").not_null())
        .col(text(manager, "recommended_commands").not_null())
        .col(text(manager, "tags").not_null())
        .col(text(manager, "tag_key").not_null())
        .col(text(manager, "external_ids").not_null())
        .col(text(manager, "search_key").not_null())
        .foreign_key(&mut references("infrastructure", "client_id", "clients", ForeignKeyAction::Restrict))
        .foreign_key(&mut references("infrastructure", "site_id", "sites", ForeignKeyAction::Restrict))
        .foreign_key(&mut references("infrastructure", "parent_id", "infrastructure", ForeignKeyAction::Restrict));
    create(manager, table).await?;
    index(manager, "ux_infrastructure_hostname", "infrastructure", &["client_id", "hostname_key"], true).await?;
    let indexes: [(&str, &[&str]); 8] = [
        ("ix_infrastructure_hostname", &["hostname_key", "id"]),
        ("ix_infrastructure_site", &["site_id", "hostname_key", "id"]),
        ("ix_infrastructure_parent", &["parent_id", "id"]),
        ("ix_infrastructure_type", &["asset_type", "hostname_key", "id"]),
        ("ix_infrastructure_status", &["status", "hostname_key", "id"]),
        ("ix_infrastructure_ip", &["ip_address", "hostname_key", "id"]),
        ("ix_infrastructure_created_at", &["created_at", "id"]),
        ("ix_infrastructure_updated_at", &["updated_at", "id"]),
    ];
    for (name, columns) in indexes {
        index(manager, name, "infrastructure", columns, false).await?;
    }
    Ok(())
}

async fn services(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut table = resource(manager, "services");
    table
        .col(id("infrastructure_id").not_null())
        // The asset's, which cannot change while it has services.
        .col(id("client_id").not_null())
        .col(key_text(manager, "service_name", 255).not_null())
        .col(key_text(manager, "service_name_key", 510).not_null())
        .col(key_text(manager, "service_type", 255))
        .col(key_text(manager, "service_type_key", 510))
        .col(ColumnDef::new("port").integer())
        .col(key_text(manager, "protocol", 32))
        .col(key_text(manager, "external_url", 255))
        .col(key_text(manager, "internal_url", 255))
        .col(key_text(manager, "version", 255))
        .col(word(manager, "status"));
    stamps(&mut table);
    table
        .col(text(manager, "notes"))
        .col(text(manager, "search_key").not_null())
        .foreign_key(&mut references("services", "infrastructure_id", "infrastructure", ForeignKeyAction::Restrict))
        .foreign_key(&mut references("services", "client_id", "clients", ForeignKeyAction::Restrict));
    create(manager, table).await?;
    let indexes: [(&str, &[&str]); 6] = [
        ("ix_services_name", &["service_name_key", "id"]),
        ("ix_services_infrastructure", &["infrastructure_id", "service_name_key", "id"]),
        ("ix_services_client", &["client_id", "service_name_key", "id"]),
        ("ix_services_status", &["status", "service_name_key", "id"]),
        ("ix_services_created_at", &["created_at", "id"]),
        ("ix_services_updated_at", &["updated_at", "id"]),
    ];
    for (name, columns) in indexes {
        index(manager, name, "services", columns, false).await?;
    }
    // Alone: with the name behind it the key would be longer than MySQL takes.
    index(manager, "ix_services_type", "services", &["service_type_key"], false).await
}

async fn relationships(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let name = "service_relationships";
    let mut table = resource(manager, name);
    table
        .col(id("from_service_id").not_null())
        .col(id("to_service_id").not_null())
        .col(word(manager, "relationship_type"));
    stamps(&mut table);
    table
        .foreign_key(&mut references(name, "from_service_id", "services", ForeignKeyAction::Restrict))
        .foreign_key(&mut references(name, "to_service_id", "services", ForeignKeyAction::Restrict));
    create(manager, table).await?;
    let ends = ["from_service_id", "to_service_id", "relationship_type"];
    index(manager, "ux_service_relationships_ends", name, &ends, true).await?;
    let indexes: [(&str, &[&str]); 3] = [
        ("ix_service_relationships_to", &["to_service_id", "id"]),
        ("ix_service_relationships_created_at", &["created_at", "id"]),
        ("ix_service_relationships_updated_at", &["updated_at", "id"]),
    ];
    for (index_name, columns) in indexes {
        index(manager, index_name, name, columns, false).await?;
    }
    Ok(())
}
