//! Tags.

use claudetools_kernel::StoreError;
use claudetools_sessions::{CountedTag, Tag, TaggedSession, TaggedWorkItem};
use o2o::o2o;
use sea_orm::{FromQueryResult, entity::prelude::*};
use serde::Deserialize;

use crate::row::{Keeps, RowReader, Word};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Deserialize, o2o)]
#[sea_orm(table_name = "tags")]
#[from_ref(Tag)]
#[owned_try_into(Tag, StoreError| vars(row: {RowReader::new("tags", @.id)}))]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    #[o2o(repeat)]
    #[from(Keeps::keep(&~))]
    #[into(row.read(stringify!(~), ~)?)]
    pub(crate) id: Uuid,
    /// Kept folded: unique, and what the list is sorted by.
    pub(crate) name: String,
    pub(crate) category: Option<Word>,
    pub(crate) description: Option<String>,
    /// What `q` searches, folded.
    #[ghost(@.search_key())]
    pub(crate) search_key: String,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
    pub(crate) revision: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// A row with the number of its uses.
#[derive(Debug, FromQueryResult, Deserialize, o2o)]
#[owned_try_into(CountedTag, StoreError)]
pub(crate) struct Counted {
    #[sea_orm(nested)]
    #[into(~.try_into()?)]
    tag: Model,
    #[into(~.unsigned_abs())]
    usage_count: i64,
}

/// A session that bears a tag.
#[derive(Debug, FromQueryResult, Deserialize, o2o)]
#[owned_try_into(TaggedSession, StoreError| vars(row: {RowReader::new("tags", @.id)}))]
pub(crate) struct OfSession {
    #[o2o(repeat)]
    #[into(row.read(stringify!(~), ~)?)]
    id: Uuid,
    session_title: String,
    session_date: Date,
}

/// A work item that bears a tag.
#[derive(Debug, FromQueryResult, Deserialize, o2o)]
#[owned_try_into(TaggedWorkItem, StoreError| vars(row: {RowReader::new("tags", @.id)}))]
pub(crate) struct OfWorkItem {
    #[o2o(repeat)]
    #[into(row.read(stringify!(~), ~)?)]
    id: Uuid,
    title: String,
}
