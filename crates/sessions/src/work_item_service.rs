//! What callers do with work items.

use claudetools_kernel::{Actor, Change, Error, Id, Page, Query, Result, Scope, Target};

use crate::{
    Context, WorkItem, WorkItemDetail, WorkItemDraft, WorkItemFields, WorkItemFilter, WorkItemRow, WorkItemSort,
    ports::{SessionsTx, WorkItemRepository},
    tag_service::ensure_tags,
};

/// The use cases of work items. Reading needs [`Scope::Read`], creating and changing [`Scope::Write`], deleting
/// [`Scope::Admin`].
#[derive(Debug, Clone)]
pub struct WorkItemService(Context);

impl WorkItemService {
    /// The use cases over this storage, clock and ids.
    pub fn new(context: Context) -> Self {
        Self(context)
    }

    /// Enters a work item of a session.
    pub async fn create(&self, actor: &Actor, fields: WorkItemFields) -> Result<Change<WorkItemDetail>> {
        actor.require(Scope::Write)?;
        let draft = WorkItem::draft(self.0.ids.id(), fields, self.0.now())?;
        let mut tx = self.0.store.begin().await?;
        let item = self.settle(&mut *tx, draft).await?;
        tx.work_items().add(&item).await?;
        let detail = find_detail(tx.work_items(), item.id).await?;
        Ok(Change::new(detail, tx))
    }

    /// One work item.
    pub async fn get(&self, actor: &Actor, id: Id<WorkItem>) -> Result<WorkItemDetail> {
        actor.require(Scope::Read)?;
        let mut tx = self.0.store.read().await?;
        find_detail(tx.work_items(), id).await
    }

    /// A page of work items.
    pub async fn list(&self, actor: &Actor, query: &Query<WorkItemFilter, WorkItemSort>) -> Result<Page<WorkItemRow>> {
        actor.require(Scope::Read)?;
        query.filter.check()?;
        let mut tx = self.0.store.read().await?;
        Ok(tx.work_items().list(&query.filter, &query.page).await?)
    }

    /// Changes the fields given.
    pub async fn update(
        &self,
        actor: &Actor,
        target: &Target<WorkItem>,
        fields: WorkItemFields,
    ) -> Result<Change<WorkItemDetail>> {
        actor.require(Scope::Write)?;
        let mut tx = self.0.store.begin().await?;
        let item = tx.work_items().find_for(target).await?;
        let draft = item.change(fields, self.0.now())?;
        let item = self.settle(&mut *tx, draft).await?;
        tx.work_items().save(&item).await?;
        let detail = find_detail(tx.work_items(), target.id).await?;
        Ok(Change::new(detail, tx))
    }

    /// Removes a work item that nothing refers to, with its tags.
    pub async fn delete(&self, actor: &Actor, target: &Target<WorkItem>) -> Result<Change<()>> {
        actor.require(Scope::Admin)?;
        let mut tx = self.0.store.begin().await?;
        tx.work_items().remove_unreferenced(target).await?;
        Ok(Change::new((), tx))
    }

    /// Looks up what the draft refers to, and makes a work item of it.
    async fn settle(&self, tx: &mut dyn SessionsTx, draft: WorkItemDraft) -> Result<WorkItem> {
        let session = draft.session_id();
        let session = tx.sessions().find(session).await?;
        let tags = match draft.tag_names() {
            Some(names) => Some(ensure_tags(tx, &self.0, names).await?),
            None => None,
        };
        Ok(draft.finish(&session, tags.as_deref()))
    }
}

async fn find_detail(items: &mut dyn WorkItemRepository, id: Id<WorkItem>) -> Result<WorkItemDetail> {
    items.detail(id).await?.ok_or_else(|| Error::not_found(id))
}
