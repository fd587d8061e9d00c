//! Billable time over HTTP.

use std::collections::BTreeMap;

use actix_web::{delete, get, post, route};
use chrono::NaiveDate;
use claudetools_sessions::{
    BillableTime, BillableTimeFields, BillableTimeFilter, BillableTimeRow, BillableTimeSort, BillingRounding,
    BlockBalance, ClientBilling, Drawn, GroupBy, RateSource, Summary, SummaryGroup, Totals,
};
use o2o::o2o;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::timers::TimerView;
use crate::{
    extract::{Admin, At, Body, Caller, Choice, FilterQuery, ListQuery, PathId, Read, Write},
    mounting::ServiceConfig,
    openapi::{Choosing, Listed, Paging},
    reply::{Answer, value},
    wire::{
        Amount, BlankLine, Block, Cross, Day, EntryMinutes, Field, Instant, Line, Nullable, Uid, Word, amounts, each,
    },
};

type RoundingWord = Word<BillingRounding>;
type RateSourceWord = Word<RateSource>;
type GroupByWord = Word<GroupBy>;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(summary).service(list).service(create).service(get).service(update).service(remove);
}

/// Time to enter, or what to change of it.
#[derive(Debug, Default, Deserialize, ToSchema, o2o)]
#[owned_into(BillableTimeFields)]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({"client_id": "01989f5e-3f8a-7c52-9f3b-5a1f0c2d4e6f", "entry_date": "2026-01-16",
    "start_time": "2026-01-16T09:00:00Z", "end_time": "2026-01-16T09:50:00Z", "description": "Mail flow restored"}))]
struct BillableTimeBody {
    #[schema(required)]
    #[o2o(repeat)]
    #[into(~.cross())]
    client_id: Field<Uid>,
    /// A project of the client.
    project_id: Nullable<Uid>,
    /// A session of the client, or of nobody; that of the work item unless given.
    session_id: Nullable<Uid>,
    work_item_id: Nullable<Uid>,
    /// Who worked; the caller unless given.
    technician: Field<Line>,
    /// The day that it counts for, by the client's calendar.
    #[schema(required)]
    entry_date: Field<Day>,
    start_time: Nullable<Instant>,
    /// Not before `start_time`, nor more than 31 days after it. `start_time` and `minutes` make it unless it is given.
    end_time: Nullable<Instant>,
    /// Minutes worked. Required unless both times are given, which make it; given with both it may be less, for breaks.
    minutes: Field<EntryMinutes>,
    description: Nullable<Block>,
    /// True unless given.
    is_billable: Field<bool>,
    /// Price of an hour. The project's, else the client's, unless given, and then kept: a later change of theirs leaves it alone.
    /// `null` takes it, and the client's rule, anew.
    hourly_rate: Nullable<Amount>,
    /// False unless given.
    is_billed: Field<bool>,
    invoice_ref: Nullable<BlankLine>,
}

/// An entry of billable time.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(BillableTimeRow)]
pub(crate) struct BillableTimeView {
    #[o2o(repeat)]
    #[child(entry)]
    #[from(~.cross())]
    id: Uuid,
    client_id: Uuid,
    #[o2o(skip_repeat)]
    client_name: String,
    project_id: Option<Uuid>,
    #[o2o(skip_repeat)]
    project_name: Option<String>,
    session_id: Option<Uuid>,
    work_item_id: Option<Uuid>,
    technician: String,
    entry_date: Day,
    start_time: Option<Instant>,
    end_time: Option<Instant>,
    /// Minutes worked.
    #[schema(example = 50)]
    minutes: i64,
    description: Option<String>,
    is_billable: bool,
    hourly_rate: Option<Amount>,
    rate_source: RateSourceWord,
    #[schema(example = "USD")]
    currency: String,
    /// The rule that the minutes were rounded by: the client's when the entry was made.
    #[schema(example = 15)]
    billing_increment_minutes: i32,
    billing_rounding: RoundingWord,
    /// With a time zone, start and end are rounded on its clocks, `up` outwards, breaks are taken off and the rest is rounded again;
    /// without one, or without times, the minutes are rounded.
    #[schema(example = "Australia/Adelaide")]
    time_zone: Option<String>,
    /// Minutes to bill: 0 of what is not billable.
    #[schema(example = 60)]
    rounded_minutes: i64,
    /// `hourly_rate` for `rounded_minutes`, exact to a ten-thousandth; `null` without a price.
    amount: Option<Amount>,
    is_billed: bool,
    invoice_ref: Option<String>,
    /// The same technician's entries and timers whose time overlaps this one's: up to, and without, the end. A running timer has none.
    #[o2o(skip_repeat)]
    overlaps: Vec<Uuid>,
    created_at: Instant,
    updated_at: Instant,
}

/// Time as its session shows it.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(BillableTime)]
pub(super) struct SessionTimeView {
    #[o2o(repeat)]
    #[from(~.cross())]
    id: Uuid,
    entry_date: Day,
    technician: String,
    minutes: i64,
    rounded_minutes: i64,
    is_billable: bool,
    hourly_rate: Option<Amount>,
    #[schema(example = "USD")]
    currency: String,
    amount: Option<Amount>,
    is_billed: bool,
    description: Option<String>,
}

/// Which entries to list, sum or export.
#[derive(Debug, Deserialize, IntoParams, o2o)]
#[owned_into(BillableTimeFilter)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct BillableTimeQuery {
    #[o2o(repeat)]
    #[into(~.cross())]
    client_id: Option<Uuid>,
    project_id: Option<Uuid>,
    session_id: Option<Uuid>,
    /// Substring of the technician, whatever the case.
    technician: Option<String>,
    /// The first day.
    date_from: Option<Day>,
    /// The last day.
    date_to: Option<Day>,
    is_billed: Option<bool>,
    is_billable: Option<bool>,
}

impl Choice for GroupBy {
    const NAME: &'static str = "group_by";
    const TEXT: &'static str = "What the entries are gathered by.";
    const DEFAULT: Self = Self::Client;
}

/// Sums over entries.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(Totals)]
struct TotalsView {
    entries: u64,
    minutes: i64,
    rounded_minutes: i64,
    /// By currency: exactly the sum of the entries' amounts.
    #[from(amounts(~))]
    #[schema(example = json!({"USD": "312.50"}))]
    amounts: BTreeMap<String, String>,
}

/// A group of entries.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(SummaryGroup)]
struct GroupView {
    /// The id of the client or project, the technician, the day or the month (`2026-01`); `null` for entries without a project.
    #[schema(example = "2026-01")]
    key: Option<String>,
    /// The name of the client, the project or the technician.
    name: Option<String>,
    #[serde(flatten)]
    #[from(~.into())]
    totals: TotalsView,
}

/// What has become of a block of hours, in minutes: `minutes` and `carried_in` are `drawn`, `balance`, `carried_out` and `expired`.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(BlockBalance)]
pub(super) struct BalanceView {
    #[o2o(repeat)]
    #[from(~.cross())]
    block_id: Uuid,
    client_id: Uuid,
    from: Day,
    until: Option<Day>,
    /// Paid for.
    minutes: i64,
    /// Left by an earlier block that rolled over.
    carried_in: i64,
    drawn: i64,
    /// Of these on the days asked for.
    drawn_in_period: i64,
    /// Left to draw.
    balance: i64,
    /// Left to a later block.
    carried_out: i64,
    /// Lost when the block ended.
    expired: i64,
}

/// Blocks of hours with what was drawn on them.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(Drawn)]
struct DrawnView {
    /// In the order in which they are drawn on.
    #[from(each(~))]
    blocks: Vec<BalanceView>,
    /// Minutes of the days asked for that no block was left for, of clients that have blocks.
    overage_minutes: i64,
    /// What these cost, by currency.
    #[from(amounts(~))]
    #[schema(example = json!({"USD": "62.50"}))]
    overage_amounts: BTreeMap<String, String>,
}

/// Sums over billable time.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(Summary)]
struct SummaryView {
    #[from(~.cross())]
    group_by: GroupByWord,
    #[from(shown_day(~))]
    date_from: Option<Day>,
    #[from(shown_day(~))]
    date_to: Option<Day>,
    /// By name; days and months in their order.
    #[from(each(~))]
    groups: Vec<GroupView>,
    /// Exactly the sum of the groups, and of the rows that the list shows for the same filter.
    #[from(~.into())]
    total: TotalsView,
    /// The blocks of the client, or of all clients, at the end of `date_to`, whatever the other filters.
    #[from(@.drawn.into())]
    time_blocks: DrawnView,
}

fn shown_day(day: Option<NaiveDate>) -> Option<Day> {
    day.cross()
}

/// What is to be billed to a client, and what it has paid for before.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(ClientBilling)]
pub(crate) struct ClientBillingView {
    /// The billable entries without an invoice.
    #[from(~.into())]
    unbilled: TotalsView,
    /// Timers that run or are paused.
    #[from(each(~))]
    timers: Vec<TimerView>,
    /// Blocks of hours that something is left of today.
    #[from(each(~))]
    time_blocks: Vec<BalanceView>,
}

/// Sum billable time
///
/// Groups and totals are exactly the sums of the entries that the filter admits. `time_blocks` tells what has become of the hours paid
/// for before. An entry draws its `rounded_minutes` on its client's blocks that are open on its day, the one that began first before
/// the others; entries draw in the order of their days, then of being made. What no block is left for is overage, priced at the entry's
/// own rate. Nothing of it is stored: it always follows from the blocks and the entries.
#[utoipa::path(params(BillableTimeQuery, Choosing<GroupBy>), responses((status = 200, body = SummaryView)), security(("bearer" = ["msp:read"])))]
#[get("/billable-time/summary")]
async fn summary(caller: Caller<Read>, query: FilterQuery<BillableTimeQuery, BillableTimeFilter, GroupBy>) -> Answer {
    let entries = &caller.services().billing.entries;
    value(&SummaryView::from(entries.summary(caller.actor(), &query.filter, query.choice).await?))
}

/// List billable time
#[utoipa::path(params(BillableTimeQuery, Paging<BillableTimeSort>), responses((status = 200, body = Listed<BillableTimeView>)), security(("bearer" = ["msp:read"])))]
#[get("/billable-time")]
async fn list(
    caller: Caller<Read>,
    query: ListQuery<BillableTimeQuery, BillableTimeFilter, BillableTimeSort>,
) -> Answer {
    let page = caller.services().billing.entries.list(caller.actor(), &query.0).await?;
    caller.page::<BillableTimeView, _, _>(page, &query.0.page)
}

/// Enter billable time
///
/// Rate, currency, rule and time zone are taken from project and client and kept on the entry. Entries that overlap are taken, and
/// flagged. 409 when the day lies in a closed period.
#[utoipa::path(request_body = BillableTimeBody, responses((status = 201, body = BillableTimeView)), security(("bearer" = ["msp:write"])))]
#[post("/billable-time")]
async fn create(caller: Caller<Write>, body: Body<BillableTimeBody, BillableTimeFields>) -> Answer {
    let entries = &caller.services().billing.entries;
    caller.create::<BillableTimeView, _>(|| entries.create(caller.actor(), body.0.clone())).await
}

/// Read an entry of billable time
#[utoipa::path(responses((status = 200, body = BillableTimeView)), security(("bearer" = ["msp:read"])))]
#[get("/billable-time/{id}")]
async fn get(caller: Caller<Read>, id: PathId<BillableTime>) -> Answer {
    caller.one::<BillableTimeView, _>(caller.services().billing.entries.get(caller.actor(), id.0).await?)
}

/// Change an entry of billable time
///
/// It keeps its terms unless client or project change or `hourly_rate` is `null`. 409 when its day, before or after the change, lies in
/// a closed period.
#[utoipa::path(request_body = BillableTimeBody, responses((status = 200, body = BillableTimeView)), security(("bearer" = ["msp:write"])))]
#[route("/billable-time/{id}", method = "PUT", method = "PATCH")]
async fn update(
    caller: Caller<Write>,
    at: At<BillableTime>,
    body: Body<BillableTimeBody, BillableTimeFields>,
) -> Answer {
    let entries = &caller.services().billing.entries;
    caller.change::<BillableTimeView, _>(|| entries.update(caller.actor(), &at.0, body.0.clone())).await
}

/// Remove an entry of billable time
#[utoipa::path(responses((status = 204)), security(("bearer" = ["msp:admin"])))]
#[delete("/billable-time/{id}")]
async fn remove(caller: Caller<Admin>, at: At<BillableTime>) -> Answer {
    caller.act(|| caller.services().billing.entries.delete(caller.actor(), &at.0)).await
}
