//! The vault as a whole: its first start, whether the keys are the right ones, and their rotation.

use claudetools_kernel::{Actor, Change, Error, Faults, Result, Scope, Secret, StoreError, Timestamp};

use crate::{
    AuditAction, Context, FieldSet, GENESIS, Key, Place, Purpose, Sealed, SealedVersion, SecretPolicy, VaultCheck,
    VaultError, Who, WrapCount,
    ports::{CredentialsTx, HmacHash},
};

/// What the check value says, so that it can be told from anything else.
const CHECK: &[u8] = b"these are the master keys of this database";
/// How many data keys one transaction wraps anew.
const BATCH: u32 = 100;
/// How often a first start is repeated when another process was faster.
const ATTEMPTS: usize = 10;

/// The use cases of the vault as a whole.
#[derive(Debug, Clone)]
pub struct VaultService(Context);

/// Why the vault does not open.
#[derive(Debug, thiserror::Error)]
pub enum VaultStartError {
    /// The check value does not open.
    #[error("the master keys are not those of this database: {0}")]
    WrongKeys(#[source] VaultError),
    /// Something is sealed under a key that the ring lacks.
    #[error(
        "{versions} version(s) of credentials need the master key {key_id}, which is not in the key ring: put it back"
    )]
    MissingKey {
        /// The key.
        key_id: String,
        /// How many need it.
        versions: u64,
    },
    /// There are credentials but nothing to check the keys by.
    #[error("the database has credentials but no check value: it was removed, or the restored backup is not whole")]
    MissingCheck,
    /// The storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Sealing failed.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// Anything else.
    #[error("{0}")]
    Other(Error),
}

/// What an opening found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// The vault that was there.
    Known,
    /// A new database, in which the vault and its audit chain have begun.
    First,
    /// A database without a vault that has been used before: a new audit chain has begun there. That is so once, when a database from
    /// before the vault is taken over; otherwise somebody has removed the vault, and with it the record of every access.
    Anew,
}

/// How far a rotation is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RotationProgress {
    /// The master key that wraps new data keys.
    pub active_key_id: String,
    /// How many versions this call has wrapped anew.
    pub done: u64,
    /// How many are still to be wrapped anew.
    pub remaining: u64,
    /// Those that did not open, and so could not be.
    pub failed: Vec<FailedVersion>,
    /// How many versions each master key wraps.
    pub keys: Vec<WrapCount>,
    /// Master keys of the ring that nothing needs any more: they may be removed.
    pub removable: Vec<String>,
    /// What was sealed before this instant gets a new data key; `None` when data keys stay and are wrapped anew alone.
    pub reencrypt_before: Option<Timestamp>,
}

/// A version that did not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailedVersion {
    /// The credential.
    pub credential_id: uuid::Uuid,
    /// The version.
    pub version: i64,
}

/// What a request says of a rotation.
#[derive(Debug, Clone, Copy, Default)]
pub struct RewrapFields {
    /// Whether to make new data keys too; not unless given.
    pub reencrypt: Option<bool>,
    /// With `reencrypt`: what was sealed before this instant; now unless given.
    pub reencrypt_before: Option<Timestamp>,
    /// At most so many versions, 1 to 10,000; 1,000 unless given.
    pub limit: Option<i32>,
}

/// What a call is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rewrap {
    /// Give what was sealed before this instant a new data key.
    pub reencrypt_before: Option<Timestamp>,
    /// At most so many versions.
    pub limit: u64,
}

impl Rewrap {
    /// The order of a request; refused with every fault at once.
    pub fn new(fields: RewrapFields, now: Timestamp) -> Result<Self> {
        let mut faults = Faults::default();
        let is_reencrypted = fields.reencrypt == Some(true);
        if fields.reencrypt_before.is_some() && !is_reencrypted {
            faults.semantic("reencrypt_before", "reencrypt", "needs reencrypt");
        }
        let limit = fields.limit.unwrap_or(1000);
        if !(1..=10_000).contains(&limit) {
            faults.schema("limit", "range", "must be from 1 to 10000");
        }
        faults.finish()?;
        if fields.reencrypt_before.is_some_and(|before| before > now) {
            return Err(Faults::one_semantic("reencrypt_before", "past", "must not lie in the future"));
        }
        let reencrypt_before = is_reencrypted.then(|| fields.reencrypt_before.unwrap_or(now));
        Ok(Self { reencrypt_before, limit: u64::from(limit.unsigned_abs()) })
    }
}

impl VaultService {
    /// The use cases over these parts.
    pub fn new(context: Context) -> Self {
        Self(context)
    }

    /// Makes what a first start needs, else makes sure that the key ring is the one of this database.
    ///
    /// # Errors
    /// Every reason for which a secret could not be opened later, told now.
    pub async fn open(&self) -> std::result::Result<Opening, VaultStartError> {
        let mut attempt = 1;
        loop {
            match self.try_open().await {
                Err(VaultStartError::Store(error)) if error.is_retryable() && attempt < ATTEMPTS => attempt += 1,
                done => return done,
            }
        }
    }

    async fn try_open(&self) -> std::result::Result<Opening, VaultStartError> {
        let mut tx = self.0.store.begin().await?;
        let (check, counts) = (tx.chain().lock_check().await?, tx.versions().wrap_counts(None).await?);
        let Some(check) = check else {
            let chain = tx.chain();
            let is_begun = chain.head().await?.is_some()
                || !chain.epochs().await?.is_empty()
                || !chain.rows_after(0, 1).await?.is_empty();
            // Whoever entered a credential left a row in a chain, with secrets or without: where there is one, there was a chain.
            let has_credentials = !counts.is_empty() || !tx.credentials().is_empty().await?;
            if has_credentials || is_begun {
                // Another process may have begun it between the two statements.
                if tx.chain().check().await?.is_some() {
                    return Err(StoreError::Contention("the vault was begun meanwhile".to_owned()).into());
                }
                return Err(VaultStartError::MissingCheck);
            }
            let opening = if tx.directory().is_used().await? { Opening::Anew } else { Opening::First };
            self.begin(tx.as_mut()).await?;
            tx.commit().await?;
            return Ok(opening);
        };
        let opened = self.0.vault.open(&check_place(), &check.sealed).map_err(VaultStartError::WrongKeys)?;
        if !self.0.primitives.same(&opened, CHECK) {
            return Err(VaultStartError::WrongKeys(VaultError::Forged));
        }
        let ring = self.0.vault.keys();
        match counts.into_iter().find(|count| !ring.contains(&count.key_id)) {
            Some(WrapCount { key_id, versions, .. }) => Err(VaultStartError::MissingKey { key_id, versions }),
            None => Ok(Opening::Known),
        }
    }

    /// The check value, the first epoch and an empty chain.
    async fn begin(&self, tx: &mut dyn CredentialsTx) -> std::result::Result<(), VaultStartError> {
        let active = self.0.vault.active_key();
        let (recorder, key) = (&self.0.recorder, self.0.vault.audit_key(&active)?);
        tx.chain().put_check(&VaultCheck { sealed: self.0.vault.seal(&check_place(), CHECK)? }).await?;
        let epoch = recorder.sealed_epoch(1, &active, 1, &key).map_err(VaultStartError::Other)?;
        tx.chain().put_epoch(&epoch).await?;
        tx.chain().put_head(&recorder.head(&key, 0, 1, GENESIS)).await?;
        Ok(())
    }

    /// A new password or passphrase, and how many bits of entropy it has. Needs [`Scope::Write`].
    pub fn generate(&self, actor: &Actor, policy: &SecretPolicy) -> Result<(Secret, f64)> {
        actor.require(Scope::Write)?;
        let primitives = self.0.primitives.as_ref();
        Ok(match policy {
            SecretPolicy::Password(policy) => (policy.generate(primitives)?, policy.entropy_bits()),
            SecretPolicy::Passphrase(policy) => (policy.generate(primitives)?, policy.entropy_bits()),
        })
    }

    /// The key of whatever is to be recognised again by a digest that a thief of the database cannot try values against. It is
    /// the same for all replicas, and stays when master keys are rotated.
    pub async fn fingerprint_key(&self) -> Result<Key> {
        let mut tx = self.0.store.read().await?;
        let first = self.0.recorder.key(tx.as_mut(), 1).await?;
        let derived = self.0.primitives.hmac(HmacHash::Sha256, first.as_ref(), b"claudetools fingerprints v1");
        let bytes = <[u8; 32]>::try_from(derived.as_slice());
        bytes.map(Key::new).map_err(|_| Error::Internal("a digest has another length".to_owned()))
    }

    /// How far a rotation is, without doing anything. Needs [`Scope::Admin`].
    pub async fn progress(&self, actor: &Actor, reencrypt_before: Option<Timestamp>) -> Result<RotationProgress> {
        actor.require(Scope::Admin)?;
        self.0.vault.reload()?;
        let mut tx = self.0.store.read().await?;
        self.counted(tx.as_mut(), reencrypt_before, 0, Vec::new()).await
    }

    /// Wraps data keys with the active master key, batch by batch, until nothing is left or the limit is reached. Every batch
    /// commits for itself, with its row in the chain: a call that breaks off is gone on with by the next one, on any replica.
    /// Reading goes on meanwhile. Needs [`Scope::Admin`].
    pub async fn rewrap(&self, actor: &Actor, who: &Who, order: Rewrap) -> Result<Change<RotationProgress>> {
        actor.require(Scope::Admin)?;
        self.rotate(who, order).await
    }

    /// [`Self::rewrap`] for whoever runs the program on the server's own machine.
    pub async fn rewrap_as_operator(&self, order: Rewrap) -> Result<RotationProgress> {
        let change = self.rotate(&Who::operator(), order).await?;
        Ok(change.commit(claudetools_kernel::Receipt::default()).await?)
    }

    async fn rotate(&self, who: &Who, order: Rewrap) -> Result<Change<RotationProgress>> {
        self.0.vault.reload()?;
        let (mut done, mut failed, mut after) = (0, Vec::new(), None);
        self.adopt_key(who).await?;
        loop {
            let now = self.0.now();
            let mut tx = self.0.store.begin().await?;
            let left = order.limit.saturating_sub(done);
            let limit = BATCH.min(u32::try_from(left).unwrap_or(BATCH));
            let active = self.0.vault.active_key();
            let batch = if limit == 0 {
                Vec::new()
            } else {
                tx.versions().outdated(&active, order.reencrypt_before, after, limit).await?
            };
            let is_last = batch.is_empty();
            after = batch.last().map(|version| (version.credential_id, version.version));
            let mut wrapped = 0;
            for version in batch {
                match self.renewed(&version, order.reencrypt_before.is_some(), now) {
                    Ok(renewed) => wrapped += u64::from(tx.versions().reseal(&renewed, &version.sealed).await?),
                    Err(VaultError::NoRandomness) => return Err(VaultError::NoRandomness.into()),
                    Err(_) => {
                        let credential_id = version.credential_id.uuid();
                        failed.push(FailedVersion { credential_id, version: version.version });
                    }
                }
            }
            done += wrapped;
            if is_last {
                let progress = self.counted(tx.as_mut(), order.reencrypt_before, done, failed).await?;
                return Ok(Change::new(progress, tx));
            }
            if wrapped > 0 {
                let mut event = who.event(AuditAction::Rotate, None, now);
                event.reason = Some(format!("{wrapped} data key(s) wrapped with {active}"));
                let mut turn = self.0.recorder.turn(tx).await?;
                self.0.recorder.record(&mut turn, event).await?;
                self.0.recorder.witness(&turn.commit().await?, 1);
            } else {
                tx.commit().await?;
            }
        }
    }

    fn renewed(
        &self,
        version: &SealedVersion,
        with_new_data_key: bool,
        now: Timestamp,
    ) -> std::result::Result<SealedVersion, VaultError> {
        let place = version.place();
        let (sealed, sealed_at): (Sealed, Timestamp) = if with_new_data_key {
            let plaintext = self.0.vault.open(&place, &version.sealed)?;
            (self.0.vault.seal(&place, &plaintext)?, now)
        } else {
            (self.0.vault.rewrap(&place, &version.sealed)?, version.sealed_at)
        };
        Ok(SealedVersion { sealed, sealed_at, ..version.clone() })
    }

    /// Takes up a new active master key: the check value and the audit keys are sealed under it, and the chain begins a new
    /// epoch. Nothing happens when it was taken up before.
    async fn adopt_key(&self, who: &Who) -> Result<()> {
        let active = self.0.vault.active_key();
        let mut tx = self.0.store.begin().await?;
        let check = tx.chain().lock_check().await?;
        let check = check.ok_or_else(|| Error::Encryption("the check value of the vault is missing".to_owned()))?;
        if check.sealed.key_id == active {
            // Committed, not dropped: on SQLite it may be another's work that shares the commit and is not durable yet.
            tx.commit().await?;
            return Ok(());
        }
        let (recorder, now) = (&self.0.recorder, self.0.now());
        let epochs = tx.chain().epochs().await?;
        // While replicas change from one ring to the next, one that still has the old one must not turn back what another did.
        if epochs.iter().any(|epoch| epoch.key_id == active) {
            let text = format!("master key {} has replaced {active}, which is in front here", check.sealed.key_id);
            return Err(Error::Conflict(text));
        }
        tx.chain().put_check(&VaultCheck { sealed: self.0.vault.seal(&check_place(), CHECK)? }).await?;
        let mut tx = recorder.turn(tx).await?;
        for epoch in epochs {
            let key = recorder.key_of(&epoch)?;
            let renewed = recorder.sealed_epoch(epoch.epoch, &epoch.key_id, epoch.first_seq, &key)?;
            tx.chain().put_epoch(&renewed).await?;
        }
        let key = self.0.vault.audit_key(&active)?;
        let (number, first) = (tx.head().epoch + 1, tx.head().seq + 1);
        tx.chain().put_epoch(&recorder.sealed_epoch(number, &active, first, &key)?).await?;
        let mut event = who.event(AuditAction::Rotate, None, now);
        event.reason = Some(format!("epoch {number} begins with master key {active}"));
        recorder.append(&mut tx, number, &key, event).await?;
        recorder.witness(&tx.commit().await?, 1);
        Ok(())
    }

    async fn counted(
        &self,
        tx: &mut dyn CredentialsTx,
        reencrypt_before: Option<Timestamp>,
        done: u64,
        failed: Vec<FailedVersion>,
    ) -> Result<RotationProgress> {
        let keys = tx.versions().wrap_counts(reencrypt_before).await?;
        let active_key_id = self.0.vault.active_key();
        let is_left = |count: &&WrapCount| count.key_id != active_key_id;
        let others: u64 = keys.iter().filter(is_left).map(|count| count.versions).sum();
        let own = keys.iter().find(|count| count.key_id == active_key_id).map_or(0, |count| count.outdated);
        // What does not open stays as it is: nobody need call again for it.
        let remaining = others + if reencrypt_before.is_some() { own } else { 0 };
        let remaining = remaining.saturating_sub(failed.len() as u64);
        let mut used: Vec<String> = keys.iter().map(|count| count.key_id.clone()).collect();
        used.extend(tx.chain().epochs().await?.into_iter().map(|epoch| epoch.sealed_key.key_id));
        used.extend(tx.chain().check().await?.map(|check| check.sealed.key_id));
        let is_used = |key: &String| used.contains(key);
        let removable = self.0.vault.keys().into_iter().filter(|key| *key != active_key_id && !is_used(key)).collect();
        Ok(RotationProgress { active_key_id, done, remaining, failed, keys, removable, reencrypt_before })
    }
}

fn check_place() -> Place {
    Place { purpose: Purpose::Check, row: uuid::Uuid::nil(), version: 0, fields: FieldSet::default() }
}
