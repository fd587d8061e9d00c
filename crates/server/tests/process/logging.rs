//! What the log says, and what it never says.

use serde_json::{Value, json};

use crate::program::{ADMIN_EMAIL, ADMIN_PASSWORD, SOON, Site, eventually};

#[tokio::test]
async fn every_line_is_json_and_those_of_a_request_bear_its_id_method_path_and_status() {
    let server = Site::new().with("LOG_FORMAT", "json").serve().await;
    let admin = server.admin().await;
    let headers = [("x-request-id", "the-one-i-look-for")];
    let answer = admin.try_send(reqwest::Method::GET, "/clients/none", None, &headers).await.expect("an answer");
    assert_eq!(answer.status(), 400);
    let log = server.stop().await.err;
    let lines: Vec<Value> =
        log.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"))).collect();
    for line in &lines {
        assert!(["timestamp", "level", "message", "target"].iter().all(|name| line[name].is_string()), "{line}");
    }
    let of_request: Vec<&Value> =
        lines.iter().filter(|line| line["span"]["request_id"] == "the-one-i-look-for").collect();
    let [line] = of_request[..] else { panic!("not one line but {of_request:?}") };
    assert_eq!(line["span"]["method"], "GET");
    assert_eq!(line["span"]["path"], "/api/v1/clients/none");
    assert_eq!(line["status"], 400);
    assert_eq!(line["level"], "INFO");
    for message in ["listening", "draining", "stopped"] {
        assert!(lines.iter().any(|line| line["message"] == message), "{message} is not in {log}");
    }
}

#[tokio::test]
async fn no_secret_is_ever_logged_however_much_is_logged() {
    let site = Site::new().with("LOG_FORMAT", "json").with("RUST_LOG", "trace");
    let server = site.serve().await;
    let anonymous = server.anonymous();
    let log_in = json!({"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD});
    let tokens = anonymous.post("/auth/token", &log_in).await.expect(200);
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let (access, refresh) = (text(&tokens["access_token"]), text(&tokens["refresh_token"]));
    let refreshed = anonymous.post("/auth/refresh", &json!({"refresh_token": refresh})).await.expect(200);
    let admin = anonymous.clone().with_token(&access);
    admin.get("/auth/me").await.expect(200);
    let wrong = "a password that is wrong";
    anonymous.post("/auth/token", &json!({"email": ADMIN_EMAIL, "password": wrong})).await.expect(401);
    anonymous.clone().with_token("a-token-that-is-none").get("/auth/me").await.expect(401);
    let made = json!({"email": "ann@example.test", "password": "anns long passphrase", "scopes": ["msp:read"]});
    admin.post("/accounts", &made).await.expect(201);
    admin.post("/auth/revoke", &json!({"token": text(&refreshed["refresh_token"])})).await.expect(204);

    // With this much logged, the lines lag behind the answers.
    eventually("the last request in the log", SOON, async || {
        server.log().contains("/api/v1/auth/revoke").then_some(())
    })
    .await;
    let log = server.stop().await.err;
    eprintln!("{} lines at RUST_LOG=trace", log.lines().count());
    let keys = std::fs::read_to_string(site.path("data/jwt.keys")).expect("the key file");
    let (access_again, refresh_again) = (text(&refreshed["access_token"]), text(&refreshed["refresh_token"]));
    let secrets = [
        ("a password", ADMIN_PASSWORD),
        ("a wrong password", wrong),
        ("the password of a new account", "anns long passphrase"),
        ("an access token", access.as_str()),
        ("a refreshed access token", &access_again),
        ("a refresh token", &refresh),
        ("a rotated refresh token", &refresh_again),
        ("a token that is none", "a-token-that-is-none"),
        ("a key", keys.trim()),
        ("the hash of a password", "$argon2"),
    ];
    for (what, secret) in secrets {
        if let Some(line) = log.lines().find(|line| line.contains(secret)) {
            panic!("{what} was logged: {line}");
        }
    }
    assert!(log.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "a line is no JSON");
}
