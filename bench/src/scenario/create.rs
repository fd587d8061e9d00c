//! Writing on `SQLite`, where the disk's flush is the limit: against one commit for each write and against commits that are
//! shared; and what an idempotency key costs.

use std::{rc::Rc, time::Duration};

use claudetools_seed::Size;
use hyper::header::HeaderValue;

use crate::{
    data::{Engine, Rows},
    failure::Result,
    lineup::{Bench, Contender, Extras, check_same_made, posts},
    load::{Load, Shot, Shots},
    report::Report,
    rounds::{Effort, Measure, compare},
};

/// Rows that are there before the first write. Few: what an index costs grows slowly, and the copies are quick to make.
const ROWS: Rows = Rows::Seed(Size::Small);

/// One writer, and as many as there are connections.
pub(crate) async fn run(bench: &Bench) -> Result<Report> {
    let about = "New sessions on SQLite, synchronous=FULL; each writer waits for its answer.";
    let mut report = bench.report("create", about);
    let copies: [_; 4] = bench.copies(Engine::Sqlite, ROWS).await?;
    let ours = bench.ours("ours", &copies[0], Extras::None).await?;
    let each = bench.bare("bare with a commit each", &copies[1], false, &ours).await?;
    let group = bench.bare("bare with group commit", &copies[2], true, &ours).await?;
    let audited = bench.ours("ours, audit on", &copies[3], Extras::Audit).await?;
    let session = ours.new_session().await?;
    for bare in [&each, &group] {
        check_same_made(&ours, bare, &session).await?;
    }
    let shots = posts(&session)?;
    let usual = bench.effort();
    for (heading, connections) in [("1 writer", 1), ("16 writers", 16)] {
        let effort = Effort { load: Load { connections, ..usual.load }, ..usual };
        let contenders = [&ours, &each, &group, &audited];
        let entrants = contenders.map(|contender| contender.entrant(&shots));
        let comparison = compare(&entrants, effort, Engine::Sqlite).await?;
        report.loaded(heading, &comparison);
        if let [ours, each, group, audited] = &comparison.series[..] {
            for bare in [each, group] {
                let name = &bare.name;
                report.value(format!("{heading}: ours / {name}, req/s"), ours.against(bare, Measure::PerSecond));
                report.value(format!("{heading}: ours / {name}, CPU"), ours.against(bare, Measure::Cpu));
            }
            report.value(format!("{heading}: audit on / off, req/s"), audited.against(ours, Measure::PerSecond));
        }
    }
    Ok(report)
}

/// Creates with a key that is new each time, and without.
pub(crate) async fn run_idempotent(bench: &Bench, engine: Engine) -> Result<Report> {
    let about = format!("New sessions on {}, with a new Idempotency-Key each and without one.", engine.name());
    let mut report = bench.report("idempotent", about).of_engine(engine.name());
    let copies: [_; 2] = bench.copies(engine, ROWS).await?;
    let with = bench.ours("with a key", &copies[0], Extras::Audit).await?;
    let without = bench.ours("without", &copies[1], Extras::Audit).await?;
    let plain = posts(&without.new_session().await?)?;
    let keyed = with_keys(&plain);
    let entrants = [with.entrant(&keyed), without.entrant(&plain)];
    let comparison = compare(&entrants, bench.effort(), engine).await?;
    let name = engine.name();
    report.loaded(name, &comparison);
    if let [with, without] = &comparison.series[..] {
        report.value(format!("{name}: with a key / without, CPU"), with.against(without, Measure::Cpu));
        report.value(format!("{name}: without a key / with, req/s"), without.against(with, Measure::PerSecond));
    }
    check_replay(&with, &keyed).await?;
    Ok(report)
}

/// The same requests, each with a key of its own.
fn with_keys(shots: &Shots) -> Shots {
    let shots = Rc::clone(shots);
    Rc::new(move |number| {
        let key = HeaderValue::from_str(&format!("bench-{number}")).map_err(hyper::http::Error::from)?;
        Ok(Shot { key: Some(key), ..shots(number)? })
    })
}

/// Fails unless the keys that were sent are known: else nothing was measured.
async fn check_replay(contender: &Contender, keyed: &Shots) -> Result<()> {
    // Only a body that the key was not sent with is refused, by a server that has kept the key.
    let keyed = Rc::clone(keyed);
    let shots: Shots = Rc::new(move |_| Ok(Shot { expect: &[422], key: keyed(0)?.key, ..keyed(1)? }));
    let (warm_up, lasting) = (Duration::ZERO, Duration::from_millis(50));
    let load = Load { connections: 1, warm_up, lasting, pace: crate::load::Pace::Closed };
    crate::load::run(&contender.target(&shots), load, || Ok(())).await?;
    Ok(())
}
