//! Tags.

use claudetools_testkit::{Api, TestApp};
use serde_json::{Value, json};

async fn named(caller: &Api, name: &str) -> Value {
    let page = caller.get(&format!("/api/v1/tags?q={name}")).await.expect(200);
    page.body["tags"][0].clone()
}

#[tokio::test]
async fn a_name_is_kept_in_lower_case_and_taken_once() {
    let app = TestApp::start().await;
    let body = json!({"name": "  Exchange ONLINE", "category": "technology", "description": "Mail"});
    let made = app.writer().post("/api/v1/tags", &body).await.expect(201);
    assert_eq!((&made.body["name"], &made.body["usage_count"]), (&json!("exchange online"), &json!(0)));
    let again = app.writer().post("/api/v1/tags", &json!({"name": "EXCHANGE online"})).await.expect(409);
    assert_eq!(again.code(), "DUPLICATE_ENTRY");
    assert!(again.text.contains(made.id()), "{}", again.text);
    let other = app.writer().post("/api/v1/tags", &json!({"name": "vpn"})).await.expect(201);
    assert_eq!(other.body["category"], json!(null));
    let path = format!("/api/v1/tags/{}", other.id());
    let _ = app.writer().put(&path, &json!({"name": "Exchange Online"})).await.expect(409);
    let _ = app.writer().put(&path, &json!({"name": "x".repeat(101)})).await.expect(400);
    let _ = app.writer().put(&path, &json!({"category": "colour"})).await.expect(400);
    let changed = app.writer().put(&path, &json!({"category": "service"})).await.expect(200);
    let cleared = app.writer().patch(&path, &json!({"category": null})).await.expect(200);
    assert_eq!((&changed.body["category"], &cleared.body["category"]), (&json!("service"), &json!(null)));

    for (query, total) in [("", 2), ("?category=technology", 1), ("?category=action", 0), ("?q=MAIL", 1)] {
        assert_eq!(app.reader().get(&format!("/api/v1/tags{query}")).await.expect(200).body["total"], total, "{query}");
    }
    app.stop().await;
}

#[tokio::test]
async fn a_tag_comes_into_being_by_its_use_and_comes_off_everything_when_removed() {
    let app = TestApp::start().await;
    let client = app.admin().post("/api/v1/clients", &json!({"name": "Acme", "type": "msp_client"})).await.expect(201);
    let known = app.writer().post("/api/v1/tags", &json!({"name": "dns"})).await.expect(201);
    let body = json!({
        "client_id": client.id(), "session_date": "2026-01-16", "session_title": "Mail is down",
        "tags": ["DNS", "Exchange", "exchange"]
    });
    let session = app.writer().post("/api/v1/sessions", &body).await.expect(201);
    let body = json!({"session_id": session.id(), "category": "troubleshooting", "title": "Read the logs", "tags": ["exchange"]});
    let item = app.writer().post("/api/v1/work-items", &body).await.expect(201);

    let exchange = named(&app.reader(), "exchange").await;
    assert_eq!((&exchange["usage_count"], &exchange["category"]), (&json!(2), &json!(null)));
    let dns = named(&app.reader(), "dns").await;
    assert_eq!((&dns["id"], &dns["usage_count"]), (&json!(known.id()), &json!(1)), "the one that was there is used");
    let path = format!("/api/v1/tags/{}", exchange["id"].as_str().expect("an id"));
    assert_eq!(
        app.reader().get(&format!("{path}/usage")).await.expect(200).body,
        json!({
            "tag_id": exchange["id"], "name": "exchange", "sessions": 1, "work_items": 1,
            "recent_sessions": [{"id": session.id(), "session_title": "Mail is down", "session_date": "2026-01-16"}],
            "recent_work_items": [{"id": item.id(), "title": "Read the logs"}]
        })
    );

    let _ = app.writer().put(&path, &json!({"name": "Exchange Server"})).await.expect(200);
    let session_path = format!("/api/v1/sessions/{}", session.id());
    let tags = app.reader().get(&session_path).await.expect(200).body["tags"].clone();
    assert_eq!(tags, json!(["dns", "exchange server"]), "what bears a tag bears its new name");

    let _ = app.writer().delete(&path).await.expect(403);
    let _ = app.admin().delete(&path).await.expect(204);
    assert_eq!(app.reader().get(&session_path).await.expect(200).body["tags"], json!(["dns"]));
    let item_path = format!("/api/v1/work-items/{}", item.id());
    assert_eq!(app.reader().get(&item_path).await.expect(200).body["tags"], json!([]));
    let _ = app.reader().get(&format!("{path}/usage")).await.expect(404);
    app.stop().await;
}
