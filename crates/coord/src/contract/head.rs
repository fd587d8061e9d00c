//! The suites of [`crate::ports::HeadRepository`] and [`crate::ports::EventRepository`].

use claudetools_kernel::contract::uuid;

use super::{Outcome, Store, pass};
use crate::{Event, EventKind, Head, Occurrence};

/// The rules of the head.
///
/// # Panics
/// When a rule does not hold.
pub async fn head(store: Store<'_>) -> Outcome {
    keeps_what_is_saved_and_never_goes_back(store).await?;
    is_had_by_one_at_a_time(store).await
}

async fn keeps_what_is_saved_and_never_goes_back(store: Store<'_>) -> Outcome {
    let mut tx = store.begin().await?;
    let first = tx.head().lock().await?;
    assert_eq!((first.last_token, first.last_event, first.last_ticket, first.waiting), (0, 0, 0, 0));
    tx.head().save(&Head { last_token: 9, ..first }).await?;
    drop(tx);
    assert_eq!(store.read().await?.head().peek().await?.last_token, 0, "dropping a transaction undoes it");

    let ahead = pass(store, 3600).await?;
    let now = store.read().await?.head().peek().await?.now;
    assert!(now >= ahead, "a clock behind the time that somebody acted on stands still");
    let mut tx = store.begin().await?;
    let head = tx.head().lock().await?;
    assert!(head.now >= ahead);
    let saved = Head { last_token: i64::MAX - 1, last_event: 2, last_ticket: 3, waiting: 4, now: head.now };
    tx.head().save(&saved).await?;
    tx.commit().await?;
    let kept = store.read().await?.head().peek().await?;
    assert_eq!(Head { now: saved.now, ..kept }, saved);
    Ok(())
}

async fn is_had_by_one_at_a_time(store: Store<'_>) -> Outcome {
    let before = store.read().await?.head().peek().await?;
    let count = async |times: i64| {
        for _ in 0..times {
            let mut tx = store.begin().await?;
            let mut head = tx.head().lock().await?;
            head.next_ticket();
            tx.head().save(&head).await?;
            tx.commit().await?;
        }
        Outcome::Ok(())
    };
    let (one, two, three) = futures::join!(count(5), count(5), count(5));
    one.and(two).and(three)?;
    let after = store.read().await?.head().peek().await?;
    assert_eq!(after.last_ticket, before.last_ticket + 15, "nobody read what another was about to change");
    assert!(after.now >= before.now);
    Ok(())
}

/// The rules of events.
///
/// # Panics
/// When a rule does not hold.
pub async fn events(store: Store<'_>) -> Outcome {
    let mut written: Vec<Event> = Vec::new();
    for n in 0..20_u128 {
        let subject = (n % 3 == 0).then(|| uuid(n % 2));
        let session = (n % 2 == 0).then_some("ſession-1/ü");
        let what = Occurrence::new(session, subject, &serde_json::json!({"n": n.to_string(), "text": "ü\n'\"\\"}));
        let mut tx = store.begin().await?;
        let mut head = tx.head().lock().await?;
        let event = head.event(EventKind::LockGranted, what.in_project((n % 5 == 0).then_some("clients/acme")));
        tx.events().append(std::slice::from_ref(&event)).await?;
        tx.head().save(&head).await?;
        tx.commit().await?;
        written.push(event);
    }
    let mut read = store.read().await?;
    assert_eq!(read.events().after(0, 100).await?, written, "every field comes back, in order");
    assert_eq!(read.events().after(17, 100).await?, written[17..]);
    assert_eq!(read.events().after(3, 2).await?, written[3..5]);
    let about: Vec<Event> = written.iter().filter(|event| event.subject == Some(uuid(1))).cloned().collect();
    assert!(!about.is_empty());
    assert_eq!(read.events().about(uuid(1)).await?, about);
    assert_eq!(read.events().oldest().await?, Some(1));
    drop(read);
    prunes(store).await
}

async fn prunes(store: Store<'_>) -> Outcome {
    let later = pass(store, 100).await?;
    let mut tx = store.begin().await?;
    let mut head = tx.head().lock().await?;
    let events: Vec<Event> = (0..30).map(|_| head.event(EventKind::SessionUp, Occurrence::default())).collect();
    tx.events().append(&events).await?;
    tx.head().save(&head).await?;
    tx.commit().await?;
    let mut tx = store.begin().await?;
    assert_eq!(tx.events().prune(later).await?, 20, "those before, and not those at the instant");
    assert_eq!(tx.events().oldest().await?, Some(21));
    assert_eq!(tx.events().prune(later.plus(chrono::TimeDelta::days(1))).await?, 30);
    assert_eq!(tx.events().oldest().await?, None);
    tx.commit().await
}
