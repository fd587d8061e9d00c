use std::sync::Mutex;

use claudetools_credentials::{
    FieldSet, Purpose, SecretField,
    ports::{Primitives, Vault},
};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;

/// A ring that can be changed like a file.
#[derive(Debug)]
struct Shelf(Mutex<KeyRing>);

impl KeySource for Shelf {
    fn load(&self) -> Result<KeyRing, String> {
        Ok(self.0.lock().unwrap().clone())
    }
}

fn vault() -> (RingVault, Arc<Shelf>) {
    let shelf = Arc::new(Shelf(Mutex::new(KeyRing::generate().unwrap())));
    (RingVault::new(shelf.clone()).unwrap(), shelf)
}

fn place() -> impl Strategy<Value = Place> {
    let purposes = [Purpose::Secrets, Purpose::AuditKey, Purpose::Check, Purpose::Share, Purpose::Export];
    let fields = prop::sample::subsequence(
        vec![SecretField::Password, SecretField::ApiKey, SecretField::TotpSecret, SecretField::CustomFields],
        0..=4,
    );
    (prop::sample::select(purposes.to_vec()), any::<u128>(), any::<i64>(), fields).prop_map(
        |(purpose, row, version, fields)| Place {
            purpose,
            row: Uuid::from_u128(row),
            version,
            fields: FieldSet::new(fields),
        },
    )
}

/// A copy with one bit of one byte flipped.
fn flipped(bytes: &[u8], at: usize, bit: u8) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at] ^= 1 << bit;
    bytes
}

proptest! {
    #[test]
    fn what_is_sealed_opens_at_its_place_and_at_no_other(
        plaintext in prop::collection::vec(any::<u8>(), 0..400), here in place(), there in place(),
    ) {
        let (vault, _) = vault();
        let sealed = vault.seal(&here, &plaintext).unwrap();
        prop_assert_eq!(&**vault.open(&here, &sealed).unwrap(), &plaintext);
        if here != there {
            prop_assert_eq!(vault.open(&there, &sealed), Err(VaultError::Forged));
            prop_assert_eq!(vault.rewrap(&there, &sealed), Err(VaultError::Forged));
        }
        let (again, primitives) = (vault.seal(&here, &plaintext).unwrap(), RingPrimitives::new());
        prop_assert!(again.ciphertext != sealed.ciphertext && again.wrapped_key != sealed.wrapped_key);
        let own = primitives.seal_under(&Key::new([7; 32]), &here, &plaintext).unwrap();
        prop_assert_eq!(&**primitives.open_under(&Key::new([7; 32]), &here, &own).unwrap(), &plaintext);
        prop_assert_eq!(primitives.open_under(&Key::new([8; 32]), &here, &own), Err(VaultError::Forged));
    }

    #[test]
    fn arbitrary_bytes_are_a_typed_error(
        wrapped_key in prop::collection::vec(any::<u8>(), 0..120), ciphertext in prop::collection::vec(any::<u8>(), 0..120), here in place(),
    ) {
        let (vault, _) = vault();
        let sealed = Sealed { key_id: vault.active_key(), wrapped_key, ciphertext };
        prop_assert!(vault.open(&here, &sealed).is_err());
    }
}

fn somewhere() -> Place {
    Place {
        purpose: Purpose::Secrets,
        row: Uuid::from_u128(1),
        version: 3,
        fields: FieldSet::new([SecretField::Password]),
    }
}

#[test]
fn every_bit_flipped_every_truncation_and_every_other_format_is_a_typed_error() {
    let (vault, _) = vault();
    let place = somewhere();
    let sealed = vault.seal(&place, b"correct horse").unwrap();
    let with_ciphertext = |ciphertext| Sealed { ciphertext, ..sealed.clone() };
    let with_key = |wrapped_key| Sealed { wrapped_key, ..sealed.clone() };
    for bit in 0..8 {
        for at in 1..sealed.ciphertext.len() {
            let result = vault.open(&place, &with_ciphertext(flipped(&sealed.ciphertext, at, bit)));
            assert_eq!(result, Err(VaultError::Forged), "byte {at}, bit {bit} of the ciphertext");
        }
        for at in 1..sealed.wrapped_key.len() {
            let result = vault.open(&place, &with_key(flipped(&sealed.wrapped_key, at, bit)));
            assert_eq!(result, Err(VaultError::Forged), "byte {at}, bit {bit} of the data key");
        }
    }
    for length in 0..sealed.ciphertext.len() {
        let result = vault.open(&place, &with_ciphertext(sealed.ciphertext[..length].to_vec()));
        assert!(matches!(result, Err(VaultError::Truncated | VaultError::Forged)), "{length} bytes: {result:?}");
    }
    for length in 0..sealed.wrapped_key.len() {
        let result = vault.open(&place, &with_key(sealed.wrapped_key[..length].to_vec()));
        assert!(matches!(result, Err(VaultError::Truncated | VaultError::Forged)), "{length} bytes: {result:?}");
    }
    for format in (0..=u8::MAX).filter(|format| *format != FORMAT) {
        let mut other = sealed.clone();
        other.ciphertext[0] = format;
        assert_eq!(vault.open(&place, &other), Err(VaultError::Format(format)));
        let mut other = sealed.clone();
        other.wrapped_key[0] = format;
        assert_eq!(vault.open(&place, &other), Err(VaultError::Format(format)));
    }
    let unknown = Sealed { key_id: "mk-none".into(), ..sealed };
    assert_eq!(vault.open(&place, &unknown), Err(VaultError::UnknownKey("mk-none".into())));
}

#[test]
fn two_secrets_of_the_same_fields_cannot_change_places_whole_or_in_part() {
    let (vault, _) = vault();
    let (first, second) = (somewhere(), Place { version: 4, ..somewhere() });
    let (a, b) = (vault.seal(&first, b"one").unwrap(), vault.seal(&second, b"two").unwrap());
    assert_eq!(vault.open(&first, &b), Err(VaultError::Forged));
    assert_eq!(vault.open(&second, &a), Err(VaultError::Forged));
    let mixed = Sealed { wrapped_key: b.wrapped_key.clone(), ..a.clone() };
    assert_eq!(vault.open(&first, &mixed), Err(VaultError::Forged));
    // Not even where both belong to the same place.
    let again = vault.seal(&first, b"one").unwrap();
    let mixed = Sealed { wrapped_key: again.wrapped_key, ..a };
    assert_eq!(vault.open(&first, &mixed), Err(VaultError::Forged));
}

#[test]
fn a_rewrap_leaves_the_ciphertext_alone_and_opens_with_the_new_key_only() {
    let (vault, shelf) = vault();
    let (place, old) = (somewhere(), vault.active_key());
    let sealed = vault.seal(&place, b"correct horse").unwrap();
    let ring = shelf.load().unwrap().with_new_key().unwrap();
    *shelf.0.lock().unwrap() = ring.clone();
    // Nobody has told the vault of the new key; what is wrapped with it tells.
    let renewed = RingVault::new(shelf.clone()).unwrap().rewrap(&place, &sealed).unwrap();
    assert!(renewed.ciphertext == sealed.ciphertext && renewed.key_id != old);
    assert_eq!(&**vault.open(&place, &renewed).unwrap(), b"correct horse");
    assert_eq!(vault.keys(), ring.ids());

    let entries: Vec<_> = ring.entries().collect();
    let alone = KeyRing::parse([entries[0].as_str()]).unwrap();
    let alone = RingVault::new(Arc::new(Shelf(Mutex::new(alone)))).unwrap();
    assert_eq!(&**alone.open(&place, &renewed).unwrap(), b"correct horse");
    assert_eq!(alone.open(&place, &sealed), Err(VaultError::UnknownKey(old.clone())));
    let claimed = Sealed { key_id: old, ..renewed };
    assert_eq!(vault.open(&place, &claimed), Err(VaultError::Forged));
}

#[test]
fn audit_keys_differ_by_master_key_and_are_no_master_keys() {
    let (vault, shelf) = vault();
    *shelf.0.lock().unwrap() = shelf.load().unwrap().with_new_key().unwrap();
    vault.reload().unwrap();
    let keys = vault.keys();
    let (a, b) = (vault.audit_key(&keys[0]).unwrap(), vault.audit_key(&keys[1]).unwrap());
    assert!(a != b && a == vault.audit_key(&keys[0]).unwrap());
    assert!(shelf.load().unwrap().key(&keys[0]) != Some(&a));
}

#[test]
fn a_ring_is_read_from_entries_and_says_what_is_wrong_without_showing_a_key() {
    let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let (one, two) = (format!("k1:{key}"), format!(" k2.x_y-z:{key} "));
    let ring = KeyRing::parse([one.as_str(), two.as_str()]).unwrap();
    assert_eq!(ring.ids(), ["k1", "k2.x_y-z"]);
    assert_eq!(format!("{ring:?}"), r#"KeyRing(["k1", "k2.x_y-z"])"#);
    assert_eq!(KeyRing::parse([]), Err(KeyRingFault::Empty));
    assert_eq!(KeyRing::parse([one.as_str(), one.as_str()]), Err(KeyRingFault::Repeated("k1".into())));
    for bad in
        [key, &format!(":{key}"), &format!("k 1:{key}"), "k1:AAEC", &format!("{}:{key}", "x".repeat(65)), "k1:geheim!"]
    {
        let fault = KeyRing::parse([bad]).unwrap_err();
        assert_eq!(fault, KeyRingFault::Form(1), "{bad}");
        assert!(!fault.to_string().contains("geheim"));
    }
}

#[test]
fn a_passphrase_has_one_key_for_each_salt() {
    let primitives = RingPrimitives::new();
    let key = |passphrase: &[u8], salt| primitives.passphrase_key(passphrase, &[salt; 16]).unwrap();
    assert!(
        key(b"horse", 1) == key(b"horse", 1)
            && key(b"horse", 1) != key(b"horse", 2)
            && key(b"horse", 1) != key(b"house", 1)
    );
}

#[test]
fn one_time_passwords_are_those_of_rfc_6238() {
    // Appendix B: seeds of 20, 32 and 64 bytes, eight digits, 30 seconds.
    let seeds = [
        ("SHA1", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"),
        ("SHA256", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZA"),
        (
            "SHA512",
            "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNA",
        ),
    ];
    let vectors = [
        (59, ["94287082", "46119246", "90693936"]),
        (1_111_111_109, ["07081804", "68084774", "25091201"]),
        (1_111_111_111, ["14050471", "67062674", "99943326"]),
        (1_234_567_890, ["89005924", "91819424", "93441116"]),
        (2_000_000_000, ["69279037", "90698825", "38618901"]),
        (20_000_000_000, ["65353130", "77737706", "47863826"]),
    ];
    for (seconds, codes) in vectors {
        let at = claudetools_kernel::Timestamp::from_micros(seconds * 1_000_000).unwrap();
        for ((algorithm, seed), code) in seeds.into_iter().zip(codes) {
            let uri = format!("otpauth://totp/x?secret={seed}&algorithm={algorithm}&digits=8");
            let totp = claudetools_credentials::Totp::parse(&uri).unwrap();
            let (made, valid_for) = totp.code(&RingPrimitives::new(), at);
            assert_eq!((made.expose(), i64::from(valid_for)), (code, 30 - seconds % 30), "{algorithm} at {seconds}");
        }
    }
}
