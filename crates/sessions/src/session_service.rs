//! What callers do with sessions.

use claudetools_kernel::{Actor, Change, Error, Id, Page, Query, Result, Scope, Target};

use crate::{
    BillingRule, Context, Session, SessionDetail, SessionDraft, SessionFields, SessionFilter, SessionRow, SessionSort,
    SessionStatus,
    ports::{SessionRepository, SessionsTx},
    tag_service::ensure_tags,
};

/// The use cases of sessions. Reading needs [`Scope::Read`], creating and changing [`Scope::Write`], deleting and reopening
/// [`Scope::Admin`].
#[derive(Debug, Clone)]
pub struct SessionService(Context);

impl SessionService {
    /// The use cases over this storage, clock and ids.
    pub fn new(context: Context) -> Self {
        Self(context)
    }

    /// Enters a session, of the caller's own work unless another technician is named.
    pub async fn create(&self, actor: &Actor, fields: SessionFields) -> Result<Change<SessionDetail>> {
        actor.require(Scope::Write)?;
        let draft = Session::draft(self.0.ids.id(), fields, &actor.subject, self.0.now())?;
        let mut tx = self.0.store.begin().await?;
        let session = self.settle(&mut *tx, draft, None).await?;
        tx.sessions().add(&session).await?;
        let detail = find_detail(tx.sessions(), session.id).await?;
        Ok(Change::new(detail, tx))
    }

    /// One session with everything that is known of it.
    pub async fn get(&self, actor: &Actor, id: Id<Session>) -> Result<SessionDetail> {
        actor.require(Scope::Read)?;
        let mut tx = self.0.store.read().await?;
        find_detail(tx.sessions(), id).await
    }

    /// A page of sessions.
    pub async fn list(&self, actor: &Actor, query: &Query<SessionFilter, SessionSort>) -> Result<Page<SessionRow>> {
        actor.require(Scope::Read)?;
        query.filter.check()?;
        let mut tx = self.0.store.read().await?;
        Ok(tx.sessions().list(&query.filter, &query.page).await?)
    }

    /// Changes the fields given. What was completed is reopened by [`Scope::Admin`] only.
    pub async fn update(
        &self,
        actor: &Actor,
        target: &Target<Session>,
        fields: SessionFields,
    ) -> Result<Change<SessionDetail>> {
        actor.require(Scope::Write)?;
        let mut tx = self.0.store.begin().await?;
        let before = tx.sessions().find_for(target).await?;
        let draft = before.clone().change(fields, self.0.now())?;
        if before.status == SessionStatus::Completed && draft.session().status != SessionStatus::Completed {
            actor.require(Scope::Admin)?;
        }
        let session = self.settle(&mut *tx, draft, Some(&before)).await?;
        tx.sessions().save(&session).await?;
        if (before.client_id, before.session_date) != (session.client_id, session.session_date) {
            tx.work_items().follow(&session).await?;
        }
        let detail = find_detail(tx.sessions(), target.id).await?;
        Ok(Change::new(detail, tx))
    }

    /// Removes a session that nothing refers to, with its tags.
    pub async fn delete(&self, actor: &Actor, target: &Target<Session>) -> Result<Change<()>> {
        actor.require(Scope::Admin)?;
        let mut tx = self.0.store.begin().await?;
        tx.sessions().remove_unreferenced(target).await?;
        Ok(Change::new((), tx))
    }

    /// Looks up what the draft refers to, and makes a session of it.
    async fn settle(
        &self,
        tx: &mut dyn SessionsTx,
        mut draft: SessionDraft,
        before: Option<&Session>,
    ) -> Result<Session> {
        let machine = draft.session().machine_id;
        if let Some(machine) = machine.filter(|_| before.is_none_or(|before| before.machine_id != machine)) {
            tx.machines().find(machine).await?;
        }
        let rule = place(tx, &mut draft, before).await?;
        let tags = match draft.tag_names() {
            Some(names) => Some(ensure_tags(tx, &self.0, names).await?),
            None => None,
        };
        Ok(draft.finish(rule, tags.as_deref()))
    }
}

/// Fits the draft to its client and project, and finds the client's rule.
async fn place(tx: &mut dyn SessionsTx, draft: &mut SessionDraft, before: Option<&Session>) -> Result<BillingRule> {
    let named = (draft.session().client_id, draft.session().project_id);
    let client = match named.0 {
        Some(client) => Some(tx.clients().find(client).await?),
        None => None,
    };
    if let Some(project) = named.1
        && before.is_none_or(|before| (before.client_id, before.project_id) != named)
    {
        let project = tx.projects().find(project).await?;
        draft.place(&project)?;
    }
    match (client, draft.session().client_id) {
        (Some(client), _) => Ok(BillingRule::from(&client)),
        (None, Some(of_project)) => {
            let client = tx.clients().find(of_project).await?;
            Ok(BillingRule::from(&client))
        }
        (None, None) => Ok(BillingRule::default()),
    }
}

async fn find_detail(sessions: &mut dyn SessionRepository, id: Id<Session>) -> Result<SessionDetail> {
    sessions.detail(id).await?.ok_or_else(|| Error::not_found(id))
}
