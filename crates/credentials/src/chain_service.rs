//! Reading the audit chain, and finding out whether it was doctored.

use std::fmt;

use claudetools_kernel::{Actor, Error, Page, Query, Result, Scope, StoreError};
use futures::future;

use crate::{AuditRow, ChainFilter, ChainSort, Context, GENESIS, Head, Key, ports::CredentialsTx};

/// How many rows are read at once.
const BATCH: u32 = 500;

/// The use cases of the audit chain.
#[derive(Debug, Clone)]
pub struct ChainService(Context);

/// What a verification has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainReport {
    /// How many rows were looked at.
    pub rows: u64,
    /// The head as it was at the end, to be compared with one noted elsewhere; `None` when there is none.
    pub head: Option<Head>,
    /// The first thing wrong; `None` for a chain that is whole.
    pub fault: Option<ChainFault>,
}

/// The first thing wrong with a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChainFault {
    /// A row is not what was written: it was altered, inserted or moved there.
    Altered {
        /// Its place.
        seq: i64,
    },
    /// Rows were removed.
    Removed {
        /// The place of the first that is missing.
        seq: i64,
        /// The place of the row found instead; `None` when the chain ends there although its head is further on.
        next: Option<i64>,
    },
    /// Rows were added behind the head.
    Forged {
        /// The place of the first of them.
        seq: i64,
    },
    /// A row names an epoch that there is not, or that does not reach there.
    Epoch {
        /// Its place.
        seq: i64,
    },
    /// The head is missing: the chain was emptied.
    NoHead,
    /// The head is not what the last writer left.
    HeadAltered {
        /// The place that it claims.
        seq: i64,
    },
}

impl ChainFault {
    /// The place of the fault.
    pub const fn seq(self) -> i64 {
        match self {
            Self::Altered { seq }
            | Self::Removed { seq, .. }
            | Self::Forged { seq }
            | Self::Epoch { seq }
            | Self::HeadAltered { seq } => seq,
            Self::NoHead => 0,
        }
    }

    /// A word for it.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Altered { .. } => "altered",
            Self::Removed { .. } => "removed",
            Self::Forged { .. } => "forged",
            Self::Epoch { .. } => "epoch",
            Self::NoHead => "no_head",
            Self::HeadAltered { .. } => "head_altered",
        }
    }
}

impl fmt::Display for ChainFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Altered { seq } => write!(f, "row {seq} was altered, inserted or moved there"),
            Self::Removed { seq, next: Some(next) } => {
                write!(f, "row {seq} was removed: row {next} follows row {}", seq - 1)
            }
            Self::Removed { seq, next: None } => write!(f, "row {seq} and those behind it were removed"),
            Self::Forged { seq } => write!(f, "row {seq} was added behind the head"),
            Self::Epoch { seq } => write!(f, "row {seq} names an epoch that it cannot belong to"),
            Self::NoHead => write!(f, "the chain has no head: it was emptied"),
            Self::HeadAltered { seq } => {
                write!(f, "the head, which claims row {seq}, is not what the last writer left")
            }
        }
    }
}

/// Where a verification stands.
struct Walk {
    seq: i64,
    epoch: i64,
    hash: [u8; 32],
    rows: u64,
}

impl ChainService {
    /// The use cases over these parts.
    pub fn new(context: Context) -> Self {
        Self(context)
    }

    /// A page of rows. Needs [`Scope::Admin`].
    pub async fn list(&self, actor: &Actor, query: &Query<ChainFilter, ChainSort>) -> Result<Page<AuditRow>> {
        actor.require(Scope::Admin)?;
        let mut tx = self.0.store.read().await?;
        Ok(tx.chain().list(&query.filter, &query.page).await?)
    }

    /// Whether the chain is whole, from its first row or from `since`, whose predecessor's hash is then taken as it is. Rows that
    /// are written meanwhile are looked at too. Needs [`Scope::Admin`].
    pub async fn verify(&self, actor: &Actor, since: Option<i64>) -> Result<ChainReport> {
        actor.require(Scope::Admin)?;
        self.verify_as_operator(since).await
    }

    /// [`Self::verify`] for whoever runs the program on the server's own machine.
    pub async fn verify_as_operator(&self, since: Option<i64>) -> Result<ChainReport> {
        let mut tx = self.0.store.read().await?;
        let (mut walk, mut fault) = begin(tx.as_mut(), since.unwrap_or(1)).await?;
        let mut head = tx.chain().head().await?;
        // Where the walk stood when the head was last seen to be ahead of it.
        let mut behind = None;
        while fault.is_none() {
            fault = self.follow(tx.as_mut(), &mut walk).await?;
            if fault.is_some() {
                break;
            }
            // The head is read behind the rows: what it names was committed with it, and must be among the rows by then.
            head = tx.chain().head().await?;
            match self.compare(tx.as_mut(), head.as_ref(), &walk).await? {
                Compared::Whole => break,
                Compared::Fault(found) => fault = Some(found),
                Compared::Behind if behind == Some(walk.seq) => {
                    fault = Some(ChainFault::Removed { seq: walk.seq + 1, next: None });
                }
                Compared::Behind => behind = Some(walk.seq),
            }
        }
        Ok(ChainReport { rows: walk.rows, head, fault })
    }

    /// The hash of a row, to be compared with a head noted before; `None` when there is no such row.
    pub async fn hash_at(&self, seq: i64) -> Result<Option<[u8; 32]>> {
        if seq == 0 {
            return Ok(Some(GENESIS));
        }
        let rows = self.0.store.read().await?.chain().rows_after(seq - 1, 1).await?;
        Ok(rows.into_iter().find(|row| row.seq == seq).map(|row| row.hash))
    }

    /// The head as it is now.
    pub async fn head(&self) -> Result<Option<Head>> {
        Ok(self.0.store.read().await?.chain().head().await?)
    }

    /// Walks on to the end of the rows. While some are verified, those behind them are read.
    async fn follow(&self, tx: &mut dyn CredentialsTx, walk: &mut Walk) -> Result<Option<ChainFault>> {
        // Whatever a row names was there before it: a view that is no older will do for that.
        let mut aside = self.0.store.read().await?;
        let mut limit = BATCH;
        let mut read = tx.chain().rows_after(walk.seq, limit).await;
        loop {
            let rows = match read {
                // A row that nobody could have written. One at a time, to learn which.
                Err(StoreError::Corrupt { .. }) if limit > 1 => {
                    limit = 1;
                    read = tx.chain().rows_after(walk.seq, limit).await;
                    continue;
                }
                Err(StoreError::Corrupt { .. }) => return Ok(Some(ChainFault::Altered { seq: walk.seq + 1 })),
                rows => rows?,
            };
            let Some(last) = rows.last().map(|row| row.seq) else { return Ok(None) };
            let next = tx.chain().rows_after(last, limit);
            let (next, fault) = future::join(next, self.steps(aside.as_mut(), walk, rows)).await;
            if let Some(fault) = fault? {
                return Ok(Some(fault));
            }
            read = next;
        }
    }

    /// Verifies `rows`, which follow each other in the chain, and leaves `walk` behind the last that is as it was written.
    async fn steps(
        &self,
        tx: &mut dyn CredentialsTx,
        walk: &mut Walk,
        rows: Vec<AuditRow>,
    ) -> Result<Option<ChainFault>> {
        for row in rows {
            if let Some(fault) = self.step(tx, walk, &row).await? {
                return Ok(Some(fault));
            }
        }
        Ok(None)
    }

    async fn step(&self, tx: &mut dyn CredentialsTx, walk: &mut Walk, row: &AuditRow) -> Result<Option<ChainFault>> {
        let seq = walk.seq + 1;
        if row.seq != seq {
            return Ok(Some(ChainFault::Removed { seq, next: Some(row.seq) }));
        }
        let Some(key) = self.key(tx, row.epoch).await? else { return Ok(Some(ChainFault::Epoch { seq })) };
        if row.epoch != walk.epoch && !self.begins(tx, walk, row).await? {
            return Ok(Some(ChainFault::Epoch { seq }));
        }
        if !self.0.primitives.same(&self.0.recorder.hash(&key, &walk.hash, row), &row.hash) {
            return Ok(Some(ChainFault::Altered { seq }));
        }
        *walk = Walk { seq, epoch: row.epoch, hash: row.hash, rows: walk.rows + 1 };
        Ok(None)
    }

    async fn compare(&self, tx: &mut dyn CredentialsTx, head: Option<&Head>, walk: &Walk) -> Result<Compared> {
        let Some(head) = head else { return Ok(Compared::Fault(ChainFault::NoHead)) };
        let altered = Compared::Fault(ChainFault::HeadAltered { seq: head.seq });
        let latest = tx.chain().epochs().await?.last().map_or(0, |epoch| epoch.epoch);
        if head.epoch != latest || !self.0.recorder.is_genuine(tx, head).await? {
            return Ok(altered);
        }
        Ok(match head.seq.cmp(&walk.seq) {
            std::cmp::Ordering::Less => Compared::Fault(ChainFault::Forged { seq: head.seq + 1 }),
            std::cmp::Ordering::Greater => Compared::Behind,
            std::cmp::Ordering::Equal if head.hash == walk.hash => Compared::Whole,
            std::cmp::Ordering::Equal => altered,
        })
    }

    /// Whether the row's epoch is the one behind that of the row before, and begins with this row. Where the walk began in the
    /// middle it takes the row before as it is.
    async fn begins(&self, tx: &mut dyn CredentialsTx, walk: &Walk, row: &AuditRow) -> Result<bool> {
        let epochs = tx.chain().epochs().await?;
        let epoch = epochs.iter().find(|epoch| epoch.epoch == row.epoch);
        Ok(row.epoch == walk.epoch + 1 && epoch.is_some_and(|epoch| epoch.first_seq == row.seq))
    }

    /// The key of an epoch; `None` when there is no such epoch, or one that was tampered with.
    async fn key(&self, tx: &mut dyn CredentialsTx, epoch: i64) -> Result<Option<Key>> {
        match self.0.recorder.known_key(tx, epoch).await {
            Ok(known) => Ok(known.map(|(key, _)| key)),
            Err(Error::Encryption(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

enum Compared {
    Whole,
    Behind,
    Fault(ChainFault),
}

/// The walk before row `since`.
async fn begin(tx: &mut dyn CredentialsTx, since: i64) -> Result<(Walk, Option<ChainFault>)> {
    let start = Walk { seq: 0, epoch: 0, hash: GENESIS, rows: 0 };
    if since <= 1 {
        return Ok((start, None));
    }
    let before = tx.chain().rows_after(since - 2, 1).await?;
    match before.into_iter().next() {
        Some(row) if row.seq == since - 1 => {
            Ok((Walk { seq: row.seq, epoch: row.epoch, hash: row.hash, rows: 0 }, None))
        }
        found => {
            let fault = ChainFault::Removed { seq: since - 1, next: found.map(|row| row.seq) };
            Ok((start, Some(fault)))
        }
    }
}
