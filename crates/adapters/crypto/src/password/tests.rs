use std::{sync::mpsc::channel, time::Duration};

use super::*;

const CHEAP: HashingCost = HashingCost { memory_kib: 32, iterations: 1, parallelism: 1 };

fn pool(cost: HashingCost) -> PasswordPool {
    PasswordPool::start(PoolSettings { cost, threads: 2, queue: 8 }).unwrap()
}

fn secret(text: &str) -> Secret {
    Secret::new(text)
}

#[tokio::test]
async fn a_password_matches_its_own_hash_alone() {
    let pool = pool(CHEAP);
    let hash = pool.hash(&secret("correct-mule-battery")).await.unwrap();
    assert!(hash.starts_with("$argon2id$v=19$m=32,t=1,p=1$"), "{hash}");
    assert_ne!(hash, pool.hash(&secret("correct-mule-battery")).await.unwrap(), "each has a salt of its own");
    let right = pool.verify(&secret("correct-mule-battery"), Some(&hash)).await.unwrap();
    assert_eq!(right, Verified { ok: true, needs_rehash: false });
    let wrong = pool.verify(&secret("correct-mule-batterz"), Some(&hash)).await.unwrap();
    assert_eq!(wrong, Verified { ok: false, needs_rehash: false });
}

#[tokio::test]
async fn our_hashes_are_those_of_the_crate_and_the_other_way_round() {
    use argon2::{PasswordHasher as _, PasswordVerifier};
    let params = Params::new(32, 1, 1, Some(32)).unwrap();
    let reference = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let pool = pool(CHEAP);
    let ours = pool.hash(&secret("pässword")).await.unwrap();
    let parsed = PasswordHash::new(&ours).unwrap();
    assert!(PasswordVerifier::<PasswordHash>::verify_password(&reference, "pässword".as_bytes(), &parsed).is_ok());
    let theirs = reference.hash_password_with_salt("pässword".as_bytes(), b"0123456789abcdef").unwrap().to_string();
    assert!(pool.verify(&secret("pässword"), Some(&theirs)).await.unwrap().ok);
}

#[tokio::test]
async fn a_hash_with_lower_parameters_wants_another_one_with_higher_does_not() {
    let weak = pool(CHEAP).hash(&secret("some-password")).await.unwrap();
    let raised = pool(HashingCost { memory_kib: 64, ..CHEAP });
    let verified = raised.verify(&secret("some-password"), Some(&weak)).await.unwrap();
    assert_eq!(verified, Verified { ok: true, needs_rehash: true });
    let strong = raised.hash(&secret("some-password")).await.unwrap();
    let verified = pool(CHEAP).verify(&secret("some-password"), Some(&strong)).await.unwrap();
    assert_eq!(verified, Verified { ok: true, needs_rehash: false });
    let slower = pool(HashingCost { iterations: 2, ..CHEAP });
    assert!(slower.verify(&secret("some-password"), Some(&weak)).await.unwrap().needs_rehash);
}

#[tokio::test]
async fn bcrypt_hashes_of_every_dialect_verify_and_want_another() {
    let pool = pool(CHEAP);
    let parts = bcrypt::hash_with_result("first-generation", 4).unwrap();
    for version in [bcrypt::Version::TwoA, bcrypt::Version::TwoB, bcrypt::Version::TwoY] {
        let hash = parts.format_for_version(version);
        let right = pool.verify(&secret("first-generation"), Some(&hash)).await.unwrap();
        assert_eq!(right, Verified { ok: true, needs_rehash: true }, "{hash}");
        assert!(!pool.verify(&secret("first-generatiom"), Some(&hash)).await.unwrap().ok);
    }
}

#[tokio::test]
async fn a_known_bcrypt_hash_verifies() {
    // From the test vectors of jBCrypt.
    let hash = "$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i";
    assert!(pool(CHEAP).verify(&secret("abc"), Some(hash)).await.unwrap().ok);
}

#[tokio::test]
async fn nobody_has_no_password() {
    let verified = pool(CHEAP).verify(&secret("anything"), None).await.unwrap();
    assert_eq!(verified, Verified { ok: false, needs_rehash: false });
}

#[tokio::test]
async fn what_is_no_hash_is_an_error_and_not_a_no() {
    let pool = pool(CHEAP);
    for broken in
        ["", "plain", "$1$abc$def", "$argon2id$v=19$m=32,t=1,p=1$c2FsdHNhbHQ", "$2b$31$short", "$2b$99$x", "$é"]
    {
        let verdict = pool.verify(&secret("anything"), Some(broken)).await;
        assert!(matches!(verdict, Err(Error::Internal(_))), "{broken}: {verdict:?}");
    }
    let greedy = "$argon2id$v=19$m=4000000,t=1,p=1$c2FsdHNhbHRzYWx0$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    assert!(pool.verify(&secret("anything"), Some(greedy)).await.is_err());
}

#[tokio::test]
async fn a_full_queue_refuses_at_once() {
    let pool = PasswordPool::start(PoolSettings { cost: CHEAP, threads: 1, queue: 1 }).unwrap();
    let (release, held) = channel::<()>();
    let (started, running) = oneshot::channel();
    // One occupies the thread, one the queue.
    let busy = pool.run(move |_| Ok((started.send(()), held.recv_timeout(Duration::from_secs(10)).is_ok())));
    let password = secret("anything");
    let check = async {
        running.await.unwrap();
        let waiting = pool.hash(&password);
        let refused = async {
            let refused = pool.hash(&password).await;
            assert!(matches!(refused, Err(Error::Busy(_))), "{refused:?}");
            release.send(()).unwrap();
        };
        let (waited, ()) = tokio::join!(biased; waiting, refused);
        assert!(waited.is_ok(), "{waited:?}");
    };
    let (held, ()) = tokio::join!(biased; busy, check);
    assert!(held.unwrap().1);
}

#[tokio::test]
async fn a_panic_costs_one_answer_and_no_thread() {
    let pool = PasswordPool::start(PoolSettings { cost: CHEAP, threads: 1, queue: 4 }).unwrap();
    let lost: Result<()> = pool.run(|_| panic!("on purpose")).await;
    assert!(matches!(lost, Err(Error::Internal(_))));
    assert!(pool.hash(&secret("anything")).await.is_ok());
}

#[test]
fn the_work_area_is_made_once_and_wiped_each_time() {
    let mut bench = Bench::new(Params::new(32, 1, 1, Some(OUTPUT_BYTES)).unwrap());
    assert_eq!(bench.area.capacity(), 0, "nothing is taken before the first hash");
    let hash = bench.hash(&secret("anything")).unwrap();
    let place = bench.area.as_ptr();
    assert!(bench.verify(&secret("anything"), &hash).unwrap().ok);
    bench.pretend(&secret("anything")).unwrap();
    assert_eq!(bench.area.as_ptr(), place);
    assert_eq!(bench.area.len(), 32);
    assert!(bench.area.iter().all(|block| block.as_ref().iter().all(|word| *word == 0)));
    // A hash of foreign make that needs more gives the memory back.
    let big = Bench::new(Params::new(64, 1, 1, Some(OUTPUT_BYTES)).unwrap()).hash(&secret("anything")).unwrap();
    assert!(bench.verify(&secret("anything"), &big).unwrap().ok);
    assert_eq!(bench.area.len(), 32);
}

#[test]
fn the_default_is_the_first_choice_of_owasp() {
    let HashingCost { memory_kib, iterations, parallelism } = HashingCost::default();
    assert_eq!((memory_kib, iterations, parallelism), (19_456, 2, 1));
    assert!(PoolSettings::default().threads >= 1);
}
