//! What devices, virtual machines and clusters become, and where addresses go.

use std::collections::{BTreeMap, BTreeSet};

use claudetools_kernel::Patch;

use super::{
    Dump, Fate,
    dump::{Cluster, Device, VirtualMachine},
    plan::{
        ADDRESS, CLUSTER, DEVICE, Hostnames, MACHINE, Origin, Owner, Plan, Planned, lines, named, owner_of_site,
        site_of, some,
    },
};
use crate::inventory::{AssetFields, AssetStatus, AssetType};

/// Plans all assets: devices, then clusters that machines run on, then the machines.
pub(super) fn plan(plan: &mut Plan, dump: &Dump) {
    let mut names = Hostnames::default();
    let mut addresses = Addresses::new(dump);
    for (pk, device) in &dump.devices {
        let owner = device.tenant.or_else(|| owner_of_site(dump, Some(device.site)));
        let hostname = device_name(plan, dump, &mut names, owner, *pk, device);
        let mut fields = device_fields(dump, *pk, device, hostname.clone());
        addresses.give((DEVICE, *pk), [device.primary_ip4, device.primary_ip6], &mut fields);
        let site = site_of(dump, Some(device.site), owner);
        let planned = Planned { origin: (DEVICE, *pk), name: hostname, fields, site, parent: None };
        plan.client(owner).assets.push(planned);
    }
    let hosts = hosts_of_clusters(dump);
    let needed: BTreeSet<i64> = dump.machines.values().filter_map(|machine| cluster_of(machine, &hosts)).collect();
    for pk in needed {
        let Some(cluster) = dump.clusters.get(&pk) else { continue };
        plan_cluster(plan, dump, &mut names, pk, cluster);
    }
    for (pk, machine) in &dump.machines {
        let owner = owner_of_machine(dump, machine);
        let hostname = names.take(owner, &machine.name, *pk);
        if hostname != machine.name {
            let reason = format!("is called {hostname}, because the client has another of its name");
            plan.report.adjust(MACHINE, *pk, &machine.name, reason);
        }
        let mut fields = machine_fields(dump, *pk, machine, hostname.clone());
        addresses.give((MACHINE, *pk), [machine.primary_ip4, machine.primary_ip6], &mut fields);
        let planned = Planned {
            origin: (MACHINE, *pk),
            name: hostname,
            fields,
            site: site_of(dump, site_of_machine(dump, machine), owner),
            parent: parent_of(machine, &hosts),
        };
        plan.client(owner).assets.push(planned);
    }
    addresses.report(plan, dump);
}

fn device_name(plan: &mut Plan, dump: &Dump, names: &mut Hostnames, owner: Owner, pk: i64, device: &Device) -> String {
    let kind = || named(&dump.device_types, Some(device.kind), |kind| &kind.model).unwrap_or("device");
    let given = device.name.as_deref().and_then(some);
    let hostname = names.take(owner, &given.clone().unwrap_or_else(|| format!("{}-{pk}", kind())), pk);
    match given {
        None => {
            let reason = format!("has no name and is called {hostname}, by its type and number");
            plan.report.adjust(DEVICE, pk, &hostname, reason);
        }
        Some(name) if name != hostname => {
            let reason = format!("is called {hostname}, because the client has another of its name");
            plan.report.adjust(DEVICE, pk, &name, reason);
        }
        Some(_) => {}
    }
    hostname
}

fn device_fields(dump: &Dump, pk: i64, device: &Device, hostname: String) -> AssetFields {
    let role = named(&dump.roles, Some(device.role), |role| &role.name).unwrap_or_default();
    let kind = named(&dump.device_types, Some(device.kind), |kind| &kind.model);
    let (os, os_version) = system(named(&dump.platforms, device.platform, |platform| &platform.name));
    let role_line = some(role).map(|role| format!("Role: {role}"));
    let kind_line = kind.map(|kind| format!("Type: {kind}"));
    AssetFields {
        hostname: Some(hostname),
        asset_type: Some(kind_of_role(role)),
        os: os.into(),
        os_version: os_version.into(),
        location: named(&dump.racks, device.rack, |rack| &rack.name).map(|rack| format!("Rack {rack}")).into(),
        status: Some(status(&device.status)),
        environmental_notes: lines([some(&device.description), some(&device.comments), role_line, kind_line]),
        serial_number: some(&device.serial).into(),
        tags: some_tags(dump.tags_of(("dcim", "device"), pk)),
        ..AssetFields::default()
    }
}

fn machine_fields(dump: &Dump, pk: i64, machine: &VirtualMachine, hostname: String) -> AssetFields {
    let (os, os_version) = system(named(&dump.platforms, machine.platform, |platform| &platform.name));
    AssetFields {
        hostname: Some(hostname),
        asset_type: Some(AssetType::VirtualServer),
        os: os.into(),
        os_version: os_version.into(),
        status: Some(status(&machine.status)),
        environmental_notes: lines([some(&machine.description), some(&machine.comments)]),
        tags: some_tags(dump.tags_of(("virtualization", "virtualmachine"), pk)),
        ..AssetFields::default()
    }
}

/// A cluster without a single host of its own stands for what its machines run on.
fn plan_cluster(plan: &mut Plan, dump: &Dump, names: &mut Hostnames, pk: i64, cluster: &Cluster) {
    let owner = cluster.tenant.or_else(|| owner_of_site(dump, cluster.site));
    let hostname = names.take(owner, &cluster.name, pk);
    let kind = named(&dump.cluster_types, Some(cluster.kind), |kind| &kind.name);
    let fields = AssetFields {
        hostname: Some(hostname.clone()),
        asset_type: Some(AssetType::Other),
        environmental_notes: lines([Some(match kind {
            Some(kind) => format!("Cluster of virtual machines: {kind}"),
            None => "Cluster of virtual machines".to_owned(),
        })]),
        ..AssetFields::default()
    };
    let site = site_of(dump, cluster.site, owner);
    let planned = Planned { origin: (CLUSTER, pk), name: hostname, fields, site, parent: None };
    plan.client(owner).assets.push(planned);
}

fn some_tags(tags: Vec<String>) -> Option<Vec<String>> {
    (!tags.is_empty()).then_some(tags)
}

/// The only device of each cluster that has but one.
fn hosts_of_clusters(dump: &Dump) -> BTreeMap<i64, i64> {
    let mut devices: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for (pk, device) in &dump.devices {
        if let Some(cluster) = device.cluster {
            devices.entry(cluster).or_default().push(*pk);
        }
    }
    devices
        .into_iter()
        .filter_map(|(cluster, devices)| Some((cluster, *devices.first()?)).filter(|_| devices.len() == 1))
        .collect()
}

/// The cluster that stands for the machine's host, where no device does.
fn cluster_of(machine: &VirtualMachine, hosts: &BTreeMap<i64, i64>) -> Option<i64> {
    machine.cluster.filter(|cluster| machine.device.is_none() && !hosts.contains_key(cluster))
}

fn parent_of(machine: &VirtualMachine, hosts: &BTreeMap<i64, i64>) -> Option<Origin> {
    let device = machine.device.or_else(|| machine.cluster.and_then(|cluster| hosts.get(&cluster).copied()));
    device.map(|pk| (DEVICE, pk)).or_else(|| machine.cluster.map(|pk| (CLUSTER, pk)))
}

fn site_of_machine(dump: &Dump, machine: &VirtualMachine) -> Option<i64> {
    machine.site.or_else(|| machine.cluster.and_then(|pk| dump.clusters.get(&pk)).and_then(|cluster| cluster.site))
}

fn owner_of_machine(dump: &Dump, machine: &VirtualMachine) -> Owner {
    let cluster = machine.cluster.and_then(|pk| dump.clusters.get(&pk));
    machine
        .tenant
        .or_else(|| cluster.and_then(|cluster| cluster.tenant))
        .or_else(|| owner_of_site(dump, site_of_machine(dump, machine)))
}

/// What an asset is, by the name that people gave its role.
fn kind_of_role(role: &str) -> AssetType {
    const WORDS: [(&str, AssetType); 17] = [
        ("firewall", AssetType::Firewall),
        ("switch", AssetType::Switch),
        ("access point", AssetType::AccessPoint),
        ("wireless", AssetType::AccessPoint),
        ("router", AssetType::NetworkDevice),
        ("gateway", AssetType::NetworkDevice),
        ("load balancer", AssetType::NetworkDevice),
        ("domain controller", AssetType::DomainController),
        ("storage", AssetType::NasStorage),
        ("nas", AssetType::NasStorage),
        ("server", AssetType::PhysicalServer),
        ("hypervisor", AssetType::PhysicalServer),
        ("workstation", AssetType::Workstation),
        ("laptop", AssetType::Laptop),
        ("printer", AssetType::Printer),
        ("phone", AssetType::Phone),
        ("camera", AssetType::Camera),
    ];
    let role = role.to_lowercase();
    if role.split_whitespace().any(|word| word == "ups") {
        return AssetType::Ups;
    }
    WORDS.iter().find(|(word, _)| role.contains(word)).map_or(AssetType::Other, |(_, kind)| *kind)
}

fn status(word: &str) -> AssetStatus {
    match word {
        "active" => AssetStatus::Active,
        "decommissioning" => AssetStatus::Decommissioned,
        "failed" => AssetStatus::Maintenance,
        _ => AssetStatus::Inactive,
    }
}

/// A platform's name and version: what comes behind its last blank, if that begins with a digit.
fn system(platform: Option<&str>) -> (Option<String>, Option<String>) {
    let Some(platform) = platform else { return (None, None) };
    match platform.rsplit_once(' ') {
        Some((os, version)) if version.starts_with(|first: char| first.is_ascii_digit()) => (some(os), some(version)),
        _ => (some(platform), None),
    }
}

/// Which addresses the assets have, and which of them is shown.
struct Addresses {
    /// The addresses of each asset: their numbers.
    of: BTreeMap<Origin, Vec<i64>>,
    /// Address and network card, by the number of the address.
    known: BTreeMap<i64, (String, Option<String>)>,
    given: BTreeMap<i64, Origin>,
}

impl Addresses {
    fn new(dump: &Dump) -> Self {
        let mut addresses = Self { of: BTreeMap::new(), known: BTreeMap::new(), given: BTreeMap::new() };
        for (pk, address) in &dump.addresses {
            let (Some((app, kind)), Some(on)) = (&address.assigned_object_type, address.assigned_object_id) else {
                continue;
            };
            let (model, interface) = match (app.as_str(), kind.as_str()) {
                ("dcim", "interface") => (DEVICE, dump.interfaces.get(&on)),
                ("virtualization", "vminterface") => (MACHINE, dump.machine_interfaces.get(&on)),
                _ => continue,
            };
            let Some(interface) = interface else { continue };
            let bare = address.text.split('/').next().unwrap_or_default().to_owned();
            addresses.of.entry((model, interface.device)).or_default().push(*pk);
            addresses.known.insert(*pk, (bare, interface.mac_address.clone()));
        }
        addresses
    }

    /// Gives an asset its first primary address, or else the first that one of its interfaces has.
    fn give(&mut self, to: Origin, primary: [Option<i64>; 2], fields: &mut AssetFields) {
        let own = self.of.get(&to).into_iter().flatten().copied();
        let known = |pk: &i64| self.known.contains_key(pk);
        let Some(pk) = primary.into_iter().flatten().filter(known).chain(own).next() else { return };
        if let Some((address, mac)) = self.known.get(&pk) {
            fields.ip_address = Patch::Set(address.clone());
            fields.mac_address = mac.clone().into();
            self.given.insert(pk, to);
        }
    }

    fn report(&self, plan: &mut Plan, dump: &Dump) {
        for (pk, address) in &dump.addresses {
            if self.given.contains_key(pk) {
                plan.report.count(ADDRESS, Fate::Merged);
                continue;
            }
            let reason = match (&address.assigned_object_type, self.known.contains_key(pk)) {
                (None, _) => "no interface has it",
                (Some(_), true) => "its asset shows another one, its primary address",
                (Some(_), false) => "what has it is no interface of a device or virtual machine",
            };
            plan.report.skip(ADDRESS, *pk, &address.text, reason);
        }
    }
}
