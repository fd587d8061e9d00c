//! Locks over HTTP: who may call, what is granted and refused, waiting, fencing.

use claudetools_kernel::Scope;
use claudetools_testkit::{Answer, Api, TestApp};
use serde_json::{Value, json};

async fn take(caller: &Api, session: &str, resource: &str) -> Answer {
    let body = json!({"resource": resource, "session_id": session, "task": "test", "ttl_seconds": 60});
    caller.post("/api/v1/coord/locks", &body).await
}

#[tokio::test]
async fn a_lock_lives_from_its_grant_over_a_renewal_to_its_release() {
    let app = TestApp::start().await;
    let caller = app.anonymous();
    let body =
        json!({"resource": "clients/acme/dns", "session_id": "a", "task": "move", "reason": "4711", "meta": {"n": 1}});
    let lock = caller.post("/api/v1/coord/locks", &body).await.expect(201);
    assert_eq!(lock.header("location"), format!("/api/v1/coord/locks/{}", lock.id()));
    for (field, value) in [
        ("resource", json!("clients/acme/dns")),
        ("mode", json!("exclusive")),
        ("session_id", json!("a")),
        ("meta", json!({"n": 1})),
        ("state", json!("held")),
        ("ttl_seconds", json!(1800)),
        ("expires_in_ms", json!(1_800_000)),
    ] {
        assert_eq!(lock.body[field], value, "{field}");
    }
    let again = caller.post("/api/v1/coord/locks", &body).await.expect(200);
    assert_eq!((again.id(), &again.body["token"]), (lock.id(), &lock.body["token"]));
    let path = format!("/api/v1/coord/locks/{}", lock.id());
    let renewed = caller.put(&path, &json!({"ttl_seconds": 60, "token": lock.body["token"]})).await.expect(200);
    assert_eq!(renewed.body["expires_in_ms"], 60_000);
    let other = caller.put(&path, &json!({"ttl_seconds": 60, "token": 1})).await.expect(409);
    assert_eq!(other.code(), "CONFLICT");
    let read = caller.get(&path).await.expect(200);
    assert!(read.body["expires_in_ms"].as_i64().is_some_and(|left| (1..=60_000).contains(&left)), "{}", read.text);
    assert_eq!(caller.delete(&path).await.expect(200).body, json!({"released": true}));
    assert_eq!(caller.delete(&path).await.expect(200).body, json!({"released": false, "state": "released"}));
    let gone = caller.put(&path, &json!({})).await.expect(410);
    assert_eq!((gone.code(), &gone.body["error"]["details"]["state"]), ("GONE", &json!("released")));
    let unknown = "/api/v1/coord/locks/01980000-0000-7000-8000-00000000dead";
    for answer in [caller.get(unknown).await, caller.put(unknown, &json!({})).await, caller.delete(unknown).await] {
        assert_eq!(answer.code(), "NOT_FOUND", "{}", answer.text);
    }
    let history = caller.get(&format!("{path}/history")).await.expect(200);
    let kinds: Vec<&Value> = history.body["history"].as_array().expect("events").iter().map(|e| &e["kind"]).collect();
    assert_eq!(kinds, [&json!("lock.granted"), &json!("lock.released")]);
    app.stop().await;
}

#[tokio::test]
async fn the_history_of_a_lock_outlives_its_events() {
    let app = TestApp::start().await;
    let lock = take(&app.anonymous(), "a", "x").await.expect(201);
    let path = format!("/api/v1/coord/locks/{}", lock.id());
    let told = async || {
        let history = app.reader().get(&format!("{path}/history")).await.expect(200).body["history"].clone();
        let told = |event: &Value| (event["seq"].clone(), event["kind"].clone(), event["at"].clone());
        history.as_array().expect("events").iter().map(told).collect::<Vec<_>>()
    };
    let prune = async |bound: &Value| {
        app.admin().post("/api/v1/coord/prune", &json!({"events": bound})).await.expect(200);
    };
    prune(&json!("2099-01-01T00:00:00Z")).await;
    let granted = (json!(0), json!("lock.granted"), lock.body["granted_at"].clone());
    assert_eq!(told().await, std::slice::from_ref(&granted));
    let force = format!("{path}?force=true&reason=stuck");
    app.admin().delete(&force).await.expect(200);
    let both = told().await;
    assert_eq!(both.len(), 2);
    assert_eq!((&both[0], &both[1].1), (&granted, &json!("lock.broken")));
    assert!(both[1].0.as_i64().is_some_and(|seq| seq > 1), "its event is there");
    prune(&json!("2099-01-01T00:00:00Z")).await;
    let ended = app.reader().get(&path).await.expect(200).body["ended_at"].clone();
    assert_eq!(told().await, [granted, (json!(0), json!("lock.broken"), ended)]);
    let gone = app.reader().get("/api/v1/coord/events?after=1&wait=0").await.expect(410);
    assert!(gone.body["error"]["details"]["oldest_id"].as_i64().is_some_and(|oldest| oldest > 2), "{}", gone.text);
    app.stop().await;
}

#[tokio::test]
async fn a_refusal_tells_who_holds_it_and_when_to_come_again() {
    let app = TestApp::start().await;
    let caller = app.anonymous();
    let announced = json!({"machine": "LAPTOP", "host": "laptop.lan", "agent": "coder", "project_key": "p"});
    caller.put("/api/v1/coord/sessions/a", &announced).await.expect(201);
    let held = take(&caller, "a", "p/server").await.expect(201);
    for resource in ["p", "p/server", "p/server/api"] {
        let refused = take(&caller, "b", resource).await.expect(409);
        let details = &refused.body["error"]["details"];
        let blocking = &details["blocking"][0];
        assert_eq!((&blocking["id"], &blocking["token"]), (&held.body["id"], &held.body["token"]));
        assert_eq!((&blocking["host"], &blocking["agent"]), (&json!("laptop.lan"), &json!("coder")));
        assert_eq!((&details["queue"], &details["waited_ms"]), (&json!({"position": 1, "length": 1}), &json!(0)));
        let seconds: i64 = refused.header("retry-after").parse().expect("seconds");
        assert!((1..=60).contains(&seconds) && details["hint"].is_string(), "{}", refused.text);
    }
    let shared = |session: &str| json!({"resource": "q", "session_id": session, "mode": "shared"});
    caller.post("/api/v1/coord/locks", &shared("a")).await.expect(201);
    caller.post("/api/v1/coord/locks", &shared("b")).await.expect(201);
    take(&caller, "c", "q/x").await.expect(409);
    let all = json!({"resources": ["r/1", "p", "r/2"], "session_id": "b"});
    caller.post("/api/v1/coord/locks", &all).await.expect(409);
    let free = json!({"resources": ["r/1", "r/2"], "session_id": "b"});
    let both = caller.post("/api/v1/coord/locks", &free).await.expect(201);
    assert_eq!(both.body["locks"].as_array().map(Vec::len), Some(2));
    let listed = caller.get("/api/v1/coord/locks?covering=p/server/api/x&state=held").await.expect(200);
    assert_eq!((listed.body["locks"].as_array().map(Vec::len), &listed.body["total"]), (Some(1), &json!(1)));
    assert_eq!(caller.get("/api/v1/coord/locks?project_key=r").await.body["total"], 2);
    assert_eq!(caller.get("/api/v1/coord/locks?session_id=a").await.body["total"], 2);
    app.stop().await;
}

#[tokio::test]
async fn a_call_that_makes_no_sense_is_refused_with_all_its_faults() {
    let app = TestApp::start().await;
    let caller = app.anonymous();
    let bad = json!({"resource": "a//b", "session_id": "a b", "ttl_seconds": 9});
    let refused = caller.post("/api/v1/coord/locks", &bad).await.expect(400);
    assert_eq!(refused.body["error"]["details"]["fields"].as_array().map(Vec::len), Some(3), "{}", refused.text);
    for (status, bad) in [
        (422, json!({"session_id": "a"})),
        (422, json!({"session_id": "a", "resource": "x", "resources": ["y"]})),
        (400, json!({"session_id": "a", "resources": []})),
        (400, json!({"session_id": "a", "resource": "x", "mode": "upgradable"})),
        (400, json!({"resource": "x"})),
    ] {
        caller.post("/api/v1/coord/locks", &bad).await.expect(status);
    }
    let unforced = "/api/v1/coord/locks/01980000-0000-7000-8000-00000000dead?reason=tidy";
    caller.delete(unforced).await.expect(422);
    caller.post("/api/v1/coord/locks?wait=61", &json!({"session_id": "a", "resource": "x"})).await.expect(400);
    caller.post("/api/v1/coord/locks?wait=-1", &json!({"session_id": "a", "resource": "x"})).await.expect(400);
    app.stop().await;
}

#[tokio::test]
async fn who_waits_gets_the_lock_when_it_is_free_and_in_turn() {
    let app = TestApp::start().await;
    let caller = app.anonymous();
    let held = take(&caller, "a", "x").await.expect(201);
    let body = |session: &str| json!({"resource": "x", "session_id": session, "ttl_seconds": 60});
    let (first, second) = (body("b"), body("c"));
    let release = async {
        let queued = app.eventually("b and c wait", async || {
            let refused = take(&caller, "d", "x").await.expect(409);
            (refused.body["error"]["details"]["queue"]["length"] == 3).then_some(refused)
        });
        assert_eq!(queued.await.body["error"]["details"]["queue"]["position"], 3, "nobody passes");
        caller.delete(&format!("/api/v1/coord/locks/{}", held.id())).await.expect(200)
    };
    let get = async |body: &Value| {
        let lock = caller.post("/api/v1/coord/locks?wait=30", body).await.expect(201);
        caller.delete(&format!("/api/v1/coord/locks/{}", lock.id())).await.expect(200);
        lock
    };
    let (first, second, _) = tokio::join!(get(&first), get(&second), release);
    assert!(first.body["token"] != second.body["token"] && first.body["token"].as_i64() > held.body["token"].as_i64());
    let in_vain = take(&caller, "a", "y").await.expect(201);
    let refused =
        caller.post("/api/v1/coord/locks?wait=1", &json!({"resource": "y", "session_id": "b"})).await.expect(409);
    assert!(refused.body["error"]["details"]["waited_ms"].as_i64() >= Some(1000), "{}", refused.text);
    take(&caller, "b", "z").await.expect(201);
    let waits =
        async { caller.post("/api/v1/coord/locks?wait=30", &json!({"resource": "z", "session_id": "a"})).await };
    let circle = async {
        let details = app.eventually("a waits", async || {
            let refused = take(&caller, "c", "z").await.expect(409);
            (refused.body["error"]["details"]["queue"]["length"] == 2).then_some(())
        });
        details.await;
        let circle = caller.post("/api/v1/coord/locks?wait=30", &json!({"resource": "y", "session_id": "b"})).await;
        caller.delete("/api/v1/coord/sessions/nobody").await.expect(404);
        let held = caller.get("/api/v1/coord/locks?resource=z&state=held").await.expect(200);
        let id = held.body["locks"][0]["id"].as_str().expect("an id").to_owned();
        caller.delete(&format!("/api/v1/coord/locks/{id}")).await.expect(200);
        circle
    };
    let (taken, circle) = tokio::join!(waits, circle);
    assert_eq!(circle.expect(409).code(), "DEADLOCK");
    taken.expect(201);
    drop(in_vain);
    app.stop().await;
}

#[tokio::test]
async fn an_idempotency_key_takes_a_lock_once_also_without_a_token() {
    let app = TestApp::start().await;
    let caller = app.anonymous().with("idempotency-key", "monday");
    let first = take(&caller, "a", "x").await.expect(201);
    app.anonymous().delete(&format!("/api/v1/coord/locks/{}", first.id())).await.expect(200);
    let again = take(&caller, "a", "x").await.expect(201);
    assert_eq!((again.header("idempotent-replayed"), &again.body), ("true", &first.body));
    take(&caller, "b", "x").await.expect(422);
    take(&app.writer().with("idempotency-key", "monday"), "b", "x").await.expect(201);
    take(&caller.clone().with("x-forwarded-for", "192.0.2.1"), "a", "x").await.expect(201);
    app.stop().await;
}

#[tokio::test]
async fn the_network_vouches_for_callers_unless_it_is_told_not_to() {
    let trusted = TestApp::start().await;
    take(&trusted.anonymous(), "a", "x").await.expect(201);
    let bad = trusted.anonymous().with_token("a.b.c");
    assert_eq!(take(&bad, "a", "x").await.expect(401).code(), "UNAUTHORIZED", "a bad token is bad from anywhere");
    assert_eq!(take(&trusted.reader(), "a", "x").await.expect(403).code(), "FORBIDDEN");
    let lock = take(&trusted.writer(), "a", "x").await.expect(200);
    let force = format!("/api/v1/coord/locks/{}?force=true&reason=stuck", lock.id());
    trusted.anonymous().delete(&force).await.expect(401);
    trusted.writer().delete(&force).await.expect(403);
    assert_eq!(trusted.admin().delete(&force).await.expect(200).body, json!({"released": true}));
    let broken = trusted.anonymous().get(&format!("/api/v1/coord/locks/{}", lock.id())).await.expect(200);
    assert_eq!((&broken.body["state"], &broken.body["end_reason"]), (&json!("broken"), &json!("stuck")));
    assert_eq!(trusted.admin().delete(&force).await.expect(200).body, json!({"released": false, "state": "broken"}));
    trusted.stop().await;

    let strict = TestApp::builder().with("COORD_AUTH", "token").start().await;
    take(&strict.anonymous(), "a", "x").await.expect(401);
    take(&strict.caller("jo@example.com", Scope::Write), "a", "x").await.expect(201);
    strict.stop().await;

    let elsewhere = TestApp::builder()
        .with("COORD_TRUSTED_NETWORKS", "10.0.0.0/8")
        .with("TRUSTED_PROXIES", "127.0.0.1")
        .start()
        .await;
    take(&elsewhere.anonymous(), "a", "x").await.expect(401);
    take(&elsewhere.anonymous().with("x-forwarded-for", "192.0.2.1"), "a", "x").await.expect(401);
    take(&elsewhere.anonymous().with("x-forwarded-for", "10.1.2.3"), "a", "x").await.expect(201);
    elsewhere.stop().await;
}

#[tokio::test]
async fn a_caller_that_the_proxy_does_not_tell_of_legibly_is_not_taken_for_the_proxy() {
    let app = TestApp::builder().with("TRUSTED_PROXIES", "127.0.0.1").start().await;
    let behind = |hop: &str| app.anonymous().with("x-forwarded-for", hop);
    for hop in ["unknown", "203.0.113.9:4711", "[2001:db8::1]:4711", "\"[2001:db8::1]\"", "10.1.2.3, ÿ", "10.1.2.3,"] {
        assert_eq!(take(&behind(hop), "a", "x").await.expect(401).code(), "UNAUTHORIZED", "{hop}");
    }
    take(&behind("203.0.113.9, 10.1.2.3:4711"), "a", "x").await.expect(201);
    let unknown = take(&behind("unknown"), "a", "x").await.expect(401).header("x-request-id").to_owned();
    let told = take(&behind("203.0.113.9:4711"), "a", "x").await.expect(401).header("x-request-id").to_owned();
    for (request, address) in [(unknown, json!(null)), (told, json!("203.0.113.9"))] {
        let path = format!("/api/v1/api-audit-logs?request_id={request}");
        let row = async || app.admin().get(&path).await.expect(200).body["api_audit_logs"].as_array()?.first().cloned();
        assert_eq!(app.eventually("the row of the audit log", row).await["client_ip"], address);
    }
    app.stop().await;
}

#[tokio::test]
async fn what_a_trusted_caller_does_is_recorded_without_a_subject() {
    let app = TestApp::start().await;
    let lock = take(&app.anonymous(), "a", "x").await.expect(201);
    let request = lock.header("x-request-id").to_owned();
    let row = app
        .eventually("the row of the audit log", async || {
            let log = app.admin().get("/api/v1/api-audit-logs").await.expect(200);
            let rows = log.body["api_audit_logs"].as_array().cloned().unwrap_or_default();
            rows.into_iter().find(|row| row["request_id"] == request.as_str())
        })
        .await;
    assert_eq!((&row["status"], &row["subject"]), (&json!(201), &Value::Null));
    app.stop().await;
}

#[tokio::test]
async fn a_fence_lets_nothing_older_through() {
    let app = TestApp::start().await;
    let caller = app.anonymous();
    let check = async |resource: &str, token: i64| {
        caller.post("/api/v1/coord/fence/check", &json!({"resource": resource, "token": token})).await
    };
    check("x/y", 7).await.expect(200);
    check("x/y", 7).await.expect(200);
    for near in ["x", "x/y", "x/y/z"] {
        let refused = check(near, 6).await.expect(409);
        assert_eq!((refused.code(), &refused.body["error"]["details"]["max_token"]), ("CONFLICT", &json!(7)), "{near}");
    }
    check("x/z", 1).await.expect(200);
    check("x/z", 0).await.expect(400);
    app.stop().await;
}

#[tokio::test]
async fn locks_are_measured() {
    let app = TestApp::start().await;
    let caller = app.anonymous();
    take(&caller, "a", "x").await.expect(201);
    take(&caller, "b", "x").await.expect(409);
    let text = app
        .eventually("the number of held locks", async || {
            let text = caller.get("/metrics").await.text;
            text.contains("claudetools_locks_held 1").then_some(text)
        })
        .await;
    assert!(text.contains("claudetools_locks_acquired_total 1") && text.contains("claudetools_lock_conflicts_total 1"));
    app.stop().await;
}
