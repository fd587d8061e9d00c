//! Closings of periods.

use std::cmp::Reverse;

use async_trait::async_trait;
use chrono::NaiveDate;
use claudetools_kernel::{Id, Page, PageRequest};
use claudetools_sessions::{
    Client, Closing, ClosingFilter, ClosingSort,
    ports::{ClosingRepository, Stored},
};

use crate::{
    store::{MemoryTx, State},
    table::{Row, Table},
};

impl Row for Closing {
    fn table(state: &mut State) -> &mut Table<Self> {
        &mut state.closings
    }

    fn dangles(&self, state: &State) -> bool {
        self.client_id.is_some_and(|id| !state.clients.has(id))
    }
}

#[async_trait]
impl ClosingRepository for MemoryTx {
    /// One transaction writes at a time.
    async fn hold_periods(&mut self) -> Stored<()> {
        Ok(())
    }

    async fn lock_periods(&mut self) -> Stored<()> {
        Ok(())
    }

    async fn closed_through(&mut self, client: Option<Id<Client>>) -> Stored<Option<NaiveDate>> {
        let concerns = |closing: &&Closing| closing.client_id.is_none() || closing.client_id == client;
        let in_force = self.state.closings.rows().filter(|closing| closing.reopened_at.is_none());
        Ok(in_force.filter(concerns).map(|closing| closing.through).max())
    }

    async fn in_force(&mut self, client: Option<Id<Client>>) -> Stored<Vec<Closing>> {
        let of = |closing: &&Closing| closing.reopened_at.is_none() && closing.client_id == client;
        let mut closings: Vec<Closing> = self.state.closings.rows().filter(of).cloned().collect();
        closings.sort_by_key(|closing| Reverse((closing.through, closing.id)));
        Ok(closings)
    }

    async fn list(&mut self, filter: &ClosingFilter, page: &PageRequest<ClosingSort>) -> Stored<Page<Closing>> {
        let rows = self.state.closings.rows().filter(|closing| filter.admits(closing)).cloned().collect();
        Ok(Page::cut(rows, page))
    }
}
