//! What callers do with clients.

use claudetools_kernel::{Actor, Change, Error, Id, Page, Query, Result, Scope, Target, text};

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
        let client = tx.clients().find(id).await?;
        Ok(ClientDetail::find(tx.as_mut(), client, self.0.now()).await?)
    }

    /// A page of clients.
    pub async fn list(&self, actor: &Actor, query: &Query<ClientFilter, ClientSort>) -> Result<Page<Client>> {
        actor.require(Scope::Read)?;
        let mut tx = self.0.store.read().await?;
        Ok(tx.clients().list(&query.filter, &query.page).await?)
    }

    /// Changes the fields given.
    pub async fn update(
        &self,
        actor: &Actor,
        target: &Target<Client>,
        fields: ClientFields,
    ) -> Result<Change<ClientDetail>> {
        actor.require(Scope::Admin)?;
        let mut tx = self.0.store.begin().await?;
        let client = tx.clients().find_for(target).await?;
        let client = client.change(fields, self.0.now())?;
        refuse_taken_name(tx.clients(), &client).await?;
        tx.clients().save(&client).await?;
        let detail = ClientDetail::find(tx.as_mut(), client, self.0.now()).await?;
        Ok(Change::new(detail, tx))
    }

    /// Removes a client that nothing refers to; others are to be deactivated instead.
    pub async fn delete(&self, actor: &Actor, target: &Target<Client>) -> Result<Change<()>> {
        actor.require(Scope::Admin)?;
        let mut tx = self.0.store.begin().await?;
        tx.clients().remove_unreferenced(target).await?;
        Ok(Change::new((), tx))
    }
}

async fn refuse_taken_name(clients: &mut dyn ClientRepository, client: &Client) -> Result<()> {
    Error::refuse_taken("name", clients.by_name(&text::fold(&client.name)).await?, client.id)
}
