//! Who has the connection that writes, and who is next.

use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc},
    thread::{self, ThreadId},
    time::{Duration, Instant},
};

use claudetools_kernel::StoreError;
use rusqlite::Connection;
use tokio::sync::oneshot;

use super::{failure::by_error, writer::Message};

/// How many members share a commit at the most.
const MEMBERS: usize = 128;
/// How far into the line is looked for somebody on the same thread.
const NEIGHBOURS: usize = 64;
/// How long the first of them waits for those behind it.
const GATHERING: Duration = Duration::from_millis(10);

/// Whoever waits for the commit.
pub(super) type Waiting = oneshot::Sender<Result<(), StoreError>>;
/// Whoever waits for a turn.
type Next = oneshot::Sender<Result<Lease, StoreError>>;

/// A place in the line.
struct InLine {
    next: Next,
    /// Where its task runs.
    thread: ThreadId,
}

/// Those who want to write, in the order in which they came.
pub(super) struct Queue {
    line: Mutex<Line>,
    /// Told of everybody who gets in line.
    arrivals: Condvar,
    /// To the thread that begins and commits.
    thread: mpsc::Sender<Message>,
    patience: Duration,
}

#[derive(Default)]
struct Line {
    next: VecDeque<InLine>,
    /// Whether the thread waits for somebody to come.
    is_held: bool,
    /// Whether the thread knows that there is something to do.
    is_busy: bool,
    /// Whether the thread has ended.
    is_closed: bool,
}

impl Queue {
    pub(super) fn new(thread: mpsc::Sender<Message>, patience: Duration) -> Self {
        Self { line: Mutex::default(), arrivals: Condvar::new(), thread, patience }
    }

    /// How long to wait for a turn.
    pub(super) const fn patience(&self) -> Duration {
        self.patience
    }

    /// Whether somebody has the connection, or is about to.
    pub(super) fn is_busy(&self) -> bool {
        self.line().is_busy
    }

    /// Tells the thread something; without a thread it is dropped, and whoever waits for an answer learns of it.
    pub(super) fn tell(&self, message: Message) {
        let _ = self.thread.send(message);
    }

    /// Sends everybody away, for good.
    pub(super) fn close(&self) {
        let mut line = self.line();
        line.is_closed = true;
        let next = std::mem::take(&mut line.next);
        drop(line);
        drop(next);
    }

    /// Gets in line for a turn.
    pub(super) fn line_up(self: &Arc<Self>) -> oneshot::Receiver<Result<Lease, StoreError>> {
        let (next, turn) = oneshot::channel();
        let mut line = self.line();
        if line.is_closed {
            // Without its sender the turn is known never to come.
            return turn;
        }
        line.next.push_back(InLine { next, thread: thread::current().id() });
        let was_busy = std::mem::replace(&mut line.is_busy, true);
        let is_held = line.is_held;
        drop(line);
        if is_held {
            // To notify nobody is a system call as well.
            self.arrivals.notify_one();
        }
        if !was_busy {
            self.tell(Message::Begin(Arc::clone(self)));
        }
        turn
    }

    /// The first in line that is still there, but rather one on this thread: it need not be woken. All of those in line work before
    /// the commit, if there is room. Without one the queue is idle from here on if `or_rest`.
    pub(super) fn next(&self, or_rest: bool) -> Option<Next> {
        let here = thread::current().id();
        let mut line = self.line();
        loop {
            let neighbour = line.next.iter().take(NEIGHBOURS).position(|waits| waits.thread == here);
            let Some(InLine { next, .. }) = line.next.remove(neighbour.unwrap_or(0)) else { break };
            if !next.is_closed() {
                return Some(next);
            }
        }
        line.is_busy = !or_rest;
        None
    }

    /// Waits until somebody is in line, but not beyond `until`; tells whether somebody is.
    pub(super) fn has_next_by(&self, until: Instant) -> bool {
        let mut line = self.line();
        line.is_held = true;
        let left = until.saturating_duration_since(Instant::now());
        let waited = self.arrivals.wait_timeout_while(line, left, |line| line.next.is_empty() && !line.is_closed);
        let (mut line, _) = waited.unwrap_or_else(PoisonError::into_inner);
        line.is_held = false;
        !line.next.is_empty()
    }

    /// Gives the next in line its turn; when it is time to commit, or nobody waits, the connection goes to the thread.
    pub(super) fn pass(self: Arc<Self>, mut desk: Desk) {
        while desk.has_room()
            && let Some(next) = self.next(false)
        {
            match next.send(Ok(Lease::new(desk, Arc::clone(&self)))) {
                Err(Ok(lease)) => match lease.into_desk() {
                    Some(back) => desk = back,
                    None => return,
                },
                _ => return,
            }
        }
        let message = Message::Commit(desk, Arc::clone(&self));
        self.tell(message);
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The connection with an open transaction, and those whose changes are in it.
pub(super) struct Desk {
    pub(super) connection: Connection,
    pub(super) waiting: Vec<Waiting>,
    since: Instant,
    /// Until when its commit waits for others to join, once that is decided.
    pub(super) held_until: Option<Instant>,
}

impl Desk {
    /// Of a transaction that has just begun.
    pub(super) fn new(connection: Connection) -> Self {
        Self { connection, waiting: Vec::new(), since: Instant::now(), held_until: None }
    }

    pub(super) fn has_room(&self) -> bool {
        !self.connection.is_autocommit() && self.waiting.len() < MEMBERS && self.since.elapsed() < GATHERING
    }

    fn run(&self, sql: &str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.execute([]).map(drop)
    }
}

/// The connection while it is a member's turn. Dropped, it undoes what the member did and gives the next one its turn.
pub(super) struct Lease {
    /// There until the end of the turn.
    desk: Option<Desk>,
    has_begun: bool,
    queue: Arc<Queue>,
}

impl Lease {
    pub(super) const fn new(desk: Desk, queue: Arc<Queue>) -> Self {
        Self { desk: Some(desk), has_begun: false, queue }
    }

    /// Begins the member's part of the transaction.
    pub(super) fn begin(mut self) -> Result<Self, StoreError> {
        self.run("SAVEPOINT member")?;
        self.has_begun = true;
        Ok(self)
    }

    /// Asks within the member's part.
    pub(super) fn ask<T>(&self, question: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.desk.as_ref().map_or_else(|| Err(ended()), |desk| question(&desk.connection))
    }

    /// Whether the engine has rolled everything back, as it may when the disk is full.
    pub(super) fn is_broken(&self) -> bool {
        self.desk.as_ref().is_none_or(|desk| desk.connection.is_autocommit())
    }

    /// Ends the turn with what the member did. The commit is told over what this returns.
    pub(super) fn keep(mut self) -> Result<oneshot::Receiver<Result<(), StoreError>>, StoreError> {
        self.run("RELEASE member")?;
        self.has_begun = false;
        let (waiting, committed) = oneshot::channel();
        if let Some(mut desk) = self.desk.take() {
            desk.waiting.push(waiting);
            Arc::clone(&self.queue).pass(desk);
        }
        Ok(committed)
    }

    fn into_desk(mut self) -> Option<Desk> {
        self.desk.take()
    }

    fn run(&self, sql: &str) -> Result<(), StoreError> {
        self.desk.as_ref().map_or_else(|| Err(ended()), |desk| desk.run(sql).map_err(|error| by_error(&error)))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(desk) = self.desk.take() else { return };
        if self.has_begun {
            let undone = desk.run("ROLLBACK TO member").and_then(|()| desk.run("RELEASE member"));
            if undone.is_err() && !desk.connection.is_autocommit() {
                // If it cannot be taken back alone, then with all others, who are told so.
                let _ = desk.run("ROLLBACK");
            }
        }
        Arc::clone(&self.queue).pass(desk);
    }
}

/// A transaction that the engine has rolled back, or whose database is closed.
pub(super) fn ended() -> StoreError {
    StoreError::Unavailable("the transaction has ended".to_owned())
}
