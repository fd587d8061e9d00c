//! The suite of [`crate::ports::ChainRepository`], lists aside.

use claudetools_kernel::{
    Id, StoreError,
    contract::{at, met_another_writer},
};
use futures::future;

use super::{Outcome, Store, bytes, chain_lists::lists, id, sealed};
use crate::{AuditAction, AuditEvent, AuditRow, Credential, Epoch, GENESIS, Head, Sealed, VaultCheck};

/// A read of a credential, by the least that is recorded.
pub(super) fn event(credential: Id<Credential>) -> AuditEvent {
    AuditEvent {
        credential_id: Some(credential.uuid()),
        credential_name: None,
        action: AuditAction::Read,
        subject: "jo@example.com".to_owned(),
        agent_type: None,
        parent_session: None,
        client_ip: None,
        user_agent: None,
        request_id: None,
        reason: None,
        at: at(0),
    }
}

/// The row at `seq`, which has an id of its own.
pub(super) fn row(seq: u8, event: AuditEvent) -> AuditRow {
    let mut hash = [0; 32];
    hash.copy_from_slice(&bytes(seq, 32));
    AuditRow { id: id::<()>(seq).uuid(), seq: seq.into(), epoch: 1, event, hash }
}

/// The rules of the repository of the audit chain.
pub async fn audit_chain(store: Store<'_>) -> Outcome {
    keeps_one_head(store).await?;
    keeps_epochs(store).await?;
    keeps_one_check(store).await?;
    let rows = round_trips(store).await?;
    reads_in_order(store, &rows).await?;
    lists(store, rows).await?;
    makes_one_line_of_two_writers(store).await
}

fn head(seq: i64, seed: u8) -> Head {
    let (mut hash, mut seal) = ([0; 32], [0; 32]);
    hash.copy_from_slice(&bytes(seed, 32));
    seal.copy_from_slice(&bytes(seed.wrapping_add(128), 32));
    Head { seq, epoch: 1, hash, seal }
}

async fn keeps_one_head(store: Store<'_>) -> Outcome {
    let mut tx = store.begin().await?;
    assert_eq!(tx.chain().lock_head().await?, None, "none before the first start");
    tx.chain().put_head(&head(0, 1)).await?;
    drop(tx);
    assert_eq!(store.read().await?.chain().head().await?, None, "dropping a transaction undoes it");
    let last = Head { epoch: i64::MAX, ..head(i64::MAX, 3) };
    // The second is put twice: nothing changes, and that is no failure.
    for head in [Head { hash: GENESIS, ..head(0, 2) }, last.clone(), last] {
        let mut tx = store.begin().await?;
        tx.chain().lock_head().await?;
        tx.chain().put_head(&head).await?;
        assert_eq!(tx.chain().lock_head().await?, Some(head.clone()), "a transaction sees what it did");
        tx.commit().await?;
        assert_eq!(store.read().await?.chain().head().await?, Some(head), "the new one replaces the old");
    }
    Ok(())
}

async fn keeps_epochs(store: Store<'_>) -> Outcome {
    let epoch = |number: i64, key: &str, seed| Epoch {
        epoch: number,
        key_id: key.to_owned(),
        first_seq: 100 * number,
        sealed_key: sealed(key, seed),
    };
    assert_eq!(store.read().await?.chain().epochs().await?, []);
    let mut tx = store.begin().await?;
    tx.chain().put_epoch(&epoch(1, "k1", 1)).await?;
    drop(tx);
    assert_eq!(store.read().await?.chain().epochs().await?, [], "dropping a transaction undoes it");
    let long = Epoch { first_seq: i64::MAX, ..epoch(2, &"é".repeat(64), 2) };
    let mut tx = store.begin().await?;
    for epoch in [&epoch(10, "k3", 3), &long, &epoch(1, "k1", 1)] {
        tx.chain().put_epoch(epoch).await?;
    }
    tx.commit().await?;
    let kept = [epoch(1, "k1", 1), long.clone(), epoch(10, "k3", 3)];
    assert!(store.read().await?.chain().epochs().await? == kept, "in their order, every field");

    let resealed = Epoch { sealed_key: sealed("k3", 4), ..epoch(1, "k1", 1) };
    let mut tx = store.begin().await?;
    for _ in 0..2 {
        tx.chain().put_epoch(&resealed).await?;
    }
    tx.commit().await?;
    let kept = [resealed, long, epoch(10, "k3", 3)];
    assert!(store.read().await?.chain().epochs().await? == kept, "one is replaced, the others stay");
    Ok(())
}

async fn keeps_one_check(store: Store<'_>) -> Outcome {
    let mut tx = store.begin().await?;
    assert_eq!(tx.chain().lock_check().await?, None, "none before the first start");
    tx.chain().put_check(&VaultCheck { sealed: sealed("k1", 1) }).await?;
    drop(tx);
    let long = Sealed { key_id: "é".repeat(64), ..sealed("", 2) };
    for sealed in [sealed("k1", 1), long, sealed("k3", 3), sealed("k3", 3)] {
        let check = VaultCheck { sealed };
        let mut tx = store.begin().await?;
        tx.chain().lock_check().await?;
        tx.chain().put_check(&check).await?;
        tx.commit().await?;
        let mut tx = store.begin().await?;
        assert!(tx.chain().lock_check().await? == Some(check), "the new one replaces the old");
    }
    Ok(())
}

async fn round_trips(store: Store<'_>) -> Result<Vec<AuditRow>, StoreError> {
    let full = AuditEvent {
        credential_id: Some(id::<()>(200).uuid()),
        credential_name: Some("\u{1f525}".repeat(255)),
        action: AuditAction::AccessChanged,
        subject: "é".repeat(320),
        agent_type: Some("x".repeat(64)),
        parent_session: Some(id::<()>(201).uuid()),
        client_ip: Some("2001:db8:ffff:ffff:ffff:ffff:255.255.255.255%eth0".to_owned()),
        user_agent: Some("é".repeat(255)),
        request_id: Some("r".repeat(128)),
        reason: Some(" because\r\n of \u{1f600}\t ".repeat(100)),
        at: at(-1),
    };
    let none =
        AuditEvent { credential_id: None, action: AuditAction::Rotate, subject: "cli".to_owned(), ..event(id(1)) };
    // What differs in composition, case or a trailing blank must come back as it went in, or the hash would not fit.
    let decomposed = AuditEvent {
        credential_name: Some("E\u{301} \u{e9} ".to_owned()),
        reason: Some(String::new()),
        ..event(id(2))
    };
    let rows = vec![row(1, full), row(2, none), AuditRow { epoch: i64::MAX, hash: [0; 32], ..row(3, decomposed) }];
    let mut tx = store.begin().await?;
    tx.chain().append(&rows[0]).await?;
    drop(tx);
    assert_eq!(store.read().await?.chain().rows_after(0, 10).await?, [], "dropping a transaction undoes it");
    let mut tx = store.begin().await?;
    for row in &rows {
        tx.chain().append(row).await?;
    }
    tx.commit().await?;
    let found = store.read().await?.chain().rows_after(0, 10).await?;
    assert_eq!(found, rows, "every field comes back");
    assert!(found.iter().zip(&rows).all(|(found, row)| found.canonical() == row.canonical()), "byte by byte");
    let taken_place = AuditRow { id: id::<()>(99).uuid(), ..rows[1].clone() };
    let taken_id = AuditRow { seq: 99, ..rows[1].clone() };
    for taken in [taken_place, taken_id] {
        let mut tx = store.begin().await?;
        let refused = tx.chain().append(&taken).await;
        assert!(matches!(refused, Err(StoreError::Constraint(_))), "a place and an id are taken once: {refused:?}");
    }
    Ok(rows)
}

async fn reads_in_order(store: Store<'_>, rows: &[AuditRow]) -> Outcome {
    let mut view = store.read().await?;
    assert_eq!(view.chain().rows_after(0, 2).await?, rows[..2]);
    assert_eq!(view.chain().rows_after(-1, 2).await?, rows[..2]);
    assert_eq!(view.chain().rows_after(1, 10).await?, rows[1..]);
    assert_eq!(view.chain().rows_after(2, 1).await?, rows[2..]);
    assert_eq!(view.chain().rows_after(3, 10).await?, []);
    assert_eq!(view.chain().rows_after(i64::MAX, 10).await?, []);
    Ok(())
}

/// Writers that take the head, add a row behind it and put the new head leave one line without gap or fork.
async fn makes_one_line_of_two_writers(store: Store<'_>) -> Outcome {
    const ROWS: u8 = 10;
    let last = store.read().await?.chain().rows_after(0, 1000).await?.last().map_or(0, |row| row.seq);
    let mut tx = store.begin().await?;
    tx.chain().put_head(&Head { seq: last, ..head(0, 50) }).await?;
    tx.commit().await?;
    let append = async |number: u8| -> Outcome {
        let mut tx = store.begin().await?;
        let before = tx.chain().lock_head().await?.expect("a head");
        let seq = before.seq + 1;
        // It bears the hash before it, by which a fork would show.
        let event = AuditEvent { reason: Some(format!("{:?}", before.hash)), at: at(seq), ..event(id(1)) };
        let row = AuditRow { seq, ..row(number, event) };
        tx.chain().append(&row).await?;
        tx.chain().put_head(&Head { seq, hash: row.hash, ..before }).await?;
        tx.commit().await
    };
    let writer = async |first: u8| -> Outcome {
        for number in first..first + ROWS {
            while let Err(error) = append(number).await {
                assert!(error.is_retryable(), "{error}");
            }
        }
        Ok(())
    };
    let (one, other) = future::join(writer(100), writer(150)).await;
    one.and(other)?;
    met_another_writer({
        let mut tx = store.begin().await?;
        tx.chain().append(&AuditRow { seq: last + 1, ..row(200, event(id(1))) }).await
    });
    let mut view = store.read().await?;
    let rows = view.chain().rows_after(last, 1000).await?;
    let places: Vec<i64> = rows.iter().map(|row| row.seq).collect();
    assert_eq!(places, (last + 1..=last + 2 * i64::from(ROWS)).collect::<Vec<_>>(), "no gap, no row lost");
    let mut before = head(0, 50).hash;
    for row in &rows {
        assert_eq!(row.event.reason, Some(format!("{before:?}")), "{} follows the one before", row.seq);
        before = row.hash;
    }
    let end = view.chain().head().await?.map(|head| (head.seq, head.hash));
    assert_eq!(end, rows.last().map(|row| (row.seq, row.hash)), "the head is the last row");
    Ok(())
}
