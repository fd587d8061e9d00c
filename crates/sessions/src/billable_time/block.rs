//! Blocks of hours that a client has paid for before they are worked.

use chrono::NaiveDate;
use claudetools_kernel::{
    Detail, Direction, Entity, Faults, Hours, Id, Keyed, Patch, Result, SortField, SortKey, SortKind, Timestamp,
    enumeration, text,
};
use uuid::Uuid;

use super::BlockBalance;
use crate::Client;

enumeration! {
    /// What blocks can be sorted by.
    pub enum TimeBlockSort {
        /// By the first day.
        From = "from",
        /// By creation.
        CreatedAt = "created_at",
        /// By last change.
        UpdatedAt = "updated_at",
    }
}

impl SortField for TimeBlockSort {
    const DEFAULT: (Self, Direction) = (Self::From, Direction::Ascending);

    fn kind(self) -> SortKind {
        if self == Self::From { SortKind::Date } else { SortKind::Integer }
    }
}

/// A block of hours paid for before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeBlock {
    /// Its id.
    pub id: Id<Self>,
    /// Whose it is.
    pub client_id: Id<Client>,
    /// How much was paid for.
    pub hours: Hours,
    /// The first day that it can be drawn on.
    pub from: NaiveDate,
    /// The last one; without it the block lasts until it is used up.
    pub until: Option<NaiveDate>,
    /// Whether what is left after the last day goes to the client's next block, instead of being lost.
    pub rollover: bool,
    /// Anything else.
    pub notes: Option<String>,
    /// When it was entered.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Counts its changes; the basis of `ETag`.
    pub revision: i64,
}

impl Entity for TimeBlock {
    const TYPE: &'static str = "time_block";

    fn id(&self) -> Id<Self> {
        self.id
    }

    fn revision(&self) -> i64 {
        self.revision
    }
}

/// What a request says of a block: everything a create needs, or the part that an update changes.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "each field is described at TimeBlock")]
pub struct TimeBlockFields {
    pub client_id: Option<Id<Client>>,
    pub hours: Option<Hours>,
    pub from: Option<NaiveDate>,
    pub until: Patch<NaiveDate>,
    pub rollover: Option<bool>,
    pub notes: Patch<String>,
}

impl TimeBlock {
    /// A new block; refused with every fault of `fields` at once.
    pub fn new(id: Id<Self>, fields: TimeBlockFields, now: Timestamp) -> Result<Self> {
        let mut faults = Faults::default();
        faults.require_all(&[
            ("client_id", fields.client_id.is_some()),
            ("hours", fields.hours.is_some()),
            ("from", fields.from.is_some()),
        ]);
        let block = Self {
            id,
            client_id: fields.client_id.unwrap_or(Id::new(Uuid::nil())),
            hours: Hours::default(),
            from: NaiveDate::default(),
            until: None,
            rollover: false,
            notes: None,
            created_at: now,
            updated_at: now,
            revision: 1,
        };
        block.apply(fields, faults)
    }

    /// The block with `fields` changed; refused with every fault at once. It stays its client's.
    pub fn change(mut self, fields: TimeBlockFields, now: Timestamp) -> Result<Self> {
        let mut faults = Faults::default();
        if fields.client_id.is_some_and(|client| client != self.client_id) {
            faults.semantic("client_id", "fixed", "cannot be changed; enter another block");
        }
        self.updated_at = now;
        self.revision += 1;
        self.apply(fields, faults)
    }

    fn apply(mut self, fields: TimeBlockFields, mut faults: Faults) -> Result<Self> {
        self.hours = fields.hours.unwrap_or(self.hours);
        if fields.hours.is_some_and(|hours| hours.hundredths() == 0) {
            faults.semantic("hours", "minimum", "must be more than 0");
        }
        self.from = fields.from.unwrap_or(self.from);
        fields.until.apply(&mut self.until);
        if self.until.is_some_and(|until| until < self.from) {
            faults.semantic("until", "after_from", "must not be before from");
        }
        self.rollover = fields.rollover.unwrap_or(self.rollover);
        text::optional_block(&mut faults, "notes", fields.notes).apply(&mut self.notes);
        faults.finish()?;
        Ok(self)
    }
}

/// A block with its client's name and what is left of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeBlockRow {
    /// The block.
    pub block: TimeBlock,
    /// The client's name.
    pub client_name: String,
    /// What has become of it; storage leaves it at nothing.
    pub balance: BlockBalance,
}

impl Detail for TimeBlockRow {
    type Of = TimeBlock;

    fn entity(&self) -> &TimeBlock {
        &self.block
    }
}

impl Keyed<TimeBlockSort> for TimeBlockRow {
    fn row_id(&self) -> Uuid {
        self.block.id.uuid()
    }

    fn sort_key(&self, field: TimeBlockSort) -> SortKey {
        match field {
            TimeBlockSort::From => SortKey::Date(self.block.from),
            TimeBlockSort::CreatedAt => self.block.created_at.into(),
            TimeBlockSort::UpdatedAt => self.block.updated_at.into(),
        }
    }
}

/// Which blocks to list; conditions combine with AND.
#[derive(Debug, Clone, Default)]
pub struct TimeBlockFilter {
    /// Those of a client.
    pub client_id: Option<Id<Client>>,
    /// Those that can be drawn on on this day.
    pub on: Option<NaiveDate>,
}

impl TimeBlockFilter {
    /// Whether `block` is to be listed.
    pub fn admits(&self, block: &TimeBlock) -> bool {
        self.client_id.is_none_or(|wanted| wanted == block.client_id)
            && self.on.is_none_or(|day| block.from <= day && block.until.is_none_or(|until| day <= until))
    }
}
