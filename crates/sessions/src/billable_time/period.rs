//! Periods that are closed: what was billed up to a day can no longer be changed.

use chrono::NaiveDate;
use claudetools_kernel::{
    Direction, Entity, Error, Faults, Id, Keyed, Result, SortField, SortKey, SortKind, Timestamp, enumeration,
};
use uuid::Uuid;

use crate::Client;

enumeration! {
    /// What closings can be sorted by.
    pub enum ClosingSort {
        /// By when it was closed.
        ClosedAt = "closed_at",
        /// By the last day closed.
        Through = "through",
    }
}

impl SortField for ClosingSort {
    const DEFAULT: (Self, Direction) = (Self::ClosedAt, Direction::Descending);

    fn kind(self) -> SortKind {
        if self == Self::Through { SortKind::Date } else { SortKind::Integer }
    }
}

/// The closing of a period, and its reopening: the record of both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closing {
    /// Its id.
    pub id: Id<Self>,
    /// Whose period it is; of everybody's without a client.
    pub client_id: Option<Id<Client>>,
    /// The last day closed.
    pub through: NaiveDate,
    /// When it was closed.
    pub closed_at: Timestamp,
    /// By whom.
    pub closed_by: String,
    /// When it was opened again.
    pub reopened_at: Option<Timestamp>,
    /// By whom.
    pub reopened_by: Option<String>,
    /// Counts its changes.
    pub revision: i64,
}

impl Entity for Closing {
    const TYPE: &'static str = "closing";

    fn id(&self) -> Id<Self> {
        self.id
    }

    fn revision(&self) -> i64 {
        self.revision
    }
}

impl Keyed<ClosingSort> for Closing {
    fn row_id(&self) -> Uuid {
        self.id.uuid()
    }

    fn sort_key(&self, field: ClosingSort) -> SortKey {
        match field {
            ClosingSort::ClosedAt => self.closed_at.into(),
            ClosingSort::Through => SortKey::Date(self.through),
        }
    }
}

/// A period to close.
#[derive(Debug, Clone, Default)]
pub struct CloseFields {
    /// Whose; everybody's unless given.
    pub client_id: Option<Id<Client>>,
    /// The last day to close.
    pub through: Option<NaiveDate>,
}

/// A period to open again.
#[derive(Debug, Clone, Default)]
pub struct ReopenFields {
    /// Whose; everybody's unless given.
    pub client_id: Option<Id<Client>>,
    /// The last day of the first period to open; all that are closed unless given.
    pub through: Option<NaiveDate>,
}

/// How far a client's, or everybody's, time is closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeriodState {
    /// Whose; everybody's without a client.
    pub client_id: Option<Id<Client>>,
    /// The last day that is still closed.
    pub closed_through: Option<NaiveDate>,
    /// The closings that were made or undone.
    pub closings: Vec<Closing>,
}

/// Which closings to list; conditions combine with AND.
#[derive(Debug, Clone, Default)]
pub struct ClosingFilter {
    /// Those that name this client.
    pub client_id: Option<Id<Client>>,
    /// Whether they hold, or were undone.
    pub is_closed: Option<bool>,
}

impl ClosingFilter {
    /// Whether `closing` is to be listed.
    pub fn admits(&self, closing: &Closing) -> bool {
        self.client_id.is_none_or(|wanted| Some(wanted) == closing.client_id)
            && self.is_closed.is_none_or(|wanted| wanted == closing.reopened_at.is_none())
    }
}

impl Closing {
    /// A new closing; refused unless it names a day.
    pub fn new(id: Id<Self>, fields: &CloseFields, by: &str, now: Timestamp) -> Result<Self> {
        let through = fields.through.ok_or_else(|| Faults::one("through", "required", "is required"))?;
        let (client_id, closed_by) = (fields.client_id, by.to_owned());
        Ok(Self {
            id,
            client_id,
            through,
            closed_at: now,
            closed_by,
            reopened_at: None,
            reopened_by: None,
            revision: 1,
        })
    }

    /// The closing, undone.
    #[must_use]
    pub fn reopened(mut self, by: &str, now: Timestamp) -> Self {
        self.reopened_at = Some(now);
        self.reopened_by = Some(by.to_owned());
        self.revision += 1;
        self
    }
}

/// Refuses with [`Error::Conflict`] what is to be done on `day` when the time up to `closed_through` is closed.
pub(crate) fn refuse_closed(closed_through: Option<NaiveDate>, day: NaiveDate) -> Result<()> {
    match closed_through {
        Some(last) if day <= last => Err(Error::Conflict(format!(
            "the period through {last} is closed, and {day} lies in it; an administrator can reopen it"
        ))),
        _ => Ok(()),
    }
}
