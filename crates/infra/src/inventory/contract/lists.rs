//! Lists of the inventory: every filter, every order, and the names of what rows refer to.

use std::fmt::Debug;

use claudetools_kernel::{Patch, contract::lists_agree};
use uuid::Uuid;

use super::{
    Outcome, Store, add, asset, asset_fields, incident, link, made, named, network, rule, service, set, site, tenant,
    text,
};
use crate::inventory::{
    Asset, AssetFields, AssetFilter, AssetStatus, AssetType, FirewallRule, FirewallRuleFilter, IncidentSeverity,
    IncidentStatus, Item, M365TenantFilter, Named, Network, NetworkFilter, NetworkType, RelationshipType, RuleAction,
    SecurityIncident, SecurityIncidentFilter, Service, ServiceFilter, ServiceRelationshipFilter, ServiceStatus,
    SiteFields, SiteFilter,
};

/// The rules of lists. Both clients exist.
pub async fn inventory_lists(store: Store<'_>, clients: [Uuid; 2]) -> Outcome {
    let [acme, globex] = clients;
    sites(store, clients).await?;
    let assets = assets(store, clients).await?;
    services(store, &assets).await?;
    networks(store, acme, globex).await?;
    rules(store, &assets).await?;
    tenants(store, clients).await?;
    incidents(store, clients).await
}

/// Every page of every order agrees with plain code, for each filter and the number of rows that it admits.
async fn agree<I>(store: Store<'_>, rows: &[Named<I>], filters: Vec<(I::Filter, usize)>) -> Outcome
where
    I: Item + PartialEq + Debug,
    I::Filter: Debug,
    I::Sort: Debug,
{
    add(store, &rows.iter().map(|row| row.item.clone()).collect::<Vec<_>>()).await?;
    for row in rows {
        let mut view = store.read().await?;
        assert_eq!(I::items(view.as_mut()).row(row.item.id()).await?.as_ref(), Some(row), "with its names");
    }
    for (filter, expected) in filters {
        let admitted: Vec<Named<I>> = rows.iter().filter(|row| row.is_admitted(&filter)).cloned().collect();
        assert_eq!(admitted.len(), expected, "{filter:?}");
        lists_agree(admitted, async |request| {
            let mut view = store.read().await.expect("a reader");
            I::items(view.as_mut()).list(&filter, &request).await.expect("a page")
        })
        .await;
    }
    Ok(())
}

async fn sites(store: Store<'_>, [acme, globex]: [Uuid; 2]) -> Outcome {
    let fields = SiteFields {
        client_id: Some(globex),
        name: text("zurich_1"),
        city: set("Zürich 50%"),
        ..SiteFields::default()
    };
    let rows = [
        named(&site(1, acme, "Main"), "Acme", None),
        named(&site(2, globex, "MAIN"), "Globex", None),
        named(&made(3, fields), "Globex", None),
    ];
    let q = |q: &str| SiteFilter { q: text(q), ..SiteFilter::default() };
    let filters = vec![
        (SiteFilter::default(), 3),
        (SiteFilter { client_id: Some(globex), ..SiteFilter::default() }, 2),
        (SiteFilter { client_id: Some(acme), ..q("main") }, 1),
        (q("ZÜRICH"), 1),
        (q("%"), 1),
        (q("_"), 1),
    ];
    agree(store, &rows, filters).await
}

async fn assets(store: Store<'_>, [acme, globex]: [Uuid; 2]) -> Result<[Asset; 3], claudetools_kernel::StoreError> {
    let fields = AssetFields {
        ip_address: set("10.0.0.5"),
        site_id: Patch::Set(super::id(1)),
        tags: Some(vec!["Prod".to_owned(), "db_1".to_owned()]),
        status: Some(AssetStatus::Inactive),
        ..asset_fields(acme, "DB-01")
    };
    let v6 = AssetFields {
        ip_address: set("2001:db8::5"),
        asset_type: Some(AssetType::Switch),
        tags: Some(vec!["production".to_owned()]),
        ..asset_fields(globex, "db-02")
    };
    let all: [Asset; 3] = [made(10, fields), made(11, v6), asset(12, globex, "other")];
    let rows = [named(&all[0], "Acme", Some("Main")), named(&all[1], "Globex", None), named(&all[2], "Globex", None)];
    let none = AssetFilter::default;
    let ip = |ip: &str| AssetFilter { ip: ip.parse().ok(), ..none() };
    let tag = |tag: &str| AssetFilter { tag: text(tag), ..none() };
    let filters = vec![
        (none(), 3),
        (AssetFilter { client_id: Some(globex), ..none() }, 2),
        (AssetFilter { site_id: Some(super::id(1)), ..none() }, 1),
        (AssetFilter { asset_type: Some(AssetType::VirtualServer), ..none() }, 2),
        (AssetFilter { status: Some(AssetStatus::Active), ..none() }, 2),
        (AssetFilter { hostname: text("DB-"), ..none() }, 2),
        (ip("10.0.0.5"), 1),
        (ip("::ffff:10.0.0.5"), 1),
        (ip("2001:DB8:0::5"), 1),
        (ip("10.0.0.50"), 0),
        (tag("PROD"), 1),
        (tag("prod"), 1),
        (tag("pro"), 0),
        (tag("db%1"), 0),
        (AssetFilter { q: text("production"), ..none() }, 1),
        (AssetFilter { q: text("prod"), ..none() }, 2),
    ];
    agree(store, &rows, filters).await?;
    Ok(all)
}

async fn services(store: Store<'_>, [first, second, _]: &[Asset; 3]) -> Outcome {
    let web = Service { service_type: text("Web"), status: ServiceStatus::Error, ..service(20, first, "Intranet") };
    let all = [web, service(21, second, "intranet"), service(22, second, "Mail 100%")];
    let rows = [
        named(&all[0], "Acme", Some("DB-01")),
        named(&all[1], "Globex", Some("db-02")),
        named(&all[2], "Globex", Some("db-02")),
    ];
    let none = ServiceFilter::default;
    let filters = vec![
        (none(), 3),
        (ServiceFilter { infrastructure_id: Some(second.id), ..none() }, 2),
        (ServiceFilter { client_id: Some(first.client_id), ..none() }, 1),
        (ServiceFilter { service_type: text("WEB"), ..none() }, 1),
        (ServiceFilter { service_type: text(" we"), ..none() }, 1),
        (ServiceFilter { service_type: text("eb%"), ..none() }, 0),
        (ServiceFilter { status: Some(ServiceStatus::Running), ..none() }, 2),
        (ServiceFilter { q: text("INTRA"), ..none() }, 2),
    ];
    agree(store, &rows, filters).await?;

    let links = [
        link(30, &all[0], &all[1], RelationshipType::DependsOn),
        link(31, &all[1], &all[2], RelationshipType::DependsOn),
        link(32, &all[0], &all[2], RelationshipType::BacksUp),
    ];
    let rows = [
        named(&links[0], "Intranet", Some("intranet")),
        named(&links[1], "intranet", Some("Mail 100%")),
        named(&links[2], "Intranet", Some("Mail 100%")),
    ];
    let none = ServiceRelationshipFilter::default;
    let of = |service: &Service| ServiceRelationshipFilter { service_id: Some(service.id), ..none() };
    let q = |q: &str| ServiceRelationshipFilter { q: text(q), ..none() };
    let filters = vec![
        (none(), 3),
        (q("INTRA"), 3),
        (q("mail"), 2),
        (q("100%"), 2),
        (q("m_il"), 0),
        (ServiceRelationshipFilter { service_id: Some(all[1].id), ..q("mail") }, 1),
        (of(&all[0]), 2),
        (of(&all[1]), 2),
        (ServiceRelationshipFilter { relationship_type: Some(RelationshipType::BacksUp), ..of(&all[0]) }, 1),
    ];
    agree(store, &rows, filters).await
}

async fn networks(store: Store<'_>, acme: Uuid, globex: Uuid) -> Outcome {
    let office = Network { site_id: Some(super::id(1)), ..network(41, acme, "Office", "10.1.0.0/16") };
    let vlan = Network { network_type: NetworkType::Vlan, ..network(42, acme, "office", "10.1.2.0/24") };
    let rows = [
        named(&network(40, acme, "All", "10.0.0.0/8"), "Acme", None),
        named(&office, "Acme", Some("Main")),
        named(&vlan, "Acme", None),
        named(&network(43, globex, "Host", "10.1.2.3"), "Globex", None),
        named(&network(44, globex, "Six", "2001:db8::/32"), "Globex", None),
        named(&network(45, globex, "Everything", "0.0.0.0/0"), "Globex", None),
    ];
    let none = NetworkFilter::default;
    let contains = |ip: &str| NetworkFilter { contains: ip.parse().ok(), ..none() };
    let filters = vec![
        (none(), 6),
        (NetworkFilter { client_id: Some(acme), ..none() }, 3),
        (NetworkFilter { site_id: Some(super::id(1)), ..none() }, 1),
        (NetworkFilter { network_type: Some(NetworkType::Vlan), ..none() }, 1),
        (contains("10.1.2.3"), 5),
        (contains("::ffff:10.1.2.4"), 4),
        (contains("10.255.255.255"), 2),
        (contains("11.0.0.0"), 1),
        (contains("2001:db8:ffff::1"), 1),
        (contains("2001:db9::"), 0),
        (NetworkFilter { client_id: Some(acme), ..contains("10.1.2.3") }, 3),
        (NetworkFilter { q: text("OFFICE"), ..none() }, 2),
    ];
    agree(store, &rows, filters).await
}

async fn rules(store: Store<'_>, [first, second, _]: &[Asset; 3]) -> Outcome {
    let on = FirewallRule { infrastructure_id: Some(first.id), ..rule(51, first.client_id, "allow web", 20) };
    let rows = [
        named(&rule(50, first.client_id, "drop all", 999), "Acme", None),
        named(&on, "Acme", Some("DB-01")),
        named(&rule(52, second.client_id, "Allow mail", 20), "Globex", None),
    ];
    let none = FirewallRuleFilter::default;
    let filters = vec![
        (none(), 3),
        (FirewallRuleFilter { client_id: Some(first.client_id), ..none() }, 2),
        (FirewallRuleFilter { infrastructure_id: Some(first.id), ..none() }, 1),
        (FirewallRuleFilter { action: Some(RuleAction::Allow), ..none() }, 2),
        (FirewallRuleFilter { q: text("ALLOW"), ..none() }, 2),
    ];
    agree(store, &rows, filters).await
}

async fn tenants(store: Store<'_>, [acme, globex]: [Uuid; 2]) -> Outcome {
    let rows = [
        named(&tenant(60, acme, "Contoso"), "Acme", None),
        named(&tenant(61, globex, "contoso"), "Globex", None),
        named(&tenant(62, globex, "Fabrikam"), "Globex", None),
    ];
    let none = M365TenantFilter::default;
    let filters = vec![
        (none(), 3),
        (M365TenantFilter { client_id: Some(globex), ..none() }, 2),
        (M365TenantFilter { q: text("CONTOSO"), ..none() }, 2),
    ];
    agree(store, &rows, filters).await
}

async fn incidents(store: Store<'_>, [acme, globex]: [Uuid; 2]) -> Outcome {
    let bad = incident(72, globex, "Mailbox taken", "2026-01-17");
    let bad = SecurityIncident { severity: IncidentSeverity::Critical, status: IncidentStatus::Contained, ..bad };
    let rows = [
        named(&incident(70, acme, "Phishing", "2026-01-16"), "Acme", None),
        named(&incident(71, globex, "phishing again", "2026-01-16"), "Globex", None),
        named(&bad, "Globex", None),
    ];
    let none = SecurityIncidentFilter::default;
    let filters = vec![
        (none(), 3),
        (SecurityIncidentFilter { client_id: Some(globex), ..none() }, 2),
        (SecurityIncidentFilter { severity: Some(IncidentSeverity::Medium), ..none() }, 2),
        (SecurityIncidentFilter { status: Some(IncidentStatus::Contained), ..none() }, 1),
        (SecurityIncidentFilter { q: text("PHISHING"), ..none() }, 2),
    ];
    agree(store, &rows, filters).await
}
