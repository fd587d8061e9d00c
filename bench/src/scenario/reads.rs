//! Reading: one session, and a page of fifty with the names of their clients and projects. Ours as bare as its peer, ours
//! with its audit log, and the peer, by turns.

use claudetools_seed::Size;

use crate::{
    data::{Engine, Rows},
    failure::Result,
    lineup::{Bench, Extras, check_same, gets},
    report::Report,
    rounds::{Measure, compare},
};

/// What is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    ById,
    List,
}

impl What {
    const fn scenario(self) -> &'static str {
        match self {
            Self::ById => "by-id",
            Self::List => "list",
        }
    }

    const fn about(self) -> &'static str {
        match self {
            Self::ById => "A session by its id, with its tags, technologies and work items; 1,000 sessions by turns.",
            Self::List => {
                "Pages of 50 sessions with the names of client and project, behind a cursor; 20 pages by turns."
            }
        }
    }
}

/// Measures on one engine.
pub(crate) async fn run(bench: &Bench, what: What, engine: Engine) -> Result<Report> {
    let rows = Rows::Seed(Size::Medium);
    let effort = bench.effort();
    let about = format!(
        "{} {} of {} sessions, {} connections.",
        what.about(),
        engine.name(),
        rows.sessions(),
        effort.load.connections
    );
    let mut report = bench.report(what.scenario(), about).of_engine(engine.name());
    let copies: [_; 3] = bench.copies(engine, rows).await?;
    let plain = bench.ours("ours", &copies[0], Extras::None).await?;
    let audited = bench.ours("ours, audit on", &copies[1], Extras::Audit).await?;
    let bare = bench.bare("bare", &copies[2], false, &plain).await?;
    let paths = match what {
        What::ById => plain.sessions().await?,
        What::List => plain.pages().await?,
    };
    for path in paths.iter().step_by(paths.len().div_ceil(10)) {
        check_same(&plain, &bare, path).await?;
    }
    let shots = gets(&paths)?;
    let entrants = [plain.entrant(&shots), bare.entrant(&shots), audited.entrant(&shots)];
    let comparison = compare(&entrants, effort, engine).await?;
    let name = engine.name();
    report.loaded(name, &comparison);
    if let [plain, bare, audited] = &comparison.series[..] {
        report.value(format!("{name}: ours / bare, req/s"), plain.against(bare, Measure::PerSecond));
        report.value(format!("{name}: ours / bare, CPU"), plain.against(bare, Measure::Cpu));
        report.value(format!("{name}: ours with audit / bare, req/s"), audited.against(bare, Measure::PerSecond));
        report.value(format!("{name}: audit on / off, req/s"), audited.against(plain, Measure::PerSecond));
        report.value(format!("{name}: audit on / off, CPU"), audited.against(plain, Measure::Cpu));
    }
    Ok(report)
}
