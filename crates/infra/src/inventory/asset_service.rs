//! What callers do with assets beyond what they do with every row.

use std::ops::Deref;

use claudetools_kernel::{Actor, Change, Faults, Id, Result, Scope};

use super::{
    Asset, AssetDraft, Bulk, Context, Impact, ItemService, Outcome,
    bulk::take,
    impact::{DEEPEST, DEPTH},
};

/// The use cases of assets: those of every row, and some more.
#[derive(Debug, Clone)]
pub struct AssetService(ItemService<Asset>);

impl Deref for AssetService {
    type Target = ItemService<Asset>;

    fn deref(&self) -> &ItemService<Asset> {
        &self.0
    }
}

impl AssetService {
    /// The use cases over this storage, clock and ids.
    pub fn new(context: Context) -> Self {
        Self(ItemService::new(context))
    }

    /// What fails with an asset, at most `depth` steps away. Needs [`Scope::Read`].
    pub async fn impact(&self, actor: &Actor, id: Id<Asset>, depth: Option<u32>) -> Result<Impact> {
        actor.require(Scope::Read)?;
        let depth = depth.unwrap_or(DEPTH);
        if !(1..=DEEPEST).contains(&depth) {
            return Err(Faults::one("depth", "range", &format!("must be a whole number from 1 to {DEEPEST}")));
        }
        let mut tx = self.context().store.read().await?;
        let asset = tx.assets().find(id).await?;
        Impact::find(tx.as_mut(), asset, depth).await
    }

    /// Takes rows, all or the good ones; tells of each what became of it. Needs [`Scope::Write`].
    pub async fn bulk(
        &self,
        actor: &Actor,
        rows: &[Result<AssetDraft, Faults>],
        how: Bulk,
    ) -> Result<Change<Vec<Outcome>>> {
        actor.require(Scope::Write)?;
        let context = self.context();
        let mut tx = context.store.begin().await?;
        let outcomes = take(tx.as_mut(), actor, (&*context.ids, context.now()), rows, how).await?;
        if how.dry_run {
            // What was tried is undone before the call's own record is committed.
            drop(tx);
            tx = context.store.begin().await?;
        }
        Ok(Change::new(outcomes, tx))
    }
}
