//! What callers do with sessions.

use claudetools_kernel::{Actor, Change, Error, Id, Page, Query, Result, Scope, Target};

use crate::{
    BillingRule, Context, Machine, Project, ProjectRow, Session, SessionDetail, SessionDraft, SessionFields,
    SessionFilter, SessionRow, SessionSort, SessionStatus, Tag,
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
        let (session, around) = self.settle(&mut *tx, draft, None).await?;
        tx.sessions().add(&session).await?;
        // All of it has just been looked up or made: nothing needs to be read back.
        Ok(Change::new(around.detail(session), tx))
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
        let (session, _) = self.settle(&mut *tx, draft, Some(&before)).await?;
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
    ) -> Result<(Session, Around)> {
        let mut around = Around::default();
        let machine = draft.session().machine_id;
        if let Some(machine) = machine.filter(|_| before.is_none_or(|before| before.machine_id != machine)) {
            around.machine = Some(tx.machines().find(machine).await?);
        }
        place(tx, &mut draft, before, &mut around).await?;
        let rule = around.client.as_ref().map(|client| client.rule).unwrap_or_default();
        if let Some(names) = draft.tag_names() {
            around.tags = Some(ensure_tags(tx, &self.0, names).await?);
        }
        Ok((draft.finish(rule, around.tags.as_deref()), around))
    }
}

/// What was looked up for a session.
#[derive(Debug, Default)]
struct Around {
    machine: Option<Machine>,
    client: Option<Payer>,
    project: Option<Project>,
    tags: Option<Vec<Tag>>,
}

/// Whom a session is billed to.
#[derive(Debug)]
struct Payer {
    name: String,
    rule: BillingRule,
}

impl Around {
    /// A new session with everything that is known of it: nothing can refer to it yet.
    fn detail(self, session: Session) -> SessionDetail {
        let mut tags: Vec<String> = self.tags.into_iter().flatten().map(|tag| tag.name).collect();
        tags.sort_unstable();
        SessionDetail {
            client_name: self.client.map(|client| client.name),
            project_name: self.project.map(|project| project.name),
            machine_hostname: self.machine.map(|machine| machine.hostname),
            tags,
            work_items: Vec::new(),
            commands: 0,
            billable_time: Vec::new(),
            session,
        }
    }
}

/// Fits the draft to its client and project, and finds them.
async fn place(
    tx: &mut dyn SessionsTx,
    draft: &mut SessionDraft,
    before: Option<&Session>,
    around: &mut Around,
) -> Result<()> {
    let named = (draft.session().client_id, draft.session().project_id);
    let (client, project) = named;
    let project = project.filter(|_| before.is_none_or(|before| (before.client_id, before.project_id) != named));
    let found = match project {
        Some(project) => tx.projects().row(project).await?,
        None => None,
    };
    if let Some(client) = client
        && found.as_ref().is_none_or(|found| found.project.client_id != client)
    {
        let client = tx.clients().find(client).await?;
        around.client = Some(Payer { rule: BillingRule::from(&client), name: client.name });
    }
    if let Some(project) = project {
        let ProjectRow { project, client_name, rule } = found.ok_or_else(|| Error::not_found(project))?;
        draft.place(&project)?;
        around.client = Some(Payer { name: client_name, rule });
        around.project = Some(project);
    }
    Ok(())
}

async fn find_detail(sessions: &mut dyn SessionRepository, id: Id<Session>) -> Result<SessionDetail> {
    sessions.detail(id).await?.ok_or_else(|| Error::not_found(id))
}
