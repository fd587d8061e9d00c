//! Credentials: what only they do.

use claudetools_kernel::{Scope, Timestamp};
use claudetools_testkit::{Answer, Api, TestApp};
use serde_json::{Value, json};

const PATH: &str = "/api/v1/credentials";

async fn enter(app: &TestApp, body: Value) -> String {
    app.writer().post(PATH, &body).await.expect(201).id().to_owned()
}

fn firewall() -> Value {
    json!({"service_name": "Firewall", "credential_type": "password", "username": "admin",
        "password": "first-secret", "custom_fields": {"enable": "second-secret"}})
}

fn at(id: &str, rest: &str) -> String {
    format!("{PATH}/{id}{rest}")
}

/// The audit chain, the first row first: action and reason.
async fn chain(app: &TestApp) -> Vec<(String, String)> {
    let listed = app.admin().get("/api/v1/credential-audit-logs?sort=seq&limit=200").await.expect(200).body;
    let rows = listed["credential_audit_logs"].as_array().expect("rows").clone();
    let text = |row: &Value, name: &str| row[name].as_str().unwrap_or("").to_owned();
    rows.iter().map(|row| (text(row, "action"), text(row, "reason"))).collect()
}

async fn actions(app: &TestApp) -> Vec<String> {
    chain(app).await.into_iter().map(|(action, _)| action).collect()
}

#[tokio::test]
async fn a_credential_lives_from_its_entry_to_its_end() {
    let app = TestApp::start().await;
    let made = app.writer().post(PATH, &firewall()).await.expect(201);
    assert_eq!(made.body["has"], json!(["password", "custom_fields"]));
    assert_eq!((&made.body["version"], &made.body["is_active"]), (&json!(1), &json!(true)));
    let id = made.id();
    assert_eq!(made.header("location"), at(id, ""));
    assert_eq!(app.reader().get(&at(id, "")).await.expect(200).body, made.body);

    let shown = app.reader().get(&at(id, "/decrypt")).await.expect(200);
    assert_eq!(shown.header("cache-control"), "no-store");
    assert_eq!((&shown.body["password"], &shown.body["username"]), (&json!("first-secret"), &json!("admin")));
    assert_eq!(shown.body["custom_fields"], json!({"enable": "second-secret"}));
    assert!(shown.body.get("api_key").is_none(), "what is not set is not shown");

    let body = json!({"password": "third-secret", "custom_fields": null, "username": "root"});
    let changed = app.writer().put(&at(id, ""), &body).await.expect(200);
    assert_eq!((&changed.body["has"], &changed.body["version"]), (&json!(["password"]), &json!(2)));
    let renamed = app.writer().put(&at(id, ""), &json!({"service_name": "Edge firewall"})).await.expect(200);
    assert_eq!(renamed.body["version"], 2, "what says nothing of a secret makes no version");

    let versions = app.reader().get(&at(id, "/versions")).await.expect(200).body;
    let numbers: Vec<&Value> =
        versions["versions"].as_array().expect("versions").iter().map(|v| &v["version"]).collect();
    assert_eq!(numbers, [2, 1]);
    let first = app.reader().get(&at(id, "/versions/1/decrypt")).await.expect(200);
    assert_eq!(first.body["password"], "first-secret");
    app.reader().get(&at(id, "/versions/9/decrypt")).await.expect(404);
    app.reader().get(&at(id, "/versions/0/decrypt")).await.expect(400);
    let restored = app.writer().post(&at(id, "/versions/1/restore"), &json!({})).await.expect(200);
    assert_eq!((&restored.body["version"], &restored.body["has"]), (&json!(3), &json!(["password", "custom_fields"])));
    let shown = app.reader().get(&at(id, "/decrypt")).await.expect(200);
    assert_eq!((&shown.body["password"], &shown.body["version"]), (&json!("first-secret"), &json!(3)));

    app.writer().delete(&at(id, "")).await.expect(403);
    app.admin().delete(&at(id, "")).await.expect(204);
    app.admin().delete(&at(id, "")).await.expect(404);
    app.reader().get(&at(id, "/decrypt")).await.expect(404);
    let wanted = ["create", "read", "update", "update", "version_read", "update", "read", "delete"];
    assert_eq!(actions(&app).await, wanted);
    let verified = app.admin().get("/api/v1/credential-audit-logs/verify").await.expect(200).body;
    assert_eq!((&verified["is_whole"], &verified["rows"]), (&json!(true), &json!(8)));
    app.stop().await;
}

#[tokio::test]
async fn an_answer_with_secrets_is_neither_compressed_nor_kept_nor_left_out() {
    let app = TestApp::start().await;
    // Long enough, and alike enough, to be worth compressing.
    let body =
        json!({"service_name": "Firewall", "credential_type": "note", "secret_notes": "again and ".repeat(2000)});
    let id = enter(&app, body).await;
    let asking = app.reader().with("accept-encoding", "gzip, br");
    let [long, detail] = [at(&id, "/decrypt"), at(&id, "")];
    let etag = asking.get(&detail).await.expect(200).header("etag").to_owned();
    for path in [long, at(&id, "/versions/1/decrypt")] {
        for condition in ["*", &etag, "W/\"1\""] {
            let shown = asking.clone().with("if-none-match", condition).get(&path).await.expect(200);
            assert_eq!(shown.header("content-encoding"), "", "{path}");
            assert_eq!(shown.header("cache-control"), "no-store", "{path}");
            assert_eq!(shown.header("etag"), "", "{path}");
            assert!(shown.body["secret_notes"].as_str().is_some_and(|text| text.len() == 20_000), "{path}");
        }
    }
    assert_eq!(actions(&app).await.len(), 7, "and each has its row");
    app.stop().await;
}

#[tokio::test]
async fn only_the_ten_versions_before_the_present_one_are_kept() {
    let app = TestApp::start().await;
    let id = enter(&app, firewall()).await;
    for number in 2..=13 {
        app.writer().put(&at(&id, ""), &json!({"password": format!("secret {number}")})).await.expect(200);
    }
    let versions = app.reader().get(&at(&id, "/versions")).await.expect(200).body;
    assert_eq!((&versions["total"], &versions["versions"][10]["version"]), (&json!(11), &json!(3)));
    app.reader().get(&at(&id, "/versions/2/decrypt")).await.expect(404);
    app.stop().await;
}

#[tokio::test]
async fn every_access_is_recorded_with_who_from_where_and_why() {
    let app = TestApp::start().await;
    let id = enter(&app, firewall()).await;
    let reader = app.reader().with("x-request-id", "ticket-4711").with("user-agent", "ct/9");
    reader.get(&at(&id, "/decrypt?reason=the%20switch%20is%20down")).await.expect(200);
    let filtered =
        format!("/api/v1/credential-audit-logs?credential_id={id}&action=read&subject=reader@claudetools.test");
    let listed = app.admin().get(&filtered).await.expect(200).body;
    let row = &listed["credential_audit_logs"][0];
    let expected = json!({"action": "read", "subject": "reader@claudetools.test", "credential_id": id,
        "credential_name": "Firewall", "client_ip": "127.0.0.1", "user_agent": "ct/9", "request_id": "ticket-4711",
        "reason": "the switch is down", "agent_type": null, "parent_session": null});
    for (name, value) in expected.as_object().expect("fields") {
        assert_eq!(&row[name], value, "{name}");
    }
    app.writer().get("/api/v1/credential-audit-logs").await.expect(403);
    app.writer().get("/api/v1/credential-audit-logs/verify").await.expect(403);
    app.stop().await;
}

#[tokio::test]
async fn a_credential_can_ask_for_a_reason() {
    let app = TestApp::start().await;
    let mut body = firewall();
    body["requires_reason"] = json!(true);
    let id = enter(&app, body).await;
    for path in ["/decrypt", "/decrypt?reason=%20"] {
        let refused = app.reader().get(&at(&id, path)).await.expect(422);
        assert_eq!(refused.body["error"]["details"]["field"], "reason");
    }
    app.reader().get(&at(&id, "/decrypt?reason=ticket")).await.expect(200);
    assert_eq!(actions(&app).await, ["create", "denied", "denied", "read"]);
    app.stop().await;
}

#[tokio::test]
async fn a_restricted_credential_does_not_exist_for_others() {
    let app = TestApp::start().await;
    let id = enter(&app, firewall()).await;
    let access = at(&id, "/access");
    app.writer().put(&access, &json!({"subjects": ["jo@example.com"]})).await.expect(403);
    let set = app.admin().put(&access, &json!({"subjects": ["Jo@Example.com"]})).await.expect(200);
    assert_eq!(set.body["subjects"], json!(["jo@example.com"]));

    let jo = app.caller("jo@example.com", Scope::Write);
    jo.get(&at(&id, "/decrypt")).await.expect(200);
    assert_eq!(jo.get(&access).await.expect(200).body["is_restricted"], true);
    for other in [app.reader(), app.admin()] {
        for path in ["", "/decrypt", "/versions", "/versions/1/decrypt", "/totp", "/access"] {
            let refused = other.get(&at(&id, path)).await.expect(404);
            assert_eq!(refused.body["error"]["details"]["resource_type"], "credential", "{path}");
        }
        assert_eq!(other.get(PATH).await.expect(200).body["total"], 0);
    }
    app.writer().put(&at(&id, ""), &json!({"service_name": "Mine"})).await.expect(404);
    app.admin().delete(&at(&id, "")).await.expect(404);
    app.writer().post(&at(&id, "/shares"), &json!({"ttl_seconds": 60})).await.expect(404);
    assert_eq!(jo.get(PATH).await.expect(200).body["total"], 1);
    // Whoever administers may still mend it.
    app.admin().put(&access, &json!({})).await.expect(200);
    app.reader().get(&at(&id, "/decrypt")).await.expect(200);
    let denied = actions(&app).await.iter().filter(|action| *action == "denied").count();
    assert_eq!(denied, 9, "three reads by two callers, and three attempts to do something");
    app.stop().await;
}

#[tokio::test]
async fn agents_see_a_restricted_credential_only_by_the_name_of_their_type() {
    let app = TestApp::start().await;
    let id = enter(&app, firewall()).await;
    let session = json!({"session_date": "2026-01-16", "session_title": "Backup"});
    let session = app.writer().post("/api/v1/sessions", &session).await.expect(201);
    let start = json!({"session_id": session.id()});
    let agent = app.writer().post("/api/v1/agents/backup", &start).await.expect(201);
    let agent = app.anonymous().with_token(agent.body["access_token"].as_str().expect("a token"));
    agent.get(&at(&id, "/decrypt")).await.expect(200);
    app.admin().put(&at(&id, "/access"), &json!({"subjects": ["writer@claudetools.test"]})).await.expect(200);
    agent.get(&at(&id, "/decrypt")).await.expect(404);
    app.admin().put(&at(&id, "/access"), &json!({"agent_types": ["backup"]})).await.expect(200);
    agent.get(&at(&id, "/decrypt")).await.expect(200);
    app.writer().get(&at(&id, "/decrypt")).await.expect(404);
    let listed = app.admin().get("/api/v1/credential-audit-logs?subject=agent:backup&action=read").await.expect(200);
    assert_eq!(listed.body["credential_audit_logs"][0]["parent_session"], json!(session.id()));
    app.stop().await;
}

#[tokio::test]
async fn secrets_are_read_twenty_times_a_minute_at_the_most() {
    let app = TestApp::start().await;
    let id = enter(&app, firewall()).await;
    let reader = app.reader();
    for left in (0..20).rev() {
        let shown = reader.get(&at(&id, "/decrypt")).await.expect(200);
        assert_eq!(shown.header("x-ratelimit-remaining"), left.to_string());
    }
    let refused = reader.get(&at(&id, "/decrypt")).await.expect(429);
    assert_eq!(refused.code(), "RATE_LIMIT_EXCEEDED");
    assert!(refused.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds <= 60));
    reader.get(&at(&id, "/totp")).await.expect(429);
    reader.get(&at(&id, "")).await.expect(200);
    app.writer().get(&at(&id, "/decrypt")).await.expect(200);
    app.stop().await;
}

#[tokio::test]
async fn a_one_time_password_is_that_of_rfc_6238() {
    let app = TestApp::start().await;
    // The seed of the RFC's appendix B, "12345678901234567890".
    let seed = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
    let uri = format!("otpauth://totp/Acme:jo?secret={seed}&digits=8");
    let body = json!({"service_name": "VPN", "credential_type": "totp", "totp_secret": uri});
    let id = enter(&app, body).await;
    app.clock.stand_at(Timestamp::from_micros(20_000_000_000 * 1_000_000).expect("a time of the RFC's table"));
    let code = app.admin().get(&at(&id, "/totp")).await.expect(200);
    assert_eq!((&code.body["code"], &code.body["valid_for_seconds"]), (&json!("65353130"), &json!(10)));
    assert_eq!(code.header("cache-control"), "no-store");

    for bad in ["not base32!", "otpauth://hotp/x?secret=GEZDGNBV&counter=1", "otpauth://totp/x"] {
        let body = json!({"service_name": "VPN", "credential_type": "totp", "totp_secret": bad});
        let refused = app.writer().post(PATH, &body).await.expect(422);
        assert_eq!(refused.body["error"]["details"]["field"], "totp_secret");
        assert!(!refused.text.contains("GEZDGNBV") && !refused.text.contains("not base32"), "{}", refused.text);
    }
    let without = enter(&app, firewall()).await;
    app.admin().get(&at(&without, "/totp")).await.expect(409);
    app.stop().await;
}

#[tokio::test]
async fn a_link_shows_the_secret_as_often_as_it_says_and_is_gone_then() {
    let app = TestApp::start().await;
    let id = enter(&app, firewall()).await;
    let body = json!({"ttl_seconds": 600, "max_views": 2, "fields": ["password"]});
    let made = app.writer().post(&at(&id, "/shares"), &body).await.expect(201);
    assert_eq!(made.header("cache-control"), "no-store");
    let token = made.body["token"].clone();
    let open = async |token: &Value| app.anonymous().post("/api/v1/shares/open", &json!({"token": token})).await;

    // What the link shows is as it was when the link was made, and no more of it than it says.
    app.writer().put(&at(&id, ""), &json!({"password": "changed since"})).await.expect(200);
    let shown = open(&token).await.expect(200);
    assert_eq!((&shown.body["password"], &shown.body["views_left"]), (&json!("first-secret"), &json!(1)));
    assert!(shown.body.get("custom_fields").is_none());
    assert_eq!(shown.header("cache-control"), "no-store");
    // Another's key opens nothing and uses nothing up.
    let mut wrong = token.as_str().expect("a token").to_owned();
    let last = wrong.pop().expect("a character");
    wrong.push(if last == 'A' { 'B' } else { 'A' });
    open(&json!(wrong)).await.expect(404);
    open(&json!("nonsense")).await.expect(404);
    open(&token).await.expect(200);
    open(&token).await.expect(404);

    let made = app.writer().post(&at(&id, "/shares"), &json!({"ttl_seconds": 60})).await.expect(201);
    app.clock.advance(61);
    open(&made.body["token"]).await.expect(404);
    assert_eq!(app.running().assembly.services.shares.sweep().await.expect("a sweep"), 1);
    let opened = actions(&app).await.iter().filter(|action| *action == "share_opened").count();
    assert_eq!(opened, 2);
    for bad in [json!({}), json!({"ttl_seconds": 0}), json!({"ttl_seconds": 60, "max_views": 101})] {
        app.writer().post(&at(&id, "/shares"), &bad).await.expect(400);
    }
    let empty = enter(&app, json!({"service_name": "Empty", "credential_type": "note"})).await;
    app.writer().post(&at(&empty, "/shares"), &json!({"ttl_seconds": 60})).await.expect(409);
    app.stop().await;
}

#[tokio::test]
async fn answers_with_secrets_are_never_kept_for_a_repeated_request() {
    let app = TestApp::start().await;
    let writer = app.writer().with("idempotency-key", "once");
    let first = writer.post(PATH, &firewall()).await.expect(201);
    let second = writer.post(PATH, &firewall()).await.expect(201);
    assert_eq!((second.header("idempotent-replayed"), &second.body), ("true", &first.body));
    assert!(!second.text.contains("first-secret"));
    let refused = writer.post(&at(first.id(), "/shares"), &json!({"ttl_seconds": 60})).await.expect(400);
    assert_eq!(refused.body["error"]["details"]["field"], "Idempotency-Key");
    writer.get(&at(first.id(), "/decrypt")).await.expect(400);
    app.stop().await;
}

#[tokio::test]
async fn what_makes_no_credential_is_refused_and_says_why() {
    let app = TestApp::start().await;
    let unknown = "01980000-0000-7000-8000-00000000dead";
    let cases = [
        (json!({"credential_type": "password"}), 400, "service_name"),
        (json!({"service_name": "x", "credential_type": "pin"}), 400, "credential_type"),
        (json!({"service_name": "x", "credential_type": "note", "pasword": "p"}), 400, "pasword"),
        (json!({"service_name": "x", "credential_type": "note", "password": 12}), 400, "password"),
        (json!({"service_name": "x", "credential_type": "note", "custom_port": 70000}), 400, "custom_port"),
        (json!({"service_name": "x", "credential_type": "note", "secret_notes": "x".repeat(65_537)}), 400, "secrets"),
        (
            json!({"service_name": "x", "credential_type": "note", "external_url": "https://u:p@x.example"}),
            422,
            "external_url",
        ),
    ];
    for (body, status, field) in cases {
        let refused = app.writer().post(PATH, &body).await.expect(status);
        assert_eq!(refused.body["error"]["details"]["field"], field, "{}", refused.text);
    }
    for (field, kind) in [("client_id", "client"), ("service_id", "service"), ("infrastructure_id", "infrastructure")] {
        let body = json!({"service_name": "x", "credential_type": "note", field: unknown});
        let refused = app.writer().post(PATH, &body).await.expect(404);
        assert_eq!(refused.body["error"]["details"]["resource_type"], kind);
    }
    app.reader().post(PATH, &firewall()).await.expect(403);
    let longest = json!({"service_name": "x", "credential_type": "note", "secret_notes": "\u{1}".repeat(65_536)});
    let id = enter(&app, longest.clone()).await;
    let shown = app.reader().get(&at(&id, "/decrypt")).await.expect(200);
    assert_eq!(shown.body["secret_notes"], longest["secret_notes"], "kept byte for byte");
    app.stop().await;
}

#[tokio::test]
async fn every_filter_narrows_the_list() {
    let app = TestApp::start().await;
    let client = app.admin().post("/api/v1/clients", &json!({"name": "Acme", "type": "internal"})).await.expect(201);
    let rows = [
        json!({"service_name": "Router", "credential_type": "password", "client_id": client.id(), "tags": ["edge"]}),
        json!({"service_name": "API", "credential_type": "api_key", "expires_at": "2026-02-01T00:00:00Z"}),
        json!({"service_name": "Old", "credential_type": "note", "is_active": false,
            "rotation_interval_days": 30, "last_rotated_at": "2020-01-01T00:00:00Z"}),
    ];
    for row in rows {
        enter(&app, row).await;
    }
    let names = async |query: &str| -> Vec<Value> {
        let listed = app.reader().get(&format!("{PATH}?{query}")).await.expect(200).body;
        listed["credentials"].as_array().expect("rows").iter().map(|row| row["service_name"].clone()).collect()
    };
    assert_eq!(names("").await, ["API", "Old", "Router"]);
    assert_eq!(names(&format!("client_id={}", client.id())).await, ["Router"]);
    assert_eq!(names("credential_type=api_key").await, ["API"]);
    assert_eq!(names("q=EDGE").await, ["Router"]);
    assert_eq!(names("expires_before=2026-02-01T00:00:01Z").await, ["API"]);
    assert_eq!(names("expires_before=2026-02-01T00:00:00Z").await, [""; 0]);
    assert_eq!(names("rotation_due=true").await, ["Old"]);
    assert_eq!(names("rotation_due=false&is_active=true").await, ["API", "Router"]);
    let refused = app.admin().delete(&format!("/api/v1/clients/{}", client.id())).await.expect(409);
    assert_eq!(refused.body["error"]["details"]["referenced_by"][0]["resource_type"], "credential");
    app.stop().await;
}

#[tokio::test]
async fn a_change_meant_for_another_revision_is_refused() {
    let app = TestApp::start().await;
    let made = app.writer().post(PATH, &firewall()).await.expect(201);
    let current = app.writer().with("if-match", made.header("etag"));
    let changed = current.put(&at(made.id(), ""), &json!({"password": "x"})).await.expect(200);
    let refused: Answer = current.put(&at(made.id(), ""), &json!({"password": "y"})).await.expect(412);
    assert_eq!(refused.code(), "PRECONDITION_FAILED");
    let reader: Api = app.reader().with("if-none-match", changed.header("etag"));
    reader.get(&at(made.id(), "")).await.expect(304);
    app.stop().await;
}

#[tokio::test]
async fn a_generated_secret_is_shown_once_or_goes_into_a_credential_unseen() {
    let app = TestApp::start().await;
    let generate = format!("{PATH}/generate");
    let body = json!({"length": 40, "classes": ["digits", "lower"], "exclude_ambiguous": true});
    let made = app.writer().post(&generate, &body).await.expect(200);
    assert_eq!(made.header("cache-control"), "no-store");
    let secret = made.body["secret"].as_str().expect("a secret");
    assert!(secret.len() == 40 && secret.chars().all(|c| c.is_ascii_digit() || c.is_ascii_lowercase()), "{secret}");
    assert!(
        !secret.contains(['0', 'o', '1', 'l']) && made.body["entropy_bits"].as_f64().is_some_and(|bits| bits > 150.0)
    );
    let words = json!({"kind": "passphrase", "words": 5, "separator": "."});
    let words = app.writer().post(&generate, &words).await.expect(200);
    assert_eq!(words.body["secret"].as_str().map(|text| text.split('.').count()), Some(5));

    let id = enter(&app, firewall()).await;
    let into = app.writer().post(&generate, &json!({"credential_id": id, "length": 30})).await.expect(200);
    assert_eq!((into.body.get("secret"), &into.body["version"]), (None, &json!(2)));
    let shown = app.reader().get(&at(&id, "/decrypt")).await.expect(200);
    assert_eq!(shown.body["password"].as_str().map(str::len), Some(30));
    assert_eq!(shown.body["custom_fields"]["enable"], "second-secret", "the others stay");
    for (bad, status, field) in [
        (json!({"length": 7}), 400, "length"),
        (json!({"words": 5}), 422, "words"),
        (json!({"kind": "passphrase", "separator": "x"}), 400, "separator"),
        (json!({"field": "token"}), 422, "field"),
    ] {
        let refused = app.writer().post(&generate, &bad).await.expect(status);
        assert_eq!(refused.body["error"]["details"]["field"], field, "{}", refused.text);
    }
    app.writer().with("idempotency-key", "k").post(&generate, &json!({})).await.expect(400);
    app.reader().post(&generate, &json!({})).await.expect(403);
    for word in ["generate", "rewrap"] {
        let refused = app.admin().put(&format!("{PATH}/{word}"), &json!({})).await.expect(405);
        assert!(refused.header("allow").contains("POST"), "{word}");
    }
    app.stop().await;
}
