//! What goes wrong, and when.

use std::{future::Future, pin::Pin, rc::Rc, time::Duration};

use tokio::time::{Instant, sleep, sleep_until};

use crate::{
    failure::Result,
    plan::Engine,
    registers::{PAUSE, UNFENCED},
    site::{Site, Trouble},
};

/// How often an answer to a commit gets lost.
const CUTS: Duration = Duration::from_millis(1_900);
/// An hour, by which a clock steps.
const HOUR: i64 = 3_600;
/// How long a database is away that is started again at once.
const RESTART: Duration = Duration::from_secs(1);
/// How long it is away in the long profile.
const MINUTE: Duration = Duration::from_mins(1);
/// How long a replica is stopped: longer than a lock lives.
const STOP: Duration = Duration::from_millis(11_500);
/// A round of all faults, in the long profile.
const ROUND: Duration = Duration::from_mins(2);

type Fault = Pin<Box<dyn Future<Output = Result<()>>>>;

/// Injects the faults of the plan until the run is over. What is done one after the other does not overlap; what a client would
/// hardly notice, as a lost answer or a clock that steps, goes on beside it.
pub(crate) async fn inject(site: Rc<Site>) -> Result<()> {
    let faults = site.plan.faults;
    let mut all: Vec<Fault> = Vec::new();
    if faults.cuts && site.plan.engine != Engine::Sqlite {
        all.push(Box::pin(cuts(Rc::clone(&site))));
    }
    // On SQLite the server's clock is the database's, by which locks go: to step it ends them all, and back, ends none for an hour
    // (`docs/robustness.md`).
    if faults.clock && site.plan.engine != Engine::Sqlite {
        all.push(Box::pin(clocks(Rc::clone(&site))));
    }
    if faults.pauses {
        all.push(Box::pin(pauses(Rc::clone(&site))));
    }
    all.push(Box::pin(outages(Rc::clone(&site))));
    let mut running: Vec<_> = all.into_iter().map(tokio::task::spawn_local).collect();
    for fault in running.drain(..) {
        match fault.await {
            Ok(outcome) => outcome?,
            Err(error) => site.record.fault(format!("a fault could not be injected: {error}")),
        }
    }
    Ok(())
}

/// Waits so long, or until the run is over.
async fn wait(site: &Site, lasting: Duration) -> bool {
    let until = Instant::now() + lasting;
    while Instant::now() < until && !site.is_over.get() {
        sleep_until(until.min(Instant::now() + Duration::from_millis(100))).await;
    }
    !site.is_over.get()
}

/// Answers to commits get lost.
async fn cuts(site: Rc<Site>) -> Result<()> {
    while wait(&site, CUTS).await {
        site.lose_answer();
    }
    Ok(())
}

/// The clock of one replica goes an hour ahead, back to what it is, an hour behind, and so on.
async fn clocks(site: Rc<Site>) -> Result<()> {
    let each = (site.plan.lasting / 6).clamp(Duration::from_secs(1), Duration::from_secs(20));
    for offset in [HOUR, 0, -HOUR, 0].into_iter().cycle() {
        if !wait(&site, each).await {
            break;
        }
        if site.step_clock(offset)? {
            site.injected("a replica's clock stepped by an hour");
        }
    }
    site.step_clock(0)?;
    Ok(())
}

/// Writers are stopped in the middle of what they do, for longer than their lock lives.
async fn pauses(site: Rc<Site>) -> Result<()> {
    if !wait(&site, Duration::from_secs(2)).await {
        return Ok(());
    }
    loop {
        for resource in ["fenced", UNFENCED] {
            site.registers.pause_next(&format!("set/{resource}"));
        }
        if !wait(&site, PAUSE + Duration::from_millis(1_500)).await {
            return Ok(());
        }
    }
}

/// Replicas die and stop, the database is started again or away for a minute.
async fn outages(site: Rc<Site>) -> Result<()> {
    let begun = Instant::now();
    let lasting = site.plan.lasting;
    // What has to be over before the run is.
    let has_time_for = |needed: Duration| begun.elapsed() + needed + Duration::from_secs(3) < lasting;
    let is_long = lasting > ROUND;
    let calm = if is_long { Duration::from_secs(8) } else { lasting / 12 };
    let mut victim = 0;
    let mut next = || {
        victim += 1;
        victim % site.plan.replicas
    };
    let mut round = 0_u32;
    while wait(&site, calm).await {
        round += 1;
        if site.plan.faults.kills && has_time_for(Duration::from_secs(2)) {
            site.kill_replica(next()).await?;
            site.injected("a replica killed with -9 and started again");
        }
        // A stop of all there is takes as long as a lock lives, during which nobody can do anything.
        let has_others = site.plan.replicas > 1 || is_long;
        if site.plan.faults.stops && has_others && wait(&site, calm).await && has_time_for(STOP) {
            stop(&site, next()).await?;
        }
        if site.plan.faults.restarts
            && wait(&site, calm).await
            && has_time_for(RESTART * 4)
            && site.database_away(RESTART).await?
        {
            site.injected("the database killed and started again");
        }
        if site.plan.faults.minute
            && round == 2
            && wait(&site, calm).await
            && has_time_for(MINUTE)
            && site.database_away(MINUTE).await?
        {
            site.injected("60 s without a database");
        }
        if !is_long && !site.plan.faults.kills {
            // Nothing is left to do.
            wait(&site, lasting).await;
        }
    }
    Ok(())
}

/// Stops a replica for longer than a lock lives.
async fn stop(site: &Site, replica: usize) -> Result<()> {
    let from = site.clock.now();
    site.signal_replica(replica, "STOP")?;
    sleep(STOP).await;
    site.signal_replica(replica, "CONT")?;
    // It may have been stopped with the head locked: then all wait until the database ends its transaction.
    site.trouble(from, Trouble::Everything);
    site.injected("a replica stopped for 11.5 s");
    Ok(())
}
