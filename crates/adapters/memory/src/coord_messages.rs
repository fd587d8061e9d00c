//! Messages, components, projects of coordination, and how long what is kept.

use async_trait::async_trait;
use claudetools_coord::{
    Component, ComponentKey, CoordProject, Delivery, HistoryEntry, HistorySort, LockState, Message, MessageFilter,
    MessageRow, MessageSort, Presence, PresenceState, PruneBounds, Pruned, Retention,
    ports::{ComponentRepository, CoordProjectRepository, EventRepository, MessageRepository, RetentionRepository},
};
use claudetools_kernel::{Id, Page, PageRequest, StoreError, Stored, Timestamp};

use crate::{
    coord::Coord,
    store::{MemoryTx, State},
    table::{Row, Table},
};

impl Row for Message {
    fn table(state: &mut State) -> &mut Table<Self> {
        &mut state.coord_messages
    }

    fn clashes(&self, other: &Self) -> bool {
        self.seq == other.seq
    }
}

impl Row for Component {
    fn table(state: &mut State) -> &mut Table<Self> {
        &mut state.coord_components
    }

    fn clashes(&self, other: &Self) -> bool {
        self.key == other.key
    }

    fn release(id: Id<Self>, state: &mut State) -> Stored<()> {
        state.coord_history.retain(|entry| entry.component_id != id);
        Ok(())
    }
}

impl Row for CoordProject {
    fn table(state: &mut State) -> &mut Table<Self> {
        &mut state.coord_projects
    }

    fn clashes(&self, other: &Self) -> bool {
        self.project_key == other.project_key
    }
}

impl MemoryTx {
    fn received(&self, id: Id<Message>, session_id: &str) -> Option<&Delivery> {
        self.state.coord_deliveries.get(&(id, session_id.to_owned()))
    }
}

#[async_trait]
impl MessageRepository for MemoryTx {
    async fn add(&mut self, message: &Message) -> Stored<()> {
        self.state.coord_messages.add(message)
    }

    async fn lookup(&mut self, id: Id<Message>) -> Stored<Option<Message>> {
        Ok(self.state.coord_messages.get(id))
    }

    async fn remove(&mut self, id: Id<Message>) -> Stored<bool> {
        self.state.coord_deliveries.retain(|(message, _), _| *message != id);
        Ok(self.state.coord_messages.remove(id))
    }

    async fn present(&mut self, project_key: Option<&str>, silent_at: Timestamp) -> Stored<Vec<String>> {
        let present = self.state.coord.presence.values().filter(|session| {
            session.ended_at.is_none()
                && session.last_seen_at > silent_at
                && project_key.is_none_or(|wanted| session.project_key.as_deref() == Some(wanted))
        });
        Ok(present.map(|session| session.session_id.clone()).collect())
    }

    async fn deliver(&mut self, deliveries: &[Delivery]) -> Stored<()> {
        for delivery in deliveries {
            let key = (delivery.message_id, delivery.session_id.clone());
            if !self.state.coord_messages.has(delivery.message_id)
                || self.state.coord_deliveries.insert(key, delivery.clone()).is_some()
            {
                return Err(StoreError::Constraint("coord_message_recipients".to_owned()));
            }
        }
        Ok(())
    }

    async fn missed(
        &mut self,
        session_id: &str,
        project_key: Option<&str>,
        after: Timestamp,
        now: Timestamp,
    ) -> Stored<Vec<(Id<Message>, i64)>> {
        let missed = self.state.coord_messages.rows().filter(|message| {
            message.created_at > after
                && (message.broadcast || message.to_project.as_deref().is_some_and(|to| project_key == Some(to)))
                && message.from_session != session_id
                && !message.is_expired(now)
                && self.received(message.id, session_id).is_none()
        });
        let mut missed: Vec<_> = missed.map(|message| (message.id, message.seq)).collect();
        missed.sort_unstable_by_key(|(_, seq)| *seq);
        Ok(missed)
    }

    async fn recipients(&mut self, messages: &[Id<Message>]) -> Stored<Vec<Delivery>> {
        let of_messages = self.state.coord_deliveries.values().filter(|one| messages.contains(&one.message_id));
        Ok(of_messages.cloned().collect())
    }

    async fn delivery(&mut self, id: Id<Message>, session_id: &str) -> Stored<Option<Delivery>> {
        Ok(self.received(id, session_id).cloned())
    }

    async fn mark(&mut self, delivery: &Delivery) -> Stored<()> {
        let key = (delivery.message_id, delivery.session_id.clone());
        if let Some(kept) = self.state.coord_deliveries.get_mut(&key) {
            *kept = delivery.clone();
        }
        Ok(())
    }

    async fn list(
        &mut self,
        filter: &MessageFilter,
        now: Timestamp,
        page: &PageRequest<MessageSort>,
    ) -> Stored<Page<MessageRow>> {
        let rows = self.state.coord_messages.rows().filter_map(|message| {
            let session = filter.to_session.as_deref();
            let delivery = session.and_then(|session| self.received(message.id, session));
            filter.admits(message, delivery, now).then(|| MessageRow::of(message.clone(), delivery))
        });
        Ok(Page::cut(rows.collect(), page))
    }
}

#[async_trait]
impl ComponentRepository for MemoryTx {
    async fn at(&mut self, key: &ComponentKey) -> Stored<Option<Component>> {
        Ok(self.state.coord_components.rows().find(|component| component.key == *key).cloned())
    }

    async fn of_project(&mut self, project_key: Option<&str>) -> Stored<Vec<Component>> {
        let wanted = |component: &&Component| project_key.is_none_or(|project| component.key.project_key == project);
        let mut components: Vec<_> = self.state.coord_components.rows().filter(wanted).cloned().collect();
        components.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(components)
    }

    async fn record(&mut self, entry: &HistoryEntry) -> Stored<()> {
        if !self.state.coord_components.has(entry.component_id) {
            return Err(StoreError::Constraint("component_id".to_owned()));
        }
        self.state.coord_history.push(entry.clone());
        Ok(())
    }

    async fn history(&mut self, id: Id<Component>, page: &PageRequest<HistorySort>) -> Stored<Page<HistoryEntry>> {
        let of_component = self.state.coord_history.iter().filter(|entry| entry.component_id == id);
        Ok(Page::cut(of_component.cloned().collect(), page))
    }
}

#[async_trait]
impl CoordProjectRepository for MemoryTx {
    async fn by_key(&mut self, project_key: &str) -> Stored<Option<CoordProject>> {
        Ok(self.state.coord_projects.rows().find(|project| project.project_key == project_key).cloned())
    }

    async fn keys(&mut self) -> Stored<Vec<String>> {
        let mut keys: Vec<_> = self.state.coord_projects.rows().map(|project| project.project_key.clone()).collect();
        keys.sort_unstable();
        Ok(keys)
    }
}

#[async_trait]
impl RetentionRepository for MemoryTx {
    async fn decided(&mut self) -> Stored<Option<Retention>> {
        Ok(self.state.coord_retention)
    }

    async fn decide(&mut self, retention: &Retention) -> Stored<()> {
        self.state.coord_retention = Some(*retention);
        Ok(())
    }

    async fn prune(&mut self, bounds: &PruneBounds) -> Stored<Pruned> {
        let is_before = |at: Option<Timestamp>, bound: Option<Timestamp>| {
            at.is_some_and(|at| bound.is_some_and(|bound| at < bound))
        };
        let events = match bounds.events {
            Some(before) => EventRepository::prune(self, before).await?,
            None => 0,
        };
        let state = &mut self.state;
        let history = state.coord_history.len();
        state.coord_history.retain(|entry| !is_before(Some(entry.recorded_at), bounds.history));
        let messages = state.coord_messages.remove_where(|row| is_before(Some(row.created_at), bounds.messages));
        let State { coord_deliveries, coord_messages, .. } = state;
        coord_deliveries.retain(|(message, _), _| coord_messages.has(*message));
        let kept = (state.coord.locks.len(), state.coord.presence.len());
        state.coord.locks.retain(|_, lock| !is_before(lock.ended_at, bounds.ended));
        let Coord { locks, presence, .. } = &mut state.coord;
        let holds = |session: &Presence| {
            locks.values().any(|lock| lock.state == LockState::Held && lock.session_id == session.session_id)
        };
        presence.retain(|_, session| match session.state {
            PresenceState::Ended => !is_before(session.ended_at, bounds.ended),
            _ => !is_before(Some(session.last_seen_at), bounds.ended) || holds(session),
        });
        Ok(Pruned {
            events,
            messages,
            history: (history - state.coord_history.len()) as u64,
            locks: (kept.0 - state.coord.locks.len()) as u64,
            sessions: (kept.1 - state.coord.presence.len()) as u64,
        })
    }
}
