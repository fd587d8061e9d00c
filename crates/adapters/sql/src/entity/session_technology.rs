//! The technologies that sessions used.

use claudetools_kernel::text;
use claudetools_sessions::Session;
use sea_orm::entity::prelude::*;
use serde::Deserialize;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Deserialize)]
#[sea_orm(table_name = "session_technologies")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) session_id: Uuid,
    /// The technology folded.
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) technology_key: String,
    pub(crate) technology: String,
    /// Its place in the session's list.
    pub(crate) position: i32,
    /// The session's, so that the sessions with a technology come in the order of the list.
    pub(crate) session_date: Date,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {
    #[sea_orm(belongs_to = "super::session::Entity", from = "Column::SessionId", to = "super::session::Column::Id")]
    Session,
}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// The rows of a session.
    pub(crate) fn of(session: &Session) -> impl Iterator<Item = Self> + '_ {
        let (session_id, session_date) = (session.id.uuid(), session.session_date);
        session.technologies_used.iter().zip(0..).map(move |(technology, position)| {
            let technology_key = text::fold(technology);
            Self { session_id, technology_key, technology: technology.clone(), position, session_date }
        })
    }
}
