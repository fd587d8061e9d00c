//! Builds that each do one thing wrong. A check that does not catch them is none.

use std::{path::Path, time::Duration};

use crate::{
    failure::Result,
    plan::{Engine, Faults, Plan},
    report::Report,
    run::run,
};

/// A build that does one thing wrong, and the run that shows it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mutant {
    /// The cargo feature is called `mutant-` and this.
    pub(crate) name: &'static str,
    engine: Engine,
    replicas: usize,
    clients: usize,
    seconds: u64,
    faults: Faults,
    /// The checks that are to find it: what another one finds says nothing of them.
    by: &'static [&'static str],
}

/// Just beyond the shortest life of a lock.
const BEYOND: u64 = 14;

/// All of them, each on the engine where it shows, for as long as it takes to.
pub(crate) const MUTANTS: [Mutant; 7] = [
    Mutant { engine: Engine::Postgres, replicas: 2, ..on_sqlite("no-head-lock", 6) },
    // A second process on the file, as a command of the operator is.
    Mutant { replicas: 2, ..on_sqlite("deferred", 6) },
    Mutant {
        engine: Engine::Postgres,
        replicas: 2,
        faults: Faults { clock: true, ..Faults::NONE },
        ..on_sqlite("node-clock", 8)
    },
    on_sqlite("no-idempotency", 6),
    Mutant { by: &["intervals"], ..on_sqlite("expiry-unmarked", BEYOND) },
    Mutant { by: &["line"], ..on_sqlite("waiters-passed", 8) },
    Mutant { clients: 48, by: &["linear"], ..on_sqlite("renew-expired", BEYOND) },
];

const fn on_sqlite(name: &'static str, seconds: u64) -> Mutant {
    Mutant {
        name,
        engine: Engine::Sqlite,
        replicas: 1,
        clients: 24,
        seconds,
        faults: Faults::NONE,
        by: &["answers", "intervals", "linear"],
    }
}

/// Tortures the build, and says whether it was caught.
pub(crate) async fn is_caught(mutant: &Mutant, program: &Path, seed: u64, templates: &Path) -> Result<(bool, Report)> {
    let Mutant { name, engine, replicas, clients, seconds, faults, by } = *mutant;
    let (program, lasting) = (program.to_owned(), Duration::from_secs(seconds));
    let plan = Plan { program, engine, replicas, clients, lasting, faults, seed, mutant: Some(name.to_owned()) };
    let report = run(plan, templates).await?;
    let is_caught = report.outcome.violations.iter().any(|violation| by.contains(&violation.check));
    Ok((is_caught, report))
}
