//! What callers do with environmental insights.

use claudetools_kernel::{Actor, Change, Error, Id, Page, Query, Result, Scope, Target};
use uuid::Uuid;

use super::{AssetInsights, Insight, InsightFields, InsightFilter, InsightSort, Place};
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
        let place = Place::from(&asset);
        let shell = asset.powershell_version.is_some().then_some(super::ShellType::Powershell);
        let mut insights = tx.insights().holding(&place.spots(shell), LOOKED_AT).await?;
        insights.retain(|insight| insight.holds_at(&place, shell));
        let Asset { hostname, limitations, recommended_commands, .. } = asset;
        Ok(AssetInsights { infrastructure_id: id, hostname, insights, limitations, recommended_commands })
    }
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
