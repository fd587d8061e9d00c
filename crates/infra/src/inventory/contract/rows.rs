//! What every kind of rows must keep: each field, what is unique, what refers to what, what two writers do to each other.

use std::{collections::BTreeMap, fmt::Debug};

use claudetools_kernel::{
    Entity, Id, Patch, Referrer, StoreError,
    contract::{at, met_another_writer, uuid},
};
use uuid::Uuid;

use super::{
    Outcome, Store, add, asset, changed, id, incident, link, made, network, rule, service, set, site, tenant, text,
};
use crate::inventory::{
    Asset, AssetFields, AssetStatus, AssetType, Degrees, FirewallRule, FirewallRuleFields, IncidentSeverity,
    IncidentStatus, IncidentType, Item, M365Tenant, M365TenantFields, Network, NetworkFields, NetworkType,
    RelationshipType, RuleAction, RuleProtocol, SecurityIncident, SecurityIncidentFields, Service, ServiceFields,
    ServiceRelationship, ServiceRelationshipFields, ServiceStatus, Site, SiteFields, Transport,
};

/// The rules of rows. Both clients exist.
pub async fn inventory_rows(store: Store<'_>, clients: [Uuid; 2]) -> Outcome {
    let [acme, globex] = clients;
    keeps_every_field(store, acme).await?;
    keeps_names_unique(store, clients).await?;
    refuses_what_refers_to_nothing(store, acme).await?;
    tells_what_refers_to_a_row(store, globex).await
}

fn map(name: &str, value: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(name.to_owned(), value.to_owned())])
}

fn full_site(client: Uuid) -> Site {
    let fields = SiteFields {
        client_id: Some(client),
        name: text("Zürich 100%"),
        address: set("Bahnhofstraße 1"),
        city: set("Zürich"),
        state: set("ZH"),
        postal_code: set("8001"),
        country: set("CH"),
        network_subnet: set("2001:db8::/48"),
        vpn_required: Some(true),
        vpn_subnet: set("10.99.0.0/24"),
        gateway_ip: set("2001:DB8::1"),
        dns_servers: Some(vec!["10.0.0.2".to_owned(), "2001:db8::2".to_owned()]),
        latitude: Patch::Set(Degrees::from_ten_millionths(473_768_866)),
        longitude: Patch::Set(Degrees::from_ten_millionths(-1_799_999_999)),
        notes: set("first line\nsecond line"),
        external_ids: Some(map("netbox", "7")),
    };
    made(1, fields)
}

fn full_asset(site: &Site, parent: &Asset) -> Asset {
    let fields = AssetFields {
        client_id: Some(site.client_id),
        site_id: Patch::Set(site.id),
        hostname: text("Düsseldorf-01"),
        ip_address: set("2001:DB8:0::5"),
        mac_address: set("00-1A-2B-3C-4D-5E"),
        asset_type: Some(AssetType::DomainController),
        os: set("Windows Server"),
        os_version: set("2008 R2"),
        location: set("Rack 4"),
        status: Some(AssetStatus::Maintenance),
        environmental_notes: set("loud\nand warm"),
        powershell_version: set("2.0"),
        shell_type: set("powershell"),
        package_manager: set("winget"),
        has_gui: Some(true),
        has_ssh: Some(true),
        has_winrm: Some(true),
        limitations: Some(vec!["no_native_wins_service".to_owned()]),
        recommended_commands: Some(map("disks", "Get-WmiObject Win32_LogicalDisk\n")),
        parent_id: Patch::Set(parent.id),
        serial_number: set("CZ1234"),
        warranty_until: Patch::Set(at(0).date()),
        tags: Some(vec!["Old".to_owned(), "dc".to_owned()]),
        external_ids: Some(map("rmm", "a-1")),
    };
    made(3, fields)
}

fn full_service(on: &Asset) -> Service {
    let fields = ServiceFields {
        infrastructure_id: Some(on.id),
        service_name: text("Übersicht"),
        service_type: set("Web"),
        port: Patch::Set(65_535),
        protocol: Patch::Set(Transport::Udp),
        external_url: set("https://acme.example"),
        internal_url: set("http://intranet"),
        version: set("1.2"),
        status: Some(ServiceStatus::Degraded),
        notes: set("slow"),
    };
    Service { client_id: on.client_id, ..made(4, fields) }
}

fn full_network(site: &Site) -> Network {
    let fields = NetworkFields {
        client_id: Some(site.client_id),
        site_id: Patch::Set(site.id),
        name: text("Büro"),
        network_type: Some(NetworkType::Dmz),
        cidr: text("2001:db8:1::/48"),
        vlan_id: Patch::Set(4094),
        gateway_ip: set("2001:db8:1::1"),
        dhcp_range: set("2001:db8:1::100-200"),
        notes: set("n"),
        external_ids: Some(map("netbox", "9")),
    };
    made(6, fields)
}

fn full_rule(on: &Asset) -> FirewallRule {
    let fields = FirewallRuleFields {
        infrastructure_id: Patch::Set(on.id),
        client_id: Some(on.client_id),
        name: text("Größe"),
        source_cidr: set("10.0.0.0/8"),
        destination_cidr: set("10.1.2.3"),
        port: set("8000-65535"),
        protocol: Some(RuleProtocol::Udp),
        action: Some(RuleAction::Deny),
        rule_order: Some(1_000_000),
        notes: set("n"),
        is_enabled: Some(false),
    };
    made(7, fields)
}

fn full_tenant(client: Uuid) -> M365Tenant {
    let fields = M365TenantFields {
        client_id: Some(client),
        tenant_id: Some(uuid(700)),
        tenant_name: text("Ärzte"),
        default_domain: set("acme.onmicrosoft.com"),
        admin_email: set("admin@acme.onmicrosoft.com"),
        cipp_name: set("acme"),
        notes: set("n"),
    };
    made(8, fields)
}

fn full_incident(client: Uuid, affected: Id<Asset>) -> SecurityIncident {
    let fields = SecurityIncidentFields {
        client_id: Some(client),
        title: text("Überfall"),
        incident_type: Patch::Set(IncidentType::Ransomware),
        severity: Some(IncidentSeverity::Critical),
        status: Some(IncidentStatus::Resolved),
        incident_date: Some(at(0).date()),
        description: set("d"),
        findings: set("f"),
        remediation_steps: set("r"),
        affected_users: Some(vec!["pat@acme.example".to_owned()]),
        affected_infrastructure: Some(vec![affected]),
        resolved_at: Patch::Set(at(60)),
        notes: set("n"),
    };
    made(9, fields)
}

async fn keeps_every_field(store: Store<'_>, acme: Uuid) -> Outcome {
    let (site, host) = (full_site(acme), asset(2, acme, "host"));
    let asset = full_asset(&site, &host);
    let (first, second) = (full_service(&asset), service(40, &asset, "other"));
    let link = link(5, &first, &second, RelationshipType::AuthenticatesVia);
    let (network, rule, tenant) = (full_network(&site), full_rule(&asset), full_tenant(acme));
    let incident = full_incident(acme, asset.id);
    round_trips(store, &site, SiteFields { city: Patch::Clear, ..SiteFields::default() }).await?;
    round_trips(store, &host, AssetFields::default()).await?;
    round_trips(store, &asset, AssetFields { tags: Some(Vec::new()), ..AssetFields::default() }).await?;
    round_trips(store, &first, ServiceFields { port: Patch::Clear, ..ServiceFields::default() }).await?;
    round_trips(store, &second, ServiceFields::default()).await?;
    round_trips(store, &link, ServiceRelationshipFields::default()).await?;
    round_trips(store, &network, NetworkFields { cidr: text("10.0.0.0/24"), ..NetworkFields::default() }).await?;
    round_trips(store, &rule, FirewallRuleFields { port: Patch::Clear, ..FirewallRuleFields::default() }).await?;
    round_trips(store, &tenant, M365TenantFields { notes: Patch::Clear, ..M365TenantFields::default() }).await?;
    round_trips(store, &incident, SecurityIncidentFields { notes: Patch::Clear, ..SecurityIncidentFields::default() })
        .await?;

    let mut tx = store.begin().await?;
    for removed in [
        tx.security_incidents().remove(incident.id).await?,
        tx.m365_tenants().remove(tenant.id).await?,
        tx.firewall_rules().remove(rule.id).await?,
        tx.networks().remove(network.id).await?,
        tx.service_relationships().remove(link.id).await?,
        tx.services().remove(first.id).await?,
        tx.services().remove(second.id).await?,
        tx.assets().remove(asset.id).await?,
        tx.assets().remove(host.id).await?,
        tx.sites().remove(site.id).await?,
    ] {
        assert!(removed, "there was a row to remove");
    }
    assert!(!tx.sites().remove(site.id).await?, "and then none");
    tx.commit().await
}

/// Every field comes back, a dropped transaction leaves nothing behind, and only the next revision is saved.
async fn round_trips<I: Item + PartialEq + Debug>(store: Store<'_>, row: &I, fields: I::Fields) -> Outcome {
    let mut tx = store.begin().await?;
    I::items(tx.as_mut()).add(row).await?;
    drop(tx);
    let mut view = store.read().await?;
    assert_eq!(I::items(view.as_mut()).lookup(row.id()).await?, None, "dropping a transaction undoes it");
    drop(view);

    add(store, std::slice::from_ref(row)).await?;
    let next = changed(row, fields);
    let mut tx = store.begin().await?;
    let items = I::items(tx.as_mut());
    assert_eq!(items.lookup(row.id()).await?.as_ref(), Some(row), "every field comes back");
    items.save(&next).await?;
    assert_eq!(items.lookup(row.id()).await?.as_ref(), Some(&next), "the change is there");
    tx.commit().await?;
    let mut tx = store.begin().await?;
    let stale = I::items(tx.as_mut()).save(&next).await;
    assert!(matches!(stale, Err(StoreError::Contention(_))), "the second writer is told");
    Ok(())
}

async fn keeps_names_unique(store: Store<'_>, [acme, globex]: [Uuid; 2]) -> Outcome {
    let (site, asset) = (site(20, acme, "École"), asset(21, acme, "Ärger"));
    let (one, other) = (service(22, &asset, "a"), service(23, &asset, "a"));
    let link = link(24, &one, &other, RelationshipType::BacksUp);
    let tenant = tenant(25, acme, "t");
    add(store, std::slice::from_ref(&site)).await?;
    add(store, std::slice::from_ref(&asset)).await?;
    add(store, &[one, other]).await?;
    add(store, std::slice::from_ref(&link)).await?;
    add(store, std::slice::from_ref(&tenant)).await?;
    add(store, &[super::site(26, globex, "École")]).await?;
    add(store, &[super::asset(27, globex, "Ärger")]).await?;

    taken(store, &super::site(28, acme, "ÉCOLE")).await?;
    taken(store, &super::asset(28, acme, "ärger")).await?;
    taken(store, &ServiceRelationship { id: id(28), ..link }).await?;
    taken(store, &M365Tenant { id: id(28), client_id: globex, ..tenant }).await
}

async fn taken<I: Item>(store: Store<'_>, row: &I) -> Outcome {
    let mut tx = store.begin().await?;
    met_another_writer(I::items(tx.as_mut()).add(row).await);
    Ok(())
}

async fn refuses_what_refers_to_nothing(store: Store<'_>, acme: Uuid) -> Outcome {
    let nowhere = uuid(999);
    taken(store, &site(30, nowhere, "s")).await?;
    taken(store, &Asset { site_id: Some(id(999)), ..asset(30, acme, "a") }).await?;
    taken(store, &Asset { parent_id: Some(id(999)), ..asset(30, acme, "a") }).await?;
    taken(store, &Service { infrastructure_id: id(999), ..service(30, &asset(21, acme, "a"), "s") }).await?;
    taken(store, &Network { site_id: Some(id(999)), ..network(30, acme, "n", "10.0.0.0/8") }).await?;
    taken(store, &FirewallRule { infrastructure_id: Some(id(999)), ..rule(30, acme, "r", 1) }).await?;
    taken(store, &tenant(30, nowhere, "t")).await?;
    taken(store, &incident(30, nowhere, "i", "2026-01-16")).await?;
    let mut tx = store.begin().await?;
    met_another_writer(tx.inventory().link(id(999), &[id(21)]).await);
    Ok(())
}

async fn tells_what_refers_to_a_row(store: Store<'_>, globex: Uuid) -> Outcome {
    let site = site(50, globex, "place");
    let host = Asset { site_id: Some(site.id), ..asset(51, globex, "hv") };
    let guest = Asset { parent_id: Some(host.id), ..asset(52, globex, "vm") };
    let (one, other) = (service(53, &host, "a"), service(54, &host, "b"));
    let link = link(55, &one, &other, RelationshipType::DependsOn);
    let net = Network { site_id: Some(site.id), ..network(56, globex, "n", "10.0.0.0/8") };
    let wall = FirewallRule { infrastructure_id: Some(host.id), ..rule(57, globex, "r", 1) };
    let incident = incident(58, globex, "i", "2026-01-16");
    add(store, std::slice::from_ref(&site)).await?;
    add(store, &[host.clone(), guest]).await?;
    add(store, &[one.clone(), other]).await?;
    add(store, &[link]).await?;
    add(store, &[net]).await?;
    add(store, &[wall]).await?;
    add(store, std::slice::from_ref(&incident)).await?;
    let mut tx = store.begin().await?;
    tx.inventory().link(incident.id, &[host.id]).await?;
    tx.commit().await?;

    let referrer = |resource_type, count| Referrer { resource_type, count };
    let mut view = store.read().await?;
    let of_site = [referrer(Asset::TYPE, 1), referrer(Network::TYPE, 1)];
    assert_eq!(view.sites().referrers(site.id).await?, of_site);
    let of_host = [
        referrer(Asset::TYPE, 1),
        referrer(Service::TYPE, 2),
        referrer(FirewallRule::TYPE, 1),
        referrer(SecurityIncident::TYPE, 1),
    ];
    assert_eq!(view.assets().referrers(host.id).await?, of_host);
    assert_eq!(view.services().referrers(one.id).await?, [referrer(ServiceRelationship::TYPE, 1)]);
    assert_eq!(view.security_incidents().referrers(incident.id).await?, [], "its links are its own");
    drop(view);

    let mut tx = store.begin().await?;
    assert!(tx.security_incidents().remove(incident.id).await?, "with its links");
    assert_eq!(tx.assets().referrers(host.id).await?, of_host[..3]);
    tx.commit().await
}
