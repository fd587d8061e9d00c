use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use claudetools_kernel::{Enumeration, Scope};
use proptest::prelude::*;
use ring::hmac;
use serde_json::{Value, json};

use super::*;
use claudetools_identity::Secret;

const NOW: i64 = 1_790_000_000;

fn now() -> Timestamp {
    Timestamp::from_micros(NOW * 1_000_000).unwrap()
}

pub(super) fn claims() -> Claims {
    Claims {
        sub: "jo@example.com".into(),
        scopes: vec![Scope::Read, Scope::Write],
        machine: Some("ws-01".into()),
        iat: NOW,
        iat_us: Some(NOW * 1_000_000),
        exp: NOW + 3600,
        jti: "0190-1".into(),
        iss: "claudetools".into(),
        aud: "claudetools".into(),
        agent_type: None,
        parent_session: None,
        run_id: None,
        owner: None,
    }
}

fn secret(byte: u8) -> Secret {
    Secret::new(STANDARD.encode([byte; 32]))
}

fn tokens(algorithm: JwtAlgorithm, active: &Secret, replaced: &[Secret]) -> JwtTokens {
    JwtTokens::new(JwtKeys::new(algorithm, active, replaced).unwrap(), "claudetools", "claudetools")
}

fn hs256() -> JwtTokens {
    tokens(JwtAlgorithm::Hs256, &secret(1), &[])
}

fn b64(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// A token made by hand, with any header and payload, signed with HMAC.
fn forge(header: &Value, payload: &Value, algorithm: hmac::Algorithm, key: &[u8]) -> String {
    let message = format!("{}.{}", b64(header), b64(payload));
    let tag = hmac::sign(&hmac::Key::new(algorithm, key), message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag.as_ref()))
}

fn forge_hs256(payload: &Value) -> String {
    forge(&json!({"alg": "HS256", "typ": "JWT"}), payload, hmac::HMAC_SHA256, &[1; 32])
}

fn with(field: &str, value: Option<Value>) -> Value {
    let mut payload = serde_json::to_value(claims()).unwrap();
    let members = payload.as_object_mut().unwrap();
    match value {
        Some(value) => members.insert(field.into(), value),
        None => members.remove(field),
    };
    payload
}

#[test]
fn every_algorithm_verifies_its_own_tokens_and_no_other_does() {
    let all: Vec<JwtTokens> = JwtAlgorithm::ALL.iter().map(|algorithm| tokens(*algorithm, &secret(1), &[])).collect();
    for (at, signer) in all.iter().enumerate() {
        let token = signer.sign(&claims()).unwrap();
        for (other, verifier) in all.iter().enumerate() {
            let verdict = verifier.verify(&token, now());
            if at == other {
                assert_eq!(verdict, Ok(claims()));
                assert_eq!(verifier.verify(&token, now()), Ok(claims()), "and again");
            } else {
                assert_eq!(verdict, Err(TokenFault::Malformed), "{at} by {other}");
            }
        }
    }
}

#[test]
fn a_token_without_signature_is_malformed() {
    for alg in ["none", "None", "NONE", ""] {
        let header = json!({"alg": alg, "typ": "JWT"});
        let body = b64(&serde_json::to_value(claims()).unwrap());
        for token in [format!("{}.{body}.", b64(&header)), format!("{}.{body}.AAAA", b64(&header))] {
            assert_eq!(hs256().verify(&token, now()), Err(TokenFault::Malformed), "{alg}");
        }
    }
    let token = hs256().sign(&claims()).unwrap();
    let (message, _) = token.rsplit_once('.').unwrap();
    assert_eq!(hs256().verify(&format!("{message}."), now()), Err(TokenFault::Malformed));
}

#[test]
fn the_header_does_not_choose_the_algorithm() {
    let payload = serde_json::to_value(claims()).unwrap();
    let hs512 = forge(&json!({"alg": "HS512"}), &payload, hmac::HMAC_SHA512, &[1; 32]);
    assert_eq!(hs256().verify(&hs512, now()), Err(TokenFault::Malformed));
    let mislabelled = forge(&json!({"alg": "HS256"}), &payload, hmac::HMAC_SHA512, &[1; 32]);
    assert_eq!(hs256().verify(&mislabelled, now()), Err(TokenFault::BadSignature));
}

#[test]
fn a_public_key_is_no_hmac_secret() {
    use ring::signature::{Ed25519KeyPair, KeyPair};
    let pair = Ed25519KeyPair::from_seed_unchecked(&[1; 32]).unwrap();
    let verifier = tokens(JwtAlgorithm::EdDsa, &secret(1), &[]);
    let payload = serde_json::to_value(claims()).unwrap();
    for alg in ["HS256", "EdDSA"] {
        let token = forge(&json!({"alg": alg}), &payload, hmac::HMAC_SHA256, pair.public_key().as_ref());
        assert!(verifier.verify(&token, now()).is_err(), "{alg}");
    }
}

#[test]
fn a_token_must_say_who_when_until_when_and_which() {
    assert!(hs256().verify(&forge_hs256(&with("machine", None)), now()).is_ok(), "the forgery itself is good");
    for field in ["exp", "jti", "sub", "iat", "iss", "aud", "scopes"] {
        let token = forge_hs256(&with(field, None));
        assert_eq!(hs256().verify(&token, now()), Err(TokenFault::Malformed), "without {field}");
    }
    for (field, value) in [
        ("exp", json!("tomorrow")),
        ("exp", json!(NOW * 1000)),
        ("jti", json!("")),
        ("sub", json!("")),
        ("sub", json!(null)),
        ("iat", json!(-1.5)),
        ("iat_us", json!(0)),
        ("scopes", json!("msp:admin")),
        ("scopes", json!(["root"])),
        ("exp", json!(NOW + 86_401)),
    ] {
        let token = forge_hs256(&with(field, Some(value.clone())));
        assert_eq!(hs256().verify(&token, now()), Err(TokenFault::Malformed), "{field} = {value}");
    }
    for field in ["iss", "aud"] {
        let token = forge_hs256(&with(field, Some(json!("elsewhere"))));
        assert_eq!(hs256().verify(&token, now()), Err(TokenFault::WrongAudience), "{field}");
    }
}

#[test]
fn a_token_is_good_from_a_minute_before_its_date_until_its_end() {
    for algorithm in [JwtAlgorithm::Hs256, JwtAlgorithm::EdDsa] {
        let tokens = tokens(algorithm, &secret(1), &[]);
        let token = tokens.sign(&claims()).unwrap();
        let at = |seconds: i64| now().plus(TimeDelta::seconds(seconds));
        assert!(tokens.verify(&token, at(3599)).is_ok());
        assert_eq!(tokens.verify(&token, at(3600)), Err(TokenFault::Expired), "also when it was seen before");
        assert!(tokens.verify(&token, at(-60)).is_ok());
        assert_eq!(tokens.verify(&token, at(-61)), Err(TokenFault::NotYetValid));
    }
}

#[test]
fn a_replaced_key_still_verifies_and_a_removed_one_no_longer() {
    for algorithm in [JwtAlgorithm::Hs256, JwtAlgorithm::EdDsa] {
        let (old, new) = (secret(1), secret(2));
        let token = tokens(algorithm, &old, &[]).sign(&claims()).unwrap();
        let rolled = tokens(algorithm, &new, std::slice::from_ref(&old));
        assert_eq!(rolled.verify(&token, now()), Ok(claims()));
        let fresh = rolled.sign(&claims()).unwrap();
        assert_eq!(tokens(algorithm, &new, &[]).verify(&fresh, now()), Ok(claims()), "signed with the active one");
        assert_eq!(tokens(algorithm, &new, &[]).verify(&token, now()), Err(TokenFault::BadSignature));
    }
}

#[test]
fn a_token_that_names_no_key_is_tried_with_the_active_one_alone() {
    let rolled = tokens(JwtAlgorithm::Hs256, &secret(2), &[secret(1)]);
    let nameless = forge_hs256(&serde_json::to_value(claims()).unwrap());
    assert_eq!(hs256().verify(&nameless, now()), Ok(claims()));
    assert_eq!(rolled.verify(&nameless, now()), Err(TokenFault::BadSignature));
    let payload = serde_json::to_value(claims()).unwrap();
    let unknown = forge(&json!({"alg": "HS256", "kid": "0000000000000000"}), &payload, hmac::HMAC_SHA256, &[1; 32]);
    assert_eq!(hs256().verify(&unknown, now()), Err(TokenFault::BadSignature));
    let swapped_kid = hs256().keys.active_kid().to_owned();
    let swapped = forge(&json!({"alg": "HS256", "kid": swapped_kid}), &payload, hmac::HMAC_SHA256, &[2; 32]);
    assert_eq!(rolled.verify(&swapped, now()), Err(TokenFault::BadSignature));
}

#[test]
fn extensions_that_must_be_understood_are_not() {
    let header = json!({"alg": "HS256", "crit": ["b64"], "b64": false});
    let token = forge(&header, &serde_json::to_value(claims()).unwrap(), hmac::HMAC_SHA256, &[1; 32]);
    assert_eq!(hs256().verify(&token, now()), Err(TokenFault::Malformed));
}

#[test]
fn no_part_of_a_token_can_be_changed() {
    for algorithm in [JwtAlgorithm::Hs256, JwtAlgorithm::EdDsa] {
        let tokens = tokens(algorithm, &secret(1), &[]);
        let token = tokens.sign(&claims()).unwrap();
        for at in 0..token.len() {
            let mut bytes = token.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            assert!(tokens.verify(&changed, now()).is_err(), "byte {at}");
            assert!(tokens.verify(&token[..at], now()).is_err(), "cut at {at}");
        }
        let parts: Vec<&str> = token.split('.').collect();
        let admin = b64(&with("scopes", Some(json!(["msp:admin"]))));
        for forged in [
            format!("{}.{admin}.{}", parts[0], parts[2]),
            format!("{token}.{}", parts[2]),
            format!(".{token}"),
            format!("{token}="),
            format!("{token} "),
            format!("{}..{}", parts[0], parts[2]),
            "..".into(),
            ".".into(),
            String::new(),
            "a.b.c".into(),
            "x".repeat(1 << 20),
            format!("{token}{}", "A".repeat(9000)),
        ] {
            assert!(tokens.verify(&forged, now()).is_err(), "{forged:.80}");
        }
        assert!(tokens.verify(&token, now()).is_ok());
    }
}

#[test]
fn the_example_of_rfc_7515_is_signed_as_there() {
    // Appendix A.1.
    let key = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
    let message = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    let keys = JwtKeys::new(JwtAlgorithm::Hs256, &Secret::new(key), &[]).unwrap();
    provider::install();
    let signed = crypto::sign(message.as_bytes(), keys.signing().1, jsonwebtoken::Algorithm::HS256).unwrap();
    assert_eq!(signed, "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
}

#[test]
fn the_example_of_rfc_8037_is_signed_as_there() {
    // Appendix A.4.
    let seed = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";
    let message = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
    let keys = JwtKeys::new(JwtAlgorithm::EdDsa, &Secret::new(seed), &[]).unwrap();
    provider::install();
    let signed = crypto::sign(message.as_bytes(), keys.signing().1, jsonwebtoken::Algorithm::EdDSA).unwrap();
    assert_eq!(signed, "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg");
}

#[test]
fn keys_come_in_several_forms_with_one_name() {
    use ring::signature::{Ed25519KeyPair, KeyPair};
    let rng = ring::rand::SystemRandom::new();
    let document = Ed25519KeyPair::generate_pkcs8(&rng).unwrap();
    let pair = Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap();
    let private = Secret::new(STANDARD.encode(document.as_ref()));
    let mut der = vec![0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
    der.extend_from_slice(pair.public_key().as_ref());
    let public = Secret::new(STANDARD.encode(der));
    let token = tokens(JwtAlgorithm::EdDsa, &private, &[]).sign(&claims()).unwrap();
    let rolled = tokens(JwtAlgorithm::EdDsa, &secret(2), std::slice::from_ref(&public));
    assert_eq!(rolled.verify(&token, now()), Ok(claims()), "the old key's public half is enough");
    assert_eq!(JwtKeys::new(JwtAlgorithm::EdDsa, &public, &[]).unwrap_err(), (0, KeyError::PublicOnly));
    let padded = JwtKeys::new(JwtAlgorithm::Hs256, &Secret::new(STANDARD.encode([251; 40])), &[]).unwrap();
    let bare = JwtKeys::new(JwtAlgorithm::Hs256, &Secret::new(URL_SAFE_NO_PAD.encode([251; 40])), &[]).unwrap();
    assert_eq!(padded.active_kid(), bare.active_kid());
    assert_eq!(padded.active_kid().len(), 16);
}

#[test]
fn a_bad_key_is_named() {
    let short = Secret::new(STANDARD.encode([1; 31]));
    let error =
        |algorithm, active: &Secret, replaced: &[Secret]| JwtKeys::new(algorithm, active, replaced).unwrap_err();
    assert_eq!(error(JwtAlgorithm::Hs256, &short, &[]), (0, KeyError::TooShort));
    assert_eq!(error(JwtAlgorithm::Hs256, &secret(1), &[secret(2), short.clone()]), (2, KeyError::TooShort));
    assert_eq!(error(JwtAlgorithm::Hs512, &Secret::new("not base64!"), &[]), (0, KeyError::NotBase64));
    assert_eq!(error(JwtAlgorithm::EdDsa, &short, &[]), (0, KeyError::NotEd25519));
    assert_eq!(error(JwtAlgorithm::Hs256, &Secret::new(""), &[]), (0, KeyError::TooShort));
    assert!(!format!("{:?}", hs256()).contains("\\x01"));
}

#[test]
fn a_generated_key_can_be_used() {
    for algorithm in JwtAlgorithm::ALL {
        let key = generate_key(*algorithm, &crate::RingSecrets::new()).unwrap();
        let tokens = tokens(*algorithm, &key, &[]);
        assert!(tokens.verify(&tokens.sign(&claims()).unwrap(), now()).is_ok());
    }
}

proptest! {
    #[test]
    fn nothing_made_up_is_accepted(token in "[A-Za-z0-9_.=-]{0,200}", noise in any::<String>()) {
        prop_assert!(hs256().verify(&token, now()).is_err());
        prop_assert!(hs256().verify(&noise, now()).is_err());
    }
}
