//! The thread that begins and commits.
//!
//! A flush of the disk takes as long for one transaction as for many. So whatever waits shares one: the thread begins a
//! transaction and gives the connection to the first in line (`queue.rs`), who works inside a savepoint and passes it on to
//! the next. When nobody is left waiting, or the first has waited long enough, it comes back here and is committed; then
//! all are answered. Those who shared the last commit are likely to be back in a moment: while fewer are there than that, the
//! commit waits for them, no longer than a commit takes. When the commit fails nothing of any of them remains, and each is told so.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        mpsc::{self, Receiver},
    },
    thread,
    time::{Duration, Instant},
};

use claudetools_kernel::StoreError;
use rusqlite::Connection;
use tokio::sync::oneshot;

use super::{
    errand::{Errand, errand, received, run},
    failure::{by_commit, by_error},
    member::Member,
    open::Place,
    queue::{Desk, Lease, Queue, Waiting},
};
use crate::pool::PoolNumbers;

/// The longest that a commit waits for others to join it, however slow the disk is.
const LONGEST_HOLD: Duration = Duration::from_millis(2);

/// A deferred transaction that reads first cannot become a writer once another process has written.
fn begin() -> &'static str {
    let is_deferred = cfg!(feature = "mutant-deferred") && claudetools_coord::mutant::is_meant("deferred");
    if is_deferred { "BEGIN DEFERRED" } else { "BEGIN IMMEDIATE" }
}

/// What comes in.
pub(super) enum Message {
    /// Somebody is in line.
    Begin(Arc<Queue>),
    /// A transaction to commit.
    Commit(Desk, Arc<Queue>),
    /// Something to do outside every transaction.
    Alone(Errand),
    /// Close the connection, and say so.
    Close(oneshot::Sender<()>, Arc<Queue>),
}

/// The way to the thread, which ends with the last of these.
#[derive(Clone)]
pub(super) struct Writer(Arc<Queue>);

impl Writer {
    /// Starts the thread, and waits until it has its connection.
    pub(super) async fn start(place: Place) -> Result<Self, StoreError> {
        let (messages, inbox) = mpsc::channel();
        let queue = Arc::new(Queue::new(messages, place.patience()));
        let (opened, open) = oneshot::channel();
        let thread = thread::Builder::new().name("sqlite-writer".to_owned());
        let started = thread.spawn(move || match place.writer() {
            Ok(connection) => {
                let _ = opened.send(Ok(()));
                let (deferred, last) = (VecDeque::new(), (0, Duration::ZERO));
                Thread { connection: Some(connection), place, inbox, deferred, last }.serve();
            }
            Err(error) => drop(opened.send(Err(by_error(&error)))),
        });
        started.map_err(|error| StoreError::Unavailable(format!("no thread to write with: {error}")))?;
        received(open.await)?;
        Ok(Self(queue))
    }

    pub(super) fn begin(&self) -> Member {
        Member::new(Arc::clone(&self.0))
    }

    /// Does `work` outside every transaction.
    pub(super) async fn alone<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (errand, reply) = errand(work);
        self.0.tell(Message::Alone(errand));
        received(reply.await)
    }

    pub(super) fn numbers(&self) -> PoolNumbers {
        PoolNumbers { pool: "writer", open: 1, idle: u32::from(!self.0.is_busy()), limit: 1 }
    }

    pub(super) async fn close(&self) {
        let (closed, ended) = oneshot::channel();
        self.0.tell(Message::Close(closed, Arc::clone(&self.0)));
        let _ = ended.await;
    }
}

struct Thread {
    /// Away while somebody works with it.
    connection: Option<Connection>,
    place: Place,
    inbox: Receiver<Message>,
    /// What came in meanwhile.
    deferred: VecDeque<Message>,
    /// How many shared the last commit, and how long it took.
    last: (usize, Duration),
}

impl Thread {
    fn serve(mut self) {
        while let Some(message) = self.next() {
            match message {
                Message::Begin(queue) => self.begin(&queue),
                Message::Commit(desk, queue) => {
                    if let Some(desk) = self.hold(desk, &queue) {
                        self.commit(desk);
                        self.begin(&queue);
                    }
                }
                Message::Alone(errand) => {
                    if let Some(connection) = &self.connection {
                        run(errand, Ok(connection));
                    }
                }
                Message::Close(closed, queue) => {
                    queue.close();
                    // What does not close is closed by the end of the process; the log is whole either way.
                    drop(self.connection.take());
                    let _ = closed.send(());
                    return;
                }
            }
        }
    }

    /// What to do next. While the connection is away that is nothing but to take it back.
    fn next(&mut self) -> Option<Message> {
        if self.connection.is_some()
            && let Some(deferred) = self.deferred.pop_front()
        {
            return Some(deferred);
        }
        loop {
            match self.inbox.recv().ok()? {
                message @ Message::Commit(..) => return Some(message),
                message if self.connection.is_some() => return Some(message),
                other => self.deferred.push_back(other),
            }
        }
    }

    /// Begins a transaction for the next in line, if there is one.
    fn begin(&mut self, queue: &Arc<Queue>) {
        // What waits for the connection to itself comes before those who have not begun.
        if !self.deferred.is_empty() {
            self.deferred.push_back(Message::Begin(Arc::clone(queue)));
            return;
        }
        while let Some(connection) = self.connection.take() {
            let Some(next) = queue.next(true) else {
                self.connection = Some(connection);
                return;
            };
            let connection = self.tidied(connection);
            match execute(&connection, begin()) {
                Ok(()) => {
                    // If it has gone meanwhile the lease finds the next by itself.
                    drop(next.send(Ok(Lease::new(Desk::new(connection), Arc::clone(queue)))));
                }
                Err(error) => {
                    self.connection = Some(connection);
                    let _ = next.send(Err(by_error(&error)));
                }
            }
        }
    }

    /// Waits a little for those who shared the last commit. Somebody who comes meanwhile gets the connection; otherwise it is
    /// time to commit.
    fn hold(&self, mut desk: Desk, queue: &Arc<Queue>) -> Option<Desk> {
        let (members, took) = self.last;
        if desk.waiting.is_empty() || desk.waiting.len() >= members || !desk.has_room() {
            return Some(desk);
        }
        let until = *desk.held_until.get_or_insert_with(|| Instant::now() + took.min(LONGEST_HOLD));
        if !queue.has_next_by(until) {
            return Some(desk);
        }
        Arc::clone(queue).pass(desk);
        None
    }

    /// Commits and tells everybody.
    fn commit(&mut self, Desk { connection, waiting, .. }: Desk) {
        let begun = Instant::now();
        let outcome = if connection.is_autocommit() {
            Err(StoreError::Unavailable("the engine has rolled the transaction back".to_owned()))
        } else {
            // Without anybody's changes there is nothing to make durable.
            let end = if waiting.is_empty() { "ROLLBACK" } else { "COMMIT" };
            execute(&connection, end).map_err(|error| by_commit(&error))
        };
        self.last = (waiting.len(), begun.elapsed());
        self.connection = Some(self.tidied(connection));
        tell(waiting, &outcome);
    }

    /// The connection with nothing left of an earlier transaction: what was left open would swallow the next one, which would
    /// be answered as committed without being on disk.
    fn tidied(&self, connection: Connection) -> Connection {
        if connection.is_autocommit() || (execute(&connection, "ROLLBACK").is_ok() && connection.is_autocommit()) {
            return connection;
        }
        // A connection that cannot be cleared begins no transaction any more.
        self.place.writer().unwrap_or(connection)
    }
}

fn tell(waiting: Vec<Waiting>, outcome: &Result<(), StoreError>) {
    for waiting in waiting {
        let _ = waiting.send(match outcome {
            Ok(()) => Ok(()),
            Err(StoreError::Constraint(text)) => Err(StoreError::Constraint(text.clone())),
            Err(StoreError::Contention(text)) => Err(StoreError::Contention(text.clone())),
            Err(StoreError::Unavailable(text)) => Err(StoreError::Unavailable(text.clone())),
            Err(StoreError::Undecided(text)) => Err(StoreError::Undecided(text.clone())),
            Err(other) => Err(StoreError::Database(other.to_string())),
        });
    }
}

fn execute(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([]).map(drop)
}
