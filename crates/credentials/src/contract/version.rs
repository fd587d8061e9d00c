//! The suite of [`crate::ports::VersionRepository`].

use claudetools_kernel::{
    Id, StoreError,
    contract::{at, met_another_writer},
};
use futures::future;

use super::{Outcome, Store, add, bytes, credential, every_field, id, sealed};
use crate::{Credential, FieldSet, Sealed, SealedVersion, SecretField, VersionInfo, WrapCount};

/// The most that is ever sealed, in bytes: the secret fields with every byte escaped, and what JSON and cipher add.
const LARGEST: usize = 6 * crate::MAX_SECRET_BYTES + 16 * 1024;

/// A version under the master key `key_id`, sealed `number` seconds into the year.
pub(super) fn version(credential_id: Id<Credential>, number: i64, key_id: &str) -> SealedVersion {
    let seed = u8::try_from(number).unwrap_or_default();
    SealedVersion {
        credential_id,
        version: number,
        fields: FieldSet::new([SecretField::Password, SecretField::Token]),
        sealed: sealed(key_id, credential_id.uuid().as_bytes()[15].wrapping_add(seed)),
        created_at: at(number),
        created_by: "jo@example.com".to_owned(),
        sealed_at: at(number),
    }
}

/// The rules of the repository of versions.
pub async fn credential_versions(store: Store<'_>) -> Outcome {
    let credentials: Vec<Credential> = (1..=5).map(|n| credential(n, "Firewall")).collect();
    add(store, &credentials).await?;
    round_trips(store).await?;
    removes_the_former(store).await?;
    finds_the_outdated(store).await?;
    reseals_what_it_was_given(store).await?;
    lets_one_of_two_reseal(store).await
}

async fn round_trips(store: Store<'_>) -> Outcome {
    let largest = SealedVersion {
        version: i64::MAX,
        fields: every_field(),
        sealed: Sealed { key_id: "ключ😀".repeat(12), wrapped_key: bytes(9, 256), ciphertext: bytes(7, LARGEST) },
        created_by: "é".repeat(320),
        sealed_at: at(-5),
        ..version(id(1), 12, "")
    };
    let mut empty = version(id(1), 1, "k1");
    (empty.fields, empty.sealed.ciphertext) = (FieldSet::default(), Vec::new());
    let mut tx = store.begin().await?;
    tx.versions().add(&empty).await?;
    drop(tx);
    assert_eq!(store.read().await?.versions().lookup(id(1), 1).await?, None, "dropping a transaction undoes it");

    let mut tx = store.begin().await?;
    for version in [&empty, &largest] {
        tx.versions().add(version).await?;
    }
    tx.commit().await?;
    let mut tx = store.begin().await?;
    for version in [&empty, &largest] {
        let found = tx.versions().lookup(id(1), version.version).await?;
        let found = found.expect("a version");
        // Compared by hand: `Debug` of what is sealed shows nothing.
        assert!(found == *version, "every field comes back: {found:?} for {version:?}");
    }
    let infos: Vec<VersionInfo> = [&largest, &empty].map(SealedVersion::info).to_vec();
    assert_eq!(tx.versions().of(id(1)).await?, infos, "the newest first");
    assert_eq!(tx.versions().of(id(2)).await?, []);
    assert_eq!(tx.versions().lookup(id(1), 2).await?, None);
    assert_eq!(tx.versions().lookup(id(2), 1).await?, None);
    tx.versions().add(&version(id(2), 1, "k1")).await?;
    drop(tx);
    for refused in [version(id(1), 1, "k2"), version(id(250), 1, "k1")] {
        let mut tx = store.begin().await?;
        met_another_writer(tx.versions().add(&refused).await);
    }
    let mut tx = store.begin().await?;
    assert_eq!(tx.versions().remove_up_to(id(1), i64::MAX).await?, 2);
    tx.commit().await
}

async fn removes_the_former(store: Store<'_>) -> Outcome {
    let mut tx = store.begin().await?;
    for number in 1..=12 {
        tx.versions().add(&version(id(1), number, "k1")).await?;
    }
    tx.versions().add(&version(id(2), 1, "k1")).await?;
    assert_eq!(tx.versions().remove_up_to(id(1), 0).await?, 0);
    assert_eq!(tx.versions().remove_up_to(id(1), 2).await?, 2);
    assert_eq!(tx.versions().remove_up_to(id(1), 2).await?, 0, "they are gone");
    let numbers: Vec<i64> = tx.versions().of(id(1)).await?.iter().map(|info| info.version).collect();
    assert_eq!(numbers, (3..=12).rev().collect::<Vec<_>>());
    assert_eq!(tx.versions().of(id(2)).await?.len(), 1, "another's stay");
    assert_eq!(tx.versions().remove_up_to(id(1), 12).await?, 10);
    assert_eq!(tx.versions().remove_up_to(id(2), 1).await?, 1);
    tx.commit().await
}

/// Eight versions of four credentials under three keys, two of which differ by case alone.
async fn add_eight(store: Store<'_>) -> Result<Vec<SealedVersion>, StoreError> {
    let rows = [
        (1, 1, "k1"),
        (1, 2, "k2"),
        (2, 1, "k1"),
        (2, 2, "K1"),
        (3, 1, "k2"),
        (3, 2, "k1"),
        (3, 3, "k1"),
        (4, 1, "k1"),
    ];
    let mut rows: Vec<SealedVersion> = rows.map(|(n, number, key)| version(id(n), number, key)).to_vec();
    let mut tx = store.begin().await?;
    for version in &rows {
        tx.versions().add(version).await?;
    }
    tx.commit().await?;
    rows.sort_by_key(|version| (version.credential_id, version.version));
    Ok(rows)
}

async fn finds_the_outdated(store: Store<'_>) -> Outcome {
    let rows = add_eight(store).await?;
    let mut view = store.read().await?;
    let key = |version: &SealedVersion| (version.credential_id, version.version);
    for (key_id, before, expected) in [
        ("k1", None, 3),
        ("k2", None, 6),
        ("K1", None, 7),
        ("k3", None, 8),
        // To the microsecond: what was sealed at that instant is not before it.
        ("k1", Some(at(1)), 3),
        ("k1", Some(at(2)), 6),
        ("k1", Some(at(3)), 7),
        ("k1", Some(at(4)), 8),
    ] {
        let is_outdated = |version: &&SealedVersion| {
            version.sealed.key_id != key_id || before.is_some_and(|before| version.sealed_at < before)
        };
        let outdated: Vec<&SealedVersion> = rows.iter().filter(is_outdated).collect();
        assert_eq!(outdated.len(), expected, "{key_id} {before:?}");
        let mut after = None;
        for pair in outdated.chunks(2) {
            let found = view.versions().outdated(key_id, before, after, 2).await?;
            assert!(found.iter().eq(pair.iter().copied()), "{key_id} {before:?} {after:?}: {found:?} for {pair:?}");
            after = found.last().map(key);
        }
        assert_eq!(view.versions().outdated(key_id, before, after, 2).await?, [], "nothing is behind the last");
    }
    let between = Some((id(3), 2));
    let behind = rows.iter().filter(|version| Some(key(version)) > between);
    assert!(
        view.versions().outdated("k3", None, between, 100).await?.iter().eq(behind),
        "from the middle of a credential"
    );

    let count = |key_id: &str, versions, outdated| WrapCount { key_id: key_id.to_owned(), versions, outdated };
    let mut counts = view.versions().wrap_counts(None).await?;
    assert!(counts.is_sorted_by(|a, b| a.key_id < b.key_id), "by key id, byte by byte: {counts:?}");
    assert_eq!(counts, [count("K1", 1, 1), count("k1", 5, 5), count("k2", 2, 2)]);
    counts = view.versions().wrap_counts(Some(at(2))).await?;
    assert_eq!(counts, [count("K1", 1, 0), count("k1", 5, 3), count("k2", 2, 1)]);
    counts = view.versions().wrap_counts(Some(at(0))).await?;
    assert_eq!(counts, [count("K1", 1, 0), count("k1", 5, 0), count("k2", 2, 0)]);
    Ok(())
}

async fn reseals_what_it_was_given(store: Store<'_>) -> Outcome {
    let was = version(id(3), 2, "k1");
    let next = SealedVersion { sealed: sealed("k9", 99), sealed_at: at(500), ..was.clone() };
    let mut tx = store.begin().await?;
    assert!(tx.versions().reseal(&next, &was.sealed).await?);
    drop(tx);
    let mut tx = store.begin().await?;
    assert_eq!(tx.versions().lookup(id(3), 2).await?, Some(was.clone()), "dropping a transaction undoes it");
    let mut other = was.sealed.clone();
    other.wrapped_key[60] ^= 1;
    assert!(!tx.versions().reseal(&next, &other).await?, "it is wrapped otherwise by now");
    let elsewhere = SealedVersion { version: 77, ..next.clone() };
    assert!(!tx.versions().reseal(&elsewhere, &was.sealed).await?, "no such version");
    assert!(tx.versions().reseal(&was, &was.sealed).await?, "a row that stays as it was is found all the same");
    assert!(tx.versions().reseal(&next, &was.sealed).await?);
    assert!(!tx.versions().reseal(&next, &was.sealed).await?, "the second time it is not what it was");
    tx.commit().await?;
    let mut view = store.read().await?;
    assert!(view.versions().lookup(id(3), 2).await? == Some(next), "what is sealed is replaced");
    for number in [1, 3] {
        let key = if number == 1 { "k2" } else { "k1" };
        assert!(view.versions().lookup(id(3), number).await? == Some(version(id(3), number, key)), "others stay");
    }
    Ok(())
}

async fn lets_one_of_two_reseal(store: Store<'_>) -> Outcome {
    let was = version(id(4), 1, "k1");
    let reseal = async |seed: u8| -> Result<bool, StoreError> {
        let next = SealedVersion { sealed: sealed("k9", seed), ..was.clone() };
        let mut tx = store.begin().await?;
        let done = tx.versions().reseal(&next, &was.sealed).await?;
        tx.commit().await?;
        Ok(done)
    };
    let (first, second) = future::join(reseal(100), reseal(101)).await;
    let done = [&first, &second].into_iter().filter(|result| matches!(result, Ok(true))).count();
    assert_eq!(done, 1, "two that rotate the same version: {first:?}, {second:?}");
    for error in [first, second].into_iter().filter_map(Result::err) {
        assert!(error.is_retryable(), "{error}");
    }
    Ok(())
}
