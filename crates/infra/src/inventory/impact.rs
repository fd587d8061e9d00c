//! What fails with an asset.

use std::collections::HashSet;

use claudetools_kernel::{Id, Result};

use super::{Asset, RelationshipType, Service};
use crate::ports::InfraTx;

/// How many steps away from the asset is looked unless the caller says otherwise.
pub(super) const DEPTH: u32 = 10;
/// How many steps away is looked at the most.
pub(super) const DEEPEST: u32 = 50;
/// How many assets and services are looked at. What more depends on is not told in a list.
const MOST: usize = 10_000;

/// What fails with an asset, the nearest first. What hangs together in a circle is there once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Impact {
    /// The asset.
    pub asset: Asset,
    /// The assets that run on it, also by way of others.
    pub assets: Vec<FailingAsset>,
    /// The services on all of these, and whatever does not work without them.
    pub services: Vec<FailingService>,
    /// Whether everything was followed to its end. If not, the depth or 10,000 rows were reached before.
    pub is_complete: bool,
}

/// Why something fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// It runs on that asset.
    RunsOn(Id<Asset>),
    /// It is related to that service.
    Service(Id<Service>, RelationshipType),
}

/// An asset that fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailingAsset {
    /// The asset.
    pub asset: Asset,
    /// How many steps it is away.
    pub distance: u32,
    /// Why it fails.
    pub cause: Cause,
}

/// A service that fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailingService {
    /// The service.
    pub service: Service,
    /// How many steps it is away.
    pub distance: u32,
    /// Why it fails.
    pub cause: Cause,
}

impl Impact {
    /// Follows hosts, services and relationships from `asset` level by level, at most `depth` of them.
    pub(super) async fn find(tx: &mut dyn InfraTx, asset: Asset, depth: u32) -> Result<Self> {
        let (mut seen_assets, mut seen_services) = (HashSet::from([asset.id]), HashSet::new());
        let (mut assets, mut services) = (Vec::new(), Vec::new());
        let (mut hosts, mut failing) = (vec![asset.id], Vec::new());
        let mut is_complete = false;
        for distance in 1..=depth {
            let children = tx.inventory().children(&hosts).await?;
            let on_hosts = tx.inventory().services_on(&hosts, u32::MAX).await?;
            let related = related(tx, &failing).await?;
            hosts.clear();
            failing.clear();
            for asset in children.into_iter().filter(|child| seen_assets.insert(child.id)) {
                let Some(parent) = asset.parent_id else { continue };
                hosts.push(asset.id);
                assets.push(FailingAsset { asset, distance, cause: Cause::RunsOn(parent) });
            }
            let on_hosts = on_hosts.into_iter().map(|service| (Cause::RunsOn(service.infrastructure_id), service));
            for (cause, service) in on_hosts.chain(related) {
                if seen_services.insert(service.id) {
                    failing.push(service.id);
                    services.push(FailingService { service, distance, cause });
                }
            }
            is_complete = hosts.is_empty() && failing.is_empty();
            if is_complete || assets.len() + services.len() > MOST {
                break;
            }
        }
        assets.sort_by_cached_key(|found| (found.distance, found.asset.hostname.to_lowercase(), found.asset.id));
        services
            .sort_by_cached_key(|found| (found.distance, found.service.service_name.to_lowercase(), found.service.id));
        Ok(Self { asset, assets, services, is_complete })
    }
}

/// The services that do not work without these, each with why.
async fn related(tx: &mut dyn InfraTx, failing: &[Id<Service>]) -> Result<Vec<(Cause, Service)>> {
    if failing.is_empty() {
        return Ok(Vec::new());
    }
    let mut links = tx.inventory().relationships_to(failing).await?;
    links.retain(|link| link.relationship_type.passes_failure());
    links.sort_by_key(|link| link.id);
    let ids: Vec<Id<Service>> = links.iter().map(|link| link.from_service_id).collect();
    let services = tx.inventory().services(&ids).await?;
    let cause = |service: Service| {
        let link = links.iter().find(|link| link.from_service_id == service.id)?;
        Some((Cause::Service(link.to_service_id, link.relationship_type), service))
    };
    Ok(services.into_iter().filter_map(cause).collect())
}
