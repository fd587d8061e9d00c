//! An export opens with its passphrase as it was written, and not otherwise.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{cell::Cell, collections::BTreeMap};

use claudetools_credentials::{
    Credential, CredentialFields, CredentialType, Key, Place, Plaintext, SecretFields, Secrets, VaultError,
    export::{CHUNK_BYTES, ExportError, ExportReader, ExportWriter, ExportedCredential, ExportedVersion, MAGIC},
    ports::{HmacHash, Primitives},
};
use claudetools_crypto::RingPrimitives;
use claudetools_kernel::{Faults, Id, Patch, Secret, Timestamp};
use proptest::prelude::*;
use uuid::Uuid;

const PASSPHRASE: &str = "correct horse battery";

/// The real thing, except for Argon2id, which is tried once below and would take all the time of the other tests.
#[derive(Debug, Default)]
struct Quick(RingPrimitives);

impl Primitives for Quick {
    fn hmac(&self, hash: HmacHash, key: &[u8], message: &[u8]) -> Vec<u8> {
        self.0.hmac(hash, key, message)
    }
    fn same(&self, a: &[u8], b: &[u8]) -> bool {
        self.0.same(a, b)
    }
    fn random(&self, bytes: &mut [u8]) -> Result<(), VaultError> {
        self.0.random(bytes)
    }
    fn seal_under(&self, key: &Key, place: &Place, plaintext: &[u8]) -> Result<Vec<u8>, VaultError> {
        self.0.seal_under(key, place, plaintext)
    }
    fn open_under(&self, key: &Key, place: &Place, sealed: &[u8]) -> Result<Plaintext, VaultError> {
        self.0.open_under(key, place, sealed)
    }
    fn passphrase_key(&self, passphrase: &[u8], salt: &[u8; 16]) -> Result<Key, VaultError> {
        let digest = self.hmac(HmacHash::Sha256, passphrase, salt);
        Ok(Key::new(digest.try_into().unwrap()))
    }
}

fn credential(number: u128, secrets: &[&str]) -> ExportedCredential {
    let (mut faults, now) = (Faults::default(), Timestamp::from_micros(1_700_000_000_123_456).unwrap());
    let fields = CredentialFields {
        service_name: Some(format!("Schlüssel {number}")),
        credential_type: Some(CredentialType::Password),
        username: Patch::Set("joe".to_owned()),
        expires_at: Patch::Set(now),
        tags: Some(vec!["a".to_owned()]),
        ..CredentialFields::default()
    };
    let mut credential = Credential::new(Id::new(Uuid::from_u128(number)), fields, now, &mut faults);
    credential.access.subjects.insert("joe@msp.example".to_owned());
    let version = |(at, secret): (usize, &&str)| {
        let custom = BTreeMap::from([("PIN".to_owned(), Secret::new("\"\\\n"))]);
        let fields = SecretFields {
            password: Patch::Set(Secret::new(*secret)),
            custom_fields: Patch::Set(custom),
            ..SecretFields::default()
        };
        let secrets = Secrets::default().change(fields, &mut Faults::default());
        ExportedVersion {
            version: i64::try_from(at).unwrap() + 1,
            created_at: now,
            created_by: "joe".to_owned(),
            secrets,
        }
    };
    let versions: Vec<ExportedVersion> = secrets.iter().enumerate().map(version).collect();
    for version in &versions {
        credential = credential.with_version(version.secrets.fields(), now);
    }
    assert!(faults.is_empty());
    ExportedCredential { credential, versions }
}

fn written(primitives: &dyn Primitives, credentials: &[ExportedCredential]) -> Vec<u8> {
    let mut writer = ExportWriter::begin(primitives, &Secret::new(PASSPHRASE), Vec::new()).unwrap();
    for credential in credentials {
        writer.add(credential).unwrap();
    }
    writer.finish().unwrap()
}

fn read(primitives: &dyn Primitives, passphrase: &str, bytes: &[u8]) -> Result<Vec<ExportedCredential>, ExportError> {
    ExportReader::open(primitives, &Secret::new(passphrase), bytes)?.collect()
}

/// Where the chunks begin, and where the last one ends.
fn chunks(bytes: &[u8]) -> Vec<usize> {
    let mut at = vec![MAGIC.len() + 1 + 16 + 12];
    while let Some(head) = bytes[at[at.len() - 1]..].first_chunk::<4>() {
        at.push(at[at.len() - 1] + 4 + (u32::from_be_bytes(*head) & !(1 << 31)) as usize);
    }
    at
}

/// Enough for three chunks, with credentials across their borders.
fn three_chunks() -> Vec<u8> {
    let secret = "s".repeat(60_000);
    let credentials: Vec<_> = (0..40).map(|number| credential(number, &[&secret])).collect();
    let bytes = written(&Quick::default(), &credentials);
    assert_eq!(chunks(&bytes).len(), 4);
    bytes
}

#[test]
fn an_export_opens_with_its_passphrase_alone() {
    let primitives = RingPrimitives::new();
    let credentials = [credential(1, &[]), credential(2, &["old", "", "näw"])];
    let bytes = written(&primitives, &credentials);
    assert_eq!(read(&primitives, PASSPHRASE, &bytes).unwrap(), credentials);
    assert!(matches!(read(&primitives, "correct horse batterx", &bytes), Err(ExportError::Passphrase)));
    for hidden in ["old", "joe", "Schl"] {
        assert!(!bytes.windows(hidden.len()).any(|window| window == hidden.as_bytes()), "{hidden}");
    }
}

#[test]
fn a_short_passphrase_is_refused() {
    let primitives = Quick::default();
    let begun = ExportWriter::begin(&primitives, &Secret::new("short"), Vec::new());
    assert!(matches!(begun, Err(ExportError::WeakPassphrase)));
}

#[test]
fn an_empty_vault_has_an_export() {
    assert_eq!(read(&Quick::default(), PASSPHRASE, &written(&Quick::default(), &[])).unwrap(), []);
}

#[test]
fn a_vault_of_many_chunks_comes_back_whole() {
    let secrets: Vec<String> = (0..11).map(|at| "\u{1}\"ä".repeat(15_000 + at)).collect();
    let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
    let credentials: Vec<_> = (0..4).map(|number| credential(number, &secrets)).collect();
    let bytes = written(&Quick::default(), &credentials);
    assert!(bytes.len() > 4 * CHUNK_BYTES && chunks(&bytes).len() > 5);
    assert_eq!(read(&Quick::default(), PASSPHRASE, &bytes).unwrap(), credentials);
}

#[test]
fn every_place_to_cut_it_off_is_found() {
    let bytes = written(&Quick::default(), &[credential(1, &["a"])]);
    for length in 0..bytes.len() {
        let error = read(&Quick::default(), PASSPHRASE, &bytes[..length]).unwrap_err();
        assert!(matches!(error, ExportError::NotAnExport | ExportError::Truncated), "{length}: {error}");
    }
    let bytes = three_chunks();
    for end in chunks(&bytes).into_iter().take(3) {
        assert!(matches!(read(&Quick::default(), PASSPHRASE, &bytes[..end]), Err(ExportError::Truncated)), "{end}");
    }
    let more = [&bytes[..], b"x"].concat();
    assert!(matches!(read(&Quick::default(), PASSPHRASE, &more), Err(ExportError::Trailing)));
}

#[test]
fn chunks_that_are_dropped_swapped_repeated_or_another_files_are_found() {
    let (bytes, other) = (three_chunks(), three_chunks());
    let at = chunks(&bytes);
    let part = |from: &[u8], number: usize| from[at[number]..at[number + 1]].to_vec();
    let head = bytes[..at[0]].to_vec();
    let (a, b, c) = (part(&bytes, 0), part(&bytes, 1), part(&bytes, 2));
    let file = |parts: &[&Vec<u8>]| parts.iter().flat_map(|part| part.iter().copied()).collect::<Vec<u8>>();
    let result = |parts: &[&Vec<u8>]| read(&Quick::default(), PASSPHRASE, &file(parts)).map(|all| all.len());
    assert_eq!(result(&[&head, &a, &b, &c]).unwrap(), 40);
    assert!(matches!(result(&[&head, &b, &c]), Err(ExportError::Passphrase)));
    assert!(matches!(result(&[&head, &a, &c]), Err(ExportError::Altered(1))));
    assert!(matches!(result(&[&head, &a, &a, &b, &c]), Err(ExportError::Altered(1))));
    assert!(matches!(result(&[&head, &a, &part(&other, 1), &c]), Err(ExportError::Altered(1))));
    // A chunk that claims to be the last one, to hide those behind it.
    let mut last = b.clone();
    last[0] |= 0x80;
    assert!(matches!(result(&[&head, &a, &last]), Err(ExportError::Altered(1))));
}

#[test]
fn another_header_is_told_apart() {
    let bytes = written(&Quick::default(), &[credential(1, &["a"])]);
    let with = |at: usize, byte: u8| {
        let mut changed = bytes.clone();
        changed[at] = byte;
        read(&Quick::default(), PASSPHRASE, &changed).unwrap_err()
    };
    assert!(matches!(with(0, b'X'), ExportError::NotAnExport));
    assert!(matches!(with(7, 2), ExportError::Format(2)));
    assert!(matches!(with(8, bytes[8] ^ 1), ExportError::Passphrase));
    assert!(matches!(with(35, 9), ExportError::Cost));
}

#[test]
fn a_writer_that_fails_is_an_error() {
    struct Full(Cell<usize>);
    impl std::io::Write for Full {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let left = self.0.get().checked_sub(bytes.len());
            self.0.set(left.ok_or_else(|| std::io::Error::other("full"))?);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let primitives = Quick::default();
    let writer = ExportWriter::begin(&primitives, &Secret::new(PASSPHRASE), Full(Cell::new(40))).unwrap();
    assert!(matches!(writer.finish(), Err(ExportError::Io(_))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_flipped_bit_goes_unseen(at in any::<prop::sample::Index>(), bit in 0_u32..8) {
        let mut bytes = written(&Quick::default(), &[credential(1, &["a", "b"])]);
        let at = at.index(bytes.len());
        bytes[at] ^= 1_u8 << bit;
        prop_assert!(read(&Quick::default(), PASSPHRASE, &bytes).is_err());
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let whole = written(&Quick::default(), &[]);
        let _ = read(&Quick::default(), PASSPHRASE, &bytes);
        let _ = read(&Quick::default(), PASSPHRASE, &[&whole[..36], &bytes[..]].concat());
    }
}
