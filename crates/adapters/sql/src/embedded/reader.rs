//! The threads that read.

use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Instant,
};

use claudetools_kernel::StoreError;
use rusqlite::Connection;
use tokio::sync::oneshot;

use super::{
    errand::{Errand, errand, received, run},
    failure::failure,
    open::Place,
};
use crate::pool::PoolNumbers;

/// Readers of a database file. Each is a thread with a connection, and is started when all others are busy.
#[derive(Clone)]
pub(crate) struct Readers(Arc<Handle>);

/// Ends the threads when it is dropped.
struct Handle(Arc<Pool>);

struct Pool {
    state: Mutex<State>,
    work: Condvar,
    place: Place,
    limit: usize,
}

#[derive(Default)]
struct State {
    /// What waits for a thread, and since when.
    waiting: VecDeque<(Instant, Errand)>,
    threads: usize,
    idle: usize,
    is_closed: bool,
    /// Told when the last thread has ended.
    closing: Vec<oneshot::Sender<()>>,
}

impl Readers {
    pub(super) fn new(place: Place, limit: u32) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX).max(1);
        let pool = Pool { state: Mutex::default(), work: Condvar::new(), place, limit };
        Self(Arc::new(Handle(Arc::new(pool))))
    }

    /// Asks `question` of the next reader that is free.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (errand, reply) = errand(question);
        self.0.0.send(errand);
        received(reply.await)
    }

    pub(super) fn numbers(&self) -> PoolNumbers {
        let pool = &self.0.0;
        let state = pool.state();
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        PoolNumbers {
            pool: "readers",
            open: number(state.threads),
            idle: number(state.idle),
            limit: number(pool.limit),
        }
    }

    pub(super) async fn close(&self) {
        let (closed, ended) = oneshot::channel();
        {
            let mut state = self.0.0.state();
            state.is_closed = true;
            if state.threads > 0 {
                state.closing.push(closed);
            } else {
                // Nobody to wait for.
                drop(closed);
            }
        }
        self.0.0.work.notify_all();
        let _ = ended.await;
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.state().is_closed = true;
        self.0.work.notify_all();
    }
}

impl Pool {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn send(self: &Arc<Self>, errand: Errand) {
        let mut state = self.state();
        if state.is_closed {
            drop(state);
            return errand(Err(StoreError::Unavailable("the database is closed".to_owned())));
        }
        state.waiting.push_back((Instant::now(), errand));
        if state.idle >= state.waiting.len() || state.threads == self.limit {
            drop(state);
            self.work.notify_one();
            return;
        }
        state.threads += 1;
        drop(state);
        let pool = Arc::clone(self);
        let started = thread::Builder::new().name("sqlite-reader".to_owned()).spawn(move || pool.serve());
        if let Err(error) = started {
            let mut state = self.state();
            state.threads -= 1;
            let stranded = if state.threads == 0 { state.waiting.drain(..).collect() } else { Vec::new() };
            drop(state);
            for (_, errand) in stranded {
                errand(Err(StoreError::Unavailable(format!("no thread to read with: {error}"))));
            }
        }
    }

    /// The life of a thread.
    fn serve(&self) {
        let mut connection = None;
        while let Some((since, errand)) = self.next() {
            if since.elapsed() > self.place.patience() {
                run(errand, Err(StoreError::Unavailable("every connection for reading is busy".to_owned())));
                continue;
            }
            if connection.is_none() {
                match self.place.reader() {
                    Ok(opened) => connection = Some(opened),
                    Err(error) => {
                        run(errand, Err(failure(error)));
                        continue;
                    }
                }
            }
            if let Some(connection) = &connection {
                run(errand, Ok(connection));
            }
        }
        drop(connection);
        let mut state = self.state();
        state.threads -= 1;
        if state.threads == 0 {
            for closed in state.closing.drain(..) {
                let _ = closed.send(());
            }
        }
    }

    /// Waits for something to do; what waits already is done even when the pool is closed.
    fn next(&self) -> Option<(Instant, Errand)> {
        let mut state = self.state();
        loop {
            if let Some(next) = state.waiting.pop_front() {
                return Some(next);
            }
            if state.is_closed {
                return None;
            }
            state.idle += 1;
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }
}
