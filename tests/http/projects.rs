//! Projects.

use claudetools_kernel::Clock;
use claudetools_testkit::{Api, TestApp};
use serde_json::{Value, json};

/// The id of a new client.
async fn client(admin: &Api, name: &str) -> String {
    let body = json!({"name": name, "type": "msp_client"});
    admin.post("/api/v1/clients", &body).await.expect(201).id().to_owned()
}

#[tokio::test]
async fn a_project_lives_from_its_plan_to_its_end() {
    let app = TestApp::start().await;
    let (admin, writer) = (app.admin(), app.writer());
    let acme = client(&admin, "Acme Dental").await;

    let body = json!({
        "client_id": acme, "name": " Größe & Umzug ", "category": "Migration", "status": "planned", "priority": "high",
        "started_on": "2026-02-01", "due_date": "2026-02-28", "estimated_hours": 12.5, "hourly_rate": "140",
        "description": "# Why", "notes": "none",
    });
    let made = writer.post("/api/v1/projects", &body).await.expect(201);
    let path = format!("/api/v1/projects/{}", made.id());
    assert_eq!(made.header("location"), path);
    let told = json!({
        "client_name": "Acme Dental", "name": "Größe & Umzug", "slug": "grosse-umzug", "status": "planned", "priority": "high",
        "started_on": "2026-02-01", "due_date": "2026-02-28", "completed_on": null, "estimated_hours": 12.5,
        "hourly_rate": "140.00", "hours_so_far": 0.0, "sessions_count": 0,
    });
    for (field, value) in told.as_object().expect("an object") {
        assert_eq!(&made.body[field], value, "{field}");
    }

    let session = json!({
        "project_id": made.id(), "session_date": "2026-02-03", "session_title": "First boxes",
        "start_time": "2026-02-03T09:00:00Z", "end_time": "2026-02-03T10:30:00Z",
    });
    let session = writer.post("/api/v1/sessions", &session).await.expect(201);
    let read = app.reader().get(&path).await.expect(200);
    assert_eq!((&read.body["hours_so_far"], &read.body["sessions_count"]), (&json!(1.5), &json!(1)));

    let done = writer.put(&path, &json!({"status": "completed", "hourly_rate": null})).await.expect(200);
    assert_eq!(done.body["completed_on"], json!(app.clock.now().date().to_string()), "today unless given");
    assert_eq!((&done.body["hourly_rate"], &done.body["hours_so_far"]), (&Value::Null, &json!(1.5)));
    let reopened = writer.patch(&path, &json!({"status": "on_hold"})).await.expect(200);
    assert_eq!(reopened.body["completed_on"], Value::Null);

    let other = client(&admin, "Zeta").await;
    let refused = writer.put(&path, &json!({"client_id": other})).await.expect(409);
    assert_eq!(refused.body["error"]["details"]["referenced_by"], json!([{"resource_type": "session", "count": 1}]));
    admin.delete(&path).await.expect(409);
    admin.delete(&format!("/api/v1/clients/{acme}")).await.expect(409);
    admin.delete(&format!("/api/v1/sessions/{}", session.id())).await.expect(204);
    let moved = writer.put(&path, &json!({"client_id": other})).await.expect(200);
    assert_eq!(moved.body["client_name"], "Zeta");
    admin.delete(&path).await.expect(204);
    admin.delete(&path).await.expect(404);
}

#[tokio::test]
async fn names_and_slugs_are_unique_within_a_client() {
    let app = TestApp::start().await;
    let (acme, zeta) = (client(&app.admin(), "Acme").await, client(&app.admin(), "Zeta").await);
    let writer = app.writer();
    let make = async |body: Value| writer.post("/api/v1/projects", &body).await;

    let first = make(json!({"client_id": acme, "name": "Office Move"})).await.expect(201);
    make(json!({"client_id": zeta, "name": "Office Move"})).await.expect(201);
    let taken = make(json!({"client_id": acme, "name": "OFFICE MOVE"})).await.expect(409);
    assert_eq!(taken.code(), "DUPLICATE_ENTRY");
    assert_eq!(taken.body["error"]["details"], json!({"field": "name", "existing_id": first.id()}));
    let second = make(json!({"client_id": acme, "name": "Office: move!"})).await.expect(201);
    assert_eq!(second.body["slug"], "office-move-2", "a slug made from the name gives way");
    let third = make(json!({"client_id": acme, "name": "Office/Move"})).await.expect(201);
    assert_eq!(third.body["slug"], "office-move-3");
    let taken = make(json!({"client_id": acme, "name": "Other", "slug": "office-move-2"})).await.expect(409);
    assert_eq!(taken.body["error"]["details"], json!({"field": "slug", "existing_id": second.id()}));

    let path = format!("/api/v1/projects/{}", third.id());
    let same = writer.put(&path, &json!({"name": "office/move", "slug": "office-move-3"})).await.expect(200);
    assert_eq!(same.body["name"], "office/move", "its own name and slug are not taken from it");
    writer.put(&path, &json!({"slug": "office-move"})).await.expect(409);
}

#[tokio::test]
async fn what_makes_no_project_is_refused_and_says_why() {
    let app = TestApp::start().await;
    let acme = client(&app.admin(), "Acme").await;
    let writer = app.writer();
    for (status, body) in [
        (400, json!({"name": "x"})),
        (400, json!({"client_id": acme})),
        (400, json!({"client_id": acme, "name": "x", "slug": "Not A Slug"})),
        (400, json!({"client_id": acme, "name": "x", "slug": null})),
        (400, json!({"client_id": acme, "name": "x", "due_date": "2026-2-1"})),
        (400, json!({"client_id": acme, "name": "x", "priority": "urgent"})),
        (404, json!({"client_id": "01980000-0000-7000-8000-00000000dead", "name": "x"})),
        (422, json!({"client_id": acme, "name": "x", "started_on": "2026-02-02", "due_date": "2026-02-01"})),
        (422, json!({"client_id": acme, "name": "x", "started_on": "2026-02-02", "completed_on": "2026-02-01"})),
    ] {
        let _ = writer.post("/api/v1/projects", &body).await.expect(status);
    }
    let _ = app.reader().post("/api/v1/projects", &json!({"client_id": acme, "name": "x"})).await.expect(403);
    let list = writer.get("/api/v1/projects").await.expect(200);
    assert_eq!(list.body["total"], 0, "nothing was kept");

    let path = format!("/api/v1/projects?client_id={acme}&status=active&q=EXC&sort=-created_at");
    writer.post("/api/v1/projects", &json!({"client_id": acme, "name": "Exchange"})).await.expect(201);
    let list = writer.get(&path).await.expect(200);
    assert_eq!(list.body["projects"][0]["client_name"], "Acme");
    assert_eq!(list.body["total"], 1);
}
