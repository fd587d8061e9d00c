//! What is carried to the thread of a connection.

use std::panic::{AssertUnwindSafe, catch_unwind};

use claudetools_kernel::StoreError;
use rusqlite::Connection;
use tokio::sync::oneshot;

/// Something to do with a connection, or the reason why there is none. It brings its own way back for the answer.
pub(super) type Errand = Box<dyn FnOnce(Result<&Connection, StoreError>) + Send>;

/// The errand that asks `question`, and where its answer will come in. An asker who has gone is not asked for.
pub(super) fn errand<T: Send + 'static>(
    question: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
) -> (Errand, Reply<T>) {
    let (answer, reply) = oneshot::channel();
    let errand: Errand = Box::new(move |connection| {
        if !answer.is_closed() {
            // Whoever does not wait any more has no use for the answer.
            let _ = answer.send(connection.and_then(question));
        }
    });
    (errand, reply)
}

/// Where an answer comes in.
pub(super) type Reply<T> = oneshot::Receiver<Result<T, StoreError>>;

/// What came in; nothing does when the thread has ended, or the question panicked.
pub(super) fn received<T>(reply: Result<Result<T, StoreError>, oneshot::error::RecvError>) -> Result<T, StoreError> {
    reply.unwrap_or_else(|_| Err(StoreError::Unavailable("the connection to the database is gone".to_owned())))
}

/// Runs an errand. A panic ends it alone: its asker is told, and the thread goes on.
pub(super) fn run(errand: Errand, connection: Result<&Connection, StoreError>) {
    if catch_unwind(AssertUnwindSafe(|| errand(connection))).is_err() {
        tracing::error!("a question to the database panicked");
    }
}
