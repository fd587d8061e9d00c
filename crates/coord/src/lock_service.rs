//! What callers do with locks beside asking for them, which they do at the [`crate::Desk`].

use claudetools_kernel::{Change, Error, Faults, Id, Page, Patch, Query, Result, Scope, Timestamp, text};

use crate::{
    Context, Event, Importance, Lock, LockDetail, LockFilter, LockSort, LockState, MessageDraft, MessageFields, Party,
    batch::{self, Reach},
    message_service::post,
};

/// As whom the service itself sends messages.
const SERVICE: &str = "claudetools";

/// A lock that was to be taken away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// The lock, as it ended or had ended before.
    pub lock: Lock,
    /// Whether it was held until now.
    pub was_held: bool,
}

/// The use cases of locks. Reading needs [`Scope::Read`], taking away [`Scope::Admin`].
#[derive(Debug, Clone)]
pub struct LockService(Context);

impl LockService {
    /// The use cases over this storage.
    pub const fn new(context: Context) -> Self {
        Self(context)
    }

    /// A page of locks, and the time by which they were judged.
    pub async fn list(
        &self,
        party: &Party,
        query: &Query<LockFilter, LockSort>,
    ) -> Result<(Page<LockDetail>, Timestamp)> {
        party.require(Scope::Read)?;
        let mut tx = self.0.store.read().await?;
        let now = tx.head().peek().await?.now;
        Ok((tx.locks().list(&query.filter.clone().composed(), &query.page, now).await?, now))
    }

    /// One lock, held or not, and the time by which it is judged.
    pub async fn get(&self, party: &Party, id: Id<Lock>) -> Result<(LockDetail, Timestamp)> {
        party.require(Scope::Read)?;
        let mut tx = self.0.store.read().await?;
        let now = tx.head().peek().await?.now;
        Ok((tx.locks().detail(id).await?.ok_or_else(|| Error::not_found(id))?, now))
    }

    /// What happened to a lock, its beginning and end among it as long as the lock is kept, which is longer than its events.
    pub async fn history(&self, party: &Party, id: Id<Lock>) -> Result<Vec<Event>> {
        party.require(Scope::Read)?;
        let mut tx = self.0.store.read().await?;
        let lock = tx.locks().by_ids(&[id]).await?.pop().ok_or_else(|| Error::not_found(id))?;
        Ok(lock.history(tx.events().about(id.uuid()).await?))
    }

    /// Takes a lock away from its session.
    pub async fn take_away(&self, party: &Party, id: Id<Lock>, reason: Option<String>) -> Result<Change<Broken>> {
        party.require(Scope::Admin)?;
        let mut faults = Faults::default();
        let reason = reason.filter(|text| !text.trim().is_empty());
        let reason = reason.and_then(|reason| text::line(&mut faults, "reason", &reason, text::LINE));
        faults.finish()?;
        let mut tx = self.0.store.begin().await?;
        let mut table = batch::open(tx.as_mut(), Reach::of_lock(id)).await?;
        let ended = table.end(id, LockState::Broken, reason.as_deref()).ok_or_else(|| Error::not_found(id))?;
        let was_held = ended.is_ok();
        let lock = table.locks().find(|lock| lock.id == id).cloned().ok_or_else(|| Error::not_found(id))?;
        if was_held {
            let told = MessageDraft::new(self.0.ids.id(), taken_away(&lock, reason.as_deref()))?;
            post(tx.as_mut(), &mut table.head, told).await?;
        }
        batch::write(tx.as_mut(), &mut table).await?;
        Ok(Change::new(Broken { lock, was_held }, tx))
    }
}

/// The message to whoever held a lock that was taken away.
fn taken_away(lock: &Lock, reason: Option<&str>) -> MessageFields {
    let why = reason.map(|reason| format!(" Reason: {reason}")).unwrap_or_default();
    let body = format!(
        "An administrator has taken your lock {} on {} away, token {}. Stop writing there, and ask for the lock anew.{why}",
        lock.id, lock.resource, lock.token
    );
    MessageFields {
        from_session: Some(SERVICE.to_owned()),
        to_session: Some(lock.session_id.clone()),
        subject: Patch::Set("Your lock was taken away".to_owned()),
        body: Some(body),
        importance: Some(Importance::High),
        ..MessageFields::default()
    }
}
