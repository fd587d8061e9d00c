//! The suite of [`crate::ports::ShareRepository`].

use claudetools_kernel::{
    Id, StoreError,
    contract::{at, met_another_writer},
};
use futures::future;
use uuid::Uuid;

use super::{Outcome, Store, add, bytes, credential, every_field, id};
use crate::{Credential, FieldSet, SecretField, Share};

/// The id of the `n`th link of a suite.
pub(super) fn link(n: u8) -> Uuid {
    id::<()>(n).uuid()
}

/// A link that ends `end` seconds into the year.
pub(super) fn share(n: u8, credential_id: Id<Credential>, end: i64) -> Share {
    Share {
        id: link(n),
        credential_id,
        fields: FieldSet::new([SecretField::Password]),
        sealed: bytes(n, 100),
        views_left: 3,
        expires_at: at(end),
        created_at: at(1),
        created_by: "jo@example.com".to_owned(),
    }
}

/// The rules of the repository of one-time links.
pub async fn credential_shares(store: Store<'_>) -> Outcome {
    add(store, &[credential(1, "Firewall")]).await?;
    round_trips(store).await?;
    counts_views(store).await?;
    shows_the_last_view_once(store).await?;
    removes_the_expired(store).await
}

async fn lock(store: Store<'_>, n: u8) -> Result<Option<Share>, StoreError> {
    let mut tx = store.begin().await?;
    let share = tx.shares().lock(link(n)).await?;
    tx.commit().await?;
    Ok(share)
}

async fn round_trips(store: Store<'_>) -> Outcome {
    let plain = share(1, id(1), 100);
    let largest = Share {
        fields: every_field(),
        sealed: bytes(5, 6 * crate::MAX_SECRET_BYTES + 16 * 1024),
        views_left: i32::MAX,
        created_by: "é".repeat(320),
        ..share(2, id(1), 200)
    };
    let mut tx = store.begin().await?;
    tx.shares().add(&plain).await?;
    drop(tx);
    assert_eq!(lock(store, 1).await?, None, "dropping a transaction undoes it");
    let mut tx = store.begin().await?;
    for share in [&plain, &largest] {
        tx.shares().add(share).await?;
    }
    tx.commit().await?;
    assert!(lock(store, 1).await? == Some(plain), "every field comes back");
    assert!(lock(store, 2).await? == Some(largest), "every field comes back, at its longest too");
    assert_eq!(lock(store, 250).await?, None);
    for refused in [share(1, id(1), 100), share(3, id(250), 100)] {
        let mut tx = store.begin().await?;
        met_another_writer(tx.shares().add(&refused).await);
    }
    Ok(())
}

async fn counts_views(store: Store<'_>) -> Outcome {
    let mut tx = store.begin().await?;
    tx.shares().set_views_left(link(1), 2).await?;
    drop(tx);
    assert_eq!(lock(store, 1).await?, Some(share(1, id(1), 100)), "dropping a transaction undoes it");
    let mut tx = store.begin().await?;
    tx.shares().set_views_left(link(1), 1).await?;
    assert!(tx.shares().remove(link(2)).await?, "there was a link to remove");
    assert!(!tx.shares().remove(link(2)).await?, "and then none");
    tx.commit().await?;
    assert_eq!(lock(store, 1).await?, Some(Share { views_left: 1, ..share(1, id(1), 100) }), "nothing else changes");
    assert_eq!(lock(store, 2).await?, None);
    Ok(())
}

/// Of several that open a link at once, as many see what is inside as there are views.
async fn shows_the_last_view_once(store: Store<'_>) -> Outcome {
    let mut tx = store.begin().await?;
    tx.shares().add(&Share { views_left: 2, ..share(10, id(1), 100) }).await?;
    tx.commit().await?;
    let open = async || -> Result<bool, StoreError> {
        let mut tx = store.begin().await?;
        let Some(share) = tx.shares().lock(link(10)).await? else { return Ok(false) };
        if share.views_left > 1 {
            tx.shares().set_views_left(link(10), share.views_left - 1).await?;
        } else {
            tx.shares().remove(link(10)).await?;
        }
        tx.commit().await?;
        Ok(true)
    };
    let opened = future::join_all((0..4).map(|_| open())).await;
    let shown = opened.iter().filter(|result| matches!(result, Ok(true))).count();
    assert!((1..=2).contains(&shown), "{opened:?}");
    assert!(opened.iter().all(|result| result.as_ref().err().is_none_or(StoreError::is_retryable)), "{opened:?}");
    let left = lock(store, 10).await?.map_or(0, |share| share.views_left);
    assert_eq!(usize::try_from(left).unwrap_or_default() + shown, 2, "every view is counted: {opened:?}");
    Ok(())
}

async fn removes_the_expired(store: Store<'_>) -> Outcome {
    let mut tx = store.begin().await?;
    tx.shares().remove(link(10)).await?;
    for (n, end) in [(20, 300), (21, 301), (22, 302)] {
        tx.shares().add(&share(n, id(1), end)).await?;
    }
    tx.commit().await?;
    let mut tx = store.begin().await?;
    assert_eq!(tx.shares().remove_expired(at(99)).await?, 0, "live ones stay");
    assert_eq!(tx.shares().remove_expired(at(100)).await?, 1, "a link ends at its instant");
    assert_eq!(tx.shares().remove_expired(at(301)).await?, 2);
    tx.commit().await?;
    for (n, stays) in [(1, false), (20, false), (21, false), (22, true)] {
        assert_eq!(lock(store, n).await?.is_some(), stays, "{n}");
    }
    Ok(())
}
