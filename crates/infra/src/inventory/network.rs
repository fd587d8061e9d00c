//! Networks of clients.

use std::{collections::BTreeMap, net::IpAddr};

use async_trait::async_trait;
use claudetools_kernel::{
    Actor, Direction, Faults, Id, Patch, Result, SortField, SortKey, Timestamp, enumeration, text,
};
use ipnet::IpNet;
use uuid::Uuid;

use super::{
    Cidr, Item, Items, Site,
    asset::refuse_other_site,
    item::entity,
    values::{self, refuse_unknown_client, replace, replace_map},
};
use crate::ports::InfraTx;

/// How many overlaps a network shows.
const MOST_OVERLAPS: u32 = 200;

enumeration! {
    /// What a network is for.
    pub enum NetworkType {
        /// Machines of one place.
        Lan = "lan",
        /// The way to other places.
        Wan = "wan",
        /// A part of a place's network, told apart by a tag.
        Vlan = "vlan",
        /// Machines far away, through a tunnel.
        Vpn = "vpn",
        /// Nothing gets in or out.
        Isolated = "isolated",
        /// What the outside may reach.
        Dmz = "dmz",
    }
}

enumeration! {
    /// What networks can be sorted by.
    pub enum NetworkSort {
        /// By name, whatever its case.
        Name = "name",
        /// By creation.
        CreatedAt = "created_at",
        /// By last change.
        UpdatedAt = "updated_at",
    }
}

impl SortField for NetworkSort {
    const DEFAULT: (Self, Direction) = (Self::Name, Direction::Ascending);
}

/// A network. Its names: the client's, the site's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// Its id.
    pub id: Id<Self>,
    /// Whose it is.
    pub client_id: Uuid,
    /// Where it is; a site of the client.
    pub site_id: Option<Id<Site>>,
    /// What it is called.
    pub name: String,
    /// What it is for.
    pub network_type: NetworkType,
    /// Its addresses.
    pub cidr: Cidr,
    /// The tag of its frames, 1 to 4094 (IEEE 802.1Q).
    pub vlan_id: Option<i32>,
    /// The address of its gateway.
    pub gateway_ip: Option<String>,
    /// The addresses that are given out.
    pub dhcp_range: Option<String>,
    /// Anything else.
    pub notes: Option<String>,
    /// Its ids in other systems.
    pub external_ids: BTreeMap<String, String>,
    /// When it was entered.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Counts its changes; the basis of `ETag`.
    pub revision: i64,
}

entity!(Network, "network");

/// What a request says of a network.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "each field is described at Network")]
pub struct NetworkFields {
    pub client_id: Option<Uuid>,
    pub site_id: Patch<Id<Site>>,
    pub name: Option<String>,
    pub network_type: Option<NetworkType>,
    pub cidr: Option<String>,
    pub vlan_id: Patch<i32>,
    pub gateway_ip: Patch<String>,
    pub dhcp_range: Patch<String>,
    pub notes: Patch<String>,
    pub external_ids: Option<BTreeMap<String, String>>,
}

/// Which networks to list; conditions combine with AND.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "each field is described at Network")]
pub struct NetworkFilter {
    pub client_id: Option<Uuid>,
    pub site_id: Option<Id<Site>>,
    pub network_type: Option<NetworkType>,
    /// An address that lies in it.
    pub contains: Option<IpAddr>,
    /// Substring of [`Network::search_key`].
    pub q: Option<String>,
}

impl NetworkFilter {
    /// The networks that contain the address asked for, one for each length of prefix.
    pub fn containing(&self) -> Option<Vec<Cidr>> {
        let address = self.contains?.to_canonical();
        Cidr::parse(&IpNet::from(address).to_string()).map(|net| net.supernets())
    }
}

/// The client's other networks that share addresses with a network.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NetworkDetail {
    /// Their ids in order, at most 200.
    pub overlaps: Vec<Id<Network>>,
}

impl Network {
    /// What `q` searches: name, network, gateway, notes.
    pub fn search_key(&self) -> String {
        let cidr = self.cidr.to_string();
        text::search_key([
            Some(self.name.as_str()),
            Some(cidr.as_str()),
            self.gateway_ip.as_deref(),
            self.notes.as_deref(),
        ])
    }
}

#[async_trait]
impl Item for Network {
    type Fields = NetworkFields;
    type Filter = NetworkFilter;
    type Sort = NetworkSort;
    type Extra = NetworkDetail;

    fn blank(id: Id<Self>, now: Timestamp) -> Self {
        Self {
            id,
            client_id: Uuid::nil(),
            site_id: None,
            name: String::new(),
            network_type: NetworkType::Lan,
            cidr: Cidr::ANY,
            vlan_id: None,
            gateway_ip: None,
            dhcp_range: None,
            notes: None,
            external_ids: BTreeMap::new(),
            created_at: now,
            updated_at: now,
            revision: 1,
        }
    }

    fn required(fields: &NetworkFields) -> Vec<(&'static str, bool)> {
        vec![
            ("client_id", fields.client_id.is_some()),
            ("name", fields.name.is_some()),
            ("cidr", fields.cidr.is_some()),
        ]
    }

    fn apply(&mut self, fields: NetworkFields, faults: &mut Faults) {
        replace(fields.client_id, &mut self.client_id);
        fields.site_id.apply(&mut self.site_id);
        text::replace_line(faults, "name", fields.name, &mut self.name);
        replace(fields.network_type, &mut self.network_type);
        match fields.cidr.as_deref().map(Cidr::parse) {
            Some(Some(cidr)) => self.cidr = cidr,
            Some(None) => values::refuse_cidr(faults, "cidr"),
            None => {}
        }
        values::whole(faults, "vlan_id", fields.vlan_id, 1..=4094).apply(&mut self.vlan_id);
        values::address(faults, "gateway_ip", fields.gateway_ip).apply(&mut self.gateway_ip);
        text::optional_line(faults, "dhcp_range", fields.dhcp_range).apply(&mut self.dhcp_range);
        text::optional_block(faults, "notes", fields.notes).apply(&mut self.notes);
        replace_map(faults, "external_ids", fields.external_ids, text::LINE, &mut self.external_ids);
    }

    fn is_admitted(&self, filter: &NetworkFilter) -> bool {
        filter.client_id.is_none_or(|wanted| wanted == self.client_id)
            && filter.site_id.is_none_or(|wanted| Some(wanted) == self.site_id)
            && filter.network_type.is_none_or(|wanted| wanted == self.network_type)
            && filter.contains.is_none_or(|address| self.cidr.contains(address.to_canonical()))
            && filter.q.as_deref().is_none_or(|q| self.search_key().contains(&text::fold(q)))
    }

    fn sort_key(&self, field: NetworkSort) -> SortKey {
        match field {
            NetworkSort::Name => SortKey::Text(text::fold(&self.name)),
            NetworkSort::CreatedAt => self.created_at.into(),
            NetworkSort::UpdatedAt => self.updated_at.into(),
        }
    }

    fn items(tx: &mut dyn InfraTx) -> &mut dyn Items<Self> {
        tx.networks()
    }

    async fn settle(&mut self, tx: &mut dyn InfraTx, before: Option<&Self>) -> Result<()> {
        let moves = before.is_none_or(|before| before.client_id != self.client_id);
        if moves {
            refuse_unknown_client(tx, self.client_id).await?;
        }
        if let Some(site) = self.site_id.filter(|site| moves || before.is_none_or(|b| b.site_id != Some(*site))) {
            refuse_other_site(tx, self.client_id, site).await?;
        }
        Ok(())
    }

    async fn extra(&self, tx: &mut dyn InfraTx, _: &Actor, _: Timestamp) -> Result<NetworkDetail> {
        Ok(NetworkDetail { overlaps: tx.inventory().overlapping(self, MOST_OVERLAPS).await? })
    }
}
