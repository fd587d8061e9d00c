//! The statements that all repositories share.

use claudetools_kernel::{
    Direction, Id, Keyed, Page, PageRequest, Position, SortField, SortKey, Start, StoreError, text,
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, DbBackend, EntityTrait, ExprTrait, IntoActiveModel, Order, QueryFilter,
    QueryOrder, QuerySelect, QueryTrait, Select, Statement, StatementBuilder, UpdateMany, Value,
    sea_query::{Asterisk, Expr, LikeExpr, SelectStatement, SimpleExpr},
};

use crate::{
    entity::write_guard,
    insertion,
    question::{All, One, Record, Values},
    store::{Connection, SqlTx},
};

/// Marks the characters that a `LIKE` pattern takes literally. Not a backslash, which engines escape differently.
const ESCAPE: char = '!';

/// The longest pages that callers usually ask for, and a single row: few enough for each to have a text of its own.
const USUAL_LIMITS: [u64; 10] = [1, 11, 21, 26, 51, 101, 201, 251, 501, 1001];

/// A statement in the words of `engine`.
///
/// PostgreSQL reads how many rows are wanted from the text where it can. Of a parameter it knows nothing and reckons with a tenth of all
/// rows, so that the plan for any value never looks as good as the one for this value, and every page is planned anew: that took
/// longer than to read it.
pub(crate) fn statement(engine: DbBackend, query: &impl StatementBuilder) -> Statement {
    let mut statement = query.build(&engine);
    if engine == DbBackend::Postgres
        && let Some(values) = statement.values.as_mut()
        && let Some(Value::BigUnsigned(Some(limit))) = values.0.last()
        && USUAL_LIMITS.contains(limit)
        && let Some(head) = statement.sql.strip_suffix(&format!(" LIMIT ${}", values.0.len()))
    {
        statement.sql = format!("{head} LIMIT {limit}");
        values.0.pop();
    }
    statement
}

/// A list: what to select, which rows of the paged table to admit, and what it can be sorted by.
pub(crate) struct Listing<E: EntityTrait, S> {
    /// The paged table, with LEFT JOINs for the names of related rows.
    pub(crate) select: Select<E>,
    /// Conditions over the paged table alone, so that a total is counted without the joins.
    pub(crate) filter: Condition,
    /// The column of each sort field; never one that may be empty.
    pub(crate) sort: fn(S) -> E::Column,
    /// The paged table's id.
    pub(crate) id: E::Column,
}

/// What no single row stands for, and whoever changes it locks as a whole: a row of `write_guards`.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Guard {
    /// Which task is the parent of which, and which waits for which.
    TaskGraph,
    /// Which periods are closed.
    BillingPeriods,
    /// Which asset runs on which.
    AssetParents,
    /// Which commands the analysis has not seen.
    CommandQueue,
}

impl Guard {
    const fn name(self) -> &'static str {
        match self {
            Self::TaskGraph => "task_graph",
            Self::BillingPeriods => "billing_periods",
            Self::AssetParents => "asset_parents",
            Self::CommandQueue => "command_queue",
        }
    }
}

impl<C: Connection> SqlTx<C> {
    /// A statement in the engine's words.
    pub(crate) fn statement(&self, query: &impl StatementBuilder) -> Statement {
        statement(self.engine(), query)
    }

    /// The question for every row of `select`.
    pub(crate) fn all_of<E: EntityTrait, R: Record>(&self, select: Select<E>) -> All<R> {
        All::of(self.statement(&select.into_query()))
    }

    /// The question for the first row of `select`.
    pub(crate) fn one_of<E: EntityTrait, R: Record>(&self, select: Select<E>) -> One<R> {
        One::of(self.statement(&select.limit(1).into_query()))
    }

    /// Keeps every other transaction that asks for the same guard waiting until this one ends. `SQLite` lets one transaction
    /// write at a time, and ours begin as writers.
    pub(crate) async fn lock_guard(&self, guard: Guard) -> Result<(), StoreError> {
        if self.engine() == DbBackend::Sqlite {
            return Ok(());
        }
        let row = write_guard::Entity::find_by_id(guard.name()).lock_exclusive();
        self.find_guard(guard, self.one_of(row)).await
    }

    /// Keeps every other transaction that locks the guard waiting until this one ends, but none that shares it too.
    pub(crate) async fn share_guard(&self, guard: Guard) -> Result<(), StoreError> {
        // MariaDB has no `FOR SHARE`, which sea-query writes for it.
        let lock = match self.engine() {
            DbBackend::Sqlite => return Ok(()),
            DbBackend::MySql => "LOCK IN SHARE MODE",
            _ => "FOR SHARE",
        };
        let query = format!("SELECT name FROM write_guards WHERE name = '{}' {lock}", guard.name());
        self.find_guard(guard, One::of(Statement::from_string(self.engine(), query))).await
    }

    async fn find_guard(&self, guard: Guard, row: One<write_guard::Model>) -> Result<(), StoreError> {
        match self.ask(row).await? {
            Some(_) => Ok(()),
            None => Err(StoreError::Database(format!("the row {} of write_guards is missing", guard.name()))),
        }
    }

    /// Adds a row.
    pub(crate) async fn insert<E>(&self, row: E::Model) -> Result<(), StoreError>
    where
        E: EntityTrait,
        E::Model: IntoActiveModel<E::ActiveModel>,
        E::ActiveModel: ActiveModelTrait<Entity = E>,
    {
        self.run(vec![self.insert_of::<E>(row)]).await?;
        Ok(())
    }

    /// The statement that adds a row.
    pub(crate) fn insert_of<E>(&self, row: E::Model) -> Statement
    where
        E: EntityTrait,
        E::Model: IntoActiveModel<E::ActiveModel>,
        E::ActiveModel: ActiveModelTrait<Entity = E>,
    {
        insertion::one::<E>(self.engine(), row)
    }

    /// The statement that removes the rows that fit.
    pub(crate) fn erase_of<E: EntityTrait>(&self, filter: Condition) -> Statement {
        self.statement(&E::delete_many().filter(filter).into_query())
    }

    /// Replaces the row that has the revision before the one given.
    pub(crate) async fn replace<E>(&self, row: E::Model, id: E::Column, revision: E::Column) -> Result<(), StoreError>
    where
        E: EntityTrait,
        E::Model: IntoActiveModel<E::ActiveModel>,
        E::ActiveModel: ActiveModelTrait<Entity = E> + Send,
    {
        let row = row.into_active_model();
        let Some(Value::BigInt(Some(now))) = row.get(revision).into_value() else {
            return Err(StoreError::Database("a row to be saved lacks its revision".to_owned()));
        };
        self.replace_revision::<E>(row, id, revision, now - 1).await
    }

    /// Replaces what `row` sets of the row that has the revision `previous`.
    pub(crate) async fn replace_revision<E>(
        &self,
        mut row: E::ActiveModel,
        id: E::Column,
        revision: E::Column,
        previous: i64,
    ) -> Result<(), StoreError>
    where
        E: EntityTrait,
        E::ActiveModel: ActiveModelTrait<Entity = E> + Send,
    {
        let Some(of) = row.take(id).into_value() else {
            return Err(StoreError::Database("a row to be saved lacks its id".to_owned()));
        };
        let update = E::update_many().set(row.reset_all()).filter(id.eq(of)).filter(revision.eq(previous));
        if self.change(update).await? == 1 {
            Ok(())
        } else {
            Err(StoreError::Contention("the row was changed or removed since it was read".to_owned()))
        }
    }

    /// Replaces the row with this key, or adds it if there is none.
    pub(crate) async fn put_row<E>(
        &self,
        row: E::Model,
        id: E::Column,
        key: impl Into<Value> + Send,
    ) -> Result<(), StoreError>
    where
        E: EntityTrait<Model: IntoActiveModel<E::ActiveModel>>,
        E::ActiveModel: ActiveModelTrait<Entity = E> + Send,
    {
        let mut replaced = row.clone().into_active_model();
        replaced.not_set(id);
        let update = E::update_many().set(replaced.reset_all()).filter(id.eq(key));
        // Every driver counts the rows that were found, whether or not that changed them: MariaDB's asks for it (CLIENT_FOUND_ROWS).
        if self.change(update).await? == 0 { self.insert::<E>(row).await } else { Ok(()) }
    }

    /// Changes the rows that `update` names; tells how many.
    pub(crate) async fn change<E: EntityTrait>(&self, update: UpdateMany<E>) -> Result<u64, StoreError> {
        self.run(vec![self.statement(&update.into_query())]).await
    }

    /// Removes the rows that fit; tells how many.
    pub(crate) async fn erase<E: EntityTrait>(&self, filter: Condition) -> Result<u64, StoreError> {
        self.run(vec![self.erase_of::<E>(filter)]).await
    }

    /// The one row of `select`, read as an `R`.
    pub(crate) async fn one<E, R, T>(&self, select: Select<E>) -> Result<Option<T>, StoreError>
    where
        E: EntityTrait,
        R: Record + TryInto<T, Error = StoreError>,
    {
        let row = self.ask(self.one_of::<E, R>(select)).await?;
        row.map(R::try_into).transpose()
    }

    /// Every row of `select`, read as an `R`.
    pub(crate) async fn all<E, R, T>(&self, select: Select<E>) -> Result<Vec<T>, StoreError>
    where
        E: EntityTrait,
        R: Record + TryInto<T, Error = StoreError>,
    {
        let rows = self.ask(self.all_of::<E, R>(select)).await?;
        rows.into_iter().map(R::try_into).collect()
    }

    /// What the columns of the first row of `select` hold: a value or a tuple of them.
    pub(crate) async fn value<E, T>(&self, select: Select<E>) -> Result<Option<T>, StoreError>
    where
        E: EntityTrait,
        Values<T>: Record,
    {
        Ok(self.ask(self.one_of::<E, Values<T>>(select)).await?.map(|Values(value)| value))
    }

    /// What the columns of every row of `select` hold.
    pub(crate) async fn values<E, T>(&self, select: Select<E>) -> Result<Vec<T>, StoreError>
    where
        E: EntityTrait,
        Values<T>: Record,
    {
        Ok(self.ask(self.all_of::<E, Values<T>>(select)).await?.into_iter().map(|Values(value)| value).collect())
    }

    /// The id that `select` yields in its only column.
    pub(crate) async fn id_of<E: EntityTrait, K>(&self, select: Select<E>) -> Result<Option<Id<K>>, StoreError> {
        Ok(self.value(select).await?.map(Id::new))
    }

    /// How many rows of `E` fit.
    pub(crate) async fn count<E: EntityTrait>(&self, filter: Condition) -> Result<u64, StoreError> {
        self.count_of(&total(E::find().filter(filter))).await
    }

    /// The number that a statement made by [`total`] yields.
    pub(crate) async fn count_of(&self, total: &SelectStatement) -> Result<u64, StoreError> {
        let count = self.ask(One::<Values<i64>>::of(self.statement(total))).await?;
        Ok(count.map_or(0, |Values(count)| count.unsigned_abs()))
    }

    /// The sum of a column of whole numbers, as one. Empty without rows.
    pub(crate) fn whole_sum(&self, column: impl ColumnTrait) -> SimpleExpr {
        self.whole(column.sum())
    }

    /// A sum as a whole number; without the cast it is a decimal on some engines.
    pub(crate) fn whole(&self, sum: SimpleExpr) -> SimpleExpr {
        let whole = if self.engine() == DbBackend::MySql { "signed" } else { "bigint" };
        sum.cast_as(whole)
    }

    /// A page of a list.
    pub(crate) async fn page<E, R, T, S>(
        &self,
        listing: Listing<E, S>,
        request: &PageRequest<S>,
    ) -> Result<Page<T>, StoreError>
    where
        E: EntityTrait,
        E::Model: Send + Sync,
        R: Record + TryInto<T, Error = StoreError>,
        T: Keyed<S>,
        S: SortField,
    {
        let total = if request.with_total { Some(self.count::<E>(listing.filter.clone()).await?) } else { None };
        let engine = self.engine();
        let rows = self.all::<E, R, T>(page_statement(listing, request, engine)).await?;
        Ok(Page::from_rows(rows, request, total))
    }
}

/// The statement that counts the rows of `select`: of the bare rows, not of a query around them, so that an index alone can tell.
pub(crate) fn total<E: EntityTrait>(select: Select<E>) -> SelectStatement {
    select.select_only().expr(Expr::col(Asterisk).count()).into_query()
}

/// The statement of a page: one row more than asked for, to learn whether there is a next page.
pub(crate) fn page_statement<E: EntityTrait, S: SortField>(
    listing: Listing<E, S>,
    request: &PageRequest<S>,
    engine: DbBackend,
) -> Select<E> {
    let column = (listing.sort)(request.sort.field);
    cut(listing.select.filter(listing.filter), column, listing.id, request, engine)
}

/// The part of `select` that a page shows, in the order of `column` and `id`, which may be those of a joined table.
pub(crate) fn cut<E: EntityTrait, K: ColumnTrait, S>(
    select: Select<E>,
    column: K,
    id: K,
    request: &PageRequest<S>,
    engine: DbBackend,
) -> Select<E> {
    let order = match request.sort.direction {
        Direction::Ascending => Order::Asc,
        Direction::Descending => Order::Desc,
    };
    let select = match &request.start {
        Start::Offset(0) => select,
        Start::Offset(rows) => select.offset(*rows),
        Start::After(place) => select.filter(behind(column, id, place, request.sort.direction, engine)),
    };
    select.order_by(column, order.clone()).order_by(id, order).limit(u64::from(request.limit) + 1)
}

/// The rows behind a place.
///
/// As `(a, b) < (x, y)`, by which an index leads right to the place. MariaDB uses no index for that: there it is
/// `a <= x AND (a < x OR b < y)`, by which every row is looked at that shares its `a` with the place.
fn behind<K: ColumnTrait>(column: K, id: K, place: &Position, direction: Direction, engine: DbBackend) -> Condition {
    let key: Value = match place.key.clone() {
        SortKey::Text(text) => text.into(),
        SortKey::Integer(number) => number.into(),
        SortKey::Date(day) => day.into(),
    };
    if engine != DbBackend::MySql {
        let row = Expr::tuple([column, id].map(|part| Expr::col(part.as_column_ref())));
        let place = Expr::tuple([Expr::val(key), Expr::val(place.id)]);
        let behind = match direction {
            Direction::Ascending => row.gt(place),
            Direction::Descending => row.lt(place),
        };
        return Condition::all().add(behind);
    }
    let (at_or_behind, behind, id_behind) = match direction {
        Direction::Ascending => (column.gte(key.clone()), column.gt(key), id.gt(place.id)),
        Direction::Descending => (column.lte(key.clone()), column.lt(key), id.lt(place.id)),
    };
    Condition::all().add(at_or_behind).add(Condition::any().add(behind).add(id_behind))
}

/// Whether the folded text in `column` contains `needle`, whatever its case; `%` and `_` are plain characters.
pub(crate) fn contains(column: impl ColumnTrait, needle: &str) -> SimpleExpr {
    let mut pattern = String::from("%");
    for character in text::fold(needle).chars() {
        if matches!(character, '%' | '_' | ESCAPE) {
            pattern.push(ESCAPE);
        }
        pattern.push(character);
    }
    pattern.push('%');
    Expr::col(column.as_column_ref()).like(LikeExpr::new(pattern).escape(ESCAPE))
}

/// The values of an IN list, the last repeated until there are a power of two: lists of any length then make few different
/// statements, which the cache of prepared ones can hold.
pub(crate) fn padded<T: Clone>(values: &[T]) -> Vec<T> {
    let mut padded = values.to_vec();
    if let Some(last) = values.last() {
        padded.resize(values.len().next_power_of_two(), last.clone());
    }
    padded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entity::tag::{Column, Entity};

    #[test]
    fn postgresql_reads_a_usual_limit_from_the_text_and_others_and_every_other_engine_from_a_parameter() {
        let sent = |engine, limit| {
            let select = Entity::find().select_only().column(Column::Id).filter(Column::Name.eq("a")).limit(limit);
            let statement = statement(engine, &select.into_query());
            (statement.sql.rsplit_once("LIMIT ").unwrap().1.to_owned(), statement.values.unwrap().0.len())
        };
        assert_eq!(sent(DbBackend::Postgres, 51), ("51".to_owned(), 1));
        assert_eq!(sent(DbBackend::Postgres, 52), ("$2".to_owned(), 2));
        assert_eq!(sent(DbBackend::MySql, 51), ("?".to_owned(), 2));
    }
}
