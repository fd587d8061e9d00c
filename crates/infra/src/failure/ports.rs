//! What commands and their failures need of a storage, beyond what [`Records`] says of every kind of row.

use std::fmt;

use async_trait::async_trait;
use claudetools_kernel::{Id, Page, PageRequest, Records, Stored};
use uuid::Uuid;

use super::{
    Command, CommandFilter, CommandSort, FailurePattern, Insight, InsightFilter, InsightSort, PatternFilter,
    PatternKey, PatternSort, Run, Spot,
};
use crate::inventory::Asset;

/// Where commands are kept, and the queue of those that the analysis has not seen.
#[async_trait]
pub trait CommandRepository: Records<Command> {
    /// A page of commands.
    async fn list(&mut self, filter: &CommandFilter, page: &PageRequest<CommandSort>) -> Stored<Page<Command>>;
    /// Keeps every other analysis waiting until this transaction ends, so that each command is analysed once and in its turn.
    /// To be called before the transaction reads anything.
    async fn lock_queue(&mut self) -> Stored<()>;
    /// The commands that the analysis has not seen, in the order in which they were entered, at most so many. By their ids alone, so
    /// that one that cannot be read keeps nobody from the others.
    async fn waiting(&mut self, limit: u32) -> Stored<Vec<Id<Command>>>;
    /// Takes a command out of the queue unread. It no longer says what it called and was for, so that nothing is compared with it.
    /// Tells whether it waited.
    async fn give_up(&mut self, command: Id<Command>) -> Stored<bool>;
    /// The analysed runs of `verb`, the youngest first, at most so many.
    async fn runs(&mut self, verb: &str, limit: u32) -> Stored<Vec<Run>>;
    /// One of the failures of a pattern, whichever.
    async fn failure_of(&mut self, pattern: Id<FailurePattern>) -> Stored<Option<Command>>;
    /// The analysed commands of a session on a host (folded; empty for none) with an intent, the youngest first, at most so many.
    async fn attempts(&mut self, session: Uuid, host: &str, intent: &str, limit: u32) -> Stored<Vec<Command>>;
}

/// Where patterns are kept, and the keys of the failures that belong to them.
#[async_trait]
pub trait PatternRepository: Records<FailurePattern> {
    /// A page of patterns.
    async fn list(&mut self, filter: &PatternFilter, page: &PageRequest<PatternSort>) -> Stored<Page<FailurePattern>>;
    /// The pattern of the failures with this key.
    async fn by_key(&mut self, key: &[u8; 32]) -> Stored<Option<Id<FailurePattern>>>;
    /// The templates of a bucket with their patterns, the oldest first, at most so many.
    async fn templates(&mut self, bucket: &[u8; 32], limit: u32) -> Stored<Vec<(String, Id<FailurePattern>)>>;
    /// Keeps a key.
    async fn add_key(&mut self, key: &PatternKey) -> Stored<()>;
    /// Lets the pattern be expected at these spots too.
    async fn expect_at(&mut self, pattern: &FailurePattern, spots: &[Spot]) -> Stored<()>;
    /// Lets the pattern be expected at its own spots and on the hosts on which it was seen, and nowhere else.
    async fn expect_anew(&mut self, pattern: &FailurePattern) -> Stored<()>;
    /// The active patterns of calls of one of the verbs that are expected at one of the spots and whose needle stands in `command`
    /// (folded): those entered by hand before the others, and of these the most frequent first, at most so many.
    async fn expected(
        &mut self,
        spots: &[Spot],
        verbs: &[String],
        command: &str,
        limit: u32,
    ) -> Stored<Vec<FailurePattern>>;
    /// These patterns, in no order.
    async fn some(&mut self, ids: &[Id<FailurePattern>]) -> Stored<Vec<FailurePattern>>;
}

/// Where insights are kept.
#[async_trait]
pub trait InsightRepository: Records<Insight> {
    /// A page of insights.
    async fn list(&mut self, filter: &InsightFilter, page: &PageRequest<InsightSort>) -> Stored<Page<Insight>>;
    /// The derived insight of a pattern.
    async fn of_pattern(&mut self, pattern: Id<FailurePattern>) -> Stored<Option<Insight>>;
    /// The derived insights about `verb`, at most so many.
    async fn of_verb(&mut self, verb: &str, limit: u32) -> Stored<Vec<Insight>>;
    /// The insights that hold at one of the spots, the highest priority first, at most so many.
    async fn holding(&mut self, spots: &[Spot], limit: u32) -> Stored<Vec<Insight>>;
    /// Those of them that are about one of the verbs, or have it among their topics.
    async fn about(&mut self, spots: &[Spot], verbs: &[String], limit: u32) -> Stored<Vec<Insight>>;
}

/// What commands need of sessions, clients and the inventory.
#[async_trait]
pub trait CommandContext: Send {
    /// The client of a session; nothing for a session that does not exist.
    async fn session_client(&mut self, session: Uuid) -> Stored<Option<Option<Uuid>>>;
    /// The session of a work item.
    async fn work_item_session(&mut self, work_item: Uuid) -> Stored<Option<Uuid>>;
    /// The name of a client.
    async fn client_name(&mut self, client: Uuid) -> Stored<Option<String>>;
    /// The asset with this host name (folded) of a client; without a client the only one that has the name.
    async fn asset_of_host(&mut self, client: Option<Uuid>, host: &str) -> Stored<Option<Asset>>;
}

/// SHA-256.
pub trait Digest: Send + Sync + fmt::Debug {
    /// The digest of `bytes`.
    fn sha256(&self, bytes: &[u8]) -> [u8; 32];
}
