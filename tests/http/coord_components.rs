//! Components, projects of coordination, the status, and retention.

use claudetools_testkit::TestApp;
use serde_json::{Value, json};

const ACME: &str = "/api/v1/coord/components/clients/acme";

fn states(rows: &Value) -> Vec<&str> {
    rows.as_array().expect("rows").iter().map(|row| row["state"].as_str().expect("a state")).collect()
}

#[tokio::test]
async fn a_component_springs_into_being_and_shows_its_history() {
    let app = TestApp::start().await;
    let (reader, writer) = (app.reader(), app.writer());
    let path = format!("{ACME}/dns");
    reader.get(&path).await.expect(404);
    reader.get(&format!("{path}/history")).await.expect(404);
    let building = json!({"state": "building", "version": "1.0", "notes": "from scratch", "updated_by": "jo"});
    let first = writer.put(&path, &building).await.expect(200);
    assert_eq!((&first.body["project_key"], &first.body["component"]), (&json!("clients/acme"), &json!("dns")));
    assert_eq!(first.body["late"], false);
    let next = writer.patch(&path, &json!({"state": "deployed", "notes": null})).await.expect(200);
    assert_eq!((&next.body["version"], &next.body["notes"]), (&json!("1.0"), &Value::Null));
    assert_eq!(next.body["id"], first.body["id"]);
    // With the slash of the key in the one form and in the other.
    let encoded = "/api/v1/coord/components/clients%2Facme/dns";
    assert_eq!(reader.get(encoded).await.expect(200).body["state"], "deployed");
    let history = reader.get(&format!("{encoded}/history")).await.expect(200);
    assert_eq!(states(&history.body["history"]), ["deployed", "building"]);
    assert_eq!(history.body["total"], 2);

    // The same name in a project of one segment is another component.
    writer.put("/api/v1/coord/components/acme/dns", &json!({"state": "failed"})).await.expect(200);
    assert_eq!(reader.get(&path).await.expect(200).body["state"], "deployed");
    for (status, path, field) in [
        (400, "/api/v1/coord/components/a%2Fb%2Fc/dns", "project_key"),
        (422, "/api/v1/coord/components/clients/acme/history", "component"),
        (400, "/api/v1/coord/components/%20/dns", "project_key"),
    ] {
        let refused = writer.put(path, &json!({"state": "built"})).await.expect(status);
        assert_eq!(refused.body["error"]["details"]["field"], field, "{}", refused.text);
    }
    let wrong = writer.put(&path, &json!({"state": "fine"})).await.expect(400);
    assert!(wrong.text.contains("degraded"), "the words allowed are told: {}", wrong.text);
    writer.put(&path, &json!({"notes": "no state"})).await.expect(400);
    writer.post(&path, &json!({"state": "built"})).await.expect(405);
    app.stop().await;
}

#[tokio::test]
async fn a_late_report_is_in_the_history_and_changes_nothing_else() {
    let app = TestApp::start().await;
    let writer = app.writer();
    let path = format!("{ACME}/dns");
    let now = writer.put(&path, &json!({"state": "deployed"})).await.expect(200);
    let etag = app.reader().get(&path).await.expect(200).header("etag").to_owned();
    let events = app.reader().get("/api/v1/coord/events?wait=0&after=0").await.expect(200);
    let late = json!({"state": "building", "observed_at": "2026-01-01T00:00:00Z"});
    let late = writer.put(&path, &late).await.expect(200);
    assert_eq!((&late.body["late"], &late.body["state"]), (&json!(true), &json!("deployed")));
    assert_eq!(late.body["updated_at"], now.body["updated_at"]);
    assert_eq!(app.reader().get(&path).await.expect(200).header("etag"), etag);
    let history = app.reader().get(&format!("{path}/history")).await.expect(200);
    let entries = &history.body["history"];
    assert_eq!((&entries[0]["late"], &entries[0]["state"]), (&json!(true), &json!("building")));
    assert_eq!(entries[1]["late"], false);
    let after = app.reader().get("/api/v1/coord/events?wait=0&after=0").await.expect(200);
    assert_eq!(after.body, events.body, "nobody is told of what has been overtaken");
    app.stop().await;
}

#[tokio::test]
async fn a_component_is_written_as_it_is_expected_to_be_and_under_the_highest_token() {
    let app = TestApp::start().await;
    let writer = app.writer();
    let path = format!("{ACME}/dns");
    let write = async |body: Value, status: u16| writer.put(&path, &body).await.expect(status);
    write(json!({"state": "built", "if_version": "1.0"}), 412).await;
    write(json!({"state": "built", "version": "1.0"}), 200).await;
    write(json!({"state": "deployed", "version": "1.1", "if_version": "1.0"}), 200).await;
    let refused = write(json!({"state": "failed", "if_version": "1.0"}), 412).await;
    assert_eq!(refused.code(), "PRECONDITION_FAILED");
    let etag = app.reader().get(&path).await.expect(200).header("etag").to_owned();
    let guarded = writer.clone().with("if-match", &etag);
    guarded.put(&path, &json!({"state": "degraded"})).await.expect(200);
    guarded.put(&path, &json!({"state": "failed"})).await.expect(412);

    let lock = json!({"resource": "clients/acme/dns", "session_id": "a"});
    let held = writer.post("/api/v1/coord/locks", &lock).await.expect(201);
    let first = held.body["token"].as_i64().expect("a token");
    write(json!({"state": "deploying", "lock_token": first}), 200).await;
    writer.delete(&format!("/api/v1/coord/locks/{}", held.id())).await.expect(200);
    let lock = json!({"resource": "clients/acme", "session_id": "b"});
    let held = writer.post("/api/v1/coord/locks", &lock).await.expect(201);
    let second = held.body["token"].as_i64().expect("a token");
    write(json!({"state": "deployed", "lock_token": second}), 200).await;
    let refused = write(json!({"state": "failed", "lock_token": first}), 409).await;
    assert_eq!(refused.body["error"]["details"]["max_token"], second);
    assert_eq!(app.reader().get(&path).await.expect(200).body["state"], "deployed");
    let fence = json!({"resource": "clients/acme/dns", "token": first});
    writer.post("/api/v1/coord/fence/check", &fence).await.expect(409);
    app.stop().await;
}

#[tokio::test]
async fn a_pinned_project_refuses_what_it_does_not_name() {
    let app = TestApp::start().await;
    let (writer, admin) = (app.writer(), app.admin());
    let project = "/api/v1/coord/projects/clients/acme";
    app.reader().get(project).await.expect(404);
    writer.put(&format!("{ACME}/old"), &json!({"state": "unknown"})).await.expect(200);
    assert_eq!(app.reader().get(project).await.expect(200).body["allowed_states"], Value::Null);
    let pins =
        json!({"name": "Acme", "allowed_components": ["dns", "mail"], "allowed_states": ["deployed", "degraded"]});
    writer.put(project, &pins).await.expect(403);
    let pinned = admin.put(project, &pins).await.expect(200);
    assert_eq!(pinned.body["allowed_components"], json!(["dns", "mail"]));
    let refused = writer.put(&format!("{ACME}/web"), &json!({"state": "deployed"})).await.expect(422);
    assert_eq!(refused.body["error"]["details"]["field"], "component");
    let refused = writer.put(&format!("{ACME}/dns"), &json!({"state": "failed"})).await.expect(422);
    assert_eq!(refused.body["error"]["details"]["field"], "state");
    writer.put(&format!("{ACME}/dns"), &json!({"state": "deployed"})).await.expect(200);
    writer.put(&format!("{ACME}/old"), &json!({"state": "deployed"})).await.expect(422);
    let etag = pinned.header("etag").to_owned();
    let off = json!({"allowed_components": null, "allowed_states": null});
    admin.clone().with("if-match", &etag).put(project, &off).await.expect(200);
    admin.clone().with("if-match", &etag).put(project, &pins).await.expect(412);
    writer.put(&format!("{ACME}/web"), &json!({"state": "failed"})).await.expect(200);
    app.stop().await;
}

#[tokio::test]
async fn the_status_tells_what_goes_on_project_by_project() {
    let app = TestApp::start().await;
    let writer = app.writer();
    let session = json!({"machine": "m", "host": "h", "agent": "claude", "project_key": "clients/acme", "task": "dns"});
    let announced = writer.put("/api/v1/coord/sessions/a", &session).await;
    assert!(announced.status < 300, "{}", announced.text);
    writer.put(&format!("{ACME}/dns"), &json!({"state": "deployed", "version": "2"})).await.expect(200);
    for resource in ["clients/acme/dns/zone", "gururmm/server"] {
        let lock = json!({"resource": resource, "session_id": "a", "task": "zone"});
        writer.post("/api/v1/coord/locks", &lock).await.expect(201);
    }
    let released = json!({"resource": "clients/acme/mail", "session_id": "a"});
    let released = writer.post("/api/v1/coord/locks", &released).await.expect(201);
    writer.delete(&format!("/api/v1/coord/locks/{}", released.id())).await.expect(200);

    let status = app.reader().get("/api/v1/coord/status").await.expect(200).body;
    assert!(status["generated_at"].is_string());
    let [acme, gururmm] = &status["projects"].as_array().expect("projects")[..] else { panic!("{status}") };
    assert_eq!((&acme["project_key"], &gururmm["project_key"]), (&json!("clients/acme"), &json!("gururmm")));
    assert_eq!(
        (&acme["components"][0]["component"], &acme["components"][0]["state"]),
        (&json!("dns"), &json!("deployed"))
    );
    assert_eq!(acme["active_locks"].as_array().map(Vec::len), Some(1), "what was released is not active");
    assert_eq!(acme["active_locks"][0]["resource"], "clients/acme/dns/zone");
    assert_eq!(acme["sessions"][0]["session_id"], "a");
    assert_eq!(gururmm["active_locks"][0]["session_id"], "a");
    let one = app.reader().get("/api/v1/coord/status?project_key=gururmm").await.expect(200).body;
    assert_eq!(one["projects"].as_array().map(Vec::len), Some(1));
    let none = app.reader().get("/api/v1/coord/status?project_key=nowhere").await.expect(200).body;
    assert_eq!(none["projects"], json!([]));
    writer.delete("/api/v1/coord/sessions/a").await;
    let ended = app.reader().get("/api/v1/coord/status?project_key=clients/acme").await.expect(200).body;
    assert_eq!((&ended["projects"][0]["sessions"], &ended["projects"][0]["active_locks"]), (&json!([]), &json!([])));
    app.stop().await;
}

#[tokio::test]
async fn an_administrator_says_how_long_what_is_kept() {
    let app = TestApp::start().await;
    let (writer, admin) = (app.writer(), app.admin());
    let path = "/api/v1/coord/retention";
    let usual = json!({"events_days": 7, "messages_days": 30, "history_days": 90, "ended_days": 30});
    assert_eq!(app.reader().get(path).await.expect(200).body, usual);
    writer.put(path, &json!({"events_days": 1})).await.expect(403);
    let changed = admin.put(path, &json!({"events_days": 1})).await.expect(200);
    assert_eq!((&changed.body["events_days"], &changed.body["messages_days"]), (&json!(1), &json!(30)));
    admin.put(path, &json!({"events_days": 0})).await.expect(400);
    assert_eq!(app.reader().get(path).await.expect(200).body["events_days"], 1);

    writer.put(&format!("{ACME}/dns"), &json!({"state": "deployed"})).await.expect(200);
    let message = json!({"from_session": "a", "to_session": "b", "body": "text"});
    writer.post("/api/v1/coord/messages", &message).await.expect(201);
    writer.post("/api/v1/coord/prune", &json!({})).await.expect(403);
    let nothing = admin.post("/api/v1/coord/prune", &json!({})).await.expect(200);
    assert_eq!(nothing.body, json!({"events": 0, "messages": 0, "history": 0, "locks": 0, "sessions": 0}));
    let all = json!({"events": "2099-01-01T00:00:00Z", "messages": "2099-01-01T00:00:00Z", "history": "2099-01-01T00:00:00Z"});
    let pruned = admin.post("/api/v1/coord/prune", &all).await.expect(200);
    assert_eq!(pruned.body, json!({"events": 2, "messages": 1, "history": 1, "locks": 0, "sessions": 0}));
    assert_eq!(app.reader().get(&format!("{ACME}/dns")).await.expect(200).body["state"], "deployed", "it stays");
    app.stop().await;
}
