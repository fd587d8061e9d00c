//! The clock of one of two replicas jumps an hour, forward and back.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    alone,
    api::{Answer, Api},
    engine::{DatabaseServer, Kind},
    load::{Load, new_client},
    program::{ADMIN_EMAIL, ADMIN_PASSWORD, SOON, Server, Site, eventually},
    site_on, tools,
};

/// How soon a revocation is in force on every replica.
const REVOKED: Duration = Duration::from_secs(5);
const SOME: usize = 30;

/// A replica whose clock stands `offset` off what the system says, as the file tells; its timers go on undisturbed.
fn with_own_clock(site: Site, library: &Path, offset: &Path) -> Site {
    site.with("LD_PRELOAD", &library.display().to_string())
        .with("FAKETIME_TIMESTAMP_FILE", &offset.display().to_string())
        .with("FAKETIME_NO_CACHE", "1")
        .with("FAKETIME_DONT_FAKE_MONOTONIC", "1")
}

/// What the replica takes for the time, in hours off this process's.
async fn hours_off(server: &Server) -> i64 {
    let health = server.anonymous().client.get(format!("{}/health", server.base())).send().await.expect("an answer");
    let health: Value = health.json().await.expect("JSON");
    let told =
        chrono::DateTime::parse_from_rfc3339(health["timestamp"].as_str().expect("an instant")).expect("RFC 3339");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a time").as_secs();
    let off = told.timestamp() - i64::try_from(now).expect("a time");
    (off + off.signum() * 60) / 3600
}

async fn log_in(server: &Server) -> Api {
    server.anonymous().log_in(ADMIN_EMAIL, ADMIN_PASSWORD).await
}

async fn me(api: &Api, server: &Server) -> u16 {
    api.at(server.base()).get("/auth/me").await.status
}

/// Revokes the token of `api` at one replica; it ends there at once and soon at the other.
async fn revoked_everywhere(api: &Api, at: &Server, other: &Server) {
    assert_eq!(me(api, other).await, 200);
    let revoked = api.at(at.base()).post("/auth/revoke", &json!({"token": api.token()})).await;
    assert_eq!(revoked.status, 204);
    assert_eq!(me(api, at).await, 403);
    let start = Instant::now();
    eventually("a revocation in force on the other replica", REVOKED, async || {
        (me(api, other).await == 403).then_some(())
    })
    .await;
    eprintln!("revoked on the other replica after {:?}", start.elapsed());
}

/// One key at both replicas is one row, whichever comes first.
async fn created_once(a: &Api, b: &Api, key: &str) {
    let client = new_client(a, key).await;
    let body = json!({"client_id": client, "title": key});
    let mut ids = Vec::new();
    for api in [a, b, a] {
        let answer = api.try_send(Method::POST, "/pending-tasks", Some(&body), &[("idempotency-key", key)]).await;
        ids.push(Answer::of(answer.expect("an answer")).await.expect(201)["id"].clone());
    }
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
}

#[tokio::test]
async fn a_clock_that_jumps_an_hour_loses_nothing_doubles_nothing_and_lets_no_revoked_token_in() {
    let _alone = alone().await;
    let what = "a clock that jumps";
    let Some(library) = claudetools_harness::tools::faketime() else { return tools::leave_out(what, "libfaketime") };
    let Some(database) = DatabaseServer::start(Kind::MariaDb, what).await else { return };
    let key = site_on(&database).run(&["keys", "generate"]).await.success().out;
    let master = format!("shared:{}", key.trim());
    let replica = || {
        let site = site_on(&database).with("JWT_SECRET_KEY", key.trim()).with("MASTER_KEYS", &master);
        site.with("ACCESS_TOKEN_EXPIRE_MINUTES", "180")
    };
    let place = tempfile::tempdir().expect("a directory");
    let offset = place.path().join("offset");
    // The account is made long ago: no token is dated before its account's last change, so that a replica that is behind
    // would take the tokens of an account that was changed since for ones of the future.
    fs::write(&offset, "-7200").expect("the offset");
    let stepped = with_own_clock(replica(), &library, &offset).serve().await;
    let steady = replica().serve().await;

    let a = log_in(&steady).await;
    let load = Load::start(&a, "steady", 3).await;
    for (number, hours) in [0, 1, 0, -1, 0].into_iter().enumerate() {
        fs::write(&offset, format!("{:+}", hours * 3600)).expect("the offset");
        eventually("the other time", SOON, async || (hours_off(&stepped).await == hours).then_some(())).await;

        // A token of the replica that is behind is an hour older, which is within its life. One of the replica that is
        // ahead is not yet issued to the other.
        let (old, b) = (log_in(&steady).await, log_in(&stepped).await);
        let (at_stepped, at_steady) = (me(&old, &stepped).await, me(&b, &steady).await);
        assert_eq!(at_stepped, if hours < 0 { 401 } else { 200 }, "a token of now, seen {hours} h off");
        assert_eq!(at_steady, if hours > 0 { 401 } else { 200 }, "a token from {hours} h off, seen now");
        for (api, server) in [(&old, &steady), (&b, &stepped)] {
            api.at(server.base()).get("/auth/me").await.expect(200);
        }

        let beside = Load::start(&b, &format!("stepped-{number}"), 3).await;
        beside.goes_on(SOME, SOON).await;
        created_once(&a, &b, &format!("key-{number}")).await;
        if hours >= 0 {
            revoked_everywhere(&old, &steady, &stepped).await;
            let other = log_in(&steady).await;
            revoked_everywhere(&other, &stepped, &steady).await;
        }
        if hours <= 0 {
            let other = log_in(&stepped).await;
            revoked_everywhere(&other, &stepped, &steady).await;
            let other = log_in(&stepped).await;
            revoked_everywhere(&other, &steady, &stepped).await;
        }
        let ledger = beside.finish().await;
        ledger.only_allowed_errors(false);
        ledger.is_what_is_stored(&b).await;
    }
    let ledger = load.finish().await;
    ledger.only_allowed_errors(false);
    ledger.is_what_is_stored(&a).await;
    stepped.stop().await;
    steady.stop().await;
}
