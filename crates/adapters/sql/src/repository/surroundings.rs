//! What the inventory shows of other domains, and they of it.

use std::collections::BTreeSet;

use async_trait::async_trait;
use chrono::NaiveDate;
use claudetools_credentials::{
    Credential, CredentialFilter, CredentialQuery, Viewer,
    ports::{CredentialRepository, Directory},
};
use claudetools_infra::inventory::{Asset, AssetCredential, AssetSession, Surroundings};
use claudetools_kernel::{Actor, Id, PageRequest, Stored, Timestamp};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use crate::{
    entity::{command, session, work_item},
    query::padded,
    row::Keeps,
    store::{Connection, SqlTx},
};

/// How many work items of a client are looked at for the systems that they name, and how many commands on an asset for their
/// sessions, the latest first.
const LOOKED_AT: u64 = 2000;

#[async_trait]
impl<C: Connection> Surroundings for SqlTx<C> {
    async fn has_client(&mut self, id: Uuid) -> Stored<bool> {
        Directory::has_client(self, id).await
    }

    async fn client_named(&mut self, folded: &str) -> Stored<Option<Uuid>> {
        Directory::client_named(self, folded).await
    }

    async fn credentials_of(
        &mut self,
        asset: Id<Asset>,
        seen_by: &Actor,
        now: Timestamp,
        limit: u32,
    ) -> Stored<Vec<AssetCredential>> {
        let wanted = CredentialQuery { infrastructure_id: Some(asset.uuid()), ..CredentialQuery::default() };
        let filter = CredentialFilter { viewer: Viewer::of(seen_by), wanted, now };
        let found = CredentialRepository::list(self, &filter, &PageRequest::first(limit)).await?;
        Ok(found.items.into_iter().map(shown).collect())
    }

    async fn sessions_touching(&mut self, asset: &Asset, since: NaiveDate, limit: u32) -> Stored<Vec<AssetSession>> {
        use work_item::Column as Item;
        let items = work_item::Entity::find()
            .select_only()
            .columns([Item::SessionId, Item::AffectedSystems])
            .filter(Item::ClientId.eq(asset.client_id))
            .filter(Item::SessionDate.gte(since))
            .filter(Item::AffectedSystems.ne("[]"))
            .order_by_desc(Item::CreatedAt)
            .limit(LOOKED_AT);
        let mut touching = BTreeSet::new();
        for (session, systems) in self.values::<_, (Uuid, String)>(items).await? {
            let systems: Vec<String> = systems.read().unwrap_or_default();
            if systems.iter().any(|system| asset.is_called(system)) {
                touching.insert(session);
            }
        }
        let commands = command::Entity::find()
            .select_only()
            .column(command::Column::SessionId)
            .filter(command::Column::InfrastructureId.eq(asset.id.uuid()))
            .order_by_desc(command::Column::CreatedAt)
            .limit(LOOKED_AT);
        touching.extend(self.values::<_, Uuid>(commands).await?);
        if touching.is_empty() {
            return Ok(Vec::new());
        }
        self.asset_sessions(&touching.into_iter().collect::<Vec<_>>(), since, limit).await
    }
}

impl<C: Connection> SqlTx<C> {
    async fn asset_sessions(&self, ids: &[Uuid], since: NaiveDate, limit: u32) -> Stored<Vec<AssetSession>> {
        use session::Column;
        let sessions = session::Entity::find()
            .select_only()
            .columns([Column::Id, Column::SessionDate, Column::SessionTitle, Column::Technician, Column::Status])
            .filter(Column::Id.is_in(padded(ids)))
            .filter(Column::SessionDate.gte(since))
            .order_by_desc(Column::SessionDate)
            .order_by_desc(Column::Id)
            .limit(u64::from(limit));
        let rows = self.values::<_, (Uuid, NaiveDate, String, Option<String>, String)>(sessions).await?;
        let session = |(id, session_date, session_title, technician, status)| AssetSession {
            id,
            session_date,
            session_title,
            technician,
            status,
        };
        Ok(rows.into_iter().map(session).collect())
    }
}

fn shown(credential: Credential) -> AssetCredential {
    AssetCredential {
        id: credential.id.uuid(),
        service_name: credential.service_name,
        credential_type: credential.credential_type.to_string(),
        username: credential.username,
        is_active: credential.is_active,
        expires_at: credential.expires_at,
    }
}
