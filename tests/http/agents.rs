//! Agent tokens and runs.

use claudetools_testkit::{Answer, Api, TestApp};
use serde_json::{Value, json};

async fn session(app: &TestApp) -> (String, String) {
    let client = app.admin().post("/api/v1/clients", &json!({"name": "Acme", "type": "msp_client"})).await.expect(201);
    let body = json!({"client_id": client.id(), "session_date": "2026-01-16", "session_title": "Mail is down"});
    let session = app.writer().post("/api/v1/sessions", &body).await.expect(201);
    (client.id().to_owned(), session.id().to_owned())
}

async fn start(caller: &Api, session: &str, more: Value) -> Answer {
    let mut body = json!({"session_id": session});
    body.as_object_mut().expect("a body").extend(more.as_object().expect("more").clone());
    caller.post("/api/v1/agents/context-recovery", &body).await
}

#[tokio::test]
async fn a_run_gets_a_token_that_says_whom_it_works_for() {
    let app = TestApp::start().await;
    let (_, session) = session(&app).await;
    let run = start(&app.writer(), &session, json!({"ttl_seconds": 60})).await.expect(201);
    assert_eq!(run.header("cache-control"), "no-store");
    assert_eq!(
        (&run.body["agent_type"], &run.body["expires_in"], &run.body["scopes"], &run.body["parent_session"]),
        (&json!("context_recovery"), &json!(60), &json!(["msp:read"]), &json!(session))
    );
    let agent = app.anonymous().with_token(run.body["access_token"].as_str().expect("a token"));
    let me = agent.get("/api/v1/auth/me").await.expect(200);
    assert_eq!(
        (&me.body["subject"], &me.body["agent_type"], &me.body["parent_session"]),
        (&json!("agent:context-recovery"), &json!("context_recovery"), &json!(session))
    );
    let _ = agent.post("/api/v1/sessions", &json!({})).await.expect(403);
    app.clock.advance(61);
    let _ = agent.get("/api/v1/auth/me").await.expect(401);
    app.stop().await;
}

#[tokio::test]
async fn an_agent_never_gets_more_than_its_parent_and_never_admin() {
    let app = TestApp::start().await;
    let (_, session) = session(&app).await;
    let _ = start(&app.writer(), &session, json!({"scopes": ["msp:write"]})).await.expect(201);
    let more = start(&app.reader(), &session, json!({"scopes": ["msp:write"]})).await;
    assert!(matches!(more.status, 403), "{}", more.text);
    let admin = start(&app.admin(), &session, json!({"scopes": ["msp:admin"]})).await;
    assert!(matches!(admin.status, 400 | 403 | 422), "{}", admin.text);
    let _ = start(&app.writer(), &session, json!({"ttl_seconds": 3601})).await.expect(400);
    let _ = start(&app.writer(), "01980000-0000-7000-8000-00000000dead", json!({})).await.expect(404);
    for reserved in ["heartbeat", "stream"] {
        let answer = app.writer().post(&format!("/api/v1/agents/{reserved}"), &json!({"session_id": session})).await;
        assert!(matches!(answer.status, 400 | 404 | 405), "{reserved}: {}", answer.text);
    }
    app.stop().await;
}

#[tokio::test]
async fn the_same_question_within_ten_minutes_gets_the_earlier_result() {
    let app = TestApp::start().await;
    let (_, session) = session(&app).await;
    let question = json!({"input": {"q": "what happened", "n": 1}});
    let run = start(&app.writer(), &session, question.clone()).await.expect(201);
    let again = start(&app.writer(), &session, question.clone()).await.expect(201);
    assert_ne!(run.id(), again.id(), "nothing is finished yet");
    let path = format!("/api/v1/agent-runs/{}", run.id());
    let finished = app.writer().put(&path, &json!({"status": "completed", "result": {"answer": 42}})).await.expect(200);
    assert_eq!(finished.body["result"], json!({"answer": 42}));
    assert!(finished.body["duration_ms"].is_number(), "{}", finished.text);
    assert_eq!(app.writer().put(&path, &json!({"status": "failed"})).await.expect(409).code(), "CONFLICT");

    let reordered = json!({"input": {"n": 1, "q": "what happened"}});
    let cached = start(&app.writer(), &session, reordered.clone()).await.expect(200);
    assert_eq!((&cached.body["cached"], &cached.body["result"]), (&json!(true), &json!({"answer": 42})));
    assert!(cached.body.get("access_token").is_none_or(Value::is_null), "{}", cached.text);
    let mut fresh = reordered.clone();
    fresh["session_id"] = json!(session);
    let _ = app.writer().post("/api/v1/agents/context-recovery?fresh=true", &fresh).await.expect(201);
    let _ = start(&app.writer(), &session, json!({"input": "something else"})).await.expect(201);
    app.clock.advance(601);
    let _ = start(&app.writer(), &session, reordered).await.expect(201);
    app.stop().await;
}

#[tokio::test]
async fn an_agents_calls_are_counted_and_stand_in_the_audit_log_with_their_parent_session() {
    let app = TestApp::start().await;
    let (_, session) = session(&app).await;
    let run = start(&app.writer(), &session, json!({})).await.expect(201);
    let agent = app.anonymous().with_token(run.body["access_token"].as_str().expect("a token"));
    for _ in 0..3 {
        let _ = agent.get("/api/v1/clients").await.expect(200);
    }
    let path = format!("/api/v1/agent-runs/{}", run.id());
    app.eventually("the count", async || {
        let read = app.reader().get(&path).await.expect(200);
        (read.body["request_count"] == 3).then_some(())
    })
    .await;
    let log = format!("/api/v1/api-audit-logs?parent_session={session}");
    let rows = app
        .eventually("the rows", async || {
            let rows = app.admin().get(&log).await.expect(200).body;
            (rows["total"] == 3).then_some(rows)
        })
        .await;
    let row = &rows["api_audit_logs"][0];
    assert_eq!((&row["subject"], &row["agent_type"]), (&json!("agent:context-recovery"), &json!("context_recovery")));

    for (query, expected) in [
        (format!("session_id={session}"), 1),
        ("agent_type=context_recovery".to_owned(), 1),
        ("agent_type=other".to_owned(), 0),
        ("status=running".to_owned(), 1),
        ("status=completed".to_owned(), 0),
    ] {
        let runs = app.reader().get(&format!("/api/v1/agent-runs?{query}")).await.expect(200);
        assert_eq!(runs.body["total"], expected, "{query}: {}", runs.text);
        assert!(!runs.text.contains("access_token"), "{}", runs.text);
    }
    app.stop().await;
}
