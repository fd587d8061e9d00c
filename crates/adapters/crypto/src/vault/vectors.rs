//! Project Wycheproof's vectors, through the very functions that seal, open and derive.

use claudetools_credentials::{
    Key,
    ports::{HmacHash, Primitives},
};
use wycheproof::TestResult;

use super::{RingPrimitives, aead, expand};

#[test]
fn aes_256_gcm_agrees_with_wycheproof() {
    use wycheproof::aead::{TestName, TestSet};
    let set = TestSet::load(TestName::AesGcm).unwrap();
    let (mut valid, mut invalid) = (0, 0);
    // Ours are keys of 256 bits, nonces of 96 and tags of 128.
    let groups = set.test_groups.iter().filter(|g| (g.key_size, g.nonce_size, g.tag_size) == (256, 96, 128));
    for case in groups.flat_map(|group| &group.tests) {
        let key = Key::new(case.key.as_slice().try_into().unwrap());
        let nonce: [u8; 12] = case.nonce.as_slice().try_into().unwrap();
        let sealed = [nonce.as_slice(), &case.ct, &case.tag].concat();
        if case.result == TestResult::Invalid {
            assert!(aead::open(&key, &case.aad, &sealed).is_err(), "{case:?}");
            invalid += 1;
        } else {
            assert_eq!(aead::seal_with(&key, nonce, &case.aad, &case.pt).unwrap(), sealed, "{case:?}");
            assert_eq!(aead::open(&key, &case.aad, &sealed).unwrap().as_slice(), case.pt.as_slice(), "{case:?}");
            valid += 1;
        }
    }
    eprintln!("AES-256-GCM: {valid} valid and {invalid} invalid vectors");
    assert!(valid > 30 && invalid > 10);
}

#[test]
fn hkdf_sha_256_agrees_with_wycheproof() {
    use wycheproof::hkdf::{TestName, TestSet};
    let set = TestSet::load(TestName::HkdfSha256).unwrap();
    let (mut valid, mut invalid) = (0, 0);
    for case in set.test_groups.iter().flat_map(|group| &group.tests) {
        let mut out = vec![0; case.size];
        let done = expand(&case.ikm, &case.salt, &[&case.info], &mut out);
        if case.result == TestResult::Invalid {
            assert!(!done, "{case:?}");
            invalid += 1;
        } else {
            assert!(done && out == case.okm.as_slice(), "{case:?}");
            valid += 1;
        }
    }
    eprintln!("HKDF-SHA256: {valid} valid and {invalid} invalid vectors");
    assert!(valid > 50 && invalid > 0);
}

#[test]
fn hmac_agrees_with_wycheproof() {
    use wycheproof::mac::{TestName, TestSet};
    let primitives = RingPrimitives::new();
    for (name, hash) in [
        (TestName::HmacSha1, HmacHash::Sha1),
        (TestName::HmacSha256, HmacHash::Sha256),
        (TestName::HmacSha512, HmacHash::Sha512),
    ] {
        let set = TestSet::load(name).unwrap();
        let (mut valid, mut invalid) = (0, 0);
        for group in &set.test_groups {
            for case in &group.tests {
                let made = primitives.hmac(hash, &case.key, &case.msg);
                let same = primitives.same(&made[..group.tag_size / 8], &case.tag);
                assert_eq!(same, case.result != TestResult::Invalid, "{case:?}");
                *(if same { &mut valid } else { &mut invalid }) += 1;
            }
        }
        eprintln!("HMAC {hash:?}: {valid} valid and {invalid} invalid vectors");
        assert!(valid > 50 && invalid > 50);
    }
}
