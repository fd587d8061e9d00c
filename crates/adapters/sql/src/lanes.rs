//! The connections to a server, by the thread that uses them.
//!
//! A connection is woken by the thread it was opened on. Used by another one, each answer of the server wakes two threads, one
//! after the other, which takes longer than many a statement. So each thread that asks has a pool of its own, as far as
//! the connections reach.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use claudetools_kernel::StoreError;
use sea_orm::{DatabaseConnection, DbBackend};

use crate::{
    connect::{self, SqlOptions},
    failure::failure,
    pulse::Pulse,
};

/// What a lane needs, lest who holds one connection waits for another that nobody gives back.
const FEWEST: u32 = 2;

/// How many threads have asked for a lane so far.
static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// Which of them this one is.
    static THREAD: usize = THREADS.fetch_add(1, Ordering::Relaxed);
}

/// A pool of connections for each thread that asks.
#[derive(Clone)]
pub(crate) struct Lanes {
    first: DatabaseConnection,
    others: Arc<[DatabaseConnection]>,
}

impl Lanes {
    /// Connects once, and makes the pools of the other threads, which connect when they are first asked.
    pub(crate) async fn open(
        url: &str,
        engine: DbBackend,
        options: &SqlOptions,
        pulse: &Arc<Pulse>,
    ) -> Result<Self, StoreError> {
        let mut shares = shares(options.connections, options.threads).into_iter();
        let first = connect::server(url, engine, shares.next().unwrap_or(options.connections), options, pulse).await?;
        let mut others = Vec::new();
        for connections in shares {
            others.push(connect::later(url, engine, connections, options, pulse).await?);
        }
        Ok(Self { first, others: others.into() })
    }

    /// The pool of this thread. Threads beyond those that were told of share theirs.
    pub(crate) fn here(&self) -> &DatabaseConnection {
        let lane = THREAD.with(|thread| thread % (self.others.len() + 1));
        lane.checked_sub(1).and_then(|other| self.others.get(other)).unwrap_or(&self.first)
    }

    /// All pools.
    pub(crate) fn all(&self) -> impl Iterator<Item = &DatabaseConnection> {
        std::iter::once(&self.first).chain(&*self.others)
    }

    /// The engine behind them.
    pub(crate) fn engine(&self) -> DbBackend {
        self.first.get_database_backend()
    }

    /// Waits for what is under way and closes every connection.
    pub(crate) async fn close(self) -> Result<(), StoreError> {
        for pool in self.all() {
            pool.close_by_ref().await.map_err(failure)?;
        }
        Ok(())
    }
}

/// How many connections each lane has, of so many for so many threads.
fn shares(connections: u32, threads: u32) -> Vec<u32> {
    let lanes = (connections / FEWEST).clamp(1, threads.max(1));
    (0..lanes).map(|lane| connections / lanes + u32::from(lane < connections % lanes)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_dealt_out_evenly_with_no_lane_of_one() {
        assert_eq!(shares(16, 3), [6, 5, 5]);
        assert_eq!(shares(8, 3), [3, 3, 2]);
        assert_eq!(shares(16, 1), [16]);
        assert_eq!(shares(16, 0), [16]);
        assert_eq!(shares(1, 3), [1]);
        assert_eq!(shares(3, 3), [3]);
        assert_eq!(shares(5, 64), [3, 2]);
    }
}
