//! What the rules of the inventory look up beside its rows.

use claudetools_kernel::{Id, contract::at};
use uuid::Uuid;

use super::{Outcome, Store, add, asset, id, incident, link, network, service, site, tenant};
use crate::inventory::{
    Asset, IncidentMove, IncidentStatus, Network, RelationshipType, SecurityIncident, Service, ServiceRelationship,
};

/// More ids than an engine takes in one IN list, those of the first rows among them.
fn many<K>() -> Vec<Id<K>> {
    (1..5_000).map(id).collect()
}

/// The rules of the lookups. Both clients exist.
pub async fn inventory_lookups(store: Store<'_>, clients: [Uuid; 2]) -> Outcome {
    let [acme, globex] = clients;
    finds_by_names(store, clients).await?;
    follows_hosts_and_services(store, acme).await?;
    tells_which_networks_overlap(store, clients).await?;
    keeps_the_history_of_incidents(store, globex).await
}

async fn finds_by_names(store: Store<'_>, [acme, globex]: [Uuid; 2]) -> Outcome {
    add(store, &[site(1, acme, "École Émile")]).await?;
    add(store, &[asset(2, acme, "Ünï")]).await?;
    let tenant = tenant(3, acme, "t");
    add(store, std::slice::from_ref(&tenant)).await?;
    let mut view = store.read().await?;
    let inventory = view.inventory();
    assert_eq!(inventory.site_named(acme, "école émile").await?, Some(id(1)), "names are found folded");
    assert_eq!(inventory.site_named(acme, "ecole emile").await?, None, "accents tell names apart");
    assert_eq!(inventory.site_named(globex, "école émile").await?, None, "of the client alone");
    assert_eq!(inventory.asset_named(acme, "ünï").await?, Some(id(2)));
    assert_eq!(inventory.asset_named(globex, "ünï").await?, None);
    assert_eq!(inventory.tenant_with(tenant.tenant_id).await?, Some(tenant.id));
    assert_eq!(inventory.tenant_with(globex).await?, None);
    let surroundings = view.surroundings();
    assert!(surroundings.has_client(acme).await?);
    assert!(!surroundings.has_client(Uuid::nil()).await?);
    assert_eq!(surroundings.client_named("globex").await?, Some(globex));
    assert_eq!(surroundings.client_named("Globex").await?, None);
    Ok(())
}

async fn follows_hosts_and_services(store: Store<'_>, acme: Uuid) -> Outcome {
    let host = asset(10, acme, "hv");
    let on = |n, name: &str, parent: &Asset| Asset { parent_id: Some(parent.id), ..asset(n, acme, name) };
    let guest = on(11, "vm", &host);
    let inner = on(12, "container", &guest);
    add(store, &[host.clone(), guest.clone(), inner.clone()]).await?;
    let (db, web) = (service(13, &host, "db"), service(14, &guest, "Web"));
    let all = [db.clone(), web.clone(), service(15, &guest, "agent"), service(16, &inner, "job")];
    add(store, &all).await?;
    let needs = link(17, &web, &db, RelationshipType::DependsOn);
    add(store, std::slice::from_ref(&needs)).await?;

    let mut view = store.read().await?;
    let inventory = view.inventory();
    let hostnames = |assets: Vec<Asset>| {
        let mut names: Vec<String> = assets.into_iter().map(|asset| asset.hostname).collect();
        names.sort_unstable();
        names
    };
    let names = |services: Vec<Service>| services.into_iter().map(|service| service.service_name).collect::<Vec<_>>();
    assert_eq!(hostnames(inventory.children(&[host.id]).await?), ["vm"]);
    assert_eq!(hostnames(inventory.children(&many()).await?), ["container", "vm"]);
    assert_eq!(hostnames(inventory.assets(&[inner.id, id(999), inner.id]).await?), ["container"]);
    assert_eq!(inventory.assets(&[]).await?, []);
    assert_eq!(names(inventory.services_on(&[guest.id], 10).await?), ["agent", "Web"], "by name");
    assert_eq!(names(inventory.services_on(&[guest.id], 1).await?), ["agent"]);
    assert_eq!(inventory.services_on(&many(), u32::MAX).await?.len(), 4);
    assert_eq!(names(inventory.services(&[db.id, id(999)]).await?), ["db"]);
    assert_eq!(inventory.relationships_to(&many()).await?, std::slice::from_ref(&needs));
    assert_eq!(inventory.relationships_to(&[web.id]).await?, []);
    let found = inventory.relationship(web.id, db.id, RelationshipType::DependsOn).await?;
    assert_eq!(found, Some(needs.id));
    let none: Option<Id<ServiceRelationship>> = None;
    assert_eq!(inventory.relationship(db.id, web.id, RelationshipType::DependsOn).await?, none);
    assert_eq!(inventory.relationship(web.id, db.id, RelationshipType::HostedOn).await?, none);
    Ok(())
}

async fn tells_which_networks_overlap(store: Store<'_>, [acme, globex]: [Uuid; 2]) -> Outcome {
    let cidrs = [
        "10.0.0.0/8",
        "10.1.0.0/16",
        "10.1.0.0/24",
        "10.1.255.0/24",
        "10.2.0.0/16",
        "10.1.0.0/16",
        "192.168.0.0/16",
        "2001:db8::/32",
        "2001:db8:1::/48",
        "0.0.0.0/0",
        "::/0",
        "10.1.0.1/32",
        "10.0.255.255/32",
    ];
    let rows: Vec<Network> = cidrs.iter().zip(100..).map(|(cidr, n)| network(n, acme, cidr, cidr)).collect();
    add(store, &rows).await?;
    add(store, &[network(130, globex, "another client's", "10.1.0.0/16")]).await?;
    let mut view = store.read().await?;
    for row in &rows {
        let others = rows.iter().filter(|other| other.id != row.id && other.cidr.overlaps(&row.cidr));
        let expected: Vec<Id<Network>> = others.map(|other| other.id).collect();
        assert_eq!(view.inventory().overlapping(row, 200).await?, expected, "{}", row.cidr);
    }
    assert_eq!(view.inventory().overlapping(&rows[0], 2).await?.len(), 2);
    Ok(())
}

async fn keeps_the_history_of_incidents(store: Store<'_>, globex: Uuid) -> Outcome {
    let incident = incident(200, globex, "i", "2026-01-16");
    add(store, std::slice::from_ref(&incident)).await?;
    let moved = |from, to, seconds| IncidentMove { from, to, at: at(seconds), by: "jo@msp.example".to_owned() };
    let first = moved(None, IncidentStatus::Investigating, 1);
    let second = moved(Some(IncidentStatus::Investigating), IncidentStatus::Contained, 2);
    let next = SecurityIncident { revision: 2, ..incident.clone() };
    let mut tx = store.begin().await?;
    tx.inventory().note_move(&next, &second).await?;
    tx.inventory().note_move(&incident, &first).await?;
    tx.commit().await?;
    let mut tx = store.begin().await?;
    assert_eq!(tx.inventory().moves(incident.id).await?, [first, second], "the first move first");
    assert!(tx.security_incidents().remove(incident.id).await?);
    assert_eq!(tx.inventory().moves(incident.id).await?, [], "they go with it");
    tx.commit().await
}
