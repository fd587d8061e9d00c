//! SQLite in this process: a connection that writes and a few that read.
//!
//! A question is a closure. Those that read go to a thread with a connection of its own and answer over a channel
//! (`reader.rs`). Transactions that write take turns with the one connection (`queue.rs`), each as if it were alone
//! (`member.rs`), and share commits, which a thread does (`writer.rs`). Rows become the types that the repositories ask for
//! on the spot (`row.rs`).

mod errand;
mod failure;
#[cfg(debug_assertions)]
pub(crate) mod fields;
mod member;
mod open;
mod queue;
mod reader;
mod row;
mod statement;
mod writer;

#[cfg(test)]
mod tests;

use claudetools_kernel::StoreError;

pub(crate) use self::{
    failure::failure,
    member::Member,
    open::WRITER_CACHE,
    reader::Readers,
    statement::{all, execute, one},
};
use self::{open::Place, writer::Writer};
use crate::{connect::SqlOptions, pool::PoolNumbers};

/// A database file and the threads that work on it. They end when the last clone of this is dropped.
#[derive(Clone)]
pub(crate) struct Embedded {
    readers: Readers,
    writer: Writer,
}

impl Embedded {
    /// Opens the file of a `sqlite://` URL, and makes it if there is none.
    pub(crate) async fn open(url: &str, options: &SqlOptions) -> Result<Self, StoreError> {
        let place = Place::of(url, options)?;
        let writer = Writer::start(place.clone()).await?;
        Ok(Self { readers: Readers::new(place, options.readers), writer })
    }

    /// For reading: each question sees what was committed when it was asked.
    pub(crate) fn readers(&self) -> Readers {
        self.readers.clone()
    }

    /// A transaction that writes. It takes its turn with the first question.
    pub(crate) fn begin(&self) -> Member {
        self.writer.begin()
    }

    /// Runs statements on the connection that writes, outside every transaction.
    pub(crate) async fn maintain(&self, statements: &'static [&'static str]) -> Result<(), StoreError> {
        self.writer
            .alone(|connection| {
                statements.iter().try_for_each(|statement| connection.execute_batch(statement)).map_err(failure)
            })
            .await
    }

    /// Both pools of connections.
    pub(crate) fn pools(&self) -> Vec<PoolNumbers> {
        vec![self.writer.numbers(), self.readers.numbers()]
    }

    /// Waits for what is under way, ends the threads and closes their connections.
    pub(crate) async fn close(self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}
