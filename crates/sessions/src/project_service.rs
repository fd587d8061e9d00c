//! What callers do with projects.

use claudetools_kernel::{Actor, Change, Error, Id, Page, Query, Result, Scope, Target, text};

use crate::{
    Context, Project, ProjectDetail, ProjectFields, ProjectFilter, ProjectRow, ProjectSort, ProjectTotals,
    ports::ProjectRepository, slug,
};

/// The use cases of projects. Reading needs [`Scope::Read`], entering and changing [`Scope::Write`], removing [`Scope::Admin`].
#[derive(Debug, Clone)]
pub struct ProjectService(Context);

impl ProjectService {
    /// The use cases over this storage, clock and ids.
    pub fn new(context: Context) -> Self {
        Self(context)
    }

    /// Enters a project. Refused as [`Error::Duplicate`] when another of the client's has the name or the slug given; a slug
    /// made from the name gets a number instead.
    pub async fn create(&self, actor: &Actor, fields: ProjectFields) -> Result<Change<ProjectDetail>> {
        actor.require(Scope::Write)?;
        let makes_slug = fields.slug.is_none();
        let mut project = Project::new(self.0.ids.id(), fields, self.0.now())?;
        let mut tx = self.0.store.begin().await?;
        let client = tx.clients().find(project.client_id).await?;
        if makes_slug {
            let taken = tx.projects().slugs(project.client_id, &project.slug).await?;
            project.slug = slug::free(&project.slug, &taken);
        }
        refuse_taken(tx.projects(), &project).await?;
        tx.projects().add(&project).await?;
        let row = ProjectRow::new(project, &client);
        Ok(Change::new(ProjectDetail { row, totals: ProjectTotals::default() }, tx))
    }

    /// One project.
    pub async fn get(&self, actor: &Actor, id: Id<Project>) -> Result<ProjectDetail> {
        actor.require(Scope::Read)?;
        let mut tx = self.0.store.read().await?;
        let row = tx.projects().row(id).await?.ok_or_else(|| Error::not_found(id))?;
        let totals = tx.projects().totals(id).await?;
        Ok(ProjectDetail { row, totals })
    }

    /// A page of projects.
    pub async fn list(&self, actor: &Actor, query: &Query<ProjectFilter, ProjectSort>) -> Result<Page<ProjectRow>> {
        actor.require(Scope::Read)?;
        let mut tx = self.0.store.read().await?;
        Ok(tx.projects().list(&query.filter, &query.page).await?)
    }

    /// Changes the fields given. A project that sessions or tasks refer to stays with its client.
    pub async fn update(
        &self,
        actor: &Actor,
        target: &Target<Project>,
        fields: ProjectFields,
    ) -> Result<Change<ProjectDetail>> {
        actor.require(Scope::Write)?;
        let mut tx = self.0.store.begin().await?;
        let before = tx.projects().find_for(target).await?;
        let of = before.client_id;
        let project = before.change(fields, self.0.now())?;
        let client = tx.clients().find(project.client_id).await?;
        if project.client_id != of {
            Error::refuse_if_referenced(project.id, tx.projects().referrers(project.id).await?)?;
        }
        refuse_taken(tx.projects(), &project).await?;
        tx.projects().save(&project).await?;
        let totals = tx.projects().totals(project.id).await?;
        let row = ProjectRow::new(project, &client);
        Ok(Change::new(ProjectDetail { row, totals }, tx))
    }

    /// Removes a project that nothing refers to; others are to be completed or cancelled instead.
    pub async fn delete(&self, actor: &Actor, target: &Target<Project>) -> Result<Change<()>> {
        actor.require(Scope::Admin)?;
        let mut tx = self.0.store.begin().await?;
        tx.projects().remove_unreferenced(target).await?;
        Ok(Change::new((), tx))
    }
}

async fn refuse_taken(projects: &mut dyn ProjectRepository, project: &Project) -> Result<()> {
    let same_name = projects.by_name(project.client_id, &text::fold(&project.name)).await?;
    let same_slug = projects.by_slug(project.client_id, &project.slug).await?;
    Error::refuse_taken("name", same_name, project.id)?;
    Error::refuse_taken("slug", same_slug, project.id)
}
