//! The suites of the inventory's ports. Each runs on a store with the two clients that it is given, `Acme` and `Globex`, and
//! nothing else.

mod lists;
mod lookups;
mod rows;

pub use lists::inventory_lists;
pub use lookups::inventory_lookups;
pub use rows::inventory_rows;

use claudetools_kernel::{
    Id, Patch, StoreError, UnitOfWork,
    contract::{at, uuid},
};
use uuid::Uuid;

use super::{
    Asset, AssetFields, AssetType, Item, Named, Network, NetworkFields, SecurityIncident, SecurityIncidentFields,
    Service, ServiceFields, ServiceRelationship, ServiceRelationshipFields, Site, SiteFields, item,
};
use crate::{
    inventory::{FirewallRule, FirewallRuleFields, M365Tenant, M365TenantFields, RelationshipType, RuleAction},
    ports::InfraTx,
};

/// A store under test.
pub type Store<'a> = &'a dyn UnitOfWork<dyn InfraTx>;
/// The outcome of a suite: an error where the storage fails, a panic where a rule does not hold.
pub type Outcome = Result<(), StoreError>;

fn id<K>(n: u128) -> Id<K> {
    Id::new(uuid(n))
}

#[expect(clippy::unnecessary_wraps, reason = "as fields have it")]
fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn set(text: &str) -> Patch<String> {
    Patch::Set(text.to_owned())
}

/// The `n`th row of a suite, entered after so many seconds.
fn made<I: Item>(n: u128, fields: I::Fields) -> I {
    item::draft(id(n), fields, at(i64::try_from(n).unwrap_or_default())).expect("a valid row")
}

fn changed<I: Item>(item: &I, fields: I::Fields) -> I {
    item::change(item.clone(), fields, at(9_000)).expect("a valid change")
}

async fn add<I: Item>(store: Store<'_>, rows: &[I]) -> Outcome {
    let mut tx = store.begin().await?;
    for row in rows {
        I::items(tx.as_mut()).add(row).await?;
    }
    tx.commit().await
}

fn site(n: u128, client: Uuid, name: &str) -> Site {
    made(n, SiteFields { client_id: Some(client), name: text(name), ..SiteFields::default() })
}

fn asset_fields(client: Uuid, hostname: &str) -> AssetFields {
    let asset_type = Some(AssetType::VirtualServer);
    AssetFields { client_id: Some(client), hostname: text(hostname), asset_type, ..AssetFields::default() }
}

fn asset(n: u128, client: Uuid, hostname: &str) -> Asset {
    made(n, asset_fields(client, hostname))
}

/// A service; its client follows from its asset, which no storage looks up.
fn service(n: u128, on: &Asset, name: &str) -> Service {
    let fields = ServiceFields { infrastructure_id: Some(on.id), service_name: text(name), ..ServiceFields::default() };
    Service { client_id: on.client_id, ..made(n, fields) }
}

fn link(n: u128, from: &Service, to: &Service, kind: RelationshipType) -> ServiceRelationship {
    let (from_service_id, to_service_id) = (Some(from.id), Some(to.id));
    made(n, ServiceRelationshipFields { from_service_id, to_service_id, relationship_type: Some(kind) })
}

fn network(n: u128, client: Uuid, name: &str, cidr: &str) -> Network {
    let fields =
        NetworkFields { client_id: Some(client), name: text(name), cidr: text(cidr), ..NetworkFields::default() };
    made(n, fields)
}

fn rule(n: u128, client: Uuid, name: &str, order: i32) -> FirewallRule {
    let fields = FirewallRuleFields {
        client_id: Some(client),
        name: text(name),
        action: Some(if order % 2 == 0 { RuleAction::Allow } else { RuleAction::Drop }),
        rule_order: Some(order),
        ..FirewallRuleFields::default()
    };
    made(n, fields)
}

fn tenant(n: u128, client: Uuid, name: &str) -> M365Tenant {
    let fields = M365TenantFields {
        client_id: Some(client),
        tenant_id: Some(uuid(n + 1000)),
        tenant_name: text(name),
        ..M365TenantFields::default()
    };
    made(n, fields)
}

fn incident(n: u128, client: Uuid, title: &str, day: &str) -> SecurityIncident {
    let fields = SecurityIncidentFields {
        client_id: Some(client),
        title: text(title),
        incident_date: day.parse().ok(),
        ..SecurityIncidentFields::default()
    };
    made(n, fields)
}

fn named<I: Clone>(item: &I, first: &str, second: Option<&str>) -> Named<I> {
    Named { item: item.clone(), names: [text(first), second.map(str::to_owned)] }
}
