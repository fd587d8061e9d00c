//! What callers do with periods.

use claudetools_kernel::{Actor, Change, Error, Id, Page, Query, Result, Scope};

use crate::{
    Client, CloseFields, Closing, ClosingFilter, ClosingSort, Context, PeriodState, ReopenFields, ports::SessionsTx,
};

/// The use cases of periods. Reading needs [`Scope::Read`], closing and reopening [`Scope::Admin`].
#[derive(Debug, Clone)]
pub struct PeriodService(Context);

impl PeriodService {
    /// The use cases over this storage, clock and ids.
    pub fn new(context: Context) -> Self {
        Self(context)
    }

    /// Closes the time through a day, of a client or of everybody. Refused as [`Error::Conflict`] when it is closed through that
    /// day already.
    pub async fn close(&self, actor: &Actor, fields: &CloseFields) -> Result<Change<PeriodState>> {
        actor.require(Scope::Admin)?;
        let closing = Closing::new(self.0.ids.id(), fields, &actor.subject, self.0.now())?;
        let mut tx = self.begin(fields.client_id).await?;
        let held = tx.closings().in_force(fields.client_id).await?;
        if let Some(last) = held.first().filter(|held| held.through >= closing.through) {
            return Err(Error::Conflict(format!("the time through {} is closed already", last.through)));
        }
        tx.closings().add(&closing).await?;
        state(tx, fields.client_id, vec![closing]).await
    }

    /// Opens again what was closed through a day or later. What was closed before that stays so. Refused as [`Error::Conflict`]
    /// when nothing is closed.
    pub async fn reopen(&self, actor: &Actor, fields: &ReopenFields) -> Result<Change<PeriodState>> {
        actor.require(Scope::Admin)?;
        let mut tx = self.begin(fields.client_id).await?;
        let held = tx.closings().in_force(fields.client_id).await?;
        let mut undone = Vec::new();
        for closing in held.into_iter().filter(|held| fields.through.is_none_or(|through| held.through >= through)) {
            let closing = closing.reopened(&actor.subject, self.0.now());
            tx.closings().save(&closing).await?;
            undone.push(closing);
        }
        if undone.is_empty() {
            return Err(Error::Conflict("no such period is closed".to_owned()));
        }
        state(tx, fields.client_id, undone).await
    }

    /// A page of closings: the record of who closed and reopened what, and when.
    pub async fn list(&self, actor: &Actor, query: &Query<ClosingFilter, ClosingSort>) -> Result<Page<Closing>> {
        actor.require(Scope::Read)?;
        let mut tx = self.0.store.read().await?;
        Ok(tx.closings().list(&query.filter, &query.page).await?)
    }

    async fn begin(&self, client: Option<Id<Client>>) -> Result<Box<dyn SessionsTx>> {
        let mut tx = self.0.store.begin().await?;
        tx.closings().lock_periods().await?;
        if let Some(client) = client {
            tx.clients().find(client).await?;
        }
        Ok(tx)
    }
}

async fn state(
    mut tx: Box<dyn SessionsTx>,
    client_id: Option<Id<Client>>,
    closings: Vec<Closing>,
) -> Result<Change<PeriodState>> {
    let closed_through = tx.closings().closed_through(client_id).await?;
    Ok(Change::new(PeriodState { client_id, closed_through, closings }, tx))
}
