//! Locks, those who wait for them, and fences.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use claudetools_coord::{
    Changes, Lock, LockDetail, LockFilter, LockSort, LockState, ResourcePath, Waiter, ports::LockRepository,
};
use claudetools_kernel::{Id, Page, PageRequest, Stored, Timestamp};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, JoinType, QueryFilter, QueryOrder, QuerySelect, QueryTrait, RelationTrait,
    Select, Statement, Value,
    sea_query::{Expr, OnConflict, SimpleExpr},
};
use uuid::Uuid;

use crate::{
    entity::{
        coord_fence,
        coord_lock::{Column, Entity, Joined, Model, Relation},
        coord_session, coord_waiter,
    },
    query::{Listing, padded},
    store::{Connection, SqlTx},
};

/// How many paths one statement asks for.
const PATHS: usize = 64;

/// How a lock ended, when, and why.
type End<'a> = (LockState, Option<Timestamp>, Option<&'a str>);

#[async_trait]
impl<C: Connection> LockRepository for SqlTx<C> {
    async fn meeting(&mut self, paths: &[ResourcePath]) -> Stored<Vec<Lock>> {
        let mut locks = Vec::new();
        for paths in paths.chunks(PATHS) {
            locks.extend(self.all::<_, Model, Lock>(locks_meeting(paths)).await?);
        }
        Ok(locks)
    }

    async fn by_ids(&mut self, ids: &[Id<Lock>]) -> Stored<Vec<Lock>> {
        self.all::<_, Model, _>(Entity::find().filter(named(ids.iter().copied()))).await
    }

    async fn of_session(&mut self, session_id: &str) -> Stored<Vec<Lock>> {
        let held = Entity::find().filter(Column::SessionId.eq(session_id)).filter(Column::LivePath.is_not_null());
        self.all::<_, Model, _>(held).await
    }

    async fn due(&mut self, now: Timestamp, limit: u32) -> Stored<Vec<Lock>> {
        let due = Entity::find().filter(Column::LiveUntil.lte(now.micros()));
        self.all::<_, Model, _>(due.order_by_asc(Column::LiveUntil).limit(u64::from(limit))).await
    }

    async fn waiters(&mut self) -> Stored<Vec<Waiter>> {
        let line = coord_waiter::Entity::find().order_by_asc(coord_waiter::Column::Ticket);
        self.all::<_, coord_waiter::Model, _>(line).await
    }

    async fn fences(&mut self, paths: &[ResourcePath]) -> Stored<Vec<(ResourcePath, i64)>> {
        let mut fences = Vec::new();
        for paths in paths.chunks(PATHS) {
            let seen = coord_fence::Entity::find().filter(around(coord_fence::Column::Path, paths));
            let rows = self.ask(self.all_of::<_, coord_fence::Model>(seen)).await?;
            fences.extend(rows.into_iter().filter_map(|row| Some((ResourcePath::kept(&row.path)?, row.token))));
        }
        Ok(fences)
    }

    async fn write(&mut self, changes: &Changes) -> Stored<()> {
        // What has ended makes room for what begins.
        let mut statements = self.ended(&changes.ended);
        statements.extend(self.extended(&changes.extended));
        statements.extend(self.insert_chunks_of::<Entity>(changes.added.iter().map(Model::from).collect()));
        statements.extend(self.line(changes));
        statements.extend(self.raised(&changes.fences));
        self.run(statements).await?;
        Ok(())
    }

    async fn detail(&mut self, id: Id<Lock>) -> Stored<Option<LockDetail>> {
        self.one::<_, Joined, _>(with_session(Entity::find_by_id(id.uuid()))).await
    }

    async fn list(
        &mut self,
        filter: &LockFilter,
        page: &PageRequest<LockSort>,
        now: Timestamp,
    ) -> Stored<Page<LockDetail>> {
        let (select, filter) = (with_session(Entity::find()), condition(filter, now));
        self.page::<_, Joined, _, _>(Listing { select, filter, sort: column, id: Column::Id }, page).await
    }

    async fn count_held(&mut self, now: Timestamp) -> Stored<u64> {
        self.count::<Entity>(Condition::all().add(Column::LiveUntil.gt(now.micros()))).await
    }
}

impl<C: Connection> SqlTx<C> {
    /// The statements that mark locks as ended: one for all that ended alike, which are few kinds in a batch.
    fn ended(&self, locks: &[Lock]) -> Vec<Statement> {
        let mut kinds: BTreeMap<_, Vec<&Lock>> = BTreeMap::new();
        for lock in locks {
            let at = lock.ended_at.filter(|_| lock.state != LockState::Expired);
            kinds.entry((lock.state, at, lock.end_reason.as_deref())).or_default().push(lock);
        }
        let nothing = |value: Value| SimpleExpr::Value(value);
        let update = |((state, at, reason), locks): (End<'_>, Vec<&Lock>)| {
            let at = at.map_or_else(|| Expr::col(Column::ExpiresAt), |at| Expr::val(at.micros()));
            Entity::update_many()
                .col_expr(Column::State, Expr::val(state.to_string()))
                .col_expr(Column::EndedAt, at)
                .col_expr(Column::EndReason, Expr::val(reason.map(str::to_owned)))
                .col_expr(Column::LivePath, nothing(Value::String(None)))
                .col_expr(Column::ExclusivePath, nothing(Value::String(None)))
                .col_expr(Column::LiveUntil, nothing(Value::BigInt(None)))
                .filter(named(locks.iter().map(|lock| lock.id)))
        };
        kinds.into_iter().map(|kind| self.statement(&update(kind).into_query())).collect()
    }

    /// The statements that give locks more time: one for all that last equally long.
    fn extended(&self, locks: &[Lock]) -> Vec<Statement> {
        let mut kinds: BTreeMap<(i64, i64), Vec<&Lock>> = BTreeMap::new();
        for lock in locks {
            kinds.entry((lock.ttl_seconds, lock.expires_at.micros())).or_default().push(lock);
        }
        let update = |((ttl, until), locks): ((i64, i64), Vec<&Lock>)| {
            Entity::update_many()
                .col_expr(Column::TtlSeconds, ttl.into())
                .col_expr(Column::ExpiresAt, until.into())
                .col_expr(Column::LiveUntil, until.into())
                .filter(named(locks.iter().map(|lock| lock.id)))
        };
        kinds.into_iter().map(|kind| self.statement(&update(kind).into_query())).collect()
    }

    /// The statements that bring the line up to date.
    fn line(&self, changes: &Changes) -> Vec<Statement> {
        use coord_waiter::{Column, Entity, Model};
        let places = |tickets: &[i64]| Column::Ticket.is_in(padded(tickets));
        let mut statements = Vec::new();
        if !changes.left.is_empty() {
            statements.push(self.erase_of::<Entity>(Condition::all().add(places(&changes.left))));
        }
        if let Some(until) = changes.alive_until.filter(|_| !changes.alive.is_empty()) {
            let sign = Entity::update_many().col_expr(Column::AliveUntil, until.micros().into());
            statements.push(self.statement(&sign.filter(places(&changes.alive)).into_query()));
        }
        statements.extend(self.insert_chunks_of::<Entity>(changes.queued.iter().map(Model::from).collect()));
        statements
    }

    /// The statement that raises the highest tokens seen.
    fn raised(&self, fences: &[(ResourcePath, i64)]) -> Option<Statement> {
        use coord_fence::{ActiveModel, Column, Entity};
        let rows: Vec<ActiveModel> = fences
            .iter()
            .map(|(path, token)| coord_fence::Model { path: path.to_string(), token: *token }.into())
            .collect();
        let over = OnConflict::column(Column::Path).update_column(Column::Token).to_owned();
        (!rows.is_empty()).then(|| self.statement(&Entity::insert_many(rows).on_conflict(over).into_query()))
    }
}

/// The live locks on these paths, above and below them.
pub(crate) fn locks_meeting(paths: &[ResourcePath]) -> Select<Entity> {
    Entity::find().filter(around(Column::LivePath, paths))
}

/// The rows whose path is one of these, above one of them or below.
fn around(column: impl ColumnTrait, paths: &[ResourcePath]) -> Condition {
    let mut nodes: BTreeSet<&str> = paths.iter().map(ResourcePath::as_str).collect();
    nodes.extend(paths.iter().flat_map(ResourcePath::ancestors));
    let nodes: Vec<&str> = nodes.into_iter().collect();
    let mut around = Condition::any().add(column.is_in(padded(&nodes)));
    for path in padded(paths) {
        let (from, to) = path.below();
        around = around.add(Condition::all().add(column.gt(from)).add(column.lt(to)));
    }
    around
}

/// The locks with these ids.
fn named(ids: impl Iterator<Item = Id<Lock>>) -> SimpleExpr {
    Column::Id.is_in(padded(&ids.map(Id::uuid).collect::<Vec<Uuid>>()))
}

fn with_session(locks: Select<Entity>) -> Select<Entity> {
    locks
        .join(JoinType::LeftJoin, Relation::Session.def())
        .column_as(coord_session::Column::Host, "host")
        .column_as(coord_session::Column::Agent, "agent")
}

fn condition(filter: &LockFilter, now: Timestamp) -> Condition {
    let on_or_below = |key: &String| {
        let below =
            Condition::all().add(Column::Resource.gt(format!("{key}/"))).add(Column::Resource.lt(format!("{key}0")));
        Condition::any().add(Column::Resource.eq(key)).add(below)
    };
    let above = |path: &ResourcePath| {
        let nodes: Vec<&str> = std::iter::once(path.as_str()).chain(path.ancestors()).collect();
        Column::Resource.is_in(padded(&nodes))
    };
    Condition::all()
        .add_option(filter.project_key.as_ref().map(on_or_below))
        .add_option(filter.session_id.as_deref().map(|wanted| Column::SessionId.eq(wanted)))
        .add_option(filter.resource.as_deref().map(|wanted| Column::Resource.eq(wanted)))
        .add_option(filter.covering.as_ref().map(above))
        .add_option(filter.state.map(|wanted| in_state(wanted, now)))
}

/// Those in a state at `now`, whether or not anybody has marked what time has ended.
fn in_state(state: LockState, now: Timestamp) -> Condition {
    let marked = Column::State.eq(state.to_string());
    match state {
        LockState::Held => Condition::all().add(Column::LiveUntil.gt(now.micros())),
        LockState::Expired => Condition::any().add(marked).add(Column::LiveUntil.lte(now.micros())),
        LockState::Released | LockState::Broken => Condition::all().add(marked),
    }
}

const fn column(field: LockSort) -> Column {
    match field {
        LockSort::GrantedAt => Column::GrantedAt,
        LockSort::ExpiresAt => Column::ExpiresAt,
        LockSort::Resource => Column::Resource,
    }
}
