//! Projects that coordination knows: they spring into being at their first use, and may be pinned.

use std::collections::BTreeSet;

use claudetools_kernel::{Entity, Enumeration, Faults, Id, Patch, Result, Timestamp, text};

use crate::{ComponentKey, ComponentState, names};

/// A project of coordination. It has nothing to do with the projects that work is booked on, but that they may share a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoordProject {
    /// Its id.
    pub id: Id<Self>,
    /// What it is known by. Unique.
    pub project_key: String,
    /// What it is called.
    pub name: Option<String>,
    /// The components that it may have; any when there is no list.
    pub allowed_components: Option<Vec<String>>,
    /// The states that its components may be in; any when there is no list.
    pub allowed_states: Option<Vec<ComponentState>>,
    /// When it was first heard of.
    pub created_at: Timestamp,
    /// When it was last pinned or named.
    pub updated_at: Timestamp,
    /// Counts its changes; the basis of `ETag`.
    pub revision: i64,
}

impl Entity for CoordProject {
    const TYPE: &'static str = "coord_project";

    fn id(&self) -> Id<Self> {
        self.id
    }

    fn revision(&self) -> i64 {
        self.revision
    }
}

/// What a request says of a project.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "each field is described at CoordProject")]
pub struct CoordProjectFields {
    pub name: Patch<String>,
    pub allowed_components: Patch<Vec<String>>,
    pub allowed_states: Patch<Vec<ComponentState>>,
}

impl CoordProject {
    /// A project that nothing is known of but its key.
    pub const fn new(id: Id<Self>, project_key: String, now: Timestamp) -> Self {
        let (name, allowed_components, allowed_states) = (None, None, None);
        Self {
            id,
            project_key,
            name,
            allowed_components,
            allowed_states,
            created_at: now,
            updated_at: now,
            revision: 1,
        }
    }

    /// The project with `fields` changed; refused with every fault at once.
    pub fn change(mut self, fields: CoordProjectFields, now: Timestamp) -> Result<Self> {
        let mut faults = Faults::default();
        text::optional_line(&mut faults, "name", fields.name).apply(&mut self.name);
        fields.allowed_components.and_then(|given| components(&mut faults, &given)).apply(&mut self.allowed_components);
        let states = fields.allowed_states.map(|given| given.into_iter().collect::<BTreeSet<_>>());
        states.map(|states| states.into_iter().collect()).apply(&mut self.allowed_states);
        faults.finish()?;
        self.updated_at = now;
        self.revision += 1;
        Ok(self)
    }

    /// Refuses a component or a state that the project may not have.
    pub fn admit(&self, key: &ComponentKey, state: ComponentState) -> Result<()> {
        let mut faults = Faults::default();
        if let Some(allowed) = self.allowed_components.as_ref().filter(|allowed| !allowed.contains(&key.component)) {
            let rule = format!("is none of those that {} may have: {}", self.project_key, allowed.join(", "));
            faults.semantic("component", "pinned", &rule);
        }
        if let Some(allowed) = self.allowed_states.as_ref().filter(|allowed| !allowed.contains(&state)) {
            let words: Vec<&str> = allowed.iter().map(|state| state.as_str()).collect();
            let rule =
                format!("is none of those that components of {} may be in: {}", self.project_key, words.join(", "));
            faults.semantic("state", "pinned", &rule);
        }
        faults.finish()
    }
}

/// The names of components, each once, in their order.
fn components(faults: &mut Faults, given: &[String]) -> Option<Vec<String>> {
    if given.len() > text::ENTRIES {
        faults.schema("allowed_components", "max_items", &format!("must have at most {} entries", text::ENTRIES));
        return None;
    }
    let check =
        |(at, name): (usize, &String)| names::component_name(faults, &format!("allowed_components[{at}]"), name);
    given.iter().enumerate().map(check).collect::<Option<BTreeSet<_>>>().map(|names| names.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use claudetools_kernel::{
        Error,
        contract::{at, uuid},
    };

    use super::*;

    fn project() -> CoordProject {
        CoordProject::new(Id::new(uuid(1)), "acme".to_owned(), at(1))
    }

    fn pinned() -> CoordProject {
        let fields = CoordProjectFields {
            allowed_components: Patch::Set(vec!["web".to_owned(), "api".to_owned(), "web".to_owned()]),
            allowed_states: Patch::Set(vec![ComponentState::Deployed, ComponentState::Degraded]),
            ..CoordProjectFields::default()
        };
        project().change(fields, at(2)).unwrap()
    }

    #[test]
    fn a_project_that_is_not_pinned_admits_everything() {
        let key = ComponentKey::new("acme", "anything").unwrap();
        assert!(ComponentState::ALL.iter().all(|state| project().admit(&key, *state).is_ok()));
    }

    #[test]
    fn a_pinned_project_names_all_that_it_does_not_admit() {
        assert_eq!(pinned().allowed_components, Some(vec!["api".to_owned(), "web".to_owned()]), "each once");
        let refused =
            |component: &str, state| match pinned().admit(&ComponentKey::new("acme", component).unwrap(), state) {
                Ok(()) => Vec::new(),
                Err(Error::Invalid(faults)) => {
                    assert!(faults.list().iter().all(|fault| fault.semantic));
                    faults.list().iter().map(|fault| fault.field.clone()).collect()
                }
                Err(other) => panic!("{other}"),
            };
        assert!(refused("api", ComponentState::Deployed).is_empty());
        assert_eq!(refused("dns", ComponentState::Deployed), ["component"]);
        assert_eq!(refused("dns", ComponentState::Built), ["component", "state"]);
    }

    #[test]
    fn null_takes_the_pins_off_and_a_list_of_none_admits_nothing() {
        let off = CoordProjectFields { allowed_components: Patch::Clear, ..CoordProjectFields::default() };
        assert_eq!(pinned().change(off, at(3)).unwrap().allowed_components, None);
        let none = CoordProjectFields { allowed_states: Patch::Set(Vec::new()), ..CoordProjectFields::default() };
        let none = project().change(none, at(3)).unwrap();
        assert!(none.admit(&ComponentKey::new("acme", "api").unwrap(), ComponentState::Built).is_err());
    }
}
