//! Clients: what only they do. The conventions are shown with them in `conventions.rs`.

use claudetools_testkit::TestApp;
use serde_json::{Value, json};

async fn new_client(app: &TestApp, body: &Value) -> String {
    app.admin().post("/api/v1/clients", body).await.expect(201).id().to_owned()
}

#[tokio::test]
async fn a_client_with_history_is_deactivated_rather_than_removed() {
    let app = TestApp::start().await;
    let client = new_client(&app, &json!({"name": "Acme", "type": "msp_client"})).await;
    let project = json!({"client_id": client, "name": "Move"});
    app.writer().post("/api/v1/projects", &project).await.expect(201);
    let session = json!({"client_id": client, "session_date": "2026-01-16", "session_title": "Mail is down"});
    app.writer().post("/api/v1/sessions", &session).await.expect(201);

    let path = format!("/api/v1/clients/{client}");
    let refused = app.admin().delete(&path).await.expect(409);
    assert_eq!(refused.code(), "CONFLICT");
    let referrers = &refused.body["error"]["details"]["referenced_by"];
    assert_eq!(
        referrers,
        &json!([{"resource_type": "project", "count": 1}, {"resource_type": "session", "count": 1}]),
        "the answer names what refers to it"
    );
    let inactive = app.admin().put(&path, &json!({"is_active": false})).await.expect(200);
    assert_eq!(inactive.body["is_active"], false);
    let listed = app.reader().get("/api/v1/clients?is_active=true").await.expect(200);
    assert_eq!(listed.body["total"], 0);
    app.stop().await;
}

#[tokio::test]
async fn the_detail_shows_what_is_going_on_for_the_client() {
    let app = TestApp::start().await;
    let client = new_client(&app, &json!({"name": "Acme", "type": "internal", "hourly_rate": "99"})).await;
    let writer = app.writer();
    for (name, status) in [("Move", "active"), ("Old", "cancelled")] {
        let body = json!({"client_id": client, "name": name, "status": status});
        writer.post("/api/v1/projects", &body).await.expect(201);
    }
    for (title, status) in [("Order switches", "pending"), ("Done already", "completed")] {
        let body = json!({"client_id": client, "title": title, "status": status});
        writer.post("/api/v1/pending-tasks", &body).await.expect(201);
    }
    let detail = app.reader().get(&format!("/api/v1/clients/{client}")).await.expect(200).body;
    let of = |list: &str, field: &str| -> Vec<Value> {
        detail[list].as_array().expect("a list").iter().map(|row| row[field].clone()).collect()
    };
    assert_eq!(of("active_projects", "name"), [json!("Move")]);
    assert_eq!(of("open_tasks", "title"), [json!("Order switches")]);
    assert_eq!(detail["recent_sessions"], json!([]));
    assert_eq!(detail["hourly_rate"], "99.00");
    app.stop().await;
}

#[tokio::test]
async fn clients_are_found_by_type_and_by_ids_kept_for_other_systems() {
    let app = TestApp::start().await;
    let ids = json!({"psa": "4711", "rmm": "a-1"});
    let client = new_client(&app, &json!({"name": "Acme", "type": "project", "external_ids": ids})).await;
    new_client(&app, &json!({"name": "Us", "type": "internal"})).await;
    let found = app.reader().get("/api/v1/clients?type=project").await.expect(200);
    assert_eq!((&found.body["total"], &found.body["clients"][0]["external_ids"]), (&json!(1), &ids));
    let path = format!("/api/v1/clients/{client}");
    let too_long = json!({"external_ids": {"psa": "x".repeat(256)}});
    let refused = app.admin().put(&path, &too_long).await.expect(400);
    assert_eq!(refused.body["error"]["details"]["field"], "external_ids.psa");
    let emptied = app.admin().put(&path, &json!({"external_ids": {}})).await.expect(200);
    assert_eq!(emptied.body["external_ids"], json!({}));
    app.stop().await;
}
