//! The API audit log: reading it, and adding the rows of reading requests in batches.

use chrono::{NaiveDate, TimeDelta};
use claudetools_kernel::{
    Actor, AuditEntry, Direction, Faults, Id, Keyed, Page, Query, Result, Scope, SortField, SortKey, SortKind,
    Timestamp, enumeration,
};
use uuid::Uuid;

use crate::{AgentRun, Context};

enumeration! {
    /// What the audit log can be sorted by.
    pub enum AuditSort {
        /// By the time of the request.
        At = "at",
    }
}

impl SortField for AuditSort {
    const DEFAULT: (Self, Direction) = (Self::At, Direction::Descending);

    fn kind(self) -> SortKind {
        SortKind::Integer
    }
}

impl Keyed<AuditSort> for AuditEntry {
    fn row_id(&self) -> Uuid {
        self.id
    }

    fn sort_key(&self, field: AuditSort) -> SortKey {
        match field {
            AuditSort::At => self.at.into(),
        }
    }
}

/// Which rows to list; conditions combine with AND. Subject, route and request id are names and compared whole, byte by
/// byte, so that an index serves them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// The caller.
    pub subject: Option<String>,
    /// The route's template.
    pub route: Option<String>,
    /// The HTTP status of the answer.
    pub status: Option<u16>,
    /// The first day (UTC).
    pub date_from: Option<NaiveDate>,
    /// The last day (UTC).
    pub date_to: Option<NaiveDate>,
    /// The `X-Request-Id`.
    pub request_id: Option<String>,
    /// The session whose agents called.
    pub parent_session: Option<Uuid>,
}

impl AuditFilter {
    /// The first instant that it admits.
    pub fn begin(&self) -> Option<Timestamp> {
        self.date_from.map(Timestamp::midnight)
    }

    /// The first instant that it admits no more.
    pub fn end(&self) -> Option<Timestamp> {
        self.date_to.map(|day| Timestamp::midnight(day).plus(TimeDelta::days(1)))
    }

    /// Whether `entry` is to be listed.
    pub fn admits(&self, entry: &AuditEntry) -> bool {
        let same = |wanted: &Option<String>, has: Option<&str>| wanted.is_none() || wanted.as_deref() == has;
        same(&self.subject, entry.subject.as_deref())
            && same(&self.route, entry.route.as_deref())
            && same(&self.request_id, Some(&entry.request_id))
            && self.status.is_none_or(|status| status == entry.status)
            && self.parent_session.is_none_or(|session| entry.parent_session == Some(session))
            && self.begin().is_none_or(|begin| begin <= entry.at)
            && self.end().is_none_or(|end| entry.at < end)
    }
}

/// Reads the audit log, and takes in the rows of requests that wrote nothing.
#[derive(Debug, Clone)]
pub struct AuditLogService {
    context: Context,
}

impl AuditLogService {
    /// The service over `context`.
    pub const fn new(context: Context) -> Self {
        Self { context }
    }

    /// A page of the log, for administrators.
    pub async fn list(&self, actor: &Actor, query: &Query<AuditFilter, AuditSort>) -> Result<Page<AuditEntry>> {
        actor.require(Scope::Admin)?;
        if let (Some(from), Some(to)) = (query.filter.date_from, query.filter.date_to)
            && to < from
        {
            return Err(Faults::one_semantic("date_to", "after_start", "must not lie before date_from"));
        }
        Ok(self.context.store.read().await?.api_audit_log().list(&query.filter, &query.page).await?)
    }

    /// Adds `entries`, and to each agent's run the number of requests that it made, in one transaction.
    ///
    /// A retryable error leaves nothing behind; so does every other, unless it came from the commit itself: then the rows
    /// may be there, and repeating the call meets their ids as a constraint.
    pub async fn record(&self, entries: &[AuditEntry], requests: &[(Id<AgentRun>, u64)]) -> Result<()> {
        if entries.is_empty() && requests.is_empty() {
            return Ok(());
        }
        let mut requests = requests.to_vec();
        // In one order everywhere, so that two replicas never wait for each other's rows.
        requests.sort_unstable();
        let mut tx = self.context.store.begin().await?;
        if !entries.is_empty() {
            tx.api_audit_log().add_batch(entries).await?;
        }
        if !requests.is_empty() {
            tx.agent_runs().add_requests(&requests).await?;
        }
        tx.commit().await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(at: &str) -> AuditEntry {
        AuditEntry {
            id: Uuid::nil(),
            at: Timestamp::parse(at).unwrap(),
            request_id: "r-1".into(),
            subject: Some("jo@example.com".into()),
            agent_type: None,
            parent_session: None,
            method: "GET".into(),
            route: Some("/api/v1/sessions/{id}".into()),
            path: "/api/v1/sessions/1".into(),
            status: 200,
            duration_micros: 5,
            client_ip: None,
            user_agent: None,
        }
    }

    #[test]
    fn both_days_of_a_range_count_whole() {
        let day = |text: &str| Some(text.parse::<NaiveDate>().unwrap());
        let filter = AuditFilter { date_from: day("2026-01-16"), date_to: day("2026-01-17"), ..AuditFilter::default() };
        for at in ["2026-01-16T00:00:00Z", "2026-01-17T23:59:59.999999Z"] {
            assert!(filter.admits(&entry(at)), "{at}");
        }
        for at in ["2026-01-15T23:59:59.999999Z", "2026-01-18T00:00:00Z"] {
            assert!(!filter.admits(&entry(at)), "{at}");
        }
    }

    #[test]
    fn conditions_combine_with_and() {
        let entry = entry("2026-01-16T00:00:00Z");
        let by_subject = AuditFilter { subject: Some("jo@example.com".into()), ..AuditFilter::default() };
        assert!(by_subject.admits(&entry));
        assert!(!AuditFilter { status: Some(404), ..by_subject.clone() }.admits(&entry));
        assert!(!AuditFilter { parent_session: Some(Uuid::nil()), ..by_subject }.admits(&entry));
    }

    #[test]
    fn a_day_outside_the_calendar_does_no_harm() {
        let filter =
            AuditFilter { date_from: Some(NaiveDate::MIN), date_to: Some(NaiveDate::MAX), ..AuditFilter::default() };
        assert!(filter.admits(&entry("2026-01-16T00:00:00Z")));
    }
}
