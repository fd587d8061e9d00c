//! Ours, with all that a product has switched on, against a `FastAPI` server as a competent Python developer writes it.

use claudetools_seed::Size;

use crate::{
    data::{Engine, Rows},
    failure::Result,
    lineup::{Bench, Contender, Extras, check_same, check_same_made, gets, posts},
    load::Shots,
    report::Report,
    rounds::{Comparison, Measure, compare},
};

/// Lists, single sessions and creates on one engine.
pub(crate) async fn run(bench: &Bench, engine: Engine) -> Result<Report> {
    let effort = bench.effort();
    let about = format!(
        "Against FastAPI, SQLAlchemy and PyJWT in 2 processes, on {}, {} connections; ours with audit log and limits.",
        engine.name(),
        effort.load.connections
    );
    let mut report = bench.report("fastapi", about).of_engine(engine.name());
    let copies: [_; 2] = bench.copies(engine, Rows::Seed(Size::Medium)).await?;
    let ours = bench.ours("ours", &copies[0], Extras::All).await?;
    let peer = bench.fastapi(&copies[1], &ours).await?;
    let (pages, sessions, session) = (ours.pages().await?, ours.sessions().await?, ours.new_session().await?);
    for path in [&pages[0], &pages[7], &sessions[0], &sessions[500]] {
        check_same(&ours, &peer, path).await?;
    }
    check_same_made(&ours, &peer, &session).await?;
    let mut last = None;
    for (what, shots) in [("list", gets(&pages)?), ("by id", gets(&sessions)?), ("create", posts(&session)?)] {
        last = Some(measure(bench, engine, what, &[&ours, &peer], &shots, &mut report).await?);
    }
    if let Some([ours, peer]) = last.as_ref().map(|comparison| &comparison.series[..]) {
        #[expect(clippy::cast_precision_loss, reason = "no process has that much memory")]
        let ratio = ours.resident as f64 / peer.resident as f64;
        report.value(format!("{}: RSS, ours / peer", engine.name()), ratio);
    }
    Ok(report)
}

async fn measure(
    bench: &Bench,
    engine: Engine,
    what: &str,
    contenders: &[&Contender],
    shots: &Shots,
    report: &mut Report,
) -> Result<Comparison> {
    let entrants: Vec<_> = contenders.iter().map(|contender| contender.entrant(shots)).collect();
    let comparison = compare(&entrants, bench.effort(), engine).await?;
    let heading = format!("{}: {what}", engine.name());
    report.loaded(&heading, &comparison);
    if let [ours, peer] = &comparison.series[..] {
        report.value(format!("{heading}, ours / peer, req/s"), ours.against(peer, Measure::PerSecond));
        report.value(format!("{heading}, ours / peer, p99"), ours.against(peer, Measure::P99));
        report.value(format!("{heading}, ours / peer, CPU"), ours.against(peer, Measure::Cpu));
    }
    Ok(comparison)
}
