//! The seeds that cannot be written by hand: what is sealed or signed. `cargo run --manifest-path fuzz/Cargo.toml --example
//! seeds` writes them anew.

use claudetools_credentials::{Key, Sealed, ShareToken, ports::Vault};
use claudetools_identity::{Claims, ports::TokenSigner};
use claudetools_kernel::Timestamp;
use uuid::Uuid;

use crate::{ISSUED_AT, MASTER_KEY, PLAINTEXT, SUBJECT, TOKENS, VAULT, place};

/// Names of files below `seeds` and what they hold.
pub fn made() -> Vec<(&'static str, Vec<u8>)> {
    let sealed = VAULT.seal(&place(), PLAINTEXT).expect("randomness");
    let length = u16::try_from(sealed.wrapped_key.len()).expect("a wrapped key is short");
    let ciphertext = [&length.to_be_bytes()[..], &sealed.wrapped_key, &sealed.ciphertext].concat();
    let claims = Claims {
        sub: SUBJECT.to_owned(),
        scopes: Vec::new(),
        machine: None,
        iat: ISSUED_AT,
        iat_us: None,
        exp: ISSUED_AT + 3600,
        jti: "seed".to_owned(),
        iss: "claudetools".to_owned(),
        aud: "claudetools".to_owned(),
        agent_type: None,
        parent_session: None,
        run_id: None,
        owner: None,
    };
    let token = |at: usize| TOKENS[at].sign(&claims).expect("a token").into_bytes();
    let link = ShareToken::text(Uuid::from_u128(1), &Key::new([1; 32]));
    vec![
        ("ciphertext/sealed", ciphertext),
        ("share_token/link", link.expose().as_bytes().to_vec()),
        ("jwt/hs256", token(0)),
        ("jwt/eddsa", token(1)),
    ]
}

/// Whether the committed seeds open and verify.
pub fn are_accepted() -> bool {
    let sealed: &[u8] = include_bytes!("../seeds/ciphertext/sealed");
    let Some((length, rest)) = sealed.split_first_chunk::<2>() else { return false };
    let Some((wrapped, text)) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length))) else { return false };
    let sealed = Sealed { key_id: MASTER_KEY.to_owned(), wrapped_key: wrapped.to_vec(), ciphertext: text.to_vec() };
    let now = Timestamp::from_micros((ISSUED_AT + 60) * 1_000_000).expect("a year that is known");
    let tokens = [include_str!("../seeds/jwt/hs256"), include_str!("../seeds/jwt/eddsa")];
    VAULT.open(&place(), &sealed).is_ok()
        && ShareToken::parse(include_str!("../seeds/share_token/link")).is_some()
        && TOKENS.iter().zip(tokens).all(|(keys, token)| keys.verify(token, now).is_ok())
}
