//! How the engine answers the lists: the plans of the very statements that the repositories send, for the suites.

use claudetools_coord::{ResourcePath, ports::HeadRepository};
use claudetools_kernel::{PageRequest, StoreError};
use claudetools_sessions::{SessionFilter, SessionSort, WorkItemFilter, WorkItemSort, ports::SessionRepository};
use sea_orm::{
    ConnectionTrait, DbBackend, DbErr, EntityTrait, QueryFilter, QueryResult, QueryTrait, Statement,
    sea_query::{SelectStatement, SimpleExpr},
};

use crate::{
    entity::work_item::Entity,
    failure::failure,
    query::{page_statement, statement, total},
    question::{All, One, Values},
    repository::{coord_lock, session, session_technician, work_item},
    store::{Base, SqlStore},
};

/// The plan of a page of sessions, a step per line.
pub async fn session_page(
    store: &SqlStore,
    filter: &SessionFilter,
    page: &PageRequest<SessionSort>,
) -> Result<Vec<String>, StoreError> {
    let technician = technician(store, filter).await?;
    explain(store, &session::session_page(filter, technician, page, engine(store)).into_query()).await
}

/// The plan of a total of sessions.
pub async fn session_total(store: &SqlStore, filter: &SessionFilter) -> Result<Vec<String>, StoreError> {
    let technician = technician(store, filter).await?;
    explain(store, &session::session_total(filter, technician)).await
}

/// The plan of a page of work items.
pub async fn work_item_page(
    store: &SqlStore,
    filter: &WorkItemFilter,
    page: &PageRequest<WorkItemSort>,
) -> Result<Vec<String>, StoreError> {
    explain(store, &page_statement(work_item::work_item_listing(filter), page, engine(store)).into_query()).await
}

/// The plan of a total of work items.
pub async fn work_item_total(store: &SqlStore, filter: &WorkItemFilter) -> Result<Vec<String>, StoreError> {
    let listing = work_item::work_item_listing(filter);
    explain(store, &total(Entity::find().filter(listing.filter))).await
}

/// How often PostgreSQL used the plan that it keeps of a page of sessions behind a place, of `times` that the page was asked for.
pub async fn kept_plans(
    store: &SqlStore,
    filter: &SessionFilter,
    page: &PageRequest<SessionSort>,
    times: usize,
) -> Result<i64, StoreError> {
    // Plans are kept by a connection.
    let mut tx = store.begin_write().await?;
    for _ in 0..times {
        SessionRepository::list(&mut tx, filter, page).await?;
    }
    let used = "SELECT CAST(SUM(generic_plans) AS bigint) FROM pg_prepared_statements WHERE statement LIKE 'SELECT \"sessions\"%\"session_date\", \"sessions\".\"id\") <%'";
    let used = tx.ask(One::<Values<Option<i64>>>::of(Statement::from_string(engine(store), used))).await?;
    Ok(used.and_then(|Values(used)| used).unwrap_or_default())
}

/// The plan by which PostgreSQL looks for the locks on `paths`, above and below them, under the locked head.
pub async fn locks_meeting(store: &SqlStore, paths: &[ResourcePath]) -> Result<Vec<String>, StoreError> {
    let mut tx = store.begin_write().await?;
    HeadRepository::lock(&mut tx).await?;
    let explain = explaining(store, &coord_lock::locks_meeting(paths).into_query());
    let steps = tx.ask(All::<Values<String>>::of(explain)).await?;
    Ok(steps.into_iter().map(|Values(step)| step).collect())
}

async fn technician(store: &SqlStore, filter: &SessionFilter) -> Result<Option<SimpleExpr>, StoreError> {
    let view = store.view();
    let names = view.ask(view.technicians_like(filter)).await?;
    Ok(session_technician::technician(filter, names.as_deref()))
}

fn engine(store: &SqlStore) -> DbBackend {
    store.engine()
}

/// The statement that asks for the plan of `select`.
fn explaining(store: &SqlStore, select: &SelectStatement) -> Statement {
    let Statement { sql, values, db_backend } = statement(engine(store), select);
    let explain = if db_backend == DbBackend::Sqlite { "EXPLAIN QUERY PLAN" } else { "EXPLAIN" };
    Statement { sql: format!("{explain} {sql}"), values, db_backend }
}

async fn explain(store: &SqlStore, select: &SelectStatement) -> Result<Vec<String>, StoreError> {
    let explain = explaining(store, select);
    match store.base() {
        Base::Embedded(_) => {
            let steps = store.view().ask(All::<Values<(i64, i64, i64, String)>>::of(explain)).await?;
            Ok(steps.into_iter().map(|Values((.., detail))| detail).collect())
        }
        Base::Server { lanes, .. } => {
            let steps = lanes.here().query_all_raw(explain).await.map_err(failure)?;
            steps.into_iter().map(|step| told(&step, engine(store)).map_err(failure)).collect()
        }
    }
}

/// A step in words; of MariaDB's table the columns that say how a table is read.
fn told(step: &QueryResult, engine: DbBackend) -> Result<String, DbErr> {
    match engine {
        DbBackend::MySql => {
            let column = |name| step.try_get::<Option<String>>("", name).map(Option::unwrap_or_default);
            Ok([column("table")?, column("type")?, column("key")?, column("Extra")?].join(" | "))
        }
        _ => step.try_get_by_index(0),
    }
}
