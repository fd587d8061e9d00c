//! Assets: servers, workstations, switches and whatever else a client has; the API calls them infrastructure.

use std::{collections::BTreeMap, net::IpAddr};

use async_trait::async_trait;
use chrono::NaiveDate;
use claudetools_kernel::{
    Actor, Direction, Error, Faults, Id, Patch, Result, SortField, SortKey, Timestamp, enumeration, text,
};
use uuid::Uuid;

use super::{
    AssetDetail, Item, Items, Site,
    item::entity,
    values::{self, refuse_unknown_client, replace, replace_map},
};
use crate::ports::InfraTx;

/// The longest command recommended, in characters.
const LONGEST_COMMAND: usize = 4096;
/// How many hosts stand behind each other at most. Longer chains mean nothing to people, and each link costs a query.
const DEEPEST: usize = 100;

enumeration! {
    /// What kind of thing an asset is.
    pub enum AssetType {
        /// A server of metal.
        PhysicalServer = "physical_server",
        /// A server inside of another.
        VirtualServer = "virtual_server",
        /// A container.
        Container = "container",
        /// A computer to work at.
        Workstation = "workstation",
        /// A computer to carry.
        Laptop = "laptop",
        /// A router, or whatever else forwards packets.
        NetworkDevice = "network_device",
        /// A firewall.
        Firewall = "firewall",
        /// A switch.
        Switch = "switch",
        /// A wireless access point.
        AccessPoint = "access_point",
        /// Storage in the network.
        NasStorage = "nas_storage",
        /// A domain controller.
        DomainController = "domain_controller",
        /// A printer.
        Printer = "printer",
        /// A telephone.
        Phone = "phone",
        /// A camera.
        Camera = "camera",
        /// A power supply with a battery.
        Ups = "ups",
        /// Anything else.
        Other = "other",
    }
}

enumeration! {
    /// Whether an asset is in use.
    pub enum AssetStatus {
        /// In use.
        Active = "active",
        /// Not in use at present.
        Inactive = "inactive",
        /// Being worked on.
        Maintenance = "maintenance",
        /// Out of use for good.
        Decommissioned = "decommissioned",
    }
}

enumeration! {
    /// What assets can be sorted by.
    pub enum AssetSort {
        /// By host name, whatever its case.
        Hostname = "hostname",
        /// By creation.
        CreatedAt = "created_at",
        /// By last change.
        UpdatedAt = "updated_at",
    }
}

impl SortField for AssetSort {
    const DEFAULT: (Self, Direction) = (Self::Hostname, Direction::Ascending);
}

/// An asset. Its names: the client's, the site's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asset {
    /// Its id.
    pub id: Id<Self>,
    /// Whose it is. It cannot change any more once anything refers to the asset.
    pub client_id: Uuid,
    /// Where it stands; a site of the client.
    pub site_id: Option<Id<Site>>,
    /// Unique among the client's assets, whatever the case.
    pub hostname: String,
    /// Its address, in canonical form.
    pub ip_address: Option<String>,
    /// The address of its network card.
    pub mac_address: Option<String>,
    /// What it is.
    pub asset_type: AssetType,
    /// Its operating system.
    pub os: Option<String>,
    /// The version of that.
    pub os_version: Option<String>,
    /// Where on the site.
    pub location: Option<String>,
    /// Whether it is in use.
    pub status: AssetStatus,
    /// What to know before working on it.
    pub environmental_notes: Option<String>,
    /// The version of its `PowerShell`.
    pub powershell_version: Option<String>,
    /// The shell that it offers.
    pub shell_type: Option<String>,
    /// What installs software on it.
    pub package_manager: Option<String>,
    /// Whether it has a graphical interface.
    pub has_gui: bool,
    /// Whether it can be reached by SSH.
    pub has_ssh: bool,
    /// Whether it can be reached by `WinRM`.
    pub has_winrm: bool,
    /// What does not work on it, in short words such as `no_native_wins_service`.
    pub limitations: Vec<String>,
    /// Commands that work on it, by name.
    pub recommended_commands: BTreeMap<String, String>,
    /// The asset that it runs on. No asset runs on itself, not even by way of others.
    pub parent_id: Option<Id<Self>>,
    /// Its serial number.
    pub serial_number: Option<String>,
    /// The last day of its warranty.
    pub warranty_until: Option<NaiveDate>,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// Its ids in other systems.
    pub external_ids: BTreeMap<String, String>,
    /// When it was entered.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Counts its changes; the basis of `ETag`.
    pub revision: i64,
}

entity!(Asset, "infrastructure");

/// What a request says of an asset.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "each field is described at Asset")]
pub struct AssetFields {
    pub client_id: Option<Uuid>,
    pub site_id: Patch<Id<Site>>,
    pub hostname: Option<String>,
    pub ip_address: Patch<String>,
    pub mac_address: Patch<String>,
    pub asset_type: Option<AssetType>,
    pub os: Patch<String>,
    pub os_version: Patch<String>,
    pub location: Patch<String>,
    pub status: Option<AssetStatus>,
    pub environmental_notes: Patch<String>,
    pub powershell_version: Patch<String>,
    pub shell_type: Patch<String>,
    pub package_manager: Patch<String>,
    pub has_gui: Option<bool>,
    pub has_ssh: Option<bool>,
    pub has_winrm: Option<bool>,
    pub limitations: Option<Vec<String>>,
    pub recommended_commands: Option<BTreeMap<String, String>>,
    pub parent_id: Patch<Id<Asset>>,
    pub serial_number: Patch<String>,
    pub warranty_until: Patch<NaiveDate>,
    pub tags: Option<Vec<String>>,
    pub external_ids: Option<BTreeMap<String, String>>,
}

/// Which assets to list; conditions combine with AND.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "each field is described at Asset")]
pub struct AssetFilter {
    pub client_id: Option<Uuid>,
    pub site_id: Option<Id<Site>>,
    pub asset_type: Option<AssetType>,
    pub status: Option<AssetStatus>,
    /// Substring of the host name, whatever the case.
    pub hostname: Option<String>,
    /// The address, however it is written.
    pub ip: Option<IpAddr>,
    /// One of the tags, whatever the case.
    pub tag: Option<String>,
    /// Substring of [`Asset::search_key`].
    pub q: Option<String>,
}

impl Asset {
    /// What `q` searches: host name, addresses, operating system, location, serial number, notes, limitations, tags.
    pub fn search_key(&self) -> String {
        let own = [
            Some(self.hostname.as_str()),
            self.ip_address.as_deref(),
            self.mac_address.as_deref(),
            self.os.as_deref(),
            self.location.as_deref(),
            self.serial_number.as_deref(),
            self.environmental_notes.as_deref(),
        ];
        let words = self.limitations.iter().chain(&self.tags);
        text::search_key(own.into_iter().chain(words.map(|word| Some(word.as_str()))))
    }

    /// Whether people who write `system` mean this asset: its host name, alone or with a domain behind it, or its address.
    pub fn is_called(&self, system: &str) -> bool {
        let (system, hostname) = (text::fold(system.trim()), text::fold(&self.hostname));
        let with_domain = system.strip_prefix(&hostname).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        with_domain
            || (values::parse_address(&system).map(|ip| ip.to_string()).is_some_and(|ip| Some(ip) == self.ip_address))
    }

    /// What a filter by tag searches: all tags folded, each between `TAG_EDGE`s.
    pub fn tag_key(&self) -> String {
        self.tags.iter().fold(TAG_EDGE.to_string(), |key, tag| format!("{key}{}{TAG_EDGE}", text::fold(tag)))
    }
}

/// Stands before and behind each tag in [`Asset::tag_key`]; no tag contains it.
const TAG_EDGE: char = '\u{1f}';

impl AssetFilter {
    /// What [`Asset::tag_key`] contains of an asset with the tag asked for.
    pub fn tag_needle(&self) -> Option<String> {
        self.tag.as_deref().map(|tag| format!("{TAG_EDGE}{}{TAG_EDGE}", text::fold(tag.trim())))
    }
}

#[async_trait]
impl Item for Asset {
    type Fields = AssetFields;
    type Filter = AssetFilter;
    type Sort = AssetSort;
    type Extra = AssetDetail;

    fn blank(id: Id<Self>, now: Timestamp) -> Self {
        Self {
            id,
            client_id: Uuid::nil(),
            site_id: None,
            hostname: String::new(),
            ip_address: None,
            mac_address: None,
            asset_type: AssetType::Other,
            os: None,
            os_version: None,
            location: None,
            status: AssetStatus::Active,
            environmental_notes: None,
            powershell_version: None,
            shell_type: None,
            package_manager: None,
            has_gui: false,
            has_ssh: false,
            has_winrm: false,
            limitations: Vec::new(),
            recommended_commands: BTreeMap::new(),
            parent_id: None,
            serial_number: None,
            warranty_until: None,
            tags: Vec::new(),
            external_ids: BTreeMap::new(),
            created_at: now,
            updated_at: now,
            revision: 1,
        }
    }

    fn required(fields: &AssetFields) -> Vec<(&'static str, bool)> {
        vec![
            ("client_id", fields.client_id.is_some()),
            ("hostname", fields.hostname.is_some()),
            ("asset_type", fields.asset_type.is_some()),
        ]
    }

    fn apply(&mut self, fields: AssetFields, faults: &mut Faults) {
        replace(fields.client_id, &mut self.client_id);
        fields.site_id.apply(&mut self.site_id);
        text::replace_line(faults, "hostname", fields.hostname, &mut self.hostname);
        values::address(faults, "ip_address", fields.ip_address).apply(&mut self.ip_address);
        values::mac(faults, "mac_address", fields.mac_address).apply(&mut self.mac_address);
        replace(fields.asset_type, &mut self.asset_type);
        text::optional_line(faults, "os", fields.os).apply(&mut self.os);
        text::optional_line(faults, "os_version", fields.os_version).apply(&mut self.os_version);
        text::optional_line(faults, "location", fields.location).apply(&mut self.location);
        replace(fields.status, &mut self.status);
        text::optional_block(faults, "environmental_notes", fields.environmental_notes)
            .apply(&mut self.environmental_notes);
        text::optional_line(faults, "powershell_version", fields.powershell_version)
            .apply(&mut self.powershell_version);
        text::optional_line(faults, "shell_type", fields.shell_type).apply(&mut self.shell_type);
        text::optional_line(faults, "package_manager", fields.package_manager).apply(&mut self.package_manager);
        replace(fields.has_gui, &mut self.has_gui);
        replace(fields.has_ssh, &mut self.has_ssh);
        replace(fields.has_winrm, &mut self.has_winrm);
        text::replace_lines(faults, "limitations", fields.limitations, &mut self.limitations);
        let commands = fields.recommended_commands;
        replace_map(faults, "recommended_commands", commands, LONGEST_COMMAND, &mut self.recommended_commands);
        fields.parent_id.apply(&mut self.parent_id);
        text::optional_line(faults, "serial_number", fields.serial_number).apply(&mut self.serial_number);
        fields.warranty_until.apply(&mut self.warranty_until);
        text::replace_lines(faults, "tags", fields.tags, &mut self.tags);
        replace_map(faults, "external_ids", fields.external_ids, text::LINE, &mut self.external_ids);
    }

    fn is_admitted(&self, filter: &AssetFilter) -> bool {
        let ip = filter.ip.map(|ip| ip.to_canonical().to_string());
        filter.client_id.is_none_or(|wanted| wanted == self.client_id)
            && filter.site_id.is_none_or(|wanted| Some(wanted) == self.site_id)
            && filter.asset_type.is_none_or(|wanted| wanted == self.asset_type)
            && filter.status.is_none_or(|wanted| wanted == self.status)
            && filter.hostname.as_deref().is_none_or(|part| text::fold(&self.hostname).contains(&text::fold(part)))
            && ip.is_none_or(|ip| self.ip_address.as_ref() == Some(&ip))
            && filter.tag_needle().is_none_or(|needle| self.tag_key().contains(&needle))
            && filter.q.as_deref().is_none_or(|q| self.search_key().contains(&text::fold(q)))
    }

    fn sort_key(&self, field: AssetSort) -> SortKey {
        match field {
            AssetSort::Hostname => SortKey::Text(text::fold(&self.hostname)),
            AssetSort::CreatedAt => self.created_at.into(),
            AssetSort::UpdatedAt => self.updated_at.into(),
        }
    }

    fn items(tx: &mut dyn InfraTx) -> &mut dyn Items<Self> {
        tx.assets()
    }

    fn contends(fields: &AssetFields) -> bool {
        matches!(fields.parent_id, Patch::Set(_))
    }

    async fn hold(tx: &mut dyn InfraTx) -> Result<()> {
        Ok(tx.inventory().lock_parents().await?)
    }

    async fn settle(&mut self, tx: &mut dyn InfraTx, before: Option<&Self>) -> Result<()> {
        let moves = before.is_none_or(|before| before.client_id != self.client_id);
        if moves {
            refuse_unknown_client(tx, self.client_id).await?;
        }
        if moves && before.is_some() {
            Error::refuse_if_referenced(self.id, tx.assets().referrers(self.id).await?)?;
        }
        if let Some(site) = self.site_id.filter(|site| moves || before.is_none_or(|b| b.site_id != Some(*site))) {
            refuse_other_site(tx, self.client_id, site).await?;
        }
        let parent = self.parent_id.filter(|parent| before.is_none_or(|before| before.parent_id != Some(*parent)));
        if let Some(parent) = parent {
            refuse_circle(tx.assets(), self.id, parent).await?;
        }
        let holder = tx.inventory().asset_named(self.client_id, &text::fold(&self.hostname)).await?;
        Error::refuse_taken("hostname", holder, self.id)
    }

    async fn extra(&self, tx: &mut dyn InfraTx, actor: &Actor, now: Timestamp) -> Result<AssetDetail> {
        AssetDetail::find(tx, self, actor, now).await
    }
}

/// Refuses a site that does not exist or is another client's.
pub(super) async fn refuse_other_site(tx: &mut dyn InfraTx, client: Uuid, site: Id<Site>) -> Result<()> {
    if tx.sites().find(site).await?.client_id == client {
        return Ok(());
    }
    Err(Faults::one_semantic("site_id", "client", "must name a site of the client"))
}

/// Refuses an asset that does not exist or is another client's.
pub(super) async fn refuse_other_asset(tx: &mut dyn InfraTx, client: Uuid, asset: Id<Asset>) -> Result<()> {
    if tx.assets().find(asset).await?.client_id == client {
        return Ok(());
    }
    Err(Faults::one_semantic("infrastructure_id", "client", "must name infrastructure of the client"))
}

/// Refuses with [`Error::Conflict`] a parent that runs on the asset itself.
async fn refuse_circle(assets: &mut dyn Items<Asset>, asset: Id<Asset>, parent: Id<Asset>) -> Result<()> {
    let mut above = Some(parent);
    for _ in 0..DEEPEST {
        let Some(id) = above else { return Ok(()) };
        if id == asset {
            return Err(Error::Conflict("parent_id would make the asset run on itself".to_owned()));
        }
        above = assets.find(id).await?.parent_id;
    }
    Err(Error::Conflict(format!("parent_id leads too far: more than {DEEPEST} assets run on each other in a row")))
}
