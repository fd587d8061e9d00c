//! Networks, firewall rules, tenants of Microsoft 365, security incidents.

use sea_orm_migration::prelude::*;

use crate::dialect::{
    bare, create, date, drop_tables, flag, id, index, integer, key_text, references, resource, stamps, text, word,
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const TABLES: [&str; 6] = [
    "networks",
    "firewall_rules",
    "m365_tenants",
    "security_incidents",
    "security_incident_assets",
    "security_incident_moves",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        networks(manager).await?;
        firewall_rules(manager).await?;
        tenants(manager).await?;
        incidents(manager).await?;
        incident_parts(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, &TABLES).await
    }
}

async fn networks(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut table = resource(manager, "networks");
    table
        .col(id("client_id").not_null())
        .col(id("site_id"))
        .col(key_text(manager, "name", 255).not_null())
        .col(key_text(manager, "name_key", 510).not_null())
        .col(word(manager, "network_type"))
        .col(key_text(manager, "cidr", 64).not_null())
        // The first address, as text that sorts as addresses do: what lies within a network begins within it.
        .col(key_text(manager, "first_key", 40).not_null())
        .col(ColumnDef::new("vlan_id").integer())
        .col(key_text(manager, "gateway_ip", 64))
        .col(key_text(manager, "dhcp_range", 255));
    stamps(&mut table);
    table
        .col(text(manager, "notes"))
        .col(text(manager, "external_ids").not_null())
        .col(text(manager, "search_key").not_null())
        .foreign_key(&mut references("networks", "client_id", "clients", ForeignKeyAction::Restrict))
        .foreign_key(&mut references("networks", "site_id", "sites", ForeignKeyAction::Restrict));
    create(manager, table).await?;
    let indexes: [(&str, &[&str]); 8] = [
        ("ix_networks_name", &["name_key", "id"]),
        ("ix_networks_client", &["client_id", "name_key", "id"]),
        ("ix_networks_site", &["site_id", "name_key", "id"]),
        ("ix_networks_type", &["network_type", "name_key", "id"]),
        ("ix_networks_cidr", &["cidr", "id"]),
        ("ix_networks_first", &["client_id", "first_key", "id"]),
        ("ix_networks_created_at", &["created_at", "id"]),
        ("ix_networks_updated_at", &["updated_at", "id"]),
    ];
    for (name, columns) in indexes {
        index(manager, name, "networks", columns, false).await?;
    }
    Ok(())
}

async fn firewall_rules(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut table = resource(manager, "firewall_rules");
    table
        .col(id("infrastructure_id"))
        .col(id("client_id").not_null())
        .col(key_text(manager, "name", 255).not_null())
        .col(key_text(manager, "name_key", 510).not_null())
        .col(key_text(manager, "source_cidr", 64))
        .col(key_text(manager, "destination_cidr", 64))
        .col(key_text(manager, "port", 11))
        .col(word(manager, "protocol"))
        .col(word(manager, "action"))
        .col(ColumnDef::new("rule_order").integer().not_null())
        .col(flag("is_enabled"));
    stamps(&mut table);
    table
        .col(text(manager, "notes"))
        .col(text(manager, "search_key").not_null())
        .foreign_key(&mut references(
            "firewall_rules",
            "infrastructure_id",
            "infrastructure",
            ForeignKeyAction::Restrict,
        ))
        .foreign_key(&mut references("firewall_rules", "client_id", "clients", ForeignKeyAction::Restrict));
    create(manager, table).await?;
    let indexes: [(&str, &[&str]); 7] = [
        ("ix_firewall_rules_order", &["rule_order", "id"]),
        ("ix_firewall_rules_client", &["client_id", "rule_order", "id"]),
        ("ix_firewall_rules_infrastructure", &["infrastructure_id", "rule_order", "id"]),
        ("ix_firewall_rules_action", &["action", "rule_order", "id"]),
        ("ix_firewall_rules_name", &["name_key", "id"]),
        ("ix_firewall_rules_created_at", &["created_at", "id"]),
        ("ix_firewall_rules_updated_at", &["updated_at", "id"]),
    ];
    for (name, columns) in indexes {
        index(manager, name, "firewall_rules", columns, false).await?;
    }
    Ok(())
}

async fn tenants(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut table = resource(manager, "m365_tenants");
    table
        .col(id("client_id").not_null())
        .col(id("tenant_id").not_null())
        .col(key_text(manager, "tenant_name", 255).not_null())
        .col(key_text(manager, "tenant_name_key", 510).not_null())
        .col(key_text(manager, "default_domain", 255))
        .col(key_text(manager, "admin_email", 254))
        .col(key_text(manager, "cipp_name", 255));
    stamps(&mut table);
    table.col(text(manager, "notes")).col(text(manager, "search_key").not_null()).foreign_key(&mut references(
        "m365_tenants",
        "client_id",
        "clients",
        ForeignKeyAction::Restrict,
    ));
    create(manager, table).await?;
    index(manager, "ux_m365_tenants_tenant", "m365_tenants", &["tenant_id"], true).await?;
    let indexes: [(&str, &[&str]); 4] = [
        ("ix_m365_tenants_name", &["tenant_name_key", "id"]),
        ("ix_m365_tenants_client", &["client_id", "tenant_name_key", "id"]),
        ("ix_m365_tenants_created_at", &["created_at", "id"]),
        ("ix_m365_tenants_updated_at", &["updated_at", "id"]),
    ];
    for (name, columns) in indexes {
        index(manager, name, "m365_tenants", columns, false).await?;
    }
    Ok(())
}

async fn incidents(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut table = resource(manager, "security_incidents");
    table
        .col(id("client_id").not_null())
        .col(key_text(manager, "title", 255).not_null())
        .col(key_text(manager, "title_key", 510).not_null())
        .col(key_text(manager, "incident_type", 32))
        .col(word(manager, "severity"))
        .col(word(manager, "status"))
        .col(date("incident_date").not_null())
        .col(integer("resolved_at"));
    stamps(&mut table);
    table
        .col(text(manager, "description"))
        .col(text(manager, "findings"))
        .col(text(manager, "remediation_steps"))
        .col(text(manager, "affected_users").not_null())
        .col(text(manager, "affected_infrastructure").not_null())
        .col(text(manager, "notes"))
        .col(text(manager, "search_key").not_null())
        .foreign_key(&mut references("security_incidents", "client_id", "clients", ForeignKeyAction::Restrict));
    create(manager, table).await?;
    let indexes: [(&str, &[&str]); 7] = [
        ("ix_security_incidents_date", &["incident_date", "id"]),
        ("ix_security_incidents_client", &["client_id", "incident_date", "id"]),
        ("ix_security_incidents_severity", &["severity", "incident_date", "id"]),
        ("ix_security_incidents_status", &["status", "incident_date", "id"]),
        ("ix_security_incidents_title", &["title_key", "id"]),
        ("ix_security_incidents_created_at", &["created_at", "id"]),
        ("ix_security_incidents_updated_at", &["updated_at", "id"]),
    ];
    for (name, columns) in indexes {
        index(manager, name, "security_incidents", columns, false).await?;
    }
    Ok(())
}

/// The assets that an incident names, so that none of them is removed, and where the incident stood.
async fn incident_parts(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let name = "security_incident_assets";
    let mut links = bare(manager, name);
    links
        .col(id("incident_id").not_null())
        .col(id("infrastructure_id").not_null())
        .primary_key(Index::create().col("incident_id").col("infrastructure_id"))
        .foreign_key(&mut references(name, "incident_id", "security_incidents", ForeignKeyAction::Cascade))
        .foreign_key(&mut references(name, "infrastructure_id", "infrastructure", ForeignKeyAction::Restrict));
    create(manager, links).await?;
    index(manager, "ix_security_incident_assets_infrastructure", name, &["infrastructure_id"], false).await?;

    let name = "security_incident_moves";
    let mut moves = bare(manager, name);
    moves
        .col(id("incident_id").not_null())
        // The incident's revision that the move made: one revision moves once at most.
        .col(integer("seq").not_null())
        .col(key_text(manager, "from_status", 32))
        .col(word(manager, "to_status"))
        .col(integer("at").not_null())
        .col(key_text(manager, "moved_by", 320).not_null())
        .primary_key(Index::create().col("incident_id").col("seq"))
        .foreign_key(&mut references(name, "incident_id", "security_incidents", ForeignKeyAction::Cascade));
    create(manager, moves).await
}
