use claudetools_kernel::StoreError;
use futures::future;

use super::{Store, at, begin, contended, exactly_one, must, refused_by_constraint, view};
use crate::{Limit, ThrottleState};

/// The suite of [`crate::ports::LoginThrottleRepository`].
pub async fn login_throttle(store: Store<'_>) {
    let long = ThrottleState::email_key(&"\u{e9}".repeat(254));
    let blocked = (0..7)
        .fold(ThrottleState::new("email:jo@example.com".into(), at(0)), |state, n| state.fail(Limit::Address, at(n)));
    assert!(blocked.blocked_until.is_some() && blocked.recent.len() == 5);
    let full = (0..20).fold(ThrottleState::new(long.clone(), at(0)), |state, n| state.fail(Limit::Network, at(30 + n)));
    // Another row, not the first one in capitals.
    let capitals = ThrottleState::new("email:JO@example.com".into(), at(50)).fail(Limit::Address, at(50));
    let mut tx = begin(store).await;
    for state in [&blocked, &full, &capitals] {
        must(tx.login_throttle().add(state).await);
    }
    must(tx.commit().await);
    let lookup = async |key: &str| must(view(store).await.login_throttle().lookup(key).await);
    for state in [&blocked, &full, &capitals] {
        assert_eq!(lookup(&state.key).await.as_ref(), Some(state), "every field");
    }
    assert_eq!(lookup("email:nobody").await, None);

    let mut tx = begin(store).await;
    refused_by_constraint(tx.login_throttle().add(&blocked).await, "a key twice");
    drop(tx);
    saves(store, &blocked).await;
    two_writers(store, &full).await;

    let mut tx = begin(store).await;
    must(tx.login_throttle().clear(&blocked.key).await);
    must(tx.login_throttle().clear("email:nobody").await);
    assert_eq!(must(tx.login_throttle().remove_idle(at(50)).await), 0, "nothing older than the first instant kept");
    assert_eq!(must(tx.login_throttle().remove_idle(at(51)).await), 1);
    must(tx.commit().await);
    assert_eq!(lookup(&blocked.key).await, None);
    assert_eq!(lookup(&capitals.key).await, None);
    assert!(lookup(&long).await.is_some());
}

async fn saves(store: Store<'_>, state: &ThrottleState) {
    let next = state.clone().fail(Limit::Address, at(400));
    let mut tx = begin(store).await;
    assert_eq!(must(tx.login_throttle().lock(&state.key).await).as_ref(), Some(state));
    assert_eq!(must(tx.login_throttle().lock("email:nobody").await), None);
    must(tx.login_throttle().save(&next, state.revision).await);
    must(tx.commit().await);
    assert_eq!(must(view(store).await.login_throttle().lookup(&state.key).await), Some(next.clone()));
    let mut tx = begin(store).await;
    contended(tx.login_throttle().save(&next, state.revision).await, "a stale revision");
    drop(tx);
    let mut tx = begin(store).await;
    let missing = ThrottleState::new("email:nobody".into(), at(1));
    contended(tx.login_throttle().save(&missing, 0).await, "a missing row");
    drop(tx);
    // What no longer waits has no end of waiting.
    let calm =
        ThrottleState { recent: Vec::new(), strikes: 0, blocked_until: None, revision: next.revision + 1, ..next };
    let mut tx = begin(store).await;
    must(tx.login_throttle().save(&calm, calm.revision - 1).await);
    must(tx.commit().await);
    assert_eq!(must(view(store).await.login_throttle().lookup(&calm.key).await), Some(calm));
}

async fn two_writers(store: Store<'_>, state: &ThrottleState) {
    let write = async |second| -> Result<(), StoreError> {
        let mut tx = store.begin().await?;
        tx.login_throttle().save(&state.clone().fail(Limit::Network, at(second)), state.revision).await?;
        tx.commit().await
    };
    let (first, second) = future::join(write(500), write(501)).await;
    exactly_one(&[first, second], "two counts of one revision");
    // Under lock nothing is lost: all see what the others have counted.
    let count = async |second| -> Result<(), StoreError> {
        let mut tx = store.begin().await?;
        let Some(seen) = tx.login_throttle().lock(&state.key).await? else { panic!("the state is there") };
        let revision = seen.revision;
        tx.login_throttle().save(&seen.fail(Limit::Network, at(second)), revision).await?;
        tx.commit().await
    };
    let results = future::join_all((0..6).map(|n| count(600 + n))).await;
    let counted = results.iter().filter(|result| result.is_ok()).count();
    let after = must(view(store).await.login_throttle().lookup(&state.key).await);
    let revision = after.map_or(0, |after| after.revision);
    assert_eq!(revision, state.revision + 1 + i64::try_from(counted).unwrap_or(0), "{results:?}");
    assert!(results.iter().all(|result| result.as_ref().err().is_none_or(StoreError::is_retryable)), "{results:?}");
}
