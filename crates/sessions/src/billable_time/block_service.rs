//! What callers do with blocks of hours.

use chrono::NaiveDate;
use claudetools_kernel::{Actor, Change, Error, Id, Page, Query, Result, Scope, Target};

use super::{client_billing::drawn, period::refuse_closed};
use crate::{
    Client, Context, TimeBlock, TimeBlockFields, TimeBlockFilter, TimeBlockRow, TimeBlockSort, ports::SessionsTx,
};

/// The use cases of blocks. Reading needs [`Scope::Read`], entering and changing [`Scope::Write`], removing [`Scope::Admin`].
/// Balances are those at the end of today, in UTC.
#[derive(Debug, Clone)]
pub struct TimeBlockService(Context);

impl TimeBlockService {
    /// The use cases over this storage, clock and ids.
    pub fn new(context: Context) -> Self {
        Self(context)
    }

    /// Enters a block. Refused as [`Error::Conflict`] when it would begin in a closed period, whose balances are settled.
    pub async fn create(&self, actor: &Actor, fields: TimeBlockFields) -> Result<Change<TimeBlockRow>> {
        actor.require(Scope::Write)?;
        let block = TimeBlock::new(self.0.ids.id(), fields, self.0.now())?;
        let mut tx = self.0.store.begin().await?;
        tx.clients().find(block.client_id).await?;
        refuse_settled(tx.as_mut(), block.client_id, &[block.from]).await?;
        tx.time_blocks().add(&block).await?;
        self.shown(tx, block.id).await
    }

    /// One block.
    pub async fn get(&self, actor: &Actor, id: Id<TimeBlock>) -> Result<TimeBlockRow> {
        actor.require(Scope::Read)?;
        self.find(self.0.store.read().await?.as_mut(), id).await
    }

    /// A page of blocks.
    pub async fn list(
        &self,
        actor: &Actor,
        query: &Query<TimeBlockFilter, TimeBlockSort>,
    ) -> Result<Page<TimeBlockRow>> {
        actor.require(Scope::Read)?;
        let mut tx = self.0.store.read().await?;
        let mut page = tx.time_blocks().list(&query.filter, &query.page).await?;
        self.balance(tx.as_mut(), &mut page.items).await?;
        Ok(page)
    }

    /// Changes the fields given. Refused as [`Error::Conflict`] when it begins in a closed period, before the change or after it,
    /// unless only its notes change.
    pub async fn update(
        &self,
        actor: &Actor,
        target: &Target<TimeBlock>,
        fields: TimeBlockFields,
    ) -> Result<Change<TimeBlockRow>> {
        actor.require(Scope::Write)?;
        let mut tx = self.0.store.begin().await?;
        let before = tx.time_blocks().find_for(target).await?;
        let block = before.clone().change(fields, self.0.now())?;
        let terms = |block: &TimeBlock| (block.hours, block.from, block.until, block.rollover);
        if terms(&before) != terms(&block) {
            refuse_settled(tx.as_mut(), block.client_id, &[before.from, block.from]).await?;
        }
        tx.time_blocks().save(&block).await?;
        self.shown(tx, block.id).await
    }

    /// Removes a block. Refused as [`Error::Conflict`] when it begins in a closed period.
    pub async fn delete(&self, actor: &Actor, target: &Target<TimeBlock>) -> Result<Change<()>> {
        actor.require(Scope::Admin)?;
        let mut tx = self.0.store.begin().await?;
        let block = tx.time_blocks().find_for(target).await?;
        refuse_settled(tx.as_mut(), block.client_id, &[block.from]).await?;
        tx.time_blocks().remove(block.id).await?;
        Ok(Change::new((), tx))
    }

    async fn shown(&self, mut tx: Box<dyn SessionsTx>, id: Id<TimeBlock>) -> Result<Change<TimeBlockRow>> {
        let row = self.find(tx.as_mut(), id).await?;
        Ok(Change::new(row, tx))
    }

    async fn find(&self, tx: &mut dyn SessionsTx, id: Id<TimeBlock>) -> Result<TimeBlockRow> {
        let mut row = [tx.time_blocks().row(id).await?.ok_or_else(|| Error::not_found(id))?];
        self.balance(tx, &mut row).await?;
        let [row] = row;
        Ok(row)
    }

    /// Works out what is left of each block, all clients of the page at once.
    async fn balance(&self, tx: &mut dyn SessionsTx, rows: &mut [TimeBlockRow]) -> Result<()> {
        let mut clients: Vec<Id<Client>> = rows.iter().map(|row| row.block.client_id).collect();
        clients.sort_unstable();
        clients.dedup();
        if clients.is_empty() {
            return Ok(());
        }
        let drawn = drawn(tx, Some(&clients), None, Some(self.0.now().date())).await?;
        for row in rows {
            if let Some(balance) = drawn.blocks.iter().find(|balance| balance.block_id == row.block.id) {
                row.balance = balance.clone();
            }
        }
        Ok(())
    }
}

/// Holds periods as they are, and refuses a change of blocks that begin on these days when one is closed.
async fn refuse_settled(tx: &mut dyn SessionsTx, client: Id<Client>, days: &[NaiveDate]) -> Result<()> {
    tx.closings().hold_periods().await?;
    let closed_through = tx.closings().closed_through(Some(client)).await?;
    days.iter().try_for_each(|day| refuse_closed(closed_through, *day))
}
