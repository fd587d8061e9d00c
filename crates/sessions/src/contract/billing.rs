//! The suites of billable time: entries, timers, closings and blocks.

use chrono::NaiveDate;
use claudetools_kernel::{
    Hours, Id, Money, Patch, Referrer, StoreError,
    contract::{at, lists_agree, met_another_writer, uuid},
};

use super::{
    Outcome, Store,
    client::client,
    project::project,
    session::{day, session},
    work_item::item,
};
use crate::{
    BillableTime, BillableTimeFields, BillableTimeFilter, BillableTimeRow, Client, ClientFields, CloseFields, Closing,
    ClosingFilter, Draw, GroupBy, TimeBlock, TimeBlockFields, TimeBlockFilter, TimeBlockRow, Timer, TimerFields,
    TimerFilter, TimerRow,
};

fn acme() -> Client {
    let fields = ClientFields {
        hourly_rate: Patch::Set(Money::parse("99.99").expect("money")),
        currency: Some("EUR".to_owned()),
        time_zone: Patch::Set("Asia/Kathmandu".to_owned()),
        ..ClientFields::default()
    };
    client(1, "Acme").change(fields, at(1)).expect("a valid change")
}

fn make(n: u128, fields: BillableTimeFields, of: &Client) -> BillableTime {
    let fields = BillableTimeFields {
        client_id: Some(of.id),
        entry_date: fields.entry_date.or(Some(day(5))),
        minutes: fields.minutes.or(Some(20)),
        ..fields
    };
    let draft = BillableTime::draft(Id::new(uuid(n)), fields, "Jo", at(i64::try_from(n).unwrap_or_default()));
    draft.expect("a valid draft").finish(of, None).expect("a valid entry")
}

fn full(of: &Client) -> BillableTime {
    let fields = BillableTimeFields {
        project_id: Patch::Set(Id::new(uuid(2))),
        session_id: Patch::Set(Id::new(uuid(3))),
        work_item_id: Patch::Set(Id::new(uuid(4))),
        technician: Some("Zoë Ünïcode <zoe@example.com>".to_owned()),
        start_time: Patch::Set(at(0)),
        end_time: Patch::Set(at(7_000)),
        minutes: Some(100),
        description: Patch::Set("=first line\nsecond, 100%".to_owned()),
        is_billed: Some(true),
        invoice_ref: Patch::Set("R-2026/1".to_owned()),
        ..BillableTimeFields::default()
    };
    make(9, fields, of)
}

async fn ground(store: Store<'_>) -> Result<(Client, Client), StoreError> {
    let (acme, other) = (acme(), client(20, "Globex"));
    let mut tx = store.begin().await?;
    tx.clients().add(&client(1, "Acme")).await?;
    tx.clients().save(&acme).await?;
    tx.clients().add(&other).await?;
    tx.projects().add(&project(2, &acme, "Move")).await?;
    let of = session(3, "Server move", 5);
    tx.sessions().add(&of).await?;
    tx.work_items().add(&item(4, "Cabling", &of)).await?;
    tx.commit().await?;
    Ok((acme, other))
}

/// The rules of the repository of billable time.
pub async fn billable_time(store: Store<'_>) -> Outcome {
    let (acme, other) = ground(store).await?;
    entries_round_trip(store, &acme).await?;
    entries_are_held_to_their_keys(store, &acme).await?;
    entries_are_paged_and_summed(store, &acme, &other).await
}

async fn entries_round_trip(store: Store<'_>, acme: &Client) -> Outcome {
    let entry = full(acme);
    let mut tx = store.begin().await?;
    tx.billable_time().add(&entry).await?;
    drop(tx);
    assert_eq!(store.read().await?.billable_time().lookup(entry.id).await?, None, "dropping a transaction undoes it");
    let mut tx = store.begin().await?;
    tx.billable_time().add(&entry).await?;
    assert_eq!(tx.billable_time().lookup(entry.id).await?, Some(entry.clone()), "every field comes back");
    let row = tx.billable_time().row(entry.id).await?.expect("the entry");
    let names = (row.client_name.as_str(), row.project_name.as_deref());
    assert_eq!((row.entry, names), (entry.clone(), ("Acme", Some("Move"))), "names are joined");
    assert_eq!(tx.billable_time().row(Id::new(uuid(404))).await?, None);
    let detail = tx.sessions().detail(Id::new(uuid(3))).await?.expect("its session");
    assert_eq!(detail.billable_time, std::slice::from_ref(&entry), "a session shows its time");
    let refers = Referrer { resource_type: "billable_time", count: 1 };
    for referrers in [
        tx.clients().referrers(acme.id).await?,
        tx.projects().referrers(Id::new(uuid(2))).await?,
        tx.sessions().referrers(Id::new(uuid(3))).await?,
        tx.work_items().referrers(Id::new(uuid(4))).await?,
    ] {
        assert!(referrers.contains(&refers), "{referrers:?}");
    }
    tx.billable_time().remove(entry.id).await?;
    let bare = make(10, BillableTimeFields::default(), acme);
    tx.billable_time().add(&bare).await?;
    assert_eq!(tx.billable_time().lookup(bare.id).await?, Some(bare.clone()), "empty fields stay empty");
    let longer = BillableTimeFields { minutes: Some(200), ..BillableTimeFields::default() };
    let changed = bare.clone().change(longer, at(70)).expect("valid").finish(acme, None).expect("valid");
    tx.billable_time().save(&changed).await?;
    assert_eq!(tx.billable_time().lookup(bare.id).await?, Some(changed), "the change is there");
    tx.commit().await?;
    let mut tx = store.begin().await?;
    let stale = bare.change(BillableTimeFields::default(), at(80)).expect("valid").finish(acme, None).expect("valid");
    assert!(matches!(tx.billable_time().save(&stale).await, Err(StoreError::Contention(_))), "the second is told");
    Ok(())
}

async fn entries_are_held_to_their_keys(store: Store<'_>, acme: &Client) -> Outcome {
    for fields in [
        BillableTimeFields { project_id: Patch::Set(Id::new(uuid(404))), ..BillableTimeFields::default() },
        BillableTimeFields { session_id: Patch::Set(Id::new(uuid(404))), ..BillableTimeFields::default() },
        BillableTimeFields { work_item_id: Patch::Set(Id::new(uuid(404))), ..BillableTimeFields::default() },
    ] {
        let mut tx = store.begin().await?;
        met_another_writer(tx.billable_time().add(&make(50, fields, acme)).await);
    }
    let mut tx = store.begin().await?;
    met_another_writer(tx.billable_time().add(&make(50, BillableTimeFields::default(), &client(404, "Nobody"))).await);
    drop(tx);
    let mut tx = store.begin().await?;
    tx.billable_time().remove(Id::new(uuid(10))).await?;
    tx.commit().await
}

async fn entries_are_paged_and_summed(store: Store<'_>, acme: &Client, other: &Client) -> Outcome {
    let span = |from: i64, to: i64| BillableTimeFields {
        start_time: Patch::Set(at(from)),
        end_time: Patch::Set(at(to)),
        minutes: Some((to - from) / 60),
        ..BillableTimeFields::default()
    };
    let jo = |n, fields| make(n, fields, acme);
    let rows = [
        full(acme),
        jo(60, span(600, 1_200)),
        jo(61, span(1_200, 1_800)),
        jo(62, BillableTimeFields { entry_date: Some(day(6)), is_billable: Some(false), ..span(900, 1_500) }),
        make(63, BillableTimeFields { technician: Some("JO".to_owned()), ..span(0, 86_400) }, other),
        make(64, BillableTimeFields { entry_date: Some(day(7)), ..BillableTimeFields::default() }, other),
        jo(65, span(1_000, 1_000)),
    ];
    let mut tx = store.begin().await?;
    for row in &rows {
        tx.billable_time().add(row).await?;
    }
    let timer = Timer::start(Id::new(uuid(80)), timing(other), "jO", at(1_200)).expect("a timer");
    tx.timers().add(&timer).await?;
    tx.commit().await?;

    let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
    let mut overlaps = store.read().await?.billable_time().overlapping(&ids).await?;
    overlaps.sort_unstable();
    let mut expected = Vec::new();
    for one in &rows {
        let Some(at) = one.span() else { continue };
        for other in rows.iter().filter(|other| other.id != one.id && other.technician_key() == one.technician_key()) {
            if other.span().is_some_and(|span| span.overlaps(at)) {
                expected.push((one.id.uuid(), other.id.uuid()));
            }
        }
        if one.technician_key() == "jo" && timer.span().overlaps(at) {
            expected.push((one.id.uuid(), timer.id.uuid()));
        }
    }
    expected.sort_unstable();
    assert!(expected.len() > 8 && expected.iter().any(|(_, other)| *other == uuid(80)), "{expected:?}");
    assert_eq!(overlaps, expected, "overlaps are those of plain code");

    for (filter, count) in filters(acme, other) {
        let admitted: Vec<BillableTime> = rows.iter().filter(|row| filter.admits(row)).cloned().collect();
        assert_eq!(admitted.len(), count, "{filter:?}");
        sums_agree(store, &filter, &admitted).await?;
        let shown = |entry: &BillableTime| BillableTimeRow {
            client_name: if entry.client_id == acme.id { "Acme" } else { "Globex" }.to_owned(),
            project_name: entry.project_id.map(|_| "Move".to_owned()),
            overlaps: Vec::new(),
            entry: entry.clone(),
        };
        lists_agree(admitted.iter().map(shown).collect(), async |request| {
            let mut tx = store.read().await.expect("a reader");
            tx.billable_time().list(&filter, &request).await.expect("a page")
        })
        .await;
    }
    let mut tx = store.read().await?;
    let mut draws = tx.billable_time().draws(&[acme.id], day(5), Some(day(6))).await?;
    draws.sort_by_key(|draw| draw.id);
    let of_acme = |row: &&BillableTime| row.client_id == acme.id && row.rounded_minutes > 0;
    let expected: Vec<Draw> = rows.iter().filter(of_acme).map(Draw::from).collect();
    assert_eq!(draws, expected, "what is to be billed draws on blocks");
    assert_eq!(tx.billable_time().draws(&[other.id], day(6), Some(day(6))).await?, []);
    Ok(())
}

/// Holds that storage sums what plain code sums.
async fn sums_agree(store: Store<'_>, filter: &BillableTimeFilter, rows: &[BillableTime]) -> Outcome {
    for by in [GroupBy::Client, GroupBy::Project, GroupBy::Technician, GroupBy::Day] {
        let mut sums = store.read().await?.billable_time().sums(filter, by).await?;
        sums.sort_by_key(|sum| (sum.key.clone(), sum.currency.to_string()));
        for sum in &sums {
            let of_group = |row: &&BillableTime| {
                let key = match by {
                    GroupBy::Client => Some(row.client_id.to_string()),
                    GroupBy::Project => row.project_id.map(|id| id.to_string()),
                    GroupBy::Technician => Some(row.technician_key()),
                    GroupBy::Day | GroupBy::Month => Some(row.entry_date.to_string()),
                };
                key == sum.key && row.currency == sum.currency
            };
            let group: Vec<&BillableTime> = rows.iter().filter(of_group).collect();
            let amount = group.iter().filter_map(|row| row.amount).fold(Money::default(), Money::plus);
            assert_eq!((sum.entries, sum.amount), (group.len() as u64, amount), "{sum:?}");
            let minutes =
                (group.iter().map(|row| row.minutes).sum(), group.iter().map(|row| row.rounded_minutes).sum());
            assert_eq!((sum.minutes, sum.rounded_minutes), minutes, "{sum:?}");
        }
        assert_eq!(sums.iter().map(|sum| sum.entries).sum::<u64>(), rows.len() as u64, "no entry is left out");
    }
    Ok(())
}

fn filters(acme: &Client, other: &Client) -> Vec<(BillableTimeFilter, usize)> {
    let any = BillableTimeFilter::default;
    let days = |from, to| BillableTimeFilter { date_from: Some(from), date_to: Some(to), ..any() };
    vec![
        (any(), 7),
        (BillableTimeFilter { client_id: Some(other.id), ..any() }, 2),
        (BillableTimeFilter { client_id: Some(acme.id), is_billed: Some(false), ..any() }, 4),
        (BillableTimeFilter { project_id: Some(Id::new(uuid(2))), ..any() }, 1),
        (BillableTimeFilter { session_id: Some(Id::new(uuid(3))), ..any() }, 1),
        (BillableTimeFilter { technician: Some("ünï".to_owned()), ..any() }, 1),
        (BillableTimeFilter { technician: Some("%".to_owned()), ..any() }, 0),
        (BillableTimeFilter { is_billed: Some(true), ..any() }, 1),
        (BillableTimeFilter { is_billable: Some(false), ..any() }, 1),
        (days(day(6), day(7)), 2),
        (days(day(1), day(4)), 0),
    ]
}

fn timing(of: &Client) -> TimerFields {
    TimerFields { client_id: Some(of.id), ..TimerFields::default() }
}

/// The rules of the repository of timers.
///
/// # Panics
/// When a rule does not hold.
pub async fn timers(store: Store<'_>) -> Outcome {
    let (acme, other) = ground(store).await?;
    let fields = TimerFields {
        project_id: Patch::Set(Id::new(uuid(2))),
        session_id: Patch::Set(Id::new(uuid(3))),
        work_item_id: Patch::Set(Id::new(uuid(4))),
        technician: Some("Zoë".to_owned()),
        description: Patch::Set("first\nsecond".to_owned()),
        is_billable: Some(false),
        hourly_rate: Patch::Set(Money::parse("80").expect("money")),
        ..timing(&acme)
    };
    let first = Timer::start(Id::new(uuid(30)), fields, "jo", at(30)).expect("a timer");
    let second = |n: u128| Timer::start(Id::new(uuid(n)), timing(&other), "ZOË", at(40)).expect("a timer");
    let mut tx = store.begin().await?;
    tx.timers().add(&first).await?;
    tx.commit().await?;
    let mut tx = store.begin().await?;
    assert_eq!(tx.timers().lookup(first.id).await?, Some(first.clone()), "every field comes back");
    assert_eq!(tx.timers().running("zoë").await?, Some(first.id));
    assert_eq!(tx.timers().running("zoe").await?, None, "accents tell technicians apart");
    for referrers in [tx.clients().referrers(acme.id).await?, tx.sessions().referrers(Id::new(uuid(3))).await?] {
        assert!(referrers.contains(&Referrer { resource_type: "timer", count: 1 }), "{referrers:?}");
    }
    met_another_writer(tx.timers().add(&second(31)).await);
    drop(tx);

    let paused = first.clone().pause(at(50)).expect("paused");
    let mut tx = store.begin().await?;
    tx.timers().save(&paused).await?;
    tx.timers().add(&second(31)).await?;
    let third = second(32).pause(at(60)).expect("paused");
    tx.timers().add(&Timer { revision: 1, ..third.clone() }).await?;
    tx.commit().await?;
    assert_eq!(store.read().await?.timers().lookup(first.id).await?, Some(paused.clone()), "the pause is there");
    let mut tx = store.begin().await?;
    met_another_writer(tx.timers().save(&paused.clone().resume(at(70)).expect("resumed")).await);
    drop(tx);
    let mut tx = store.begin().await?;
    let stale = first.pause(at(80)).expect("paused");
    assert!(matches!(tx.timers().save(&stale).await, Err(StoreError::Contention(_))), "the second writer is told");
    drop(tx);

    let rows = [paused, second(31), Timer { revision: 1, ..third }];
    for (filter, count) in [
        (TimerFilter::default(), 3),
        (TimerFilter { client_id: Some(other.id), ..TimerFilter::default() }, 2),
        (TimerFilter { technician: Some("Ë".to_owned()), is_running: Some(true), ..TimerFilter::default() }, 1),
        (TimerFilter { is_running: Some(false), ..TimerFilter::default() }, 2),
    ] {
        let shown = |timer: &Timer| TimerRow {
            client_name: if timer.client_id == acme.id { "Acme" } else { "Globex" }.to_owned(),
            project_name: timer.project_id.map(|_| "Move".to_owned()),
            minutes: 0,
            timer: timer.clone(),
        };
        let admitted: Vec<TimerRow> = rows.iter().filter(|timer| filter.admits(timer)).map(shown).collect();
        assert_eq!(admitted.len(), count, "{filter:?}");
        lists_agree(admitted, async |request| {
            let mut tx = store.read().await.expect("a reader");
            tx.timers().list(&filter, &request).await.expect("a page")
        })
        .await;
    }
    Ok(())
}

fn closing(n: u128, of: Option<&Client>, through: NaiveDate) -> Closing {
    let fields = CloseFields { client_id: of.map(|client| client.id), through: Some(through) };
    let now = at(i64::try_from(n).unwrap_or_default());
    Closing::new(Id::new(uuid(n)), &fields, "jo@example.com", now).expect("a valid closing")
}

/// The rules of the repository of closings.
///
/// # Panics
/// When a rule does not hold.
pub async fn closings(store: Store<'_>) -> Outcome {
    let (acme, other) = ground(store).await?;
    let undone = closing(43, Some(&acme), day(25)).reopened("zoe@example.com", at(90));
    let rows =
        [closing(40, None, day(3)), closing(41, Some(&acme), day(5)), closing(42, Some(&acme), day(9)), undone.clone()];
    let mut tx = store.begin().await?;
    tx.closings().lock_periods().await?;
    for row in &rows[..3] {
        tx.closings().add(row).await?;
    }
    tx.closings().add(&closing(43, Some(&acme), day(25))).await?;
    tx.closings().save(&undone).await?;
    met_another_writer(tx.closings().save(&undone).await);
    drop(tx);
    assert_eq!(store.read().await?.closings().closed_through(None).await?, None, "dropping it undoes it");

    let mut tx = store.begin().await?;
    for row in &rows {
        tx.closings().add(row).await?;
    }
    tx.commit().await?;
    let mut tx = store.begin().await?;
    tx.closings().hold_periods().await?;
    assert_eq!(tx.closings().lookup(undone.id).await?, Some(undone), "every field comes back");
    assert_eq!(tx.closings().closed_through(None).await?, Some(day(3)));
    assert_eq!(tx.closings().closed_through(Some(acme.id)).await?, Some(day(9)), "its own, which reaches farther");
    assert_eq!(tx.closings().closed_through(Some(other.id)).await?, Some(day(3)), "everybody's");
    assert_eq!(tx.closings().in_force(Some(acme.id)).await?, [rows[2].clone(), rows[1].clone()]);
    assert_eq!(tx.closings().in_force(None).await?, [rows[0].clone()]);
    let refers = Referrer { resource_type: "closing", count: 3 };
    assert!(tx.clients().referrers(acme.id).await?.contains(&refers));
    drop(tx);
    for (filter, count) in [
        (ClosingFilter::default(), 4),
        (ClosingFilter { client_id: Some(acme.id), is_closed: Some(true) }, 2),
        (ClosingFilter { is_closed: Some(false), ..ClosingFilter::default() }, 1),
    ] {
        let admitted: Vec<Closing> = rows.iter().filter(|row| filter.admits(row)).cloned().collect();
        assert_eq!(admitted.len(), count, "{filter:?}");
        lists_agree(admitted, async |request| {
            let mut tx = store.read().await.expect("a reader");
            tx.closings().list(&filter, &request).await.expect("a page")
        })
        .await;
    }
    Ok(())
}

fn block(n: u128, of: &Client, from: u32, until: Option<u32>) -> TimeBlock {
    let fields = TimeBlockFields {
        client_id: Some(of.id),
        hours: Some(Hours::from_hundredths(1_025)),
        from: Some(day(from)),
        until: until.map(day).into(),
        rollover: Some(until.is_some()),
        notes: until.map(|_| "first\nsecond".to_owned()).into(),
    };
    TimeBlock::new(Id::new(uuid(n)), fields, at(i64::try_from(n).unwrap_or_default())).expect("a valid block")
}

/// The rules of the repository of blocks.
///
/// # Panics
/// When a rule does not hold.
pub async fn time_blocks(store: Store<'_>) -> Outcome {
    let (acme, other) = ground(store).await?;
    let rows = [block(50, &acme, 10, Some(20)), block(51, &acme, 1, None), block(52, &other, 15, Some(15))];
    let mut tx = store.begin().await?;
    for row in &rows {
        tx.time_blocks().add(row).await?;
        assert_eq!(tx.time_blocks().lookup(row.id).await?.as_ref(), Some(row), "every field comes back");
    }
    tx.commit().await?;
    let mut tx = store.begin().await?;
    met_another_writer(tx.time_blocks().add(&block(53, &client(404, "Nobody"), 1, None)).await);
    drop(tx);
    let mut tx = store.begin().await?;
    let refers = Referrer { resource_type: "time_block", count: 2 };
    assert!(tx.clients().referrers(acme.id).await?.contains(&refers));
    let mut of_acme = tx.time_blocks().of_clients(Some(&[acme.id])).await?;
    of_acme.sort_by_key(|block| block.id);
    assert_eq!(of_acme, rows[..2]);
    assert_eq!(tx.time_blocks().of_clients(None).await?.len(), 3);
    assert_eq!(tx.time_blocks().of_clients(Some(&[])).await?.len(), 0, "of nobody");
    let wider = TimeBlockFields { until: Patch::Clear, ..TimeBlockFields::default() };
    let changed = rows[2].clone().change(wider, at(70)).expect("a valid change");
    tx.time_blocks().save(&changed).await?;
    met_another_writer(tx.time_blocks().save(&changed).await);
    drop(tx);
    for (filter, count) in [
        (TimeBlockFilter::default(), 3),
        (TimeBlockFilter { client_id: Some(acme.id), on: None }, 2),
        (TimeBlockFilter { client_id: None, on: Some(day(15)) }, 3),
        (TimeBlockFilter { client_id: None, on: Some(day(16)) }, 2),
        (TimeBlockFilter { client_id: None, on: Some(day(9)) }, 1),
    ] {
        let shown = |block: &TimeBlock| TimeBlockRow {
            client_name: if block.client_id == acme.id { "Acme" } else { "Globex" }.to_owned(),
            balance: crate::BlockBalance::untouched(block),
            block: block.clone(),
        };
        let admitted: Vec<TimeBlockRow> = rows.iter().filter(|row| filter.admits(row)).map(shown).collect();
        assert_eq!(admitted.len(), count, "{filter:?}");
        lists_agree(admitted, async |request| {
            let mut tx = store.read().await.expect("a reader");
            tx.time_blocks().list(&filter, &request).await.expect("a page")
        })
        .await;
    }
    Ok(())
}
