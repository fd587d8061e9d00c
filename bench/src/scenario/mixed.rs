//! What a day looks like: nine reads for each write.

use std::rc::Rc;

use claudetools_seed::Size;

use crate::{
    data::{Engine, Rows},
    failure::Result,
    lineup::{Bench, Extras, gets, posts},
    load::Shots,
    report::Report,
    rounds::{Measure, compare},
};

/// One request of so many is a write.
const WRITES: u64 = 10;
/// One read of so many is a page, the others are single sessions.
const PAGES: u64 = 3;

/// Nine reads (a third of them pages), one create. The bare peer writes on `SQLite` alone; elsewhere ours runs by itself.
pub(crate) async fn run(bench: &Bench, engine: Engine) -> Result<Report> {
    let about = format!("90 % reads, a third of them pages, 10 % creates, on {}; ours with audit log.", engine.name());
    let mut report = bench.report("mixed", about).of_engine(engine.name());
    let copies: [_; 2] = bench.copies(engine, Rows::Seed(Size::Medium)).await?;
    let ours = bench.ours("ours", &copies[0], Extras::Audit).await?;
    let shots = mix(gets(&ours.sessions().await?)?, gets(&ours.pages().await?)?, posts(&ours.new_session().await?)?);
    let mut contenders = vec![ours];
    if engine == Engine::Sqlite {
        contenders.push(bench.bare("bare with group commit", &copies[1], true, &contenders[0]).await?);
    }
    let entrants: Vec<_> = contenders.iter().map(|contender| contender.entrant(&shots)).collect();
    let comparison = compare(&entrants, bench.effort(), engine).await?;
    let name = engine.name();
    report.loaded(name, &comparison);
    if let [ours, bare] = &comparison.series[..] {
        report.value(format!("{name}: ours / bare, req/s"), ours.against(bare, Measure::PerSecond));
        report.value(format!("{name}: ours / bare, CPU"), ours.against(bare, Measure::Cpu));
    }
    Ok(report)
}

/// The three kinds in their shares.
pub(super) fn mix(one: Shots, pages: Shots, writes: Shots) -> Shots {
    Rc::new(move |number| {
        let kind = if number % WRITES == 0 {
            &writes
        } else if number % PAGES == 0 {
            &pages
        } else {
            &one
        };
        kind(number)
    })
}
