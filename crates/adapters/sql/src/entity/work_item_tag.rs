//! The tags of work items.

use claudetools_sessions::WorkItem;
use sea_orm::entity::prelude::*;
use serde::Deserialize;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Deserialize)]
#[sea_orm(table_name = "work_item_tags")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) work_item_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) tag_id: Uuid,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {
    #[sea_orm(belongs_to = "super::tag::Entity", from = "Column::TagId", to = "super::tag::Column::Id")]
    Tag,
    #[sea_orm(
        belongs_to = "super::work_item::Entity",
        from = "Column::WorkItemId",
        to = "super::work_item::Column::Id"
    )]
    WorkItem,
}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// The rows of a work item.
    pub(crate) fn of(item: &WorkItem) -> impl Iterator<Item = Self> + '_ {
        let work_item_id = item.id.uuid();
        item.tags.iter().map(move |tag| Self { work_item_id, tag_id: tag.uuid() })
    }
}
