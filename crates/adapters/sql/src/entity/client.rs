//! Clients.

use claudetools_kernel::{Money, StoreError, text};
use claudetools_sessions::{Client, Currency};
use sea_orm::entity::prelude::*;

use crate::row::{RowReader, to_json};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "clients")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: Uuid,
    pub(crate) name: String,
    /// The name folded: unique, and what the list is sorted by.
    pub(crate) name_key: String,
    pub(crate) client_type: String,
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
    pub(crate) billing_rounding: String,
    pub(crate) currency: String,
    pub(crate) external_ids: String,
    /// What `q` searches, folded.
    pub(crate) search_key: String,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
    pub(crate) revision: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl From<&Client> for Model {
    fn from(client: &Client) -> Self {
        Self {
            id: client.id.uuid(),
            name: client.name.clone(),
            name_key: text::fold(&client.name),
            client_type: client.client_type.to_string(),
            network_subnet: client.network_subnet.clone(),
            domain_name: client.domain_name.clone(),
            primary_contact: client.primary_contact.clone(),
            contact_email: client.contact_email.clone(),
            contact_phone: client.contact_phone.clone(),
            notes: client.notes.clone(),
            is_active: client.is_active,
            hourly_rate: client.hourly_rate.map(Money::ten_thousandths),
            billing_increment_minutes: client.billing_increment_minutes,
            billing_rounding: client.billing_rounding.to_string(),
            currency: client.currency.as_str().to_owned(),
            external_ids: to_json(&client.external_ids),
            search_key: client.search_key(),
            created_at: client.created_at.micros(),
            updated_at: client.updated_at.micros(),
            revision: client.revision,
        }
    }
}

impl TryFrom<Model> for Client {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let reader = RowReader::new("clients", row.id);
        Ok(Self {
            id: claudetools_kernel::Id::new(row.id),
            name: row.name,
            client_type: reader.word("client_type", &row.client_type)?,
            network_subnet: row.network_subnet,
            domain_name: row.domain_name,
            primary_contact: row.primary_contact,
            contact_email: row.contact_email,
            contact_phone: row.contact_phone,
            notes: row.notes,
            is_active: row.is_active,
            hourly_rate: row.hourly_rate.map(Money::from_ten_thousandths),
            billing_increment_minutes: row.billing_increment_minutes,
            billing_rounding: reader.word("billing_rounding", &row.billing_rounding)?,
            currency: reader.value("currency", Currency::parse(&row.currency))?,
            external_ids: reader.json("external_ids", &row.external_ids)?,
            created_at: reader.instant("created_at", row.created_at)?,
            updated_at: reader.instant("updated_at", row.updated_at)?,
            revision: row.revision,
        })
    }
}
