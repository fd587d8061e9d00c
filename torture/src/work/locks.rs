//! Clients that take locks: fast ones, ones that oversleep, ones that wait with a lock in hand, and an administrator.

use std::{rc::Rc, time::Duration};

use hyper::Method;
use tokio::time::sleep;

use super::sessions::{Claim, Session};
use crate::{
    api::Ask,
    check::Micros,
    history::{Acquired, Grant, Renewed},
    site::Site,
};

/// Below each top segment the same small tree, so that calls meet.
const TREE: [&str; 6] = ["", "/a", "/a/x", "/a/y", "/b", "/b/z"];
/// The life of a lock that is to run out: the shortest that there is.
const SHORTEST: u32 = 10;

/// How many top segments there are for so many clients: few enough that they meet.
const fn tops(site: &Site) -> usize {
    let tops = site.plan.clients / 4;
    if tops < 2 { 2 } else { tops }
}

/// Takes and gives back, as fast as it is answered.
pub(crate) async fn locker(site: Rc<Site>, client: u64) {
    let mut session = Session::new(&site, format!("locker-{client}"), client);
    let tops = tops(&site);
    while !session.is_over() {
        let dice = &mut session.api.dice;
        let top = dice.below(tops);
        let mut resources = vec![format!("t{top}{}", dice.pick(&TREE).copied().unwrap_or_default())];
        if dice.percent(10) {
            resources = vec![format!("t{top}/a/x"), format!("t{top}/b")];
        }
        let wait = if dice.percent(50) { 0 } else { u32::try_from(dice.between(1, 4)).unwrap_or(1) };
        let claim = Claim { resources, exclusive: dice.percent(75), ttl: SHORTEST + 2, wait };
        match session.acquire(&claim).await {
            Acquired::New(locks) | Acquired::Again(locks) => use_locks(&mut session, &claim, locks).await,
            Acquired::Refused { .. } => pause(&mut session, 2, 40).await,
            Acquired::Unknown => {}
        }
        if session.api.dice.percent(5) {
            session.api.move_on();
        }
    }
}

/// What a client does that has what it wanted.
async fn use_locks(session: &mut Session, claim: &Claim, locks: Vec<Grant>) {
    let Some(first) = locks.first().cloned() else { return };
    if session.api.dice.percent(25) {
        write(session, &first);
    }
    if session.api.dice.percent(10) {
        session.fence(&first.resource, first.token).await;
    }
    if session.api.dice.percent(40) {
        pause(session, 1, 15).await;
    }
    match session.api.dice.below(100) {
        0..15 => drop(session.renew(&first, SHORTEST + 1).await),
        15..25 => drop(session.acquire(&Claim { wait: 0, ..claim.clone() }).await),
        _ => {}
    }
    for lock in &locks {
        session.end(&lock.id, false).await;
        if session.api.dice.percent(2) {
            // Once more: it has ended already.
            session.end(&lock.id, false).await;
        }
    }
    if session.api.dice.percent(5) {
        session.repeat().await;
    }
}

/// Reads, changes and writes the resource outside the database that the lock protects.
fn write(session: &Session, lock: &Grant) {
    let element = u64::try_from(lock.token).unwrap_or_default();
    session.site().registers.with(&lock.resource, |register| {
        if let Some(elements) = register.read(lock.token) {
            register.write(lock.token, &elements, element);
        }
    });
}

/// Sleeps until its lock has run out, and goes on as if it still had it.
pub(crate) async fn sleeper(site: Rc<Site>, client: u64) {
    let mut session = Session::new(&site, format!("sleeper-{client}"), client);
    // By pairs, so that somebody takes what has run out; and not below what everybody wants, or all would wait for sleepers.
    // Some are alone: nobody looks at the very moment at which theirs runs out.
    let is_alone = client.is_multiple_of(3);
    let resource = if is_alone { format!("s-{client}/leaf") } else { format!("s{}/leaf", client / 2) };
    // At different times, so that some lock is always about to run out.
    pause(&mut session, 0, 3_000).await;
    while !session.is_over() {
        let claim = Claim { resources: vec![resource.clone()], exclusive: true, ttl: SHORTEST, wait: 12 };
        let (Acquired::New(locks) | Acquired::Again(locks)) = session.acquire(&claim).await else { continue };
        let Some(lock) = locks.first() else { continue };
        let read = session.site().registers.with(&resource, |register| register.read(lock.token));
        // Just before, just after, and long enough after that another one has it.
        let (early, late) = match session.api.dice.below(4) {
            1.. if is_alone => (25, 120),
            0 => (-200, 0),
            1 => (30, 60),
            2 => (60, 400),
            _ => (700, 1_500),
        };
        if !sleep_until(&mut session, lock.expires_at, early, late).await {
            session.end(&lock.id, false).await;
            return;
        }
        if let Renewed::Until(renewed) = session.renew(lock, SHORTEST).await {
            sleep_until(&mut session, renewed.expires_at, 30, 900).await;
        }
        if let Some(elements) = read {
            let element = u64::try_from(lock.token).unwrap_or_default();
            session.site().registers.with(&resource, |register| register.write(lock.token, &elements, element));
        }
        session.fence(&resource, lock.token).await;
        session.end(&lock.id, false).await;
    }
}

/// Sleeps until some milliseconds before or after an instant; false when the run ends before.
async fn sleep_until(session: &mut Session, instant: Micros, early: i64, late: i64) -> bool {
    let span = session.api.dice.between(0, u64::try_from(late - early).unwrap_or(1));
    let until = instant + (early + i64::try_from(span).unwrap_or_default()) * 1_000;
    while session.site().clock.now() < until {
        if session.is_over() {
            return false;
        }
        let left = u64::try_from(until - session.site().clock.now()).unwrap_or_default();
        sleep(Duration::from_micros(left).min(Duration::from_millis(200))).await;
    }
    true
}

/// Waits for a second lock with a first in hand. Two of them do it in opposite order, so that one has to be told.
pub(crate) async fn crosser(site: Rc<Site>, client: u64) {
    let mut session = Session::new(&site, format!("crosser-{client}"), client);
    let (first, second) = if client.is_multiple_of(2) { ("c0/x", "c1/x") } else { ("c1/x", "c0/x") };
    let claim = |resource: &str, wait| Claim { resources: vec![resource.to_owned()], exclusive: true, ttl: 12, wait };
    while !session.is_over() {
        let Acquired::New(mut locks) = session.acquire(&claim(first, 2)).await else { continue };
        pause(&mut session, 1, 10).await;
        if let Acquired::New(more) = session.acquire(&claim(second, 4)).await {
            locks.extend(more);
        }
        for lock in &locks {
            session.end(&lock.id, false).await;
        }
    }
}

/// An administrator who takes locks away.
pub(crate) async fn breaker(site: Rc<Site>, client: u64) {
    let mut session = Session::new(&site, "breaker", client);
    session.api = session.api.into_admin();
    while !session.is_over() {
        let tops = tops(&site);
        let top = session.api.dice.below(tops);
        let told =
            session.api.settle(&Ask::new(Method::GET, format!("/coord/locks?state=held&covering=t{top}/a/x"))).await;
        let id = told.body["locks"].as_array().and_then(|locks| locks.first()?["id"].as_str().map(str::to_owned));
        if let Some(id) = id {
            session.end(&id, true).await;
        }
        pause(&mut session, 100, 400).await;
    }
}

async fn pause(session: &mut Session, low: u64, high: u64) {
    let pause = Duration::from_millis(session.api.dice.between(low, high));
    sleep(pause).await;
}
