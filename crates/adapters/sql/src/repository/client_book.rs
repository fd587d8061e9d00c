//! Clients as imports of the inventory want them.

use async_trait::async_trait;
use claudetools_infra::netbox::{ClientBook, Fate, ImportedClient, SYSTEM};
use claudetools_kernel::{Error, Id, Records, Result, Timestamp, text};
use claudetools_sessions::{Client, ClientFields, ClientType};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use crate::{
    entity::client::{Column, Entity, Model},
    query::contains,
    store::{Connection, SqlTx},
};

/// What is to be said of a client: whatever is not known yet, and never what people may have changed.
fn fields(known: Option<&Client>, wanted: &ImportedClient) -> ClientFields {
    let mut external_ids = known.map(|client| client.external_ids.clone()).unwrap_or_default();
    external_ids.insert(SYSTEM.to_owned(), wanted.external_id.clone());
    let kind = if wanted.is_internal { ClientType::Internal } else { ClientType::MspClient };
    ClientFields {
        name: Some(wanted.name.clone()),
        client_type: Some(known.map_or(kind, |client| client.client_type)),
        notes: wanted.notes.clone().filter(|_| known.is_none()).into(),
        external_ids: Some(external_ids),
        ..ClientFields::default()
    }
}

#[async_trait]
impl<C: Connection> ClientBook for SqlTx<C> {
    async fn put_client(&mut self, id: Uuid, wanted: &ImportedClient, now: Timestamp) -> Result<(Uuid, Fate)> {
        let Some(known) = self.known_client(wanted).await? else {
            let client = Client::new(Id::new(id), fields(None, wanted), now)?;
            Records::<Client>::add(self, &client).await?;
            return Ok((id, Fate::Created));
        };
        let id = known.id.uuid();
        if known.name == wanted.name && known.external_ids.get(SYSTEM) == Some(&wanted.external_id) {
            return Ok((id, Fate::Unchanged));
        }
        let fields = fields(Some(&known), wanted);
        Records::<Client>::save(self, &known.change(fields, now)?).await?;
        Ok((id, Fate::Updated))
    }
}

impl<C: Connection> SqlTx<C> {
    /// The client with the external id, or else with the name and no other id of the system.
    async fn known_client(&self, wanted: &ImportedClient) -> Result<Option<Client>> {
        // Both are lower case, as the search wants them; what merely contains them is left out below.
        let pair = format!("\"{SYSTEM}\":\"{}\"", wanted.external_id);
        let candidates = Entity::find().filter(contains(Column::ExternalIds, &pair));
        let found: Vec<Client> = self.all::<_, Model, _>(candidates).await?;
        let is_it = |client: &Client| client.external_ids.get(SYSTEM) == Some(&wanted.external_id);
        if let Some(client) = found.into_iter().find(is_it) {
            return Ok(Some(client));
        }
        let named = Entity::find().filter(Column::NameKey.eq(text::fold(&wanted.name)));
        let named: Option<Client> = self.one::<_, Model, _>(named).await?;
        match named {
            Some(client) if client.external_ids.contains_key(SYSTEM) => {
                Err(Error::Duplicate { field: "name", existing: client.id.uuid() })
            }
            named => Ok(named),
        }
    }
}
