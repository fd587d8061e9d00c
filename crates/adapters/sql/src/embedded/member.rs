//! A transaction that shares its commit with others.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use claudetools_kernel::StoreError;
use rusqlite::Connection;
use sea_orm::Statement;
use tokio::time::timeout;

use super::{
    queue::{Lease, Queue, ended},
    statement,
};

/// A transaction, to whoever has it. Its turn begins with the first question and lasts until the commit; dropped, it leaves
/// nothing behind.
///
/// While it is its turn it has the connection to itself, and asks where it runs: a statement takes microseconds, and to send
/// it to another thread would take longer. What waits, for the disk or for another process, is left to the thread that
/// commits.
pub(crate) struct Member {
    queue: Arc<Queue>,
    state: Mutex<State>,
}

enum State {
    /// Nothing was asked yet.
    New,
    /// It is its turn.
    Works(Lease),
    Ended,
}

impl Member {
    pub(super) const fn new(queue: Arc<Queue>) -> Self {
        Self { queue, state: Mutex::new(State::New) }
    }

    /// Asks `question` inside the transaction.
    pub(crate) async fn ask<T>(
        &self,
        question: impl FnOnce(&Connection) -> Result<T, StoreError> + Send,
    ) -> Result<T, StoreError> {
        self.have_turn().await?;
        let mut state = self.state();
        let State::Works(lease) = &*state else { return Err(ended()) };
        let answer = lease.ask(question);
        if lease.is_broken() {
            *state = State::Ended;
        }
        answer
    }

    /// Runs the last statements and waits until all is on disk.
    pub(crate) async fn commit(self, last: Vec<Statement>) -> Result<(), StoreError> {
        if last.is_empty() && matches!(*self.state(), State::New) {
            return Ok(());
        }
        self.have_turn().await?;
        let State::Works(lease) = std::mem::replace(&mut *self.state(), State::Ended) else { return Err(ended()) };
        for last in last {
            // On an error the lease is dropped, and nothing remains.
            lease.ask(|connection| statement::execute(connection, &last))?;
        }
        let committed = lease.keep()?;
        committed.await.unwrap_or_else(|_| Err(ended()))
    }

    /// Waits for the turn, if it has not come.
    async fn have_turn(&self) -> Result<(), StoreError> {
        if !matches!(*self.state(), State::New) {
            return Ok(());
        }
        let turn = self.queue.line_up();
        let turn = match timeout(self.queue.patience(), turn).await {
            Ok(Ok(turn)) => turn.and_then(Lease::begin),
            Ok(Err(_)) => Err(ended()),
            Err(_) => Err(StoreError::Unavailable("the connection that writes is busy".to_owned())),
        };
        let (state, outcome) = match turn {
            Ok(lease) => (State::Works(lease), Ok(())),
            Err(error) => (State::Ended, Err(error)),
        };
        *self.state() = state;
        outcome
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
