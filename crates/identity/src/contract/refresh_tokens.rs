use claudetools_kernel::{Id, StoreError};
use futures::future;

use super::{
    Store, account, add_accounts, at, begin, check_filters, check_pages, id, must, refused_by_constraint, uuid, view,
};
use crate::{RefreshKind, RefreshToken, RefreshTokenFilter, RefreshTokenSort};

/// The suite of [`crate::ports::RefreshTokenRepository`].
pub async fn refresh_tokens(store: Store<'_>) {
    add_accounts(store, &[account(1, "one@example.com"), account(2, "two@example.com")]).await;
    let rows = round_trip(store).await;
    unique(store).await;
    lists(store, &rows).await;
    marks(store).await;
    rotation_race(store).await;
    revocation(store).await;
    rollback(store).await;
    removal(store).await;
}

fn token(n: u8, owner: u8) -> RefreshToken {
    let id = id(n);
    RefreshToken::issue(
        id,
        Id::new(uuid(owner)),
        RefreshKind::Rotating,
        [n.wrapping_mul(151); 32],
        None,
        at(i64::from(n)),
    )
}

async fn lookup(store: Store<'_>, n: u8) -> RefreshToken {
    must(view(store).await.refresh_tokens().lookup(id(n)).await).unwrap_or_else(|| panic!("token {n} is there"))
}

async fn round_trip(store: Store<'_>) -> Vec<RefreshToken> {
    let rows = vec![
        RefreshToken { machine: Some("ACME-LAPTOP \u{dc}".into()), ..token(10, 1) },
        RefreshToken { kind: RefreshKind::Static, last_used_at: Some(at(40)), ..token(11, 1) },
        RefreshToken { used_at: Some(at(41)), last_used_at: Some(at(41)), family_id: uuid(10), ..token(12, 1) },
        RefreshToken { revoked_at: Some(at(42)), created_at: at(10), ..token(13, 2) },
        RefreshToken { expires_at: at(60), created_at: at(10), ..token(14, 2) },
    ];
    let mut tx = begin(store).await;
    for row in &rows {
        must(tx.refresh_tokens().add(row).await);
    }
    must(tx.commit().await);
    let mut view = view(store).await;
    for row in &rows {
        assert_eq!(must(view.refresh_tokens().lookup(row.id).await).as_ref(), Some(row));
        assert_eq!(must(view.refresh_tokens().find_by_hash(&row.hash).await).as_ref(), Some(row));
    }
    assert_eq!(must(view.refresh_tokens().find_by_hash(&[255; 32]).await), None);
    rows
}

async fn unique(store: Store<'_>) {
    let mut tx = begin(store).await;
    let twin = RefreshToken { hash: token(10, 1).hash, ..token(20, 1) };
    refused_by_constraint(tx.refresh_tokens().add(&twin).await, "a hash twice");
    drop(tx);
    let mut tx = begin(store).await;
    let twin = RefreshToken { hash: [254; 32], ..token(10, 1) };
    refused_by_constraint(tx.refresh_tokens().add(&twin).await, "an id twice");
}

async fn lists(store: Store<'_>, rows: &[RefreshToken]) {
    check_pages::<RefreshTokenSort, _>(rows, async |page| {
        must(view(store).await.refresh_tokens().list(&RefreshTokenFilter::default(), &page).await)
    })
    .await;
    let filters = [
        RefreshTokenFilter { account_id: Some(id(1)), live_at: None },
        RefreshTokenFilter { account_id: Some(id(99)), live_at: None },
        RefreshTokenFilter { account_id: None, live_at: Some(at(59)) },
        // A token is dead at the very instant of its end.
        RefreshTokenFilter { account_id: None, live_at: Some(at(60)) },
        RefreshTokenFilter { account_id: Some(id(2)), live_at: Some(at(59)) },
    ];
    check_filters::<RefreshTokenSort, _, _>(rows, &filters, RefreshTokenFilter::admits, async |filter, page| {
        must(view(store).await.refresh_tokens().list(&filter, &page).await)
    })
    .await;
}

async fn marks(store: Store<'_>) {
    let mut tx = begin(store).await;
    assert!(must(tx.refresh_tokens().mark_used(id(10), at(80)).await));
    assert!(!must(tx.refresh_tokens().mark_used(id(10), at(81)).await), "used once");
    assert!(!must(tx.refresh_tokens().mark_used(id(13), at(81)).await), "a revoked token is not used");
    assert!(!must(tx.refresh_tokens().mark_used(id(99), at(81)).await), "nor one that is not there");
    assert!(must(tx.refresh_tokens().touch(id(11), at(82)).await));
    assert!(!must(tx.refresh_tokens().touch(id(12), at(82)).await), "a used token stays as it is");
    assert!(!must(tx.refresh_tokens().touch(id(13), at(82)).await), "so does a revoked one");
    must(tx.commit().await);
    let used = lookup(store, 10).await;
    assert_eq!((used.used_at, used.last_used_at, used.revoked_at), (Some(at(80)), Some(at(80)), None));
    let touched = lookup(store, 11).await;
    assert_eq!((touched.used_at, touched.last_used_at), (None, Some(at(82))));
}

async fn rotation_race(store: Store<'_>) {
    let mut tx = begin(store).await;
    must(tx.refresh_tokens().add(&token(30, 1)).await);
    must(tx.commit().await);
    let rotate = async |second: i64| -> Result<bool, StoreError> {
        let mut tx = store.begin().await?;
        let won = tx.refresh_tokens().mark_used(id(30), at(second)).await?;
        tx.commit().await?;
        Ok(won)
    };
    let results = future::join_all((0..8).map(|n| rotate(200 + n))).await;
    let won = results.iter().filter(|result| matches!(result, Ok(true))).count();
    assert_eq!(won, 1, "one rotation wins: {results:?}");
    assert!(results.iter().all(|result| result.as_ref().err().is_none_or(StoreError::is_retryable)), "{results:?}");
}

async fn revocation(store: Store<'_>) {
    let mut tx = begin(store).await;
    // Token 10 is used and 12 of its family; used ones are revoked like any other.
    assert_eq!(must(tx.refresh_tokens().revoke_family(uuid(10), at(90)).await), 2);
    assert_eq!(must(tx.refresh_tokens().revoke_family(uuid(10), at(91)).await), 0, "once");
    assert!(must(tx.refresh_tokens().revoke(id(11), at(92)).await));
    assert!(!must(tx.refresh_tokens().revoke(id(11), at(93)).await), "once");
    assert!(!must(tx.refresh_tokens().revoke(id(99), at(93)).await));
    // Of account 2, token 13 is revoked already.
    assert_eq!(must(tx.refresh_tokens().revoke_account(id(2), at(94)).await), 1);
    must(tx.commit().await);
    let revoked_at = async |n| lookup(store, n).await.revoked_at;
    assert_eq!(revoked_at(10).await, Some(at(90)));
    assert_eq!(revoked_at(11).await, Some(at(92)));
    assert_eq!(revoked_at(12).await, Some(at(90)));
    assert_eq!(revoked_at(13).await, Some(at(42)), "the first end counts");
    assert_eq!(revoked_at(14).await, Some(at(94)));
    assert_eq!(revoked_at(30).await, None);
}

/// A transaction that is dropped leaves nothing in either repository.
async fn rollback(store: Store<'_>) {
    let mut tx = begin(store).await;
    must(tx.accounts().add(&account(50, "gone@example.com")).await);
    must(tx.refresh_tokens().add(&token(51, 50)).await);
    must(tx.login_throttle().add(&crate::ThrottleState::new("email:gone@example.com".into(), at(1))).await);
    drop(tx);
    let mut view = view(store).await;
    assert_eq!(must(view.accounts().lookup(id(50)).await), None);
    assert_eq!(must(view.refresh_tokens().lookup(id(51)).await), None);
    assert_eq!(must(view.login_throttle().lookup("email:gone@example.com").await), None);
}

async fn removal(store: Store<'_>) {
    let mut tx = begin(store).await;
    assert_eq!(must(tx.refresh_tokens().remove_expired(at(59)).await), 0);
    assert_eq!(must(tx.refresh_tokens().remove_expired(at(60)).await), 1, "at the very instant of its end");
    assert_eq!(must(tx.refresh_tokens().remove_account(id(2)).await), 1, "token 13 was left");
    assert!(must(tx.accounts().remove(id(2)).await), "nothing refers to it any more");
    must(tx.commit().await);
    let mut view = view(store).await;
    assert_eq!(must(view.refresh_tokens().lookup(id(13)).await), None);
    assert_eq!(must(view.refresh_tokens().lookup(id(14)).await), None);
    assert!(must(view.refresh_tokens().lookup(id(30)).await).is_some());
}
