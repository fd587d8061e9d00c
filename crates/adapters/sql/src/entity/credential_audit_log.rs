//! The audit chain.

use claudetools_credentials::{AuditEvent, AuditRow};
use claudetools_kernel::StoreError;
use o2o::o2o;
use sea_orm::entity::prelude::*;
use serde::Deserialize;

use crate::row::{Keeps, RowReader, Word};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Deserialize, o2o)]
#[sea_orm(table_name = "credential_audit_log")]
#[from_ref(AuditRow)]
#[owned_try_into(AuditRow, StoreError| vars(row: {RowReader::new("credential_audit_log", @.id)}))]
#[child_parents(event: AuditEvent)]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    #[o2o(repeat)]
    #[from(Keeps::keep(&~))]
    #[into(row.read(stringify!(~), ~)?)]
    pub(crate) seq: i64,
    pub(crate) id: Uuid,
    pub(crate) epoch: i64,
    #[child(event)]
    pub(crate) credential_id: Option<Uuid>,
    #[child(event)]
    pub(crate) credential_name: Option<String>,
    #[child(event)]
    pub(crate) action: Word,
    #[child(event)]
    pub(crate) subject: String,
    #[child(event)]
    pub(crate) agent_type: Option<String>,
    #[child(event)]
    pub(crate) parent_session: Option<Uuid>,
    #[child(event)]
    pub(crate) client_ip: Option<String>,
    #[child(event)]
    pub(crate) user_agent: Option<String>,
    #[child(event)]
    pub(crate) request_id: Option<String>,
    #[child(event)]
    pub(crate) at: i64,
    pub(crate) hash: Vec<u8>,
    #[child(event)]
    pub(crate) reason: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
