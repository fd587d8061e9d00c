//! The inventory of a real `NetBox`: its demo data, which lies beside the repository.

use std::{io::Read, path::PathBuf, sync::Arc};

use claudetools_infra::{
    inventory::{
        Asset, AssetFilter, AssetSort, AssetType, Context, Named, NetworkFilter, NetworkSort, SiteFilter, SiteSort,
    },
    netbox::{Dump, NetboxImport, Plan, Report, Tally},
};
use claudetools_kernel::{Actor, Page, PageRequest, Scope, Scopes, Start, contract::at};
use claudetools_sessions::{ClientFilter, ClientSort};
use claudetools_testkit::{TestClock, TestStore};
use flate2::read::GzDecoder;

/// Where the file is, unless it lies where the repository expects it.
const VARIABLE: &str = "CLAUDETOOLS_NETBOX_DUMP";
/// Where the repository expects it, from its root.
const BESIDE: &str = "../shared/data/netbox/netbox-demo-v3.6.json.gz";

fn dump() -> Dump {
    let beside = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).join(BESIDE);
    let mut path = std::env::var_os(VARIABLE).map_or_else(beside, PathBuf::from);
    if !path.exists() {
        // A worktree lies a directory deeper than the repository.
        path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join(BESIDE);
    }
    let packed = std::fs::read(&path).unwrap_or_else(|error| {
        panic!("netbox-demo-v3.6.json.gz is missing ({error}): put it at {BESIDE}, or name it by {VARIABLE}")
    });
    let mut json = Vec::new();
    GzDecoder::new(packed.as_slice()).read_to_end(&mut json).expect("a file in gzip");
    Dump::read(&json).expect("a dump of NetBox")
}

async fn run(store: &TestStore, plan: Plan, dry_run: bool) -> Report {
    let actor = Actor {
        subject: "command-line".to_owned(),
        scopes: Scopes::up_to(Scope::Admin),
        machine: None,
        agent: None,
        token_id: String::new(),
        expires_at: at(1_000_000),
    };
    let context = Context {
        store: store.infra.clone(),
        clock: Arc::new(TestClock::default()),
        ids: Arc::new(claudetools_crypto::UuidGenerator),
    };
    NetboxImport::new(context).run(&actor, plan, dry_run, &|_| {}).await.expect("an import")
}

/// How many rows there are: clients, sites, assets, networks.
async fn rows(store: &TestStore) -> Result<[Option<u64>; 4], claudetools_kernel::StoreError> {
    fn counted<S: claudetools_kernel::SortField>() -> PageRequest<S> {
        PageRequest { with_total: true, ..PageRequest::first(1) }
    }
    let mut view = store.sessions.read().await?;
    let clients = view.clients().list(&ClientFilter::default(), &counted::<ClientSort>()).await?.total;
    let mut view = store.infra.read().await?;
    Ok([
        clients,
        view.sites().list(&SiteFilter::default(), &counted::<SiteSort>()).await?.total,
        view.assets().list(&AssetFilter::default(), &counted::<AssetSort>()).await?.total,
        view.networks().list(&NetworkFilter::default(), &counted::<NetworkSort>()).await?.total,
    ])
}

async fn assets(store: &TestStore) -> Result<Vec<Named<Asset>>, claudetools_kernel::StoreError> {
    let (mut page, mut all) = (PageRequest::first(200), Vec::new());
    let mut view = store.infra.read().await?;
    loop {
        let Page { items, next, .. } = view.assets().list(&AssetFilter::default(), &page).await?;
        all.extend(items);
        let Some(place) = next else { return Ok(all) };
        page.start = Start::After(place);
    }
}

/// Every tenant, site, device, virtual machine, prefix, VLAN and address ends as a row or as a line of the report; a second run
/// changes nothing.
pub(crate) async fn demo(store: &TestStore) -> Result<(), claudetools_kernel::StoreError> {
    let plan = Plan::new(&dump());
    let tried = run(store, plan.clone(), true).await;
    assert_eq!(rows(store).await?, [Some(0); 4], "a dry run enters nothing");

    let report = run(store, plan.clone(), false).await;
    assert_eq!(report, tried, "and tells what would be done");
    let created = |created| Tally { created, ..Tally::default() };
    let expected = [
        ("dcim.device", created(72)),
        ("dcim.site", created(24)),
        ("ipam.ipaddress", Tally { skipped: 180, ..Tally::default() }),
        ("ipam.prefix", created(90)),
        ("ipam.vlan", Tally { merged: 39, skipped: 24, ..Tally::default() }),
        ("tenancy.tenant", created(11)),
        ("virtualization.cluster", created(9)),
        ("virtualization.virtualmachine", created(180)),
    ];
    assert_eq!(report.tallies.into_iter().collect::<Vec<_>>(), expected);
    assert_eq!(report.skipped.len(), 180 + 24, "a line for each that was left out");
    assert!(report.skipped.iter().all(|line| !line.reason.is_empty()));
    assert_eq!(report.adjusted.len(), 22 + 2, "devices without a name, and two of three that are called PP:MDF");
    assert_eq!(report.others["dcim.frontport"], 912, "kinds that are not taken over are told too");
    // The eleven tenants, and what stands for none.
    assert_eq!(rows(store).await?, [Some(12), Some(24), Some(72 + 9 + 180), Some(90)]);

    let found = assets(store).await?;
    let of = |hostname: &str| found.iter().find(|row| row.item.hostname == hostname).expect("an asset");
    let router = of("dmi01-akron-rtr01");
    assert_eq!((router.item.asset_type, router.item.os.as_deref()), (AssetType::NetworkDevice, Some("Cisco IOS")));
    assert_eq!(router.names, [Some("Dunder-Mifflin, Inc.".to_owned()), Some("DM-Akron".to_owned())]);
    let machine = of("vm1");
    assert_eq!(machine.item.asset_type, AssetType::VirtualServer);
    assert_eq!((machine.item.os.as_deref(), machine.item.os_version.as_deref()), (Some("Ubuntu Linux"), Some("20.04")));
    assert_eq!(machine.item.parent_id, Some(of("DO-AMS3").item.id), "its cluster");

    let again = run(store, plan, false).await;
    let changed: usize = again.tallies.values().map(|tally| tally.created + tally.updated).sum();
    assert_eq!(changed, 0, "a second run changes nothing");
    assert_eq!(assets(store).await?, found);
    Ok(())
}

/// A dump as small as can be that has what the demo data lacks: addresses on interfaces, hosts of clusters, hosts of others.
fn small(status: &str) -> Dump {
    let object = |model: &str, pk: i64, fields: serde_json::Value| serde_json::json!({"model": model, "pk": pk, "fields": fields});
    let device = |name: &str, tenant: i64, cluster: Option<i64>, primary: Option<i64>| {
        serde_json::json!({"name": name, "device_type": 1, "role": 1, "tenant": tenant, "platform": null, "serial": "S1",
            "site": 1, "rack": null, "status": status, "primary_ip4": primary, "primary_ip6": null, "cluster": cluster,
            "description": "", "comments": ""})
    };
    let machine = |name: &str, tenant: i64, cluster: i64| {
        serde_json::json!({"name": name, "tenant": tenant, "platform": null, "site": null, "cluster": cluster,
            "device": null, "status": "active", "primary_ip4": null, "primary_ip6": null})
    };
    let address = |address: &str, on: Option<(&str, &str, i64)>| {
        serde_json::json!({"address": address, "assigned_object_type": on.map(|(app, kind, _)| [app, kind]),
            "assigned_object_id": on.map(|(_, _, pk)| pk)})
    };
    let objects = [
        object("tenancy.tenant", 1, serde_json::json!({"name": "Acme"})),
        object("tenancy.tenant", 2, serde_json::json!({"name": "Globex"})),
        object("dcim.site", 1, serde_json::json!({"name": "Main", "tenant": 2, "latitude": "46.948000"})),
        object("dcim.devicerole", 1, serde_json::json!({"name": "Hypervisor"})),
        object("dcim.devicetype", 1, serde_json::json!({"model": "R740"})),
        object("virtualization.clustertype", 1, serde_json::json!({"name": "Proxmox"})),
        object("virtualization.cluster", 1, serde_json::json!({"name": "c1", "type": 1, "tenant": null, "site": null})),
        object("dcim.device", 1, device("hv1", 2, Some(1), Some(11))),
        object("virtualization.virtualmachine", 1, machine("vm1", 1, 1)),
        object("dcim.interface", 5, serde_json::json!({"device": 1, "mac_address": "AA:BB:CC:DD:EE:FF"})),
        object("virtualization.vminterface", 6, serde_json::json!({"virtual_machine": 1, "mac_address": null})),
        object("ipam.ipaddress", 10, address("10.0.0.10/24", Some(("dcim", "interface", 5)))),
        object("ipam.ipaddress", 11, address("10.0.0.11/24", Some(("dcim", "interface", 5)))),
        object("ipam.ipaddress", 12, address("2001:DB8::C/64", Some(("virtualization", "vminterface", 6)))),
        object("ipam.ipaddress", 13, address("10.0.0.13/24", None)),
        object("extras.tag", 1, serde_json::json!({"name": "Gold"})),
        object(
            "extras.taggeditem",
            1,
            serde_json::json!({"content_type": ["dcim", "device"], "object_id": 1, "tag": 1}),
        ),
    ];
    Dump::read(&serde_json::to_vec(&objects).expect("JSON")).expect("a dump of NetBox")
}

/// Addresses go to the assets that have them, machines run on the hosts of their clusters, whoever's those are, and what people
/// have written stays.
pub(crate) async fn relations(store: &TestStore) -> Result<(), claudetools_kernel::StoreError> {
    let report = run(store, Plan::new(&small("active")), false).await;
    assert_eq!(report.tallies["ipam.ipaddress"], Tally { merged: 2, skipped: 2, ..Tally::default() });
    let found = assets(store).await?;
    let [host, machine] = &found[..] else { panic!("{} assets", found.len()) };
    assert_eq!((host.item.hostname.as_str(), machine.item.hostname.as_str()), ("hv1", "vm1"));
    assert_eq!(host.item.ip_address.as_deref(), Some("10.0.0.11"), "the primary one");
    assert_eq!(host.item.mac_address.as_deref(), Some("aa:bb:cc:dd:ee:ff"));
    assert_eq!((host.item.tags.clone(), host.item.asset_type), (vec!["Gold".to_owned()], AssetType::PhysicalServer));
    assert_eq!(host.item.serial_number.as_deref(), Some("S1"));
    assert_eq!(machine.item.ip_address.as_deref(), Some("2001:db8::c"));
    assert_eq!(machine.item.parent_id, Some(host.item.id), "the only host of its cluster, which is another client's");

    let noted = Asset { location: Some("Rack 9".to_owned()), revision: 2, ..host.item.clone() };
    let mut tx = store.infra.begin().await?;
    tx.assets().save(&noted).await?;
    tx.commit().await?;
    let again = run(store, Plan::new(&small("offline")), false).await;
    assert_eq!(again.tallies["dcim.device"], Tally { updated: 1, ..Tally::default() });
    assert_eq!(again.tallies["virtualization.virtualmachine"], Tally { unchanged: 1, ..Tally::default() });
    let changed = assets(store).await?;
    assert_eq!(changed[0].item.status, claudetools_infra::inventory::AssetStatus::Inactive);
    assert_eq!(changed[0].item.location.as_deref(), Some("Rack 9"), "what NetBox says nothing of stays");
    assert_eq!(changed[1].item.parent_id, Some(host.item.id));
    Ok(())
}
