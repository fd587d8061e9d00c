//! What callers do with clients.

use claudetools_kernel::{Actor, Change, Error, Expected, Id, Page, PageRequest, Result, Scope, text};

use crate::{Client, ClientDetail, ClientFields, ClientFilter, ClientSort, Context, ports::ClientRepository};

/// The use cases of clients. Reading needs [`Scope::Read`], everything else [`Scope::Admin`].
#[derive(Debug, Clone)]
pub struct ClientService(Context);

impl ClientService {
    /// The use cases over this storage, clock and ids.
    pub fn new(context: Context) -> Self {
        Self(context)
    }

    /// Enters a client. Refused as [`Error::Duplicate`] when another has the name, whatever its case.
    pub async fn create(&self, actor: &Actor, fields: ClientFields) -> Result<Change<ClientDetail>> {
        actor.require(Scope::Admin)?;
        let client = Client::new(self.0.ids.id(), fields, self.0.now())?;
        let mut tx = self.0.store.begin().await?;
        refuse_taken_name(tx.clients(), &client).await?;
        tx.clients().add(&client).await?;
        Ok(Change::new(ClientDetail::of_new(client), tx))
    }

    /// One client with what is going on for it.
    pub async fn get(&self, actor: &Actor, id: Id<Client>) -> Result<ClientDetail> {
        actor.require(Scope::Read)?;
        let mut tx = self.0.store.read().await?;
        let client = find(tx.clients(), id).await?;
        Ok(ClientDetail::find(tx.as_mut(), client, self.0.now()).await?)
    }

    /// A page of clients.
    pub async fn list(
        &self,
        actor: &Actor,
        filter: &ClientFilter,
        page: &PageRequest<ClientSort>,
    ) -> Result<Page<Client>> {
        actor.require(Scope::Read)?;
        let mut tx = self.0.store.read().await?;
        Ok(tx.clients().list(filter, page).await?)
    }

    /// Changes the fields given.
    pub async fn update(
        &self,
        actor: &Actor,
        id: Id<Client>,
        fields: ClientFields,
        expected: &Expected,
    ) -> Result<Change<ClientDetail>> {
        actor.require(Scope::Admin)?;
        let mut tx = self.0.store.begin().await?;
        let client = find(tx.clients(), id).await?;
        expected.check(client.revision)?;
        let client = client.change(fields, self.0.now())?;
        refuse_taken_name(tx.clients(), &client).await?;
        tx.clients().save(&client).await?;
        let detail = ClientDetail::find(tx.as_mut(), client, self.0.now()).await?;
        Ok(Change::new(detail, tx))
    }

    /// Removes a client that nothing refers to; others are to be deactivated instead.
    pub async fn delete(&self, actor: &Actor, id: Id<Client>, expected: &Expected) -> Result<Change<()>> {
        actor.require(Scope::Admin)?;
        let mut tx = self.0.store.begin().await?;
        let client = find(tx.clients(), id).await?;
        expected.check(client.revision)?;
        Error::refuse_if_referenced(id, tx.clients().referrers(id).await?)?;
        tx.clients().remove(id).await?;
        Ok(Change::new((), tx))
    }
}

async fn find(clients: &mut dyn ClientRepository, id: Id<Client>) -> Result<Client> {
    clients.lookup(id).await?.ok_or_else(|| Error::not_found(id))
}

async fn refuse_taken_name(clients: &mut dyn ClientRepository, client: &Client) -> Result<()> {
    match clients.by_name(&text::fold(&client.name)).await? {
        Some(other) if other != client.id => Err(Error::Duplicate { field: "name", existing: other.uuid() }),
        _ => Ok(()),
    }
}
