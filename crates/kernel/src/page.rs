//! Lists: how much of them, from where, in which order.

use chrono::NaiveDate;
use uuid::Uuid;

use crate::{Enumeration, Timestamp};

/// Which way a list runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Smallest first.
    Ascending,
    /// Largest first.
    Descending,
}

/// A field that a resource can be sorted by. Only fields that are never empty: an order over empty values differs by engine.
pub trait SortField: Enumeration {
    /// The order when the request names none.
    const DEFAULT: (Self, Direction);

    /// What the field's values are. By the names the contract uses: instants end in `_at`, calendar days in `_date`,
    /// everything else is text. A resource that departs from that says so; the contract suites compare it with the rows.
    fn kind(self) -> SortKind {
        let name = self.as_str();
        if name.ends_with("_at") {
            SortKind::Integer
        } else if name.ends_with("_date") {
            SortKind::Date
        } else {
            SortKind::Text
        }
    }
}

/// What the values of a sort field are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortKind {
    /// [`SortKey::Text`]
    Text,
    /// [`SortKey::Integer`]
    Integer,
    /// [`SortKey::Date`]
    Date,
}

/// An order; ties are broken by id in the same direction, so that pages never overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sort<S> {
    /// The field.
    pub field: S,
    /// The direction, of the field and of the id behind it.
    pub direction: Direction,
}

impl<S: SortField> Default for Sort<S> {
    fn default() -> Self {
        let (field, direction) = S::DEFAULT;
        Self { field, direction }
    }
}

/// The value of a sort field, in the form in which it is stored and compared.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum SortKey {
    /// Text, compared byte by byte.
    Text(String),
    /// A whole number, or an instant in microseconds.
    Integer(i64),
    /// A calendar day.
    Date(NaiveDate),
}

impl SortKey {
    /// What this value is.
    pub const fn kind(&self) -> SortKind {
        match self {
            Self::Text(_) => SortKind::Text,
            Self::Integer(_) => SortKind::Integer,
            Self::Date(_) => SortKind::Date,
        }
    }
}

impl From<Timestamp> for SortKey {
    fn from(at: Timestamp) -> Self {
        Self::Integer(at.micros())
    }
}

/// A place in a list: behind the row with this key and id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The row's value of the sort field.
    pub key: SortKey,
    /// The row's id.
    pub id: Uuid,
}

/// Where a page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// After so many rows. Costs more the deeper it goes.
    Offset(u64),
    /// Behind a position, at constant cost.
    After(Position),
}

/// A page as the caller wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest<S> {
    /// At most so many rows.
    pub limit: u32,
    /// Where to begin.
    pub start: Start,
    /// The order.
    pub sort: Sort<S>,
    /// Whether to count all rows that the filter admits.
    pub with_total: bool,
}

impl<S: SortField> PageRequest<S> {
    /// The first `limit` rows in the default order, uncounted.
    pub fn first(limit: u32) -> Self {
        Self { limit, start: Start::Offset(0), sort: Sort::default(), with_total: false }
    }
}

/// A list as the caller wants it: which rows, and which page of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query<F, S> {
    /// Which rows to list.
    pub filter: F,
    /// Which of them, in which order.
    pub page: PageRequest<S>,
}

/// A row of a list that knows its place in it.
pub trait Keyed<S> {
    /// The row's id.
    fn row_id(&self) -> Uuid;
    /// The row's value of `field`, as stored.
    fn sort_key(&self, field: S) -> SortKey;

    /// The row's place in a list sorted by `field`.
    fn position(&self, field: S) -> Position {
        Position { key: self.sort_key(field), id: self.row_id() }
    }
}

/// A page of rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// How many rows the filter admits in all, if asked for.
    pub total: Option<u64>,
    /// Where the next page begins; `None` on the last.
    pub next: Option<Position>,
}

impl<T> Page<T> {
    /// Makes a page of up to `limit` of `rows`, of which one more than `limit` was fetched to learn whether a next page exists.
    pub fn from_rows<S: SortField>(mut rows: Vec<T>, request: &PageRequest<S>, total: Option<u64>) -> Self
    where
        T: Keyed<S>,
    {
        let limit = request.limit as usize;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = if more { rows.last().map(|row| row.position(request.sort.field)) } else { None };
        Self { items: rows, total, next }
    }

    /// Cuts the page out of all rows that the filter admits: the rule every storage must agree with, in plain code.
    pub fn cut<S: SortField>(mut rows: Vec<T>, request: &PageRequest<S>) -> Self
    where
        T: Keyed<S>,
    {
        let Sort { field, direction } = request.sort;
        let ordered = |a: &Position, b: &Position| match direction {
            Direction::Ascending => a.cmp(b),
            Direction::Descending => b.cmp(a),
        };
        rows.sort_by(|a, b| ordered(&a.position(field), &b.position(field)));
        let total = request.with_total.then_some(rows.len() as u64);
        let skipped = match &request.start {
            Start::Offset(offset) => usize::try_from(*offset).unwrap_or(usize::MAX),
            Start::After(place) => rows.partition_point(|row| ordered(&row.position(field), place).is_le()),
        };
        let rows = rows.into_iter().skip(skipped).take(request.limit as usize + 1).collect();
        Self::from_rows(rows, request, total)
    }

    /// The same page with every row turned into something else.
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(f).collect(), total: self.total, next: self.next }
    }
}
