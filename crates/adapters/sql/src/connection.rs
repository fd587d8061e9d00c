//! What statements run on, whatever the engine.

use claudetools_kernel::StoreError;
use sea_orm::{DatabaseConnection, DatabaseTransaction, DbBackend, Statement};

use crate::{
    embedded::{self, Readers},
    failure::failure,
    guarded::Guarded,
    question::{Changes, Question},
};

/// What statements run on, and how it ends.
pub(crate) trait Connection: Send + Sync + Sized + 'static {
    /// The engine behind it.
    fn engine(&self) -> DbBackend;

    /// Asks in one go.
    fn ask<Q: Question>(&self, question: Q) -> impl Future<Output = Result<Q::Answer, StoreError>> + Send;

    /// Runs the last statements, if there are any, and makes everything durable.
    fn finish(self, last: Vec<Statement>) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// A transaction.
pub(crate) enum Writing {
    Server(Guarded<DatabaseTransaction>),
    Embedded(embedded::Member),
}

impl Connection for Writing {
    fn engine(&self) -> DbBackend {
        match self {
            Self::Server(transaction) => transaction.engine(),
            Self::Embedded(_) => DbBackend::Sqlite,
        }
    }

    async fn ask<Q: Question>(&self, question: Q) -> Result<Q::Answer, StoreError> {
        match self {
            Self::Server(transaction) => question.ask_server(transaction).await,
            Self::Embedded(member) => member.ask(|connection| question.ask_embedded(connection)).await,
        }
    }

    async fn finish(self, last: Vec<Statement>) -> Result<(), StoreError> {
        match self {
            Self::Server(transaction) => {
                Changes(last).ask_server(&transaction).await?;
                transaction.commit().await.map_err(|error| match failure(error) {
                    // The server has been told to commit. An engine in this process that refuses has not done it.
                    StoreError::Unavailable(text) => StoreError::Undecided(text),
                    failure => failure,
                })
            }
            Self::Embedded(member) => member.commit(last).await,
        }
    }
}

/// Connections for reading, where each statement stands for itself.
pub(crate) enum Reading {
    Server(Guarded<DatabaseConnection>),
    Embedded(Readers),
}

impl Connection for Reading {
    fn engine(&self) -> DbBackend {
        match self {
            Self::Server(pool) => pool.engine(),
            Self::Embedded(_) => DbBackend::Sqlite,
        }
    }

    async fn ask<Q: Question>(&self, question: Q) -> Result<Q::Answer, StoreError> {
        match self {
            Self::Server(pool) => question.ask_server(pool).await,
            Self::Embedded(readers) => readers.ask(|connection| question.ask_embedded(connection)).await,
        }
    }

    /// Nothing to make durable.
    async fn finish(self, last: Vec<Statement>) -> Result<(), StoreError> {
        self.ask(Changes(last)).await.map(drop)
    }
}
