//! The feed of events, as replayed from the storage.

use claudetools_kernel::{Result, Scope};

use crate::{Context, Event, Party};

/// The use cases of the feed. They need [`Scope::Read`]; what a replica does for all its listeners at once needs none.
#[derive(Debug, Clone)]
pub struct FeedService(Context);

/// What there is of the events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// The number of the oldest that is kept; of the next to come, when none is.
    pub oldest: i64,
    /// The number of the last; 0 before the first.
    pub last: i64,
}

/// Where a listener begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Behind the event `seen`; there is more up to the event `last`.
    Behind {
        /// The number of the last event that the listener has seen.
        seen: i64,
        /// The number of the last event that there is.
        last: i64,
    },
    /// The events that the listener asks for are gone, or never were. This one is the oldest that there is.
    Gone(i64),
}

impl Extent {
    /// Where a listener begins that has seen the events up to `seen`; with what happens next, when it names none.
    pub const fn place(self, seen: Option<i64>) -> Place {
        match seen {
            None => Place::Behind { seen: self.last, last: self.last },
            // A number that was not given yet is of another life of this database, which a backup has put an end to.
            Some(seen) if seen < self.oldest - 1 || seen > self.last => Place::Gone(self.oldest),
            Some(seen) => Place::Behind { seen, last: self.last },
        }
    }
}

impl FeedService {
    /// The use cases over this storage.
    pub const fn new(context: Context) -> Self {
        Self(context)
    }

    /// Where a caller begins to listen that has seen the events up to `seen`.
    pub async fn place(&self, party: &Party, seen: Option<i64>) -> Result<Place> {
        party.require(Scope::Read)?;
        Ok(self.extent().await?.place(seen))
    }

    /// What there is of the events.
    pub async fn extent(&self) -> Result<Extent> {
        let mut tx = self.0.store.read().await?;
        // The last first: whoever has seen an event has seen it before this call, and is not told that it never was.
        let last = tx.head().peek().await?.last_event;
        let oldest = tx.events().oldest().await?;
        Ok(Extent { oldest: oldest.unwrap_or(last + 1), last })
    }

    /// The first `limit` events behind number `seen`, in order.
    pub async fn after(&self, seen: i64, limit: u32) -> Result<Vec<Event>> {
        Ok(self.0.store.read().await?.events().after(seen, limit).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_seen_nothing_begins_with_what_happens_next() {
        assert_eq!(Extent { oldest: 5, last: 9 }.place(None), Place::Behind { seen: 9, last: 9 });
        assert_eq!(Extent { oldest: 1, last: 0 }.place(None), Place::Behind { seen: 0, last: 0 });
    }

    #[test]
    fn what_follows_must_still_be_there() {
        let extent = Extent { oldest: 5, last: 9 };
        for seen in [4, 7, 9] {
            assert_eq!(extent.place(Some(seen)), Place::Behind { seen, last: 9 });
        }
        for seen in [-1, 0, 3, 10] {
            assert_eq!(extent.place(Some(seen)), Place::Gone(5));
        }
        let pruned = Extent { oldest: 10, last: 9 };
        assert_eq!(
            (pruned.place(Some(9)), pruned.place(Some(8))),
            (Place::Behind { seen: 9, last: 9 }, Place::Gone(10))
        );
    }
}
