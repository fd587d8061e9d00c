//! Billable time by its use cases, on every storage: many timers at once, closing while others write, and sums over random entries.

use std::{collections::BTreeMap, sync::Arc};

use chrono::{Days, NaiveDate};
use claudetools_crypto::UuidGenerator;
use claudetools_kernel::{
    Actor, Error, Hours, Id, Money, PageRequest, Patch, Query, Receipt, Scope, Scopes, StoreError, Timestamp,
    contract::at,
};
use claudetools_sessions::{
    BillableTimeFields, BillableTimeFilter, BillableTimeRow, BillableTimeSort, Billing, BillingRounding, Client,
    ClientFields, ClientService, ClientType, CloseFields, Context, GroupBy, Summary, TimeBlockFields, TimerFields,
    TimerFilter, TimerSort, Totals,
};
use claudetools_testkit::{TestClock, TestStore};
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use tokio::task::JoinSet;

/// Technicians who press the button at once.
const STARTS: usize = 1_000;
/// How often a caller takes it that the database is busy.
const BUSY: u32 = 20;
/// How many sets of entries are summed on each storage.
const SETS: usize = 8;

fn context(store: &TestStore) -> Context {
    Context { store: Arc::clone(&store.sessions), clock: Arc::new(TestClock::default()), ids: Arc::new(UuidGenerator) }
}

fn admin() -> Actor {
    Actor {
        subject: "jo@example.com".to_owned(),
        scopes: Scopes::up_to(Scope::Admin),
        machine: None,
        agent: None,
        token_id: "t".to_owned(),
        expires_at: at(0),
    }
}

/// Does it again as long as another writer was in the way, as the HTTP layer does, and a while when all connections are taken, as a
/// client does that is answered 503. No function: the futures of closures that borrow
/// are not known to be `Send`.
macro_rules! done {
    ($use_case:expr) => {{
        let mut busy = 0;
        loop {
            let committed = match $use_case.await {
                Ok(change) => change.commit(Receipt::default()).await.map_err(Error::from),
                Err(error) => Err(error),
            };
            match committed {
                Err(error) if error.is_retryable() => {}
                Err(Error::Store(StoreError::Unavailable(_))) if busy < BUSY => busy += 1,
                committed => break committed,
            }
        }
    }};
}

async fn client(context: &Context, name: &str, fields: ClientFields) -> Id<Client> {
    let fields = ClientFields { name: Some(name.to_owned()), client_type: Some(ClientType::MspClient), ..fields };
    let clients = ClientService::new(context.clone());
    done!(clients.create(&admin(), fields.clone())).expect("a client").client.id
}

pub(crate) async fn one_of_a_thousand_timers_runs(store: &TestStore) {
    let context = context(store);
    let client_id = Some(client(&context, "Acme", ClientFields::default()).await);
    let timers = Billing::new(&context).timers;
    let mut starts = JoinSet::new();
    for n in 0..STARTS {
        let timers = timers.clone();
        let technician = Some(if n % 2 == 0 { "Zoë" } else { "ZOË" }.to_owned());
        let fields = TimerFields { client_id, technician, ..TimerFields::default() };
        starts.spawn(async move { done!(timers.start(&admin(), fields.clone())) });
    }
    let (mut started, mut refused) = (Vec::new(), Vec::new());
    while let Some(start) = starts.join_next().await {
        match start.expect("a start") {
            Ok(row) => started.push(row.timer.id),
            Err(Error::Duplicate { field: "technician", existing }) => refused.push(existing),
            Err(other) => panic!("{other}"),
        }
    }
    let [first] = started[..] else { panic!("{} timers run", started.len()) };
    assert_eq!(refused.len(), STARTS - 1);
    assert!(refused.iter().all(|named| *named == first.uuid()), "each refusal names the one that runs");
    let query = Query { filter: TimerFilter::default(), page: PageRequest::<TimerSort>::first(10) };
    let listed = timers.list(&admin(), &query).await.expect("a list");
    assert_eq!(listed.items.iter().map(|row| row.timer.id).collect::<Vec<_>>(), [first]);
}

/// Closes a period while a crowd enters time in it: what is in it afterwards got in before it was closed.
pub(crate) async fn a_closed_period_takes_no_time(store: &TestStore) {
    let context = context(store);
    let client_id = Some(client(&context, "Acme", ClientFields::default()).await);
    let billing = Billing::new(&context);
    let day = at(0).date();
    let mut crowd = JoinSet::new();
    for _ in 0..60 {
        let entries = billing.entries.clone();
        let fields =
            BillableTimeFields { client_id, entry_date: Some(day), minutes: Some(5), ..BillableTimeFields::default() };
        crowd.spawn(async move { done!(entries.create(&admin(), fields.clone())).map(drop) });
    }
    let count = async || {
        let query = Query { filter: BillableTimeFilter::default(), page: PageRequest::first(200) };
        billing.entries.list(&admin(), &query).await.expect("a list").items.len()
    };
    let close = CloseFields { client_id, through: Some(day) };
    done!(billing.periods.close(&admin(), &close)).expect("closed");
    let at_closing = count().await;
    let mut taken = 0;
    while let Some(entry) = crowd.join_next().await {
        match entry.expect("an entry") {
            Ok(()) => taken += 1,
            Err(Error::Conflict(_)) => {}
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!((count().await, taken), (at_closing, at_closing), "nothing gets in once it is closed");
}

/// A client with its terms, and its blocks.
type Firm = (i64, i32, usize, usize, Vec<(i64, u64, Option<u64>, bool)>);
/// An entry: whose, when, its minutes or its times, its own rate, and whether it is billed.
type Work = (usize, u64, i64, Option<u32>, Option<i64>, bool, bool);

fn firms() -> impl Strategy<Value = Vec<Firm>> {
    let block = (1_i64..20, 0_u64..40, prop::option::of(0_u64..30), any::<bool>());
    let firm = (0_i64..3_000_000, 1_i32..=60, 0_usize..3, 0_usize..4, prop::collection::vec(block, 0..4));
    prop::collection::vec(firm, 1..4)
}

fn work() -> impl Strategy<Value = Vec<Work>> {
    let rate = prop::option::weighted(0.2, 0_i64..3_000_000);
    let entry = (0_usize..3, 0_u64..70, 0_i64..400, prop::option::of(0_u32..1_440), rate, any::<bool>(), any::<bool>());
    prop::collection::vec(entry, 0..40)
}

const ROUNDINGS: [BillingRounding; 3] = [BillingRounding::Up, BillingRounding::Nearest, BillingRounding::None];
const ZONES: [Option<&str>; 4] = [None, Some("Asia/Kathmandu"), Some("Australia/Adelaide"), Some("America/New_York")];
const CURRENCIES: [&str; 3] = ["USD", "EUR", "JPY"];

fn day(n: u64) -> NaiveDate {
    at(0).date() + Days::new(n)
}

pub(crate) async fn the_summary_is_the_sum_of_the_rows(store: &TestStore) {
    let context = context(store);
    let mut runner = TestRunner::deterministic();
    let sets = if store.sql.is_none() { SETS * 4 } else { SETS };
    for set in 0..sets {
        let (firms, work) = (firms(), work()).new_tree(&mut runner).expect("a set of entries").current();
        let clients = enter(&context, set, &firms, &work).await;
        for client in &clients {
            sums_hold(&context, *client).await;
        }
    }
}

async fn enter(context: &Context, set: usize, firms: &[Firm], work: &[Work]) -> Vec<Id<Client>> {
    let billing = Billing::new(context);
    let mut clients = Vec::new();
    for (n, (rate, increment, rounding, zone, blocks)) in firms.iter().enumerate() {
        let fields = ClientFields {
            hourly_rate: Patch::Set(Money::from_ten_thousandths(*rate)),
            billing_increment_minutes: Some(*increment),
            billing_rounding: Some(ROUNDINGS[*rounding]),
            time_zone: ZONES[*zone].map(str::to_owned).into(),
            currency: Some(CURRENCIES[n].to_owned()),
            ..ClientFields::default()
        };
        let client_id = client(context, &format!("{set} {n}"), fields).await;
        for (hours, from, length, rollover) in blocks {
            let fields = TimeBlockFields {
                client_id: Some(client_id),
                hours: Some(Hours::from_hundredths(hours * 50)),
                from: Some(day(*from)),
                until: length.map(|length| day(from + length)).into(),
                rollover: Some(*rollover),
                notes: Patch::Keep,
            };
            done!(billing.blocks.create(&admin(), fields.clone())).expect("a block");
        }
        clients.push(client_id);
    }
    for (of, on, minutes, start, rate, is_billable, is_billed) in work {
        let midnight = Timestamp::midnight(day(*on));
        let start = start.map(|start| midnight.plus(chrono::TimeDelta::minutes(start.into())));
        let fields = BillableTimeFields {
            client_id: Some(clients[of % clients.len()]),
            technician: Some(["Jo", "jo", "Zoë"][of % 3].to_owned()),
            entry_date: Some(day(*on)),
            start_time: start.into(),
            minutes: Some(*minutes),
            hourly_rate: rate.map(Money::from_ten_thousandths).into(),
            is_billable: Some(*is_billable),
            is_billed: Some(*is_billed),
            ..BillableTimeFields::default()
        };
        done!(billing.entries.create(&admin(), fields.clone())).expect("an entry");
    }
    clients
}

async fn sums_hold(context: &Context, client: Id<Client>) {
    let entries = Billing::new(context).entries;
    let of = BillableTimeFilter { client_id: Some(client), ..BillableTimeFilter::default() };
    for filter in [
        of.clone(),
        BillableTimeFilter { date_from: Some(day(20)), date_to: Some(day(40)), ..of.clone() },
        BillableTimeFilter { is_billed: Some(false), is_billable: Some(true), ..of.clone() },
        BillableTimeFilter { technician: Some("JO".to_owned()), ..of },
    ] {
        let page = PageRequest::<BillableTimeSort>::first(200);
        let query = Query { filter: filter.clone(), page };
        let rows = entries.list(&admin(), &query).await.expect("a list").items;
        for by in [GroupBy::Client, GroupBy::Project, GroupBy::Technician, GroupBy::Day, GroupBy::Month] {
            let summary = entries.summary(&admin(), &filter, by).await.expect("a summary");
            assert_eq!(summary.total, sum(rows.iter()), "{by} of {filter:?}");
            let mut of_groups = Totals::default();
            for group in &summary.groups {
                of_groups.add(&group.totals);
                let within = |row: &&BillableTimeRow| {
                    let entry = &row.entry;
                    match by {
                        GroupBy::Client => group.key == Some(entry.client_id.to_string()),
                        GroupBy::Project => group.key.is_none(),
                        GroupBy::Technician => {
                            group.key.as_deref().map(str::to_lowercase) == Some(entry.technician_key())
                        }
                        GroupBy::Day => group.key == Some(entry.entry_date.to_string()),
                        GroupBy::Month => entry.entry_date.to_string().starts_with(group.key.as_deref().unwrap_or("-")),
                    }
                };
                assert_eq!(group.totals, sum(rows.iter().filter(within)), "{by}: {:?}", group.key);
            }
            assert_eq!(of_groups, summary.total, "the groups are all there is");
            blocks_hold(&entries, &summary, client).await;
        }
    }
}

fn sum<'a>(rows: impl Iterator<Item = &'a BillableTimeRow>) -> Totals {
    let mut totals = Totals::default();
    for BillableTimeRow { entry, .. } in rows {
        totals.add(&Totals {
            entries: 1,
            minutes: entry.minutes,
            rounded_minutes: entry.rounded_minutes,
            amounts: BTreeMap::from([(entry.currency.to_string(), entry.amount.unwrap_or_default())]),
        });
    }
    totals
}

/// What is drawn and what goes beyond are together what was to be billed since the first block.
async fn blocks_hold(entries: &claudetools_sessions::BillableTimeService, summary: &Summary, client: Id<Client>) {
    let drawn = &summary.drawn;
    for block in &drawn.blocks {
        assert_eq!(block.client_id, client);
        let spent = block.drawn + block.balance + block.carried_out + block.expired;
        assert_eq!(block.minutes + block.carried_in, spent, "{block:?}");
    }
    let Some(first) = drawn.blocks.iter().map(|block| block.from).min() else {
        assert_eq!(drawn.overage_minutes, 0);
        return;
    };
    let since = summary.date_from.map_or(first, |from| from.max(first));
    if summary.date_to.is_some_and(|until| until < since) {
        return;
    }
    let filter = BillableTimeFilter {
        client_id: Some(client),
        date_from: Some(since),
        date_to: summary.date_to,
        ..BillableTimeFilter::default()
    };
    let query = Query { filter, page: PageRequest::<BillableTimeSort>::first(200) };
    let rows = entries.list(&admin(), &query).await.expect("a list").items;
    let billed: i64 = rows.iter().map(|row| row.entry.rounded_minutes).sum();
    let in_period: i64 = drawn.blocks.iter().map(|block| block.drawn_in_period).sum();
    assert_eq!(in_period + drawn.overage_minutes, billed, "{drawn:?}");
}
