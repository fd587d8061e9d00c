//! Who may see a credential.

use std::collections::BTreeSet;

use claudetools_kernel::{Actor, Faults, text};

/// Who may see a credential: everybody while it names nobody, else those named alone. Agents are named by their type.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Access {
    /// Addresses of accounts, in the form of [`text::fold`].
    pub subjects: BTreeSet<String>,
    /// Types of agents.
    pub agent_types: BTreeSet<String>,
}

/// What a request says of who may see a credential: the whole of it.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "each field is described at Access")]
pub struct AccessFields {
    pub subjects: Option<Vec<String>>,
    pub agent_types: Option<Vec<String>>,
}

impl Access {
    /// The access of a request; refused with every fault at once. What is not given names nobody.
    pub fn new(fields: AccessFields) -> claudetools_kernel::Result<Self> {
        let mut faults = Faults::default();
        let (mut subjects, mut agent_types) = (Vec::new(), Vec::new());
        text::replace_lines(&mut faults, "subjects", fields.subjects, &mut subjects);
        text::replace_lines(&mut faults, "agent_types", fields.agent_types, &mut agent_types);
        faults.finish()?;
        Ok(Self {
            subjects: subjects.iter().map(|subject| text::fold(subject)).collect(),
            agent_types: agent_types.into_iter().collect(),
        })
    }

    /// Names one more.
    pub fn name(&mut self, viewer: Viewer) {
        match viewer {
            Viewer::Account(subject) => drop(self.subjects.insert(subject)),
            Viewer::Agent(agent_type) => drop(self.agent_types.insert(agent_type)),
            Viewer::Operator => {}
        }
    }

    /// Whether it names anybody.
    pub fn is_restricted(&self) -> bool {
        !(self.subjects.is_empty() && self.agent_types.is_empty())
    }

    /// Whether `viewer` may see the credential.
    pub fn admits(&self, viewer: &Viewer) -> bool {
        !self.is_restricted()
            || match viewer {
                Viewer::Account(subject) => self.subjects.contains(subject),
                Viewer::Agent(agent_type) => self.agent_types.contains(agent_type),
                Viewer::Operator => true,
            }
    }
}

/// Somebody who looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Viewer {
    /// A person's tool, by the folded address of the account.
    Account(String),
    /// An agent, by its type.
    Agent(String),
    /// Whoever runs the program on the server's own machine.
    Operator,
}

impl Viewer {
    /// Whoever calls.
    pub fn of(actor: &Actor) -> Self {
        match &actor.agent {
            Some(agent) => Self::Agent(agent.agent_type.clone()),
            None => Self::Account(text::fold(&actor.subject)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restricted_credential_shows_itself_to_those_named_alone() {
        let everybody = Access::default();
        let fields = AccessFields { subjects: Some(vec![" Jo@Example.com ".into()]), agent_types: None };
        let jo = Access::new(fields).unwrap();
        let agents = AccessFields { agent_types: Some(vec!["backup".into()]), subjects: None };
        let backup = Access::new(agents).unwrap();
        let viewers = [
            Viewer::Account("jo@example.com".into()),
            Viewer::Account("al@example.com".into()),
            Viewer::Agent("backup".into()),
        ];
        let seen = |access: &Access| viewers.clone().map(|viewer| access.admits(&viewer));
        assert_eq!(seen(&everybody), [true, true, true]);
        assert_eq!(seen(&jo), [true, false, false]);
        assert_eq!(seen(&backup), [false, false, true]);
    }
}
