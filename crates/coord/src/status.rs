//! What goes on, project by project.

use std::collections::BTreeMap;

use claudetools_kernel::{Direction, PageRequest, Result, Scope, Sort, Start, Timestamp, text};

use crate::{
    Component, Context, LockDetail, LockFilter, LockSort, LockState, Party, Presence, PresenceFilter, PresenceSort,
};

/// How many locks and how many sessions are shown at the most.
const MOST: u32 = 5000;

/// What goes on in a project.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProjectStatus {
    /// The project.
    pub project_key: String,
    /// Its components, by name.
    pub components: Vec<Component>,
    /// The locks held on it and below it, by resource.
    pub active_locks: Vec<LockDetail>,
    /// The sessions at work on it, by their ids.
    pub sessions: Vec<Presence>,
}

/// What goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The projects that are known or worked on, by key.
    pub projects: Vec<ProjectStatus>,
    /// When, by the database's clock.
    pub generated_at: Timestamp,
}

/// The use case of the status. It needs [`Scope::Read`].
#[derive(Debug, Clone)]
pub struct StatusService(Context);

impl StatusService {
    /// The use case over this storage.
    pub const fn new(context: Context) -> Self {
        Self(context)
    }

    /// What goes on in a project, or in all: one statement for each table.
    pub async fn get(&self, party: &Party, project_key: Option<&str>) -> Result<Status> {
        party.require(Scope::Read)?;
        let mut tx = self.0.store.read().await?;
        let now = tx.head().peek().await?.now;
        let wanted = project_key.map(text::composed);
        let project_key = wanted.as_deref();
        let mut keys = tx.coord_projects().keys().await?;
        keys.retain(|key| wanted.as_ref().is_none_or(|wanted| wanted == key));
        let components = tx.components().of_project(project_key).await?;
        let held = LockFilter { project_key: wanted.clone(), state: Some(LockState::Held), ..LockFilter::default() };
        let locks = tx.locks().list(&held, &first(LockSort::Resource), now).await?.items;
        let active = PresenceFilter { active: Some(true), project_key: wanted.clone() };
        let sessions = tx.presence().list(&active, &first(PresenceSort::SessionId), now).await?.items;
        Ok(Status { projects: gather(keys, components, locks, sessions, project_key), generated_at: now })
    }
}

const fn first<S>(field: S) -> PageRequest<S>
where
    S: Copy,
{
    let sort = Sort { field, direction: Direction::Ascending };
    PageRequest { limit: MOST, start: Start::Offset(0), sort, with_total: false }
}

/// Puts each thing to its project. A lock belongs to the project nearest above it, and where none is known, to one that is called
/// like the first segment of its path.
fn gather(
    keys: Vec<String>,
    components: Vec<Component>,
    locks: Vec<LockDetail>,
    sessions: Vec<Presence>,
    only: Option<&str>,
) -> Vec<ProjectStatus> {
    let mut projects: BTreeMap<String, ProjectStatus> = BTreeMap::new();
    for key in keys {
        of(&mut projects, &key);
    }
    for component in components {
        of(&mut projects, &component.key.project_key.clone()).components.push(component);
    }
    for session in sessions {
        if let Some(key) = session.project_key.clone() {
            of(&mut projects, &key).sessions.push(session);
        }
    }
    for lock in locks {
        let resource = &lock.lock.resource;
        let above = || [resource.as_str()].into_iter().chain(resource.ancestors());
        let known = above().find(|path| projects.contains_key(*path)).or_else(|| above().last());
        // Who asks for one project wants to know what is locked in it, whatever lies below it.
        let key = only.or(known).unwrap_or_default().to_owned();
        of(&mut projects, &key).active_locks.push(lock);
    }
    projects.into_values().collect()
}

fn of<'a>(projects: &'a mut BTreeMap<String, ProjectStatus>, key: &str) -> &'a mut ProjectStatus {
    let new = || ProjectStatus { project_key: key.to_owned(), ..ProjectStatus::default() };
    projects.entry(key.to_owned()).or_insert_with(new)
}
