//! The port that all repositories have in common, for what lies in one table row by row.

use async_trait::async_trait;
use claudetools_kernel::{Entity, Id, Records, Referrer, StoreError, Stored};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, EntityTrait, IntoActiveModel, QueryFilter, Statement,
    sea_query::{SelectStatement, SimpleExpr},
};
use uuid::Uuid;

use crate::{
    insertion,
    query::total,
    question::Record,
    store::{Connection, SqlTx},
};

pub(crate) type ModelOf<R> = <<R as Row>::Table as EntityTrait>::Model;
type ActiveModelOf<R> = <<R as Row>::Table as EntityTrait>::ActiveModel;
pub(crate) type ColumnOf<R> = <<R as Row>::Table as EntityTrait>::Column;

/// A domain's type that lies in a table of its own, one row each. What has parts in other tables implements [`Records`] itself.
pub(crate) trait Row: Entity {
    /// The table.
    type Table: EntityTrait<
            Model: for<'a> From<&'a Self>
                       + TryInto<Self, Error = StoreError>
                       + IntoActiveModel<ActiveModelOf<Self>>
                       + Record,
            ActiveModel: ActiveModelTrait<Entity = Self::Table> + Send,
        >;
    /// The column of the id.
    const ID: ColumnOf<Self>;
    /// The column of the revision.
    const REVISION: ColumnOf<Self>;

    /// What a save writes: every column, unless the type says otherwise.
    fn changed(&self) -> ActiveModelOf<Self> {
        ModelOf::<Self>::from(self).into_active_model()
    }

    /// The kinds of rows that may refer to one, and keep it from being removed.
    fn referring(_id: Uuid) -> Vec<Referring> {
        Vec::new()
    }
}

/// A kind of rows, and the statement that counts those which refer to another row.
pub(crate) struct Referring {
    resource_type: &'static str,
    count: SelectStatement,
}

impl Referring {
    /// The rows of `E` that fit, as referrers of the kind `resource_type`.
    pub(crate) fn new<E: EntityTrait>(resource_type: &'static str, fit: SimpleExpr) -> Self {
        Self { resource_type, count: total(E::find().filter(fit)) }
    }
}

impl<C: Connection> SqlTx<C> {
    /// Adds rows, if there are any.
    pub(crate) async fn insert_all<E>(&self, rows: impl Iterator<Item = E::Model> + Send) -> Stored<()>
    where
        E: EntityTrait<Model: IntoActiveModel<E::ActiveModel>, ActiveModel: ActiveModelTrait<Entity = E> + Send>,
    {
        self.run(self.insert_all_of::<E>(rows).into_iter().collect()).await?;
        Ok(())
    }

    /// The statement that adds rows, if there are any.
    pub(crate) fn insert_all_of<E>(&self, rows: impl Iterator<Item = E::Model>) -> Option<Statement>
    where
        E: EntityTrait<Model: IntoActiveModel<E::ActiveModel>, ActiveModel: ActiveModelTrait<Entity = E> + Send>,
    {
        insertion::all::<E>(self.engine(), rows)
    }

    /// The statements that add rows: as few as there can be with a bounded number of texts, which the cache of prepared ones can hold.
    pub(crate) fn insert_chunks_of<E>(&self, mut rows: Vec<E::Model>) -> Vec<Statement>
    where
        E: EntityTrait<Model: IntoActiveModel<E::ActiveModel>, ActiveModel: ActiveModelTrait<Entity = E> + Send>,
    {
        let mut statements = Vec::new();
        while !rows.is_empty() {
            let most = if rows.len() <= 8 { rows.len() } else { (rows.len() / 8 * 8).min(64) };
            let rest = rows.split_off(most);
            statements.extend(self.insert_all_of::<E>(rows.into_iter()));
            rows = rest;
        }
        statements
    }

    /// Counts those that refer to a row, kinds without rows left out.
    pub(crate) async fn count_referrers(&self, kinds: Vec<Referring>) -> Stored<Vec<Referrer>> {
        let mut referrers = Vec::new();
        for Referring { resource_type, count } in kinds {
            let count = self.count_of(&count).await?;
            if count > 0 {
                referrers.push(Referrer { resource_type, count });
            }
        }
        Ok(referrers)
    }
}

#[async_trait]
impl<C: Connection, R: Row> Records<R> for SqlTx<C> {
    async fn add(&mut self, row: &R) -> Stored<()> {
        self.insert::<R::Table>(row.into()).await
    }

    async fn save(&mut self, row: &R) -> Stored<()> {
        self.replace_revision::<R::Table>(row.changed(), R::ID, R::REVISION, row.revision() - 1).await
    }

    async fn remove(&mut self, id: Id<R>) -> Stored<bool> {
        // What belongs to it in other tables goes with it: their foreign keys cascade.
        Ok(self.erase::<R::Table>(Condition::all().add(R::ID.eq(id.uuid()))).await? > 0)
    }

    async fn lookup(&mut self, id: Id<R>) -> Stored<Option<R>> {
        self.one::<_, ModelOf<R>, R>(R::Table::find().filter(R::ID.eq(id.uuid()))).await
    }

    async fn referrers(&mut self, id: Id<R>) -> Stored<Vec<Referrer>> {
        self.count_referrers(R::referring(id.uuid())).await
    }
}
