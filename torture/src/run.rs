//! One run: everything is started, tortured, brought to rest, and what was recorded is checked.

use std::{collections::BTreeMap, path::Path, rc::Rc, time::Duration};

use hyper::Method;
use tokio::{
    task::{JoinHandle, spawn_local},
    time::{Instant, sleep, timeout},
};

use crate::{
    api::{Api, Ask},
    check::{Micros, Violation, feed, fence, intervals, line, linear, messages},
    failure::{Failure, Result},
    faults,
    plan::{Faults, Plan},
    reconcile::{Reconciled, reconcile},
    registers,
    report::{Outcome, Report},
    site::{Site, Trouble},
    wire::Event,
    work::{locks, mail, reader, writer},
};

/// How long the clients may take to come to their end: longer than any call lasts.
const END: Duration = Duration::from_secs(150);
/// How long the readers may take to read the last events.
const READ: Duration = Duration::from_secs(30);

/// A run that is longer than this has stopped a writer, and let it go on.
const PAUSED: Duration = Duration::from_secs(20);

/// Makes a run.
pub(crate) async fn run(plan: Plan, templates: &Path) -> Result<Report> {
    let site = Rc::new(Site::start(plan, templates).await?);
    let outcome = torture(&site).await;
    let logs = site.logs();
    site.stop().await?;
    let report = outcome?;
    if !report.outcome.violations.is_empty() {
        let log = logs.join("\n");
        return Ok(Report { log: Some(log), ..report });
    }
    Ok(report)
}

async fn torture(site: &Rc<Site>) -> Result<Report> {
    let crowd = site.plan.crowd();
    mail::announce(site).await;
    let begun = Instant::now();
    let readers: Vec<JoinHandle<reader::Reading>> = (0..crowd.readers)
        .map(|number| spawn_local(reader::reader(Rc::clone(site), 500 + number as u64, number)))
        .collect();
    let mut clients: Vec<JoinHandle<()>> = Vec::new();
    let at = |number: usize| number as u64;
    clients.extend((0..crowd.lockers).map(|n| spawn_local(locks::locker(Rc::clone(site), 1_000 + at(n)))));
    clients.extend((0..crowd.sleepers).map(|n| spawn_local(locks::sleeper(Rc::clone(site), 2_000 + at(n)))));
    clients.extend((0..crowd.crossers).map(|n| spawn_local(locks::crosser(Rc::clone(site), 3_000 + at(n)))));
    clients.extend((0..crowd.senders).map(|n| spawn_local(mail::sender(Rc::clone(site), 4_000 + at(n), n))));
    clients.push(spawn_local(locks::breaker(Rc::clone(site), 5_000)));
    let mut writers = Vec::new();
    if crowd.writers > 0 {
        let port = registers::serve(site).await?;
        for number in 0..crowd.writers {
            writers.push(writer::start(site, port, number)?);
        }
    }
    let injecting = spawn_local(faults::inject(Rc::clone(site)));
    sleep(site.plan.lasting).await;
    site.is_over.set(true);
    let injected = timeout(END, injecting).await.map_err(|_| Failure::Needed("the faults did not end".to_owned()))?;
    injected.map_err(|error| Failure::Needed(format!("the faults: {error}")))??;
    for client in clients {
        match timeout(END, client).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(Failure::Needed(format!("a client: {error}"))),
            Err(_) => site.record.fault("a client never came to its end".to_owned()),
        }
    }
    // Killed: what they hold ends with its time.
    drop(writers);
    let seconds = begun.elapsed();
    let inboxes = mail::inboxes(site).await;
    let last = last_event(site).await;
    let end = site.clock.now();
    let readings = read_up_to(site, readers, last).await?;
    Ok(check(site, readings, &inboxes, last, end, seconds))
}

/// The number of the last event.
async fn last_event(site: &Rc<Site>) -> i64 {
    let mut api = Api::new(site, u64::MAX - 2);
    let mut last = 0;
    loop {
        let told = api.settle(&Ask::new(Method::GET, format!("/coord/events?after={last}&wait=0"))).await;
        let events = told.body["events"].as_array().map(Vec::as_slice).unwrap_or_default();
        let Some(event) = events.last().and_then(Event::parse) else { return last };
        last = event.seq;
    }
}

/// Lets the readers go on until each has read so far, and no longer.
async fn read_up_to(site: &Site, readers: Vec<JoinHandle<reader::Reading>>, last: i64) -> Result<Vec<reader::Reading>> {
    let begun = Instant::now();
    while site.furthest_behind() < last && begun.elapsed() < READ {
        sleep(Duration::from_millis(100)).await;
    }
    site.is_read.set(true);
    let mut readings = Vec::new();
    for reader in readers {
        readings.push(reader.await.map_err(|error| Failure::Needed(format!("a reader: {error}")))?);
    }
    Ok(readings)
}

fn check(
    site: &Site,
    mut readings: Vec<reader::Reading>,
    inboxes: &BTreeMap<String, Vec<messages::Mark>>,
    last: i64,
    end: Micros,
    lasted: Duration,
) -> Report {
    let begun = Instant::now();
    let events = readings.first_mut().map(|first| std::mem::take(&mut first.events)).unwrap_or_default();
    let lock_events: Vec<_> = events.iter().filter_map(Event::of_lock).collect();
    let entries = site.record.entries.borrow();
    let Reconciled { histories, deadlines, waited, given, mut faults, found } =
        reconcile(&entries, &events, &lock_events);
    faults.extend(site.record.faults.borrow().iter().cloned());
    let patience = |from, to| {
        if site.was_troubled(from, to, Trouble::Everything) {
            Micros::MAX
        } else if site.was_troubled(from, to, Trouble::Replica) {
            intervals::FROZEN + intervals::USUAL
        } else {
            intervals::USUAL
        }
    };
    let (counted, wrong) = intervals::check(&lock_events, &deadlines, end, patience);
    faults.extend(wrong);
    faults.extend(line::check(&waited, &given, |from, to| site.was_troubled(from, to, Trouble::Replica)));
    faults.extend(fence::check(&site.record.fences.borrow()));
    let (registers, wrong) = site.registers.check();
    faults.extend(wrong);
    faults.extend(messages::check(&site.record.sent.borrow(), inboxes));
    let reconnects = readings.iter().map(|reading| reading.reconnects).sum();
    let seen: Vec<feed::Seen> = readings.into_iter().map(|reading| reading.seen).collect();
    faults.extend(feed::check(&seen, last));
    let (mut calls, mut configurations) = (0, 0);
    for (segment, (ops, paths)) in histories {
        calls += ops.len();
        match linear::check(ops, &paths) {
            linear::Verdict::Linearizable(seen) => configurations += seen,
            linear::Verdict::Wrong(why) => faults.push(Violation::new("linear", format!("{segment}: {why}"))),
            linear::Verdict::GivenUp => faults.push(Violation::new("linear", format!("{segment}: too long a search"))),
        }
    }
    faults.extend(proof(site, &registers, &counted));
    let unavailable = site.record.unavailable.get();
    // A replica that loses a race for a place in line says so with a 503; that is rare.
    if site.plan.faults == Faults::NONE && unavailable * 100 > site.record.answers.get() {
        faults.push(Violation::new("answers", format!("{unavailable} answers 503 though nothing went wrong")));
    }
    let record = &site.record;
    let outcome = Outcome {
        seconds: lasted.as_secs(),
        answers: record.answers.get(),
        lock_calls: entries.len(),
        linearized: calls,
        configurations,
        unknown: record.unknown.get(),
        found,
        unavailable: record.unavailable.get(),
        deadlocks: record.deadlocks.get(),
        waited: waited.len(),
        fence_checks: record.fences.borrow().len(),
        counted,
        events: last,
        readers: seen.len(),
        reconnects,
        messages: record.sent.borrow().len(),
        deliveries: inboxes.values().map(Vec::len).sum(),
        registers,
        faults: site.faults(),
        checked_in: begun.elapsed().as_secs(),
        violations: faults,
    };
    Report::new(&site.plan, outcome)
}

/// Nothing is proved by a run in which nothing happened.
fn proof(site: &Site, registers: &registers::Tally, counted: &intervals::Counted) -> Vec<Violation> {
    let has_paused = site.plan.faults.pauses && site.plan.lasting > PAUSED;
    let missing = [
        (counted.grants == 0, "no lock was ever granted"),
        (has_paused && registers.stale_tried == 0, "no stale write was ever tried"),
        (
            has_paused && registers.lost_without_fence == 0,
            "nothing was lost without a fence, so a fence proves nothing",
        ),
    ];
    missing.into_iter().filter(|(is_missing, _)| *is_missing).map(|(_, what)| Violation::new("proof", what)).collect()
}
