//! Clients.

use claudetools_kernel::{StoreError, text};
use claudetools_sessions::Client;
use o2o::o2o;
use sea_orm::entity::prelude::*;
use serde::Deserialize;

use crate::row::{Keeps, RowReader, Word};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Deserialize, o2o)]
#[sea_orm(table_name = "clients")]
#[from_ref(Client)]
#[owned_try_into(Client, StoreError| vars(row: {RowReader::new("clients", @.id)}))]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    #[o2o(repeat)]
    #[from(Keeps::keep(&~))]
    #[into(row.read(stringify!(~), ~)?)]
    pub(crate) id: Uuid,
    pub(crate) name: String,
    /// The name folded: unique, and what the list is sorted by.
    #[ghost(text::fold(&@.name))]
    pub(crate) name_key: String,
    pub(crate) client_type: Word,
    pub(crate) network_subnet: Option<String>,
    pub(crate) domain_name: Option<String>,
    pub(crate) primary_contact: Option<String>,
    pub(crate) contact_email: Option<String>,
    pub(crate) contact_phone: Option<String>,
    pub(crate) notes: Option<String>,
    pub(crate) is_active: bool,
    /// Ten-thousandths of a unit of the currency.
    pub(crate) hourly_rate: Option<i64>,
    pub(crate) billing_increment_minutes: i32,
    pub(crate) billing_rounding: Word,
    pub(crate) currency: String,
    pub(crate) external_ids: String,
    /// What `q` searches, folded.
    #[ghost(@.search_key())]
    pub(crate) search_key: String,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
    pub(crate) revision: i64,
    pub(crate) time_zone: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
