//! A table in a transaction: what calls may meet is loaded under the locked head, what they changed is written.

use std::collections::BTreeSet;

use claudetools_kernel::{Id, Stored};

use crate::{Changes, Head, Lock, ResourcePath, Rules, Table, ports::CoordTx};

/// How many locks a round of the reaper ends at most.
pub(crate) const REAPED: u32 = 500;

/// What the calls of a batch may meet.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reach {
    /// Locks on these paths, above and below them.
    pub(crate) paths: BTreeSet<ResourcePath>,
    /// Locks with these ids.
    pub(crate) ids: BTreeSet<Id<Lock>>,
    /// The live locks of a session.
    pub(crate) session_id: Option<String>,
    /// Fences on these paths, above and below them.
    pub(crate) fences: BTreeSet<ResourcePath>,
    /// Locks whose time has run out.
    pub(crate) due: bool,
}

impl Reach {
    /// The live locks of a session.
    pub(crate) fn of_session(session_id: &str) -> Self {
        Self { session_id: Some(session_id.to_owned()), ..Self::default() }
    }

    /// One lock.
    pub(crate) fn of_lock(id: Id<Lock>) -> Self {
        Self { ids: BTreeSet::from([id]), ..Self::default() }
    }
}

/// Locks the head and loads the table.
pub(crate) async fn open(tx: &mut dyn CoordTx, reach: Reach) -> Stored<Table> {
    let head = tx.head().lock().await?;
    load(tx, head, reach).await
}

/// Loads the table under the locked head. Whoever stands in line is loaded with what it waits for.
pub(crate) async fn load(tx: &mut dyn CoordTx, head: Head, reach: Reach) -> Stored<Table> {
    let Reach { mut paths, ids, session_id, fences, due } = reach;
    let mut table = Table::new(head, Rules::default());
    let waiters = if head.waiting > 0 { tx.locks().waiters().await? } else { Vec::new() };
    paths.extend(waiters.iter().flat_map(|waiter| waiter.resources.iter().cloned()));
    let mut locks = Vec::new();
    if due {
        locks.extend(tx.locks().due(head.now, REAPED).await?);
    }
    if !paths.is_empty() {
        locks.extend(tx.locks().meeting(&Vec::from_iter(paths)).await?);
    }
    if !ids.is_empty() {
        locks.extend(tx.locks().by_ids(&Vec::from_iter(ids)).await?);
    }
    if let Some(session_id) = session_id {
        locks.extend(tx.locks().of_session(&session_id).await?);
    }
    let fences = if fences.is_empty() { Vec::new() } else { tx.locks().fences(&Vec::from_iter(fences)).await? };
    table.load(locks, waiters, fences);
    Ok(table)
}

/// Writes what the table says, the head with it, if there is anything to write; tells what that was.
pub(crate) async fn write(tx: &mut dyn CoordTx, table: &mut Table) -> Stored<Changes> {
    let changes = table.changes();
    if !changes.is_empty() {
        tx.locks().write(&changes).await?;
        tx.events().append(&changes.events).await?;
        tx.head().save(&table.head).await?;
    }
    Ok(changes)
}
