//! Generated passwords and passphrases are what their policy says.

use claudetools_credentials::{
    CharacterClass, Key, PassphrasePolicy, PasswordPolicy, Place, Plaintext, VaultError,
    ports::{HmacHash, Primitives},
};
use claudetools_crypto::RingPrimitives;
use claudetools_kernel::Faults;
use proptest::{prelude::*, sample::subsequence};

type Class = (CharacterClass, fn(u8) -> bool);

const CLASSES: [Class; 4] = [
    (CharacterClass::Lower, |byte| byte.is_ascii_lowercase()),
    (CharacterClass::Upper, |byte| byte.is_ascii_uppercase()),
    (CharacterClass::Digits, |byte| byte.is_ascii_digit()),
    (CharacterClass::Symbols, |byte| byte.is_ascii_punctuation()),
];

proptest! {
    #[test]
    fn a_password_has_its_length_all_its_classes_and_nothing_else(
        length in 8_usize..=256,
        classes in subsequence(CLASSES.to_vec(), 1..=4),
        exclude in any::<bool>(),
    ) {
        let names: Vec<CharacterClass> = classes.iter().map(|(class, _)| *class).collect();
        let policy = PasswordPolicy::new(length, &names, exclude, &mut Faults::default()).unwrap();
        let password = policy.generate(&RingPrimitives::new()).unwrap();
        let bytes = password.expose().as_bytes();
        prop_assert_eq!(bytes.len(), length);
        for (_, belongs) in &classes {
            prop_assert!(bytes.iter().any(|byte| belongs(*byte)));
        }
        prop_assert!(bytes.iter().all(|byte| classes.iter().any(|(_, belongs)| belongs(*byte))));
        prop_assert!(!exclude || !bytes.iter().any(|byte| b"0Oo1lI|".contains(byte)));
    }

    #[test]
    fn a_passphrase_has_its_words_and_separators(words in 3_usize..=20, separator in "[-_. 0-9]{1,4}", capitalise: bool) {
        let policy = PassphrasePolicy::new(words, &separator, capitalise, &mut Faults::default()).unwrap();
        let passphrase = policy.generate(&RingPrimitives::new()).unwrap();
        let parts: Vec<&str> = passphrase.expose().split(separator.as_str()).collect();
        prop_assert_eq!(parts.len(), words);
        for part in parts {
            prop_assert!(part.chars().all(char::is_alphabetic) && part.len() >= 3);
            prop_assert_eq!(part.chars().next().unwrap().is_uppercase(), capitalise);
        }
    }
}

/// Chi-squared over 10 digits, 9 degrees of freedom: beyond 45 lies less than one throw in a million.
#[test]
fn no_character_is_favoured() {
    let policy = PasswordPolicy::new(250, &[CharacterClass::Digits], false, &mut Faults::default()).unwrap();
    let mut counts = [0_u32; 10];
    for _ in 0..40 {
        for byte in policy.generate(&RingPrimitives::new()).unwrap().expose().bytes() {
            counts[usize::from(byte - b'0')] += 1;
        }
    }
    let chi: f64 = counts.iter().map(|count| (f64::from(*count) - 1000.0).powi(2) / 1000.0).sum();
    assert!(chi < 45.0, "{counts:?}");
}

#[test]
fn a_source_that_is_broken_is_an_error_and_no_endless_loop() {
    #[derive(Debug)]
    struct Broken(u8);
    impl Primitives for Broken {
        fn hmac(&self, _: HmacHash, _: &[u8], _: &[u8]) -> Vec<u8> {
            Vec::new()
        }
        fn same(&self, _: &[u8], _: &[u8]) -> bool {
            false
        }
        fn random(&self, bytes: &mut [u8]) -> Result<(), VaultError> {
            bytes.fill(self.0);
            Ok(())
        }
        fn seal_under(&self, _: &Key, _: &Place, _: &[u8]) -> Result<Vec<u8>, VaultError> {
            Err(VaultError::NoRandomness)
        }
        fn open_under(&self, _: &Key, _: &Place, _: &[u8]) -> Result<Plaintext, VaultError> {
            Err(VaultError::Forged)
        }
        fn passphrase_key(&self, _: &[u8], _: &[u8; 16]) -> Result<Key, VaultError> {
            Err(VaultError::NoRandomness)
        }
    }
    let classes = [CharacterClass::Lower, CharacterClass::Digits];
    let policy = PasswordPolicy::new(8, &classes, false, &mut Faults::default()).unwrap();
    for byte in [0, 255] {
        assert_eq!(policy.generate(&Broken(byte)), Err(VaultError::NoRandomness));
    }
}
