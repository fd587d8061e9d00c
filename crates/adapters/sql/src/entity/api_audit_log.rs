//! Who called what.

use sea_orm::entity::prelude::*;
use serde::Deserialize;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Deserialize)]
#[sea_orm(table_name = "api_audit_logs")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: Uuid,
    pub(crate) at: i64,
    pub(crate) request_id: String,
    pub(crate) subject: Option<String>,
    pub(crate) agent_type: Option<String>,
    pub(crate) parent_session: Option<Uuid>,
    pub(crate) method: String,
    pub(crate) route: Option<String>,
    pub(crate) path: String,
    pub(crate) status: i16,
    pub(crate) duration_micros: i64,
    pub(crate) client_ip: Option<String>,
    pub(crate) user_agent: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
