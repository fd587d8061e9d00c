//! The suite of [`crate::ports::SessionRepository`].

use chrono::NaiveDate;
use claudetools_kernel::{
    Hours, Id, Patch, Referrer, StoreError,
    contract::{at, met_another_writer, uuid},
};

use super::{
    Outcome, Store,
    client::client,
    machine::machine,
    project::project,
    session_lists::{finds_by_technician, pages_and_filters},
    tag::tag,
    work_item::item,
};
use crate::{BillingRule, Session, SessionDetail, SessionFields, SessionFilter, SessionStatus, SessionWorkItem, Tag};

/// The `n`th day of a month that suites use.
pub(super) fn day(n: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 3, n).expect("a day of March")
}

pub(super) fn make(n: u128, fields: SessionFields, tags: &[Tag]) -> Session {
    let draft = Session::draft(Id::new(uuid(n)), fields, "jo@example.com", at(i64::try_from(n).unwrap_or_default()));
    draft.expect("a valid session").finish(BillingRule::default(), Some(tags))
}

pub(super) fn titled(title: &str, on: NaiveDate) -> SessionFields {
    SessionFields { session_title: Some(title.to_owned()), session_date: Some(on), ..SessionFields::default() }
}

/// The `n`th session of a suite, with the least that it needs.
pub(crate) fn session(n: u128, title: &str, on: u32) -> Session {
    make(n, titled(title, day(on)), &[])
}

fn change(session: &Session, fields: SessionFields, seconds: i64) -> Session {
    session.clone().change(fields, at(seconds)).expect("a valid change").finish(BillingRule::default(), None)
}

fn full(tags: &[Tag]) -> Session {
    let set = |text: &str| Patch::Set(text.to_owned());
    let fields = SessionFields {
        client_id: Patch::Set(Id::new(uuid(1))),
        project_id: Patch::Set(Id::new(uuid(2))),
        machine_id: Patch::Set(Id::new(uuid(3))),
        start_time: Patch::Set(at(0)),
        end_time: Patch::Set(at(7_199)),
        technician: set("Zoë Ünïcode <zoe@example.com>"),
        status: Some(SessionStatus::Completed),
        is_billable: Some(false),
        billable_hours: Patch::Set(Hours::from_hundredths(350)),
        summary: set("# Done\n\n*Ünïcode* 100% of it"),
        notes: set("first line\nsecond line"),
        technologies_used: Some(vec!["Windows Server".to_owned(), "PowerShell".to_owned(), "Ünïcode".to_owned()]),
        ..titled("Server move, Straße 7", day(20))
    };
    make(9, fields, tags)
}

/// The rules of the repository of sessions.
pub async fn sessions(store: Store<'_>) -> Outcome {
    let tags = [tag(5, "windows"), tag(6, "backup"), tag(7, "ünïcode")];
    let mut tx = store.begin().await?;
    let acme = client(1, "Acme");
    tx.clients().add(&acme).await?;
    tx.projects().add(&project(2, &acme, "Move")).await?;
    tx.machines().add(&machine(3, "ws-01")).await?;
    for tag in &tags {
        tx.tags().add(tag).await?;
    }
    tx.commit().await?;
    round_trips(store, &tags).await?;
    keeps_its_links(store).await?;
    refuses_what_dangles(store).await?;
    saves_only_the_next_revision(store).await?;
    names_its_referrers(store).await?;
    loses_a_removed_tag(store, &tags).await?;
    pages_and_filters(store, &tags).await?;
    finds_by_technician(store).await
}

async fn round_trips(store: Store<'_>, tags: &[Tag]) -> Outcome {
    let session = full(tags);
    let mut tx = store.begin().await?;
    tx.sessions().add(&session).await?;
    drop(tx);
    assert_eq!(store.read().await?.sessions().lookup(session.id).await?, None, "dropping a transaction undoes it");

    let mut tx = store.begin().await?;
    tx.sessions().add(&session).await?;
    tx.commit().await?;
    let mut tx = store.begin().await?;
    assert_eq!(tx.sessions().lookup(session.id).await?, Some(session.clone()), "every field comes back");
    let detail = SessionDetail {
        client_name: Some("Acme".to_owned()),
        project_name: Some("Move".to_owned()),
        machine_hostname: Some("ws-01".to_owned()),
        tags: ["backup", "windows", "ünïcode"].map(str::to_owned).to_vec(),
        work_items: Vec::new(),
        commands: 0,
        billable_time: Vec::new(),
        session: session.clone(),
    };
    assert_eq!(tx.sessions().detail(session.id).await?, Some(detail), "names are joined, tags come by name");
    assert_eq!(tx.sessions().detail(Id::new(uuid(404))).await?, None, "no detail of what does not exist");

    let bare = self::session(8, "x", 1);
    tx.sessions().add(&bare).await?;
    assert_eq!(tx.sessions().lookup(bare.id).await?, Some(bare.clone()), "empty fields stay empty");
    let longest = change(&bare, SessionFields { session_title: Some("İ".repeat(255)), ..SessionFields::default() }, 60);
    tx.sessions().save(&longest).await?;
    assert_eq!(tx.sessions().lookup(bare.id).await?, Some(longest), "the longest title fits, folded too");
    assert!(tx.sessions().remove(bare.id).await?, "there was a row to remove");
    assert!(!tx.sessions().remove(bare.id).await?, "and then none");
    tx.commit().await
}

async fn keeps_its_links(store: Store<'_>) -> Outcome {
    let mut tx = store.begin().await?;
    let session = tx.sessions().lookup(Id::new(uuid(9))).await?.expect("the session of before");
    let fields = SessionFields {
        session_date: Some(day(21)),
        technologies_used: Some(vec!["powershell".to_owned(), "DNS".to_owned()]),
        ..SessionFields::default()
    };
    let draft = session.change(fields, at(70)).expect("a valid change");
    let moved = draft.finish(BillingRule::default(), Some(&[tag(6, "backup")]));
    tx.sessions().save(&moved).await?;
    tx.commit().await?;
    let mut tx = store.read().await?;
    assert_eq!(tx.sessions().lookup(moved.id).await?, Some(moved.clone()), "tags and technologies are replaced");
    for (filter, on) in [
        (SessionFilter { tag: Some("backup".to_owned()), ..SessionFilter::default() }, day(21)),
        (SessionFilter { technology: Some("dns".to_owned()), ..SessionFilter::default() }, day(21)),
    ] {
        let only = |first, last| SessionFilter { date_from: first, date_to: last, ..filter.clone() };
        let page = claudetools_kernel::PageRequest { with_total: true, ..claudetools_kernel::PageRequest::first(5) };
        let there = tx.sessions().list(&only(Some(on), Some(on)), &page).await?;
        assert_eq!((there.items.len(), there.total), (1, Some(1)), "they follow the session's day");
        let gone = tx.sessions().list(&only(None, Some(day(20))), &page).await?;
        assert_eq!((gone.items.len(), gone.total), (0, Some(0)), "and left the day of before");
    }
    Ok(())
}

async fn refuses_what_dangles(store: Store<'_>) -> Outcome {
    let base = || titled("dangling", day(1));
    for fields in [
        SessionFields { client_id: Patch::Set(Id::new(uuid(404))), ..base() },
        SessionFields { project_id: Patch::Set(Id::new(uuid(404))), ..base() },
        SessionFields { machine_id: Patch::Set(Id::new(uuid(404))), ..base() },
    ] {
        met_another_writer(added(store, &make(50, fields, &[])).await);
    }
    met_another_writer(added(store, &make(50, base(), &[tag(404, "nowhere")])).await);
    met_another_writer(added(store, &full(&[])).await);
    let mut tx = store.begin().await?;
    let fields = SessionFields { client_id: Patch::Set(Id::new(uuid(404))), ..base() };
    let asked = match tx.sessions().add(&make(50, fields, &[])).await {
        Ok(()) => tx.sessions().lookup(Id::new(uuid(50))).await.map(drop),
        refused => refused,
    };
    met_another_writer(asked);
    Ok(())
}

async fn added(store: Store<'_>, session: &Session) -> Outcome {
    let mut tx = store.begin().await?;
    tx.sessions().add(session).await?;
    tx.commit().await
}

async fn saves_only_the_next_revision(store: Store<'_>) -> Outcome {
    let first = session(10, "First", 2);
    let retitle = |title: &str| SessionFields { session_title: Some(title.to_owned()), ..SessionFields::default() };
    let mut tx = store.begin().await?;
    tx.sessions().add(&first).await?;
    tx.sessions().save(&change(&first, retitle("Second"), 80)).await?;
    tx.commit().await?;
    for stale in [change(&first, retitle("Third"), 90), change(&session(77, "Nobody", 1), retitle("Still nobody"), 90)]
    {
        let mut tx = store.begin().await?;
        assert!(
            matches!(tx.sessions().save(&stale).await, Err(StoreError::Contention(_))),
            "an outdated or missing row"
        );
    }
    let mut tx = store.begin().await?;
    tx.sessions().remove(first.id).await?;
    tx.commit().await
}

async fn names_its_referrers(store: Store<'_>) -> Outcome {
    let host = Id::new(uuid(9));
    let mut tx = store.begin().await?;
    assert_eq!(tx.sessions().referrers(host).await?, [], "nothing refers to it yet");
    let session = tx.sessions().lookup(host).await?.expect("the session of before");
    let (later, sooner) = (item(31, "later", &session), item(30, "sooner", &session));
    tx.work_items().add(&later).await?;
    tx.work_items().add(&sooner).await?;
    let refer = |resource_type, count| vec![Referrer { resource_type, count }];
    assert_eq!(tx.sessions().referrers(host).await?, refer("work_item", 2));
    for referrers in [
        tx.clients().referrers(Id::new(uuid(1))).await?,
        tx.projects().referrers(Id::new(uuid(2))).await?,
        tx.machines().referrers(Id::new(uuid(3))).await?,
    ] {
        assert!(referrers.contains(&Referrer { resource_type: "session", count: 1 }), "{referrers:?}");
    }
    let detail = tx.sessions().detail(host).await?.expect("the session of before");
    let shown = [SessionWorkItem::from(&sooner), SessionWorkItem::from(&later)];
    assert_eq!(detail.work_items, shown, "its work items, the oldest first");
    Ok(())
}

async fn loses_a_removed_tag(store: Store<'_>, tags: &[Tag]) -> Outcome {
    let mut tx = store.begin().await?;
    let session = tx.sessions().lookup(Id::new(uuid(9))).await?.expect("the session of before");
    let draft = session.change(SessionFields::default(), at(95)).expect("no change");
    tx.sessions().save(&draft.finish(BillingRule::default(), Some(tags))).await?;
    tx.tags().remove(Id::new(uuid(6))).await?;
    let detail = tx.sessions().detail(Id::new(uuid(9))).await?.expect("the session of before");
    assert_eq!(detail.tags, ["windows", "ünïcode"], "a removed tag is off everything");
    assert_eq!(detail.session.tags.len(), 2);
    Ok(())
}
