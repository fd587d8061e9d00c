//! The suite of [`crate::ports::MessageRepository`].

use claudetools_kernel::{
    Id, Page, PageRequest, Patch, Stored, Timestamp,
    contract::{at, lists_agree, met_another_writer, uuid},
};

use super::{Outcome, Store};
use crate::{
    Delivery, Head, Importance, Message, MessageDraft, MessageFields, MessageFilter, MessageRow, Presence,
    PresenceFields, deliver_late,
};

/// The `n`th message of a suite, sent at `second`.
fn message(n: u128, second: i64, fields: MessageFields) -> Message {
    let seq = i64::try_from(n).unwrap_or_default();
    let mut head = Head { last_event: seq - 1, ..Head::new(at(second)) };
    let fields = MessageFields {
        from_session: fields.from_session.or_else(|| Some("a".to_owned())),
        body: fields.body.or_else(|| Some(format!("text {n}"))),
        ..fields
    };
    MessageDraft::new(Id::new(uuid(n)), fields).and_then(|draft| draft.send(&mut head)).expect("a valid message").0
}

fn to(session: &str) -> MessageFields {
    MessageFields { to_session: Some(session.to_owned()), ..MessageFields::default() }
}

fn to_all() -> MessageFields {
    MessageFields { broadcast: Some(true), ..MessageFields::default() }
}

fn to_project(project: &str) -> MessageFields {
    MessageFields { to_project: Some(project.to_owned()), ..MessageFields::default() }
}

fn full() -> Message {
    let fields = MessageFields {
        from_session: Some("laptop-1".to_owned()),
        to_session: Some("x".repeat(128)),
        subject: Patch::Set("Ünïcode & 100%".to_owned()),
        body: Some("first line\nsecond ✓ line".repeat(2000)),
        importance: Some(Importance::Urgent),
        ack_required: Some(true),
        thread_id: Some("deploy of May".to_owned()),
        reply_to: Some(Id::new(uuid(77))),
        expires_at: Some(at(1000)),
        project_key: Some("clients/acme".to_owned()),
        ..MessageFields::default()
    };
    message(9, 9, fields)
}

/// The rules of the repository of messages.
///
/// # Panics
/// When a rule does not hold.
pub async fn messages(store: Store<'_>) -> Outcome {
    round_trips(store).await?;
    delivers_once(store).await?;
    keeps_marks(store).await?;
    pages_and_filters(store).await
}

async fn round_trips(store: Store<'_>) -> Outcome {
    let message = full();
    let mut tx = store.begin().await?;
    tx.messages().add(&message).await?;
    drop(tx);
    assert_eq!(store.read().await?.messages().lookup(message.id).await?, None, "dropping a transaction undoes it");
    let mut tx = store.begin().await?;
    tx.messages().add(&message).await?;
    tx.commit().await?;
    assert_eq!(
        store.read().await?.messages().lookup(message.id).await?,
        Some(message.clone()),
        "every field comes back"
    );
    let mut tx = store.begin().await?;
    let same_place = Message { id: Id::new(uuid(8)), ..message.clone() };
    met_another_writer(tx.messages().add(&same_place).await);
    drop(tx);
    let mut tx = store.begin().await?;
    let delivery = Delivery::new(message.id, message.seq, "b".to_owned(), at(9));
    tx.messages().deliver(std::slice::from_ref(&delivery)).await?;
    assert!(tx.messages().remove(message.id).await?, "there was a message to remove");
    assert!(!tx.messages().remove(message.id).await?, "and then none");
    assert_eq!(tx.messages().recipients(&[message.id]).await?, [], "its read marks go with it");
    tx.commit().await
}

async fn delivers_once(store: Store<'_>) -> Outcome {
    let message = message(1, 1, to_all());
    let deliveries: Vec<Delivery> =
        (0..2500).map(|n| Delivery::new(message.id, message.seq, format!("s{n:04}"), at(1))).collect();
    let mut tx = store.begin().await?;
    tx.messages().add(&message).await?;
    tx.messages().deliver(&deliveries).await?;
    tx.messages().deliver(&[]).await?;
    tx.commit().await?;
    let recipients = store.read().await?.messages().recipients(&[message.id]).await?;
    assert_eq!(recipients, deliveries, "all of them, by session");
    let mut tx = store.begin().await?;
    met_another_writer(tx.messages().deliver(&deliveries[..1]).await);
    drop(tx);
    let mut tx = store.begin().await?;
    tx.messages().remove(message.id).await?;
    tx.commit().await
}

async fn keeps_marks(store: Store<'_>) -> Outcome {
    let message = message(2, 2, to_all());
    let mut read = Delivery::new(message.id, message.seq, "b".to_owned(), at(2));
    let other = Delivery::new(message.id, message.seq, "c".to_owned(), at(3));
    let mut tx = store.begin().await?;
    tx.messages().add(&message).await?;
    tx.messages().deliver(&[read.clone(), other.clone()]).await?;
    (read.read_at, read.acked_at) = (Some(at(4)), Some(at(5)));
    tx.messages().mark(&read).await?;
    tx.commit().await?;
    let mut view = store.read().await?;
    assert_eq!(view.messages().delivery(message.id, "b").await?, Some(read));
    assert_eq!(view.messages().delivery(message.id, "c").await?, Some(other), "each has its own marks");
    assert_eq!(view.messages().delivery(message.id, "B").await?, None, "ids are compared byte by byte");
    drop(view);
    let mut tx = store.begin().await?;
    tx.messages().remove(message.id).await?;
    tx.commit().await
}

async fn pages_and_filters(store: Store<'_>) -> Outcome {
    let with = |fields: MessageFields, subject: &str, body: &str| MessageFields {
        subject: Patch::Set(subject.to_owned()),
        body: Some(body.to_owned()),
        ..fields
    };
    let in_thread = MessageFields { thread_id: Some("t1".to_owned()), from_session: Some("c".to_owned()), ..to("b") };
    let expired = MessageFields { expires_at: Some(at(50)), ..to("b") };
    let urgent = MessageFields { importance: Some(Importance::Urgent), ..to_project("p") };
    let rows = [
        message(10, 10, with(to("b"), "École", "100% of it")),
        message(11, 11, with(in_thread, "two_words", "text")),
        message(12, 12, with(urgent, "three", "école again")),
        message(13, 13, to_all()),
        message(14, 14, to("c")),
        message(15, 15, expired),
    ];
    let mut tx = store.begin().await?;
    let mut deliveries = Vec::new();
    for row in &rows {
        tx.messages().add(row).await?;
        for session in ["b", "c"] {
            if row.to_session.as_deref().is_none_or(|to| to == session) {
                deliveries.push(Delivery::new(row.id, row.seq, session.to_owned(), row.created_at));
            }
        }
    }
    tx.messages().deliver(&deliveries).await?;
    for delivery in deliveries.iter_mut().filter(|delivery| delivery.seq % 2 == 0) {
        delivery.read_at = Some(at(20));
        tx.messages().mark(delivery).await?;
    }
    tx.commit().await?;

    let of = |session: &str| MessageFilter { to_session: Some(session.to_owned()), ..MessageFilter::default() };
    let text = |q: &str| MessageFilter { q: Some(q.to_owned()), ..MessageFilter::default() };
    let filters = [
        (MessageFilter::default(), 5),
        (of("b"), 4),
        (of("c"), 3),
        (of("nobody"), 0),
        (MessageFilter { unread_only: Some(true), ..of("b") }, 2),
        (MessageFilter { unread_only: Some(false), ..of("b") }, 4),
        (MessageFilter { from_session: Some("c".to_owned()), ..MessageFilter::default() }, 1),
        (MessageFilter { project_key: Some("p".to_owned()), ..MessageFilter::default() }, 1),
        (MessageFilter { thread_id: Some("t1".to_owned()), ..of("b") }, 1),
        (MessageFilter { importance: Some(Importance::Urgent), ..of("c") }, 1),
        (MessageFilter { since: Some(at(12)), ..of("b") }, 2),
        (text("école"), 2),
        (text("%"), 1),
        (text("_"), 1),
        (MessageFilter { q: Some("TEXT".to_owned()), unread_only: Some(true), ..of("b") }, 2),
    ];
    for (filter, expected) in filters {
        let admitted = admitted(&rows, &deliveries, &filter);
        assert_eq!(admitted.len(), expected, "{filter:?}");
        lists_agree(admitted, async |request| list(store, &filter, &request).await.expect("a page")).await;
    }
    let later = store.read().await?.messages().list(&of("b"), at(49), &PageRequest::first(10)).await?;
    assert_eq!(later.items.len(), 5, "what expires is there until then");
    Ok(())
}

fn admitted(rows: &[Message], deliveries: &[Delivery], filter: &MessageFilter) -> Vec<MessageRow> {
    let rows = rows.iter().filter_map(|row| {
        let received = |delivery: &&Delivery| {
            delivery.message_id == row.id && filter.to_session.as_ref() == Some(&delivery.session_id)
        };
        let delivery = deliveries.iter().find(received);
        filter.admits(row, delivery, at(50)).then(|| MessageRow::of(row.clone(), delivery))
    });
    rows.collect()
}

async fn list(
    store: Store<'_>,
    filter: &MessageFilter,
    request: &PageRequest<crate::MessageSort>,
) -> Stored<Page<MessageRow>> {
    store.read().await?.messages().list(filter, at(50), request).await
}

fn session(n: u128, session_id: &str, project: Option<&str>, seen: Timestamp) -> Presence {
    let project_key = project.map(str::to_owned).into();
    let fields = PresenceFields { project_key, ..PresenceFields::default() };
    Presence::announce(Id::new(uuid(n)), None, session_id.to_owned(), fields, seen).expect("a valid announcement")
}

/// Whom messages reach: those who are there, and those who come within a day.
///
/// # Panics
/// When a rule does not hold.
pub async fn audiences(store: Store<'_>) -> Outcome {
    let mut tx = store.begin().await?;
    let ended = session(4, "ended", Some("p"), at(1000)).end(at(1001));
    for presence in [
        session(1, "in-p", Some("p"), at(1000)),
        session(2, "in-q", Some("q"), at(1000)),
        session(3, "silent", Some("p"), at(100)),
        ended,
        session(5, "nowhere", None, at(1000)),
    ] {
        tx.presence().put(&presence).await?;
    }
    let mut all = tx.messages().present(None, at(100)).await?;
    all.sort_unstable();
    assert_eq!(all, ["in-p", "in-q", "nowhere"]);
    assert_eq!(tx.messages().present(Some("p"), at(100)).await?, ["in-p"]);
    assert_eq!(
        tx.messages().present(Some("P"), at(100)).await?,
        Vec::<String>::new(),
        "keys are compared byte by byte"
    );

    let day = 86_400;
    let for_q = to_project("q");
    let own = MessageFields { from_session: Some("late".to_owned()), ..to_all() };
    let gone = MessageFields { expires_at: Some(at(day + 50)), ..to_all() };
    let rows = [
        message(1, 100, to_all()),
        message(2, 101, to_all()),
        message(3, 102, to_project("p")),
        message(4, 103, for_q),
        message(5, 104, own),
        message(6, 105, gone),
        message(7, 106, to("late")),
        message(8, 107, to_all()),
    ];
    for row in &rows {
        tx.messages().add(row).await?;
    }
    let delivered = Delivery::new(rows[7].id, 8, "late".to_owned(), at(107));
    tx.messages().deliver(&[delivered]).await?;
    // The first was sent just as long ago as is too long.
    let head = Head::new(at(day + 100));
    assert_eq!(deliver_late(tx.as_mut(), &head, "late", Some("p")).await?, 2);
    assert_eq!(deliver_late(tx.as_mut(), &head, "late", Some("p")).await?, 0, "each once");
    tx.commit().await?;
    let mut view = store.read().await?;
    let inbox = MessageFilter { to_session: Some("late".to_owned()), ..MessageFilter::default() };
    let page = view.messages().list(&inbox, at(day + 100), &PageRequest::first(10)).await?;
    let seqs: Vec<i64> = page.items.iter().map(|row| row.message.seq).collect();
    assert_eq!(seqs, [2, 3, 8], "not what is its own, for others, too old, expired, or for another project");
    Ok(())
}
