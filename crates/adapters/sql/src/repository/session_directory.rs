//! The sessions, as far as they concern agents.

use async_trait::async_trait;
use claudetools_identity::ports::{KnownSession, SessionDirectory};
use claudetools_kernel::Stored;
use sea_orm::{EntityTrait, QuerySelect};
use uuid::Uuid;

use crate::{
    entity::session::{Column, Entity},
    store::{Connection, SqlTx},
};

#[async_trait]
impl<C: Connection> SessionDirectory for SqlTx<C> {
    async fn find(&mut self, session: Uuid) -> Stored<Option<KnownSession>> {
        let select = Entity::find_by_id(session).select_only().column(Column::ClientId);
        let found: Option<Option<Uuid>> = self.value(select).await?;
        Ok(found.map(|client_id| KnownSession { client_id }))
    }
}
