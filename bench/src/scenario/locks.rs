//! Locks taken and given back: ours with one replica and with three, etcd with a lease for each lock, and Redis as the ceiling of
//! what is not safe.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::{Duration, Instant},
};

use claudetools_seed::Size;
use futures::future::try_join_all;
use hdrhistogram::Histogram;

use crate::{
    data::{Engine, Rows},
    failure::{Failure, Result},
    lineup::{Bench, Extras},
    load::new_histogram,
    peer::lockers::{Etcd, Locker, Ours, Redis},
    report::Report,
    rounds::{Comparison, Measure, by_turns, turn_of},
};

/// Replicas beside the single one.
const REPLICAS: usize = 3;
/// Resources, when they are many.
const MANY: usize = 1_000;

/// How many take what.
#[derive(Debug, Clone, Copy)]
struct Setting {
    heading: &'static str,
    clients: usize,
    resources: usize,
}

const SETTINGS: [Setting; 4] = [
    Setting { heading: "1 client, uncontended", clients: 1, resources: MANY },
    Setting { heading: "16 clients, 1,000 resources", clients: 16, resources: MANY },
    Setting { heading: "64 clients, 1,000 resources", clients: 64, resources: MANY },
    Setting { heading: "16 clients, 1 resource", clients: 16, resources: 1 },
];

/// Everybody who gives locks, and what each is asked through.
struct Contenders {
    ours: Ours,
    /// Of three replicas on the same database; on SQLite there is but one.
    replicas: Option<Ours>,
    etcd: Etcd,
    redis: Redis,
}

/// Measures on one engine.
pub(crate) async fn run(bench: &Bench, engine: Engine) -> Result<Report> {
    let name = engine.name();
    let about = format!(
        "Locks taken and given back over HTTP on {name}, audit log on; a latency is that of taking. etcd over its JSON gateway: a \
         lease and a transaction for each lock, its own lock service where all want one; its data lie beside those of the server \
         on SQLite. Redis SET NX PX, nothing of which is on a disk."
    );
    let mut report = bench.report("locks", about).of_engine(name);
    let contenders = Contenders::start(bench, engine).await?;
    let effort = bench.effort();
    for setting in SETTINGS {
        let comparison = contenders.compare(setting, effort.rounds, effort.load.lasting, engine).await?;
        let heading = format!("{name}: {}", setting.heading);
        report.loaded(&heading, &comparison);
        let etcd = comparison.series.iter().find(|series| series.name == "etcd");
        for series in comparison.series.iter().filter(|series| series.name.starts_with("ours")) {
            if let Some(etcd) = etcd {
                report.value(
                    format!("{heading}, {} / etcd, cycles/s", series.name),
                    series.against(etcd, Measure::PerSecond),
                );
            }
        }
    }
    let (granted, refused) = contenders.refusals(effort.load.lasting * 2).await?;
    report.value(format!("{name}: granted, p99 ms"), granted);
    report.value(format!("{name}: refused, p99 ms"), refused);
    report.value(format!("{name}: refused / granted, p99"), refused / granted);
    Ok(report)
}

impl Contenders {
    async fn start(bench: &Bench, engine: Engine) -> Result<Self> {
        let data = bench.databases.copy(engine, Rows::Seed(Size::Small)).await?;
        let mut servers = vec![Rc::new(bench.ours("ours", &data, Extras::Audit).await?)];
        let ours = Ours::new(servers.clone());
        let mut replicas = None;
        if engine != Engine::Sqlite {
            while servers.len() < REPLICAS {
                servers.push(Rc::new(bench.ours("ours", &data, Extras::Audit).await?));
            }
            replicas = Some(Ours::new(servers));
        }
        Ok(Self {
            ours,
            replicas,
            etcd: Etcd::start(&bench.databases.new_file()?).await?,
            redis: Redis::start().await?,
        })
    }

    async fn compare(&self, setting: Setting, rounds: usize, lasting: Duration, engine: Engine) -> Result<Comparison> {
        let mut names = vec![("ours", self.ours.tree()), ("etcd", self.etcd.tree()), ("Redis", self.redis.tree())];
        if let Some(replicas) = &self.replicas {
            names.push(("ours, 3 replicas", replicas.tree()));
        }
        by_turns(&names, rounds, async |at| {
            let tree = names[at].1;
            match at {
                0 => turn_of(tree, engine, lasting, cycles(&self.ours, setting, lasting)).await,
                1 => turn_of(tree, engine, lasting, cycles(&self.etcd, setting, lasting)).await,
                2 => turn_of(tree, engine, lasting, cycles(&self.redis, setting, lasting)).await,
                _ => match &self.replicas {
                    Some(replicas) => turn_of(tree, engine, lasting, cycles(replicas, setting, lasting)).await,
                    None => Err(Failure::Server("there is one replica only".to_owned())),
                },
            }
        })
        .await
    }

    /// The 99th percentile, in milliseconds, of what is granted on a thousand resources, and of what is refused on one that
    /// somebody holds, among sixteen clients each.
    async fn refusals(&self, lasting: Duration) -> Result<(f64, f64)> {
        let granted = cycles(&self.ours, SETTINGS[1], lasting).await?;
        let mut holder = self.ours.client(0).await?;
        let held = self.ours.try_take(&mut holder, 0, "held").await?;
        let latencies = RefCell::new(new_histogram());
        let until = Instant::now() + lasting;
        let askers = (1..16).map(async |number| {
            let mut client = self.ours.client(number).await?;
            while Instant::now() < until {
                let begun = Instant::now();
                if self.ours.try_take(&mut client, number, "held").await?.is_some() {
                    return Err(Failure::Server("a lock that another holds was granted".to_owned()));
                }
                record(&latencies, begun);
            }
            Ok(())
        });
        try_join_all(askers).await?;
        if let Some(held) = held {
            self.ours.release(&mut holder, held).await?;
        }
        Ok((milliseconds(&granted), milliseconds(&latencies.into_inner())))
    }
}

#[expect(clippy::cast_precision_loss, reason = "latencies end at two minutes")]
fn milliseconds(of: &Histogram<u64>) -> f64 {
    of.value_at_quantile(0.99) as f64 / 1e3
}

fn record(latencies: &RefCell<Histogram<u64>>, begun: Instant) {
    let micros = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
    latencies.borrow_mut().saturating_record(micros.max(1));
}

/// Takes and gives back with so many clients at once; the latencies of taking.
async fn cycles<L: Locker>(locker: &L, setting: Setting, lasting: Duration) -> Result<Histogram<u64>> {
    let latencies = RefCell::new(new_histogram());
    let next = Cell::new(0_usize);
    let mut clients = Vec::with_capacity(setting.clients);
    for number in 0..setting.clients {
        clients.push(locker.client(number).await?);
    }
    let until = Instant::now() + lasting;
    let takers = clients.into_iter().enumerate().map(async |(number, mut client)| {
        while Instant::now() < until {
            next.set(next.get() + 1);
            let resource = format!("bench/{}", next.get() % setting.resources);
            let begun = Instant::now();
            let held = if setting.resources == 1 {
                locker.take(&mut client, number, &resource).await?
            } else {
                match locker.try_take(&mut client, number, &resource).await? {
                    Some(held) => held,
                    // Another client is still at it, a thousand resources later.
                    None => continue,
                }
            };
            record(&latencies, begun);
            locker.release(&mut client, held).await?;
        }
        Ok::<_, Failure>(())
    });
    try_join_all(takers).await?;
    Ok(latencies.into_inner())
}
