//! What the inventory needs of a storage.

use async_trait::async_trait;
use claudetools_kernel::{Actor, Id, Page, PageRequest, Records, Stored, Timestamp};
use uuid::Uuid;

use super::{
    Asset, AssetCredential, AssetSession, IncidentMove, Item, M365Tenant, Named, Network, RelationshipType,
    SecurityIncident, Service, ServiceRelationship, Site,
};

/// Where rows of one kind are kept. `list` returns them in the order of the request, ties broken by id in the same direction.
#[async_trait]
pub trait Items<I: Item>: Records<I> {
    /// The row with this id and the names of what it refers to.
    async fn row(&mut self, id: Id<I>) -> Stored<Option<Named<I>>>;
    /// A page of rows.
    async fn list(&mut self, filter: &I::Filter, page: &PageRequest<I::Sort>) -> Stored<Page<Named<I>>>;
}

/// What the rules of the inventory look up beside its rows. Names are in the form of [`claudetools_kernel::text::fold`]; lists of
/// ids may be long and may repeat, and what is not there is left out.
#[async_trait]
pub trait InventoryQueries: Send {
    /// Holds off everybody else who would change the parents of assets until this transaction ends, so that two changes cannot
    /// close a circle that neither sees. To be called before the transaction reads anything.
    async fn lock_parents(&mut self) -> Stored<()>;
    /// The client's site of this name.
    async fn site_named(&mut self, client: Uuid, folded: &str) -> Stored<Option<Id<Site>>>;
    /// The client's asset of this host name.
    async fn asset_named(&mut self, client: Uuid, folded: &str) -> Stored<Option<Id<Asset>>>;
    /// The tenant with this id of Microsoft's.
    async fn tenant_with(&mut self, tenant_id: Uuid) -> Stored<Option<Id<M365Tenant>>>;
    /// The relationship of this type between two services.
    async fn relationship(
        &mut self,
        from: Id<Service>,
        to: Id<Service>,
        kind: RelationshipType,
    ) -> Stored<Option<Id<ServiceRelationship>>>;
    /// These assets, in no order.
    async fn assets(&mut self, ids: &[Id<Asset>]) -> Stored<Vec<Asset>>;
    /// The assets whose parent is one of these, in no order.
    async fn children(&mut self, of: &[Id<Asset>]) -> Stored<Vec<Asset>>;
    /// These services, in no order.
    async fn services(&mut self, ids: &[Id<Service>]) -> Stored<Vec<Service>>;
    /// The services on these assets by name, at most so many for each of a thousand assets.
    async fn services_on(&mut self, assets: &[Id<Asset>], limit: u32) -> Stored<Vec<Service>>;
    /// The relationships that lead to one of these services, in no order.
    async fn relationships_to(&mut self, services: &[Id<Service>]) -> Stored<Vec<ServiceRelationship>>;
    /// The client's other networks that share addresses with this one, in the order of their ids, at most so many.
    async fn overlapping(&mut self, network: &Network, limit: u32) -> Stored<Vec<Id<Network>>>;
    /// Lets the incident refer to these assets, which are not repeated, and to no others.
    async fn link(&mut self, incident: Id<SecurityIncident>, assets: &[Id<Asset>]) -> Stored<()>;
    /// Adds the move that made the incident what it is now to its history.
    async fn note_move(&mut self, incident: &SecurityIncident, moved: &IncidentMove) -> Stored<()>;
    /// The history of an incident, the first move first.
    async fn moves(&mut self, incident: Id<SecurityIncident>) -> Stored<Vec<IncidentMove>>;
}

/// What the inventory shows and needs of other domains.
#[async_trait]
pub trait Surroundings: Send {
    /// Whether there is a client with this id.
    async fn has_client(&mut self, id: Uuid) -> Stored<bool>;
    /// The client with this name, in the form of [`claudetools_kernel::text::fold`].
    async fn client_named(&mut self, folded: &str) -> Stored<Option<Uuid>>;
    /// The credentials of an asset that the caller may see, by service name, at most so many; never their secrets.
    async fn credentials_of(
        &mut self,
        asset: Id<Asset>,
        seen_by: &Actor,
        now: Timestamp,
        limit: u32,
    ) -> Stored<Vec<AssetCredential>>;
    /// The sessions, on or after the day `since`, in which a command was run on the asset, and those of its client whose work items
    /// name its host among the systems affected; the latest first, at most so many.
    async fn sessions_touching(
        &mut self,
        asset: &Asset,
        since: chrono::NaiveDate,
        limit: u32,
    ) -> Stored<Vec<AssetSession>>;
}
