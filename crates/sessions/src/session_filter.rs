//! Which sessions to list.

use std::collections::HashSet;

use chrono::NaiveDate;
use claudetools_kernel::{Faults, Id, Result, text};

use crate::{Client, Machine, Project, Session, SessionStatus};

/// Which sessions to list; conditions combine with AND.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "each field is described at Session")]
pub struct SessionFilter {
    pub client_id: Option<Id<Client>>,
    pub project_id: Option<Id<Project>>,
    pub machine_id: Option<Id<Machine>>,
    /// Substring of the technician.
    pub technician: Option<String>,
    /// The first day to list.
    pub date_from: Option<NaiveDate>,
    /// The last day to list.
    pub date_to: Option<NaiveDate>,
    pub is_billable: Option<bool>,
    pub status: Option<SessionStatus>,
    /// The name of a tag, whatever its case.
    pub tag: Option<String>,
    /// One of the technologies used, whatever its case.
    pub technology: Option<String>,
    /// Substring of [`Session::search_key`].
    pub q: Option<String>,
}

impl SessionFilter {
    /// Refuses a range of days that ends before it begins.
    pub fn check(&self) -> Result<()> {
        check_days(self.date_from, self.date_to)
    }

    /// Whether `session`, which bears tags of the names in `tags`, is to be listed.
    pub fn admits(&self, session: &Session, tags: &HashSet<String>) -> bool {
        let technician = session.technician.as_deref().map(text::fold);
        self.client_id.is_none_or(|wanted| Some(wanted) == session.client_id)
            && self.project_id.is_none_or(|wanted| Some(wanted) == session.project_id)
            && self.machine_id.is_none_or(|wanted| Some(wanted) == session.machine_id)
            && self
                .technician
                .as_deref()
                .is_none_or(|part| technician.is_some_and(|name| name.contains(&text::fold(part))))
            && self.date_from.is_none_or(|first| first <= session.session_date)
            && self.date_to.is_none_or(|last| session.session_date <= last)
            && self.is_billable.is_none_or(|wanted| wanted == session.is_billable)
            && self.status.is_none_or(|wanted| wanted == session.status)
            && self.tag.as_deref().is_none_or(|tag| tags.contains(&text::fold(tag.trim())))
            && self.technology.as_deref().is_none_or(|wanted| {
                session.technologies_used.iter().any(|used| text::fold(used) == text::fold(wanted.trim()))
            })
            && self.q.as_deref().is_none_or(|q| session.search_key().contains(&text::fold(q)))
    }
}

/// Refuses a range of days that ends before it begins.
pub(crate) fn check_days(first: Option<NaiveDate>, last: Option<NaiveDate>) -> Result<()> {
    match (first, last) {
        (Some(first), Some(last)) if first > last => {
            Err(Faults::one_semantic("date_to", "after_date_from", "must not be before date_from"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use claudetools_kernel::Error;

    use super::*;

    #[test]
    fn a_range_of_days_that_ends_before_it_begins_is_refused() {
        let (first, last) = ("2026-02-02".parse().ok(), "2026-02-01".parse().ok());
        let filter = SessionFilter { date_from: first, date_to: last, ..SessionFilter::default() };
        let Err(Error::Invalid(faults)) = filter.check() else { panic!("refused") };
        assert_eq!((faults.list()[0].field.as_str(), faults.list()[0].semantic), ("date_to", true));
        assert!(SessionFilter { date_to: first, ..filter }.check().is_ok(), "one day is a range");
    }
}
