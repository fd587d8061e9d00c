//! What is to be billed to a client, and what it has paid for before.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use claudetools_kernel::{Id, PageRequest, Timestamp};

use super::{BillableTimeFilter, BlockBalance, Drawn, GroupBy, Summary, TimerFilter, TimerRow, Totals};
use crate::{
    Client,
    client_detail::MOST_SHOWN,
    ports::{SessionsTx, Stored},
};

/// What is to be billed to a client.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClientBilling {
    /// The billable entries without an invoice.
    pub unbilled: Totals,
    /// The timers that run or are paused, the first to be started first; at most 200.
    pub timers: Vec<TimerRow>,
    /// The blocks that something is left of today, in the order in which they are drawn on.
    pub time_blocks: Vec<BlockBalance>,
}

impl ClientBilling {
    /// What is stored of the client.
    pub(crate) async fn find(tx: &mut dyn SessionsTx, client: Id<Client>, now: Timestamp) -> Stored<Self> {
        let client_id = Some(client);
        let (is_billed, is_billable) = (Some(false), Some(true));
        let filter = BillableTimeFilter { client_id, is_billed, is_billable, ..BillableTimeFilter::default() };
        let sums = tx.billable_time().sums(&filter, GroupBy::Client).await?;
        let running = TimerFilter { client_id, ..TimerFilter::default() };
        let timers = tx.timers().list(&running, &PageRequest::first(MOST_SHOWN)).await?.items;
        let drawn = drawn(tx, Some(&[client]), None, Some(now.date())).await?;
        Ok(Self {
            unbilled: Summary::of(GroupBy::Client, &filter, sums).total,
            timers: timers.into_iter().map(|timer| timer.at(now)).collect(),
            time_blocks: drawn.blocks.into_iter().filter(|block| block.balance > 0).collect(),
        })
    }
}

/// The blocks of these clients, or of all, with what the entries through `until` have drawn on them.
pub(super) async fn drawn(
    tx: &mut dyn SessionsTx,
    clients: Option<&[Id<Client>]>,
    since: Option<NaiveDate>,
    until: Option<NaiveDate>,
) -> Stored<Drawn> {
    let blocks = tx.time_blocks().of_clients(clients).await?;
    let Some(first) = blocks.iter().map(|block| block.from).min() else {
        return Ok(Drawn::default());
    };
    let clients: BTreeSet<Id<Client>> = blocks.iter().map(|block| block.client_id).collect();
    let clients: Vec<Id<Client>> = clients.into_iter().collect();
    let entries = tx.billable_time().draws(&clients, first, until).await?;
    Ok(Drawn::new(&blocks, &entries, since, until))
}
