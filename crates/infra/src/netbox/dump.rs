//! The objects of a dump that are taken over, by kind and number.

use std::collections::BTreeMap;

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

/// Why a file is no dump.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// It is not the JSON that `dumpdata` writes.
    #[error("not a dump of NetBox: {0}")]
    Json(#[from] serde_json::Error),
    /// An object lacks a field, or has another type than in the versions known.
    #[error("{model} {pk} is not as NetBox 3 writes it: {problem}")]
    Object {
        /// Its kind.
        model: String,
        /// Its number.
        pk: i64,
        /// What is wrong.
        problem: serde_json::Error,
    },
    /// There is nothing in it that could be taken over.
    #[error("the file has no tenant, site, device, virtual machine, prefix, VLAN or address of NetBox")]
    Nothing,
}

/// Objects of one kind by number.
pub(super) type Objects<T> = BTreeMap<i64, T>;

#[derive(Debug, Deserialize)]
pub(super) struct Tenant {
    pub(super) name: String,
    #[serde(default)]
    pub(super) description: String,
    #[serde(default)]
    pub(super) comments: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Site {
    pub(super) name: String,
    pub(super) tenant: Option<i64>,
    #[serde(default)]
    pub(super) description: String,
    #[serde(default)]
    pub(super) comments: String,
    #[serde(default)]
    pub(super) facility: String,
    #[serde(default)]
    pub(super) physical_address: String,
    pub(super) region: Option<i64>,
    pub(super) latitude: Option<Value>,
    pub(super) longitude: Option<Value>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Device {
    pub(super) name: Option<String>,
    #[serde(rename = "device_type")]
    pub(super) kind: i64,
    #[serde(alias = "device_role")]
    pub(super) role: i64,
    pub(super) tenant: Option<i64>,
    pub(super) platform: Option<i64>,
    #[serde(default)]
    pub(super) serial: String,
    pub(super) site: i64,
    pub(super) rack: Option<i64>,
    pub(super) status: String,
    pub(super) primary_ip4: Option<i64>,
    pub(super) primary_ip6: Option<i64>,
    pub(super) cluster: Option<i64>,
    #[serde(default)]
    pub(super) description: String,
    #[serde(default)]
    pub(super) comments: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct VirtualMachine {
    pub(super) name: String,
    pub(super) tenant: Option<i64>,
    pub(super) platform: Option<i64>,
    pub(super) site: Option<i64>,
    pub(super) cluster: Option<i64>,
    pub(super) device: Option<i64>,
    pub(super) status: String,
    pub(super) primary_ip4: Option<i64>,
    pub(super) primary_ip6: Option<i64>,
    #[serde(default)]
    pub(super) description: String,
    #[serde(default)]
    pub(super) comments: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Cluster {
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) kind: i64,
    pub(super) tenant: Option<i64>,
    pub(super) site: Option<i64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Prefix {
    #[serde(rename = "prefix")]
    pub(super) cidr: String,
    pub(super) tenant: Option<i64>,
    pub(super) site: Option<i64>,
    pub(super) vlan: Option<i64>,
    pub(super) vrf: Option<i64>,
    pub(super) role: Option<i64>,
    pub(super) status: String,
    #[serde(default)]
    pub(super) description: String,
    #[serde(default)]
    pub(super) comments: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Vlan {
    pub(super) vid: i32,
    pub(super) name: String,
    pub(super) tenant: Option<i64>,
    pub(super) site: Option<i64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Address {
    #[serde(rename = "address")]
    pub(super) text: String,
    pub(super) assigned_object_type: Option<(String, String)>,
    pub(super) assigned_object_id: Option<i64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Vrf {
    pub(super) name: String,
    pub(super) tenant: Option<i64>,
}

/// An interface: of a device, or of a virtual machine.
#[derive(Debug, Deserialize)]
pub(super) struct Interface {
    #[serde(alias = "virtual_machine")]
    pub(super) device: i64,
    pub(super) mac_address: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct DeviceType {
    pub(super) model: String,
}

/// What only its name is asked of.
#[derive(Debug, Deserialize)]
pub(super) struct NameOnly {
    pub(super) name: String,
}

#[derive(Debug, Deserialize)]
struct TaggedItem {
    content_type: (String, String),
    object_id: i64,
    tag: i64,
}

/// What a file holds of that which is taken over.
#[derive(Debug, Default)]
pub struct Dump {
    pub(super) tenants: Objects<Tenant>,
    pub(super) sites: Objects<Site>,
    pub(super) devices: Objects<Device>,
    pub(super) machines: Objects<VirtualMachine>,
    pub(super) clusters: Objects<Cluster>,
    pub(super) cluster_types: Objects<NameOnly>,
    pub(super) prefixes: Objects<Prefix>,
    pub(super) vlans: Objects<Vlan>,
    pub(super) addresses: Objects<Address>,
    pub(super) vrfs: Objects<Vrf>,
    pub(super) interfaces: Objects<Interface>,
    pub(super) machine_interfaces: Objects<Interface>,
    pub(super) roles: Objects<NameOnly>,
    pub(super) device_types: Objects<DeviceType>,
    pub(super) platforms: Objects<NameOnly>,
    pub(super) regions: Objects<NameOnly>,
    pub(super) racks: Objects<NameOnly>,
    pub(super) network_roles: Objects<NameOnly>,
    tags: Objects<NameOnly>,
    tagged: Vec<TaggedItem>,
    /// How many objects there are of every other kind.
    pub(super) others: BTreeMap<String, usize>,
}

#[derive(Debug, Deserialize)]
struct Object {
    model: String,
    // A few kinds that nothing refers to are written without a number or under a word.
    #[serde(default)]
    pk: Value,
    fields: Value,
}

impl Dump {
    /// Reads what `dumpdata` has written.
    pub fn read(json: &[u8]) -> Result<Self, Unreadable> {
        let mut dump = Self::default();
        for object in serde_json::from_slice::<Vec<Object>>(json)? {
            dump.take(object)?;
        }
        let is_empty = dump.tenants.is_empty()
            && dump.sites.is_empty()
            && dump.devices.is_empty()
            && dump.machines.is_empty()
            && dump.prefixes.is_empty()
            && dump.vlans.is_empty()
            && dump.addresses.is_empty();
        if is_empty { Err(Unreadable::Nothing) } else { Ok(dump) }
    }

    fn take(&mut self, object: Object) -> Result<(), Unreadable> {
        match object.model.as_str() {
            "tenancy.tenant" => put(&mut self.tenants, object),
            "dcim.site" => put(&mut self.sites, object),
            "dcim.device" => put(&mut self.devices, object),
            "virtualization.virtualmachine" => put(&mut self.machines, object),
            "virtualization.cluster" => put(&mut self.clusters, object),
            "virtualization.clustertype" => put(&mut self.cluster_types, object),
            "ipam.prefix" => put(&mut self.prefixes, object),
            "ipam.vlan" => put(&mut self.vlans, object),
            "ipam.ipaddress" => put(&mut self.addresses, object),
            "ipam.vrf" => put(&mut self.vrfs, object),
            "ipam.role" => put(&mut self.network_roles, object),
            "dcim.interface" => put(&mut self.interfaces, object),
            "virtualization.vminterface" => put(&mut self.machine_interfaces, object),
            "dcim.devicerole" => put(&mut self.roles, object),
            "dcim.devicetype" => put(&mut self.device_types, object),
            "dcim.platform" => put(&mut self.platforms, object),
            "dcim.region" => put(&mut self.regions, object),
            "dcim.rack" => put(&mut self.racks, object),
            "extras.tag" => put(&mut self.tags, object),
            "extras.taggeditem" => {
                let mut one = Objects::new();
                put(&mut one, object)?;
                self.tagged.extend(one.into_values());
                Ok(())
            }
            _ => {
                *self.others.entry(object.model).or_default() += 1;
                Ok(())
            }
        }
    }

    /// The names of the tags on an object of this kind.
    pub(super) fn tags_of(&self, (app, kind): (&str, &str), pk: i64) -> Vec<String> {
        let is_it =
            |item: &&TaggedItem| item.object_id == pk && item.content_type.0 == app && item.content_type.1 == kind;
        self.tagged
            .iter()
            .filter(is_it)
            .filter_map(|item| self.tags.get(&item.tag))
            .map(|tag| tag.name.clone())
            .collect()
    }
}

fn put<T: DeserializeOwned>(objects: &mut Objects<T>, object: Object) -> Result<(), Unreadable> {
    let pk = object.pk.as_i64().unwrap_or_default();
    let fields = serde_json::from_value(object.fields);
    let read = fields.map_err(|problem| Unreadable::Object { model: object.model, pk, problem })?;
    objects.insert(pk, read);
    Ok(())
}
