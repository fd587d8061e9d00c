//! Components: what state each part of a project is in, and was in before.

use claudetools_kernel::{
    Detail, Direction, Entity, Faults, Id, Keyed, Patch, Result, SortField, SortKey, Timestamp, enumeration, text,
};
use serde::Serialize;
use uuid::Uuid;

use crate::{Event, EventKind, Head, Occurrence, names};

enumeration! {
    /// The state of a component.
    pub enum ComponentState {
        /// It is being built.
        Building = "building",
        /// It is built, and not in use yet.
        Built = "built",
        /// It is being put into use.
        Deploying = "deploying",
        /// It is in use.
        Deployed = "deployed",
        /// It is in use, and not as it should be.
        Degraded = "degraded",
        /// Building or deploying it failed.
        Failed = "failed",
        /// Nobody knows.
        Unknown = "unknown",
    }
}

enumeration! {
    /// What the history of a component can be sorted by.
    pub enum HistorySort {
        /// By entry.
        RecordedAt = "recorded_at",
    }
}

impl SortField for HistorySort {
    const DEFAULT: (Self, Direction) = (Self::RecordedAt, Direction::Descending);
}

/// Where a component is: its project and its name there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ComponentKey {
    /// The project.
    pub project_key: String,
    /// Its name.
    pub component: String,
}

impl ComponentKey {
    /// The key with these parts; refused with what is wrong with them.
    pub fn new(project_key: &str, component: &str) -> Result<Self> {
        let mut faults = Faults::default();
        let project_key = names::project_key(&mut faults, "project_key", project_key);
        let component = names::component_name(&mut faults, "component", component);
        faults.finish()?;
        // Both are there once there are no faults.
        Ok(Self { project_key: project_key.unwrap_or_default(), component: component.unwrap_or_default() })
    }

    /// The path that a lock on it covers: `clients/acme/dns`.
    pub fn resource(&self) -> String {
        format!("{}/{}", self.project_key, self.component)
    }
}

/// What was said of a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The state.
    pub state: ComponentState,
    /// Which version of it.
    pub version: Option<String>,
    /// Anything else.
    pub notes: Option<String>,
    /// Who said so.
    pub updated_by: Option<String>,
    /// When it was so. By the database's clock, unless the report says an earlier time.
    pub observed_at: Timestamp,
}

/// A component as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    /// Its id.
    pub id: Id<Self>,
    /// Where it is.
    pub key: ComponentKey,
    /// What was said of it last.
    pub report: Report,
    /// When it was reported first.
    pub created_at: Timestamp,
    /// When that was entered.
    pub updated_at: Timestamp,
    /// Counts its changes; the basis of `ETag`.
    pub revision: i64,
}

impl Entity for Component {
    const TYPE: &'static str = "component";

    fn id(&self) -> Id<Self> {
        self.id
    }

    fn revision(&self) -> i64 {
        self.revision
    }
}

/// A report on a component, kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryEntry {
    /// Its id.
    pub id: Uuid,
    /// The component.
    pub component_id: Id<Component>,
    /// What was said.
    pub report: Report,
    /// When it was entered, by the database's clock.
    pub recorded_at: Timestamp,
    /// Whether something newer was known already, so that it changed nothing.
    pub late: bool,
}

impl Keyed<HistorySort> for HistoryEntry {
    fn row_id(&self) -> Uuid {
        self.id
    }

    fn sort_key(&self, field: HistorySort) -> SortKey {
        match field {
            HistorySort::RecordedAt => self.recorded_at.into(),
        }
    }
}

/// What a request says of a component.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "each field is described at Report")]
pub struct ComponentFields {
    pub state: Option<ComponentState>,
    pub version: Patch<String>,
    pub notes: Patch<String>,
    pub updated_by: Patch<String>,
    pub observed_at: Option<Timestamp>,
    /// The token of the lock under which it is written; refused when a higher one was seen.
    pub lock_token: Option<i64>,
    /// The version that the component must have now.
    pub if_version: Option<String>,
}

/// A report whose form is right, before the clock has been read.
#[derive(Debug, Clone)]
pub struct ComponentDraft {
    state: ComponentState,
    version: Patch<String>,
    notes: Patch<String>,
    updated_by: Patch<String>,
    observed_at: Option<Timestamp>,
}

impl ComponentDraft {
    /// A report; refused with every fault of `fields` at once.
    pub fn new(fields: &ComponentFields) -> Result<Self> {
        let mut faults = Faults::default();
        let state = faults.required("state", fields.state);
        let version = text::optional_line(&mut faults, "version", fields.version.clone());
        let notes = text::optional_block(&mut faults, "notes", fields.notes.clone());
        let updated_by = text::optional_line(&mut faults, "updated_by", fields.updated_by.clone());
        if fields.lock_token.is_some_and(|token| token < 1) {
            faults.schema("lock_token", "minimum", "must be a token that a lock was given");
        }
        faults.finish()?;
        let state = state.unwrap_or(ComponentState::Unknown);
        Ok(Self { state, version, notes, updated_by, observed_at: fields.observed_at })
    }

    /// The state reported.
    pub const fn state(&self) -> ComponentState {
        self.state
    }

    /// When it was so. A client whose clock is ahead does not make the reports of all others late.
    fn observed(&self, now: Timestamp) -> Timestamp {
        self.observed_at.map_or(now, |at| at.min(now))
    }

    /// The whole of what is known with this report: of what it leaves out, version and notes stay as they were. Who reports
    /// speaks for nobody else.
    fn report(self, known: Option<&Report>, now: Timestamp) -> Report {
        let observed_at = self.observed(now);
        let known = known.map(|known| (known.version.clone(), known.notes.clone()));
        let ((mut version, mut notes), mut updated_by) = (known.unwrap_or_default(), None);
        self.version.apply(&mut version);
        self.notes.apply(&mut notes);
        self.updated_by.apply(&mut updated_by);
        Report { state: self.state, version, notes, updated_by, observed_at }
    }
}

/// What comes of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reported {
    /// The component as it now stands.
    pub component: Component,
    /// The entry in its history.
    pub entry: HistoryEntry,
    /// The state that it had before, if the report changed the component.
    pub before: Option<ComponentState>,
}

impl Detail for Reported {
    type Of = Component;

    fn entity(&self) -> &Component {
        &self.component
    }
}

/// What the event of a change tells.
#[derive(Serialize)]
struct Told<'a> {
    component: &'a str,
    state: ComponentState,
    previous_state: Option<ComponentState>,
    version: Option<&'a str>,
    updated_by: Option<&'a str>,
}

impl Reported {
    /// What a report makes of a component: of `kept`, or of one with the id `new` that springs into being. One that is older than
    /// what is known goes into the history and changes nothing.
    pub fn of(
        kept: Option<Component>,
        key: &ComponentKey,
        draft: ComponentDraft,
        ids: [Uuid; 2],
        now: Timestamp,
    ) -> Self {
        let [new, entry] = ids;
        let late = kept.as_ref().is_some_and(|kept| draft.observed(now) < kept.report.observed_at);
        // Of an earlier time only is known what the report says.
        let report = draft.report(kept.as_ref().map(|kept| &kept.report).filter(|_| !late), now);
        let before = kept.as_ref().filter(|_| !late).map(|kept| kept.report.state);
        let component = match kept {
            Some(kept) if late => kept,
            Some(kept) => Component { report: report.clone(), updated_at: now, revision: kept.revision + 1, ..kept },
            None => {
                let (id, report) = (Id::new(new), report.clone());
                Component { id, key: key.clone(), report, created_at: now, updated_at: now, revision: 1 }
            }
        };
        let entry = HistoryEntry { id: entry, component_id: component.id, report, recorded_at: now, late };
        Self { component, entry, before }
    }

    /// Whether it changed the component.
    pub const fn is_change(&self) -> bool {
        !self.entry.late
    }

    /// The event that tells of the change; none of a late report.
    pub fn event(&self, head: &mut Head) -> Option<Event> {
        let Component { key, report, id, .. } = &self.component;
        let told = Told {
            component: &key.component,
            state: report.state,
            previous_state: self.before,
            version: report.version.as_deref(),
            updated_by: report.updated_by.as_deref(),
        };
        let what = Occurrence::new(None, Some(id.uuid()), &told).in_project(Some(&key.project_key));
        self.is_change().then(|| head.event(EventKind::ComponentChanged, what))
    }
}

#[cfg(test)]
mod tests;
