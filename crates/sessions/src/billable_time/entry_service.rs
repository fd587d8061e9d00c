//! What callers do with entries of billable time.

use claudetools_kernel::{Actor, Change, Error, Id, Page, Query, Result, Scope, Target};

use super::{client_billing::drawn, period::refuse_closed};
use crate::{
    BillableTime, BillableTimeFields, BillableTimeFilter, BillableTimeRow, BillableTimeSort, Context, EntryDraft,
    GroupBy, Summary, ports::SessionsTx,
};

/// The use cases of billable time. Reading needs [`Scope::Read`], entering and changing [`Scope::Write`], removing
/// [`Scope::Admin`].
#[derive(Debug, Clone)]
pub struct BillableTimeService(Context);

impl BillableTimeService {
    /// The use cases over this storage, clock and ids.
    pub fn new(context: Context) -> Self {
        Self(context)
    }

    /// Enters time, the caller's own unless another technician is named. Refused as [`Error::Conflict`] when its day is closed.
    pub async fn create(&self, actor: &Actor, fields: BillableTimeFields) -> Result<Change<BillableTimeRow>> {
        actor.require(Scope::Write)?;
        let draft = BillableTime::draft(self.0.ids.id(), fields, &actor.subject, self.0.now())?;
        let mut tx = self.0.store.begin().await?;
        let id = enter(tx.as_mut(), draft).await?;
        Ok(Change::new(row(tx.as_mut(), id).await?, tx))
    }

    /// One entry.
    pub async fn get(&self, actor: &Actor, id: Id<BillableTime>) -> Result<BillableTimeRow> {
        actor.require(Scope::Read)?;
        row(self.0.store.read().await?.as_mut(), id).await
    }

    /// A page of entries.
    pub async fn list(
        &self,
        actor: &Actor,
        query: &Query<BillableTimeFilter, BillableTimeSort>,
    ) -> Result<Page<BillableTimeRow>> {
        actor.require(Scope::Read)?;
        query.filter.check()?;
        let mut tx = self.0.store.read().await?;
        let mut page = tx.billable_time().list(&query.filter, &query.page).await?;
        flag(tx.as_mut(), &mut page.items).await?;
        Ok(page)
    }

    /// The sums of the entries that the filter admits, and what has become of the blocks of its client, or of all clients.
    pub async fn summary(&self, actor: &Actor, filter: &BillableTimeFilter, group_by: GroupBy) -> Result<Summary> {
        actor.require(Scope::Read)?;
        filter.check()?;
        let mut tx = self.0.store.read().await?;
        let by = if group_by == GroupBy::Month { GroupBy::Day } else { group_by };
        let mut summary = Summary::of(group_by, filter, tx.billable_time().sums(filter, by).await?);
        let client = filter.client_id.map(|client| [client]);
        let clients = client.as_ref().map(<[_; 1]>::as_slice);
        summary.drawn = drawn(tx.as_mut(), clients, filter.date_from, filter.date_to).await?;
        Ok(summary)
    }

    /// Changes the fields given. Refused as [`Error::Conflict`] when its day is closed, before the change or after it.
    pub async fn update(
        &self,
        actor: &Actor,
        target: &Target<BillableTime>,
        fields: BillableTimeFields,
    ) -> Result<Change<BillableTimeRow>> {
        actor.require(Scope::Write)?;
        let mut tx = self.0.store.begin().await?;
        tx.closings().hold_periods().await?;
        let before = tx.billable_time().find_for(target).await?;
        refuse_if_closed(tx.as_mut(), &before).await?;
        let draft = before.change(fields, self.0.now())?;
        let entry = settle(tx.as_mut(), draft).await?;
        tx.billable_time().save(&entry).await?;
        Ok(Change::new(row(tx.as_mut(), entry.id).await?, tx))
    }

    /// Removes an entry. Refused as [`Error::Conflict`] when its day is closed.
    pub async fn delete(&self, actor: &Actor, target: &Target<BillableTime>) -> Result<Change<()>> {
        actor.require(Scope::Admin)?;
        let mut tx = self.0.store.begin().await?;
        tx.closings().hold_periods().await?;
        let entry = tx.billable_time().find_for(target).await?;
        refuse_if_closed(tx.as_mut(), &entry).await?;
        tx.billable_time().remove(entry.id).await?;
        Ok(Change::new((), tx))
    }
}

/// Enters what a draft says.
pub(super) async fn enter(tx: &mut dyn SessionsTx, draft: EntryDraft) -> Result<Id<BillableTime>> {
    tx.closings().hold_periods().await?;
    let entry = settle(tx, draft).await?;
    tx.billable_time().add(&entry).await?;
    Ok(entry.id)
}

/// One entry as it is shown.
pub(super) async fn row(tx: &mut dyn SessionsTx, id: Id<BillableTime>) -> Result<BillableTimeRow> {
    let mut row = [tx.billable_time().row(id).await?.ok_or_else(|| Error::not_found(id))?];
    flag(tx, &mut row).await?;
    let [row] = row;
    Ok(row)
}

/// Looks up what the draft refers to, and makes an entry of it whose day is not closed.
pub(super) async fn settle(tx: &mut dyn SessionsTx, mut draft: EntryDraft) -> Result<BillableTime> {
    let client = tx.clients().find(draft.entry.client_id).await?;
    let project = match draft.entry.project_id {
        Some(project) => Some(tx.projects().find(project).await?),
        None => None,
    };
    let (session, item) = draft.parts();
    let item = match item {
        Some(item) => Some(tx.work_items().find(item).await?),
        None => None,
    };
    let session = match session {
        Some(session) => Some(tx.sessions().find(session).await?),
        None => None,
    };
    draft.place(session.as_ref(), item.as_ref())?;
    let entry = draft.finish(&client, project.as_ref())?;
    refuse_if_closed(tx, &entry).await?;
    Ok(entry)
}

async fn refuse_if_closed(tx: &mut dyn SessionsTx, entry: &BillableTime) -> Result<()> {
    refuse_closed(tx.closings().closed_through(Some(entry.client_id)).await?, entry.entry_date)
}

/// Names the overlaps of each row.
async fn flag(tx: &mut dyn SessionsTx, rows: &mut [BillableTimeRow]) -> Result<()> {
    let timed: Vec<Id<BillableTime>> =
        rows.iter().filter(|row| row.entry.start_time.is_some()).map(|row| row.entry.id).collect();
    if timed.is_empty() {
        return Ok(());
    }
    let mut pairs = tx.billable_time().overlapping(&timed).await?;
    pairs.sort_unstable();
    for row in rows {
        let id = row.entry.id.uuid();
        let first = pairs.partition_point(|(of, _)| *of < id);
        row.overlaps = pairs[first..].iter().take_while(|(of, _)| *of == id).map(|(_, other)| *other).collect();
    }
    Ok(())
}
