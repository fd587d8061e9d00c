//! The head of coordination and its events.

use async_trait::async_trait;
use claudetools_coord::{
    Event, Head,
    mutant::is_meant,
    ports::{EventRepository, HeadRepository},
};
use claudetools_kernel::{StoreError, Stored, Timestamp};
use sea_orm::{ColumnTrait, Condition, DbBackend, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Statement};
use uuid::Uuid;

use crate::{
    entity::{
        coord_event::{Column, Entity, Model},
        coord_head,
    },
    question::{One, Values},
    row::RowReader,
    store::{Connection, SqlTx},
};

/// The columns of the head's row, in the order of [`HeadRow`].
const COLUMNS: &str = "last_token, last_event, last_ticket, waiting, clock";

/// The head's columns, and the engine's clock behind them in microseconds.
type HeadRow = Values<(i64, i64, i64, i64, i64, i64)>;

/// The statement that reads the head, locked or not. Whoever waits for the lock must not be given the time at which it began to
/// wait, so the clock is read behind the lock in each engine's words: `NOW()` is the time at which a statement began.
fn head_statement(engine: DbBackend, is_locked: bool) -> Statement {
    let is_locked = is_locked && !(cfg!(feature = "mutant-no-head-lock") && is_meant("no-head-lock"));
    let lock = if is_locked { " FOR UPDATE" } else { "" };
    let only = coord_head::ONLY;
    // The tables of coordination are planned for while they are small, grow by thousands of rows a minute, and PostgreSQL keeps a plan of a
    // prepared statement until somebody analyses the table: until the transaction ends it is not to read them whole. A plan that has no other
    // way counts as so dear that it would be compiled first, which takes longer than any of these statements.
    let planner =
        if is_locked { ", set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true)" } else { "" };
    let sql = match engine {
        DbBackend::Postgres => format!(
            "WITH head AS MATERIALIZED (SELECT {COLUMNS} FROM coord_head WHERE id = {only}{lock}) \
             SELECT {COLUMNS}, (EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::bigint AS db_clock{planner} FROM head"
        ),
        DbBackend::Sqlite => format!(
            "SELECT {COLUMNS}, CAST(ROUND((julianday('now') - 2440587.5) * 86400000) AS INTEGER) * 1000 AS db_clock \
             FROM coord_head WHERE id = {only}"
        ),
        // Sessions are in UTC, as the driver sets them.
        _ => format!(
            "SELECT {COLUMNS}, TIMESTAMPDIFF(MICROSECOND, '1970-01-01', SYSDATE(6)) AS db_clock \
             FROM coord_head WHERE id = {only}{lock}"
        ),
    };
    Statement::from_string(engine, sql)
}

fn head(row: Option<HeadRow>) -> Stored<Head> {
    let missing = || StoreError::Database("the row of coord_head is missing".to_owned());
    let Values((last_token, last_event, last_ticket, waiting, floor, clock)) = row.ok_or_else(missing)?;
    let reader = RowReader::new("coord_head", Uuid::nil());
    let now: Timestamp = reader.read("clock", time(floor, clock))?;
    Ok(Head { last_token, last_event, last_ticket, waiting, now })
}

/// The database's clock, but never less than a time that somebody has acted on.
fn time(floor: i64, clock: i64) -> i64 {
    if cfg!(feature = "mutant-node-clock") && is_meant("node-clock") {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        return i64::try_from(since.as_micros()).unwrap_or(i64::MAX);
    }
    floor.max(clock)
}

#[async_trait]
impl<C: Connection> HeadRepository for SqlTx<C> {
    async fn lock(&mut self) -> Stored<Head> {
        // SQLite lets one transaction write at a time, and ours begin as writers.
        head(self.ask(One::<HeadRow>::of(head_statement(self.engine(), true))).await?)
    }

    async fn peek(&mut self) -> Stored<Head> {
        head(self.ask(One::<HeadRow>::of(head_statement(self.engine(), false))).await?)
    }

    async fn save(&mut self, head: &Head) -> Stored<()> {
        use coord_head::{Column, Entity};
        let update = Entity::update_many()
            .col_expr(Column::LastToken, head.last_token.into())
            .col_expr(Column::LastEvent, head.last_event.into())
            .col_expr(Column::LastTicket, head.last_ticket.into())
            .col_expr(Column::Waiting, head.waiting.into())
            .col_expr(Column::Clock, head.now.micros().into())
            .filter(Column::Id.eq(coord_head::ONLY));
        self.change(update).await?;
        Ok(())
    }
}

#[async_trait]
impl<C: Connection> EventRepository for SqlTx<C> {
    async fn append(&mut self, events: &[Event]) -> Stored<()> {
        let rows = self.insert_chunks_of::<Entity>(events.iter().map(Model::from).collect());
        self.run(rows).await?;
        Ok(())
    }

    async fn after(&mut self, seq: i64, limit: u32) -> Stored<Vec<Event>> {
        let rows = Entity::find().filter(Column::Seq.gt(seq)).order_by_asc(Column::Seq).limit(u64::from(limit));
        self.all::<_, Model, _>(rows).await
    }

    async fn about(&mut self, subject: Uuid) -> Stored<Vec<Event>> {
        let rows = Entity::find().filter(Column::Subject.eq(subject)).order_by_asc(Column::Seq);
        self.all::<_, Model, _>(rows).await
    }

    async fn oldest(&mut self) -> Stored<Option<i64>> {
        self.value(Entity::find().select_only().column(Column::Seq).order_by_asc(Column::Seq)).await
    }

    async fn prune(&mut self, before: Timestamp) -> Stored<u64> {
        // Their times rise with their numbers: the search ends at the first that stays, and no index is needed for it.
        let first_kept = Entity::find()
            .select_only()
            .column(Column::Seq)
            .filter(Column::At.gte(before.micros()))
            .order_by_asc(Column::Seq);
        let first_kept: Option<i64> = self.value(first_kept).await?;
        // Without one that stays, one that does may have come in since: its time says so.
        let gone =
            Condition::all().add(Column::At.lt(before.micros())).add_option(first_kept.map(|seq| Column::Seq.lt(seq)));
        self.erase::<Entity>(gone).await
    }
}
