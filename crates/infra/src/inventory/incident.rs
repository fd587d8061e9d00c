//! Security incidents, with the history of where they stood.

use std::collections::HashSet;

use async_trait::async_trait;
use chrono::NaiveDate;
use claudetools_kernel::{
    Actor, Direction, Error, Faults, Id, Patch, Result, SortField, SortKey, Timestamp, enumeration, text,
};
use uuid::Uuid;

use super::{
    Asset, Item, Items,
    item::entity,
    values::{refuse_unknown_client, replace},
};
use crate::ports::InfraTx;

enumeration! {
    /// What happened.
    pub enum IncidentType {
        /// Business e-mail compromise.
        Bec = "bec",
        /// A way in was left open on purpose.
        Backdoor = "backdoor",
        /// Harmful software.
        Malware = "malware",
        /// Somebody was where they must not be.
        UnauthorizedAccess = "unauthorized_access",
        /// Data got out.
        DataBreach = "data_breach",
        /// Somebody was lured.
        Phishing = "phishing",
        /// Data was taken hostage.
        Ransomware = "ransomware",
        /// Passwords were tried out.
        BruteForce = "brute_force",
    }
}

enumeration! {
    /// How bad it is.
    pub enum IncidentSeverity {
        /// Everything else waits.
        Critical = "critical",
        /// It hurts.
        High = "high",
        /// It could hurt.
        Medium = "medium",
        /// It is worth a note.
        Low = "low",
    }
}

enumeration! {
    /// How far it has come.
    pub enum IncidentStatus {
        /// Nobody knows yet how far it goes.
        Investigating = "investigating",
        /// It goes no further.
        Contained = "contained",
        /// It is over.
        Resolved = "resolved",
        /// It seems over, and is watched.
        Monitoring = "monitoring",
    }
}

enumeration! {
    /// What incidents can be sorted by.
    pub enum SecurityIncidentSort {
        /// By day.
        IncidentDate = "incident_date",
        /// By title, whatever its case.
        Title = "title",
        /// By creation.
        CreatedAt = "created_at",
        /// By last change.
        UpdatedAt = "updated_at",
    }
}

impl SortField for SecurityIncidentSort {
    const DEFAULT: (Self, Direction) = (Self::IncidentDate, Direction::Descending);
}

/// An incident. Its names: the client's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityIncident {
    /// Its id.
    pub id: Id<Self>,
    /// Whom it befell.
    pub client_id: Uuid,
    /// What it is, in one line.
    pub title: String,
    /// What happened.
    pub incident_type: Option<IncidentType>,
    /// How bad it is.
    pub severity: IncidentSeverity,
    /// How far it has come.
    pub status: IncidentStatus,
    /// The day it happened.
    pub incident_date: NaiveDate,
    /// What it is, at length.
    pub description: Option<String>,
    /// What was found out.
    pub findings: Option<String>,
    /// What was or is to be done.
    pub remediation_steps: Option<String>,
    /// Who was affected.
    pub affected_users: Vec<String>,
    /// Which assets of the client were affected.
    pub affected_infrastructure: Vec<Id<Asset>>,
    /// When it was over; empty unless it is resolved.
    pub resolved_at: Option<Timestamp>,
    /// Anything else.
    pub notes: Option<String>,
    /// When it was entered.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Counts its changes; the basis of `ETag`.
    pub revision: i64,
}

entity!(SecurityIncident, "security_incident");

/// What a request says of an incident.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "each field is described at SecurityIncident")]
pub struct SecurityIncidentFields {
    pub client_id: Option<Uuid>,
    pub title: Option<String>,
    pub incident_type: Patch<IncidentType>,
    pub severity: Option<IncidentSeverity>,
    pub status: Option<IncidentStatus>,
    pub incident_date: Option<NaiveDate>,
    pub description: Patch<String>,
    pub findings: Patch<String>,
    pub remediation_steps: Patch<String>,
    pub affected_users: Option<Vec<String>>,
    pub affected_infrastructure: Option<Vec<Id<Asset>>>,
    pub resolved_at: Patch<Timestamp>,
    pub notes: Patch<String>,
}

/// Which incidents to list; conditions combine with AND.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "each field is described at SecurityIncident")]
pub struct SecurityIncidentFilter {
    pub client_id: Option<Uuid>,
    pub severity: Option<IncidentSeverity>,
    pub status: Option<IncidentStatus>,
    /// Substring of [`SecurityIncident::search_key`].
    pub q: Option<String>,
}

/// A step in the history of an incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncidentMove {
    /// Where it stood before; empty when it was entered.
    pub from: Option<IncidentStatus>,
    /// Where it stood from then on.
    pub to: IncidentStatus,
    /// When.
    pub at: Timestamp,
    /// Who moved it.
    pub by: String,
}

/// The history of an incident.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IncidentDetail {
    /// The first move first.
    pub history: Vec<IncidentMove>,
}

impl SecurityIncident {
    /// What `q` searches: title, description, findings, steps, users, notes.
    pub fn search_key(&self) -> String {
        let own = [
            Some(self.title.as_str()),
            self.description.as_deref(),
            self.findings.as_deref(),
            self.remediation_steps.as_deref(),
            self.notes.as_deref(),
        ];
        text::search_key(own.into_iter().chain(self.affected_users.iter().map(|user| Some(user.as_str()))))
    }
}

#[async_trait]
impl Item for SecurityIncident {
    type Fields = SecurityIncidentFields;
    type Filter = SecurityIncidentFilter;
    type Sort = SecurityIncidentSort;
    type Extra = IncidentDetail;

    fn blank(id: Id<Self>, now: Timestamp) -> Self {
        Self {
            id,
            client_id: Uuid::nil(),
            title: String::new(),
            incident_type: None,
            severity: IncidentSeverity::Medium,
            status: IncidentStatus::Investigating,
            incident_date: now.date(),
            description: None,
            findings: None,
            remediation_steps: None,
            affected_users: Vec::new(),
            affected_infrastructure: Vec::new(),
            resolved_at: None,
            notes: None,
            created_at: now,
            updated_at: now,
            revision: 1,
        }
    }

    fn required(fields: &SecurityIncidentFields) -> Vec<(&'static str, bool)> {
        vec![
            ("client_id", fields.client_id.is_some()),
            ("title", fields.title.is_some()),
            ("incident_date", fields.incident_date.is_some()),
        ]
    }

    fn apply(&mut self, fields: SecurityIncidentFields, faults: &mut Faults) {
        replace(fields.client_id, &mut self.client_id);
        text::replace_line(faults, "title", fields.title, &mut self.title);
        fields.incident_type.apply(&mut self.incident_type);
        replace(fields.severity, &mut self.severity);
        replace(fields.status, &mut self.status);
        replace(fields.incident_date, &mut self.incident_date);
        text::optional_block(faults, "description", fields.description).apply(&mut self.description);
        text::optional_block(faults, "findings", fields.findings).apply(&mut self.findings);
        text::optional_block(faults, "remediation_steps", fields.remediation_steps).apply(&mut self.remediation_steps);
        text::replace_lines(faults, "affected_users", fields.affected_users, &mut self.affected_users);
        if let Some(ids) = fields.affected_infrastructure {
            if ids.len() > text::ENTRIES {
                let rule = format!("must have at most {} entries", text::ENTRIES);
                faults.schema("affected_infrastructure", "max_items", &rule);
            }
            let mut seen = HashSet::new();
            self.affected_infrastructure = ids.into_iter().filter(|id| seen.insert(*id)).collect();
        }
        if matches!(fields.resolved_at, Patch::Set(_)) && self.status != IncidentStatus::Resolved {
            faults.semantic("resolved_at", "status", "must be empty unless the status is resolved");
        }
        fields.resolved_at.apply(&mut self.resolved_at);
        if self.status != IncidentStatus::Resolved {
            self.resolved_at = None;
        }
        text::optional_block(faults, "notes", fields.notes).apply(&mut self.notes);
    }

    fn is_admitted(&self, filter: &SecurityIncidentFilter) -> bool {
        filter.client_id.is_none_or(|wanted| wanted == self.client_id)
            && filter.severity.is_none_or(|wanted| wanted == self.severity)
            && filter.status.is_none_or(|wanted| wanted == self.status)
            && filter.q.as_deref().is_none_or(|q| self.search_key().contains(&text::fold(q)))
    }

    fn sort_key(&self, field: SecurityIncidentSort) -> SortKey {
        match field {
            SecurityIncidentSort::IncidentDate => SortKey::Date(self.incident_date),
            SecurityIncidentSort::Title => SortKey::Text(text::fold(&self.title)),
            SecurityIncidentSort::CreatedAt => self.created_at.into(),
            SecurityIncidentSort::UpdatedAt => self.updated_at.into(),
        }
    }

    fn items(tx: &mut dyn InfraTx) -> &mut dyn Items<Self> {
        tx.security_incidents()
    }

    async fn settle(&mut self, tx: &mut dyn InfraTx, before: Option<&Self>) -> Result<()> {
        if self.status == IncidentStatus::Resolved && self.resolved_at.is_none() {
            self.resolved_at = Some(self.updated_at);
        }
        let moves = before.is_none_or(|before| before.client_id != self.client_id);
        if moves {
            refuse_unknown_client(tx, self.client_id).await?;
        }
        let affected = &self.affected_infrastructure;
        if affected.is_empty() || before.is_some_and(|b| !moves && b.affected_infrastructure == *affected) {
            return Ok(());
        }
        let found = tx.inventory().assets(affected).await?;
        for id in affected {
            match found.iter().find(|asset| asset.id == *id) {
                None => return Err(Error::not_found(*id)),
                Some(asset) if asset.client_id != self.client_id => {
                    let rule = "must name infrastructure of the client";
                    return Err(Faults::one_semantic("affected_infrastructure", "client", rule));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    async fn record(&self, tx: &mut dyn InfraTx, actor: &Actor, before: Option<&Self>) -> Result<()> {
        if before.map_or(!self.affected_infrastructure.is_empty(), |before| {
            before.affected_infrastructure != self.affected_infrastructure
        }) {
            tx.inventory().link(self.id, &self.affected_infrastructure).await?;
        }
        if before.is_none_or(|before| before.status != self.status) {
            let from = before.map(|before| before.status);
            let moved = IncidentMove { from, to: self.status, at: self.updated_at, by: actor.to_string() };
            tx.inventory().note_move(self, &moved).await?;
        }
        Ok(())
    }

    async fn extra(&self, tx: &mut dyn InfraTx, _: &Actor, _: Timestamp) -> Result<IncidentDetail> {
        Ok(IncidentDetail { history: tx.inventory().moves(self.id).await? })
    }
}
