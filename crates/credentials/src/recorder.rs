//! Writes the audit chain.

use std::{
    collections::BTreeMap,
    fmt,
    ops::{Deref, DerefMut},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
};

use claudetools_kernel::{AfterCommit, Change, Error, IdGenerator, Result, StoreError};

use crate::{
    AuditEvent, AuditRow, Epoch, Head, Key, Place, Purpose, VaultError,
    ports::{ChainWitness, CredentialsTx, HmacHash, Primitives, Vault},
};

/// Every so many rows the head goes to the witness.
const WITNESSED: i64 = 1000;

/// A transaction that has its turn in the chain: it holds the head, and nobody else adds a row before it ends.
pub(crate) struct Turn {
    tx: Box<dyn CredentialsTx>,
    head: Head,
}

impl Turn {
    /// The head, as this transaction leaves it.
    pub(crate) const fn head(&self) -> &Head {
        &self.head
    }

    /// Makes everything durable; gives the head that is in force then.
    pub(crate) async fn commit(self) -> Result<Head> {
        self.tx.commit().await?;
        Ok(self.head)
    }
}

impl Deref for Turn {
    type Target = dyn CredentialsTx;

    fn deref(&self) -> &Self::Target {
        &*self.tx
    }
}

impl DerefMut for Turn {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut *self.tx
    }
}

/// Writes the audit chain, and knows the keys of its epochs.
pub(crate) struct Recorder {
    vault: Arc<dyn Vault>,
    primitives: Arc<dyn Primitives>,
    ids: Arc<dyn IdGenerator>,
    witness: Arc<dyn ChainWitness>,
    /// The key of each epoch, and the master key that it belongs to.
    keys: Mutex<BTreeMap<i64, (Key, String)>>,
    /// The latest epoch that a head was seen in: the chain never goes back.
    latest: AtomicI64,
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Recorder")
    }
}

impl Recorder {
    pub(crate) fn new(
        vault: Arc<dyn Vault>,
        primitives: Arc<dyn Primitives>,
        ids: Arc<dyn IdGenerator>,
        witness: Arc<dyn ChainWitness>,
    ) -> Self {
        Self { vault, primitives, ids, witness, keys: Mutex::default(), latest: AtomicI64::new(0) }
    }

    /// Takes the turn in the chain for `tx`: locks the head, once it is known to be as the last writer left it. Whoever takes his
    /// turn before he reads anything else sees what the writer before him has left, and knows the master key in force.
    pub(crate) async fn turn(&self, mut tx: Box<dyn CredentialsTx>) -> Result<Turn> {
        let head = tx.chain().lock_head().await.map_err(closed)?;
        let head = head.ok_or_else(|| doctored("it has no head"))?;
        if self.is_genuine(tx.as_mut(), &head).await? {
            self.latest.fetch_max(head.epoch, Ordering::Relaxed);
            Ok(Turn { tx, head })
        } else {
            Err(doctored("its head was altered"))
        }
    }

    /// Ends a use case: `event` is in the chain when the change is committed, and without it nothing is. Whatever keeps the row
    /// out is [`StoreError::Unavailable`], unless repeating the use case can mend it: no access without its record.
    pub(crate) async fn seal<T>(&self, value: T, mut turn: Turn, event: AuditEvent) -> Result<Change<T>> {
        self.record(&mut turn, event).await?;
        let Turn { tx, head } = turn;
        let witness = is_noted(&head, 1).then(|| Arc::clone(&self.witness));
        let recorded = AfterCommit::new(tx, move |outcome| {
            outcome.map_err(closed)?;
            if let Some(witness) = witness {
                witness.note(&head);
            }
            Ok(())
        });
        Ok(Change::new(value, Box::new(recorded)))
    }

    /// Adds `event` to the chain.
    pub(crate) async fn record(&self, turn: &mut Turn, event: AuditEvent) -> Result<()> {
        let epoch = turn.head.epoch;
        let key = self.key(&mut **turn, epoch).await?;
        self.append(turn, epoch, &key, event).await
    }

    /// Whether the head is one that a writer who has the keys of today has left: sealed with the key of the latest epoch, whose
    /// master key is in the ring. A key that was given up does not make heads any more.
    pub(crate) async fn is_genuine(&self, tx: &mut dyn CredentialsTx, head: &Head) -> Result<bool> {
        if head.epoch < self.latest.load(Ordering::Relaxed) {
            return Ok(false);
        }
        // What is known of an epoch may be of one that was never committed, or of a database that was restored since.
        for _ in 0..2 {
            let Some((key, key_id)) = self.known_key(tx, head.epoch).await? else { return Ok(false) };
            let is_sealed = self.primitives.same(&self.hmac(&key, &head.canonical()), &head.seal);
            if is_sealed {
                return Ok(self.vault.keys().contains(&key_id));
            }
            self.known().remove(&head.epoch);
        }
        Ok(false)
    }

    /// Adds `event` to the chain in `epoch`, whose key is `key`.
    pub(crate) async fn append(&self, turn: &mut Turn, epoch: i64, key: &Key, event: AuditEvent) -> Result<()> {
        let mut row = AuditRow { id: self.ids.next(), seq: turn.head.seq + 1, epoch, event, hash: [0; 32] };
        row.hash = self.hash(key, &turn.head.hash, &row);
        turn.chain().append(&row).await.map_err(closed)?;
        turn.head = self.head(key, row.seq, epoch, row.hash);
        let Turn { tx, head } = turn;
        Ok(tx.chain().put_head(head).await.map_err(closed)?)
    }

    /// Tells the witness of a head that is committed, if `rows` rows up to it have passed one of those that are noted.
    pub(crate) fn witness(&self, head: &Head, rows: i64) {
        if is_noted(head, rows) {
            self.witness.note(head);
        }
    }

    /// The hash of `row` behind a row with the hash `previous`.
    pub(crate) fn hash(&self, key: &Key, previous: &[u8; 32], row: &AuditRow) -> [u8; 32] {
        let mut message = previous.to_vec();
        message.extend_from_slice(&row.canonical());
        self.hmac(key, &message)
    }

    /// A head with its seal.
    pub(crate) fn head(&self, key: &Key, seq: i64, epoch: i64, hash: [u8; 32]) -> Head {
        let mut head = Head { seq, epoch, hash, seal: [0; 32] };
        head.seal = self.hmac(key, &head.canonical());
        head
    }

    fn hmac(&self, key: &Key, message: &[u8]) -> [u8; 32] {
        let mut hash = [0; 32];
        let made = self.primitives.hmac(HmacHash::Sha256, key.as_ref(), message);
        hash.iter_mut().zip(made).for_each(|(to, from)| *to = from);
        hash
    }

    /// The audit key of an epoch.
    pub(crate) async fn key(&self, tx: &mut dyn CredentialsTx, epoch: i64) -> Result<Key> {
        let known = self.known_key(tx, epoch).await?;
        known.map(|(key, _)| key).ok_or_else(|| doctored("one of its epochs is missing"))
    }

    /// The audit key of an epoch and the master key that it belongs to; `None` when there is no such epoch.
    pub(crate) async fn known_key(&self, tx: &mut dyn CredentialsTx, epoch: i64) -> Result<Option<(Key, String)>> {
        if let Some(known) = self.known().get(&epoch) {
            return Ok(Some(known.clone()));
        }
        let epochs = tx.chain().epochs().await.map_err(closed)?;
        let Some(found) = epochs.iter().find(|known| known.epoch == epoch) else { return Ok(None) };
        let known = (self.key_of(found)?, found.key_id.clone());
        self.known().insert(epoch, known.clone());
        Ok(Some(known))
    }

    /// The audit key of an epoch: derived from its master key, or, where that is gone, as it was sealed under a later one.
    pub(crate) fn key_of(&self, epoch: &Epoch) -> Result<Key> {
        match self.vault.audit_key(&epoch.key_id) {
            Err(VaultError::UnknownKey(_)) => {
                let plain = self.vault.open(&audit_key_place(epoch.epoch, epoch.first_seq), &epoch.sealed_key)?;
                let bytes = <[u8; 32]>::try_from(plain.as_slice());
                bytes.map(Key::new).map_err(|_| Error::Encryption("an audit key has another length".to_owned()))
            }
            derived => Ok(derived?),
        }
    }

    /// An epoch with its audit key sealed under the master key in force.
    pub(crate) fn sealed_epoch(&self, epoch: i64, key_id: &str, first_seq: i64, key: &Key) -> Result<Epoch> {
        let sealed_key = self.vault.seal(&audit_key_place(epoch, first_seq), key.as_ref())?;
        Ok(Epoch { epoch, key_id: key_id.to_owned(), first_seq, sealed_key })
    }

    fn known(&self) -> std::sync::MutexGuard<'_, BTreeMap<i64, (Key, String)>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether one of the `rows` rows up to `head` is one of those that the witness is told of.
const fn is_noted(head: &Head, rows: i64) -> bool {
    head.seq / WITNESSED != (head.seq - rows) / WITNESSED
}

/// What the sealed audit key of an epoch is bound to.
fn audit_key_place(epoch: i64, first_seq: i64) -> Place {
    Place {
        purpose: Purpose::AuditKey,
        row: uuid::Uuid::from_u128(u128::from(first_seq.unsigned_abs())),
        version: epoch,
        fields: crate::FieldSet::default(),
    }
}

/// A chain that cannot be gone on with: nothing is shown until somebody has looked.
fn doctored(what: &str) -> Error {
    StoreError::Unavailable(format!("the audit chain was doctored: {what}; see `claudetools audit verify`")).into()
}

/// What a failure of the storage means where an access must leave its record: try again later, and nothing was shown.
fn closed(error: StoreError) -> StoreError {
    match error {
        StoreError::Database(text) => StoreError::Unavailable(format!("the audit chain cannot be written: {text}")),
        corrupt @ StoreError::Corrupt { .. } => StoreError::Unavailable(format!("the audit chain: {corrupt}")),
        other => other,
    }
}
