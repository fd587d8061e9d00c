//! Billable time: what was worked, for whom, at which price; timers that run meanwhile, periods that are closed, and hours that
//! were paid for before.

mod block;
mod block_service;
mod client_billing;
mod draw;
mod entry;
mod entry_filter;
mod entry_service;
mod period;
mod period_service;
pub(crate) mod ports;
mod span;
mod summary;
mod timer;
mod timer_service;

#[cfg(test)]
mod tests;

pub use block::{TimeBlock, TimeBlockFields, TimeBlockFilter, TimeBlockRow, TimeBlockSort};
pub use block_service::TimeBlockService;
pub use client_billing::ClientBilling;
pub use draw::{BlockBalance, Draw, Drawn};
pub use entry::{BillableTime, BillableTimeFields, EntryDraft, MOST_MINUTES, RateSource};
pub use entry_filter::{BillableTimeFilter, BillableTimeRow, BillableTimeSort};
pub use entry_service::BillableTimeService;
pub use period::{CloseFields, Closing, ClosingFilter, ClosingSort, PeriodState, ReopenFields};
pub use period_service::PeriodService;
pub use span::Span;
pub use summary::{GroupBy, GroupSum, Summary, SummaryGroup, Totals};
pub use timer::{Timer, TimerFields, TimerFilter, TimerRow, TimerSort};
pub use timer_service::TimerService;

use crate::Context;

/// Everything that callers do with billable time.
#[derive(Debug, Clone)]
pub struct Billing {
    /// The entries.
    pub entries: BillableTimeService,
    /// The timers.
    pub timers: TimerService,
    /// Periods that are closed.
    pub periods: PeriodService,
    /// Hours paid for before.
    pub blocks: TimeBlockService,
}

impl Billing {
    /// The use cases over this storage, clock and ids.
    pub fn new(context: &Context) -> Self {
        Self {
            entries: BillableTimeService::new(context.clone()),
            timers: TimerService::new(context.clone()),
            periods: PeriodService::new(context.clone()),
            blocks: TimeBlockService::new(context.clone()),
        }
    }
}
