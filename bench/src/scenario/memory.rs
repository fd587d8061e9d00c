//! What the server occupies under everything at once: single sessions, pages, creates and log-ins.

use std::time::Duration;

use claudetools_seed::Size;

use super::mixed::mix;
use crate::{
    data::{Engine, Rows},
    failure::Result,
    lineup::{Bench, Extras, gets, posts},
    load::{self, Load},
    report::{Report, megabytes},
};

/// Connections at once, four times the usual.
const CONNECTIONS: usize = 64;

/// Puts it under load and asks the system.
pub(crate) async fn run(bench: &Bench, engine: Engine) -> Result<Report> {
    let about = format!(
        "64 connections, 90 % reads and 10 % creates on {}, audit log on. RSS counts pages of the mapped database file, \
         which the system takes back when it needs them; anonymous memory does not.",
        engine.name()
    );
    let mut report = bench.report("memory", about).of_engine(engine.name());
    let data = bench.databases.copy(engine, Rows::Seed(Size::Medium)).await?;
    let server = bench.ours("ours", &data, Extras::Audit).await?;
    let tree = server.server.tree();
    report.value("RSS before, MB", megabytes(tree.memory()?.resident));
    let shots =
        mix(gets(&server.sessions().await?)?, gets(&server.pages().await?)?, posts(&server.new_session().await?)?);
    let lasting = Duration::from_secs(if bench.thoroughness.thorough { 60 } else { 10 });
    let load = Load { connections: CONNECTIONS, lasting, ..bench.effort().load };
    let outcome = load::run(&server.target(&shots), load, || Ok(())).await?;
    let after = tree.memory()?;
    report.value("requests/s", outcome.per_second());
    report.value("RSS under load, MB", megabytes(after.resident));
    report.value("anonymous memory under load, MB", megabytes(after.anonymous));
    report.value("most RSS ever, MB", megabytes(after.peak));
    Ok(report)
}
