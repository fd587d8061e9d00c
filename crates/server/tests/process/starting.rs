//! What is answered while the server is starting, and what keeps it from starting.

use sea_orm::{ConnectOptions, ConnectionTrait, Database};
use serde_json::Value;

use crate::program::{SOON, Site, eventually};

/// The address in the log line that begins the start.
fn address(log: &str) -> Option<String> {
    let line = log.lines().find(|line| line.contains("\"starting\""))?;
    let line: Value = serde_json::from_str(line).ok()?;
    line["address"].as_str().map(str::to_owned)
}

#[tokio::test]
async fn while_the_database_keeps_it_waiting_it_lives_and_is_not_ready() {
    let site = Site::new().with("DATABASE_BUSY_TIMEOUT_MS", "60000");
    std::fs::create_dir(site.path("data")).expect("a directory");
    let url = format!("sqlite://{}?mode=rwc", site.path("data/claudetools.db").display());
    let database = Database::connect(ConnectOptions::new(url).max_connections(1).to_owned()).await.expect("a database");
    database.execute_unprepared("BEGIN EXCLUSIVE").await.expect("the database to oneself");

    let mut server = site.spawn();
    let address = eventually("an address", SOON, async || address(&server.log())).await;
    let base = format!("http://{address}");
    let get = async |path: &str| reqwest::get(format!("{base}{path}")).await.expect("an answer");
    assert_eq!(get("/healthz").await.status(), 200);
    let ready = get("/readyz").await;
    assert_eq!(ready.status(), 503);
    let ready: Value = ready.json().await.expect("JSON");
    assert_eq!((&ready["status"], &ready["checks"]["starting"]), (&"not_ready".into(), &"yes".into()));
    assert_eq!(get("/health").await.status(), 503);
    let refused = get("/api/v1/clients").await;
    assert_eq!(refused.status(), 503);
    for header in ["retry-after", "x-request-id", "x-content-type-options"] {
        assert!(refused.headers().contains_key(header), "{header}");
    }
    let refused: Value = refused.json().await.expect("JSON");
    assert_eq!(refused["error"]["code"], "SERVICE_UNAVAILABLE");

    database.execute_unprepared("ROLLBACK").await.expect("an end");
    database.close().await.expect("a clean end");
    server.wait_until_it_listens().await;
    assert_eq!(server.base(), base);
    // Connections of before may still be open, and are told so.
    let ready = eventually("readiness", SOON, async || {
        let answer = reqwest::get(format!("{base}/readyz")).await.ok()?;
        (answer.status() == 200).then_some(answer)
    });
    let ready: Value = ready.await.json().await.expect("JSON");
    assert_eq!((&ready["status"], &ready["checks"]["starting"]), (&"ready".into(), &"no".into()));
    server.admin().await.get("/auth/me").await.expect(200);
    server.stop().await;
}

#[tokio::test]
async fn without_the_redis_that_it_is_to_count_in_it_does_not_start() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port();
    drop(taken);
    let site = Site::new()
        .with("RATE_LIMIT_BACKEND", "redis")
        .with("RATE_LIMIT_REDIS_URL", &format!("redis://limits:geheim@127.0.0.1:{port}/0"));
    let ended = site.spawn().ended(SOON).await.failure(&format!("RATE_LIMIT_REDIS_URL: Redis at 127.0.0.1:{port}"));
    assert!(!ended.err.contains("geheim"), "{}", ended.err);
    site.run(&["serve"]).await.failure("cannot be used: ");
    // The configuration itself is sound, and administration needs no counters.
    site.run(&["config", "check"]).await.success();
    site.run(&["migrate", "status"]).await.success();
}
