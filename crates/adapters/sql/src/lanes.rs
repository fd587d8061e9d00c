//! The connections to a server, by the runtime that uses them.
//!
//! A connection is woken by the runtime it was opened on. Used on another one, each answer of the server wakes two threads, one
//! after the other, which takes longer than many a statement. So each runtime that asks has a pool of its own, as far as
//! the connections reach.

use std::sync::{Arc, PoisonError, RwLock};

use claudetools_kernel::StoreError;
use sea_orm::{DatabaseConnection, DbBackend};
use tokio::runtime::{Handle, Id};

use crate::{
    connect::{self, SqlOptions},
    failure::failure,
    pulse::Pulse,
};

/// What a lane needs, lest who holds one connection waits for another that nobody gives back.
const FEWEST: u32 = 2;

/// A pool of connections for each runtime that asks.
#[derive(Clone)]
pub(crate) struct Lanes {
    first: DatabaseConnection,
    others: Arc<[DatabaseConnection]>,
    /// The runtimes that have asked so far, in the order of the lanes.
    runtimes: Arc<RwLock<Vec<Id>>>,
}

impl Lanes {
    /// Connects once, and makes the pools of other runtimes than this one, which connect when they are first asked.
    pub(crate) async fn open(
        url: &str,
        engine: DbBackend,
        options: &SqlOptions,
        pulse: &Arc<Pulse>,
    ) -> Result<Self, StoreError> {
        let mut shares = shares(options.connections, options.runtimes).into_iter();
        let first = connect::server(url, engine, shares.next().unwrap_or(options.connections), options, pulse).await?;
        let mut others = Vec::new();
        for connections in shares {
            others.push(connect::later(url, engine, connections, options, pulse).await?);
        }
        let runtimes = Handle::try_current().map(|runtime| runtime.id()).into_iter().collect();
        Ok(Self { first, others: others.into(), runtimes: Arc::new(RwLock::new(runtimes)) })
    }

    /// The pool of the runtime that this is asked on. Those beyond the number that was told of share the first.
    pub(crate) fn here(&self) -> &DatabaseConnection {
        let Ok(runtime) = Handle::try_current() else { return &self.first };
        let lane = self.lane(runtime.id());
        lane.checked_sub(1).and_then(|other| self.others.get(other)).unwrap_or(&self.first)
    }

    fn lane(&self, runtime: Id) -> usize {
        let known = self.runtimes.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(lane) = known.iter().position(|known| *known == runtime) {
            return lane;
        }
        if known.len() > self.others.len() {
            return 0;
        }
        drop(known);
        let mut known = self.runtimes.write().unwrap_or_else(PoisonError::into_inner);
        // A runtime may have several threads, and one of the others may have come first.
        known.iter().position(|known| *known == runtime).unwrap_or_else(|| {
            known.push(runtime);
            known.len() - 1
        })
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
        // All of them, also when one does not close as it should.
        let mut closed = Ok(());
        for pool in self.all() {
            closed = closed.and(pool.close_by_ref().await);
        }
        closed.map_err(failure)
    }
}

/// How many connections each lane has, of so many for so many runtimes.
fn shares(connections: u32, runtimes: u32) -> Vec<u32> {
    let lanes = (connections / FEWEST).clamp(1, runtimes.max(1));
    (0..lanes).map(|lane| connections / lanes + u32::from(lane < connections % lanes)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_runtime_has_a_lane_whichever_of_its_threads_asks_and_the_rest_share_the_first() {
        let other = DatabaseConnection::default;
        let lanes = Lanes { first: other(), others: [other(), other()].into(), runtimes: Arc::default() };
        let runtimes = [(); 4].map(|()| tokio::runtime::Builder::new_current_thread().build().unwrap());
        let ask = || lanes.lane(Handle::current().id());
        let asked = [0, 1, 2, 3, 1, 0].map(|one: usize| runtimes[one].block_on(async { ask() }));
        assert_eq!(asked, [0, 1, 2, 0, 1, 0]);
        let aside = std::thread::scope(|scope| {
            let third = &runtimes[2];
            scope.spawn(move || third.handle().block_on(async { ask() })).join().unwrap()
        });
        assert_eq!(aside, 2);
    }

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
