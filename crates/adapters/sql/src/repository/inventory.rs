//! What the rules of the inventory look up beside its rows.

use async_trait::async_trait;
use claudetools_infra::inventory::{
    Asset, IncidentMove, InventoryQueries, M365Tenant, Network, RelationshipType, SecurityIncident, Service,
    ServiceRelationship, Site,
};
use claudetools_kernel::{Id, Stored};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use crate::{
    entity::{
        infrastructure, m365_tenant, network, security_incident_asset, security_incident_move, service,
        service_relationship, site,
    },
    query::{Guard, padded},
    records::{ColumnOf, ModelOf, Row},
    store::{Connection, SqlTx},
};

/// How many ids an IN list takes at once; all engines take this many parameters.
const IDS: usize = 1024;

#[async_trait]
impl<C: Connection> InventoryQueries for SqlTx<C> {
    async fn lock_parents(&mut self) -> Stored<()> {
        self.lock_guard(Guard::AssetParents).await
    }

    async fn site_named(&mut self, client: Uuid, folded: &str) -> Stored<Option<Id<Site>>> {
        use site::Column;
        let of_client = site::Entity::find().select_only().column(Column::Id).filter(Column::ClientId.eq(client));
        self.id_of(of_client.filter(Column::NameKey.eq(folded))).await
    }

    async fn asset_named(&mut self, client: Uuid, folded: &str) -> Stored<Option<Id<Asset>>> {
        use infrastructure::Column;
        let ids = infrastructure::Entity::find().select_only().column(Column::Id);
        self.id_of(ids.filter(Column::ClientId.eq(client)).filter(Column::HostnameKey.eq(folded))).await
    }

    async fn tenant_with(&mut self, tenant_id: Uuid) -> Stored<Option<Id<M365Tenant>>> {
        use m365_tenant::Column;
        let ids = m365_tenant::Entity::find().select_only().column(Column::Id);
        self.id_of(ids.filter(Column::TenantId.eq(tenant_id))).await
    }

    async fn relationship(
        &mut self,
        from: Id<Service>,
        to: Id<Service>,
        kind: RelationshipType,
    ) -> Stored<Option<Id<ServiceRelationship>>> {
        use service_relationship::Column;
        let ends = Condition::all()
            .add(Column::FromServiceId.eq(from.uuid()))
            .add(Column::ToServiceId.eq(to.uuid()))
            .add(Column::RelationshipType.eq(kind.to_string()));
        self.id_of(service_relationship::Entity::find().select_only().column(Column::Id).filter(ends)).await
    }

    async fn assets(&mut self, ids: &[Id<Asset>]) -> Stored<Vec<Asset>> {
        self.by(infrastructure::Column::Id, ids).await
    }

    async fn children(&mut self, of: &[Id<Asset>]) -> Stored<Vec<Asset>> {
        self.by(infrastructure::Column::ParentId, of).await
    }

    async fn services(&mut self, ids: &[Id<Service>]) -> Stored<Vec<Service>> {
        self.by(service::Column::Id, ids).await
    }

    async fn services_on(&mut self, assets: &[Id<Asset>], limit: u32) -> Stored<Vec<Service>> {
        use service::Column;
        let mut found = Vec::new();
        for some in assets.chunks(IDS) {
            let on = service::Entity::find().filter(Column::InfrastructureId.is_in(uuids(some)));
            let by_name = on.order_by_asc(Column::ServiceNameKey).order_by_asc(Column::Id).limit(u64::from(limit));
            found.extend(self.all::<_, service::Model, Service>(by_name).await?);
        }
        Ok(found)
    }

    async fn relationships_to(&mut self, services: &[Id<Service>]) -> Stored<Vec<ServiceRelationship>> {
        self.by(service_relationship::Column::ToServiceId, services).await
    }

    async fn overlapping(&mut self, network: &Network, limit: u32) -> Stored<Vec<Id<Network>>> {
        use network::Column;
        let supernets: Vec<String> = network.cidr.supernets().iter().map(ToString::to_string).collect();
        let [first, last] = network.cidr.bounds();
        let shares = Condition::any().add(Column::Cidr.is_in(supernets)).add(Column::FirstKey.between(first, last));
        let others = network::Entity::find()
            .select_only()
            .column(Column::Id)
            .filter(Column::ClientId.eq(network.client_id))
            .filter(Column::Id.ne(network.id.uuid()))
            .filter(shares)
            .order_by_asc(Column::Id)
            .limit(u64::from(limit));
        Ok(self.values(others).await?.into_iter().map(Id::new).collect())
    }

    async fn link(&mut self, incident: Id<SecurityIncident>, assets: &[Id<Asset>]) -> Stored<()> {
        use security_incident_asset::{Column, Entity, Model};
        let incident_id = incident.uuid();
        let links = assets.iter().map(|asset| Model { incident_id, infrastructure_id: asset.uuid() });
        self.erase::<Entity>(Condition::all().add(Column::IncidentId.eq(incident_id))).await?;
        self.insert_all::<Entity>(links).await
    }

    async fn note_move(&mut self, incident: &SecurityIncident, moved: &IncidentMove) -> Stored<()> {
        let row = security_incident_move::Model::new(incident.id.uuid(), incident.revision, moved);
        self.insert::<security_incident_move::Entity>(row).await
    }

    async fn moves(&mut self, incident: Id<SecurityIncident>) -> Stored<Vec<IncidentMove>> {
        use security_incident_move::{Column, Entity, Model};
        let moves = Entity::find().filter(Column::IncidentId.eq(incident.uuid())).order_by_asc(Column::Seq);
        self.all::<_, Model, _>(moves).await
    }
}

impl<C: Connection> SqlTx<C> {
    /// The rows whose `column` holds one of these ids.
    async fn by<R: Row, K>(&self, column: ColumnOf<R>, ids: &[Id<K>]) -> Stored<Vec<R>> {
        let mut found = Vec::new();
        for some in ids.chunks(IDS) {
            let rows = R::Table::find().filter(column.is_in(uuids(some)));
            found.extend(self.all::<_, ModelOf<R>, R>(rows).await?);
        }
        Ok(found)
    }
}

fn uuids<K>(ids: &[Id<K>]) -> Vec<Uuid> {
    padded(&ids.iter().map(|id| id.uuid()).collect::<Vec<_>>())
}
