//! What callers do with commands.

use claudetools_kernel::{Actor, Change, Error, Faults, Id, Page, Query, Result, Scope};

use super::{Command, CommandFields, CommandFilter, CommandLogged, CommandSort};
use crate::inventory::Context;

/// The use cases of commands. Reading needs [`Scope::Read`], entering [`Scope::Write`].
#[derive(Debug, Clone)]
pub struct CommandService(Context);

impl CommandService {
    /// The use cases over this storage, clock and ids.
    pub fn new(context: Context) -> Self {
        Self(context)
    }

    /// Enters a command that was run, its secrets taken out. The analysis sees it soon after.
    pub async fn create(&self, actor: &Actor, fields: CommandFields) -> Result<Change<CommandLogged>> {
        actor.require(Scope::Write)?;
        let draft = Command::draft(self.0.ids.id(), fields, self.0.now())?;
        let (session, work_item, asset, host) = draft.place();
        let mut tx = self.0.store.begin().await?;
        let missing = |resource_type, id: uuid::Uuid| Error::NotFound { resource_type, resource_id: id.to_string() };
        let client = tx.command_context().session_client(session).await?.ok_or_else(|| missing("session", session))?;
        if let Some(id) = work_item {
            let of = tx.command_context().work_item_session(id).await?.ok_or_else(|| missing("work_item", id))?;
            if of != session {
                return Err(Faults::one_semantic("work_item_id", "session", "must be of the session"));
            }
        }
        let asset = match (asset, host) {
            (Some(id), _) => Some(tx.assets().find(Id::new(id)).await?),
            (None, Some(host)) => tx.command_context().asset_of_host(client, &host).await?,
            (None, None) => None,
        };
        let command = draft.finish(client, asset);
        tx.commands().add(&command).await?;
        let Command { id, created_at, success, .. } = command;
        Ok(Change::new(CommandLogged { id, created_at, failure_logged: !success }, tx))
    }

    /// One command.
    pub async fn get(&self, actor: &Actor, id: Id<Command>) -> Result<Command> {
        actor.require(Scope::Read)?;
        self.0.store.read().await?.commands().find(id).await
    }

    /// A page of commands.
    pub async fn list(&self, actor: &Actor, query: &Query<CommandFilter, CommandSort>) -> Result<Page<Command>> {
        actor.require(Scope::Read)?;
        Ok(self.0.store.read().await?.commands().list(&query.filter, &query.page).await?)
    }
}
