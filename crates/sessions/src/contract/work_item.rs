//! The suite of [`crate::ports::WorkItemRepository`].

use claudetools_kernel::{
    Id, Patch, StoreError,
    contract::{at, lists_agree, met_another_writer, uuid},
};

use super::{Outcome, Store, client::client, session::session, tag::tag};
use crate::{
    BillingRule, Priority, Session, SessionFields, Tag, WorkItem, WorkItemCategory, WorkItemDetail, WorkItemFields,
    WorkItemFilter, WorkItemRow, WorkItemStatus,
};

fn make(n: u128, fields: WorkItemFields, of: &Session, tags: &[Tag]) -> WorkItem {
    let fields = WorkItemFields { session_id: Some(of.id), ..fields };
    let draft = WorkItem::draft(Id::new(uuid(n)), fields, at(i64::try_from(n).unwrap_or_default()));
    draft.expect("a valid work item").finish(of, Some(tags))
}

fn titled(title: &str) -> WorkItemFields {
    let category = Some(WorkItemCategory::Maintenance);
    WorkItemFields { title: Some(title.to_owned()), category, ..WorkItemFields::default() }
}

/// The `n`th work item of a suite, with the least that it needs.
pub(crate) fn item(n: u128, title: &str, of: &Session) -> WorkItem {
    make(n, titled(title), of, &[])
}

fn full(of: &Session, tags: &[Tag]) -> WorkItem {
    let fields = WorkItemFields {
        category: Some(WorkItemCategory::Security),
        description: Patch::Set("first line\nsecond line, 100%".to_owned()),
        status: Some(WorkItemStatus::Completed),
        priority: Some(Priority::Critical),
        is_billable: Some(false),
        estimated_minutes: Patch::Set(0),
        actual_minutes: Patch::Set(100_000),
        affected_systems: Some(vec!["fs01".to_owned(), "Straße".to_owned()]),
        technologies_used: Some(vec!["Windows \"Server\"".to_owned()]),
        ..titled("Ünïcode & Söhne")
    };
    make(9, fields, of, tags)
}

fn change(item: &WorkItem, of: &Session, fields: WorkItemFields, seconds: i64) -> WorkItem {
    item.clone().change(fields, at(seconds)).expect("a valid change").finish(of, None)
}

fn of_client(session: Session, n: u128) -> Session {
    let fields = SessionFields { client_id: Patch::Set(Id::new(uuid(n))), ..SessionFields::default() };
    session.change(fields, at(40)).expect("a valid change").finish(BillingRule::default(), None)
}

/// The rules of the repository of work items.
pub async fn work_items(store: Store<'_>) -> Outcome {
    let tags = [tag(5, "windows"), tag(6, "backup")];
    let (of_acme, of_nobody) = (of_client(session(2, "Server move", 20), 1), session(3, "Other", 5));
    let mut tx = store.begin().await?;
    tx.clients().add(&client(1, "Acme")).await?;
    tx.clients().add(&client(4, "Globex")).await?;
    for tag in &tags {
        tx.tags().add(tag).await?;
    }
    tx.sessions().add(&of_acme).await?;
    tx.sessions().add(&of_nobody).await?;
    tx.commit().await?;
    round_trips(store, &of_acme, &tags).await?;
    refuses_what_dangles(store, &of_acme).await?;
    saves_only_the_next_revision(store, &of_acme).await?;
    follows_its_session(store, &of_acme).await?;
    pages_and_filters(store, &of_acme, &of_nobody).await
}

async fn round_trips(store: Store<'_>, of: &Session, tags: &[Tag]) -> Outcome {
    let item = full(of, tags);
    let mut tx = store.begin().await?;
    tx.work_items().add(&item).await?;
    drop(tx);
    assert_eq!(store.read().await?.work_items().lookup(item.id).await?, None, "dropping a transaction undoes it");

    let mut tx = store.begin().await?;
    tx.work_items().add(&item).await?;
    tx.commit().await?;
    let mut tx = store.begin().await?;
    assert_eq!(tx.work_items().lookup(item.id).await?, Some(item.clone()), "every field comes back");
    let detail = WorkItemDetail {
        session_title: "Server move".to_owned(),
        client_name: Some("Acme".to_owned()),
        tags: vec!["backup".to_owned(), "windows".to_owned()],
        item: item.clone(),
    };
    assert_eq!(tx.work_items().detail(item.id).await?, Some(detail), "names are joined, tags come by name");
    assert_eq!(tx.work_items().detail(Id::new(uuid(404))).await?, None, "no detail of what does not exist");
    assert_eq!(tx.work_items().referrers(item.id).await?, [], "nothing refers to it yet");

    tx.tags().remove(Id::new(uuid(5))).await?;
    let detail = tx.work_items().detail(item.id).await?.expect("the work item");
    assert_eq!(
        (detail.tags, detail.item.tags.len()),
        (vec!["backup".to_owned()], 1),
        "a removed tag is off everything"
    );
    assert!(tx.work_items().remove(item.id).await?, "there was a row to remove");
    assert!(!tx.work_items().remove(item.id).await?, "and then none");
    tx.commit().await
}

async fn refuses_what_dangles(store: Store<'_>, of: &Session) -> Outcome {
    let nowhere = session(404, "nowhere", 1);
    let refused = [make(50, titled("x"), &nowhere, &[]), make(50, titled("x"), of, &[tag(404, "nothing")])];
    for item in refused {
        let mut tx = store.begin().await?;
        met_another_writer(tx.work_items().add(&item).await);
    }
    Ok(())
}

async fn saves_only_the_next_revision(store: Store<'_>, of: &Session) -> Outcome {
    let first = item(10, "First", of);
    let retitle = |title: &str| WorkItemFields { title: Some(title.to_owned()), ..WorkItemFields::default() };
    let mut tx = store.begin().await?;
    tx.work_items().add(&first).await?;
    let second = change(&first, of, retitle("Second"), 80);
    tx.work_items().save(&second).await?;
    assert_eq!(tx.work_items().lookup(first.id).await?, Some(second), "the change is there");
    tx.commit().await?;
    for stale in [change(&first, of, retitle("Third"), 90), change(&item(77, "Nobody", of), of, retitle("Still"), 90)] {
        let mut tx = store.begin().await?;
        assert!(
            matches!(tx.work_items().save(&stale).await, Err(StoreError::Contention(_))),
            "an outdated or missing row"
        );
    }
    let mut tx = store.begin().await?;
    tx.work_items().remove(first.id).await?;
    tx.commit().await
}

async fn follows_its_session(store: Store<'_>, of: &Session) -> Outcome {
    let item = item(11, "Follower", of);
    let moved = of_client(session(2, "Server move", 25), 4);
    let mut tx = store.begin().await?;
    tx.work_items().add(&item).await?;
    tx.work_items().follow(&moved).await?;
    let now = tx.work_items().lookup(item.id).await?.expect("the work item");
    let expected = WorkItem { client_id: moved.client_id, session_date: moved.session_date, ..item };
    assert_eq!(now, expected, "client and day are the session's, the revision is its own");
    let detail = tx.work_items().detail(now.id).await?.expect("the work item");
    assert_eq!(detail.client_name.as_deref(), Some("Globex"));
    Ok(())
}

async fn pages_and_filters(store: Store<'_>, of_acme: &Session, of_nobody: &Session) -> Outcome {
    let with = |title: &str, status, priority| WorkItemFields { status, priority, ..titled(title) };
    let rows = [
        full(of_acme, &[]),
        make(60, with("alpha 50%", Some(WorkItemStatus::Blocked), None), of_acme, &[]),
        make(61, with("Beta", None, Some(Priority::Low)), of_nobody, &[]),
        make(62, WorkItemFields { is_billable: Some(false), ..titled("beta") }, of_nobody, &[]),
        make(63, titled("Delta_1"), of_nobody, &[]),
    ];
    let mut tx = store.begin().await?;
    for row in &rows {
        tx.work_items().add(row).await?;
    }
    tx.commit().await?;

    for (filter, expected) in filters(of_acme, of_nobody) {
        let admitted: Vec<WorkItemRow> = rows
            .iter()
            .filter(|row| filter.admits(row))
            .map(|row| {
                let title = if row.session_id == of_acme.id { "Server move" } else { "Other" };
                WorkItemRow::new(row, title.to_owned(), row.client_id.map(|_| "Acme".to_owned()))
            })
            .collect();
        assert_eq!(admitted.len(), expected, "{filter:?}");
        lists_agree(admitted, async |request| {
            let mut tx = store.read().await.expect("a reader");
            tx.work_items().list(&filter, &request).await.expect("a page")
        })
        .await;
    }
    Ok(())
}

fn filters(of_acme: &Session, of_nobody: &Session) -> Vec<(WorkItemFilter, usize)> {
    let any = WorkItemFilter::default;
    let text = |q: &str| WorkItemFilter { q: Some(q.to_owned()), ..any() };
    vec![
        (any(), 5),
        (WorkItemFilter { session_id: Some(of_nobody.id), ..any() }, 3),
        (WorkItemFilter { client_id: of_acme.client_id, ..any() }, 2),
        (WorkItemFilter { category: Some(WorkItemCategory::Security), ..any() }, 1),
        (WorkItemFilter { status: Some(WorkItemStatus::Pending), ..any() }, 3),
        (WorkItemFilter { priority: Some(Priority::Medium), ..any() }, 3),
        (WorkItemFilter { is_billable: Some(false), ..any() }, 2),
        (WorkItemFilter { date_from: Some(of_acme.session_date), ..any() }, 2),
        (WorkItemFilter { date_to: Some(of_nobody.session_date), ..any() }, 3),
        (WorkItemFilter { date_to: Some(of_nobody.session_date), ..text("BETA") }, 2),
        (text("%"), 2),
        (text("_"), 1),
        (text("STRASSE"), 0),
        (text("straße"), 1),
        (text("nowhere!"), 0),
    ]
}
