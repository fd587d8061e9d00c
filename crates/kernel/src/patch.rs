//! Partial updates and the conditions they may carry.

use crate::{Error, Result};

/// What a request says of one field that may be empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Patch<T> {
    /// The field was not named: it stays as it is.
    #[default]
    Keep,
    /// The field was given as `null`: it becomes empty.
    Clear,
    /// The field gets this value.
    Set(T),
}

impl<T> Patch<T> {
    /// Writes what the request says into `field`.
    pub fn apply(self, field: &mut Option<T>) {
        match self {
            Self::Keep => {}
            Self::Clear => *field = None,
            Self::Set(value) => *field = Some(value),
        }
    }

    /// Turns the value, if there is one, into another.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Patch<U> {
        match self {
            Self::Keep => Patch::Keep,
            Self::Clear => Patch::Clear,
            Self::Set(value) => Patch::Set(f(value)),
        }
    }

    /// Turns the value into another or drops it, as when it proved faulty and the fault has been noted.
    pub fn and_then<U>(self, f: impl FnOnce(T) -> Option<U>) -> Patch<U> {
        match self {
            Self::Keep => Patch::Keep,
            Self::Clear => Patch::Clear,
            Self::Set(value) => f(value).map_or(Patch::Keep, Patch::Set),
        }
    }

    /// The value that the request sets, if it sets one.
    pub const fn value(&self) -> Option<&T> {
        if let Self::Set(value) = self { Some(value) } else { None }
    }
}

impl<T> From<Option<T>> for Patch<T> {
    /// `None` keeps the field.
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Keep, Self::Set)
    }
}

/// Which revisions of a row a write may replace (`If-Match`, RFC 9110 section 13.1.1).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Expected {
    /// Any: the caller set no condition.
    #[default]
    Any,
    /// One of these.
    OneOf(Vec<i64>),
}

impl Expected {
    /// Refuses with [`Error::PreconditionFailed`] unless `current` is among the revisions expected.
    pub fn check(&self, current: i64) -> Result<()> {
        match self {
            Self::OneOf(revisions) if !revisions.contains(&current) => Err(Error::PreconditionFailed { current }),
            _ => Ok(()),
        }
    }
}
