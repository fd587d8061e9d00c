//! Machines.

use claudetools_testkit::TestApp;
use serde_json::json;

const FINGERPRINT: &str = "9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B2B0B822CD15D6C15B0F00A08";

#[tokio::test]
async fn a_machine_is_registered_once_and_found_by_id_or_fingerprint() {
    let app = TestApp::start().await;
    let body = json!({
        "hostname": "TECH-LAPTOP-07", "machine_fingerprint": FINGERPRINT, "platform": "win32", "has_vpn_access": true,
        "vpn_profiles": ["acme", "beta"], "powershell_version": "7.5.0", "available_mcps": ["tickets"]
    });
    let made = app.writer().post("/api/v1/machines", &body).await.expect(201);
    assert_eq!(made.body["machine_fingerprint"], json!(FINGERPRINT.to_lowercase()));
    assert_eq!((&made.body["is_active"], &made.body["last_seen"]), (&json!(true), &json!(null)));
    assert_eq!(
        made.body["capabilities"],
        json!({
            "vpn_profiles": ["acme", "beta"], "has_vpn_access": true, "has_docker": false, "powershell_version": "7.5.0",
            "preferred_shell": null, "available_mcps": ["tickets"], "available_skills": []
        })
    );
    for key in [made.id(), FINGERPRINT, &FINGERPRINT.to_lowercase()] {
        let found = app.reader().get(&format!("/api/v1/machines/{key}")).await.expect(200);
        assert_eq!(found.body, made.body, "{key}");
        assert_eq!(found.header("etag"), made.header("etag"));
    }
    let again = app.writer().post("/api/v1/machines", &body).await.expect(409);
    assert_eq!(again.code(), "DUPLICATE_ENTRY");
    assert!(again.text.contains(made.id()) && again.text.contains("machine_fingerprint"), "{}", again.text);
    let unknown = app.reader().get(&format!("/api/v1/machines/{}", "0".repeat(64))).await.expect(404);
    assert_eq!(unknown.body["error"]["details"]["resource_type"], "machine");
    for malformed in ["TECH-LAPTOP-07", &"0".repeat(63)] {
        assert_eq!(
            app.reader().get(&format!("/api/v1/machines/{malformed}")).await.expect(400).code(),
            "INVALID_REQUEST"
        );
    }
    app.stop().await;
}

#[tokio::test]
async fn a_heartbeat_is_no_edit() {
    let app = TestApp::start().await;
    let body = json!({"hostname": "ws-01", "machine_fingerprint": FINGERPRINT, "platform": "linux"});
    let made = app.writer().post("/api/v1/machines", &body).await.expect(201);
    let path = format!("/api/v1/machines/{}", made.id());
    app.clock.advance(60);
    let beat = format!("{path}/heartbeat");
    let empty = app.writer().send(reqwest::Method::POST, &beat, None).await.expect(204);
    assert_eq!(empty.text, "");
    let seen = app.reader().get(&path).await.expect(200);
    assert!(seen.body["last_seen"].as_str() > made.body["created_at"].as_str(), "{}", seen.text);
    assert_eq!(seen.body["updated_at"], made.body["updated_at"]);
    assert_ne!(seen.header("etag"), made.header("etag"), "a copy from before is outdated all the same");

    // The ETag of before the heartbeat still lets the row be changed, and the change keeps the sighting.
    let change = json!({"friendly_name": "Front desk"});
    let changed = app.writer().with("if-match", made.header("etag")).put(&path, &change).await.expect(200);
    assert_eq!(changed.body["last_seen"], seen.body["last_seen"]);
    let past = app.writer().put(&path, &json!({"last_seen": "2020-01-01T00:00:00Z"})).await.expect(200);
    assert_eq!(past.body["last_seen"], seen.body["last_seen"], "it never moves back");
    let ahead = app.writer().put(&path, &json!({"last_seen": "2999-01-01T00:00:00Z"})).await.expect(422);
    assert_eq!(ahead.body["error"]["details"]["field"], "last_seen");

    let _ = app.reader().send(reqwest::Method::POST, &beat, None).await.expect(403);
    let nobody = "/api/v1/machines/01980000-0000-7000-8000-00000000dead/heartbeat";
    let _ = app.writer().send(reqwest::Method::POST, nobody, None).await.expect(404);
    app.stop().await;
}

#[tokio::test]
async fn machines_are_filtered_and_those_with_history_stay() {
    let app = TestApp::start().await;
    let mut ids = Vec::new();
    for (n, hostname, platform) in [(1, "alpha", "win32"), (2, "Beta", "linux"), (3, "gamma", "linux")] {
        let body = json!({"hostname": hostname, "machine_fingerprint": format!("{n:064x}"), "platform": platform});
        ids.push(app.writer().post("/api/v1/machines", &body).await.expect(201).id().to_owned());
    }
    let gamma = format!("/api/v1/machines/{}", ids[2]);
    let _ = app.writer().patch(&gamma, &json!({"is_active": false, "username": "jo"})).await.expect(200);
    for (query, hostnames) in [
        ("", json!(["alpha", "Beta", "gamma"])),
        ("?sort=-hostname", json!(["gamma", "Beta", "alpha"])),
        ("?platform=linux", json!(["Beta", "gamma"])),
        ("?platform=linux&is_active=true", json!(["Beta"])),
        ("?q=JO", json!(["gamma"])),
    ] {
        let page = app.reader().get(&format!("/api/v1/machines{query}")).await.expect(200);
        let found: Vec<_> =
            page.body["machines"].as_array().expect("a list").iter().map(|row| &row["hostname"]).collect();
        assert_eq!(json!(found), hostnames, "{query}");
    }
    let _ = app.reader().get("/api/v1/machines?platform=windows").await.expect(400);

    let session = json!({"machine_id": ids[0], "session_date": "2026-01-16", "session_title": "Mail is down"});
    let _ = app.writer().post("/api/v1/sessions", &session).await.expect(201);
    let alpha = format!("/api/v1/machines/{}", ids[0]);
    let _ = app.writer().delete(&alpha).await.expect(403);
    let kept = app.admin().delete(&alpha).await.expect(409);
    assert_eq!(kept.code(), "CONFLICT");
    assert!(kept.text.contains("session"), "{}", kept.text);
    let _ = app.admin().delete(&gamma).await.expect(204);
    let _ = app.admin().delete(&gamma).await.expect(404);
    app.stop().await;
}
