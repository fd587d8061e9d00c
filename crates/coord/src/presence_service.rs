//! What callers do with presence.

use claudetools_kernel::{Change, Entity, Error, Faults, Page, Query, Result, Scope, Stored, Timestamp};

use crate::{
    Context, EventKind, Lock, Occurrence, Party, Presence, PresenceFields, PresenceFilter, PresenceSort, PresenceState,
    Table,
    batch::{self, Reach},
    deliver_late,
    lock::session_key,
    ports::CoordTx,
};

/// How many silent sessions a round of the reaper marks at most.
const SILENT: u32 = 100;

/// A session after an announcement or a sign of life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignOfLife {
    /// The session.
    pub presence: Presence,
    /// Whether it was not there before.
    pub is_new: bool,
    /// The locks that were renewed.
    pub renewed: Vec<Lock>,
    /// When, by the database's clock.
    pub now: Timestamp,
}

/// The use cases of presence. Listing needs [`Scope::Read`], everything else [`Scope::Write`].
#[derive(Debug, Clone)]
pub struct PresenceService(Context);

impl PresenceService {
    /// The use cases over this storage and ids.
    pub const fn new(context: Context) -> Self {
        Self(context)
    }

    /// Announces a session. The fields given replace what it said before, unless it has ended since.
    pub async fn announce(
        &self,
        party: &Party,
        session_id: &str,
        fields: PresenceFields,
    ) -> Result<Change<SignOfLife>> {
        party.require(Scope::Write)?;
        let mut tx = self.0.store.begin().await?;
        let mut table = batch::open(tx.as_mut(), Reach::default()).await?;
        let now = table.head.now;
        let known = known(tx.as_mut(), session_id).await?;
        let is_new = known.as_ref().is_none_or(|known| known.state == PresenceState::Ended);
        let was_silent = known.as_ref().is_none_or(|known| known.state_at(now) != PresenceState::Active);
        let id = known.as_ref().map_or_else(|| self.0.ids.id(), |known| known.id);
        let presence = Presence::announce(id, known, session_id.to_owned(), fields, now)?;
        tx.presence().put(&presence).await?;
        deliver_late(tx.as_mut(), &table.head, session_id, presence.project_key.as_deref()).await?;
        if was_silent {
            tell(&mut table, EventKind::SessionUp, &presence);
        }
        batch::write(tx.as_mut(), &mut table).await?;
        Ok(Change::new(SignOfLife { presence, is_new, renewed: Vec::new(), now }, tx))
    }

    /// A sign of life: the session is active, and all its live locks have their own time again.
    pub async fn heartbeat(&self, party: &Party, session_id: &str) -> Result<Change<SignOfLife>> {
        party.require(Scope::Write)?;
        let mut tx = self.0.store.begin().await?;
        let mut table = batch::open(tx.as_mut(), Reach::of_session(session_id)).await?;
        let now = table.head.now;
        let known = there(tx.as_mut(), session_id).await?;
        let was_silent = known.state_at(now) != PresenceState::Active;
        let presence = known.seen(now);
        tx.presence().put(&presence).await?;
        if was_silent {
            // Whoever comes back has missed what was sent while it did not count as active.
            deliver_late(tx.as_mut(), &table.head, session_id, presence.project_key.as_deref()).await?;
            tell(&mut table, EventKind::SessionUp, &presence);
        }
        let renewed = table.renew_all(session_id);
        batch::write(tx.as_mut(), &mut table).await?;
        Ok(Change::new(SignOfLife { presence, is_new: false, renewed, now }, tx))
    }

    /// Ends a session: its locks are released, and its calls leave the line.
    pub async fn end(&self, party: &Party, session_id: &str) -> Result<Change<()>> {
        party.require(Scope::Write)?;
        let mut tx = self.0.store.begin().await?;
        let mut table = batch::open(tx.as_mut(), Reach::of_session(session_id)).await?;
        let presence = there(tx.as_mut(), session_id).await?.end(table.head.now);
        tx.presence().put(&presence).await?;
        table.end_session(session_id);
        tell(&mut table, EventKind::SessionDown, &presence);
        batch::write(tx.as_mut(), &mut table).await?;
        Ok(Change::new((), tx))
    }

    /// A page of sessions, and the time by which they were judged.
    pub async fn list(
        &self,
        party: &Party,
        query: &Query<PresenceFilter, PresenceSort>,
    ) -> Result<(Page<Presence>, Timestamp)> {
        party.require(Scope::Read)?;
        let mut tx = self.0.store.read().await?;
        let now = tx.head().peek().await?.now;
        Ok((tx.presence().list(&query.filter.clone().composed(), &query.page, now).await?, now))
    }
}

/// Marks sessions as stale that have been silent for too long.
pub(crate) async fn mark_silent(tx: &mut dyn CoordTx, table: &mut Table) -> Stored<()> {
    for silent in tx.presence().silent(Presence::silent_at(table.head.now), SILENT).await? {
        let stale = Presence { state: PresenceState::Stale, ..silent };
        tx.presence().put(&stale).await?;
        tell(table, EventKind::SessionStale, &stale);
    }
    Ok(())
}

fn tell(table: &mut Table, kind: EventKind, presence: &Presence) {
    let what = Occurrence::new(Some(&presence.session_id), None, &presence.note());
    table.note(kind, what.in_project(presence.project_key.as_deref()));
}

async fn known(tx: &mut dyn CoordTx, session_id: &str) -> Result<Option<Presence>> {
    let mut faults = Faults::default();
    let session_id = session_key(&mut faults, "session_id", session_id.to_owned());
    faults.finish()?;
    Ok(tx.presence().find(&Vec::from_iter(session_id)).await?.pop())
}

/// The session, if it has announced itself and not ended.
async fn there(tx: &mut dyn CoordTx, session_id: &str) -> Result<Presence> {
    let known = known(tx, session_id).await?.filter(|known| known.state != PresenceState::Ended);
    known.ok_or_else(|| Error::NotFound { resource_type: Presence::TYPE, resource_id: session_id.to_owned() })
}
