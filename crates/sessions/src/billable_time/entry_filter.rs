//! Entries of billable time as lists show them.

use chrono::NaiveDate;
use claudetools_kernel::{Detail, Direction, Id, Keyed, Result, SortField, SortKey, enumeration, text};
use uuid::Uuid;

use crate::{BillableTime, Client, Project, Session, session_filter::check_days};

enumeration! {
    /// What entries can be sorted by.
    pub enum BillableTimeSort {
        /// By the day that they count for.
        EntryDate = "entry_date",
        /// By technician, whatever the case.
        Technician = "technician",
        /// By creation.
        CreatedAt = "created_at",
        /// By last change.
        UpdatedAt = "updated_at",
    }
}

impl SortField for BillableTimeSort {
    const DEFAULT: (Self, Direction) = (Self::EntryDate, Direction::Descending);
}

/// An entry with the names of what it refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BillableTimeRow {
    /// The entry.
    pub entry: BillableTime,
    /// The client's name.
    pub client_name: String,
    /// The project's name.
    pub project_name: Option<String>,
    /// The same technician's other entries, and timers, whose time meets this one's; storage leaves it empty.
    pub overlaps: Vec<Uuid>,
}

impl Detail for BillableTimeRow {
    type Of = BillableTime;

    fn entity(&self) -> &BillableTime {
        &self.entry
    }
}

impl Keyed<BillableTimeSort> for BillableTimeRow {
    fn row_id(&self) -> Uuid {
        self.entry.id.uuid()
    }

    fn sort_key(&self, field: BillableTimeSort) -> SortKey {
        match field {
            BillableTimeSort::EntryDate => SortKey::Date(self.entry.entry_date),
            BillableTimeSort::Technician => SortKey::Text(self.entry.technician_key()),
            BillableTimeSort::CreatedAt => self.entry.created_at.into(),
            BillableTimeSort::UpdatedAt => self.entry.updated_at.into(),
        }
    }
}

/// Which entries to list or sum; conditions combine with AND.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "each field is described at BillableTime")]
pub struct BillableTimeFilter {
    pub client_id: Option<Id<Client>>,
    pub project_id: Option<Id<Project>>,
    pub session_id: Option<Id<Session>>,
    /// Substring of the technician.
    pub technician: Option<String>,
    /// The first day.
    pub date_from: Option<NaiveDate>,
    /// The last day.
    pub date_to: Option<NaiveDate>,
    pub is_billed: Option<bool>,
    pub is_billable: Option<bool>,
}

impl BillableTimeFilter {
    /// Refuses a range of days that ends before it begins.
    pub fn check(&self) -> Result<()> {
        check_days(self.date_from, self.date_to)
    }

    /// Whether `entry` is to be listed.
    pub fn admits(&self, entry: &BillableTime) -> bool {
        self.client_id.is_none_or(|wanted| wanted == entry.client_id)
            && self.project_id.is_none_or(|wanted| Some(wanted) == entry.project_id)
            && self.session_id.is_none_or(|wanted| Some(wanted) == entry.session_id)
            && self.technician.as_deref().is_none_or(|part| entry.technician_key().contains(&text::fold(part)))
            && self.date_from.is_none_or(|first| first <= entry.entry_date)
            && self.date_to.is_none_or(|last| entry.entry_date <= last)
            && self.is_billed.is_none_or(|wanted| wanted == entry.is_billed)
            && self.is_billable.is_none_or(|wanted| wanted == entry.is_billable)
    }
}
