//! Tags.

use claudetools_kernel::StoreError;
use claudetools_sessions::{CountedTag, Tag, TaggedSession, TaggedWorkItem};
use sea_orm::{FromQueryResult, entity::prelude::*};

use crate::row::RowReader;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "tags")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: Uuid,
    /// Kept folded: unique, and what the list is sorted by.
    pub(crate) name: String,
    pub(crate) category: Option<String>,
    pub(crate) description: Option<String>,
    /// What `q` searches, folded.
    pub(crate) search_key: String,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
    pub(crate) revision: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// A row with the number of its uses.
#[derive(Debug, FromQueryResult)]
pub(crate) struct Counted {
    #[sea_orm(nested)]
    tag: Model,
    usage_count: i64,
}

/// A session that bears a tag.
#[derive(Debug, FromQueryResult)]
pub(crate) struct OfSession {
    id: Uuid,
    session_title: String,
    session_date: Date,
}

/// A work item that bears a tag.
#[derive(Debug, FromQueryResult)]
pub(crate) struct OfWorkItem {
    id: Uuid,
    title: String,
}

impl From<&Tag> for Model {
    fn from(tag: &Tag) -> Self {
        Self {
            id: tag.id.uuid(),
            name: tag.name.clone(),
            category: tag.category.map(|category| category.to_string()),
            description: tag.description.clone(),
            search_key: tag.search_key(),
            created_at: tag.created_at.micros(),
            updated_at: tag.updated_at.micros(),
            revision: tag.revision,
        }
    }
}

impl TryFrom<Model> for Tag {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let reader = RowReader::new("tags", row.id);
        Ok(Self {
            id: claudetools_kernel::Id::new(row.id),
            name: row.name,
            category: row.category.as_deref().map(|word| reader.word("category", word)).transpose()?,
            description: row.description,
            created_at: reader.instant("created_at", row.created_at)?,
            updated_at: reader.instant("updated_at", row.updated_at)?,
            revision: row.revision,
        })
    }
}

impl TryFrom<Counted> for CountedTag {
    type Error = StoreError;

    fn try_from(row: Counted) -> Result<Self, StoreError> {
        Ok(Self { tag: row.tag.try_into()?, usage_count: row.usage_count.unsigned_abs() })
    }
}

impl TryFrom<OfSession> for TaggedSession {
    type Error = StoreError;

    fn try_from(row: OfSession) -> Result<Self, StoreError> {
        let id = claudetools_kernel::Id::new(row.id);
        Ok(Self { id, session_title: row.session_title, session_date: row.session_date })
    }
}

impl TryFrom<OfWorkItem> for TaggedWorkItem {
    type Error = StoreError;

    fn try_from(row: OfWorkItem) -> Result<Self, StoreError> {
        Ok(Self { id: claudetools_kernel::Id::new(row.id), title: row.title })
    }
}
