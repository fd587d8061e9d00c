//! What this domain needs of a storage.

use claudetools_kernel::Transaction;

use crate::failure::ports::{CommandContext, CommandRepository, InsightRepository, PatternRepository};
use crate::inventory::{
    Asset, FirewallRule, InventoryQueries, Items, M365Tenant, Network, SecurityIncident, Service, ServiceRelationship,
    Site, Surroundings,
};
use crate::netbox::ClientBook;

/// A transaction over everything that this domain keeps.
pub trait InfraTx: Transaction {
    /// The sites.
    fn sites(&mut self) -> &mut dyn Items<Site>;
    /// The assets.
    fn assets(&mut self) -> &mut dyn Items<Asset>;
    /// The services.
    fn services(&mut self) -> &mut dyn Items<Service>;
    /// How services hang together.
    fn service_relationships(&mut self) -> &mut dyn Items<ServiceRelationship>;
    /// The networks.
    fn networks(&mut self) -> &mut dyn Items<Network>;
    /// The firewall rules.
    fn firewall_rules(&mut self) -> &mut dyn Items<FirewallRule>;
    /// The tenants of Microsoft 365.
    fn m365_tenants(&mut self) -> &mut dyn Items<M365Tenant>;
    /// The security incidents.
    fn security_incidents(&mut self) -> &mut dyn Items<SecurityIncident>;
    /// What the rules of the inventory look up beside its rows.
    fn inventory(&mut self) -> &mut dyn InventoryQueries;
    /// What the inventory shows and needs of other domains.
    fn surroundings(&mut self) -> &mut dyn Surroundings;
    /// The clients, for imports.
    fn client_book(&mut self) -> &mut dyn ClientBook;
    /// The commands that were run.
    fn commands(&mut self) -> &mut dyn CommandRepository;
    /// The patterns of their failures.
    fn failure_patterns(&mut self) -> &mut dyn PatternRepository;
    /// What is known of places.
    fn insights(&mut self) -> &mut dyn InsightRepository;
    /// What commands need of sessions, clients and the inventory.
    fn command_context(&mut self) -> &mut dyn CommandContext;
}
