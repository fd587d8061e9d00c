//! What callers do with environmental insights.

use std::collections::BTreeSet;

use claudetools_kernel::{Actor, Change, Enumeration, Error, Id, Page, Query, Result, Scope, Target, text};
use uuid::Uuid;

use super::{AssetInsights, Insight, InsightFields, InsightFilter, InsightSort, Place, ShellType, Spot};
use crate::{
    inventory::{Asset, Context},
    ports::InfraTx,
};

/// How many insights of a place are looked at.
const LOOKED_AT: u32 = 500;

/// The use cases of insights. Reading needs [`Scope::Read`], writing [`Scope::Write`], removing [`Scope::Admin`].
#[derive(Debug, Clone)]
pub struct InsightService(Context);

impl InsightService {
    /// The use cases over this storage, clock and ids.
    pub fn new(context: Context) -> Self {
        Self(context)
    }

    /// Enters an insight.
    pub async fn create(&self, actor: &Actor, fields: InsightFields) -> Result<Change<Insight>> {
        actor.require(Scope::Write)?;
        let insight = Insight::new(self.0.ids.id(), fields, self.0.now())?;
        let mut tx = self.0.store.begin().await?;
        refuse_unknown_place(tx.as_mut(), insight.client_id, insight.infrastructure_id.as_slice()).await?;
        tx.insights().add(&insight).await?;
        Ok(Change::new(insight, tx))
    }

    /// One insight.
    pub async fn get(&self, actor: &Actor, id: Id<Insight>) -> Result<Insight> {
        actor.require(Scope::Read)?;
        self.0.store.read().await?.insights().find(id).await
    }

    /// A page of insights.
    pub async fn list(&self, actor: &Actor, query: &Query<InsightFilter, InsightSort>) -> Result<Page<Insight>> {
        actor.require(Scope::Read)?;
        Ok(self.0.store.read().await?.insights().list(&query.filter, &query.page).await?)
    }

    /// Changes the fields given.
    pub async fn update(
        &self,
        actor: &Actor,
        target: &Target<Insight>,
        fields: InsightFields,
    ) -> Result<Change<Insight>> {
        actor.require(Scope::Write)?;
        let mut tx = self.0.store.begin().await?;
        let insight = tx.insights().find_for(target).await?.change(fields, self.0.now())?;
        refuse_unknown_place(tx.as_mut(), insight.client_id, insight.infrastructure_id.as_slice()).await?;
        tx.insights().save(&insight).await?;
        Ok(Change::new(insight, tx))
    }

    /// Removes an insight.
    pub async fn delete(&self, actor: &Actor, target: &Target<Insight>) -> Result<Change<()>> {
        actor.require(Scope::Admin)?;
        let mut tx = self.0.store.begin().await?;
        tx.insights().remove_unreferenced(target).await?;
        Ok(Change::new((), tx))
    }

    /// Everything that is known of an asset before work on it begins.
    pub async fn of_asset(&self, actor: &Actor, id: Uuid) -> Result<AssetInsights> {
        actor.require(Scope::Read)?;
        let mut tx = self.0.store.read().await?;
        let asset = known_asset(tx.as_mut(), id).await?;
        let mut known = known_of(tx.as_mut(), vec![asset]).await?;
        known.pop().ok_or_else(|| Error::not_found(Id::<Asset>::new(id)))
    }

    /// The same of several assets, in no order: of each at most so many insights. All of them share what is looked at.
    pub async fn of_assets(&self, actor: &Actor, ids: &[Uuid], most: usize) -> Result<Vec<AssetInsights>> {
        actor.require(Scope::Read)?;
        let ids: Vec<Id<Asset>> = ids.iter().copied().map(Id::new).collect();
        let mut tx = self.0.store.read().await?;
        let assets = tx.inventory().assets(&ids).await?;
        let mut known = known_of(tx.as_mut(), assets).await?;
        for of_asset in &mut known {
            of_asset.insights.truncate(most);
        }
        Ok(known)
    }
}

/// What is known of these assets.
async fn known_of(tx: &mut dyn InfraTx, assets: Vec<Asset>) -> Result<Vec<AssetInsights>> {
    let places: Vec<BTreeSet<Spot>> = assets.iter().map(spots).collect();
    let everywhere: BTreeSet<&Spot> = places.iter().flatten().collect();
    let everywhere: Vec<Spot> = everywhere.into_iter().cloned().collect();
    if everywhere.is_empty() {
        return Ok(Vec::new());
    }
    let holding = tx.insights().holding(&everywhere, LOOKED_AT).await?;
    let holding: Vec<(Spot, Insight)> = holding.into_iter().map(|insight| (insight.spot(), insight)).collect();
    let known = assets.into_iter().zip(places).map(|(asset, spots)| {
        let here = holding.iter().filter(|(spot, _)| spots.contains(spot));
        let insights = here.map(|(_, insight)| insight.clone()).collect();
        let Asset { id, hostname, limitations, recommended_commands, .. } = asset;
        AssetInsights { infrastructure_id: id.uuid(), hostname, insights, limitations, recommended_commands }
    });
    Ok(known.collect())
}

/// Every spot that an asset is at, by whichever of its shells.
fn spots(asset: &Asset) -> BTreeSet<Spot> {
    settings(asset).iter().flat_map(|(place, shell)| place.spots(*shell)).collect()
}

/// The asset as a place for each shell that it is known to have: the one that it names, and `PowerShell` if it has a version of it.
fn settings(asset: &Asset) -> Vec<(Place, Option<ShellType>)> {
    let named = asset.shell_type.as_deref().map(|shell| text::fold(shell.trim()));
    let named = named.and_then(|named| match named.as_str() {
        "pwsh" => Some(ShellType::Powershell),
        named => ShellType::parse(named),
    });
    let versioned = asset.powershell_version.is_some().then_some(ShellType::Powershell);
    let shells: Vec<ShellType> = named.into_iter().chain(versioned.filter(|_| named != versioned)).collect();
    if shells.is_empty() {
        return vec![(Place::from(asset), None)];
    }
    let at = |shell: ShellType| {
        let shell_version = asset.powershell_version.clone().filter(|_| shell == ShellType::Powershell);
        (Place { shell_version, ..Place::from(asset) }, Some(shell))
    };
    shells.into_iter().map(at).collect()
}

impl From<&Asset> for Place {
    fn from(asset: &Asset) -> Self {
        Self {
            client_id: Some(asset.client_id),
            infrastructure_id: Some(asset.id.uuid()),
            host: Some(asset.hostname.clone()),
            os: asset.os.clone(),
            os_version: asset.os_version.clone(),
            shell_version: asset.powershell_version.clone(),
        }
    }
}

pub(super) async fn known_asset(tx: &mut dyn InfraTx, id: Uuid) -> Result<Asset> {
    tx.assets().find(Id::new(id)).await
}

/// Refuses a client or assets that do not exist.
pub(super) async fn refuse_unknown_place(tx: &mut dyn InfraTx, client: Option<Uuid>, assets: &[Uuid]) -> Result<()> {
    if let Some(id) = client
        && tx.command_context().client_name(id).await?.is_none()
    {
        return Err(Error::NotFound { resource_type: "client", resource_id: id.to_string() });
    }
    for id in assets {
        known_asset(tx, *id).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use claudetools_kernel::Timestamp;

    use super::*;
    use crate::inventory::Item;

    fn shells(shell_type: Option<&str>, powershell: Option<&str>) -> Vec<(Option<ShellType>, Option<String>)> {
        let asset = Asset {
            shell_type: shell_type.map(str::to_owned),
            powershell_version: powershell.map(str::to_owned),
            ..Asset::blank(Id::new(Uuid::from_u128(1)), Timestamp::from_micros(0).unwrap())
        };
        settings(&asset).into_iter().map(|(place, shell)| (shell, place.shell_version)).collect()
    }

    #[test]
    fn an_asset_is_a_place_for_the_shell_that_it_names_and_for_its_powershell() {
        let version = || Some("5.1".to_owned());
        let powershell = Some(ShellType::Powershell);
        assert_eq!(shells(None, None), [(None, None)]);
        assert_eq!(shells(Some("a turtle's"), None), [(None, None)]);
        assert_eq!(shells(Some(" Bash"), None), [(Some(ShellType::Bash), None)]);
        assert_eq!(shells(None, Some("5.1")), [(powershell, version())]);
        assert_eq!(shells(Some("PowerShell"), None), [(powershell, None)]);
        assert_eq!(shells(Some("pwsh"), Some("5.1")), [(powershell, version())]);
        let both = [(Some(ShellType::Zsh), None), (powershell, version())];
        assert_eq!(shells(Some("zsh"), Some("5.1")), both, "the version is not that of the other shell");
    }
}
