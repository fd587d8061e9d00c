//! What billable time needs of a storage.

use async_trait::async_trait;
use chrono::NaiveDate;
use claudetools_kernel::{Id, Page, PageRequest, Records, Stored};
use uuid::Uuid;

use super::{
    BillableTime, BillableTimeFilter, BillableTimeRow, BillableTimeSort, Closing, ClosingFilter, ClosingSort, Draw,
    GroupBy, GroupSum, TimeBlock, TimeBlockFilter, TimeBlockRow, TimeBlockSort, Timer, TimerFilter, TimerRow,
    TimerSort,
};
use crate::Client;

/// Where entries of billable time are kept.
#[async_trait]
pub trait BillableTimeRepository: Records<BillableTime> {
    /// The entry with this id and the names of what it refers to.
    async fn row(&mut self, id: Id<BillableTime>) -> Stored<Option<BillableTimeRow>>;
    /// A page of entries.
    async fn list(
        &mut self,
        filter: &BillableTimeFilter,
        page: &PageRequest<BillableTimeSort>,
    ) -> Stored<Page<BillableTimeRow>>;
    /// Of each of these entries the same technician's other entries, and timers, that it overlaps by the rule of
    /// [`super::Span::overlaps`], in no order.
    async fn overlapping(&mut self, ids: &[Id<BillableTime>]) -> Stored<Vec<(Uuid, Uuid)>>;
    /// The sums of the entries that the filter admits, one for each group and currency, in no order. Months are asked for as days.
    async fn sums(&mut self, filter: &BillableTimeFilter, by: GroupBy) -> Stored<Vec<GroupSum>>;
    /// The entries of these clients with minutes to bill, from the one day through the other, in no order.
    async fn draws(&mut self, clients: &[Id<Client>], since: NaiveDate, until: Option<NaiveDate>) -> Stored<Vec<Draw>>;
}

/// Where timers are kept. A unique key holds that one of a technician runs at a time.
#[async_trait]
pub trait TimerRepository: Records<Timer> {
    /// The timer with this id and the names of what it refers to.
    async fn row(&mut self, id: Id<Timer>) -> Stored<Option<TimerRow>>;
    /// The timer that runs for the technician, in the form of [`Timer::running_key`].
    async fn running(&mut self, technician: &str) -> Stored<Option<Id<Timer>>>;
    /// A page of timers.
    async fn list(&mut self, filter: &TimerFilter, page: &PageRequest<TimerSort>) -> Stored<Page<TimerRow>>;
}

/// Where the closings of periods are kept.
#[async_trait]
pub trait ClosingRepository: Records<Closing> {
    /// Keeps periods as they are until this transaction ends: who changes time calls it before looking how far it is closed. Any
    /// number of transactions may.
    async fn hold_periods(&mut self) -> Stored<()>;
    /// Waits until nobody holds periods, and keeps everybody from it until this transaction ends: who closes or reopens calls it.
    async fn lock_periods(&mut self) -> Stored<()>;
    /// The last day that is closed, for this client or for everybody; without a client, for everybody alone.
    async fn closed_through(&mut self, client: Option<Id<Client>>) -> Stored<Option<NaiveDate>>;
    /// The closings that hold of exactly this client, or of everybody, the last day first.
    async fn in_force(&mut self, client: Option<Id<Client>>) -> Stored<Vec<Closing>>;
    /// A page of closings.
    async fn list(&mut self, filter: &ClosingFilter, page: &PageRequest<ClosingSort>) -> Stored<Page<Closing>>;
}

/// Where blocks of hours are kept.
#[async_trait]
pub trait TimeBlockRepository: Records<TimeBlock> {
    /// The block with this id and its client's name.
    async fn row(&mut self, id: Id<TimeBlock>) -> Stored<Option<TimeBlockRow>>;
    /// A page of blocks.
    async fn list(&mut self, filter: &TimeBlockFilter, page: &PageRequest<TimeBlockSort>)
    -> Stored<Page<TimeBlockRow>>;
    /// Every block of these clients, or of all clients, in no order.
    async fn of_clients(&mut self, clients: Option<&[Id<Client>]>) -> Stored<Vec<TimeBlock>>;
}
