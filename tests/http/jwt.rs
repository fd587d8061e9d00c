//! Every abuse of an access token that `identity.md` lists is 401.

use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use claudetools_kernel::{Clock, Scope};
use claudetools_testkit::TestApp;
use ring::hmac;
use serde_json::{Value, json};

const SECRET: [u8; 32] = [42; 32];

/// A token with any header and payload, signed by HMAC under any key.
fn forge(header: &Value, payload: &Value, algorithm: hmac::Algorithm, key: &[u8]) -> String {
    let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(header), part(payload));
    let tag = hmac::sign(&hmac::Key::new(algorithm, key), message.as_bytes());
    format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(tag))
}

async fn status(app: &TestApp, token: &str) -> u16 {
    app.anonymous().with_token(token).get("/api/v1/auth/me").await.status
}

#[tokio::test]
async fn abused_tokens_are_401() {
    let app = TestApp::builder().with("JWT_SECRET_KEY", &BASE64_STANDARD.encode(SECRET)).start().await;
    let good = serde_json::to_value(app.claims("jo@example.com", Scope::Admin)).expect("claims");
    let header = json!({"alg": "HS256", "typ": "JWT"});
    let sign = |payload: &Value| forge(&header, payload, hmac::HMAC_SHA256, &SECRET);
    assert_eq!(status(&app, &sign(&good)).await, 200, "the forge itself makes good tokens");

    let changed = |field: &str, value: Value| {
        let mut payload = good.clone();
        payload[field] = value;
        sign(&payload)
    };
    let without = |field: &str| {
        let mut payload = good.clone();
        payload.as_object_mut().expect("claims").remove(field);
        sign(&payload)
    };
    let now = app.clock.now().micros() / 1_000_000;
    let whole = sign(&good);
    let parts: Vec<&str> = whole.split('.').collect();
    let none = json!({"alg": "none", "typ": "JWT"});
    let hs512 = json!({"alg": "HS512", "typ": "JWT"});
    let unsigned = forge(&none, &good, hmac::HMAC_SHA256, &SECRET);
    let abuses = [
        ("alg none, signed", unsigned.clone()),
        ("alg none, unsigned", format!("{}.", unsigned.rsplit_once('.').expect("three parts").0)),
        ("another algorithm", forge(&hs512, &good, hmac::HMAC_SHA512, &SECRET)),
        ("another algorithm named only", forge(&hs512, &good, hmac::HMAC_SHA256, &SECRET)),
        ("another key", forge(&header, &good, hmac::HMAC_SHA256, &[7; 32])),
        ("an empty key", forge(&header, &good, hmac::HMAC_SHA256, &[])),
        ("an unknown kid", forge(&json!({"alg": "HS256", "kid": "nope"}), &good, hmac::HMAC_SHA256, &SECRET)),
        ("no exp", without("exp")),
        ("no jti", without("jti")),
        ("no sub", without("sub")),
        ("no iat", without("iat")),
        ("no iss", without("iss")),
        ("no aud", without("aud")),
        ("over", changed("exp", json!(now - 1))),
        ("exp as text", changed("exp", json!("tomorrow"))),
        ("issued in the future", {
            let mut p = good.clone();
            p["iat"] = json!(now + 3600);
            p["iat_us"] = json!((now + 3600) * 1_000_000);
            p["exp"] = json!(now + 7200);
            sign(&p)
        }),
        ("another issuer", changed("iss", json!("elsewhere"))),
        ("another audience", changed("aud", json!("elsewhere"))),
        ("no scopes", changed("scopes", json!([]))),
        ("unknown scopes", changed("scopes", json!(["root"]))),
        ("changed payload", {
            let mut p = good.clone();
            p["sub"] = json!("eve@example.com");
            format!("{}.{}.{}", parts[0], BASE64_URL_SAFE_NO_PAD.encode(p.to_string()), parts[2])
        }),
        ("cut signature", whole[..whole.len() - 4].to_owned()),
        ("no signature", format!("{}.{}.", parts[0], parts[1])),
        ("two parts", format!("{}.{}", parts[0], parts[1])),
        ("four parts", format!("{whole}.x")),
        ("huge", format!("{}.{}.{}", parts[0], "A".repeat(5_000), parts[2])),
        ("dots", "..".to_owned()),
    ];
    for (what, token) in abuses {
        let answer = app.anonymous().with_token(&token).get("/api/v1/auth/me").await;
        assert_eq!((answer.status, answer.code()), (401, "UNAUTHORIZED"), "{what}: {}", answer.text);
    }
    app.stop().await;
}

#[tokio::test]
async fn a_key_is_replaced_without_logging_anyone_out() {
    let (old, new) = (BASE64_STANDARD.encode([1; 32]), BASE64_STANDARD.encode([2; 32]));
    let before = TestApp::builder().with("JWT_SECRET_KEY", &old).start().await;
    let issued_before = before.sign(&before.claims("jo@example.com", Scope::Read));
    before.stop().await;
    let after = TestApp::builder().with("JWT_SECRET_KEY", &new).with("JWT_VERIFICATION_KEYS", &old).start().await;
    assert_eq!(status(&after, &issued_before).await, 200);
    let issued_after = after.sign(&after.claims("jo@example.com", Scope::Read));
    assert_ne!(issued_before.split('.').next(), issued_after.split('.').next(), "another kid in the header");
    after.stop().await;
    let at_last = TestApp::builder().with("JWT_SECRET_KEY", &new).start().await;
    assert_eq!(status(&at_last, &issued_before).await, 401, "once the old key is taken out");
    assert_eq!(status(&at_last, &issued_after).await, 200);
    at_last.stop().await;
}

#[tokio::test]
async fn every_algorithm_of_the_configuration_signs_and_refuses_the_others() {
    for algorithm in ["HS256", "HS384", "HS512", "EdDSA"] {
        let app = TestApp::builder()
            .with("JWT_ALGORITHM", algorithm)
            .with("JWT_SECRET_KEY", &BASE64_STANDARD.encode(SECRET))
            .start()
            .await;
        let token = app.sign(&app.claims("jo@example.com", Scope::Read));
        assert_eq!(status(&app, &token).await, 200, "{algorithm}");
        let good = serde_json::to_value(app.claims("jo@example.com", Scope::Read)).expect("claims");
        for (name, hash) in [("HS256", hmac::HMAC_SHA256), ("HS384", hmac::HMAC_SHA384), ("HS512", hmac::HMAC_SHA512)] {
            let forged = forge(&json!({"alg": name}), &good, hash, &SECRET);
            assert_eq!(
                status(&app, &forged).await,
                if name == algorithm { 200 } else { 401 },
                "{name} against {algorithm}"
            );
        }
        app.stop().await;
    }
}
