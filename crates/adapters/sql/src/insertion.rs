//! Statements that add rows. Their texts depend on the table, the engine and the number of rows alone: making them again for every row
//! of the audit log cost more than the database's own work on it.

use std::{
    any::TypeId,
    collections::HashMap,
    sync::{Arc, LazyLock, PoisonError, RwLock},
};

use sea_orm::{
    ActiveModelTrait, DbBackend, EntityTrait, IntoActiveModel, Iterable, Statement, StatementBuilder, Value,
    sea_query::{InsertStatement, SimpleExpr},
};

/// The most rows of a statement whose text is kept. Beyond it the row's values cost far more than the text.
const KEPT: usize = 256;

type Texts = HashMap<(TypeId, usize), Vec<(DbBackend, Arc<str>)>>;

static TEXTS: LazyLock<RwLock<Texts>> = LazyLock::new(RwLock::default);

/// The statement that adds a row.
pub(crate) fn one<E>(engine: DbBackend, row: E::Model) -> Statement
where
    E: EntityTrait<Model: IntoActiveModel<E::ActiveModel>, ActiveModel: ActiveModelTrait<Entity = E>>,
{
    Statement::from_sql_and_values(engine, &*text::<E>(engine, 1), values::<E>(row))
}

/// The statement that adds rows, if there are any.
pub(crate) fn all<E>(engine: DbBackend, rows: impl IntoIterator<Item = E::Model>) -> Option<Statement>
where
    E: EntityTrait<Model: IntoActiveModel<E::ActiveModel>, ActiveModel: ActiveModelTrait<Entity = E>>,
{
    let mut count = 0;
    let values: Vec<Value> = rows.into_iter().inspect(|_| count += 1).flat_map(values::<E>).collect();
    (count > 0).then(|| Statement::from_sql_and_values(engine, &*text::<E>(engine, count), values))
}

/// Those of a row, in the order of the columns.
fn values<E>(row: E::Model) -> impl Iterator<Item = Value>
where
    E: EntityTrait<Model: IntoActiveModel<E::ActiveModel>, ActiveModel: ActiveModelTrait<Entity = E>>,
{
    let mut row: E::ActiveModel = row.into_active_model();
    E::Column::iter().filter_map(move |column| row.take(column).into_value())
}

/// The text that adds `count` rows, from those that were made before.
fn text<E: EntityTrait>(engine: DbBackend, count: usize) -> Arc<str> {
    let key = (TypeId::of::<E>(), count);
    let kept =
        |texts: &Texts| texts.get(&key)?.iter().find(|(other, _)| *other == engine).map(|(_, text)| text.clone());
    if let Some(text) = kept(&TEXTS.read().unwrap_or_else(PoisonError::into_inner)) {
        return text;
    }
    let text: Arc<str> = written::<E>(engine, count).into();
    // Numbers of rows that seldom return would only fill the memory.
    if count <= 8 || (count <= KEPT && count.is_multiple_of(8)) {
        let mut texts = TEXTS.write().unwrap_or_else(PoisonError::into_inner);
        texts.entry(key).or_default().push((engine, text.clone()));
    }
    text
}

fn written<E: EntityTrait>(engine: DbBackend, count: usize) -> String {
    let mut insert = InsertStatement::new();
    insert.into_table(E::default().table_ref()).columns(E::Column::iter());
    for _ in 0..count {
        // Which value it is does not show in the text.
        insert.values_panic(E::Column::iter().map(|_| SimpleExpr::from(Value::Bool(None))));
    }
    StatementBuilder::build(&insert, &engine).sql
}

#[cfg(test)]
mod tests {
    use sea_orm::QueryTrait;
    use uuid::Uuid;

    use super::*;
    use crate::entity::{work_item_tag, write_guard};

    fn tag(n: u128) -> work_item_tag::Model {
        work_item_tag::Model { work_item_id: Uuid::from_u128(n), tag_id: Uuid::from_u128(n + 1) }
    }

    #[test]
    fn the_statement_is_that_of_the_mapper_on_every_engine() {
        for engine in [DbBackend::Sqlite, DbBackend::MySql, DbBackend::Postgres] {
            for count in [1, 2, 9] {
                let rows = || (0..count).map(tag);
                let theirs =
                    work_item_tag::Entity::insert_many(rows().map(IntoActiveModel::into_active_model)).into_query();
                let ours = all::<work_item_tag::Entity>(engine, rows()).unwrap();
                assert_eq!(ours, StatementBuilder::build(&theirs, &engine));
                if count == 1 {
                    assert_eq!(one::<work_item_tag::Entity>(engine, tag(0)), ours);
                }
                // From what is kept it is the same, for another table another.
                assert_eq!(all::<work_item_tag::Entity>(engine, rows()).unwrap(), ours);
            }
            assert_ne!(text::<work_item_tag::Entity>(engine, 1), text::<write_guard::Entity>(engine, 1));
        }
    }

    #[test]
    fn no_rows_make_no_statement() {
        assert_eq!(all::<work_item_tag::Entity>(DbBackend::Sqlite, []), None);
    }
}
