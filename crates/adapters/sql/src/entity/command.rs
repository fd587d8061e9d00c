//! Commands.

use claudetools_infra::failure::{Command, Run};
use claudetools_kernel::StoreError;
use o2o::o2o;
use sea_orm::entity::prelude::*;
use serde::Deserialize;

use crate::row::{Keeps, RowReader, Word};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Deserialize, o2o)]
#[sea_orm(table_name = "commands")]
#[from_ref(Command)]
#[owned_try_into(Command, StoreError| vars(row: {RowReader::new("commands", @.id)}))]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    #[o2o(repeat)]
    #[from(Keeps::keep(&~))]
    #[into(row.read(stringify!(~), ~)?)]
    pub(crate) id: Uuid,
    pub(crate) session_id: Uuid,
    pub(crate) work_item_id: Option<Uuid>,
    pub(crate) client_id: Option<Uuid>,
    pub(crate) infrastructure_id: Option<Uuid>,
    pub(crate) host: Option<String>,
    /// The host folded; empty when it is not known.
    #[ghost(@.host_key())]
    pub(crate) host_key: String,
    pub(crate) shell_type: Option<Word>,
    pub(crate) success: bool,
    pub(crate) exit_code: Option<i32>,
    pub(crate) failure_category: Option<Word>,
    pub(crate) duration_ms: Option<i64>,
    pub(crate) executed_at: i64,
    pub(crate) os: Option<String>,
    pub(crate) os_version: Option<String>,
    pub(crate) shell_version: Option<String>,
    pub(crate) verb: String,
    pub(crate) intent: String,
    pub(crate) is_analysed: bool,
    pub(crate) pattern_id: Option<Uuid>,
    pub(crate) created_at: i64,
    pub(crate) revision: i64,
    pub(crate) command_text: String,
    pub(crate) error_message: Option<String>,
    pub(crate) output_excerpt: Option<String>,
    /// What `q` searches, folded.
    #[ghost(@.search_key())]
    pub(crate) search_key: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// What a contrast looks at.
#[derive(Debug, DerivePartialModel, Deserialize, o2o)]
#[sea_orm(entity = "Entity")]
#[owned_try_into(Run, StoreError| vars(row: {RowReader::new("commands", @.session_id)}))]
pub(crate) struct RunRow {
    #[o2o(repeat)]
    #[into(row.read(stringify!(~), ~)?)]
    session_id: Uuid,
    client_id: Option<Uuid>,
    #[sea_orm(from_col = "host_key")]
    #[into(Some(~).filter(|host| !host.is_empty()))]
    host: String,
    os: Option<String>,
    os_version: Option<String>,
    shell_type: Option<Word>,
    shell_version: Option<String>,
    pattern_id: Option<Uuid>,
    command_text: String,
}
