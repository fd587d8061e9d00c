//! The rules of entries, timers and blocks.

use chrono::{Days, NaiveDate, TimeDelta};
use claudetools_kernel::{Error, Hours, Id, Money, Patch, Result, Timestamp};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::{BillingRounding, Client, ClientFields, ClientType, Currency, Project, ProjectFields};

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn day(n: u64) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 1, 1).unwrap() + Days::new(n)
}

fn id<K>(n: u128) -> Id<K> {
    Id::new(Uuid::from_u128(n))
}

fn client(fields: ClientFields) -> Client {
    let (name, client_type) = (Some("Acme".to_owned()), Some(ClientType::MspClient));
    Client::new(id(1), ClientFields { name, client_type, ..fields }, at("2026-01-01T00:00:00Z")).unwrap()
}

fn priced() -> Client {
    client(ClientFields { hourly_rate: Patch::Set(Money::parse("100").unwrap()), ..ClientFields::default() })
}

fn project(rate: &str) -> Project {
    let hourly_rate = Patch::Set(Money::parse(rate).unwrap());
    let (client_id, name) = (Some(id(1)), Some("Move".to_owned()));
    let fields = ProjectFields { client_id, name, hourly_rate, ..ProjectFields::default() };
    Project::new(id(2), fields, at("2026-01-01T00:00:00Z")).unwrap()
}

fn least() -> BillableTimeFields {
    BillableTimeFields { client_id: Some(id(1)), entry_date: Some(day(0)), ..BillableTimeFields::default() }
}

fn times(start: &str, end: &str) -> BillableTimeFields {
    let time = |time: &str| Patch::Set(at(&format!("2026-01-01T{time}Z")));
    BillableTimeFields { start_time: time(start), end_time: time(end), ..least() }
}

fn minutes(minutes: i64) -> BillableTimeFields {
    BillableTimeFields { minutes: Some(minutes), ..least() }
}

fn enter(fields: BillableTimeFields, client: &Client) -> Result<BillableTime> {
    BillableTime::draft(id(9), fields, "jo@example.com", at("2026-01-02T00:00:00Z"))?.finish(client, None)
}

fn change(entry: BillableTime, fields: BillableTimeFields, client: &Client) -> Result<BillableTime> {
    entry.change(fields, at("2026-01-03T00:00:00Z"))?.finish(client, None)
}

fn fault(result: Result<BillableTime>) -> (String, bool) {
    let Err(Error::Invalid(faults)) = result else { panic!("refused") };
    (faults.list()[0].field.clone(), faults.list()[0].semantic)
}

#[test]
fn minutes_come_from_the_times_or_stand_by_themselves() {
    let client = priced();
    let timed = enter(times("09:00:00", "09:50:59"), &client).unwrap();
    assert_eq!((timed.minutes, timed.rounded_minutes), (50, 60));
    let bare = enter(minutes(20), &client).unwrap();
    assert_eq!((bare.minutes, bare.rounded_minutes, bare.start_time), (20, 30, None));
    let started = BillableTimeFields { end_time: Patch::Keep, minutes: Some(20), ..times("09:00:00", "09:00:00") };
    assert_eq!(enter(started, &client).unwrap().end_time, Some(at("2026-01-01T09:20:00Z")));
    let broken = BillableTimeFields { minutes: Some(30), ..times("09:00:00", "10:00:00") };
    assert_eq!(enter(broken, &client).unwrap().breaks(), 30);
}

#[test]
fn what_makes_no_sense_is_refused_by_name() {
    let client = priced();
    assert_eq!(fault(enter(least(), &client)), ("minutes".to_owned(), false));
    assert_eq!(fault(enter(times("10:00:00", "09:00:00"), &client)), ("end_time".to_owned(), true));
    let only_end = BillableTimeFields { start_time: Patch::Keep, minutes: Some(5), ..times("09:00:00", "10:00:00") };
    assert_eq!(fault(enter(only_end, &client)), ("end_time".to_owned(), true));
    let longer = BillableTimeFields { minutes: Some(61), ..times("09:00:00", "10:00:00") };
    assert_eq!(fault(enter(longer, &client)), ("minutes".to_owned(), true));
    assert_eq!(fault(enter(minutes(MOST_MINUTES + 1), &client)), ("minutes".to_owned(), false));
    let dear = BillableTimeFields { hourly_rate: Patch::Set(Money::parse("99999999").unwrap()), ..minutes(61) };
    assert_eq!(fault(enter(dear, &client)), ("hourly_rate".to_owned(), true));
}

#[test]
fn the_rate_is_the_entrys_own_else_the_projects_else_the_clients_and_is_kept() {
    let (mut client, project) = (priced(), project("80"));
    let draft = BillableTime::draft(id(9), minutes(60), "jo", at("2026-01-02T00:00:00Z")).unwrap();
    let of_project = draft.finish(&client, Some(&project)).unwrap();
    let shown = |entry: &BillableTime| (entry.amount.map(|amount| amount.to_string()), entry.rate_source);
    assert_eq!(shown(&of_project), (Some("80.00".to_owned()), RateSource::Project));
    let entry = enter(minutes(60), &client).unwrap();
    assert_eq!(shown(&entry), (Some("100.00".to_owned()), RateSource::Client));

    (client.hourly_rate, client.billing_increment_minutes) = (Some(Money::parse("200").unwrap()), 60);
    let longer = BillableTimeFields { minutes: Some(65), ..BillableTimeFields::default() };
    let kept = change(entry, longer, &client).unwrap();
    assert_eq!((kept.rounded_minutes, shown(&kept).0.as_deref()), (75, Some("125.00")), "the old rate and rule");
    let anew = BillableTimeFields { hourly_rate: Patch::Clear, ..BillableTimeFields::default() };
    let renewed = change(kept, anew, &client).unwrap();
    assert_eq!((renewed.rounded_minutes, shown(&renewed).0.as_deref()), (120, Some("400.00")));
    let own =
        BillableTimeFields { hourly_rate: Patch::Set(Money::parse("1").unwrap()), ..BillableTimeFields::default() };
    assert_eq!(shown(&change(renewed, own, &client).unwrap()), (Some("2.00".to_owned()), RateSource::Given));
    client.hourly_rate = None;
    assert_eq!(shown(&enter(minutes(60), &client).unwrap()), (None, RateSource::None), "no price, no amount");
}

#[test]
fn what_is_not_billable_costs_nothing_and_bills_no_minutes() {
    let entry = enter(BillableTimeFields { is_billable: Some(false), ..minutes(20) }, &priced()).unwrap();
    assert_eq!((entry.minutes, entry.rounded_minutes, entry.amount), (20, 0, Some(Money::default())));
}

#[test]
fn a_changed_end_makes_new_minutes_unless_there_were_breaks() {
    let client = priced();
    let later =
        || BillableTimeFields { end_time: Patch::Set(at("2026-01-01T11:00:00Z")), ..BillableTimeFields::default() };
    let whole = enter(times("09:00:00", "10:00:00"), &client).unwrap();
    assert_eq!(change(whole, later(), &client).unwrap().minutes, 120);
    let broken = BillableTimeFields { minutes: Some(30), ..times("09:00:00", "10:00:00") };
    let broken = enter(broken, &client).unwrap();
    assert_eq!(change(broken, later(), &client).unwrap().minutes, 30);
}

#[test]
fn a_client_with_a_time_zone_is_billed_by_its_clock() {
    let zone = ClientFields {
        time_zone: Patch::Set("Asia/Kathmandu".to_owned()),
        billing_increment_minutes: Some(60),
        ..ClientFields::default()
    };
    let client = client(zone);
    // 09:00 to 09:47 there, which an hour of UTC would cut in two.
    let entry = enter(times("03:15:00", "04:02:00"), &client).unwrap();
    assert_eq!((entry.minutes, entry.rounded_minutes), (47, 60));
    assert_eq!(entry.time_zone.map(|zone| zone.to_string()).as_deref(), Some("Asia/Kathmandu"));
    assert_eq!(enter(minutes(47), &client).unwrap().rounded_minutes, 60, "minutes alone know no clock");
}

fn timer() -> Timer {
    let fields = TimerFields { client_id: Some(id(1)), ..TimerFields::default() };
    Timer::start(id(5), fields, "Jo", at("2026-01-01T23:50:00Z")).unwrap()
}

#[test]
fn a_timer_leaves_its_pauses_out_and_ends_at_the_last_one() {
    let timer = timer().pause(at("2026-01-02T00:00:00Z")).unwrap();
    assert!(matches!(timer.clone().pause(at("2026-01-02T00:01:00Z")), Err(Error::Conflict(_))));
    assert_eq!(timer.running_key(), None);
    let timer = timer.resume(at("2026-01-02T00:30:00Z")).unwrap();
    assert!(matches!(timer.clone().resume(at("2026-01-02T00:31:00Z")), Err(Error::Conflict(_))));
    assert_eq!((timer.running_key().as_deref(), timer.minutes(at("2026-01-02T00:40:00Z"))), (Some("jo"), 20));
    let timer = timer.pause(at("2026-01-02T00:45:00Z")).unwrap();
    let stopped = timer.entry(day(0), at("2026-01-02T05:00:00Z")).unwrap();
    let end = stopped.end_time.value().copied();
    assert_eq!((stopped.minutes, end), (Some(25), Some(at("2026-01-02T00:45:00Z"))));
    let entry = enter(stopped, &priced()).unwrap();
    assert_eq!((entry.minutes, entry.breaks(), entry.rounded_minutes), (25, 30, 30));
}

#[test]
fn a_timer_that_was_forgotten_for_more_than_a_month_is_no_entry() {
    assert!(timer().entry(day(0), at("2026-02-01T23:50:00Z")).is_ok());
    assert!(matches!(timer().entry(day(0), at("2026-02-01T23:50:01Z")), Err(Error::Conflict(_))));
}

#[test]
fn a_clock_that_was_put_back_makes_no_negative_time() {
    let earlier = at("2026-01-01T23:00:00Z");
    let timer = timer();
    assert_eq!((timer.minutes(earlier), timer.end(earlier)), (0, timer.started_at));
    let paused = timer.pause(earlier).unwrap();
    assert_eq!(paused.resume(earlier).unwrap().paused_micros, 0);
}

fn block(n: u128, hours: i64, from: u64, until: Option<u64>, rollover: bool) -> TimeBlock {
    let fields = TimeBlockFields {
        client_id: Some(id(1)),
        hours: Some(Hours::from_hundredths(hours * 100)),
        from: Some(day(from)),
        until: until.map(day).into(),
        rollover: Some(rollover),
        notes: Patch::Keep,
    };
    TimeBlock::new(id(n), fields, at("2026-01-01T00:00:00Z")).unwrap()
}

fn draw(n: u128, on: u64, rounded_minutes: i64) -> Draw {
    let hourly_rate = Some(Money::parse("60").unwrap());
    Draw { id: id(n), client_id: id(1), entry_date: day(on), rounded_minutes, hourly_rate, currency: Currency::USD }
}

#[test]
fn blocks_are_drawn_in_order_and_what_they_do_not_cover_is_overage() {
    let blocks = [block(2, 1, 5, None, false), block(1, 1, 0, Some(9), false)];
    let entries = [draw(1, 1, 45), draw(3, 6, 60), draw(2, 6, 30), draw(4, 20, 30)];
    let drawn = Drawn::new(&blocks, &entries, None, Some(day(30)));
    let state: Vec<_> = drawn.blocks.iter().map(|block| (block.drawn, block.balance, block.expired)).collect();
    assert_eq!(state, [(60, 0, 0), (60, 0, 0)], "the first to begin first, the second goes on");
    assert_eq!(drawn.overage_minutes, 45, "165 minutes on 120");
    assert_eq!(drawn.overage_amounts["USD"].to_string(), "45.00");
    let later = Drawn::new(&blocks, &entries, Some(day(20)), Some(day(30)));
    assert_eq!((later.overage_minutes, later.blocks[1].drawn_in_period), (30, 0));
}

#[test]
fn what_is_left_goes_to_the_next_block_or_is_lost() {
    let blocks = [block(1, 2, 0, Some(9), true), block(2, 1, 10, Some(19), true), block(3, 1, 20, Some(29), false)];
    let drawn = Drawn::new(&blocks, &[draw(1, 5, 30)], None, Some(day(20)));
    let carried: Vec<_> = drawn.blocks.iter().map(|block| (block.carried_in, block.carried_out)).collect();
    assert_eq!(carried, [(0, 90), (90, 150), (150, 0)], "from the first by the second to the third");
    assert_eq!(drawn.blocks[2].balance, 210);
    let over = Drawn::new(&blocks, &[draw(1, 5, 30)], None, Some(day(30)));
    assert_eq!((over.blocks[2].expired, over.blocks[2].balance), (210, 0));
    let alone = Drawn::new(&blocks[..1], &[], None, Some(day(10)));
    assert_eq!(alone.blocks[0].expired, 120, "there is no next one");
    let before = Drawn::new(&blocks[1..], &[draw(1, 5, 30)], None, Some(day(15)));
    assert_eq!(before.overage_minutes, 0, "before the first block there was none to go beyond");
}

prop_compose! {
    fn any_blocks()(parts in prop::collection::vec((1_i64..30, 0_u64..60, prop::option::of(0_u64..40), any::<bool>()), 0..6))
        -> Vec<TimeBlock>
    {
        let block = |(n, (hours, from, length, rolls)): (u128, (i64, u64, Option<u64>, bool))| {
            block(n, hours, from, length.map(|length| from + length), rolls)
        };
        (1..).zip(parts).map(block).collect()
    }
}

prop_compose! {
    fn any_draws()(parts in prop::collection::vec((0_u64..120, 0_i64..600), 0..60)) -> Vec<Draw> {
        (1..).zip(parts).map(|(n, (on, minutes))| draw(n, on, minutes)).collect()
    }
}

fn total(drawn: &Drawn, of: impl Fn(&BlockBalance) -> i64) -> i64 {
    drawn.blocks.iter().map(of).sum()
}

proptest! {
    #[test]
    fn no_minute_of_a_block_is_ever_lost_or_made(blocks in any_blocks(), entries in any_draws(), until in 0_u64..130) {
        let drawn = Drawn::new(&blocks, &entries, None, Some(day(until)));
        for block in &drawn.blocks {
            let had = block.minutes + block.carried_in;
            prop_assert_eq!(had, block.drawn + block.balance + block.carried_out + block.expired, "{:?}", block);
            prop_assert!(block.balance >= 0 && block.drawn >= 0 && block.expired >= 0);
        }
        prop_assert_eq!(total(&drawn, |block| block.carried_in), total(&drawn, |block| block.carried_out));
        let first = blocks.iter().map(|block| block.from).min();
        let counts = |entry: &&Draw| first.is_some_and(|first| first <= entry.entry_date) && entry.entry_date <= day(until);
        let worked: i64 = entries.iter().filter(counts).map(|entry| entry.rounded_minutes).sum();
        prop_assert_eq!(total(&drawn, |block| block.drawn) + drawn.overage_minutes, worked);
    }

    #[test]
    fn a_balance_does_not_drift(blocks in any_blocks(), entries in any_draws(), turns in 0_usize..60, cut in 0_u64..120) {
        let (mut turned, mut mixed) = (entries.clone(), blocks.clone());
        if !turned.is_empty() {
            let by = turns % turned.len();
            turned.rotate_left(by);
        }
        mixed.reverse();
        let all = Drawn::new(&blocks, &entries, None, Some(day(120)));
        prop_assert_eq!(&Drawn::new(&mixed, &turned, None, Some(day(120))), &all, "whatever the order they are read in");
        // Two periods that meet make up the whole.
        let (first, second) = (
            Drawn::new(&blocks, &entries, None, Some(day(cut))),
            Drawn::new(&blocks, &entries, Some(day(cut + 1)), Some(day(120))),
        );
        prop_assert_eq!(first.overage_minutes + second.overage_minutes, all.overage_minutes);
        let before = total(&first, |block| block.drawn_in_period);
        prop_assert_eq!(before + total(&second, |block| block.drawn_in_period), total(&all, |block| block.drawn));
    }

    #[test]
    fn money_and_minutes_of_an_entry_follow_from_its_own_terms(
        worked in 0_i64..600, increment in 1_i32..=60, rate in 0_i64..5_000_000,
        rounding in prop::sample::select(vec![BillingRounding::Up, BillingRounding::Nearest, BillingRounding::None]),
    ) {
        let client = client(ClientFields {
            hourly_rate: Patch::Set(Money::from_ten_thousandths(rate)),
            billing_increment_minutes: Some(increment),
            billing_rounding: Some(rounding),
            ..ClientFields::default()
        });
        let entry = enter(minutes(worked), &client).unwrap();
        prop_assert_eq!(entry.rounded_minutes, entry.rule().round(worked));
        let amount = entry.amount.unwrap().ten_thousandths();
        prop_assert!((amount * 60 - rate * entry.rounded_minutes).abs() <= 30, "nearest to the exact price");
        let again = change(entry.clone(), BillableTimeFields::default(), &client).unwrap();
        prop_assert_eq!((again.rounded_minutes, again.amount), (entry.rounded_minutes, entry.amount));
    }

    #[test]
    fn a_timer_s_minutes_are_its_time_less_its_pauses(spells in prop::collection::vec((0_i64..500, 0_i64..500), 1..8)) {
        let (mut timer, mut now, mut worked) = (timer(), at("2026-01-01T23:50:00Z"), 0);
        for (work, rest) in spells {
            now = now.plus(TimeDelta::seconds(work));
            worked += work;
            timer = timer.pause(now).unwrap();
            prop_assert_eq!(timer.minutes(now), worked / 60);
            now = now.plus(TimeDelta::seconds(rest));
            timer = timer.resume(now).unwrap();
        }
        let fields = timer.entry(day(0), now).unwrap();
        prop_assert_eq!(fields.minutes, Some(worked / 60));
        prop_assert!(enter(fields, &priced()).is_ok(), "it can always be stopped");
    }
}
