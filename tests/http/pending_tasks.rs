//! Pending tasks, under both paths.

use claudetools_kernel::{Clock, Timestamp};
use claudetools_testkit::{Answer, Api, TestApp};
use serde_json::{Value, json};

/// The calendar day so many days from today.
fn day(app: &TestApp, from_today: i64) -> String {
    let micros = app.clock.now().micros() + from_today * 86_400_000_000;
    Timestamp::from_micros(micros).expect("an instant of our century").date().to_string()
}

async fn make(api: &Api, body: &Value) -> Answer {
    api.post("/api/v1/pending-tasks", body).await.expect(201)
}

async fn titled(api: &Api, title: &str) -> String {
    make(api, &json!({"title": title})).await.id().to_owned()
}

#[tokio::test]
async fn a_task_lives_from_its_note_to_its_end() {
    let app = TestApp::start().await;
    let (admin, writer) = (app.admin(), app.writer());
    let acme = admin.post("/api/v1/clients", &json!({"name": "Acme", "type": "internal"})).await.expect(201);
    let zeta = admin.post("/api/v1/clients", &json!({"name": "Zeta", "type": "internal"})).await.expect(201);
    let office = json!({"client_id": acme.id(), "name": "Office"});
    let office = writer.post("/api/v1/projects", &office).await.expect(201);

    let body = json!({
        "project_id": office.id(), "title": " Order switches ", "priority": "high", "blocked_by": "the offer",
        "assigned_to": "Jo", "due_date": day(&app, -1),
    });
    let made = make(&writer, &body).await;
    assert_eq!(made.body["client_id"], acme.body["id"], "the project's client");
    assert_eq!((&made.body["client_name"], &made.body["project_name"]), (&json!("Acme"), &json!("Office")));
    assert_eq!((&made.body["title"], &made.body["status"]), (&json!("Order switches"), &json!("pending")));
    assert_eq!(made.body["depends_on"], json!([]));
    let path = format!("/api/v1/pending-tasks/{}", made.id());
    assert_eq!(made.header("location"), path);

    let wrong = writer.put(&path, &json!({"client_id": zeta.id()})).await.expect(422);
    assert_eq!(wrong.body["error"]["details"], json!({"field": "project_id", "constraint": "client"}));
    for field in ["client_id", "project_id", "work_item_id", "parent_task_id"] {
        let _ = writer.put(&path, &json!({field: "01980000-0000-7000-8000-00000000dead"})).await.expect(404);
    }

    let overdue = app.reader().get("/api/v1/pending-tasks?overdue=true&assigned_to=JO").await.expect(200);
    assert_eq!(overdue.body["pending_tasks"][0]["blocked_by"], "the offer");
    assert_eq!(overdue.body["pending_tasks"][0]["client_name"], "Acme");
    let today = format!("/api/v1/pending-tasks?due_before={}", day(&app, -1));
    assert_eq!(app.reader().get(&today).await.expect(200).body["total"], 0, "the day itself is not before it");

    let done = writer.put(&path, &json!({"status": "completed", "blocked_by": null})).await.expect(200);
    assert!(done.body["completed_at"].is_string());
    assert_eq!(app.reader().get("/api/v1/pending-tasks?overdue=true").await.expect(200).body["total"], 0);
    let reopened = writer.put(&path, &json!({"status": "in_progress"})).await.expect(200);
    assert_eq!(reopened.body["completed_at"], Value::Null);
    let _ = app.writer().delete(&path).await.expect(403);
    let _ = admin.delete(&path).await.expect(204);
    let _ = admin.get(&path).await.expect(404);
}

#[tokio::test]
async fn both_paths_lead_to_the_same_tasks() {
    let app = TestApp::start().await;
    let made = app.writer().post("/api/v1/tasks", &json!({"title": "Order"})).await.expect(201);
    assert_eq!(made.header("location"), format!("/api/v1/tasks/{}", made.id()));
    let long = app.reader().get("/api/v1/pending-tasks").await.expect(200);
    let short = app.reader().get("/api/v1/tasks").await.expect(200);
    assert_eq!(long.body["pending_tasks"], short.body["tasks"]);
    assert_eq!(short.body["total"], 1);
    let path = format!("/tasks/{}", made.id());
    let changed = app.writer().patch(&format!("/api/v1{path}"), &json!({"priority": "low"})).await.expect(200);
    let read = app.reader().get(&format!("/api/v1/pending-tasks/{}", made.id())).await.expect(200);
    assert_eq!((read.body, read.headers["etag"].clone()), (changed.body, changed.headers["etag"].clone()));
    let _ = app.admin().delete(&format!("/api{path}")).await.expect(204);
}

#[tokio::test]
async fn no_task_is_a_part_of_itself_or_waits_for_itself() {
    let app = TestApp::start().await;
    let writer = app.writer();
    let (a, b, c) = (titled(&writer, "a").await, titled(&writer, "b").await, titled(&writer, "c").await);
    let put = async |id: &str, body: Value| writer.put(&format!("/api/v1/tasks/{id}"), &body).await;

    let mut ids = [b.clone(), c.clone()];
    ids.sort_unstable();
    let linked = put(&a, json!({"depends_on": [c, b, c], "parent_task_id": b})).await.expect(200);
    assert_eq!(linked.body["depends_on"], json!(ids), "repeats count once");
    let _ = put(&b, json!({"depends_on": [c], "parent_task_id": c})).await.expect(200);
    for (id, body) in [
        (&c, json!({"depends_on": [a]})),
        (&c, json!({"parent_task_id": a})),
        (&c, json!({"depends_on": [c]})),
        (&c, json!({"parent_task_id": c})),
    ] {
        assert_eq!(put(id, body).await.expect(409).code(), "CONFLICT");
    }
    let kept = put(&a, json!({"title": "A"})).await.expect(200);
    assert_eq!(kept.body["depends_on"], json!(ids), "what is not named stays");
    let unknown = put(&a, json!({"depends_on": ["01980000-0000-7000-8000-00000000dead"]})).await.expect(404);
    assert_eq!(unknown.body["error"]["details"]["resource_type"], "pending_task");

    let held = app.admin().delete(&format!("/api/v1/tasks/{c}")).await.expect(409);
    assert_eq!(held.body["error"]["details"]["referenced_by"], json!([{"resource_type": "pending_task", "count": 2}]));
    let _ = app.admin().delete(&format!("/api/v1/tasks/{a}")).await.expect(204);
    let _ = put(&c, json!({"depends_on": []})).await.expect(200);
}

#[tokio::test]
async fn two_changes_at_once_close_no_circle() {
    let app = TestApp::start().await;
    let writer = app.writer();
    for _ in 0..10 {
        let (a, b) = (titled(&writer, "a").await, titled(&writer, "b").await);
        let link = async |from: &str, to: &str| {
            writer.put(&format!("/api/v1/tasks/{from}"), &json!({"depends_on": [to]})).await.status
        };
        let (one, other) = tokio::join!(link(&a, &b), link(&b, &a));
        let mut outcome = [one, other];
        outcome.sort_unstable();
        assert_eq!(outcome, [200, 409], "one of them comes second and sees the first");
    }
}
