//! The thread that writes.
//!
//! A flush of the disk takes as long for one transaction as for many. So whatever waits shares one: the thread begins a
//! transaction, gives each member its turn inside a savepoint of its own, one after the other in the order in which they
//! came, and commits when nobody is left waiting, or when the first has waited long enough. Members are answered after the
//! commit. When it fails nothing of any of them remains, and each is told so.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
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
    failure::by_error,
    member::{Member, Order, Turn},
    open::Place,
    statement,
};
use crate::pool::PoolNumbers;

/// How many members share a commit at the most.
const MEMBERS: usize = 128;
/// How long the first of them waits for those behind it.
const GATHERING: Duration = Duration::from_millis(10);

/// What comes in.
pub(super) enum Message {
    /// A transaction that wants its turn.
    Turn(Turn),
    /// Something to do outside every transaction.
    Alone(Errand),
    /// Close the connection, and say so.
    Close(oneshot::Sender<()>),
}

/// The way to the thread, which ends with the last of these.
#[derive(Clone)]
pub(super) struct Writer {
    messages: mpsc::Sender<Message>,
    is_busy: Arc<AtomicBool>,
}

/// Whoever waits for the commit.
type Waiting = oneshot::Sender<Result<(), StoreError>>;

impl Writer {
    /// Starts the thread, and waits until it has its connection.
    pub(super) async fn start(place: Place) -> Result<Self, StoreError> {
        let (messages, inbox) = mpsc::channel();
        let (opened, open) = oneshot::channel();
        let is_busy = Arc::new(AtomicBool::new(false));
        let busy = Arc::clone(&is_busy);
        let thread = thread::Builder::new().name("sqlite-writer".to_owned());
        let started = thread.spawn(move || match place.writer() {
            Ok(connection) => {
                let _ = opened.send(Ok(()));
                Thread { connection, place, inbox, is_busy: busy }.serve();
            }
            Err(error) => drop(opened.send(Err(by_error(&error)))),
        });
        started.map_err(|error| StoreError::Unavailable(format!("no thread to write with: {error}")))?;
        received(open.await)?;
        Ok(Self { messages, is_busy })
    }

    pub(super) fn begin(&self, patience: Duration) -> Member {
        Member::new(self.messages.clone(), patience)
    }

    /// Does `work` outside every transaction.
    pub(super) async fn alone<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (errand, reply) = errand(work);
        // Without the thread nothing comes back, which is what `received` tells.
        let _ = self.messages.send(Message::Alone(errand));
        received(reply.await)
    }

    pub(super) fn numbers(&self) -> PoolNumbers {
        let idle = u32::from(!self.is_busy.load(Ordering::Relaxed));
        PoolNumbers { pool: "writer", open: 1, idle, limit: 1 }
    }

    pub(super) async fn close(&self) {
        let (closed, ended) = oneshot::channel();
        let _ = self.messages.send(Message::Close(closed));
        let _ = ended.await;
    }
}

struct Thread {
    connection: Connection,
    place: Place,
    inbox: Receiver<Message>,
    is_busy: Arc<AtomicBool>,
}

impl Thread {
    fn serve(mut self) {
        let mut next = None;
        while let Some(message) = next.take().or_else(|| self.inbox.recv().ok()) {
            self.is_busy.store(true, Ordering::Relaxed);
            match message {
                Message::Turn(turn) => next = self.share(turn),
                Message::Alone(errand) => run(errand, Ok(&self.connection)),
                Message::Close(closed) => {
                    // What does not close is closed by the end of the process; the log is whole either way.
                    let _ = self.connection.close();
                    let _ = closed.send(());
                    return;
                }
            }
            self.is_busy.store(false, Ordering::Relaxed);
        }
    }

    /// One commit for `first` and those behind it; what came in that takes no part in it.
    fn share(&mut self, first: Turn) -> Option<Message> {
        if !first.begin() {
            return None;
        }
        if let Err(error) = self.run("BEGIN IMMEDIATE") {
            refuse(&first, &error);
            self.tidy();
            return None;
        }
        let since = Instant::now();
        let mut waiting = Vec::new();
        let mut turn = first;
        let next = loop {
            waiting.extend(self.give(&turn));
            if self.connection.is_autocommit() || waiting.len() == MEMBERS || since.elapsed() >= GATHERING {
                break None;
            }
            match self.next_turn() {
                Ok(next) => turn = next,
                Err(other) => break other,
            }
        };
        self.commit(waiting);
        next
    }

    /// The next member that is still there, if one waits; else what came in instead.
    fn next_turn(&self) -> Result<Turn, Option<Message>> {
        loop {
            match self.inbox.try_recv() {
                Ok(Message::Turn(turn)) if turn.begin() => return Ok(turn),
                Ok(Message::Turn(_)) => {}
                other => return Err(other.ok()),
            }
        }
    }

    /// Does what a member wants, until it commits or has gone. In the first case it is to be told of the commit.
    fn give(&self, turn: &Turn) -> Option<Waiting> {
        if let Err(error) = self.run("SAVEPOINT member") {
            refuse(turn, &error);
            return None;
        }
        for order in &turn.orders {
            match order {
                Order::Run(errand) => {
                    run(errand, Ok(&self.connection));
                    if self.connection.is_autocommit() {
                        // The engine has rolled everything back, as it may when the disk is full.
                        return None;
                    }
                }
                Order::Commit { last, answer } => {
                    let done = last.iter().try_for_each(|last| statement::execute(&self.connection, last).map(drop));
                    let done = done.and_then(|()| self.run("RELEASE member").map_err(|error| by_error(&error)));
                    match done {
                        Ok(()) => return Some(answer),
                        Err(error) => {
                            self.undo();
                            let _ = answer.send(Err(error));
                            return None;
                        }
                    }
                }
            }
        }
        self.undo();
        None
    }

    /// Leaves nothing of a member.
    fn undo(&self) {
        let undone = self.run("ROLLBACK TO member").and_then(|()| self.run("RELEASE member"));
        // If it cannot be taken back alone, then with all others, who are told so.
        if undone.is_err() && !self.connection.is_autocommit() {
            let _ = self.run("ROLLBACK");
        }
    }

    fn commit(&mut self, waiting: Vec<Waiting>) {
        let lost = self.connection.is_autocommit();
        let end = if waiting.is_empty() { "ROLLBACK" } else { "COMMIT" };
        let outcome = if lost { Ok(()) } else { self.run(end) };
        self.tidy();
        for answer in waiting {
            let _ = answer.send(match &outcome {
                Ok(()) if lost => Err(StoreError::Unavailable("the engine has rolled the transaction back".to_owned())),
                Ok(()) => Ok(()),
                Err(error) => Err(by_error(error)),
            });
        }
    }

    /// Sees to it that the next transaction begins with nothing of the last one: what was left open would swallow it, and it
    /// would be answered as committed without being on disk.
    fn tidy(&mut self) {
        if self.connection.is_autocommit() {
            return;
        }
        let _ = self.run("ROLLBACK");
        if !self.connection.is_autocommit()
            && let Ok(fresh) = self.place.writer()
        {
            self.connection = fresh;
        }
    }

    fn run(&self, sql: &str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.execute([]).map(drop)
    }
}

/// Tells a member why its turn is none.
fn refuse(turn: &Turn, error: &rusqlite::Error) {
    match turn.orders.try_recv() {
        Ok(Order::Run(errand)) => run(errand, Err(by_error(error))),
        Ok(Order::Commit { answer, .. }) => drop(answer.send(Err(by_error(error)))),
        Err(_) => {}
    }
}
