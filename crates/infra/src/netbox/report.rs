//! What became of each object.

use std::collections::BTreeMap;

/// What became of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// A row was entered.
    Created,
    /// Its row was changed.
    Updated,
    /// Its row says the same already.
    Unchanged,
    /// It went into the row of another object.
    Merged,
    /// It was left out; a line says why.
    Skipped,
}

/// What was left out or made different, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The kind of object, as `NetBox` calls it.
    pub model: &'static str,
    /// Its number.
    pub pk: i64,
    /// What it is called.
    pub name: String,
    /// What was done, and why.
    pub reason: String,
}

/// How many objects of a kind met which fate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Rows entered.
    pub created: usize,
    /// Rows changed.
    pub updated: usize,
    /// Rows that say the same already.
    pub unchanged: usize,
    /// Objects that went into the row of another.
    pub merged: usize,
    /// Objects left out.
    pub skipped: usize,
}

impl Tally {
    /// How many objects there were.
    pub const fn seen(&self) -> usize {
        self.created + self.updated + self.unchanged + self.merged + self.skipped
    }
}

/// What became of everything in a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// By kind of object.
    pub tallies: BTreeMap<&'static str, Tally>,
    /// What was left out.
    pub skipped: Vec<Line>,
    /// What was taken, but not quite as it is there.
    pub adjusted: Vec<Line>,
    /// How many objects there are of each kind that is not taken over.
    pub others: BTreeMap<String, usize>,
}

impl Report {
    /// Counts an object.
    pub(super) fn count(&mut self, model: &'static str, fate: Fate) {
        let tally = self.tallies.entry(model).or_default();
        match fate {
            Fate::Created => tally.created += 1,
            Fate::Updated => tally.updated += 1,
            Fate::Unchanged => tally.unchanged += 1,
            Fate::Merged => tally.merged += 1,
            Fate::Skipped => tally.skipped += 1,
        }
    }

    /// Leaves an object out.
    pub(super) fn skip(&mut self, model: &'static str, pk: i64, name: &str, reason: &str) {
        self.count(model, Fate::Skipped);
        self.skipped.push(Line { model, pk, name: name.to_owned(), reason: reason.to_owned() });
    }

    /// Notes that an object was taken differently.
    pub(super) fn adjust(&mut self, model: &'static str, pk: i64, name: &str, reason: String) {
        self.adjusted.push(Line { model, pk, name: name.to_owned(), reason });
    }
}
