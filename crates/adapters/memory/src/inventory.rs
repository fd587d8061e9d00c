//! The rows of the inventory: where they lie, what holds them together, and the names they are shown with.

use async_trait::async_trait;
use claudetools_credentials::Credential;
use claudetools_infra::failure::{Command, FailurePattern, Insight, Spot};
use claudetools_infra::inventory::{
    Asset, FirewallRule, Item, Items, M365Tenant, Named, Network, SecurityIncident, Service, ServiceRelationship, Site,
};
use claudetools_kernel::{Entity, Id, Page, PageRequest, Referrer, Stored, text};
use uuid::Uuid;

use crate::{
    store::{MemoryTx, State},
    table::{Row, Table, counted},
};

/// A row with the names of what it refers to.
trait Listed: Row + Item {
    fn names(&self, state: &State) -> [Option<String>; 2];
}

#[async_trait]
impl<I: Listed> Items<I> for MemoryTx {
    async fn row(&mut self, id: Id<I>) -> Stored<Option<Named<I>>> {
        let item = I::table(&mut self.state).get(id);
        Ok(item.map(|item| Named { names: item.names(&self.state), item }))
    }

    async fn list(&mut self, filter: &I::Filter, page: &PageRequest<I::Sort>) -> Stored<Page<Named<I>>> {
        let rows: Vec<I> = I::table(&mut self.state).rows().cloned().collect();
        let named = rows.into_iter().map(|item| Named { names: item.names(&self.state), item });
        Ok(Page::cut(named.filter(|row| row.is_admitted(filter)).collect(), page))
    }
}

impl State {
    fn site_name(&self, id: Option<Id<Site>>) -> Option<String> {
        id.and_then(|id| self.sites.get(id)).map(|site| site.name)
    }

    fn hostname(&self, id: Option<Id<Asset>>) -> Option<String> {
        id.and_then(|id| self.assets.get(id)).map(|asset| asset.hostname)
    }

    fn service_name(&self, id: Id<Service>) -> Option<String> {
        self.services.get(id).map(|service| service.service_name)
    }

    fn lacks_client(&self, id: Uuid) -> bool {
        !self.clients.has(Id::new(id))
    }
}

impl Row for Site {
    fn table(state: &mut State) -> &mut Table<Self> {
        &mut state.sites
    }

    fn clashes(&self, other: &Self) -> bool {
        self.client_id == other.client_id && text::fold(&self.name) == text::fold(&other.name)
    }

    fn dangles(&self, state: &State) -> bool {
        state.lacks_client(self.client_id)
    }

    fn referrers(id: Id<Self>, state: &State) -> Vec<Referrer> {
        counted([
            (Asset::TYPE, state.assets.count(|asset| asset.site_id == Some(id))),
            (Network::TYPE, state.networks.count(|network| network.site_id == Some(id))),
        ])
    }
}

impl Listed for Site {
    fn names(&self, state: &State) -> [Option<String>; 2] {
        [Some(state.client_name(Id::new(self.client_id))), None]
    }
}

impl Row for Asset {
    fn table(state: &mut State) -> &mut Table<Self> {
        &mut state.assets
    }

    fn clashes(&self, other: &Self) -> bool {
        self.client_id == other.client_id && text::fold(&self.hostname) == text::fold(&other.hostname)
    }

    fn dangles(&self, state: &State) -> bool {
        state.lacks_client(self.client_id)
            || self.site_id.is_some_and(|id| !state.sites.has(id))
            || self.parent_id.is_some_and(|id| !state.assets.has(id))
    }

    fn referrers(id: Id<Self>, state: &State) -> Vec<Referrer> {
        let named = state.incident_assets.iter().filter(|(_, asset)| *asset == id).count();
        let spot = Spot::Asset(id.uuid()).key();
        let expected = state.pattern_spots.iter().filter(|(_, other)| *other == spot).count();
        let opens = |credential: &Credential| credential.infrastructure_id == Some(id.uuid());
        counted([
            (Self::TYPE, state.assets.count(|asset| asset.parent_id == Some(id))),
            (Service::TYPE, state.services.count(|service| service.infrastructure_id == id)),
            (FirewallRule::TYPE, state.firewall_rules.count(|rule| rule.infrastructure_id == Some(id))),
            (SecurityIncident::TYPE, named),
            (Credential::TYPE, state.credentials.count(opens)),
            (Insight::TYPE, state.insights.count(|insight| insight.infrastructure_id == Some(id.uuid()))),
            (Command::TYPE, state.commands.count(|command| command.infrastructure_id == Some(id.uuid()))),
            (FailurePattern::TYPE, expected),
        ])
    }
}

impl Listed for Asset {
    fn names(&self, state: &State) -> [Option<String>; 2] {
        [Some(state.client_name(Id::new(self.client_id))), state.site_name(self.site_id)]
    }
}

impl Row for Service {
    fn table(state: &mut State) -> &mut Table<Self> {
        &mut state.services
    }

    fn dangles(&self, state: &State) -> bool {
        state.lacks_client(self.client_id) || !state.assets.has(self.infrastructure_id)
    }

    fn referrers(id: Id<Self>, state: &State) -> Vec<Referrer> {
        let ends = |link: &ServiceRelationship| [link.from_service_id, link.to_service_id].contains(&id);
        let opens = |credential: &Credential| credential.service_id == Some(id.uuid());
        counted([
            (ServiceRelationship::TYPE, state.service_relationships.count(ends)),
            (Credential::TYPE, state.credentials.count(opens)),
        ])
    }
}

impl Listed for Service {
    fn names(&self, state: &State) -> [Option<String>; 2] {
        [Some(state.client_name(Id::new(self.client_id))), state.hostname(Some(self.infrastructure_id))]
    }
}

impl Row for ServiceRelationship {
    fn table(state: &mut State) -> &mut Table<Self> {
        &mut state.service_relationships
    }

    fn clashes(&self, other: &Self) -> bool {
        let ends = |link: &Self| (link.from_service_id, link.to_service_id, link.relationship_type);
        ends(self) == ends(other)
    }

    fn dangles(&self, state: &State) -> bool {
        !(state.services.has(self.from_service_id) && state.services.has(self.to_service_id))
    }
}

impl Listed for ServiceRelationship {
    fn names(&self, state: &State) -> [Option<String>; 2] {
        [self.from_service_id, self.to_service_id].map(|id| state.service_name(id))
    }
}

impl Row for Network {
    fn table(state: &mut State) -> &mut Table<Self> {
        &mut state.networks
    }

    fn dangles(&self, state: &State) -> bool {
        state.lacks_client(self.client_id) || self.site_id.is_some_and(|id| !state.sites.has(id))
    }
}

impl Listed for Network {
    fn names(&self, state: &State) -> [Option<String>; 2] {
        [Some(state.client_name(Id::new(self.client_id))), state.site_name(self.site_id)]
    }
}

impl Row for FirewallRule {
    fn table(state: &mut State) -> &mut Table<Self> {
        &mut state.firewall_rules
    }

    fn dangles(&self, state: &State) -> bool {
        state.lacks_client(self.client_id) || self.infrastructure_id.is_some_and(|id| !state.assets.has(id))
    }
}

impl Listed for FirewallRule {
    fn names(&self, state: &State) -> [Option<String>; 2] {
        [Some(state.client_name(Id::new(self.client_id))), state.hostname(self.infrastructure_id)]
    }
}

impl Row for M365Tenant {
    fn table(state: &mut State) -> &mut Table<Self> {
        &mut state.m365_tenants
    }

    fn clashes(&self, other: &Self) -> bool {
        self.tenant_id == other.tenant_id
    }

    fn dangles(&self, state: &State) -> bool {
        state.lacks_client(self.client_id)
    }
}

impl Listed for M365Tenant {
    fn names(&self, state: &State) -> [Option<String>; 2] {
        [Some(state.client_name(Id::new(self.client_id))), None]
    }
}

impl Row for SecurityIncident {
    fn table(state: &mut State) -> &mut Table<Self> {
        &mut state.security_incidents
    }

    fn dangles(&self, state: &State) -> bool {
        state.lacks_client(self.client_id)
    }

    fn release(id: Id<Self>, state: &mut State) -> Stored<()> {
        state.incident_assets.retain(|(incident, _)| *incident != id);
        state.incident_moves.retain(|(incident, _), _| *incident != id);
        Ok(())
    }
}

impl Listed for SecurityIncident {
    fn names(&self, state: &State) -> [Option<String>; 2] {
        [Some(state.client_name(Id::new(self.client_id))), None]
    }
}
