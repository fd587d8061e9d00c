//! What is told of a client besides its own fields: the context of its work, and its detail.

use claudetools_kernel::{Clock, Timestamp};
use claudetools_testkit::TestApp;
use serde_json::{Value, json};

fn day(app: &TestApp, from_today: i64) -> String {
    let micros = app.clock.now().micros() + from_today * 86_400_000_000;
    Timestamp::from_micros(micros).expect("an instant of our century").date().to_string()
}

fn all<'a>(rows: &'a Value, field: &str) -> Vec<&'a str> {
    rows.as_array().expect("rows").iter().map(|row| row[field].as_str().expect("a text")).collect()
}

/// A client with some work; the id of it.
async fn worked_for(app: &TestApp) -> String {
    let writer = app.writer();
    let acme = app.admin().post("/api/v1/clients", &json!({"name": "Acme", "type": "msp_client"})).await.expect(201);
    assert_eq!(acme.body["open_tasks"], json!([]));
    let client = acme.id();
    for (name, status) in [("Office", "active"), ("Backup", "active"), ("Old", "completed")] {
        let body = json!({"client_id": client, "name": name, "status": status});
        let _ = writer.post("/api/v1/projects", &body).await.expect(201);
    }
    for (title, days) in [("long ago", -31), ("a month ago", -30), ("today", 0)] {
        let body = json!({"client_id": client, "session_title": title, "session_date": day(app, days)});
        let session = writer.post("/api/v1/sessions", &body).await.expect(201);
        for (status, category) in [("deferred", "security"), ("completed", "other")] {
            let title = format!("{title}, {status}");
            let item = json!({"session_id": session.id(), "category": category, "title": title, "status": status});
            let _ = writer.post("/api/v1/work-items", &item).await.expect(201);
        }
    }
    for (title, priority, status, due) in [
        ("some time", "low", "pending", None),
        ("urgent", "critical", "blocked", None),
        ("late", "low", "in_progress", Some(-1)),
        ("done", "critical", "completed", Some(-1)),
    ] {
        let due_date = due.map(|due| day(app, due));
        let body =
            json!({"client_id": client, "title": title, "priority": priority, "status": status, "due_date": due_date});
        let _ = writer.post("/api/v1/tasks", &body).await.expect(201);
    }
    // Somebody else's, which nothing below may show.
    let _ = writer.post("/api/v1/tasks", &json!({"title": "elsewhere"})).await.expect(201);
    client.to_owned()
}

#[tokio::test]
async fn the_context_of_a_client_s_work_is_told_in_one_call() {
    let app = TestApp::start().await;
    let client = worked_for(&app).await;
    let reader = app.reader();
    let told = reader.get(&format!("/api/v1/context/recover?client_id={client}&limit=2")).await.expect(200);
    assert_eq!(told.body["client"]["name"], "Acme");
    assert_eq!(all(&told.body["last_sessions"], "session_title"), ["today", "a month ago"]);
    assert_eq!(all(&told.body["open_tasks"], "title"), ["late", "urgent", "some time"]);
    let items = ["today, deferred", "a month ago, deferred", "long ago, deferred"];
    assert_eq!(all(&told.body["open_work_items"], "title"), items);
    let told = reader.get(&format!("/api/v1/context/recover?client_id={client}")).await.expect(200);
    assert_eq!(told.body["last_sessions"].as_array().map(Vec::len), Some(3), "five unless the caller says otherwise");
}

#[tokio::test]
async fn the_context_is_of_one_known_client() {
    let app = TestApp::start().await;
    let reader = app.reader();
    let unknown = "01980000-0000-7000-8000-00000000dead";
    for (status, query) in [
        (404, format!("client_id={unknown}")),
        (400, String::new()),
        (400, format!("client_id={unknown}&limit=0")),
        (400, format!("client_id={unknown}&limit=51")),
        (400, format!("client_id={unknown}&limit=x")),
        (400, "client_id=acme".to_owned()),
        (400, format!("client_id={unknown}&depth=1")),
    ] {
        let _ = reader.get(&format!("/api/v1/context/recover?{query}")).await.expect(status);
    }
    let missing = reader.get("/api/v1/context/recover").await;
    assert_eq!(missing.body["error"]["details"], json!({"field": "client_id", "constraint": "required"}));
}

#[tokio::test]
async fn a_client_s_detail_shows_what_is_going_on() {
    let app = TestApp::start().await;
    let client = worked_for(&app).await;
    let path = format!("/api/v1/clients/{client}");
    let read = app.reader().get(&path).await.expect(200);
    assert_eq!(all(&read.body["active_projects"], "slug"), ["backup", "office"]);
    assert_eq!(all(&read.body["recent_sessions"], "session_title"), ["today", "a month ago"], "thirty days back");
    assert_eq!(all(&read.body["open_tasks"], "title"), ["late", "urgent", "some time"]);
    let changed = app.admin().put(&path, &json!({"notes": "new"})).await.expect(200);
    assert_eq!(changed.body["open_tasks"], read.body["open_tasks"], "a change answers with the whole");
}
