//! `identity.md`: accounts, log-in, tokens of both kinds, revocation.

use claudetools_kernel::Scope;
use claudetools_testkit::{ADMIN_EMAIL, ADMIN_PASSWORD, Answer, Api, TestApp};
use serde_json::{Value, json};

const TOKEN: &str = "/api/v1/auth/token";
const REFRESH: &str = "/api/v1/auth/refresh";
const REVOKE: &str = "/api/v1/auth/revoke";

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

async fn try_log_in(app: &TestApp, email: &str, password: &str) -> Answer {
    app.anonymous().post(TOKEN, &json!({"email": email, "password": password})).await
}

async fn refresh(app: &TestApp, token: &str) -> Answer {
    app.anonymous().post(REFRESH, &json!({"refresh_token": token})).await
}

async fn me(app: &TestApp, token: &str) -> Answer {
    app.anonymous().with_token(token).get("/api/v1/auth/me").await
}

#[tokio::test]
async fn a_log_in_gives_a_token_that_says_who_is_calling() {
    let app = TestApp::start().await;
    let body = json!({"email": ADMIN_EMAIL.to_uppercase(), "password": ADMIN_PASSWORD, "machine": "bench-7"});
    let granted = app.anonymous().post(TOKEN, &body).await.expect(200);
    assert_eq!(granted.header("cache-control"), "no-store");
    assert_eq!((&granted.body["token_type"], &granted.body["expires_in"]), (&json!("bearer"), &json!(3600)));
    assert_eq!(granted.body["scopes"], json!(["msp:read", "msp:write", "msp:admin"]));
    let own = me(&app, text(&granted.body["access_token"])).await.expect(200);
    assert_eq!((&own.body["subject"], &own.body["machine"]), (&json!(ADMIN_EMAIL), &json!("bench-7")));
    app.clock.advance(3601);
    let over = me(&app, text(&granted.body["access_token"])).await.expect(401);
    assert_eq!(over.code(), "UNAUTHORIZED");
    app.stop().await;
}

#[tokio::test]
async fn an_unknown_address_and_a_wrong_password_get_the_same_answer() {
    let app = TestApp::start().await;
    let wrong = try_log_in(&app, ADMIN_EMAIL, "not the password").await.expect(401);
    let unknown = try_log_in(&app, "nobody@claudetools.test", "not the password").await.expect(401);
    assert_eq!(wrong.body["error"], unknown.body["error"]);
    for body in
        [json!({}), json!({"email": ADMIN_EMAIL}), json!({"email": ADMIN_EMAIL, "password": "x", "refresh_token": "y"})]
    {
        assert_eq!(app.anonymous().post(TOKEN, &body).await.expect(400).code(), "INVALID_REQUEST");
    }
    app.stop().await;
}

#[tokio::test]
async fn after_five_failures_an_address_waits_longer_and_longer() {
    let app = TestApp::start().await;
    for _ in 0..5 {
        let _ = try_log_in(&app, ADMIN_EMAIL, "not the password").await.expect(401);
    }
    let held = try_log_in(&app, ADMIN_EMAIL, ADMIN_PASSWORD).await.expect(429);
    assert_eq!(held.code(), "RATE_LIMIT_EXCEEDED");
    let first_wait: i64 = held.header("retry-after").parse().expect("seconds");
    assert_eq!(held.body["error"]["retry_after"], first_wait);
    assert!(first_wait > 0);
    app.clock.advance(first_wait + 1);
    let _ = try_log_in(&app, ADMIN_EMAIL, "not the password").await.expect(401);
    let held = try_log_in(&app, ADMIN_EMAIL, ADMIN_PASSWORD).await.expect(429);
    let second_wait: i64 = held.header("retry-after").parse().expect("seconds");
    assert!(second_wait > first_wait, "{second_wait} after {first_wait}");
    app.clock.advance(second_wait + 1);
    let _ = try_log_in(&app, ADMIN_EMAIL, ADMIN_PASSWORD).await.expect(200);
    for _ in 0..4 {
        let _ = try_log_in(&app, ADMIN_EMAIL, "not the password").await.expect(401);
    }
    let _ = try_log_in(&app, ADMIN_EMAIL, ADMIN_PASSWORD).await.expect(200);
    app.stop().await;
}

#[tokio::test]
async fn after_twenty_failures_a_caller_waits_whatever_the_address() {
    let app = TestApp::start().await;
    for n in 0..20 {
        let _ = try_log_in(&app, &format!("nobody{n}@claudetools.test"), "not the password").await.expect(401);
    }
    let _ = try_log_in(&app, ADMIN_EMAIL, ADMIN_PASSWORD).await.expect(429);
    app.clock.advance(3600);
    let _ = try_log_in(&app, ADMIN_EMAIL, ADMIN_PASSWORD).await.expect(200);
    app.stop().await;
}

#[tokio::test]
async fn a_rotating_refresh_token_works_once_and_its_reuse_ends_the_family() {
    let app = TestApp::start().await;
    let first = text(&app.log_in().await["refresh_token"]).to_owned();
    let granted = refresh(&app, &first).await.expect(200);
    let second = text(&granted.body["refresh_token"]).to_owned();
    assert_ne!(first, second);
    let _ = me(&app, text(&granted.body["access_token"])).await.expect(200);
    let _ = refresh(&app, &first).await.expect(401);
    let ended = refresh(&app, &second).await;
    assert!(matches!(ended.status, 401 | 403), "the successor ends with its family: {}", ended.text);
    app.stop().await;
}

#[tokio::test]
async fn fifty_parallel_refreshes_of_one_rotating_token_leave_the_family_ended() {
    let app = TestApp::start().await;
    let token = text(&app.log_in().await["refresh_token"]).to_owned();
    let caller = app.anonymous();
    let attempts: Vec<_> = (0..50)
        .map(|_| {
            let (caller, body) = (caller.clone(), json!({"refresh_token": token}));
            tokio::spawn(async move { caller.post(REFRESH, &body).await })
        })
        .collect();
    let mut won = Vec::new();
    for attempt in attempts {
        let answer = attempt.await.expect("no panic");
        match answer.status {
            200 => won.push(text(&answer.body["refresh_token"]).to_owned()),
            401 | 403 => {}
            other => panic!("{other}: {}", answer.text),
        }
    }
    assert_eq!(won.len(), 1, "exactly one wins");
    let after = refresh(&app, &won[0]).await;
    assert!(matches!(after.status, 401 | 403), "the 49 others were reuse, which ends the family: {}", after.text);
    app.stop().await;
}

#[tokio::test]
async fn a_static_refresh_token_serves_several_machines_until_it_is_ended() {
    let app = TestApp::start().await;
    let body = json!({"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD, "machine": "shared", "refresh_kind": "static"});
    let granted = app.anonymous().post(TOKEN, &body).await.expect(200);
    let token = text(&granted.body["refresh_token"]).to_owned();
    for _ in 0..3 {
        let again = refresh(&app, &token).await.expect(200);
        assert_eq!(again.body.get("refresh_token").unwrap_or(&Value::Null), &Value::Null);
        let _ = app.anonymous().post(TOKEN, &json!({"refresh_token": token})).await.expect(200);
    }
    let listed = app.admin().get("/api/v1/auth/refresh-tokens").await.expect(200);
    let row = &listed.body["refresh_tokens"][0];
    assert_eq!(row["machine"], "shared");
    assert!(!listed.text.contains(&token), "the list shows no token");
    let path = format!("/api/v1/auth/refresh-tokens/{}", text(&row["id"]));
    let _ = app.admin().delete(&path).await.expect(204);
    let _ = app.admin().delete(&path).await.expect(404);
    let ended = refresh(&app, &token).await.expect(403);
    assert_eq!(ended.code(), "TOKEN_REVOKED");
    app.clock.advance(31 * 24 * 3600);
    let _ = refresh(&app, &token).await.expect(401);
    app.stop().await;
}

#[tokio::test]
async fn a_revoked_access_token_is_403_at_once_and_after_a_restart() {
    let mut app = TestApp::start().await;
    let granted = app.log_in().await;
    let (access, refreshing) = (text(&granted["access_token"]).to_owned(), text(&granted["refresh_token"]).to_owned());
    let own = app.anonymous().with_token(&access);
    let _ = own.post(REVOKE, &json!({"token": access})).await.expect(204);
    assert_eq!(me(&app, &access).await.expect(403).code(), "TOKEN_REVOKED");
    app.restart().await;
    assert_eq!(me(&app, &access).await.expect(403).code(), "TOKEN_REVOKED");

    let _ = app.reader().post(REVOKE, &json!({"token": refreshing})).await.expect(204);
    assert_eq!(refresh(&app, &refreshing).await.expect(403).code(), "TOKEN_REVOKED");

    let claims = app.claims("victim@claudetools.test", Scope::Read);
    let victim = app.sign(&claims);
    let _ = app.reader().post(REVOKE, &json!({"jti": claims.jti})).await.expect(403);
    let _ = me(&app, &victim).await.expect(200);
    let _ = app.admin().post(REVOKE, &json!({"jti": claims.jti})).await.expect(204);
    let _ = me(&app, &victim).await.expect(403);
    app.stop().await;
}

async fn new_account(admin: &Api, email: &str, scopes: Value) -> Answer {
    let body = json!({"email": email, "password": "correct horse battery", "scopes": scopes});
    admin.post("/api/v1/accounts", &body).await
}

#[tokio::test]
async fn accounts_are_managed_by_admins_and_show_no_password() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let made = new_account(&admin, "Jo@Example.com", json!(["msp:write"])).await.expect(201);
    assert_eq!(made.body["scopes"], json!(["msp:read", "msp:write"]));
    assert!(!made.text.contains("argon2") && !made.text.contains("battery"), "{}", made.text);
    let taken = new_account(&admin, "jo@example.COM", json!(["msp:read"])).await.expect(409);
    assert_eq!(taken.body["error"]["details"], json!({"field": "email", "existing_id": made.id()}));
    for (password, status) in [("short", 400), ("password12345", 422), ("jo2@example.com", 422)] {
        let body = json!({"email": "jo2@example.com", "password": password, "scopes": ["msp:read"]});
        let refused = admin.post("/api/v1/accounts", &body).await.expect(status);
        assert_eq!(refused.body["error"]["details"]["field"], "password", "{}", refused.text);
    }
    let granted = try_log_in(&app, "jo@example.com", "correct horse battery").await.expect(200);
    assert_eq!(granted.body["scopes"], json!(["msp:read", "msp:write"]));
    let path = format!("/api/v1/accounts/{}", made.id());
    let demoted = admin.put(&path, &json!({"scopes": ["msp:read"]})).await.expect(200);
    assert_eq!(demoted.body["scopes"], json!(["msp:read"]));
    let stale = me(&app, text(&granted.body["access_token"])).await;
    assert_eq!(stale.code(), "TOKEN_REVOKED", "a demotion reaches the tokens given before");
    let _ = admin.put(&path, &json!({"is_active": false})).await.expect(200);
    let _ = try_log_in(&app, "jo@example.com", "correct horse battery").await.expect(401);
    let _ = admin.delete(&path).await.expect(204);
    app.stop().await;
}

#[tokio::test]
async fn the_last_active_admin_can_be_neither_removed_nor_demoted() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let accounts = admin.get("/api/v1/accounts").await.expect(200);
    let first = format!("/api/v1/accounts/{}", text(&accounts.body["accounts"][0]["id"]));
    assert_eq!(admin.delete(&first).await.expect(409).code(), "CONFLICT");
    for change in [json!({"scopes": ["msp:write"]}), json!({"is_active": false})] {
        assert_eq!(admin.put(&first, &change).await.expect(409).code(), "CONFLICT");
    }
    let second = new_account(&admin, "second@example.com", json!(["msp:admin"])).await.expect(201);
    let second = format!("/api/v1/accounts/{}", second.id());
    let demote = json!({"scopes": ["msp:read"]});
    // Tokens of a caller without an account, so that neither demotion ends the other's token.
    let (a, b) = (app.caller("root@elsewhere", Scope::Admin), app.caller("root2@elsewhere", Scope::Admin));
    let (one, two) = tokio::join!(a.put(&first, &demote), b.put(&second, &demote));
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409], "of two demotions at once one is refused");
    app.stop().await;
}

#[tokio::test]
async fn a_new_password_ends_every_token_of_the_account() {
    let app = TestApp::start().await;
    let made = new_account(&app.admin(), "jo@example.com", json!(["msp:write"])).await.expect(201);
    let granted = try_log_in(&app, "jo@example.com", "correct horse battery").await.expect(200);
    let (access, token) =
        (text(&granted.body["access_token"]).to_owned(), text(&granted.body["refresh_token"]).to_owned());
    let path = format!("/api/v1/accounts/{}/password", made.id());
    let own = app.anonymous().with_token(&access);
    let _ = own.put(&path, &json!({"password": "another long passphrase"})).await.expect(400);
    let wrong = json!({"password": "another long passphrase", "current_password": "wrong"});
    let _ = own.put(&path, &wrong).await.expect(422);
    let _ = app
        .writer()
        .put(&path, &json!({"password": "another long passphrase", "current_password": "x"}))
        .await
        .expect(403);
    let right = json!({"password": "another long passphrase", "current_password": "correct horse battery"});
    let _ = own.put(&path, &right).await.expect(204);
    assert_eq!(me(&app, &access).await.expect(403).code(), "TOKEN_REVOKED");
    assert!(matches!(refresh(&app, &token).await.status, 401 | 403));
    let _ = try_log_in(&app, "jo@example.com", "correct horse battery").await.expect(401);
    let fresh = try_log_in(&app, "jo@example.com", "another long passphrase").await.expect(200);
    let _ = me(&app, text(&fresh.body["access_token"])).await.expect(200);
    app.stop().await;
}

#[tokio::test]
async fn routes_whose_answers_carry_tokens_refuse_an_idempotency_key() {
    let app = TestApp::start().await;
    let keyed = app.anonymous().with("idempotency-key", "k1");
    let body = json!({"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD});
    assert_eq!(keyed.post(TOKEN, &body).await.expect(400).code(), "INVALID_REQUEST");
    assert_eq!(keyed.post(REFRESH, &json!({"refresh_token": "x"})).await.expect(400).code(), "INVALID_REQUEST");
    let zipped = app.anonymous().with("accept-encoding", "gzip").post(TOKEN, &body).await.expect(200);
    assert_eq!(zipped.header("content-encoding"), "", "a secret is never compressed");
    app.stop().await;
}
