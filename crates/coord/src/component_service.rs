//! What callers do with components and the projects that they belong to.

use std::collections::BTreeSet;

use claudetools_kernel::{Change, Error, Expected, Faults, Page, PageRequest, Result, Scope};

use crate::{
    Component, ComponentDraft, ComponentFields, ComponentKey, Context, CoordProject, CoordProjectFields, Head,
    HistoryEntry, HistorySort, Party, Reported, ResourcePath,
    batch::{self, Reach},
    ports::CoordTx,
};

/// The use cases of components. Reading needs [`Scope::Read`], reporting [`Scope::Write`], pinning a project [`Scope::Admin`].
#[derive(Debug, Clone)]
pub struct ComponentService(Context);

impl ComponentService {
    /// The use cases over this storage and ids.
    pub const fn new(context: Context) -> Self {
        Self(context)
    }

    /// Takes a report on a component, which springs into being with the first, as does its project. A report that was observed
    /// before what is known goes into the history alone.
    pub async fn report(
        &self,
        party: &Party,
        key: &ComponentKey,
        expected: &Expected,
        fields: ComponentFields,
    ) -> Result<Change<Reported>> {
        party.require(Scope::Write)?;
        let draft = ComponentDraft::new(&fields)?;
        let mut tx = self.0.store.begin().await?;
        let mut head = match fields.lock_token {
            Some(token) => fence(tx.as_mut(), key, token).await?,
            None => tx.head().lock().await?,
        };
        let kept = tx.components().at(key).await?;
        self.project(tx.as_mut(), &key.project_key, &head).await?.admit(key, draft.state())?;
        let current = kept.as_ref().map_or(0, |kept| kept.revision);
        expected.check(current)?;
        if let Some(wanted) = &fields.if_version
            && kept.as_ref().and_then(|kept| kept.report.version.as_ref()) != Some(wanted)
        {
            return Err(Error::PreconditionFailed { current });
        }
        let is_new = kept.is_none();
        let ids = [self.0.ids.next(), self.0.ids.next()];
        let reported = Reported::of(kept, key, draft, ids, head.now);
        if is_new {
            tx.components().add(&reported.component).await?;
        } else if reported.is_change() {
            tx.components().save(&reported.component).await?;
        }
        tx.components().record(&reported.entry).await?;
        if let Some(event) = reported.event(&mut head) {
            tx.events().append(&[event]).await?;
        }
        tx.head().save(&head).await?;
        Ok(Change::new(reported, tx))
    }

    /// One component.
    pub async fn get(&self, party: &Party, key: &ComponentKey) -> Result<Component> {
        party.require(Scope::Read)?;
        find(self.0.store.read().await?.as_mut(), key).await
    }

    /// A page of a component's history.
    pub async fn history(
        &self,
        party: &Party,
        key: &ComponentKey,
        page: &PageRequest<HistorySort>,
    ) -> Result<Page<HistoryEntry>> {
        party.require(Scope::Read)?;
        let mut tx = self.0.store.read().await?;
        let component = find(tx.as_mut(), key).await?;
        Ok(tx.components().history(component.id, page).await?)
    }

    /// One project.
    pub async fn get_project(&self, party: &Party, project_key: &str) -> Result<CoordProject> {
        party.require(Scope::Read)?;
        let found = self.0.store.read().await?.coord_projects().by_key(project_key).await?;
        found.ok_or_else(|| Error::NotFound { resource_type: "coord_project", resource_id: project_key.to_owned() })
    }

    /// Names a project or pins what it may have. It need not have been heard of before.
    pub async fn change_project(
        &self,
        party: &Party,
        project_key: &str,
        expected: &Expected,
        fields: CoordProjectFields,
    ) -> Result<Change<CoordProject>> {
        party.require(Scope::Admin)?;
        let mut tx = self.0.store.begin().await?;
        let head = tx.head().lock().await?;
        let project = self.project(tx.as_mut(), project_key, &head).await?;
        expected.check(project.revision)?;
        let project = project.change(fields, head.now)?;
        tx.coord_projects().save(&project).await?;
        tx.head().save(&head).await?;
        Ok(Change::new(project, tx))
    }

    /// The project with this key, which springs into being. To be called with the head locked, so that no other does it too.
    async fn project(&self, tx: &mut dyn CoordTx, project_key: &str, head: &Head) -> Result<CoordProject> {
        if let Some(project) = tx.coord_projects().by_key(project_key).await? {
            return Ok(project);
        }
        let project = CoordProject::new(self.0.ids.id(), project_key.to_owned(), head.now);
        tx.coord_projects().add(&project).await?;
        Ok(project)
    }
}

async fn find(tx: &mut dyn CoordTx, key: &ComponentKey) -> Result<Component> {
    let found = tx.components().at(key).await?;
    found.ok_or_else(|| Error::NotFound { resource_type: "component", resource_id: key.resource() })
}

/// Locks the head for a write under a token, and keeps the token; refused when a higher one was seen.
async fn fence(tx: &mut dyn CoordTx, key: &ComponentKey, token: i64) -> Result<Head> {
    let mut faults = Faults::default();
    let Some(resource) = ResourcePath::parse(&mut faults, "component", &key.resource()) else {
        return Err(Error::Invalid(faults));
    };
    let reach = Reach { fences: BTreeSet::from([resource.clone()]), ..Reach::default() };
    let mut table = batch::open(tx, reach).await?;
    if let Err(max_token) = table.fence(&resource, token) {
        return Err(Error::Overtaken { max_token });
    }
    batch::write(tx, &mut table).await?;
    Ok(table.head)
}
