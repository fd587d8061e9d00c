//! The versions of credentials' secrets, sealed.

use claudetools_credentials::{Sealed, SealedVersion, VersionInfo};
use claudetools_kernel::StoreError;
use o2o::o2o;
use sea_orm::{DerivePartialModel, FromQueryResult, entity::prelude::*};
use serde::Deserialize;

use crate::row::{Keeps, RowReader};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Deserialize, o2o)]
#[sea_orm(table_name = "credential_versions")]
#[from_ref(SealedVersion)]
#[owned_try_into(SealedVersion, StoreError| vars(row: {RowReader::new("credential_versions", @.credential_id)}))]
#[child_parents(sealed: Sealed)]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    #[o2o(repeat)]
    #[from(Keeps::keep(&~))]
    #[into(row.read(stringify!(~), ~)?)]
    pub(crate) credential_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) version: i64,
    pub(crate) fields: String,
    #[child(sealed)]
    pub(crate) key_id: String,
    pub(crate) created_at: i64,
    pub(crate) created_by: String,
    pub(crate) sealed_at: i64,
    #[child(sealed)]
    pub(crate) wrapped_key: Vec<u8>,
    #[child(sealed)]
    pub(crate) ciphertext: Vec<u8>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// A version without its secrets.
#[derive(Debug, DerivePartialModel, Deserialize, o2o)]
#[sea_orm(entity = "Entity")]
#[owned_try_into(VersionInfo, StoreError| vars(row: {RowReader::new("credential_versions", Uuid::nil())}))]
pub(crate) struct Info {
    #[o2o(repeat)]
    #[into(row.read(stringify!(~), ~)?)]
    version: i64,
    fields: String,
    key_id: String,
    created_at: i64,
    created_by: String,
}

/// How much a master key wraps.
#[derive(Debug, FromQueryResult, Deserialize)]
pub(crate) struct Wrapped {
    pub(crate) key_id: String,
    pub(crate) versions: i64,
    pub(crate) outdated: i64,
}
