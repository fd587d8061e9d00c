//! The database dies, or says nothing any more.

use std::time::{Duration, Instant};

use crate::{
    RECOVERY, TOLD, alone,
    api::Api,
    engine::{DatabaseServer, Kind},
    load::Load,
    memory,
    program::{SOON, eventually},
    site_on, stolen,
};

const WRITERS: usize = 6;
/// Writes before and after the fault.
const SOME: usize = 100;
/// How long a server without a database may take to stop: the tries to write its audit rows, and some.
const STOPPED: Duration = Duration::from_secs(20);

/// How long the database stays frozen, in seconds. The full minute takes `CLAUDETOOLS_FAULTS_FROZEN_SECONDS=60`.
fn frozen() -> Duration {
    let given = std::env::var("CLAUDETOOLS_FAULTS_FROZEN_SECONDS").ok();
    Duration::from_secs(given.map_or(10, |seconds| seconds.parse().expect("a number of seconds")))
}

/// How the probes of balancers and people answer, and how soon.
async fn probes(api: &Api) -> Vec<(&'static str, Option<u16>)> {
    let mut statuses = Vec::new();
    for path in ["/health", "/api/v1/health", "/readyz", "/healthz"] {
        let start = Instant::now();
        let status = api.status(path).await.map(|status| status.as_u16());
        let (took, stolen) = (start.elapsed(), stolen::between(start, Instant::now()));
        assert!(took <= TOLD + stolen, "{path} took {took:?}, of which others had {stolen:?}");
        statuses.push((path, status));
    }
    statuses
}

fn expected(database: u16) -> Vec<(&'static str, Option<u16>)> {
    vec![
        ("/health", Some(database)),
        ("/api/v1/health", Some(database)),
        ("/readyz", Some(database)),
        ("/healthz", Some(200)),
    ]
}

async fn killed_and_restarted(kind: Kind) {
    let _alone = alone().await;
    let Some(mut database) = DatabaseServer::start(kind, "a database that is killed").await else { return };
    let server = site_on(&database).serve().await;
    let api = server.admin().await;
    let load = Load::start(&api, "killed", WRITERS).await;
    load.goes_on(SOME, SOON).await;
    let before = memory::resident(server.id());

    for _ in 0..2 {
        database.kill().expect("an end");
        let gone = Instant::now();
        let probed = eventually("a probe that tells", TOLD, async || {
            let probed = probes(&api).await;
            (probed == expected(503)).then_some(probed)
        });
        probed.await;
        eprintln!("{kind:?} killed: the probes told after {:?}", gone.elapsed());
        tokio::time::sleep(Duration::from_secs(2)).await;
        database.restart().await.expect("a server that answers");
        let back = load.goes_on(1, RECOVERY).await;
        eprintln!("{kind:?} killed: written again {back:?} after the database answered");
        load.goes_on(SOME, SOON).await;
        assert_eq!(probes(&api).await, expected(200));
    }

    let ledger = load.finish().await;
    ledger.only_allowed_errors(false);
    ledger.is_what_is_stored(&api).await;
    memory::is_back(server.id(), before).await;
    server.stop().await;
}

async fn frozen_and_thawed(kind: Kind) {
    let _alone = alone().await;
    let Some(database) = DatabaseServer::start(kind, "a database that freezes").await else { return };
    let server = site_on(&database).serve().await;
    let api = server.admin().await;
    let load = Load::start(&api, "frozen", WRITERS).await;
    load.goes_on(SOME, SOON).await;
    let before = memory::resident(server.id());

    database.freeze().expect("a signal");
    let frozen_at = Instant::now();
    // The first of them finds out by itself that nobody answers.
    while frozen_at.elapsed() < frozen() {
        assert_eq!(probes(&api).await, expected(503));
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let thawed_at = Instant::now();
    database.thaw().expect("a signal");
    let back = load.goes_on(1, RECOVERY).await;
    eprintln!("{kind:?} frozen for {:?}: written again {back:?} after it went on", thawed_at - frozen_at);
    load.goes_on(SOME, SOON).await;
    assert_eq!(probes(&api).await, expected(200));

    let ledger = load.finish().await;
    ledger.only_allowed_errors(false);
    ledger.all_told_within(TOLD, frozen_at, thawed_at);
    ledger.is_what_is_stored(&api).await;
    memory::is_back(server.id(), before).await;
    server.stop().await;
}

/// Told to stop while the database says nothing, a server with rows waiting for the audit log ends all the same.
async fn stopped_while_frozen(kind: Kind) {
    let _alone = alone().await;
    let Some(database) = DatabaseServer::start(kind, "a stop while the database is frozen").await else { return };
    let server = site_on(&database).serve().await;
    let api = server.admin().await;
    api.get("/auth/me").await.expect(200);
    database.freeze().expect("a signal");
    let told =
        eventually("a probe that tells", TOLD + TOLD, async || (probes(&api).await == expected(503)).then_some(()));
    told.await;
    for _ in 0..50 {
        api.get("/clients").await.expect(503);
    }
    let asked = Instant::now();
    server.signal("TERM").await;
    let ended = server.ended(STOPPED).await.success();
    eprintln!("{kind:?} frozen: stopped {:?} after it was told to", asked.elapsed());
    let kept = ended.err.lines().filter(|line| line.contains("goes here instead")).count();
    assert!(kept >= 50, "{kept} rows of the audit log are in the log");
}

#[tokio::test]
async fn a_server_stops_although_mariadb_is_frozen_and_keeps_the_audit_rows_in_its_log() {
    stopped_while_frozen(Kind::MariaDb).await;
}

#[tokio::test]
async fn a_server_stops_although_postgres_is_frozen_and_keeps_the_audit_rows_in_its_log() {
    stopped_while_frozen(Kind::Postgres).await;
}

#[tokio::test]
async fn mariadb_killed_under_load_loses_nothing_and_is_used_again_when_it_is_back() {
    killed_and_restarted(Kind::MariaDb).await;
}

#[tokio::test]
async fn postgres_killed_under_load_loses_nothing_and_is_used_again_when_it_is_back() {
    killed_and_restarted(Kind::Postgres).await;
}

#[tokio::test]
async fn mariadb_frozen_under_load_gets_everybody_told_and_is_used_again_when_it_goes_on() {
    frozen_and_thawed(Kind::MariaDb).await;
}

#[tokio::test]
async fn postgres_frozen_under_load_gets_everybody_told_and_is_used_again_when_it_goes_on() {
    frozen_and_thawed(Kind::Postgres).await;
}
