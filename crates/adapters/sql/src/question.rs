//! What a repository asks of the database: statements, and the types that their rows are read as.
//!
//! A server's rows come through sea-orm, by the names of their columns. Rows of the embedded engine are read by the order of
//! the columns, on the thread of their connection, with nothing in between: that is what makes it fast, and why the fields
//! of a type stand in the order in which the statement selects them.

use std::marker::PhantomData;

use claudetools_kernel::StoreError;
use sea_orm::{ConnectionTrait, DbErr, FromQueryResult, QueryResult, Statement, TryGetableMany};
use serde::{Deserialize, de::DeserializeOwned};

use crate::{embedded, failure::failure};

/// A type that rows are read as, whatever the engine.
pub(crate) trait Record: FromQueryResult + DeserializeOwned + Send + 'static {}

impl<R: FromQueryResult + DeserializeOwned + Send + 'static> Record for R {}

/// A single value, or a tuple of values in the order of the columns.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct Values<T>(pub(crate) T);

impl<T: TryGetableMany> FromQueryResult for Values<T> {
    fn from_query_result(row: &QueryResult, _: &str) -> Result<Self, DbErr> {
        T::try_get_many_by_index(row).map(Self).map_err(DbErr::from)
    }
}

/// Something to ask the database in one go. Tuples of questions are one as well.
pub(crate) trait Question: Send + 'static {
    /// What comes back.
    type Answer: Send + 'static;

    /// Asks the engine in this process.
    fn ask_embedded(self, connection: &rusqlite::Connection) -> Result<Self::Answer, StoreError>;

    /// Asks a server.
    fn ask_server(
        self,
        connection: &impl ConnectionTrait,
    ) -> impl Future<Output = Result<Self::Answer, StoreError>> + Send;
}

/// Every row of a statement.
pub(crate) struct All<R> {
    statement: Statement,
    reads: PhantomData<fn() -> R>,
}

impl<R> All<R> {
    pub(crate) const fn of(statement: Statement) -> Self {
        Self { statement, reads: PhantomData }
    }
}

impl<R: Record> Question for All<R> {
    type Answer = Vec<R>;

    fn ask_embedded(self, connection: &rusqlite::Connection) -> Result<Vec<R>, StoreError> {
        embedded::all(connection, &self.statement)
    }

    async fn ask_server(self, connection: &impl ConnectionTrait) -> Result<Vec<R>, StoreError> {
        let rows = connection.query_all_raw(self.statement).await.map_err(failure)?;
        rows.iter().map(|row| R::from_query_result(row, "").map_err(failure)).collect()
    }
}

/// The first row of a statement.
pub(crate) struct One<R> {
    statement: Statement,
    reads: PhantomData<fn() -> R>,
}

impl<R> One<R> {
    pub(crate) const fn of(statement: Statement) -> Self {
        Self { statement, reads: PhantomData }
    }
}

impl<R: Record> Question for One<R> {
    type Answer = Option<R>;

    fn ask_embedded(self, connection: &rusqlite::Connection) -> Result<Option<R>, StoreError> {
        embedded::one(connection, &self.statement)
    }

    async fn ask_server(self, connection: &impl ConnectionTrait) -> Result<Option<R>, StoreError> {
        let row = connection.query_one_raw(self.statement).await.map_err(failure)?;
        row.map(|row| R::from_query_result(&row, "").map_err(failure)).transpose()
    }
}

/// Statements that change rows, in their order; the answer is how many rows they changed in all.
pub(crate) struct Changes(pub(crate) Vec<Statement>);

impl Question for Changes {
    type Answer = u64;

    fn ask_embedded(self, connection: &rusqlite::Connection) -> Result<u64, StoreError> {
        self.0.iter().map(|statement| embedded::execute(connection, statement)).sum()
    }

    async fn ask_server(self, connection: &impl ConnectionTrait) -> Result<u64, StoreError> {
        let mut changed = 0;
        for statement in self.0 {
            changed += connection.execute_raw(statement).await.map_err(failure)?.rows_affected();
        }
        Ok(changed)
    }
}

/// A question and another one that follows from its answer, without a way back to the asker in between.
pub(crate) struct Then<A, F>(pub(crate) A, pub(crate) F);

impl<A, B, F> Question for Then<A, F>
where
    A: Question<Answer: Sync>,
    B: Question,
    F: FnOnce(&A::Answer) -> B + Send + 'static,
{
    type Answer = (A::Answer, B::Answer);

    fn ask_embedded(self, connection: &rusqlite::Connection) -> Result<Self::Answer, StoreError> {
        let answer = self.0.ask_embedded(connection)?;
        let next = self.1(&answer).ask_embedded(connection)?;
        Ok((answer, next))
    }

    async fn ask_server(self, connection: &impl ConnectionTrait) -> Result<Self::Answer, StoreError> {
        let answer = self.0.ask_server(connection).await?;
        let next = self.1(&answer);
        let next = next.ask_server(connection).await?;
        Ok((answer, next))
    }
}

/// A question that need not be asked.
impl<Q: Question> Question for Option<Q> {
    type Answer = Option<Q::Answer>;

    fn ask_embedded(self, connection: &rusqlite::Connection) -> Result<Self::Answer, StoreError> {
        self.map(|question| question.ask_embedded(connection)).transpose()
    }

    async fn ask_server(self, connection: &impl ConnectionTrait) -> Result<Self::Answer, StoreError> {
        match self {
            Some(question) => question.ask_server(connection).await.map(Some),
            None => Ok(None),
        }
    }
}

macro_rules! questions {
    ($($question:ident $field:tt),+) => {
        impl<$($question: Question),+> Question for ($($question),+) {
            type Answer = ($($question::Answer),+);

            fn ask_embedded(self, connection: &rusqlite::Connection) -> Result<Self::Answer, StoreError> {
                Ok(($(self.$field.ask_embedded(connection)?),+))
            }

            async fn ask_server(
                self,
                connection: &impl ConnectionTrait,
            ) -> Result<Self::Answer, StoreError> {
                Ok(($(self.$field.ask_server(connection).await?),+))
            }
        }
    };
}
questions!(A 0, B 1);
questions!(A 0, B 1, C 2);
questions!(A 0, B 1, C 2, D 3);
