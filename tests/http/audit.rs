//! The API audit log: who called what.

use claudetools_testkit::{ADMIN_EMAIL, ADMIN_PASSWORD, TestApp, admit_audit_of_creates, refuse_audit_of_creates};
use serde_json::{Value, json};

const LOG: &str = "/api/v1/api-audit-logs";

async fn rows(app: &TestApp, query: &str) -> Vec<Value> {
    let answer = app.admin().get(&format!("{LOG}?{query}")).await.expect(200);
    answer.body["api_audit_logs"].as_array().cloned().unwrap_or_default()
}

#[tokio::test]
async fn a_writes_row_is_there_as_soon_as_the_write_is_answered() {
    let app = TestApp::start().await;
    let caller = app.admin().with("x-request-id", "write-1").with("user-agent", "audit-test/1");
    let made = caller.post("/api/v1/clients", &json!({"name": "Acme", "type": "internal"})).await.expect(201);
    let found = rows(&app, "request_id=write-1").await;
    assert_eq!(found.len(), 1, "{found:?}");
    let row = &found[0];
    assert_eq!(
        (
            &row["subject"],
            &row["method"],
            &row["route"],
            &row["path"],
            &row["status"],
            &row["client_ip"],
            &row["user_agent"]
        ),
        (
            &json!(ADMIN_EMAIL),
            &json!("POST"),
            &json!("/api/v1/clients"),
            &json!("/api/v1/clients"),
            &json!(201),
            &json!("127.0.0.1"),
            &json!("audit-test/1")
        )
    );
    assert!(row["duration_ms"].is_number(), "{row}");
    let path = format!("/api/v1/clients/{}", made.id());
    let _ = app.admin().with("x-request-id", "write-2").put(&path, &json!({"notes": "x"})).await.expect(200);
    assert_eq!(rows(&app, "request_id=write-2").await[0]["route"], "/api/v1/clients/{id}");
    app.stop().await;
}

#[tokio::test]
async fn a_change_whose_audit_row_cannot_be_written_does_not_happen() {
    let app = TestApp::start().await;
    let store = &app.running().assembly.store;
    refuse_audit_of_creates(store).await;
    let refused = app.admin().post("/api/v1/clients", &json!({"name": "Acme", "type": "internal"})).await;
    assert!(refused.status >= 500, "{}", refused.text);
    admit_audit_of_creates(store).await;
    assert_eq!(app.admin().get("/api/v1/clients").await.body["total"], 0);
    app.stop().await;
}

#[tokio::test]
async fn reads_and_refusals_come_in_batches_and_probes_not_at_all() {
    let app = TestApp::start().await;
    let tagged = |id: &str| app.reader().with("x-request-id", id);
    let _ = tagged("read-1").get("/api/v1/clients").await.expect(200);
    let _ = tagged("refused-1").post("/api/v1/clients", &json!({})).await.expect(403);
    let _ = app.anonymous().with("x-request-id", "nobody-1").get("/api/v1/clients").await.expect(401);
    let _ = tagged("lost-1").get("/api/v1/nowhere").await.expect(404);
    let credential = json!({"service_name": "Firewall", "credential_type": "password", "password": "correct-horse"});
    let credential = app.admin().post("/api/v1/credentials", &credential).await.expect(201).body;
    let secret = format!("/api/v1/credentials/{}/decrypt", credential["id"].as_str().unwrap());
    let _ = tagged("secret-1").get(&secret).await.expect(200);
    for path in
        ["/health", "/healthz", "/readyz", "/metrics", "/docs/", "/openapi.json", "/api/v1/health", "/api/v1/metrics"]
    {
        let _ = tagged("probe-1").get(path).await;
    }
    for (id, status, subject) in [
        ("read-1", 200, json!("reader@claudetools.test")),
        ("secret-1", 200, json!("reader@claudetools.test")),
        ("refused-1", 403, json!("reader@claudetools.test")),
        ("nobody-1", 401, Value::Null),
        ("lost-1", 404, Value::Null),
    ] {
        let query = format!("request_id={id}");
        let found = app.eventually(id, async || Some(rows(&app, &query).await).filter(|rows| !rows.is_empty())).await;
        let [row] = found.as_slice() else { panic!("{id} has {found:?}") };
        assert_eq!((&row["status"], &row["subject"]), (&json!(status), &subject), "{row}");
    }
    assert_eq!(rows(&app, "request_id=probe-1").await, Vec::<Value>::new());
    app.stop().await;
}

#[tokio::test]
async fn rows_that_wait_are_written_at_shut_down() {
    let mut app = TestApp::start().await;
    let _ = app.reader().with("x-request-id", "last-1").get("/api/v1/clients").await.expect(200);
    app.restart().await;
    assert_eq!(rows(&app, "request_id=last-1").await.len(), 1);
    app.stop().await;
}

#[tokio::test]
async fn a_failed_log_in_is_logged_without_its_password() {
    let app = TestApp::start().await;
    let caller = app.anonymous().with("x-request-id", "wrong-1");
    let body = json!({"email": ADMIN_EMAIL, "password": "hunter2-hunter2"});
    let _ = caller.post("/api/v1/auth/token", &body).await.expect(401);
    let found = rows(&app, "request_id=wrong-1").await;
    assert_eq!(found[0]["status"], 401, "{found:?}");
    let _ = app.log_in().await;
    let everything = app.admin().get(&format!("{LOG}?limit=200")).await.expect(200).text;
    assert!(!everything.contains("hunter2") && !everything.contains(ADMIN_PASSWORD), "{everything}");
    app.stop().await;
}

#[tokio::test]
async fn rows_are_found_by_every_filter_of_the_contract() {
    let app = TestApp::start().await;
    for n in 0..3 {
        let _ = app
            .admin()
            .post("/api/v1/clients", &json!({"name": format!("C{n}"), "type": "internal"}))
            .await
            .expect(201);
    }
    let missing = "01980000-0000-7000-8000-00000000dead";
    let _ = app.admin().put(&format!("/api/v1/clients/{missing}"), &json!({})).await.expect(404);
    app.eventually("the refusal's row", async || rows(&app, "status=404").await.into_iter().next()).await;
    for (query, expected) in [
        ("status=201", 3),
        ("status=404", 1),
        ("route=/api/v1/clients/{id}", 1),
        ("subject=admin@claudetools.test&status=201", 3),
        ("subject=nobody@claudetools.test", 0),
        ("date_from=2020-01-01&status=201", 3),
        ("date_to=2020-01-01", 0),
        ("parent_session=01980000-0000-7000-8000-00000000dead", 0),
    ] {
        assert_eq!(rows(&app, query).await.len(), expected, "{query}");
    }
    let _ = app.writer().get(LOG).await.expect(403);
    app.stop().await;
}
