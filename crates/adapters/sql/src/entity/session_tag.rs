//! The tags of sessions.

use claudetools_sessions::Session;
use sea_orm::entity::prelude::*;
use serde::Deserialize;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Deserialize)]
#[sea_orm(table_name = "session_tags")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) session_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) tag_id: Uuid,
    /// The session's, so that the sessions with a tag come in the order of the list.
    pub(crate) session_date: Date,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {
    #[sea_orm(belongs_to = "super::session::Entity", from = "Column::SessionId", to = "super::session::Column::Id")]
    Session,
    #[sea_orm(belongs_to = "super::tag::Entity", from = "Column::TagId", to = "super::tag::Column::Id")]
    Tag,
}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// The rows of a session.
    pub(crate) fn of(session: &Session) -> impl Iterator<Item = Self> + '_ {
        let (session_id, session_date) = (session.id.uuid(), session.session_date);
        session.tags.iter().map(move |tag| Self { session_id, tag_id: tag.uuid(), session_date })
    }
}
