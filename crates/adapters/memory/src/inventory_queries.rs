//! What the rules of the inventory look up beside its rows, and what it shows of other domains.

use std::collections::BTreeSet;

use async_trait::async_trait;
use chrono::NaiveDate;
use claudetools_credentials::{
    CredentialFilter, CredentialQuery, Viewer,
    ports::{CredentialRepository, Directory},
};
use claudetools_infra::inventory::{
    Asset, AssetCredential, AssetSession, IncidentMove, InventoryQueries, M365Tenant, Network, RelationshipType,
    SecurityIncident, Service, ServiceRelationship, Site, Surroundings,
};
use claudetools_kernel::{Actor, Id, PageRequest, StoreError, Stored, Timestamp, text};
use uuid::Uuid;

use crate::store::MemoryTx;

#[async_trait]
impl InventoryQueries for MemoryTx {
    /// One transaction writes at a time.
    async fn lock_parents(&mut self) -> Stored<()> {
        Ok(())
    }

    async fn site_named(&mut self, client: Uuid, folded: &str) -> Stored<Option<Id<Site>>> {
        let mut of_client = self.state.sites.rows().filter(|site| site.client_id == client);
        Ok(of_client.find(|site| text::fold(&site.name) == folded).map(|site| site.id))
    }

    async fn asset_named(&mut self, client: Uuid, folded: &str) -> Stored<Option<Id<Asset>>> {
        let mut of_client = self.state.assets.rows().filter(|asset| asset.client_id == client);
        Ok(of_client.find(|asset| text::fold(&asset.hostname) == folded).map(|asset| asset.id))
    }

    async fn tenant_with(&mut self, tenant_id: Uuid) -> Stored<Option<Id<M365Tenant>>> {
        Ok(self.state.m365_tenants.rows().find(|tenant| tenant.tenant_id == tenant_id).map(|tenant| tenant.id))
    }

    async fn relationship(
        &mut self,
        from: Id<Service>,
        to: Id<Service>,
        kind: RelationshipType,
    ) -> Stored<Option<Id<ServiceRelationship>>> {
        let is_it = |link: &&ServiceRelationship| {
            (link.from_service_id, link.to_service_id, link.relationship_type) == (from, to, kind)
        };
        Ok(self.state.service_relationships.rows().find(is_it).map(|link| link.id))
    }

    async fn assets(&mut self, ids: &[Id<Asset>]) -> Stored<Vec<Asset>> {
        Ok(self.state.assets.rows().filter(|asset| ids.contains(&asset.id)).cloned().collect())
    }

    async fn children(&mut self, of: &[Id<Asset>]) -> Stored<Vec<Asset>> {
        let runs_on = |asset: &&Asset| asset.parent_id.is_some_and(|parent| of.contains(&parent));
        Ok(self.state.assets.rows().filter(runs_on).cloned().collect())
    }

    async fn services(&mut self, ids: &[Id<Service>]) -> Stored<Vec<Service>> {
        Ok(self.state.services.rows().filter(|service| ids.contains(&service.id)).cloned().collect())
    }

    async fn services_on(&mut self, assets: &[Id<Asset>], limit: u32) -> Stored<Vec<Service>> {
        let on = self.state.services.rows().filter(|service| assets.contains(&service.infrastructure_id));
        let mut on: Vec<Service> = on.cloned().collect();
        on.sort_by_cached_key(|service| (text::fold(&service.service_name), service.id));
        on.truncate(limit as usize);
        Ok(on)
    }

    async fn relationships_to(&mut self, services: &[Id<Service>]) -> Stored<Vec<ServiceRelationship>> {
        let links = self.state.service_relationships.rows();
        Ok(links.filter(|link| services.contains(&link.to_service_id)).cloned().collect())
    }

    async fn overlapping(&mut self, network: &Network, limit: u32) -> Stored<Vec<Id<Network>>> {
        let shares = |other: &&Network| {
            other.client_id == network.client_id && other.id != network.id && other.cidr.overlaps(&network.cidr)
        };
        Ok(self.state.networks.rows().filter(shares).map(|other| other.id).take(limit as usize).collect())
    }

    async fn link(&mut self, incident: Id<SecurityIncident>, assets: &[Id<Asset>]) -> Stored<()> {
        if !self.state.security_incidents.has(incident) || assets.iter().any(|asset| !self.state.assets.has(*asset)) {
            return Err(StoreError::Constraint("foreign key".to_owned()));
        }
        self.state.incident_assets.retain(|(of, _)| *of != incident);
        self.state.incident_assets.extend(assets.iter().map(|asset| (incident, *asset)));
        Ok(())
    }

    async fn note_move(&mut self, incident: &SecurityIncident, moved: &IncidentMove) -> Stored<()> {
        let key = (incident.id, incident.revision);
        if !self.state.security_incidents.has(incident.id) || self.state.incident_moves.contains_key(&key) {
            return Err(StoreError::Constraint("incident and seq".to_owned()));
        }
        self.state.incident_moves.insert(key, moved.clone());
        Ok(())
    }

    async fn moves(&mut self, incident: Id<SecurityIncident>) -> Stored<Vec<IncidentMove>> {
        let moves = self.state.incident_moves.iter().filter(|((of, _), _)| *of == incident);
        Ok(moves.map(|(_, moved)| moved.clone()).collect())
    }
}

#[async_trait]
impl Surroundings for MemoryTx {
    async fn has_client(&mut self, id: Uuid) -> Stored<bool> {
        Directory::has_client(self, id).await
    }

    async fn client_named(&mut self, folded: &str) -> Stored<Option<Uuid>> {
        Directory::client_named(self, folded).await
    }

    async fn credentials_of(
        &mut self,
        asset: Id<Asset>,
        seen_by: &Actor,
        now: Timestamp,
        limit: u32,
    ) -> Stored<Vec<AssetCredential>> {
        let wanted = CredentialQuery { infrastructure_id: Some(asset.uuid()), ..CredentialQuery::default() };
        let filter = CredentialFilter { viewer: Viewer::of(seen_by), wanted, now };
        let found = CredentialRepository::list(self, &filter, &PageRequest::first(limit)).await?;
        let shown = found.items.into_iter().map(|credential| AssetCredential {
            id: credential.id.uuid(),
            service_name: credential.service_name,
            credential_type: credential.credential_type.to_string(),
            username: credential.username,
            is_active: credential.is_active,
            expires_at: credential.expires_at,
        });
        Ok(shown.collect())
    }

    async fn sessions_touching(&mut self, asset: &Asset, since: NaiveDate, limit: u32) -> Stored<Vec<AssetSession>> {
        let client = Some(Id::new(asset.client_id));
        let items = self.state.work_items.rows().filter(|item| item.client_id == client && item.session_date >= since);
        let touching = items.filter(|item| item.affected_systems.iter().any(|system| asset.is_called(system)));
        let commands = self.state.commands.rows().filter(|run| run.infrastructure_id == Some(asset.id.uuid()));
        let ids: BTreeSet<_> =
            touching.map(|item| item.session_id).chain(commands.map(|run| Id::new(run.session_id))).collect();
        let mut sessions: Vec<_> = ids.into_iter().filter_map(|id| self.state.sessions.get(id)).collect();
        sessions.retain(|session| session.session_date >= since);
        sessions.sort_by_key(|session| std::cmp::Reverse((session.session_date, session.id)));
        let shown = sessions.into_iter().take(limit as usize).map(|session| AssetSession {
            id: session.id.uuid(),
            session_date: session.session_date,
            session_title: session.session_title,
            technician: session.technician,
            status: session.status.to_string(),
        });
        Ok(shown.collect())
    }
}
