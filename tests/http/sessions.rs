//! Sessions.

use claudetools_testkit::{Answer, Api, TestApp};
use serde_json::{Value, json};

async fn client(app: &TestApp, name: &str, more: Value) -> String {
    let mut body = json!({"name": name, "type": "msp_client"});
    merge(&mut body, more);
    app.admin().post("/api/v1/clients", &body).await.expect(201).id().to_owned()
}

async fn project(app: &TestApp, client: &str, name: &str) -> String {
    let body = json!({"client_id": client, "name": name});
    app.writer().post("/api/v1/projects", &body).await.expect(201).id().to_owned()
}

fn merge(body: &mut Value, more: Value) {
    let more = more.as_object().expect("an object").clone();
    body.as_object_mut().expect("an object").extend(more);
}

fn body(more: Value) -> Value {
    let mut body = json!({"session_date": "2026-01-16", "session_title": "Mail is down"});
    merge(&mut body, more);
    body
}

async fn create(caller: &Api, more: Value) -> Answer {
    caller.post("/api/v1/sessions", &body(more)).await
}

fn path(session: &Answer) -> String {
    format!("/api/v1/sessions/{}", session.id())
}

#[tokio::test]
async fn the_life_of_a_session() {
    let app = TestApp::start().await;
    let (writer, reader) = (app.writer(), app.reader());
    let acme = client(&app, "Acme", json!({})).await;
    let project = project(&app, &acme, "Move").await;
    let machine = json!({"hostname": "ws-01", "machine_fingerprint": "ab".repeat(32), "platform": "linux"});
    let machine = writer.post("/api/v1/machines", &machine).await.expect(201);
    let made = create(
        &writer,
        json!({
            "client_id": acme, "project_id": project, "machine_id": machine.id(), "start_time": "2026-01-16T10:00:00+02:00",
            "summary": "# Mail", "tags": ["exchange", "DNS"], "technologies_used": ["PowerShell", "Exchange"]
        }),
    )
    .await
    .expect(201);
    assert_eq!(made.header("location"), path(&made));
    let shown = json!({
        "client_name": "Acme", "project_name": "Move", "machine_hostname": "ws-01", "status": "in_progress", "is_billable": true,
        "start_time": "2026-01-16T08:00:00Z", "end_time": null, "duration_minutes": null, "billable_hours": null,
        "tags": ["dns", "exchange"], "technologies_used": ["PowerShell", "Exchange"], "work_items": [], "notes": null,
    });
    for (field, value) in shown.as_object().expect("an object") {
        assert_eq!(&made.body[field], value, "{field}");
    }
    assert!(made.body["technician"].as_str().is_some_and(|name| name.contains('@')), "the caller does the work");

    let item = json!({"session_id": made.id(), "category": "troubleshooting", "title": "Read the logs"});
    let item = writer.post("/api/v1/work-items", &item).await.expect(201);
    let done = json!({"status": "completed", "end_time": "2026-01-16T11:35:59Z", "tags": [], "notes": "x"});
    let done = writer.put(&path(&made), &done).await.expect(200);
    assert_eq!(done.body["duration_minutes"], 215);
    assert_eq!(done.body["billable_hours"], 3.75, "in quarters of an hour, upwards");
    assert_eq!(done.body["tags"], json!([]));
    let briefly =
        json!({"id": item.id(), "category": "troubleshooting", "title": "Read the logs", "status": "pending"});
    assert_eq!(done.body["work_items"], json!([briefly]));
    assert_eq!(reader.get(&path(&made)).await.expect(200).body, done.body);

    let refused = app.admin().delete(&path(&made)).await.expect(409);
    assert_eq!(refused.code(), "CONFLICT");
    assert!(refused.text.contains("work_item"), "{}", refused.text);
    let _ = app.admin().delete(&format!("/api/v1/work-items/{}", item.id())).await.expect(204);
    let _ = writer.delete(&path(&made)).await.expect(403);
    let _ = app.admin().delete(&path(&made)).await.expect(204);
    let _ = app.admin().delete(&path(&made)).await.expect(404);
    app.stop().await;
}

#[tokio::test]
async fn hours_follow_the_clients_rule_unless_they_are_given() {
    let app = TestApp::start().await;
    let writer = app.writer();
    let rule = json!({"billing_increment_minutes": 30, "billing_rounding": "nearest"});
    let acme = client(&app, "Acme", rule).await;
    let worked = |minutes: u32| {
        let end = format!("2026-01-16T10:{minutes:02}:00Z");
        json!({"client_id": acme, "start_time": "2026-01-16T10:00:00Z", "end_time": end})
    };
    for (minutes, hours) in [(14, 0.0), (15, 0.5), (44, 0.5), (45, 1.0)] {
        let made = create(&writer, worked(minutes)).await.expect(201);
        assert_eq!(made.body["billable_hours"], json!(hours), "{minutes} minutes");
    }
    let made = create(&writer, worked(50)).await.expect(201);
    for (change, hours) in [
        (json!({"billable_hours": 0.25}), 0.25),
        (json!({"end_time": "2026-01-16T12:00:00Z"}), 0.25),
        (json!({"billable_hours": null}), 2.0),
        (json!({"is_billable": false}), 0.0),
        (json!({"is_billable": true, "client_id": null}), 2.0),
        (json!({"end_time": "2026-01-16T10:16:00Z"}), 0.5),
        (json!({"client_id": acme}), 0.5),
    ] {
        let now = writer.put(&path(&made), &change).await.expect(200);
        assert_eq!(now.body["billable_hours"], json!(hours), "{change}");
    }
    for bad in [json!(-1), json!(0.123), json!("3"), json!(1_000_001)] {
        let _ = writer.put(&path(&made), &json!({"billable_hours": bad})).await.expect(400);
    }
    app.stop().await;
}

#[tokio::test]
async fn completing_ends_the_work_and_only_an_admin_reopens_it() {
    let app = TestApp::start().await;
    let writer = app.writer();
    let open = create(&writer, json!({"start_time": "2020-01-01T00:00:00Z"})).await.expect(201);
    let late = writer.put(&path(&open), &json!({"status": "completed"})).await.expect(422);
    assert_eq!(late.body["error"]["details"]["field"], "end_time", "years after its start");

    let open = create(&writer, json!({})).await.expect(201);
    let done = writer.put(&path(&open), &json!({"status": "completed"})).await.expect(200);
    assert!(done.body["end_time"].is_string());
    let _ = writer.put(&path(&open), &json!({"end_time": null})).await.expect(422);
    let refused = writer.put(&path(&open), &json!({"status": "on_hold"})).await.expect(403);
    assert!(refused.text.contains("msp:admin"), "{}", refused.text);
    let _ = writer.put(&path(&open), &json!({"status": "completed", "notes": "still"})).await.expect(200);
    let reopened = app.admin().put(&path(&open), &json!({"status": "in_progress"})).await.expect(200);
    assert_eq!(reopened.body["status"], "in_progress");

    let ahead = create(&writer, json!({"status": "completed", "start_time": "2999-01-01T00:00:00Z"})).await.expect(422);
    assert_eq!(ahead.body["error"]["details"]["field"], "end_time", "it would end before it starts");
    app.stop().await;
}

#[tokio::test]
async fn what_a_session_refers_to_must_exist_and_fit_together() {
    let app = TestApp::start().await;
    let writer = app.writer();
    let (acme, globex) = (client(&app, "Acme", json!({})).await, client(&app, "Globex", json!({})).await);
    let project = project(&app, &acme, "Move").await;
    let nowhere = "01989f5e-3f8a-7c52-9f3b-5a1f0c2d4e6f";
    for (field, resource) in [("client_id", "client"), ("project_id", "project"), ("machine_id", "machine")] {
        let refused = create(&writer, json!({field: nowhere})).await.expect(404);
        assert_eq!(refused.body["error"]["details"], json!({"resource_type": resource, "resource_id": nowhere}));
    }
    let refused = create(&writer, json!({"client_id": globex, "project_id": project})).await.expect(422);
    assert_eq!(refused.body["error"]["details"]["field"], "project_id");
    let made = create(&writer, json!({"project_id": project})).await.expect(201);
    assert_eq!(made.body["client_id"], json!(acme), "the project's client");
    let _ = writer.put(&path(&made), &json!({"client_id": globex})).await.expect(422);
    let _ = writer.put(&path(&made), &json!({"client_id": null})).await.expect(422);
    let moved = writer.put(&path(&made), &json!({"client_id": globex, "project_id": null})).await.expect(200);
    assert_eq!(moved.body["client_name"], "Globex");

    let refused =
        writer.post("/api/v1/sessions", &json!({"session_date": "2026-02-30", "colour": 1})).await.expect(400);
    let faults = refused.body["error"]["details"]["fields"].as_array().expect("several faults").clone();
    let mut fields: Vec<&str> = faults.iter().filter_map(|fault| fault["field"].as_str()).collect();
    fields.sort_unstable();
    assert_eq!(fields, ["colour", "session_date", "session_title"]);
    app.stop().await;
}

#[tokio::test]
async fn every_filter_narrows_the_list() {
    let app = TestApp::start().await;
    let writer = app.writer();
    let acme = client(&app, "Acme", json!({})).await;
    let project = project(&app, &acme, "Move").await;
    let one = json!({
        "project_id": project, "session_date": "2026-01-10", "technician": "Zoë", "is_billable": false, "status": "on_hold",
        "tags": ["exchange"], "technologies_used": ["PowerShell"], "summary": "100% done"
    });
    let one = create(&writer, one).await.expect(201);
    let other = create(&writer, json!({"session_title": "Printers"})).await.expect(201);
    for query in [
        format!("client_id={acme}"),
        format!("project_id={project}"),
        "technician=ZO%C3%8B".to_owned(),
        "date_to=2026-01-15".to_owned(),
        "date_from=2026-01-10&date_to=2026-01-10".to_owned(),
        "is_billable=false".to_owned(),
        "status=on_hold".to_owned(),
        "tag=Exchange".to_owned(),
        "technology=powershell".to_owned(),
        "q=100%25".to_owned(),
    ] {
        let page = app.reader().get(&format!("/api/v1/sessions?{query}")).await.expect(200);
        assert_eq!(page.body["total"], 1, "{query}");
        assert_eq!(page.body["sessions"][0]["id"], json!(one.id()), "{query}");
    }
    let all = app.reader().get("/api/v1/sessions").await.expect(200);
    let row = &all.body["sessions"][0];
    assert_eq!(row["id"], json!(other.id()), "the latest day first");
    let mut fields: Vec<&String> = row.as_object().expect("a row").keys().collect();
    fields.sort();
    assert_eq!(
        fields,
        [
            "billable_hours",
            "client_id",
            "client_name",
            "created_at",
            "duration_minutes",
            "id",
            "is_billable",
            "project_id",
            "project_name",
            "session_date",
            "session_title",
            "status",
            "summary",
            "updated_at"
        ]
    );
    for (query, status) in [
        ("date_from=2026-02-02&date_to=2026-02-01", 422),
        ("date_from=2026-2-2", 400),
        ("status=done", 400),
        ("colour=red", 400),
        ("sort=technician", 400),
    ] {
        let _ = app.reader().get(&format!("/api/v1/sessions?{query}")).await.expect(status);
    }
    app.stop().await;
}

#[tokio::test]
async fn a_change_meant_for_another_revision_is_refused() {
    let app = TestApp::start().await;
    let writer = app.writer();
    let made = create(&writer, json!({})).await.expect(201);
    let first = made.header("etag").to_owned();
    let changed = writer.clone().with("if-match", &first).put(&path(&made), &json!({"notes": "1"})).await.expect(200);
    let _ = writer.clone().with("if-match", &first).put(&path(&made), &json!({"notes": "2"})).await.expect(412);
    let etag = changed.header("etag").to_owned();
    let _ = app.reader().with("if-none-match", &etag).get(&path(&made)).await.expect(304);

    let repeated = writer.clone().with("idempotency-key", "one");
    let (first, second) =
        (create(&repeated, json!({})).await.expect(201), create(&repeated, json!({})).await.expect(201));
    assert_eq!((first.id(), second.header("idempotent-replayed")), (second.id(), "true"));
    app.stop().await;
}
