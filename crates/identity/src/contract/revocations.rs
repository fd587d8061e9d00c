use super::{Store, at, begin, id, must, refused_by_constraint, view};
use crate::{MAX_CLOCK_STEP, Revocation};

/// The suite of [`crate::ports::RevocationRepository`].
pub async fn revocations(store: Store<'_>) {
    let rows = [
        Revocation::of_subject(id(1), "Jo.Stra\u{df}e@Example.com", at(10)),
        Revocation::of_token(id(2), "0190-jti".into(), Some(at(100)), at(20)),
        // The same token again, in the same instant as the row before it.
        Revocation::of_token(id(3), "0190-jti".into(), Some(at(200)), at(20)),
        Revocation::of_token(id(4), "other".into(), Some(at(300)), at(30)),
    ];
    let mut tx = begin(store).await;
    for row in rows.iter().rev() {
        must(tx.revocations().add(row).await);
    }
    must(tx.commit().await);
    let mut tx = begin(store).await;
    refused_by_constraint(tx.revocations().add(&rows[0]).await, "an id twice");
    drop(tx);

    let since = async |from, now| must(view(store).await.revocations().since(at(from), at(now)).await);
    let mut wanted = rows.to_vec();
    wanted.sort_by_key(|row| (row.recorded_at, row.id));
    assert_eq!(since(0, 50).await, wanted, "every field, by time of entry and id");
    assert_eq!(since(20, 50).await, wanted[1..], "the first instant counts");
    assert_eq!(since(21, 50).await, wanted[3..]);
    assert_eq!(since(31, 50).await, []);
    // Kept beyond the token's own end for as far as a clock may be off.
    let ends = 100 + MAX_CLOCK_STEP.num_seconds();
    assert!(since(0, ends - 1).await.contains(&rows[1]));
    assert!(!since(0, ends).await.contains(&rows[1]), "what has ended is not told");

    let mut tx = begin(store).await;
    assert_eq!(must(tx.revocations().remove_expired(at(ends - 1)).await), 0);
    assert_eq!(must(tx.revocations().remove_expired(at(ends)).await), 1);
    must(tx.commit().await);
    let left: Vec<Revocation> = wanted.into_iter().filter(|row| row.id != rows[1].id).collect();
    assert_eq!(since(0, 50).await, left);

    let mut tx = begin(store).await;
    must(tx.revocations().add(&Revocation::of_token(id(9), "dropped".into(), None, at(40))).await);
    drop(tx);
    assert_eq!(since(0, 50).await, left, "dropping rolls back");
}
