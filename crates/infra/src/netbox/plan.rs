//! What becomes of each object, decided without looking at any storage.

use std::collections::{BTreeMap, BTreeSet};

use claudetools_kernel::{Patch, text};
use serde_json::Value;

use super::{
    Dump, Fate, ImportedClient, Report,
    dump::{Objects, Prefix, Site, Vlan},
    plan_assets,
};
use crate::inventory::{AssetFields, Cidr, Degrees, NetworkFields, NetworkType, SiteFields};

pub(super) const TENANT: &str = "tenancy.tenant";
pub(super) const SITE: &str = "dcim.site";
pub(super) const DEVICE: &str = "dcim.device";
pub(super) const MACHINE: &str = "virtualization.virtualmachine";
pub(super) const CLUSTER: &str = "virtualization.cluster";
pub(super) const PREFIX: &str = "ipam.prefix";
pub(super) const VLAN: &str = "ipam.vlan";
pub(super) const ADDRESS: &str = "ipam.ipaddress";

/// The client of whatever no tenant is named for.
const REST: &str = "NetBox (no tenant)";

/// A tenant's number; none for whatever has no tenant.
pub(super) type Owner = Option<i64>;
/// An object of `NetBox`: its kind and number.
pub(super) type Origin = (&'static str, i64);

/// A row to be made of an object.
#[derive(Debug, Clone)]
pub(super) struct Planned<F> {
    pub(super) origin: Origin,
    /// What it is called, for the report.
    pub(super) name: String,
    pub(super) fields: F,
    /// The number of the site that it is at, which is its client's.
    pub(super) site: Option<i64>,
    /// What it runs on.
    pub(super) parent: Option<Origin>,
}

/// A client with what is to be entered for it.
#[derive(Debug, Clone)]
pub(super) struct ClientPlan {
    pub(super) client: ImportedClient,
    /// The tenant's number.
    pub(super) tenant: Owner,
    pub(super) sites: Vec<Planned<SiteFields>>,
    /// Hosts before what runs on them, where both are the client's.
    pub(super) assets: Vec<Planned<AssetFields>>,
    pub(super) networks: Vec<Planned<NetworkFields>>,
}

/// What is to be entered, client by client, and what is not.
#[derive(Debug, Clone)]
pub struct Plan {
    pub(super) clients: Vec<ClientPlan>,
    pub(super) report: Report,
}

/// An object's id under [`super::SYSTEM`].
pub(super) fn external_id((model, pk): Origin) -> String {
    format!("{model}:{pk}")
}

/// Text that says something.
pub(super) fn some(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// Lines that say something, one below the other.
pub(super) fn lines<const N: usize>(parts: [Option<String>; N]) -> Patch<String> {
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() { Patch::Keep } else { Patch::Set(parts.join("\n")) }
}

impl Plan {
    /// Decides what becomes of each object of `dump`.
    pub fn new(dump: &Dump) -> Self {
        let report = Report { others: dump.others.clone(), ..Report::default() };
        let clients = dump.tenants.iter().map(|(pk, tenant)| {
            let notes = lines([some(&tenant.description), some(&tenant.comments)]).value().cloned();
            let external_id = external_id((TENANT, *pk));
            let client = ImportedClient { name: tenant.name.clone(), is_internal: false, notes, external_id };
            ClientPlan::new(client, Some(*pk))
        });
        let rest = ImportedClient {
            name: REST.to_owned(),
            is_internal: true,
            notes: Some("What NetBox names no tenant for".to_owned()),
            external_id: format!("{TENANT}:none"),
        };
        // First, because shared hosts and clusters rarely have a tenant.
        let clients = std::iter::once(ClientPlan::new(rest, None)).chain(clients).collect();
        let mut plan = Self { clients, report };
        for (pk, site) in &dump.sites {
            let planned = plan_site(dump, *pk, site);
            plan.client(site.tenant).sites.push(planned);
        }
        plan_assets::plan(&mut plan, dump);
        plan_networks(&mut plan, dump);
        plan.clients.retain(|client| client.tenant.is_some() || !client.is_empty());
        plan
    }

    /// How many clients there are to be entered.
    pub fn clients(&self) -> usize {
        self.clients.len()
    }

    /// The plan of a tenant, or of whatever has none.
    pub(super) fn client(&mut self, tenant: Owner) -> &mut ClientPlan {
        let found = self.clients.iter().position(|client| client.tenant == tenant).unwrap_or_default();
        &mut self.clients[found]
    }
}

impl ClientPlan {
    const fn new(client: ImportedClient, tenant: Owner) -> Self {
        Self { client, tenant, sites: Vec::new(), assets: Vec::new(), networks: Vec::new() }
    }

    const fn is_empty(&self) -> bool {
        self.sites.is_empty() && self.assets.is_empty() && self.networks.is_empty()
    }
}

/// The number of the site, if it belongs to the client.
pub(super) fn site_of(dump: &Dump, site: Option<i64>, owner: Owner) -> Option<i64> {
    site.filter(|pk| dump.sites.get(pk).is_some_and(|site| site.tenant == owner))
}

/// The tenant of a site.
pub(super) fn owner_of_site(dump: &Dump, site: Option<i64>) -> Owner {
    site.and_then(|pk| dump.sites.get(&pk)).and_then(|site| site.tenant)
}

fn plan_site(dump: &Dump, pk: i64, site: &Site) -> Planned<SiteFields> {
    let region = site.region.and_then(|pk| dump.regions.get(&pk)).map(|region| format!("Region: {}", region.name));
    let facility = some(&site.facility).map(|facility| format!("Facility: {facility}"));
    let fields = SiteFields {
        name: Some(site.name.clone()),
        address: some(&site.physical_address.replace(['\r', '\n'], " ")).into(),
        latitude: degrees(site.latitude.as_ref()).into(),
        longitude: degrees(site.longitude.as_ref()).into(),
        notes: lines([some(&site.description), some(&site.comments), region, facility]),
        ..SiteFields::default()
    };
    Planned { origin: (SITE, pk), name: site.name.clone(), fields, site: None, parent: None }
}

/// Decimals are written as text.
fn degrees(value: Option<&Value>) -> Option<Degrees> {
    let number = match value? {
        Value::String(text) => text.parse().ok()?,
        other => other.as_f64()?,
    };
    serde_json::from_value(Value::from(number)).ok()
}

fn plan_networks(plan: &mut Plan, dump: &Dump) {
    let mut used = BTreeSet::new();
    for (pk, prefix) in &dump.prefixes {
        let Some(cidr) = Cidr::parse(&prefix.cidr) else {
            plan.report.skip(PREFIX, *pk, &prefix.cidr, "is no network in CIDR notation");
            continue;
        };
        let vlan = prefix.vlan.and_then(|pk| dump.vlans.get(&pk));
        let vrf = prefix.vrf.and_then(|pk| dump.vrfs.get(&pk));
        let site = prefix.site.or_else(|| vlan.and_then(|vlan| vlan.site));
        let owner = prefix.tenant.or_else(|| vlan.and_then(|vlan| vlan.tenant));
        let owner = owner.or_else(|| owner_of_site(dump, site)).or_else(|| vrf.and_then(|vrf| vrf.tenant));
        let fields = network(prefix, cidr, vlan, dump);
        let name = prefix.cidr.clone();
        let planned = Planned { origin: (PREFIX, *pk), name, fields, site: site_of(dump, site, owner), parent: None };
        plan.client(owner).networks.push(planned);
        used.extend(prefix.vlan);
    }
    for (pk, vlan) in &dump.vlans {
        if used.contains(pk) {
            plan.report.count(VLAN, Fate::Merged);
        } else {
            let reason = "no prefix names it, and a network needs its addresses";
            plan.report.skip(VLAN, *pk, &format!("{} ({})", vlan.name, vlan.vid), reason);
        }
    }
}

fn network(prefix: &Prefix, cidr: Cidr, vlan: Option<&Vlan>, dump: &Dump) -> NetworkFields {
    let name = vlan.map(|vlan| vlan.name.clone()).or_else(|| some(&prefix.description));
    let role = named(&dump.network_roles, prefix.role, |role| &role.name).map(|role| format!("Role: {role}"));
    let vrf = named(&dump.vrfs, prefix.vrf, |vrf| &vrf.name).map(|vrf| format!("VRF: {vrf}"));
    let status = (prefix.status != "active").then(|| format!("Status: {}", prefix.status));
    NetworkFields {
        name: Some(name.unwrap_or_else(|| cidr.to_string())),
        network_type: Some(if vlan.is_some() { NetworkType::Vlan } else { NetworkType::Lan }),
        cidr: Some(cidr.to_string()),
        vlan_id: vlan.map(|vlan| vlan.vid).into(),
        notes: lines([some(&prefix.description), some(&prefix.comments), role, vrf, status]),
        ..NetworkFields::default()
    }
}

/// The name of what a number refers to.
pub(super) fn named<T>(objects: &Objects<T>, pk: Option<i64>, name: fn(&T) -> &String) -> Option<&str> {
    pk.and_then(|pk| objects.get(&pk)).map(|object| name(object).as_str())
}

/// Host names, each given once for a client.
#[derive(Debug, Default)]
pub(super) struct Hostnames(BTreeMap<Owner, BTreeSet<String>>);

impl Hostnames {
    /// The name, with the object's number behind it if another of the client's has it already.
    pub(super) fn take(&mut self, owner: Owner, name: &str, pk: i64) -> String {
        let taken = self.0.entry(owner).or_default();
        let own = if taken.contains(&text::fold(name)) { format!("{name}-{pk}") } else { name.to_owned() };
        taken.insert(text::fold(&own));
        own
    }
}
