//! The statements that all repositories share.

use claudetools_kernel::{Direction, Id, Keyed, Page, PageRequest, Position, SortField, SortKey, Start, StoreError, text};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, EntityTrait, ExprTrait, FromQueryResult, IntoActiveModel, Order,
    PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select, Value,
    sea_query::{Expr, LikeExpr, SimpleExpr},
};
use uuid::Uuid;

use crate::{failure::failure, store::{Connection, SqlTx}};

/// Marks the characters that a `LIKE` pattern takes literally. Not a backslash, which engines escape differently.
const ESCAPE: char = '!';

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

impl<C: Connection> SqlTx<C> {
    /// Adds a row.
    pub(crate) async fn insert<E>(&self, row: E::Model) -> Result<(), StoreError>
    where
        E: EntityTrait,
        E::Model: IntoActiveModel<E::ActiveModel>,
        E::ActiveModel: ActiveModelTrait<Entity = E>,
    {
        E::insert(row.into_active_model()).exec_without_returning(self.connection()).await.map_err(failure)?;
        Ok(())
    }

    /// Replaces the row that has the revision before the one given.
    pub(crate) async fn replace<E>(&self, row: E::Model, id: E::Column, revision: E::Column) -> Result<(), StoreError>
    where
        E: EntityTrait,
        E::Model: IntoActiveModel<E::ActiveModel>,
        E::ActiveModel: ActiveModelTrait<Entity = E> + Send,
    {
        let mut row = row.into_active_model();
        let of = row.take(id).into_value();
        let now = row.get(revision).into_value();
        let (Some(of), Some(Value::BigInt(Some(now)))) = (of, now) else {
            return Err(StoreError::Database("a row to be saved lacks its id or revision".to_owned()));
        };
        let done = E::update_many()
            .set(row.reset_all())
            .filter(id.eq(of))
            .filter(revision.eq(now - 1))
            .exec(self.connection())
            .await
            .map_err(failure)?;
        if done.rows_affected == 1 {
            Ok(())
        } else {
            Err(StoreError::Contention("the row was changed or removed since it was read".to_owned()))
        }
    }

    /// Removes the rows that fit; tells how many.
    pub(crate) async fn erase<E: EntityTrait>(&self, filter: Condition) -> Result<u64, StoreError> {
        let done = E::delete_many().filter(filter).exec(self.connection()).await.map_err(failure)?;
        Ok(done.rows_affected)
    }

    /// The one row of `select`, read as an `R`.
    pub(crate) async fn one<E, R, T>(&self, select: Select<E>) -> Result<Option<T>, StoreError>
    where
        E: EntityTrait,
        R: FromQueryResult + Send,
        T: TryFrom<R, Error = StoreError>,
    {
        let row = select.into_model::<R>().one(self.connection()).await.map_err(failure)?;
        row.map(T::try_from).transpose()
    }

    /// Every row of `select`, read as an `R`.
    pub(crate) async fn all<E, R, T>(&self, select: Select<E>) -> Result<Vec<T>, StoreError>
    where
        E: EntityTrait,
        R: FromQueryResult + Send,
        T: TryFrom<R, Error = StoreError>,
    {
        let rows = select.into_model::<R>().all(self.connection()).await.map_err(failure)?;
        rows.into_iter().map(T::try_from).collect()
    }

    /// The id that `select` yields in its only column.
    pub(crate) async fn id_of<E: EntityTrait, K>(&self, select: Select<E>) -> Result<Option<Id<K>>, StoreError> {
        let id = select.into_tuple::<Uuid>().one(self.connection()).await.map_err(failure)?;
        Ok(id.map(Id::new))
    }

    /// How many rows of `E` fit.
    pub(crate) async fn count<E>(&self, filter: Condition) -> Result<u64, StoreError>
    where
        E: EntityTrait,
        E::Model: Send + Sync,
    {
        E::find().filter(filter).count(self.connection()).await.map_err(failure)
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
        R: FromQueryResult + Send,
        T: TryFrom<R, Error = StoreError> + Keyed<S>,
        S: SortField,
    {
        let total = if request.with_total { Some(self.count::<E>(listing.filter.clone()).await?) } else { None };
        let rows = self.all::<E, R, T>(page_statement(listing, request)).await?;
        Ok(Page::from_rows(rows, request, total))
    }
}

/// The statement of a page: one row more than asked for, to learn whether there is a next page.
pub(crate) fn page_statement<E: EntityTrait, S: SortField>(listing: Listing<E, S>, request: &PageRequest<S>) -> Select<E> {
    let column = (listing.sort)(request.sort.field);
    let order = match request.sort.direction {
        Direction::Ascending => Order::Asc,
        Direction::Descending => Order::Desc,
    };
    let mut select = listing.select.filter(listing.filter);
    match &request.start {
        Start::Offset(0) => {}
        Start::Offset(rows) => select = select.offset(*rows),
        Start::After(place) => {
            select = select.filter(behind(column, listing.id, place, request.sort.direction));
        }
    }
    select.order_by(column, order.clone()).order_by(listing.id, order).limit(u64::from(request.limit) + 1)
}

/// The rows behind a place, as `a <= x AND (a < x OR b < y)`: MariaDB does not use an index for `(a, b) < (x, y)`.
fn behind<K: ColumnTrait>(column: K, id: K, place: &Position, direction: Direction) -> Condition {
    let key: Value = match place.key.clone() {
        SortKey::Text(text) => text.into(),
        SortKey::Integer(number) => number.into(),
        SortKey::Date(day) => day.into(),
    };
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
