//! What the contract suites of all domains share. A suite runs on every storage adapter and says what each must do alike.

use std::fmt::Debug;

use uuid::Uuid;

use crate::{
    AuditEntry, Direction, Keyed, Page, PageRequest, ReplayRecord, Sort, SortField, Start, StoreError, StoredReply,
    Timestamp, Transaction, UnitOfWork,
};

/// The instant `seconds` after the beginning of 2026.
///
/// # Panics
/// Never for the small numbers that suites use.
pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros((1_767_225_600 + seconds) * 1_000_000 + 123_456).expect("an instant of our century")
}

/// The `n`th id of a suite.
pub const fn uuid(n: u128) -> Uuid {
    Uuid::from_u128(0x0198_0000_0000_7000_8000_0000_0000_0000 + n)
}

/// Holds that `list` pages through `rows` as plain code would: in every order, by offset and by cursor, with and without a total.
///
/// `rows` are those that the filter behind `list` admits.
///
/// # Panics
/// When a page differs.
pub async fn lists_agree<T, S>(rows: Vec<T>, mut list: impl AsyncFnMut(PageRequest<S>) -> Page<T>)
where
    T: Keyed<S> + Clone + PartialEq + Debug,
    S: SortField + Debug,
{
    for field in S::ALL.iter().copied() {
        for row in &rows {
            assert_eq!(
                row.sort_key(field).kind(),
                field.kind(),
                "{field:?} is of another kind than SortField::kind says"
            );
        }
        for direction in [Direction::Ascending, Direction::Descending] {
            let sort = Sort { field, direction };
            let mut start = Start::Offset(0);
            let mut seen = 0;
            loop {
                let request = PageRequest { limit: 2, start: start.clone(), sort, with_total: seen % 4 == 0 };
                let page = list(request.clone()).await;
                assert_eq!(page, Page::cut(rows.clone(), &request), "{request:?}");
                seen += page.items.len();
                match page.next {
                    Some(place) => start = Start::After(place),
                    None => break,
                }
            }
            assert_eq!(seen, rows.len(), "{sort:?}: the pages overlap or leave gaps");
            let offset = PageRequest { limit: 3, start: Start::Offset(1), sort, with_total: true };
            assert_eq!(list(offset.clone()).await, Page::cut(rows.clone(), &offset), "{offset:?}");
        }
    }
}

/// Holds that `result` met another writer, so that the use case would be repeated.
///
/// # Panics
/// When it did not.
pub fn met_another_writer<T: Debug>(result: Result<T, StoreError>) {
    match result {
        Err(error) if error.is_retryable() => {}
        other => panic!("expected contention or a violated constraint, got {other:?}"),
    }
}

fn record(key: &str, created: i64, expires: i64) -> ReplayRecord {
    ReplayRecord {
        caller: "jo@example.com".to_owned(),
        key: key.to_owned(),
        fingerprint: [7; 32],
        reply: StoredReply {
            status: 201,
            location: Some("/clients/1".to_owned()),
            etag: Some("\"1-ab\"".to_owned()),
            body: vec![0, 159, 146, 150],
        },
        created_at: at(created),
        expires_at: at(expires),
    }
}

/// The suite of [`Transaction`]: what commits with a change.
///
/// # Panics
/// When a rule does not hold.
pub async fn journal(store: &dyn UnitOfWork<dyn Transaction>) -> Result<(), StoreError> {
    let kept = record("k1", 0, 100);

    let mut tx = store.begin().await?;
    tx.keep_reply(&kept).await?;
    drop(tx);
    let none = store.read().await?.kept_reply(&kept.caller, "k1", at(1)).await?;
    assert_eq!(none, None, "dropping a transaction undoes it");

    let mut tx = store.begin().await?;
    tx.keep_reply(&kept).await?;
    tx.append_audit(&audit_entry()).await?;
    tx.commit().await?;
    let mut read = store.read().await?;
    assert_eq!(read.kept_reply(&kept.caller, "k1", at(99)).await?, Some(kept.clone()), "every field comes back");
    assert_eq!(read.kept_reply(&kept.caller, "k1", at(100)).await?, None, "an expired record is not found");
    assert_eq!(read.kept_reply("other@example.com", "k1", at(1)).await?, None, "keys are per caller");
    assert_eq!(read.kept_reply(&kept.caller, "K1", at(1)).await?, None, "keys are compared byte by byte");
    drop(read);

    let mut tx = store.begin().await?;
    met_another_writer(tx.keep_reply(&record("k1", 50, 150)).await);
    drop(tx);
    // Also where the record has expired. It may be told with the commit alone.
    let mut tx = store.begin().await?;
    let outcome = match tx.keep_first_reply(&record("k1", 100, 200)).await {
        Ok(()) => tx.commit().await,
        refused => {
            // It would keep its turn, and the next transaction would wait for ever.
            drop(tx);
            refused
        }
    };
    met_another_writer(outcome);
    let mut tx = store.begin().await?;
    tx.keep_first_reply(&record("k2", 0, 100)).await?;
    tx.commit().await?;
    let found = store.read().await?.kept_reply(&kept.caller, "k2", at(99)).await?;
    assert_eq!(found, Some(record("k2", 0, 100)), "a first record is as good as any");
    let mut tx = store.begin().await?;
    assert_eq!(tx.forget_replies(at(99)).await?, 0, "neither has expired");
    tx.keep_reply(&record("k1", 100, 200)).await?;
    tx.commit().await?;

    let mut tx = store.begin().await?;
    assert_eq!(tx.forget_replies(at(199)).await?, 1, "expired ones go, live records stay");
    assert_eq!(tx.forget_replies(at(200)).await?, 1, "until they expire");
    tx.commit().await
}

/// A row of the API audit log with every field set.
pub fn audit_entry() -> AuditEntry {
    AuditEntry {
        id: uuid(1),
        at: at(5),
        request_id: "req-1".to_owned(),
        subject: Some("agent:context-recovery".to_owned()),
        agent_type: Some("context_recovery".to_owned()),
        parent_session: Some(uuid(2)),
        method: "POST".to_owned(),
        route: Some("/api/v1/clients/{id}".to_owned()),
        path: "/api/v1/clients/ü".to_owned(),
        status: 599,
        duration_micros: 1_234_567,
        client_ip: Some(std::net::IpAddr::V6(std::net::Ipv6Addr::LOCALHOST)),
        user_agent: Some("curl/8".to_owned()),
    }
}
