//! Budgets of requests: who is counted, what is told of it, and what happens beyond.

use std::collections::BTreeSet;

use claudetools_kernel::{Clock, Scope};
use claudetools_testkit::{
    ADMIN_EMAIL, ADMIN_PASSWORD, Answer, Api, TestApp, TestAppBuilder, Way, clear_redis, redis_url,
};
use reqwest::Method;
use serde_json::json;

/// An application with these budgets.
fn limited(per_minute: u32, per_hour: u32) -> TestAppBuilder {
    TestApp::builder()
        .with("RATE_LIMIT_PER_MINUTE", &per_minute.to_string())
        .with("RATE_LIMIT_PER_HOUR", &per_hour.to_string())
}

fn number(answer: &Answer, header: &str) -> i64 {
    answer.header(header).parse().unwrap_or_else(|_| panic!("{header} of {answer:?}"))
}

fn assert_uncounted(answer: &Answer) {
    let told = answer.headers.keys().filter(|name| name.as_str().starts_with("x-ratelimit")).count();
    assert_eq!(told, 0, "{answer:?}");
}

/// Sends `times` requests at once over these callers in turn and counts those that passed; the others are all 429.
async fn passed_at_once(callers: &[Api], times: usize) -> usize {
    let tasks: Vec<_> = callers
        .iter()
        .cycle()
        .take(times)
        .cloned()
        .map(|caller| tokio::spawn(async move { caller.get("/api/v1/auth/me").await.status }))
        .collect();
    let mut passed = 0;
    for task in tasks {
        match task.await.expect("an answer") {
            200 => passed += 1,
            429 => {}
            other => panic!("{other}"),
        }
    }
    passed
}

#[tokio::test]
async fn every_answer_tells_the_budget_and_beyond_it_is_429_until_the_window_ends() {
    let app = limited(6, 0).start().await;
    let writer = app.writer();
    let before = app.clock.now().micros() / 1_000_000;
    for (left, path, status) in [
        (5, "/api/v1/auth/me", 200),
        (4, "/api/v1/clients/01980000-0000-7000-8000-00000000dead", 404),
        (3, "/api/v1/clients?limit=0", 400),
        (2, "/api/v1/accounts", 403),
        (1, "/api/v1/nowhere", 404),
        (0, "/api/auth/me", 200),
    ] {
        let answer = writer.get(path).await.expect(status);
        assert_eq!(number(&answer, "x-ratelimit-limit"), 6, "{path}");
        assert_eq!(number(&answer, "x-ratelimit-remaining"), left, "{path}");
        let resets = number(&answer, "x-ratelimit-reset");
        assert!((before + 50..=before + 62).contains(&resets), "{path}: {resets}, begun at {before}");
    }

    let refused = writer.get("/api/v1/auth/me").await.expect(429);
    assert_eq!(refused.code(), "RATE_LIMIT_EXCEEDED");
    let wait = number(&refused, "retry-after");
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(refused.body["error"]["retry_after"], wait);
    assert_eq!((number(&refused, "x-ratelimit-limit"), number(&refused, "x-ratelimit-remaining")), (6, 0));
    assert!(!refused.header("x-request-id").is_empty() && !refused.header("x-content-type-options").is_empty());

    let first_generation = writer.get("/api/auth/me").await.expect(429);
    assert!(first_generation.body["error"].as_str().is_some_and(|text| text.contains("try again in")));
    assert!(!first_generation.header("retry-after").is_empty());

    assert_eq!(app.reader().get("/api/v1/auth/me").await.status, 200, "another token has a budget of its own");
    for path in ["/health", "/healthz", "/readyz", "/metrics", "/api/v1/health", "/openapi.json", "/docs/"] {
        assert_uncounted(&writer.get(path).await.expect(200));
    }
    app.clock.advance(60);
    assert_eq!(number(&writer.get("/api/v1/auth/me").await.expect(200), "x-ratelimit-remaining"), 5);
    app.stop().await;
}

#[tokio::test]
async fn the_hour_holds_when_the_minute_has_room_again() {
    let app = limited(3, 5).start().await;
    let reader = app.reader();
    let mut seen = Vec::new();
    for _ in 0..2 {
        for _ in 0..4 {
            let answer = reader.get("/api/v1/auth/me").await;
            seen.push((answer.status, number(&answer, "x-ratelimit-limit"), number(&answer, "x-ratelimit-remaining")));
        }
        app.clock.advance(60);
    }
    let minute = [(200, 3, 2), (200, 3, 1), (200, 3, 0), (429, 3, 0)];
    let hour = [(200, 5, 1), (200, 5, 0), (429, 5, 0), (429, 5, 0)];
    assert_eq!(seen, [minute, hour].concat());
    let refused = reader.get("/api/v1/auth/me").await.expect(429);
    assert!((3_000..3_500).contains(&number(&refused, "retry-after")), "{}", refused.header("retry-after"));
    app.stop().await;
}

#[tokio::test]
async fn a_refused_request_reaches_no_handler_and_is_recorded_with_its_caller() {
    let app = limited(2, 0).start().await;
    let admin = app.admin();
    for name in ["One", "Two"] {
        admin.post("/api/v1/clients", &json!({"name": name, "type": "msp_client"})).await.expect(201);
    }
    let refused = admin.post("/api/v1/clients", &json!({"name": "Three", "type": "msp_client"})).await.expect(429);
    // Beyond the budget nothing else is looked at: not the body, not its type, not the scope.
    admin.send_bytes(Method::POST, "/api/v1/clients", "text/plain", Some(b"{".to_vec())).await.expect(429);

    let reader = app.caller("another-admin@claudetools.test", Scope::Admin);
    let names = reader.get("/api/v1/clients").await.expect(200);
    let names = names.body["clients"].as_array().expect("clients").iter();
    let names: BTreeSet<_> = names.filter_map(|client| client["name"].as_str().map(str::to_owned)).collect();
    assert_eq!(names, BTreeSet::from(["One".to_owned(), "Two".to_owned()]));
    let id = refused.header("x-request-id").to_owned();
    let row = app
        .eventually("the audit row of the refused request", async || {
            let auditor = app.caller("auditor@claudetools.test", Scope::Admin);
            let rows = auditor.get(&format!("/api/v1/api-audit-logs?request_id={id}")).await.expect(200);
            rows.body["api_audit_logs"].get(0).cloned()
        })
        .await;
    assert_eq!((&row["status"], &row["subject"]), (&json!(429), &json!(ADMIN_EMAIL)));
    assert_eq!(row["route"], "/api/v1/clients");
    app.stop().await;
}

#[tokio::test]
async fn replays_are_counted_too() {
    let app = limited(3, 0).start().await;
    let admin = app.admin().with("idempotency-key", "the-same");
    let client = json!({"name": "Once", "type": "msp_client"});
    admin.post("/api/v1/clients", &client).await.expect(201);
    for left in [1, 0] {
        let again = admin.post("/api/v1/clients", &client).await.expect(201);
        assert_eq!(again.header("idempotent-replayed"), "true");
        assert_eq!(number(&again, "x-ratelimit-remaining"), left);
    }
    admin.post("/api/v1/clients", &client).await.expect(429);
    app.stop().await;
}

#[tokio::test]
async fn without_an_accepted_token_the_address_is_counted_and_tokens_do_not_suffer() {
    let app = limited(4, 0).start().await;
    let (anonymous, reader) = (app.anonymous(), app.reader());
    let bad = anonymous.clone().with_token("a.b.c");
    anonymous.get("/api/v1/auth/me").await.expect(401);
    bad.get("/api/v1/auth/me").await.expect(401);
    assert_eq!(number(&bad.get("/nowhere").await.expect(404), "x-ratelimit-remaining"), 1);
    // A log-in gives a token with a new budget, so that no token can pay for it.
    let log_in = json!({"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD});
    let answer = reader.post("/api/v1/auth/token", &log_in).await.expect(200);
    assert_eq!(number(&answer, "x-ratelimit-remaining"), 0);
    for path in ["/api/v1/auth/token", "/api/auth/token"] {
        reader.post(path, &log_in).await.expect(429);
    }
    bad.get("/api/v1/auth/me").await.expect(429);
    assert_eq!(number(&reader.get("/api/v1/auth/me").await.expect(200), "x-ratelimit-remaining"), 3);
    app.stop().await;
}

#[tokio::test]
async fn nought_switches_the_limits_off() {
    let app = limited(0, 0).start().await;
    let reader = app.reader();
    assert_eq!(passed_at_once(std::slice::from_ref(&reader), 50).await, 50);
    assert_uncounted(&reader.get("/api/v1/auth/me").await.expect(200));
    app.stop().await;
}

#[tokio::test]
async fn of_many_requests_at_once_exactly_the_budget_passes() {
    let app = limited(40, 0).with("WORKERS", "4").start().await;
    let callers = [app.reader(), app.writer()].map(|caller| [caller.clone(), caller]);
    for caller in &callers {
        assert_eq!(passed_at_once(caller, 160).await, 40);
    }
    app.clock.advance(60);
    assert_eq!(passed_at_once(&callers[0], 160).await, 40, "in the next window again");
    app.stop().await;
}

mod redis {
    use super::*;

    /// One that counts in the Redis at `url` under names of its own, and accepts the tokens of its like.
    fn replica(url: &str, prefix: &str) -> TestAppBuilder {
        limited(40, 0)
            .with("RATE_LIMIT_BACKEND", "redis")
            .with("RATE_LIMIT_REDIS_URL", url)
            .with("RATE_LIMIT_REDIS_PREFIX", prefix)
            // Generous, because machines that run tests are busy.
            .with("RATE_LIMIT_REDIS_TIMEOUT_MS", "5000")
            .with("JWT_SECRET_KEY", "b25seS1mb3ItdGVzdHMtb2YtdGhlLXJhdGUtbGltaXRzIQ==")
    }

    #[tokio::test]
    async fn replicas_share_one_budget_exactly_and_go_by_the_clock_of_redis() {
        let url = redis_url();
        let prefix = format!("claudetools-test:{}:shared:", std::process::id());
        let (one, two) = (replica(&url, &prefix).start().await, replica(&url, &prefix).start().await);
        // The clocks of two replicas are never quite the same, and must not matter.
        two.clock.advance(45);
        let reader = one.reader();
        let callers = [reader.clone(), two.anonymous().with_token(reader.token().expect("a token"))];
        assert_eq!(passed_at_once(&callers, 160).await, 40);
        let refused = callers[1].get("/api/v1/auth/me").await.expect(429);
        assert!((1..=60).contains(&number(&refused, "retry-after")), "{}", refused.header("retry-after"));
        one.stop().await;
        two.stop().await;
        clear_redis(&prefix).await;
    }

    #[tokio::test]
    async fn while_redis_is_away_requests_pass_uncounted_readiness_says_so_and_all_mends_itself() {
        let mut way = Way::to_redis().await;
        let prefix = format!("claudetools-test:{}:away:", std::process::id());
        let app = replica(&way.url(), &prefix).start().await;
        let reader = app.reader();
        assert_eq!(number(&reader.get("/api/v1/auth/me").await.expect(200), "x-ratelimit-remaining"), 39);
        assert_eq!(app.anonymous().get("/readyz").await.expect(200).body["checks"]["limiter"], "ok");

        way.cut().await;
        assert_eq!(passed_at_once(std::slice::from_ref(&reader), 60).await, 60, "more than the budget");
        assert_uncounted(&reader.get("/api/v1/auth/me").await.expect(200));
        let ready = app.anonymous().get("/readyz").await.expect(503);
        assert_eq!(ready.body["status"], "not_ready");
        assert_eq!(
            (&ready.body["checks"]["limiter"], &ready.body["checks"]["database"]),
            (&json!("failed"), &json!("ok"))
        );
        let metrics = app.anonymous().get("/metrics").await.text;
        let failures = metrics.lines().find_map(|line| line.strip_prefix("claudetools_rate_limiter_failures_total "));
        assert!(failures.is_some_and(|count| count.parse::<u64>().is_ok_and(|count| count >= 61)), "{failures:?}");

        way.mend().await;
        app.eventually("counting again", async || {
            let answer = reader.get("/api/v1/auth/me").await;
            answer.headers.contains_key("x-ratelimit-remaining").then_some(())
        })
        .await;
        assert_eq!(app.anonymous().get("/readyz").await.expect(200).body["checks"]["limiter"], "ok");
        app.stop().await;
        clear_redis(&prefix).await;
    }
}
