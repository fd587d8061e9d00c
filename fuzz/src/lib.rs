//! What is fuzzed: everything that reads what an attacker may have written. Each target is a plain function, so that the seeds
//! also run where there is no libFuzzer (`cargo test --manifest-path fuzz/Cargo.toml`).
//!
//! A target panics when a rule is broken; that an input is refused is no fault.

mod error;
mod query;
pub mod seeds;

use std::sync::{Arc, LazyLock};

use claudetools_credentials::{
    FieldSet, Key, Place, Purpose, Sealed, SecretField, ShareToken, Totp, VaultError,
    import::{ImportFormat, parse},
    ports::{Primitives, Vault},
};
use claudetools_crypto::{JwtAlgorithm, JwtKeys, JwtTokens, KeyRing, KeySource, RingPrimitives, RingVault};
use claudetools_identity::ports::TokenSigner;
use claudetools_kernel::{Faults, Secret, Timestamp};
use uuid::Uuid;

pub use query::query;

/// Every target by its name.
pub const TARGETS: [(&str, fn(&[u8])); 6] = [
    ("ciphertext", ciphertext),
    ("share_token", share_token),
    ("totp", totp),
    ("jwt", jwt),
    ("query", query),
    ("import", import),
];

/// What the seed of `ciphertext` holds.
const PLAINTEXT: &[u8] = b"the plaintext of the seed";
/// 32 bytes in base64: the key of everything here.
const KEY: &str = "c2VlZHMgb2YgdGhlIGZ1enppbmcgdGFyZ2V0cywgMzI=";
const MASTER_KEY: &str = "mk-seed";

#[derive(Debug)]
struct Fixed;

impl KeySource for Fixed {
    fn load(&self) -> Result<KeyRing, String> {
        KeyRing::parse([format!("{MASTER_KEY}:{KEY}").as_str()]).map_err(|fault| fault.to_string())
    }
}

static VAULT: LazyLock<RingVault> = LazyLock::new(|| RingVault::new(Arc::new(Fixed)).expect("a good ring"));

fn place() -> Place {
    let fields = FieldSet::new([SecretField::Password]);
    Place { purpose: Purpose::Secrets, row: Uuid::from_u128(1), version: 1, fields }
}

/// Two bytes tell how long the wrapped key is; the rest is the ciphertext. Whatever opens is what was sealed: the seed's text.
pub fn ciphertext(bytes: &[u8]) {
    let Some((length, rest)) = bytes.split_first_chunk::<2>() else { return };
    let length = usize::from(u16::from_be_bytes(*length)).min(rest.len());
    let (wrapped, ciphertext) = rest.split_at(length);
    for key_id in [MASTER_KEY, "mk-lost"] {
        let (wrapped_key, ciphertext) = (wrapped.to_vec(), ciphertext.to_vec());
        let sealed = Sealed { key_id: key_id.to_owned(), wrapped_key, ciphertext };
        match VAULT.open(&place(), &sealed) {
            Ok(plaintext) => assert_eq!(plaintext.as_slice(), PLAINTEXT),
            Err(VaultError::KeyRing(_) | VaultError::NoRandomness) => panic!("an error of no ciphertext"),
            Err(_) => {}
        }
        if let Ok(again) = VAULT.rewrap(&place(), &sealed) {
            assert_eq!(again.ciphertext, sealed.ciphertext);
        }
        let elsewhere = Place { version: 2, ..place() };
        assert!(VAULT.open(&elsewhere, &sealed).is_err());
    }
    // Nothing was ever sealed under this key.
    assert!(RingPrimitives::new().open_under(&Key::new([7; 32]), &place(), rest).is_err());
}

/// Only the text of a link is one.
pub fn share_token(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Some((id, key)) = ShareToken::parse(text) {
        assert_eq!(ShareToken::text(id, &key).expose(), text);
    }
}

/// What is taken for a seed gives a code.
pub fn totp(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match Totp::parse(text) {
        Ok(totp) => {
            for seconds in [0, 1_111_111_111, 253_402_300_799] {
                let at = Timestamp::from_micros(seconds * 1_000_000).expect("a year that is known");
                let (code, valid_for) = totp.code(&RingPrimitives::new(), at);
                assert!((6..=8).contains(&code.expose().len()) && code.expose().bytes().all(|b| b.is_ascii_digit()));
                assert!((1..=120).contains(&valid_for));
            }
        }
        Err(fault) => assert!(!fault.to_string().is_empty()),
    }
}

static TOKENS: LazyLock<[JwtTokens; 2]> = LazyLock::new(|| {
    [JwtAlgorithm::Hs256, JwtAlgorithm::EdDsa].map(|algorithm| {
        let keys = JwtKeys::new(algorithm, &Secret::new(KEY), &[]).expect("a good key");
        JwtTokens::new(keys, "claudetools", "claudetools")
    })
});

/// When the seed of `jwt` was issued.
const ISSUED_AT: i64 = 1_700_000_000;
/// Whose it is.
const SUBJECT: &str = "seed@msp.example";

/// Nobody but the holder of the key says who somebody is: what verifies is the seed's own token.
pub fn jwt(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let now = Timestamp::from_micros((ISSUED_AT + 60) * 1_000_000).expect("a year that is known");
    for tokens in TOKENS.iter() {
        if let Ok(claims) = tokens.verify(text, now) {
            assert_eq!((claims.sub.as_str(), claims.iat), (SUBJECT, ISSUED_AT));
        }
    }
}

/// The first byte tells the format. What is read can be entered, and faults show nothing but their row.
pub fn import(bytes: &[u8]) {
    let Some((format, file)) = bytes.split_first() else { return };
    let formats = [ImportFormat::Csv, ImportFormat::Keepass, ImportFormat::Bitwarden];
    let Ok(rows) = parse(formats[usize::from(*format) % formats.len()], file) else { return };
    for (at, row) in rows.into_iter().enumerate() {
        let draft = match row {
            Ok(credential) => credential.into_draft(),
            Err(fault) => {
                assert_eq!(fault.row, at + 1);
                continue;
            }
        };
        let mut faults = Faults::default();
        let now = Timestamp::from_micros(0).expect("a year that is known");
        let id = claudetools_kernel::Id::new(Uuid::nil());
        let _ = claudetools_credentials::Credential::new(id, draft.fields, now, &mut faults);
        let _ = claudetools_credentials::Secrets::default().change(draft.secrets, &mut faults);
        assert!(faults.is_empty(), "{faults}");
    }
}
