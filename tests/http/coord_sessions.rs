//! Presence over HTTP.

use claudetools_testkit::TestApp;
use serde_json::json;

#[tokio::test]
async fn a_session_is_announced_kept_and_ended_with_its_locks() {
    let app = TestApp::start().await;
    let caller = app.anonymous();
    let body = json!({"machine": "LAPTOP", "host": "laptop.lan", "agent": "coder", "project_key": "clients/acme", "task": "dns", "pid": 7});
    let up = caller.put("/api/v1/coord/sessions/s%2F1", &body).await.expect(201);
    assert_eq!(
        (&up.body["session_id"], &up.body["state"], &up.body["pid"]),
        (&json!("s/1"), &json!("active"), &json!(7))
    );
    assert_eq!(up.header("location"), "/api/v1/coord/sessions/s%2F1");
    let again = caller.put("/api/v1/coord/sessions/s%2F1", &json!({"task": null})).await.expect(200);
    assert_eq!((&again.body["task"], &again.body["host"]), (&json!(null), &json!("laptop.lan")));
    let lock = json!({"resource": "clients/acme/dns", "session_id": "s/1", "ttl_seconds": 60});
    let lock = caller.post("/api/v1/coord/locks", &lock).await.expect(201);
    let beat = caller.put("/api/v1/coord/sessions/s%2F1/heartbeat", &json!({})).await;
    assert_eq!(beat.expect(200).body["renewed_locks"], 1);
    for path in ["?active", "?active=true", "?active&project_key=clients/acme"] {
        let listed = caller.get(&format!("/api/v1/coord/sessions{path}")).await.expect(200);
        assert_eq!(
            (&listed.body["total"], &listed.body["sessions"][0]["session_id"]),
            (&json!(1), &json!("s/1")),
            "{path}"
        );
    }
    caller.get("/api/v1/coord/sessions?active=perhaps").await.expect(400);
    caller.delete("/api/v1/coord/sessions/s%2F1").await.expect(204);
    caller.delete("/api/v1/coord/sessions/s%2F1").await.expect(404);
    caller.put("/api/v1/coord/sessions/s%2F1/heartbeat", &json!({})).await.expect(404);
    let released = caller.get(&format!("/api/v1/coord/locks/{}", lock.id())).await.expect(200);
    assert_eq!(released.body["state"], "released");
    assert_eq!(caller.get("/api/v1/coord/sessions?active=false").await.expect(200).body["total"], 1);
    let back = caller.put("/api/v1/coord/sessions/s%2F1", &json!({})).await.expect(201);
    assert_eq!((&back.body["host"], &back.body["ended_at"]), (&json!(null), &json!(null)));
    caller.put("/api/v1/coord/sessions/a%20b", &json!({})).await.expect(400);
    app.stop().await;
}

#[tokio::test]
async fn a_session_works_on_a_project_that_others_can_name() {
    let app = TestApp::start().await;
    let caller = app.anonymous();
    for key in ["a/b/c", "/a", "a/", "a/../b", ""] {
        let refused = caller.put("/api/v1/coord/sessions/s", &json!({"project_key": key})).await.expect(400);
        assert_eq!(refused.body["error"]["details"]["field"], "project_key", "{key}: {}", refused.text);
    }
    caller.put("/api/v1/coord/sessions/s", &json!({"project_key": "clients/acme"})).await.expect(201);
    caller.put("/api/v1/coord/sessions/s", &json!({"project_key": "a/b/c"})).await.expect(400);
    let cleared = caller.put("/api/v1/coord/sessions/s", &json!({"project_key": null})).await.expect(200);
    assert_eq!(cleared.body["project_key"], json!(null));
    app.stop().await;
}

#[tokio::test]
async fn what_is_looked_for_may_be_written_in_either_form_of_unicode() {
    let app = TestApp::start().await;
    let caller = app.anonymous();
    // `clients/zoë` in one letter and in two; kept in one.
    let (composed, decomposed) = ("clients/zo%C3%AB", "clients/zoe%CC%88");
    let key = "clients/zoe\u{308}";
    caller.put("/api/v1/coord/sessions/s", &json!({"project_key": key})).await.expect(201);
    caller.post("/api/v1/coord/locks", &json!({"resource": key, "session_id": "s"})).await.expect(201);
    let message = json!({"from_session": "s", "to_session": "t", "body": "x", "project_key": key, "thread_id": key});
    caller.post("/api/v1/coord/messages", &message).await.expect(201);
    for form in [composed, decomposed] {
        for path in [
            format!("sessions?project_key={form}"),
            format!("locks?project_key={form}"),
            format!("locks?resource={form}"),
            format!("locks?covering={form}"),
            format!("messages?project_key={form}"),
            format!("messages?thread_id={form}"),
        ] {
            let found = caller.get(&format!("/api/v1/coord/{path}")).await.expect(200);
            assert_eq!(found.body["total"], 1, "{path}: {}", found.text);
        }
        let status = caller.get(&format!("/api/v1/coord/status?project_key={form}")).await.expect(200).body;
        let [project] = &status["projects"].as_array().expect("projects")[..] else { panic!("{form}: {status}") };
        assert_eq!(project["active_locks"].as_array().map(Vec::len), Some(1), "{form}: {status}");
        assert_eq!(project["sessions"].as_array().map(Vec::len), Some(1), "{form}: {status}");
    }
    app.stop().await;
}
