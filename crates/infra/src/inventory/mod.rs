//! What equipment clients have: sites, assets, services and how they hang together, networks, firewall rules, tenants of Microsoft
//! 365, security incidents.
//!
//! The eight resources differ in their fields and rules, which each has in a module of its own as an [`Item`]. What callers do
//! with them is the same and stands once, in [`ItemService`].

mod asset;
mod asset_detail;
mod asset_service;
mod bulk;
#[cfg(feature = "contract")]
#[expect(clippy::expect_used, reason = "suites are test code")]
pub mod contract;
pub mod csv;
mod firewall_rule;
mod impact;
mod incident;
pub(crate) mod item;
mod m365_tenant;
mod network;
mod ports;
mod relationship;
mod service;
mod site;
pub(crate) mod values;

use std::{fmt, sync::Arc};

use claudetools_kernel::{Clock, IdGenerator, Timestamp, UnitOfWork};

pub use asset::{Asset, AssetFields, AssetFilter, AssetSort, AssetStatus, AssetType};
pub use asset_detail::{AssetCredential, AssetDetail, AssetSession};
pub use asset_service::AssetService;
pub use bulk::{AssetDraft, Bulk, MOST_ROWS, Outcome};
pub use firewall_rule::{
    FirewallRule, FirewallRuleFields, FirewallRuleFilter, FirewallRuleSort, PortRange, RuleAction, RuleProtocol,
};
pub use impact::{Cause, FailingAsset, FailingService, Impact};
pub use incident::{
    IncidentDetail, IncidentMove, IncidentSeverity, IncidentStatus, IncidentType, SecurityIncident,
    SecurityIncidentFields, SecurityIncidentFilter, SecurityIncidentSort,
};
pub use item::{Item, ItemService, Named, NoDetail, Shown};
pub use m365_tenant::{M365Tenant, M365TenantFields, M365TenantFilter, M365TenantSort};
pub use network::{Network, NetworkDetail, NetworkFields, NetworkFilter, NetworkSort, NetworkType};
pub use ports::{InventoryQueries, Items, Surroundings};
pub use relationship::{
    RelationshipType, ServiceRelationship, ServiceRelationshipFields, ServiceRelationshipFilter,
    ServiceRelationshipSort,
};
pub use service::{Service, ServiceFields, ServiceFilter, ServiceSort, ServiceStatus, Transport};
pub use site::{Site, SiteFields, SiteFilter, SiteSort};
pub use values::{Cidr, Degrees};

use crate::ports::InfraTx;

/// What every service of this crate stands on: storage, the time and new ids.
#[derive(Clone)]
pub struct Context {
    /// Storage.
    pub store: Arc<dyn UnitOfWork<dyn InfraTx>>,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// New ids.
    pub ids: Arc<dyn IdGenerator>,
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("clock", &self.clock).field("ids", &self.ids).finish_non_exhaustive()
    }
}

impl Context {
    /// The present instant.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// The use cases of the inventory.
#[derive(Debug, Clone)]
pub struct Inventory {
    /// Sites.
    pub sites: ItemService<Site>,
    /// Assets, which the API calls infrastructure.
    pub assets: AssetService,
    /// Services on assets.
    pub services: ItemService<Service>,
    /// How services hang together.
    pub relationships: ItemService<ServiceRelationship>,
    /// Networks.
    pub networks: ItemService<Network>,
    /// Firewall rules.
    pub firewall_rules: ItemService<FirewallRule>,
    /// Tenants of Microsoft 365.
    pub m365_tenants: ItemService<M365Tenant>,
    /// Security incidents.
    pub security_incidents: ItemService<SecurityIncident>,
}

impl Inventory {
    /// The use cases over this storage, clock and ids.
    pub fn new(context: &Context) -> Self {
        Self {
            sites: ItemService::new(context.clone()),
            assets: AssetService::new(context.clone()),
            services: ItemService::new(context.clone()),
            relationships: ItemService::new(context.clone()),
            networks: ItemService::new(context.clone()),
            firewall_rules: ItemService::new(context.clone()),
            m365_tenants: ItemService::new(context.clone()),
            security_incidents: ItemService::new(context.clone()),
        }
    }
}
