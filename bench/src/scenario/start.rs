//! From the start of the process to the first 200, on a database that has to be made and on one that is there; and what
//! the server occupies before anybody asks it anything.

use std::time::Duration;

use crate::{
    data::Engine,
    failure::Result,
    lineup::Bench,
    report::{Report, Samples, megabytes},
    rounds::median,
    server::Server,
};

/// Starts of each kind.
const STARTS: usize = 11;
/// How long nobody asks it anything before its memory is looked at: what the start itself has needed is given back by then.
const QUIET: Duration = Duration::from_secs(5);
/// Of so many starts of each kind the memory is looked at.
const LOOKS: usize = 3;

/// New databases and existing ones by turns.
pub(crate) async fn run(bench: &Bench) -> Result<Report> {
    let mut report = bench.report("start", "Our server on SQLite, from the start of the process to 200 on /health.");
    let (mut new, mut existing, mut idle) = (Samples::default(), Samples::default(), Vec::new());
    for start in 0..STARTS {
        let data = bench.databases.new_file()?;
        debug_assert_eq!(data.engine, Engine::Sqlite);
        let settings = [("DATABASE_URL", data.url)];
        for samples in [&mut new, &mut existing] {
            let server = Server::start(&bench.program, &settings).await?;
            samples.add(server.first_answer);
            if start < LOOKS {
                tokio::time::sleep(QUIET).await;
                idle.push(megabytes(server.tree().memory()?.resident));
            }
            server.stop().await?;
        }
    }
    report.measured("new database, all migrations", &new);
    report.measured("existing database", &existing);
    report.value("new database, s", new.median() / 1e6);
    report.value("existing database, s", existing.median() / 1e6);
    report.value("idle RSS, MB", median(idle));
    Ok(report)
}
