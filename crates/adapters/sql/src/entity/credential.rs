//! Credentials.

use claudetools_credentials::{Access, Credential};
use claudetools_kernel::{StoreError, text};
use o2o::o2o;
use sea_orm::{FromQueryResult, entity::prelude::*};
use serde::Deserialize;

use super::credential_version;
use crate::row::{Keeps, RowReader, Word};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Deserialize, o2o)]
#[sea_orm(table_name = "credentials")]
#[from_ref(Credential)]
#[owned_try_into(Credential, StoreError| vars(row: {RowReader::new("credentials", @.id)}))]
#[ghosts(access: {Access::default()})]
#[expect(clippy::struct_excessive_bools, reason = "as the resource has them")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    #[o2o(repeat)]
    #[from(Keeps::keep(&~))]
    #[into(row.read(stringify!(~), ~)?)]
    pub(crate) id: Uuid,
    pub(crate) client_id: Option<Uuid>,
    pub(crate) service_id: Option<Uuid>,
    pub(crate) infrastructure_id: Option<Uuid>,
    pub(crate) service_name: String,
    /// The name folded, which the list is sorted by.
    #[ghost(text::fold(&@.service_name))]
    pub(crate) service_name_key: String,
    pub(crate) credential_type: Word,
    pub(crate) username: Option<String>,
    pub(crate) external_url: Option<String>,
    pub(crate) internal_url: Option<String>,
    pub(crate) custom_port: Option<i32>,
    pub(crate) requires_vpn: bool,
    pub(crate) requires_2fa: bool,
    pub(crate) requires_reason: bool,
    pub(crate) expires_at: Option<i64>,
    pub(crate) last_rotated_at: Option<i64>,
    pub(crate) rotation_interval_days: Option<i32>,
    /// When the secrets should next be changed.
    #[ghost(@.rotation_due_at().map(|due| due.micros()))]
    pub(crate) rotation_due_at: Option<i64>,
    pub(crate) is_active: bool,
    /// The names of the secret fields that are set.
    pub(crate) has: String,
    pub(crate) version: i64,
    /// Whether `credential_access` has rows of it.
    #[ghost(@.access.is_restricted())]
    pub(crate) is_restricted: bool,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
    pub(crate) revision: i64,
    pub(crate) role_description: Option<String>,
    pub(crate) tags: String,
    /// What `q` searches, folded.
    #[ghost(@.search_key())]
    pub(crate) search_key: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// A credential and one of its versions, if there is such.
#[derive(Debug, FromQueryResult, Deserialize)]
pub(crate) struct WithVersion {
    #[sea_orm(nested)]
    pub(crate) credential: Model,
    number: Option<i64>,
    fields: Option<String>,
    key_id: Option<String>,
    made_at: Option<i64>,
    made_by: Option<String>,
    sealed_at: Option<i64>,
    wrapped_key: Option<Vec<u8>>,
    ciphertext: Option<Vec<u8>>,
}

impl WithVersion {
    /// The columns of a version, and what they are called beside those of its credential.
    pub(crate) const COLUMNS: [(credential_version::Column, &str); 8] = [
        (credential_version::Column::Version, "number"),
        (credential_version::Column::Fields, "fields"),
        (credential_version::Column::KeyId, "key_id"),
        (credential_version::Column::CreatedAt, "made_at"),
        (credential_version::Column::CreatedBy, "made_by"),
        (credential_version::Column::SealedAt, "sealed_at"),
        (credential_version::Column::WrappedKey, "wrapped_key"),
        (credential_version::Column::Ciphertext, "ciphertext"),
    ];

    /// The two rows. None of a version's columns can be NULL: either all are, or none.
    pub(crate) fn rows(self) -> (Model, Option<credential_version::Model>) {
        let version = (|| {
            Some(credential_version::Model {
                credential_id: self.credential.id,
                version: self.number?,
                fields: self.fields?,
                key_id: self.key_id?,
                created_at: self.made_at?,
                created_by: self.made_by?,
                sealed_at: self.sealed_at?,
                wrapped_key: self.wrapped_key?,
                ciphertext: self.ciphertext?,
            })
        })();
        (self.credential, version)
    }
}
