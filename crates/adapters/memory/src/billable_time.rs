//! Entries of billable time.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::NaiveDate;
use claudetools_kernel::{Id, Page, PageRequest};
use claudetools_sessions::{
    BillableTime, BillableTimeFilter, BillableTimeRow, BillableTimeSort, Client, Draw, GroupBy, GroupSum,
    ports::{BillableTimeRepository, Stored},
};
use uuid::Uuid;

use crate::{
    store::{MemoryTx, State},
    table::{Row, Table},
};

impl Row for BillableTime {
    fn table(state: &mut State) -> &mut Table<Self> {
        &mut state.billable_time
    }

    fn dangles(&self, state: &State) -> bool {
        !state.clients.has(self.client_id)
            || self.project_id.is_some_and(|id| !state.projects.has(id))
            || self.session_id.is_some_and(|id| !state.sessions.has(id))
            || self.work_item_id.is_some_and(|id| !state.work_items.has(id))
    }
}

#[async_trait]
impl BillableTimeRepository for MemoryTx {
    async fn row(&mut self, id: Id<BillableTime>) -> Stored<Option<BillableTimeRow>> {
        Ok(self.state.billable_time.get(id).map(|entry| self.state.entry_row(entry)))
    }

    async fn list(
        &mut self,
        filter: &BillableTimeFilter,
        page: &PageRequest<BillableTimeSort>,
    ) -> Stored<Page<BillableTimeRow>> {
        let admitted = self.state.billable_time.rows().filter(|entry| filter.admits(entry)).cloned();
        Ok(Page::cut(admitted.map(|entry| self.state.entry_row(entry)).collect(), page))
    }

    async fn overlapping(&mut self, ids: &[Id<BillableTime>]) -> Stored<Vec<(Uuid, Uuid)>> {
        let entries = self
            .state
            .billable_time
            .rows()
            .filter_map(|entry| entry.span().map(|span| (entry.id.uuid(), entry.technician_key(), span)));
        let timers = self.state.timers.rows().map(|timer| (timer.id.uuid(), timer.technician_key(), timer.span()));
        let all: Vec<_> = entries.chain(timers).collect();
        let mut pairs = Vec::new();
        for (id, technician, span) in all.iter().filter(|(id, ..)| ids.contains(&Id::new(*id))) {
            let meets = all.iter().filter(|(other, who, at)| other != id && who == technician && at.overlaps(*span));
            pairs.extend(meets.map(|(other, ..)| (*id, *other)));
        }
        Ok(pairs)
    }

    async fn sums(&mut self, filter: &BillableTimeFilter, by: GroupBy) -> Stored<Vec<GroupSum>> {
        let mut sums: BTreeMap<(Option<String>, String), GroupSum> = BTreeMap::new();
        for entry in self.state.billable_time.rows().filter(|entry| filter.admits(entry)) {
            let row = self.state.entry_row(entry.clone());
            let (key, name) = match by {
                GroupBy::Client => (Some(entry.client_id.to_string()), Some(row.client_name)),
                GroupBy::Project => (entry.project_id.map(|id| id.to_string()), row.project_name),
                GroupBy::Technician => (Some(entry.technician_key()), Some(entry.technician.clone())),
                GroupBy::Day | GroupBy::Month => (Some(entry.entry_date.to_string()), None),
            };
            let sum = sums.entry((key.clone(), entry.currency.to_string())).or_insert_with(|| GroupSum {
                key,
                name: None,
                currency: entry.currency,
                entries: 0,
                minutes: 0,
                rounded_minutes: 0,
                amount: claudetools_kernel::Money::default(),
            });
            sum.name = sum.name.take().max(name);
            sum.entries += 1;
            sum.minutes += entry.minutes;
            sum.rounded_minutes += entry.rounded_minutes;
            sum.amount = sum.amount.plus(entry.amount.unwrap_or_default());
        }
        Ok(sums.into_values().collect())
    }

    async fn draws(&mut self, clients: &[Id<Client>], since: NaiveDate, until: Option<NaiveDate>) -> Stored<Vec<Draw>> {
        let within = |entry: &&BillableTime| {
            clients.contains(&entry.client_id)
                && since <= entry.entry_date
                && until.is_none_or(|until| entry.entry_date <= until)
                && entry.rounded_minutes > 0
        };
        Ok(self.state.billable_time.rows().filter(within).map(Draw::from).collect())
    }
}

impl State {
    fn entry_row(&self, entry: BillableTime) -> BillableTimeRow {
        BillableTimeRow {
            client_name: self.client_name(entry.client_id),
            project_name: entry.project_id.and_then(|id| self.projects.get(id)).map(|project| project.name),
            overlaps: Vec::new(),
            entry,
        }
    }

    /// The name of a client, which is there: keys hold it.
    pub(crate) fn client_name(&self, id: Id<Client>) -> String {
        self.clients.get(id).map(|client| client.name).unwrap_or_default()
    }
}
