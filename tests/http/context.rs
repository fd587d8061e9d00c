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

async fn made(app: &TestApp, path: &str, body: Value) -> String {
    let path = format!("/api/v1/{path}");
    app.admin().post(&path, &body).await.expect(201).id().to_owned()
}

#[tokio::test]
async fn the_context_has_what_else_is_known_of_the_client() {
    let app = TestApp::start().await;
    let acme = made(&app, "clients", json!({"name": "Acme Dental", "type": "msp_client"})).await;
    let globex = made(&app, "clients", json!({"name": "Globex", "type": "msp_client"})).await;
    let asset = json!({"client_id": acme, "hostname": "DC01", "asset_type": "physical_server", "shell_type": "bash",
        "limitations": ["no_native_wins_service"]});
    let dc = made(&app, "infrastructure", asset).await;
    let other = json!({"client_id": acme, "hostname": "FS01", "asset_type": "nas_storage"});
    made(&app, "infrastructure", other).await;
    for (place, title, priority) in [
        (json!({"client_id": acme}), "Ask Jo", 3),
        (json!({"infrastructure_id": dc}), "No sudo", 9),
        (json!({"client_id": globex}), "Somebody else's", 10),
    ] {
        let mut insight = json!({"category": "permissions", "title": title, "description": "d", "priority": priority});
        insight.as_object_mut().expect("an object").extend(place.as_object().expect("an object").clone());
        made(&app, "environmental-insights", insight).await;
    }
    for (client, command, error) in [
        (&acme, "first", Some("Permission denied")),
        (&acme, "second", None),
        (&acme, "third", Some("No space left on device")),
        (&globex, "fourth", Some("Permission denied")),
    ] {
        let session = json!({"client_id": client, "session_title": "x", "session_date": day(&app, 0)});
        let session = made(&app, "sessions", session).await;
        let run =
            json!({"session_id": session, "command_text": command, "success": error.is_none(), "error_message": error});
        made(&app, "commands", run).await;
        app.clock.advance(1);
    }
    for (session, path) in [
        ("a", "clients/acme-dental/dns".to_owned()),
        ("b", format!("clients/{acme}")),
        ("c", "clients/globex".to_owned()),
    ] {
        made(&app, "coord/locks", json!({"session_id": session, "resource": path})).await;
    }
    for (to, about) in [
        (json!({"to_session": "b"}), "clients/acme-dental"),
        (json!({"to_project": "clients/acme-dental"}), "clients/acme-dental"),
        (json!({"to_session": "b"}), "clients/globex"),
    ] {
        let mut message = json!({"from_session": "a", "body": to.to_string(), "project_key": about});
        message.as_object_mut().expect("an object").extend(to.as_object().expect("an object").clone());
        made(&app, "coord/messages", message).await;
    }

    let recover = async || {
        let told = app.reader().get(&format!("/api/v1/context/recover?client_id={acme}")).await;
        told.expect(200).body
    };
    let told = recover().await;
    assert_eq!(told["project_keys"], json!(["clients/acme-dental", format!("clients/{acme}")]));
    let [dc01, fs01] = [0, 1].map(|at| told["infrastructure"][at].clone());
    assert_eq!((&dc01["hostname"], &dc01["limitations"]), (&json!("DC01"), &json!(["no_native_wins_service"])));
    assert_eq!(all(&dc01["insights"], "title"), ["No sudo", "Ask Jo"], "the highest priority first");
    assert_eq!(all(&fs01["insights"], "title"), ["Ask Jo"]);
    assert_eq!(all(&told["recent_failures"], "command_text"), ["third", "first"], "the latest first");
    let mut locks = all(&told["active_locks"], "resource");
    locks.sort_unstable();
    let by_id = format!("clients/{acme}");
    let mut expected = ["clients/acme-dental/dns", by_id.as_str()];
    expected.sort_unstable();
    assert_eq!(locks, expected);
    let project = json!({"to_project": "clients/acme-dental"}).to_string();
    let session = json!({"to_session": "b"}).to_string();
    assert_eq!(all(&told["unread_messages"], "body"), [project.as_str(), session.as_str()], "the latest first");

    let read = told["unread_messages"][1]["id"].as_str().expect("an id").to_owned();
    app.writer().put(&format!("/api/v1/coord/messages/{read}/read"), &json!({})).await.expect(200);
    let lock = told["active_locks"][0]["id"].as_str().expect("an id").to_owned();
    app.writer().delete(&format!("/api/v1/coord/locks/{lock}")).await.expect(200);
    let told = recover().await;
    assert_eq!(all(&told["unread_messages"], "body"), [project.as_str()], "the other has been read");
    assert_eq!(told["active_locks"].as_array().map(Vec::len), Some(1), "the other has been released");
    app.stop().await;
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
