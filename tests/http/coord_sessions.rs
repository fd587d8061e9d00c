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
