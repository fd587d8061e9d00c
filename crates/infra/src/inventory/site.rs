//! Sites: where clients' equipment stands.

use async_trait::async_trait;
use claudetools_kernel::{
    Actor, Direction, Error, Faults, Id, Patch, Result, SortField, SortKey, Timestamp, enumeration, text,
};
use std::collections::BTreeMap;
use uuid::Uuid;

use super::{
    Cidr, Degrees, Item, Items, NoDetail,
    item::entity,
    values::{self, refuse_unknown_client, replace, replace_map},
};
use crate::ports::InfraTx;

enumeration! {
    /// What sites can be sorted by.
    pub enum SiteSort {
        /// By name, whatever its case.
        Name = "name",
        /// By creation.
        CreatedAt = "created_at",
        /// By last change.
        UpdatedAt = "updated_at",
    }
}

impl SortField for SiteSort {
    const DEFAULT: (Self, Direction) = (Self::Name, Direction::Ascending);
}

/// A site. Its names: the client's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// Its id.
    pub id: Id<Self>,
    /// Whose it is. It cannot change any more once anything refers to the site.
    pub client_id: Uuid,
    /// Unique among the client's sites, whatever the case.
    pub name: String,
    /// Street and number.
    pub address: Option<String>,
    /// Town.
    pub city: Option<String>,
    /// State or province.
    pub state: Option<String>,
    /// Postal code.
    pub postal_code: Option<String>,
    /// Country.
    pub country: Option<String>,
    /// Its main network.
    pub network_subnet: Option<Cidr>,
    /// Whether it is reached through a VPN alone.
    pub vpn_required: bool,
    /// The network that the VPN gives out.
    pub vpn_subnet: Option<Cidr>,
    /// The address of its gateway.
    pub gateway_ip: Option<String>,
    /// The addresses of its name servers.
    pub dns_servers: Vec<String>,
    /// How far north of the equator.
    pub latitude: Option<Degrees>,
    /// How far east of Greenwich.
    pub longitude: Option<Degrees>,
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

entity!(Site, "site");

/// What a request says of a site.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "each field is described at Site")]
pub struct SiteFields {
    pub client_id: Option<Uuid>,
    pub name: Option<String>,
    pub address: Patch<String>,
    pub city: Patch<String>,
    pub state: Patch<String>,
    pub postal_code: Patch<String>,
    pub country: Patch<String>,
    pub network_subnet: Patch<String>,
    pub vpn_required: Option<bool>,
    pub vpn_subnet: Patch<String>,
    pub gateway_ip: Patch<String>,
    pub dns_servers: Option<Vec<String>>,
    pub latitude: Patch<Degrees>,
    pub longitude: Patch<Degrees>,
    pub notes: Patch<String>,
    pub external_ids: Option<BTreeMap<String, String>>,
}

/// Which sites to list; conditions combine with AND.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "each field is described at Site")]
pub struct SiteFilter {
    pub client_id: Option<Uuid>,
    /// Substring of [`Site::search_key`].
    pub q: Option<String>,
}

impl Site {
    /// What `q` searches: name, address, city, state, postal code, country, notes.
    pub fn search_key(&self) -> String {
        text::search_key([
            Some(self.name.as_str()),
            self.address.as_deref(),
            self.city.as_deref(),
            self.state.as_deref(),
            self.postal_code.as_deref(),
            self.country.as_deref(),
            self.notes.as_deref(),
        ])
    }
}

#[async_trait]
impl Item for Site {
    type Fields = SiteFields;
    type Filter = SiteFilter;
    type Sort = SiteSort;
    type Extra = NoDetail;

    fn blank(id: Id<Self>, now: Timestamp) -> Self {
        Self {
            id,
            client_id: Uuid::nil(),
            name: String::new(),
            address: None,
            city: None,
            state: None,
            postal_code: None,
            country: None,
            network_subnet: None,
            vpn_required: false,
            vpn_subnet: None,
            gateway_ip: None,
            dns_servers: Vec::new(),
            latitude: None,
            longitude: None,
            notes: None,
            external_ids: BTreeMap::new(),
            created_at: now,
            updated_at: now,
            revision: 1,
        }
    }

    fn required(fields: &SiteFields) -> Vec<(&'static str, bool)> {
        vec![("client_id", fields.client_id.is_some()), ("name", fields.name.is_some())]
    }

    fn apply(&mut self, fields: SiteFields, faults: &mut Faults) {
        replace(fields.client_id, &mut self.client_id);
        text::replace_line(faults, "name", fields.name, &mut self.name);
        text::optional_line(faults, "address", fields.address).apply(&mut self.address);
        text::optional_line(faults, "city", fields.city).apply(&mut self.city);
        text::optional_line(faults, "state", fields.state).apply(&mut self.state);
        text::optional_line(faults, "postal_code", fields.postal_code).apply(&mut self.postal_code);
        text::optional_line(faults, "country", fields.country).apply(&mut self.country);
        values::cidr(faults, "network_subnet", fields.network_subnet).apply(&mut self.network_subnet);
        replace(fields.vpn_required, &mut self.vpn_required);
        values::cidr(faults, "vpn_subnet", fields.vpn_subnet).apply(&mut self.vpn_subnet);
        values::address(faults, "gateway_ip", fields.gateway_ip).apply(&mut self.gateway_ip);
        values::addresses(faults, "dns_servers", fields.dns_servers, &mut self.dns_servers);
        place(faults, "latitude", fields.latitude, 90).apply(&mut self.latitude);
        place(faults, "longitude", fields.longitude, 180).apply(&mut self.longitude);
        text::optional_block(faults, "notes", fields.notes).apply(&mut self.notes);
        replace_map(faults, "external_ids", fields.external_ids, text::LINE, &mut self.external_ids);
    }

    fn is_admitted(&self, filter: &SiteFilter) -> bool {
        filter.client_id.is_none_or(|wanted| wanted == self.client_id)
            && filter.q.as_deref().is_none_or(|q| self.search_key().contains(&text::fold(q)))
    }

    fn sort_key(&self, field: SiteSort) -> SortKey {
        match field {
            SiteSort::Name => SortKey::Text(text::fold(&self.name)),
            SiteSort::CreatedAt => self.created_at.into(),
            SiteSort::UpdatedAt => self.updated_at.into(),
        }
    }

    fn items(tx: &mut dyn InfraTx) -> &mut dyn Items<Self> {
        tx.sites()
    }

    async fn settle(&mut self, tx: &mut dyn InfraTx, before: Option<&Self>) -> Result<()> {
        let moves = before.is_none_or(|before| before.client_id != self.client_id);
        if moves {
            refuse_unknown_client(tx, self.client_id).await?;
        }
        if moves && before.is_some() {
            Error::refuse_if_referenced(self.id, tx.sites().referrers(self.id).await?)?;
        }
        let holder = tx.inventory().site_named(self.client_id, &text::fold(&self.name)).await?;
        Error::refuse_taken("name", holder, self.id)
    }

    async fn extra(&self, _: &mut dyn InfraTx, _: &Actor, _: Timestamp) -> Result<NoDetail> {
        Ok(NoDetail)
    }
}

fn place(faults: &mut Faults, field: &str, given: Patch<Degrees>, most: i64) -> Patch<Degrees> {
    given.and_then(|degrees| {
        let fits = degrees.is_within(most);
        if !fits {
            faults.schema(field, "range", &format!("must be from -{most} to {most}"));
        }
        fits.then_some(degrees)
    })
}
