//! Infrastructure: its detail, what fails with it, many rows at once, tables.

use claudetools_testkit::TestApp;
use reqwest::Method;
use serde_json::{Value, json};

use super::inventory::{asset, client, made, post};

const UNKNOWN: &str = "01980000-0000-7000-8000-00000000dead";

#[tokio::test]
async fn the_detail_shows_what_is_on_it_and_what_was_done_to_it() {
    let app = TestApp::start().await;
    let (writer, acme) = (app.writer(), client(&app, "Acme").await);
    let site = made(&writer, "sites", json!({"client_id": acme, "name": "Main"})).await;
    let body = json!({"client_id": acme, "site_id": site, "hostname": "FS01", "asset_type": "physical_server",
        "ip_address": "10.1.0.5", "os": "Windows Server", "os_version": "2022", "limitations": ["no_native_wins_service"],
        "recommended_commands": {"disks": "Get-PSDrive"}, "warranty_until": "2027-12-31", "tags": ["Prod"],
        "external_ids": {"rmm": "a-1"}});
    let host = made(&writer, "infrastructure", body.clone()).await;
    made(&writer, "services", json!({"infrastructure_id": host, "service_name": "smb", "port": 445})).await;
    let open = json!({"infrastructure_id": host, "service_name": "Local administrator", "credential_type": "password",
        "username": "admin", "password": "correct-horse-battery"});
    made(&writer, "credentials", open).await;
    let closed = json!({"infrastructure_id": host, "service_name": "For one alone", "credential_type": "password"});
    let closed = made(&writer, "credentials", closed).await;
    let access = json!({"subjects": ["al@msp.example"], "agent_types": []});
    app.admin().put(&format!("/api/v1/credentials/{closed}/access"), &access).await.expect(200);
    let today = claudetools_kernel::Clock::now(&*app.clock).date().to_string();
    let session = json!({"client_id": acme, "session_date": today, "session_title": "Disk full"});
    let session = made(&writer, "sessions", session).await;
    for systems in [json!(["fs01.acme.example"]), json!(["fs010"])] {
        let item = json!({"session_id": session, "category": "maintenance", "title": "x", "affected_systems": systems});
        made(&writer, "work-items", item).await;
    }

    let detail = app.reader().get(&format!("/api/v1/infrastructure/{host}")).await.expect(200);
    for (field, value) in body.as_object().expect("fields") {
        assert_eq!(&detail.body[field], value, "{field}");
    }
    assert_eq!((&detail.body["client_name"], &detail.body["site_name"]), (&json!("Acme"), &json!("Main")));
    assert_eq!(detail.body["services"][0]["service_name"], "smb");
    assert_eq!(
        detail.body["credentials"].as_array().map(Vec::len),
        Some(1),
        "what is restricted to others is left out"
    );
    assert_eq!(detail.body["credentials"][0]["service_name"], "Local administrator");
    assert!(!detail.text.contains("correct-horse"), "no secret leaves");
    assert_eq!(detail.body["recent_sessions"].as_array().map(Vec::len), Some(1));
    assert_eq!(detail.body["recent_sessions"][0]["session_title"], "Disk full");

    for (query, total) in [
        ("ip=10.1.0.5", 1),
        ("ip=::ffff:10.1.0.5", 1),
        ("tag=PROD", 1),
        ("tag=pro", 0),
        ("hostname=fs", 1),
        ("asset_type=switch", 0),
        ("status=active&q=WINS", 1),
    ] {
        let found = app.reader().get(&format!("/api/v1/infrastructure?{query}&site_id={site}")).await.expect(200);
        assert_eq!(found.body["total"], total, "{query}");
    }
    for path in [format!("clients/{acme}"), format!("context/recover?client_id={acme}")] {
        let shown = app.reader().get(&format!("/api/v1/{path}")).await.expect(200);
        let expected = json!([{"id": host, "hostname": "FS01", "ip_address": "10.1.0.5", "asset_type": "physical_server",
            "os": "Windows Server"}]);
        let mut equipment = shown.body["infrastructure"].clone();
        for field in ["limitations", "insights"] {
            equipment[0].as_object_mut().expect("an object").remove(field);
        }
        assert_eq!(equipment, expected, "{path}");
    }
    app.stop().await;
}

#[tokio::test]
async fn nothing_runs_on_itself() {
    let app = TestApp::start().await;
    let (writer, acme) = (app.writer(), client(&app, "Acme").await);
    let (a, b) = (asset(&writer, &acme, "a").await, asset(&writer, &acme, "b").await);
    let c = asset(&writer, &acme, "c").await;
    let put = async |on: &str, parent: &str| {
        writer.put(&format!("/api/v1/infrastructure/{on}"), &json!({"parent_id": parent})).await
    };
    let _ = put(&b, &a).await.expect(200);
    let _ = put(&c, &b).await.expect(200);
    assert_eq!(put(&a, &c).await.expect(409).code(), "CONFLICT");
    assert_eq!(put(&a, &a).await.expect(409).code(), "CONFLICT");
    let _ = put(&c, &a).await.expect(200);
    app.stop().await;
}

#[tokio::test]
async fn two_moves_at_once_close_no_circle() {
    let app = TestApp::start().await;
    let (writer, acme) = (app.writer(), client(&app, "Acme").await);
    for round in 0..10 {
        let (a, b) = (format!("a{round}"), format!("b{round}"));
        let (a, b) = (asset(&writer, &acme, &a).await, asset(&writer, &acme, &b).await);
        let put = async |on: &str, parent: &str| {
            writer.put(&format!("/api/v1/infrastructure/{on}"), &json!({"parent_id": parent})).await.status
        };
        let (one, other) = tokio::join!(put(&a, &b), put(&b, &a));
        let mut outcome = [one, other];
        outcome.sort_unstable();
        assert_eq!(outcome, [200, 409], "one of them comes second and sees the first");
    }
    app.stop().await;
}

#[tokio::test]
async fn what_fails_with_a_host_is_followed_through_guests_and_services_once_each() {
    let app = TestApp::start().await;
    let (writer, acme) = (app.writer(), client(&app, "Acme").await);
    let host = asset(&writer, &acme, "hv").await;
    let guest = asset(&writer, &acme, "vm").await;
    let other = asset(&writer, &acme, "elsewhere").await;
    writer.put(&format!("/api/v1/infrastructure/{guest}"), &json!({"parent_id": host})).await.expect(200);
    let service = async |on: &str, name: &str| {
        made(&writer, "services", json!({"infrastructure_id": on, "service_name": name})).await
    };
    let (db, web) = (service(&guest, "db").await, service(&other, "web").await);
    let (mail, backup) = (service(&other, "mail").await, service(&other, "backup").await);
    for (from, to, kind) in [
        (&web, &db, "depends_on"),
        (&mail, &web, "authenticates_via"),
        (&db, &mail, "depends_on"),
        (&backup, &db, "backs_up"),
    ] {
        let body = json!({"from_service_id": from, "to_service_id": to, "relationship_type": kind});
        made(&writer, "service-relationships", body).await;
    }
    let path = format!("/api/v1/infrastructure/{host}/impact");
    let impact = app.reader().get(&path).await.expect(200).body;
    let of = |list: &str, field: &str| -> Vec<Value> {
        impact[list].as_array().expect("a list").iter().map(|row| json!([row[field], row["distance"]])).collect()
    };
    assert_eq!(of("infrastructure", "hostname"), [json!(["vm", 1])]);
    assert_eq!(of("services", "service_name"), [json!(["db", 2]), json!(["web", 3]), json!(["mail", 4])]);
    assert_eq!(impact["services"][1]["cause"]["service_id"], json!(db));
    assert_eq!(impact["services"][1]["cause"]["relationship_type"], "depends_on");
    assert_eq!((&impact["hostname"], &impact["is_complete"]), (&json!("hv"), &json!(true)), "the circle is closed");

    let near = app.reader().get(&format!("{path}?depth=2")).await.expect(200).body;
    assert_eq!((near["services"].as_array().map(Vec::len), &near["is_complete"]), (Some(1), &json!(false)));
    let _ = app.reader().get(&format!("{path}?depth=51")).await.expect(400);
    let _ = app.reader().get(&format!("/api/v1/infrastructure/{UNKNOWN}/impact")).await.expect(404);
    app.stop().await;
}

#[tokio::test]
async fn a_bulk_is_taken_whole_or_as_far_as_it_is_good() {
    let app = TestApp::start().await;
    let (writer, acme) = (app.writer(), client(&app, "Acme").await);
    let existing = asset(&writer, &acme, "taken").await;
    let row = |hostname: &str| json!({"client_id": acme, "hostname": hostname, "asset_type": "switch"});
    let mut misspelt = row("d");
    misspelt["hostnam"] = json!("d");
    let mixed = json!({"rows": [row("a"), row("TAKEN"), {"client_id": UNKNOWN, "hostname": "b", "asset_type": "switch"},
        row("A"), {"hostname": "c"}, misspelt]});

    let refused = post(&writer, "infrastructure/bulk", mixed.clone()).await.expect(400);
    let fields: Vec<&str> = refused.body["error"]["details"]["fields"]
        .as_array()
        .expect("every fault")
        .iter()
        .filter_map(|fault| fault["field"].as_str())
        .collect();
    let expected = [
        "rows[1].hostname",
        "rows[2]",
        "rows[3].hostname",
        "rows[4].client_id",
        "rows[4].asset_type",
        "rows[5].hostnam",
    ];
    assert_eq!(fields, expected);
    let count = async || app.reader().get("/api/v1/infrastructure").await.expect(200).body["total"].clone();
    assert_eq!(count().await, 1, "nothing was entered");

    let partial = post(&writer, "infrastructure/bulk?partial=true", mixed).await.expect(200).body;
    assert_eq!((&partial["created"], &partial["refused"]), (&json!(1), &json!(5)));
    let outcomes: Vec<Value> = partial["rows"]
        .as_array()
        .expect("a row each")
        .iter()
        .map(|row| json!([row["index"], row["outcome"], row["error"]["code"]]))
        .collect();
    assert_eq!(
        outcomes,
        [
            json!([0, "created", null]),
            json!([1, "refused", "DUPLICATE_ENTRY"]),
            json!([2, "refused", "NOT_FOUND"]),
            json!([3, "refused", "DUPLICATE_ENTRY"]),
            json!([4, "refused", "INVALID_REQUEST"]),
            json!([5, "refused", "INVALID_REQUEST"]),
        ]
    );
    assert_eq!(partial["rows"][1]["error"]["details"]["existing_id"], json!(existing));
    let created = partial["rows"][0]["id"].as_str().expect("an id");
    app.reader().get(&format!("/api/v1/infrastructure/{created}")).await.expect(200);

    let with_key = writer.clone().with("idempotency-key", "bulk-1");
    let thousand: Vec<Value> = (0..1000).map(|n| row(&format!("host-{n}"))).collect();
    let first = post(&with_key, "infrastructure/bulk", json!({"rows": thousand})).await.expect(200);
    assert_eq!(first.body["created"], 1000);
    let again = post(&with_key, "infrastructure/bulk", json!({"rows": thousand})).await.expect(200);
    assert_eq!((again.header("idempotent-replayed"), &again.body), ("true", &first.body));
    assert_eq!(count().await, 1002);
    let many: Vec<Value> = (0..1001).map(|n| row(&format!("more-{n}"))).collect();
    let _ = post(&writer, "infrastructure/bulk", json!({"rows": many})).await.expect(400);
    let _ = post(&writer, "infrastructure/bulk", json!({"rows": []})).await.expect(400);
    let _ = post(&app.reader(), "infrastructure/bulk", json!({"rows": [row("x")]})).await.expect(403);
    app.stop().await;
}

async fn import(app: &TestApp, query: &str, table: &str) -> claudetools_testkit::Answer {
    let path = format!("/api/v1/infrastructure/import{query}");
    app.writer().send_bytes(Method::POST, &path, "text/csv", Some(table.as_bytes().to_vec())).await
}

#[tokio::test]
async fn what_is_exported_as_a_table_can_be_changed_and_taken_back() {
    let app = TestApp::start().await;
    let (writer, acme) = (app.writer(), client(&app, "Acme, Inc.").await);
    made(&writer, "sites", json!({"client_id": acme, "name": "Main"})).await;
    let full = json!({"client_id": acme, "hostname": "=cmd", "asset_type": "switch", "ip_address": "10.0.0.1",
        "tags": ["a", "b;c"], "limitations": ["x", "y"], "has_ssh": true, "recommended_commands": {"list": "ls \"a\",\nls b"},
        "environmental_notes": "first\nsecond", "warranty_until": "2027-01-31"});
    let first = made(&writer, "infrastructure", full).await;
    for n in 0..250 {
        asset(&writer, &acme, &format!("host-{n}")).await;
    }

    let exported = app.reader().get("/api/v1/infrastructure/export").await.expect(200);
    assert_eq!(exported.header("content-type"), "text/csv; charset=utf-8");
    assert!(exported.text.contains(",'=cmd,"), "no formula leaves: {}", &exported.text[..400]);
    let unchanged = import(&app, "", &exported.text).await.expect(200).body;
    assert_eq!((&unchanged["unchanged"], &unchanged["updated"]), (&json!(251), &json!(0)), "{unchanged}");

    let json_form = app.reader().get("/api/v1/infrastructure/export?format=json&hostname=host").await.expect(200);
    assert_eq!(json_form.body["infrastructure"].as_array().map(Vec::len), Some(250));
    let one = app.reader().get("/api/v1/infrastructure/export?format=json&ip=10.0.0.1").await.expect(200);
    assert_eq!(one.body["infrastructure"][0]["id"], json!(first));

    let table = "client_name,hostname,asset_type,site_name,parent_hostname,os\n\
        \"acme, inc.\",host-1,,main,host-2,Debian\n\
        \"Acme, Inc.\",new,printer,,,\n";
    let dry = import(&app, "?dry_run=true", table).await.expect(200).body;
    assert_eq!((&dry["created"], &dry["updated"], &dry["dry_run"]), (&json!(1), &json!(1), &json!(true)));
    assert_eq!(dry["rows"][1]["id"], Value::Null);
    let count = async || app.reader().get("/api/v1/infrastructure").await.expect(200).body["total"].clone();
    assert_eq!(count().await, 251, "nothing was entered");
    let done = import(&app, "", table).await.expect(200).body;
    assert_eq!((&done["created"], &done["updated"]), (&json!(1), &json!(1)));
    let changed = app.reader().get("/api/v1/infrastructure?hostname=host-1&q=debian").await.expect(200).body;
    assert_eq!(changed["infrastructure"][0]["site_name"], "Main");
    assert_eq!(changed["infrastructure"][0]["asset_type"], "virtual_server", "an empty cell leaves what is there");
    assert!(changed["infrastructure"][0]["parent_id"].is_string());
    assert_eq!(count().await, 252);
    app.stop().await;
}

#[tokio::test]
async fn a_table_that_does_not_fit_is_refused_row_by_row() {
    let app = TestApp::start().await;
    client(&app, "Acme").await;
    let table = "client_name,hostname,asset_type,has_gui\nAcme,a,switch,perhaps\nNobody,b,switch,\nAcme,c,switch,yes\n";
    let refused = import(&app, "", table).await.expect(422);
    let fields = refused.body["error"]["details"]["fields"].as_array().expect("every fault").clone();
    assert_eq!((&fields[0]["field"], &fields[1]["field"]), (&json!("rows[0].has_gui"), &json!("rows[1].client_name")));
    let partial = import(&app, "?partial=true", table).await.expect(200).body;
    assert_eq!((&partial["created"], &partial["refused"]), (&json!(1), &json!(2)));
    for (table, field) in [("hostname,colour\n", "colour"), ("os\n", "hostname"), ("", "hostname")] {
        let refused = import(&app, "", table).await.expect(422);
        assert_eq!(refused.body["error"]["details"]["field"], field, "{table}");
    }
    let writer = app.writer();
    let wrong =
        writer.send_bytes(Method::POST, "/api/v1/infrastructure/import", "application/json", Some(b"{}".to_vec()));
    let _ = wrong.await.expect(415);
    app.stop().await;
}
