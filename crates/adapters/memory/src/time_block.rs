//! Blocks of hours.

use async_trait::async_trait;
use claudetools_kernel::{Id, Page, PageRequest};
use claudetools_sessions::{
    BlockBalance, Client, TimeBlock, TimeBlockFilter, TimeBlockRow, TimeBlockSort,
    ports::{Stored, TimeBlockRepository},
};

use crate::{
    store::{MemoryTx, State},
    table::{Row, Table},
};

impl Row for TimeBlock {
    fn table(state: &mut State) -> &mut Table<Self> {
        &mut state.time_blocks
    }

    fn dangles(&self, state: &State) -> bool {
        !state.clients.has(self.client_id)
    }
}

#[async_trait]
impl TimeBlockRepository for MemoryTx {
    async fn row(&mut self, id: Id<TimeBlock>) -> Stored<Option<TimeBlockRow>> {
        Ok(self.state.time_blocks.get(id).map(|block| self.state.block_row(block)))
    }

    async fn list(
        &mut self,
        filter: &TimeBlockFilter,
        page: &PageRequest<TimeBlockSort>,
    ) -> Stored<Page<TimeBlockRow>> {
        let admitted = self.state.time_blocks.rows().filter(|block| filter.admits(block)).cloned();
        Ok(Page::cut(admitted.map(|block| self.state.block_row(block)).collect(), page))
    }

    async fn of_clients(&mut self, clients: Option<&[Id<Client>]>) -> Stored<Vec<TimeBlock>> {
        let of = |block: &&TimeBlock| clients.is_none_or(|clients| clients.contains(&block.client_id));
        Ok(self.state.time_blocks.rows().filter(of).cloned().collect())
    }
}

impl State {
    fn block_row(&self, block: TimeBlock) -> TimeBlockRow {
        let (balance, client_name) = (BlockBalance::untouched(&block), self.client_name(block.client_id));
        TimeBlockRow { block, client_name, balance }
    }
}
