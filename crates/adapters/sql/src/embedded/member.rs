//! A transaction that shares its commit with others.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU8, Ordering},
        mpsc,
    },
    time::Duration,
};

use claudetools_kernel::StoreError;
use rusqlite::Connection;
use sea_orm::Statement;
use tokio::{sync::oneshot, time::timeout};

use super::{
    errand::{Errand, Reply, errand, received},
    writer::Message,
};

/// What a member wants of the thread that writes, while it is its turn.
pub(super) enum Order {
    /// Ask something.
    Run(Errand),
    /// Run the last statements and commit.
    Commit {
        last: Vec<Statement>,
        answer: oneshot::Sender<Result<(), StoreError>>,
    },
}

/// A member's turn, as the thread that writes sees it: what it wants, one order after the other. It ends when there is no more
/// to come.
pub(super) struct Turn {
    pub(super) orders: mpsc::Receiver<Order>,
    state: Arc<AtomicU8>,
}

const WAITS: u8 = 0;
const BEGUN: u8 = 1;
const GIVEN_UP: u8 = 2;

impl Turn {
    /// Notes that the turn has come; tells whether there is somebody left to have it.
    pub(super) fn begin(&self) -> bool {
        change(&self.state, BEGUN)
    }
}

/// Ends waiting in one of two ways; tells whether it was this one.
fn change(state: &AtomicU8, to: u8) -> bool {
    state.compare_exchange(WAITS, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
}

/// A transaction, to whoever has it. Its turn begins with the first question and lasts until the commit; dropped, it leaves
/// nothing behind.
pub(crate) struct Member {
    orders: mpsc::Sender<Order>,
    /// Until the first question.
    turn: Mutex<Option<Turn>>,
    state: Arc<AtomicU8>,
    writer: mpsc::Sender<Message>,
    /// How long to wait for the turn.
    patience: Duration,
}

impl Member {
    pub(super) fn new(writer: mpsc::Sender<Message>, patience: Duration) -> Self {
        let (orders, received) = mpsc::channel();
        let state = Arc::new(AtomicU8::new(WAITS));
        let turn = Turn { orders: received, state: Arc::clone(&state) };
        Self { orders, turn: Mutex::new(Some(turn)), state, writer, patience }
    }

    /// Asks `question` inside the transaction.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (errand, reply) = errand(question);
        self.order(Order::Run(errand), reply).await
    }

    /// Runs the last statements and waits until all is on disk.
    pub(crate) async fn commit(self, last: Vec<Statement>) -> Result<(), StoreError> {
        if last.is_empty() && self.turn.lock().unwrap_or_else(PoisonError::into_inner).is_some() {
            return Ok(());
        }
        let (answer, reply) = oneshot::channel();
        self.order(Order::Commit { last, answer }, reply).await
    }

    async fn order<T>(&self, order: Order, mut reply: Reply<T>) -> Result<T, StoreError> {
        if self.state.load(Ordering::Acquire) == GIVEN_UP {
            return Err(ended());
        }
        self.orders.send(order).map_err(|_| ended())?;
        let turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(turn) = turn {
            self.writer.send(Message::Turn(turn)).map_err(|_| ended())?;
        }
        if self.state.load(Ordering::Acquire) == BEGUN {
            return received(reply.await);
        }
        match timeout(self.patience, &mut reply).await {
            Ok(reply) => received(reply),
            Err(_) if change(&self.state, GIVEN_UP) => {
                Err(StoreError::Unavailable("the connection that writes is busy".to_owned()))
            }
            // The turn has come; from here on it takes as long as it takes.
            Err(_) => received(reply.await),
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        // Nobody needs to begin what has no owner any more.
        change(&self.state, GIVEN_UP);
    }
}

/// A transaction that the engine has rolled back, or whose database is closed.
fn ended() -> StoreError {
    StoreError::Unavailable("the transaction has ended".to_owned())
}
