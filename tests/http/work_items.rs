//! Work items.

use claudetools_testkit::TestApp;
use serde_json::{Value, json};

async fn session(app: &TestApp, client: Option<&str>) -> String {
    let body = json!({"session_date": "2026-01-16", "session_title": "Mail is down", "client_id": client});
    app.writer().post("/api/v1/sessions", &body).await.expect(201).id().to_owned()
}

async fn client(app: &TestApp, name: &str) -> String {
    let body = json!({"name": name, "type": "msp_client"});
    app.admin().post("/api/v1/clients", &body).await.expect(201).id().to_owned()
}

#[tokio::test]
async fn the_life_of_a_work_item() {
    let app = TestApp::start().await;
    let writer = app.writer();
    let acme = client(&app, "Acme").await;
    let session = session(&app, Some(&acme)).await;
    let body = json!({
        "session_id": session, "category": "troubleshooting", "title": "Read the logs", "estimated_minutes": 30,
        "affected_systems": ["mx01"], "technologies_used": ["Exchange"], "tags": ["DNS"]
    });
    let made = writer.post("/api/v1/work-items", &body).await.expect(201);
    let path = format!("/api/v1/work-items/{}", made.id());
    assert_eq!(made.header("location"), path);
    let shown = json!({
        "session_title": "Mail is down", "session_date": "2026-01-16", "client_id": acme, "client_name": "Acme",
        "status": "pending", "priority": "medium", "is_billable": true, "estimated_minutes": 30, "actual_minutes": null,
        "affected_systems": ["mx01"], "technologies_used": ["Exchange"], "tags": ["dns"], "completed_at": null
    });
    for (field, value) in shown.as_object().expect("an object") {
        assert_eq!(&made.body[field], value, "{field}");
    }
    let done = writer.put(&path, &json!({"status": "completed", "actual_minutes": 45})).await.expect(200);
    assert!(done.body["completed_at"].is_string(), "{}", done.text);
    assert_eq!(app.reader().get(&path).await.expect(200).body, done.body);
    let again = writer.patch(&path, &json!({"status": "blocked"})).await.expect(200);
    assert_eq!(again.body["completed_at"], json!(null), "reopened");

    let task = json!({"work_item_id": made.id(), "title": "Ask the provider"});
    let task = writer.post("/api/v1/pending-tasks", &task).await.expect(201);
    let refused = app.admin().delete(&path).await.expect(409);
    assert!(refused.text.contains("pending_task"), "{}", refused.text);
    let _ = app.admin().delete(&format!("/api/v1/pending-tasks/{}", task.id())).await.expect(204);
    let _ = writer.delete(&path).await.expect(403);
    let _ = app.admin().delete(&path).await.expect(204);
    let _ = app.reader().get(&path).await.expect(404);
    app.stop().await;
}

#[tokio::test]
async fn every_fault_of_a_work_item_is_told() {
    let app = TestApp::start().await;
    let writer = app.writer();
    let session = session(&app, None).await;
    let fields = |refused: &Value| -> Vec<String> {
        let faults = refused["error"]["details"]["fields"].as_array().cloned().unwrap_or_default();
        faults.iter().filter_map(|fault| fault["field"].as_str().map(str::to_owned)).collect()
    };
    let refused = writer.post("/api/v1/work-items", &json!({})).await.expect(400);
    assert_eq!(fields(&refused.body), ["session_id", "category", "title"]);
    let body = json!({
        "session_id": session, "category": "other", "title": " ", "actual_minutes": 100_001, "affected_systems": ["a\nb"]
    });
    let refused = writer.post("/api/v1/work-items", &body).await.expect(400);
    assert_eq!(fields(&refused.body), ["title", "actual_minutes", "affected_systems[0]"]);
    let nowhere = "01989f5e-3f8a-7c52-9f3b-5a1f0c2d4e6f";
    let body = json!({"session_id": nowhere, "category": "other", "title": "x"});
    let refused = writer.post("/api/v1/work-items", &body).await.expect(404);
    assert_eq!(refused.body["error"]["details"], json!({"resource_type": "session", "resource_id": nowhere}));
    app.stop().await;
}

#[tokio::test]
async fn every_filter_narrows_the_list_and_the_sessions_client_and_day_are_followed() {
    let app = TestApp::start().await;
    let writer = app.writer();
    let (acme, globex) = (client(&app, "Acme").await, client(&app, "Globex").await);
    let (of_acme, of_nobody) = (session(&app, Some(&acme)).await, session(&app, None).await);
    let body = json!({
        "session_id": of_acme, "category": "security", "title": "Patch", "status": "blocked", "priority": "high",
        "is_billable": false, "description": "100% done"
    });
    let one = writer.post("/api/v1/work-items", &body).await.expect(201);
    let body = json!({"session_id": of_nobody, "category": "other", "title": "Tidy up"});
    let _ = writer.post("/api/v1/work-items", &body).await.expect(201);
    let moved = json!({"session_date": "2026-01-20"});
    let _ = writer.put(&format!("/api/v1/sessions/{of_acme}"), &moved).await.expect(200);
    for query in [
        &*format!("session_id={of_acme}"),
        &*format!("client_id={acme}"),
        "category=security",
        "status=blocked",
        "priority=high",
        "is_billable=false",
        "date_from=2026-01-17",
        "date_from=2026-01-20&date_to=2026-01-20",
        "q=100%25",
    ] {
        let page = app.reader().get(&format!("/api/v1/work-items?{query}")).await.expect(200);
        assert_eq!(page.body["total"], 1, "{query}");
        assert_eq!(page.body["work_items"][0]["id"], json!(one.id()), "{query}");
    }
    let _ = writer.put(&format!("/api/v1/sessions/{of_acme}"), &json!({"client_id": globex})).await.expect(200);
    let page = app.reader().get(&format!("/api/v1/work-items?client_id={globex}")).await.expect(200);
    let row = &page.body["work_items"][0];
    assert_eq!((&row["session_title"], &row["client_name"]), (&json!("Mail is down"), &json!("Globex")));
    for (query, status) in
        [("date_from=2026-02-02&date_to=2026-02-01", 422), ("priority=urgent", 400), ("sort=status", 400)]
    {
        let _ = app.reader().get(&format!("/api/v1/work-items?{query}")).await.expect(status);
    }
    app.stop().await;
}
