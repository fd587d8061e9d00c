//! A connection to a server, whose every statement ends when the server does.

use std::{future::Future, sync::Arc};

use async_trait::async_trait;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult, Statement,
};

use crate::{failure::is_lost, pulse::Pulse};

/// A pool or a transaction, and the pulse of the server behind it.
pub(crate) struct Guarded<C> {
    inner: C,
    pulse: Option<Arc<Pulse>>,
}

impl<C> Guarded<C> {
    pub(crate) const fn new(inner: C, pulse: Option<Arc<Pulse>>) -> Self {
        Self { inner, pulse }
    }
}

impl<C: ConnectionTrait> Guarded<C> {
    /// The engine behind it.
    pub(crate) fn engine(&self) -> DbBackend {
        self.inner.get_database_backend()
    }
}

/// Waits for `work` as long as the server answers.
pub(crate) async fn during<T>(
    pulse: Option<&Arc<Pulse>>,
    work: impl Future<Output = Result<T, DbErr>> + Send,
) -> Result<T, DbErr> {
    match pulse {
        Some(pulse) => pulse.during(work).await,
        None => work.await,
    }
}

/// What a statement does when its connection turns out to be gone.
pub(crate) trait Replaceable {
    /// Whether the next statement gets another connection, so that one which only reads may be tried once more.
    const REPLACED: bool;
}

impl Replaceable for DatabaseConnection {
    const REPLACED: bool = true;
}

impl Replaceable for DatabaseTransaction {
    const REPLACED: bool = false;
}

impl<C: ConnectionTrait + Replaceable> Guarded<C> {
    /// Asks, and once more when the connection was one that the server had closed while it lay idle.
    async fn ask<T, F>(&self, question: impl Fn() -> F + Sync) -> Result<T, DbErr>
    where
        F: Future<Output = Result<T, DbErr>> + Send,
    {
        match during(self.pulse.as_ref(), question()).await {
            Err(error) if C::REPLACED && is_lost(&error) => during(self.pulse.as_ref(), question()).await,
            answer => answer,
        }
    }
}

#[async_trait]
impl<C: ConnectionTrait + Replaceable + Send> ConnectionTrait for Guarded<C> {
    fn get_database_backend(&self) -> DbBackend {
        self.inner.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        during(self.pulse.as_ref(), self.inner.execute_raw(statement)).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        during(self.pulse.as_ref(), self.inner.execute_unprepared(sql)).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.ask(|| self.inner.query_one_raw(statement.clone())).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.ask(|| self.inner.query_all_raw(statement.clone())).await
    }
}

impl Guarded<DatabaseTransaction> {
    pub(crate) async fn commit(self) -> Result<(), DbErr> {
        during(self.pulse.as_ref(), self.inner.commit()).await
    }
}
