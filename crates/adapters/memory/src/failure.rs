//! Commands, the patterns of their failures, and what is known of places.

use std::{cmp::Reverse, collections::BTreeSet};

use async_trait::async_trait;
use claudetools_infra::{
    failure::{
        Command, CommandFilter, CommandSort, FailurePattern, Insight, InsightFilter, InsightSort, PatternFilter,
        PatternKey, PatternSort, Run, Source, Spot,
        ports::{CommandContext, CommandRepository, InsightRepository, PatternRepository},
    },
    inventory::Asset,
};
use claudetools_kernel::{Id, Page, PageRequest, StoreError, Stored, text};
use uuid::Uuid;

use crate::{
    store::{MemoryTx, State},
    table::{Row, Table},
};

impl Row for Command {
    fn table(state: &mut State) -> &mut Table<Self> {
        &mut state.commands
    }

    fn dangles(&self, state: &State) -> bool {
        !state.sessions.has(Id::new(self.session_id))
            || self.work_item_id.is_some_and(|id| !state.work_items.has(Id::new(id)))
            || self.client_id.is_some_and(|id| !state.clients.has(Id::new(id)))
            || self.infrastructure_id.is_some_and(|id| !state.assets.has(Id::new(id)))
            || self.pattern_id.is_some_and(|id| !state.failure_patterns.has(id))
    }
}

impl Row for FailurePattern {
    fn table(state: &mut State) -> &mut Table<Self> {
        &mut state.failure_patterns
    }

    fn release(id: Id<Self>, state: &mut State) -> Stored<()> {
        state.pattern_keys.retain(|key| key.pattern_id != id);
        state.pattern_spots.retain(|(pattern, _)| *pattern != id);
        state.insights.remove_where(|insight| insight.pattern_id == Some(id));
        for command in state.commands.rows_mut().filter(|command| command.pattern_id == Some(id)) {
            command.pattern_id = None;
        }
        Ok(())
    }
}

impl Row for Insight {
    fn table(state: &mut State) -> &mut Table<Self> {
        &mut state.insights
    }

    fn clashes(&self, other: &Self) -> bool {
        self.pattern_id.is_some() && self.pattern_id == other.pattern_id
    }

    fn dangles(&self, state: &State) -> bool {
        self.client_id.is_some_and(|id| !state.clients.has(Id::new(id)))
            || self.infrastructure_id.is_some_and(|id| !state.assets.has(Id::new(id)))
            || self.pattern_id.is_some_and(|id| !state.failure_patterns.has(id))
    }
}

/// The keys of spots.
fn keys(spots: &[Spot]) -> BTreeSet<String> {
    spots.iter().map(Spot::key).collect()
}

/// The rows that fit in the order of a key, at most so many.
fn ordered<R: Row, K: Ord>(table: &Table<R>, fits: impl Fn(&R) -> bool, key: impl Fn(&R) -> K, limit: u32) -> Vec<R> {
    let mut rows: Vec<&R> = table.rows().filter(|row| fits(row)).collect();
    rows.sort_by_key(|row| key(row));
    rows.into_iter().take(limit as usize).cloned().collect()
}

#[async_trait]
impl CommandRepository for MemoryTx {
    async fn list(&mut self, filter: &CommandFilter, page: &PageRequest<CommandSort>) -> Stored<Page<Command>> {
        Ok(Page::cut(self.state.commands.rows().filter(|command| filter.admits(command)).cloned().collect(), page))
    }

    /// One transaction writes at a time.
    async fn lock_queue(&mut self) -> Stored<()> {
        Ok(())
    }

    async fn waiting(&mut self, limit: u32) -> Stored<Vec<Id<Command>>> {
        let waits = |command: &Command| !command.is_analysed;
        let waiting = ordered(&self.state.commands, waits, |command| (command.created_at, command.id), limit);
        Ok(waiting.iter().map(|command| command.id).collect())
    }

    async fn give_up(&mut self, command: Id<Command>) -> Stored<bool> {
        let Some(command) = self.state.commands.get_mut(command).filter(|command| !command.is_analysed) else {
            return Ok(false);
        };
        command.is_analysed = true;
        command.verb.clear();
        command.intent.clear();
        command.revision += 1;
        Ok(true)
    }

    async fn runs(&mut self, verb: &str, limit: u32) -> Stored<Vec<Run>> {
        let fits = |command: &Command| command.is_analysed && command.verb == verb;
        let runs = ordered(&self.state.commands, fits, |command| Reverse((command.created_at, command.id)), limit);
        Ok(runs.iter().map(Run::from).collect())
    }

    async fn failure_of(&mut self, pattern: Id<FailurePattern>) -> Stored<Option<Command>> {
        Ok(self.state.commands.rows().find(|command| command.pattern_id == Some(pattern)).cloned())
    }

    async fn attempts(&mut self, session: Uuid, host: &str, intent: &str, limit: u32) -> Stored<Vec<Command>> {
        let fits = |command: &Command| {
            command.is_analysed
                && command.session_id == session
                && command.host_key() == host
                && command.intent == intent
        };
        Ok(ordered(&self.state.commands, fits, |command| Reverse((command.created_at, command.id)), limit))
    }
}

#[async_trait]
impl PatternRepository for MemoryTx {
    async fn list(&mut self, filter: &PatternFilter, page: &PageRequest<PatternSort>) -> Stored<Page<FailurePattern>> {
        let admitted = self.state.failure_patterns.rows().filter(|pattern| filter.admits(pattern));
        Ok(Page::cut(admitted.cloned().collect(), page))
    }

    async fn by_key(&mut self, key: &[u8; 32]) -> Stored<Option<Id<FailurePattern>>> {
        Ok(self.state.pattern_keys.iter().find(|known| known.key == *key).map(|known| known.pattern_id))
    }

    async fn templates(&mut self, bucket: &[u8; 32], limit: u32) -> Stored<Vec<(String, Id<FailurePattern>)>> {
        let in_bucket = self.state.pattern_keys.iter().filter(|key| key.bucket == *bucket && !key.template.is_empty());
        let mut keys: Vec<&PatternKey> = in_bucket.collect();
        keys.sort_by_key(|key| (key.created_at, key.key));
        Ok(keys.into_iter().take(limit as usize).map(|key| (key.template.clone(), key.pattern_id)).collect())
    }

    async fn add_key(&mut self, key: &PatternKey) -> Stored<()> {
        let taken = self.state.pattern_keys.iter().any(|known| known.key == key.key);
        if taken || !self.state.failure_patterns.has(key.pattern_id) {
            return Err(StoreError::Constraint("failure_key".to_owned()));
        }
        self.state.pattern_keys.push(key.clone());
        Ok(())
    }

    async fn expect_at(&mut self, pattern: &FailurePattern, spots: &[Spot]) -> Stored<()> {
        if !self.state.failure_patterns.has(pattern.id) {
            return Err(StoreError::Constraint("foreign key".to_owned()));
        }
        self.state.pattern_spots.extend(spots.iter().map(|spot| (pattern.id, spot.key())));
        Ok(())
    }

    async fn expect_anew(&mut self, pattern: &FailurePattern) -> Stored<()> {
        self.state.pattern_spots.retain(|(id, spot)| *id != pattern.id || spot.starts_with(Spot::HOST));
        self.expect_at(pattern, &pattern.spots()).await
    }

    async fn expected(
        &mut self,
        spots: &[Spot],
        verbs: &[String],
        command: &str,
        limit: u32,
    ) -> Stored<Vec<FailurePattern>> {
        let keys = keys(spots);
        let there = self.state.pattern_spots.iter().filter(|(_, spot)| keys.contains(spot));
        let there: BTreeSet<Id<FailurePattern>> = there.map(|(id, _)| *id).collect();
        let fits = |pattern: &FailurePattern| {
            pattern.is_active
                && there.contains(&pattern.id)
                && verbs.contains(&pattern.verb)
                && command.contains(&pattern.needle())
        };
        let key = |pattern: &FailurePattern| {
            (pattern.source != Source::Manual, Reverse((pattern.occurrence_count, pattern.id)))
        };
        Ok(ordered(&self.state.failure_patterns, fits, key, limit))
    }

    async fn some(&mut self, ids: &[Id<FailurePattern>]) -> Stored<Vec<FailurePattern>> {
        Ok(self.state.failure_patterns.rows().filter(|pattern| ids.contains(&pattern.id)).cloned().collect())
    }
}

#[async_trait]
impl InsightRepository for MemoryTx {
    async fn list(&mut self, filter: &InsightFilter, page: &PageRequest<InsightSort>) -> Stored<Page<Insight>> {
        Ok(Page::cut(self.state.insights.rows().filter(|insight| filter.admits(insight)).cloned().collect(), page))
    }

    async fn of_pattern(&mut self, pattern: Id<FailurePattern>) -> Stored<Option<Insight>> {
        Ok(self.state.insights.rows().find(|insight| insight.pattern_id == Some(pattern)).cloned())
    }

    async fn of_verb(&mut self, verb: &str, limit: u32) -> Stored<Vec<Insight>> {
        let fits = |insight: &Insight| insight.verb == verb && insight.source == Source::Derived;
        Ok(ordered(&self.state.insights, fits, |insight| Reverse((insight.priority, insight.id)), limit))
    }

    async fn holding(&mut self, spots: &[Spot], limit: u32) -> Stored<Vec<Insight>> {
        let keys = keys(spots);
        let fits = |insight: &Insight| keys.contains(&insight.spot().key());
        Ok(ordered(&self.state.insights, fits, |insight| Reverse((insight.priority, insight.id)), limit))
    }

    async fn about(&mut self, spots: &[Spot], verbs: &[String], limit: u32) -> Stored<Vec<Insight>> {
        let keys = keys(spots);
        let is_topic = |insight: &Insight, verb: &String| insight.topics().contains(&format!(" {verb} "));
        let fits = |insight: &Insight| {
            keys.contains(&insight.spot().key())
                && verbs.iter().any(|verb| insight.verb == *verb || is_topic(insight, verb))
        };
        Ok(ordered(&self.state.insights, fits, |insight| Reverse((insight.priority, insight.id)), limit))
    }
}

#[async_trait]
impl CommandContext for MemoryTx {
    async fn session_client(&mut self, session: Uuid) -> Stored<Option<Option<Uuid>>> {
        Ok(self.state.sessions.get(Id::new(session)).map(|session| session.client_id.map(Id::uuid)))
    }

    async fn work_item_session(&mut self, work_item: Uuid) -> Stored<Option<Uuid>> {
        Ok(self.state.work_items.get(Id::new(work_item)).map(|item| item.session_id.uuid()))
    }

    async fn client_name(&mut self, client: Uuid) -> Stored<Option<String>> {
        Ok(self.state.clients.get(Id::new(client)).map(|client| client.name))
    }

    async fn asset_of_host(&mut self, client: Option<Uuid>, host: &str) -> Stored<Option<Asset>> {
        let mut named = self.state.assets.rows().filter(|asset| {
            text::fold(&asset.hostname) == host && client.is_none_or(|client| client == asset.client_id)
        });
        let found = named.next().cloned();
        Ok(if named.next().is_none() { found } else { None })
    }
}
