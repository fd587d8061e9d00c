//! What the vault keeps.

use async_trait::async_trait;
use claudetools_credentials::{
    Access, AuditRow, ChainFilter, ChainSort, Credential, CredentialFilter, CredentialSort, Epoch, Head, Sealed,
    SealedVersion, Share, VaultCheck, VersionInfo, WrapCount,
    ports::{ChainRepository, CredentialRepository, CredentialsTx, Directory, ShareRepository, VersionRepository},
};
use claudetools_kernel::{Id, Page, PageRequest, StoreError, Stored, Timestamp, UnitOfWork, text};
use uuid::Uuid;

use crate::{
    store::{MemoryStore, MemoryTx, State},
    table::{Row, Table},
};

impl CredentialsTx for MemoryTx {
    fn credentials(&mut self) -> &mut dyn CredentialRepository {
        self
    }

    fn versions(&mut self) -> &mut dyn VersionRepository {
        self
    }

    fn shares(&mut self) -> &mut dyn ShareRepository {
        self
    }

    fn chain(&mut self) -> &mut dyn ChainRepository {
        self
    }

    fn directory(&mut self) -> &mut dyn Directory {
        self
    }
}

#[async_trait]
impl UnitOfWork<dyn CredentialsTx> for MemoryStore {
    async fn begin(&self) -> Result<Box<dyn CredentialsTx>, StoreError> {
        Ok(Box::new(self.begin_write().await))
    }

    async fn read(&self) -> Result<Box<dyn CredentialsTx>, StoreError> {
        Ok(Box::new(self.begin_read().await))
    }
}

impl Row for Credential {
    fn table(state: &mut State) -> &mut Table<Self> {
        &mut state.credentials
    }

    fn dangles(&self, state: &State) -> bool {
        self.client_id.is_some_and(|client| !state.clients.has(Id::new(client)))
    }

    fn over(mut self, kept: &Self) -> Self {
        self.access.clone_from(&kept.access);
        self
    }

    fn release(id: Id<Self>, state: &mut State) -> Stored<()> {
        state.credential_versions.retain(|(credential, _), _| *credential != id);
        state.credential_shares.retain(|_, share| share.credential_id != id);
        Ok(())
    }
}

#[async_trait]
impl CredentialRepository for MemoryTx {
    async fn list(
        &mut self,
        filter: &CredentialFilter,
        page: &PageRequest<CredentialSort>,
    ) -> Stored<Page<Credential>> {
        let rows = self.state.credentials.rows().filter(|credential| filter.admits(credential)).cloned().collect();
        Ok(Page::cut(rows, page))
    }

    async fn with_version(
        &mut self,
        id: Id<Credential>,
        version: Option<i64>,
    ) -> Stored<Option<(Credential, Option<SealedVersion>)>> {
        let Some(credential) = self.state.credentials.get(id) else { return Ok(None) };
        let version = version.unwrap_or(credential.version);
        let version = self.state.credential_versions.get(&(id, version)).cloned();
        Ok(Some((credential, version)))
    }

    async fn is_empty(&mut self) -> Stored<bool> {
        Ok(self.state.credentials.rows().next().is_none())
    }

    async fn restrict(&mut self, id: Id<Credential>, access: &Access) -> Stored<()> {
        if let Some(credential) = self.state.credentials.get_mut(id) {
            credential.access = access.clone();
        }
        Ok(())
    }
}

#[async_trait]
impl VersionRepository for MemoryTx {
    async fn add(&mut self, version: &SealedVersion) -> Stored<()> {
        if !self.state.credentials.has(version.credential_id) {
            return Err(StoreError::Constraint("foreign key".to_owned()));
        }
        let key = (version.credential_id, version.version);
        if self.state.credential_versions.contains_key(&key) {
            return Err(StoreError::Constraint("credential and version".to_owned()));
        }
        self.state.credential_versions.insert(key, version.clone());
        Ok(())
    }

    async fn lookup(&mut self, credential: Id<Credential>, version: i64) -> Stored<Option<SealedVersion>> {
        Ok(self.state.credential_versions.get(&(credential, version)).cloned())
    }

    async fn of(&mut self, credential: Id<Credential>) -> Stored<Vec<VersionInfo>> {
        let versions = self.state.credential_versions.values().rev();
        Ok(versions.filter(|version| version.credential_id == credential).map(SealedVersion::info).collect())
    }

    async fn remove_up_to(&mut self, credential: Id<Credential>, version: i64) -> Stored<u64> {
        let before = self.state.credential_versions.len();
        self.state.credential_versions.retain(|(of, number), _| *of != credential || *number > version);
        Ok((before - self.state.credential_versions.len()) as u64)
    }

    async fn outdated(
        &mut self,
        key_id: &str,
        before: Option<Timestamp>,
        after: Option<(Id<Credential>, i64)>,
        limit: u32,
    ) -> Stored<Vec<SealedVersion>> {
        let versions = self.state.credential_versions.iter();
        let behind = versions.filter(|(key, _)| after.is_none_or(|after| **key > after)).map(|(_, version)| version);
        let is_outdated = |version: &&SealedVersion| {
            version.sealed.key_id != key_id || before.is_some_and(|before| version.sealed_at < before)
        };
        Ok(behind.filter(is_outdated).take(limit as usize).cloned().collect())
    }

    async fn reseal(&mut self, version: &SealedVersion, was: &Sealed) -> Stored<bool> {
        let kept = self.state.credential_versions.get_mut(&(version.credential_id, version.version));
        let Some(kept) = kept.filter(|kept| kept.sealed.wrapped_key == was.wrapped_key) else { return Ok(false) };
        kept.sealed = version.sealed.clone();
        kept.sealed_at = version.sealed_at;
        Ok(true)
    }

    async fn wrap_counts(&mut self, before: Option<Timestamp>) -> Stored<Vec<WrapCount>> {
        let mut counts: Vec<WrapCount> = Vec::new();
        for version in self.state.credential_versions.values() {
            let outdated = u64::from(before.is_none_or(|before| version.sealed_at < before));
            let key_id = &version.sealed.key_id;
            match counts.iter_mut().find(|count| count.key_id == *key_id) {
                Some(count) => {
                    count.versions += 1;
                    count.outdated += outdated;
                }
                None => counts.push(WrapCount { key_id: key_id.clone(), versions: 1, outdated }),
            }
        }
        counts.sort_by(|a, b| a.key_id.cmp(&b.key_id));
        Ok(counts)
    }
}

#[async_trait]
impl ShareRepository for MemoryTx {
    async fn add(&mut self, share: &Share) -> Stored<()> {
        if !self.state.credentials.has(share.credential_id) || self.state.credential_shares.contains_key(&share.id) {
            return Err(StoreError::Constraint("foreign key or id".to_owned()));
        }
        self.state.credential_shares.insert(share.id, share.clone());
        Ok(())
    }

    async fn lock(&mut self, id: Uuid) -> Stored<Option<Share>> {
        Ok(self.state.credential_shares.get(&id).cloned())
    }

    async fn set_views_left(&mut self, id: Uuid, left: i32) -> Stored<()> {
        if let Some(share) = self.state.credential_shares.get_mut(&id) {
            share.views_left = left;
        }
        Ok(())
    }

    async fn remove(&mut self, id: Uuid) -> Stored<bool> {
        Ok(self.state.credential_shares.remove(&id).is_some())
    }

    async fn remove_of(&mut self, credential: Id<Credential>) -> Stored<u64> {
        let before = self.state.credential_shares.len();
        self.state.credential_shares.retain(|_, share| share.credential_id != credential);
        Ok((before - self.state.credential_shares.len()) as u64)
    }

    async fn remove_expired(&mut self, now: Timestamp) -> Stored<u64> {
        let before = self.state.credential_shares.len();
        self.state.credential_shares.retain(|_, share| share.expires_at > now);
        Ok((before - self.state.credential_shares.len()) as u64)
    }
}

#[async_trait]
impl ChainRepository for MemoryTx {
    async fn lock_head(&mut self) -> Stored<Option<Head>> {
        Ok(self.state.chain_head.clone())
    }

    async fn head(&mut self) -> Stored<Option<Head>> {
        Ok(self.state.chain_head.clone())
    }

    async fn put_head(&mut self, head: &Head) -> Stored<()> {
        self.state.chain_head = Some(head.clone());
        Ok(())
    }

    async fn append(&mut self, row: &AuditRow) -> Stored<()> {
        if self.state.chain.contains_key(&row.seq) || self.state.chain.values().any(|other| other.id == row.id) {
            return Err(StoreError::Constraint("seq or id".to_owned()));
        }
        self.state.chain.insert(row.seq, row.clone());
        Ok(())
    }

    async fn rows_after(&mut self, seq: i64, limit: u32) -> Stored<Vec<AuditRow>> {
        Ok(self.state.chain.range(seq.saturating_add(1)..).take(limit as usize).map(|(_, row)| row.clone()).collect())
    }

    async fn list(&mut self, filter: &ChainFilter, page: &PageRequest<ChainSort>) -> Stored<Page<AuditRow>> {
        Ok(Page::cut(self.state.chain.values().filter(|row| filter.admits(row)).cloned().collect(), page))
    }

    async fn epochs(&mut self) -> Stored<Vec<Epoch>> {
        Ok(self.state.chain_epochs.values().cloned().collect())
    }

    async fn put_epoch(&mut self, epoch: &Epoch) -> Stored<()> {
        self.state.chain_epochs.insert(epoch.epoch, epoch.clone());
        Ok(())
    }

    async fn lock_check(&mut self) -> Stored<Option<VaultCheck>> {
        Ok(self.state.vault_check.clone())
    }

    async fn check(&mut self) -> Stored<Option<VaultCheck>> {
        Ok(self.state.vault_check.clone())
    }

    async fn put_check(&mut self, check: &VaultCheck) -> Stored<()> {
        self.state.vault_check = Some(check.clone());
        Ok(())
    }
}

#[async_trait]
impl Directory for MemoryTx {
    async fn is_used(&mut self) -> Stored<bool> {
        let State { audit, clients, sessions, .. } = &self.state;
        Ok(!audit.is_empty() || clients.rows().next().is_some() || sessions.rows().next().is_some())
    }

    async fn has_client(&mut self, id: Uuid) -> Stored<bool> {
        Ok(self.state.clients.has(Id::new(id)))
    }

    async fn client_named(&mut self, folded: &str) -> Stored<Option<Uuid>> {
        let mut clients = self.state.clients.rows();
        Ok(clients.find(|client| text::fold(&client.name) == folded).map(|client| client.id.uuid()))
    }

    async fn has_service(&mut self, id: Uuid) -> Stored<bool> {
        Ok(self.state.services.has(Id::new(id)))
    }

    async fn has_infrastructure(&mut self, id: Uuid) -> Stored<bool> {
        Ok(self.state.assets.has(Id::new(id)))
    }
}
