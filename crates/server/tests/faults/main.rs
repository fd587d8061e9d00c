//! What goes wrong around the server, done to the program that ships: databases that die or freeze, networks that lose an
//! answer, full disks, clocks that jump, clients by the thousand.
//!
//! After each fault the same holds: no write that was acknowledged is lost and none is there twice, nobody got another error
//! than 429 or 503 in the form of the conventions, the server is well again by itself within [`RECOVERY`], and its memory is
//! back where it was. `docs/robustness.md` lists the faults with the command for each.
//!
//! Every process is started here, on loopback, and ended here. One fault at a time: the times of two would be those of
//! neither.
#![expect(clippy::expect_used, reason = "a failure here is a failed test")]
#![expect(clippy::print_stderr, reason = "measured times and what was left out are for whoever runs the tests")]

#[expect(dead_code, reason = "shared with the process suite, which uses the rest")]
#[path = "../process/api.rs"]
mod api;
mod clients;
mod clock;
mod commit;
mod database;
mod disk;
mod engine;
mod load;
mod memory;
mod overload;
#[expect(dead_code, reason = "shared with the process suite, which uses the rest")]
#[path = "../process/program.rs"]
mod program;
mod replica;
mod stolen;
mod tools;

use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard};

use crate::{engine::DatabaseServer, program::Site};

/// How soon after the end of a fault the server has to be well again.
const RECOVERY: Duration = Duration::from_secs(5);
/// How long a client waits at the most to be told that the database is away, on a machine that is not taken away meanwhile.
const TOLD: Duration = Duration::from_secs(2);

static TURN: Mutex<()> = Mutex::const_new(());

/// Waits until no other fault is under way.
async fn alone() -> MutexGuard<'static, ()> {
    stolen::measure();
    TURN.lock().await
}

/// A place for a server whose limits are out of the way of what is measured here.
fn site() -> Site {
    Site::new().with("RATE_LIMIT_PER_MINUTE", "0").with("RATE_LIMIT_PER_HOUR", "0").with("WORKERS", "2")
}

/// The same on a database server.
fn site_on(database: &DatabaseServer) -> Site {
    site().with("DATABASE_URL", &database.url())
}
