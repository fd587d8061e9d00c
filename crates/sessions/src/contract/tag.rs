//! The suite of [`crate::ports::TagRepository`].

use claudetools_kernel::{
    Id, PageRequest, Patch, StoreError,
    contract::{at, lists_agree, met_another_writer, uuid},
};

use super::{Outcome, Store};
use crate::{
    BillingRule, CountedTag, LONGEST_TAG_NAME, RECENTLY_TAGGED, Session, SessionFields, Tag, TagCategory, TagFields,
    TagFilter, TagUsage, TaggedSession, TaggedWorkItem, WorkItem, WorkItemCategory, WorkItemFields,
};

/// The `n`th tag of a suite, with the least that it needs.
pub(crate) fn tag(n: u128, name: &str) -> Tag {
    let fields = TagFields { name: Some(name.to_owned()), ..TagFields::default() };
    Tag::new(Id::new(uuid(n)), fields, at(i64::try_from(n).unwrap_or_default())).expect("a valid tag")
}

fn full() -> Tag {
    let fields = TagFields {
        name: Some("Ünïcode & Söhne 100%".to_owned()),
        category: Patch::Set(TagCategory::ProblemType),
        description: Patch::Set("first line\nSecond line".to_owned()),
    };
    Tag::new(Id::new(uuid(9)), fields, at(9)).expect("a valid tag")
}

const fn unused(tag: Tag) -> CountedTag {
    CountedTag { tag, usage_count: 0 }
}

/// The rules of the repository of tags.
pub async fn tags(store: Store<'_>) -> Outcome {
    round_trips(store).await?;
    keeps_names_unique(store).await?;
    finds_many_at_once(store).await?;
    saves_only_the_next_revision(store).await?;
    pages_and_filters(store).await?;
    counts_what_bears_it(store).await?;
    names_what_bears_it(store).await?;
    comes_off_everything_when_removed(store).await
}

fn session(n: u128, date: &str, tags: &[Tag]) -> Session {
    let fields = SessionFields {
        session_date: Some(date.parse().expect("a day")),
        session_title: Some(format!("Session {n}")),
        ..SessionFields::default()
    };
    let draft = Session::draft(Id::new(uuid(n)), fields, "jo", at(0)).expect("a valid session");
    draft.finish(BillingRule::default(), Some(tags))
}

fn work_item(n: u128, session: &Session, tags: &[Tag]) -> WorkItem {
    let fields = WorkItemFields {
        session_id: Some(session.id),
        category: Some(WorkItemCategory::Other),
        title: Some(format!("Item {n}")),
        ..WorkItemFields::default()
    };
    let draft = WorkItem::draft(Id::new(uuid(n)), fields, at(0)).expect("a valid work item");
    draft.finish(session, Some(tags))
}

async fn round_trips(store: Store<'_>) -> Outcome {
    let tag = full();
    let mut tx = store.begin().await?;
    tx.tags().add(&tag).await?;
    drop(tx);
    assert_eq!(store.read().await?.tags().counted(tag.id).await?, None, "dropping a transaction undoes it");

    let mut tx = store.begin().await?;
    tx.tags().add(&tag).await?;
    tx.commit().await?;
    let mut tx = store.begin().await?;
    assert_eq!(tx.tags().counted(tag.id).await?, Some(unused(tag.clone())), "every field comes back");
    assert!(tx.tags().remove(tag.id).await?, "there was a row to remove");
    assert!(!tx.tags().remove(tag.id).await?, "and then none");
    tx.commit().await
}

async fn keeps_names_unique(store: Store<'_>) -> Outcome {
    let longest = "İ".repeat(LONGEST_TAG_NAME);
    let mut tx = store.begin().await?;
    tx.tags().add(&tag(1, "École Émile")).await?;
    tx.tags().add(&tag(2, &longest)).await?;
    assert_eq!(tx.tags().by_name("école émile").await?, Some(Id::new(uuid(1))), "names are found folded");
    assert_eq!(tx.tags().by_name("ecole emile").await?, None, "accents tell names apart");
    assert_eq!(tx.tags().by_name(&"i\u{307}".repeat(LONGEST_TAG_NAME)).await?, Some(Id::new(uuid(2))), "kept whole");
    tx.commit().await?;
    let mut tx = store.begin().await?;
    met_another_writer(tx.tags().add(&tag(3, "ÉCOLE ÉMILE")).await);
    Ok(())
}

async fn finds_many_at_once(store: Store<'_>) -> Outcome {
    let mut tx = store.read().await?;
    assert_eq!(tx.tags().by_names(&[]).await?, [], "no names, no tags");
    let asked = ["nowhere", "école émile", "École Émile", "école émile"].map(str::to_owned);
    assert_eq!(tx.tags().by_names(&asked).await?, [tag(1, "École Émile")], "each once, unknown ones left out");
    drop(tx);
    let mut tx = store.begin().await?;
    let mut names = Vec::new();
    for n in 100..170 {
        names.push(format!("tag {n}"));
        tx.tags().add(&tag(n, &format!("Tag {n}"))).await?;
    }
    let mut found: Vec<String> = tx.tags().by_names(&names).await?.into_iter().map(|tag| tag.name).collect();
    found.sort();
    assert_eq!(found, names);
    Ok(())
}

async fn saves_only_the_next_revision(store: Store<'_>) -> Outcome {
    let first = tag(1, "École Émile");
    let rename = |name: &str| TagFields { name: Some(name.to_owned()), ..TagFields::default() };
    let changed = first.clone().change(rename("Lycée"), at(50)).expect("a valid change");
    let mut tx = store.begin().await?;
    tx.tags().save(&changed).await?;
    tx.commit().await?;
    assert_eq!(store.read().await?.tags().counted(first.id).await?, Some(unused(changed)), "the change is there");

    let stale = first.change(rename("Collège"), at(60)).expect("a valid change");
    let mut tx = store.begin().await?;
    assert!(matches!(tx.tags().save(&stale).await, Err(StoreError::Contention(_))), "the second writer is told");
    drop(tx);
    let missing = tag(77, "Nobody").change(rename("Still nobody"), at(60)).expect("a valid change");
    let mut tx = store.begin().await?;
    assert!(matches!(tx.tags().save(&missing).await, Err(StoreError::Contention(_))), "a missing row is told");
    Ok(())
}

fn various() -> Vec<Tag> {
    let names = ["alpha", "Beta", "gamma 50%", "Delta_1", "ALPHABET"];
    let mut rows = vec![full()];
    rows.extend(names.iter().zip(10..).map(|(name, n)| tag(n, name)));
    rows
}

async fn pages_and_filters(store: Store<'_>) -> Outcome {
    let mut tx = store.begin().await?;
    tx.tags().remove(Id::new(uuid(1))).await?;
    tx.tags().remove(Id::new(uuid(2))).await?;
    let rows = various();
    for row in &rows {
        tx.tags().add(row).await?;
    }
    tx.commit().await?;

    let text = |q: &str| TagFilter { q: Some(q.to_owned()), ..TagFilter::default() };
    let filters = [
        (TagFilter::default(), 6),
        (TagFilter { category: Some(TagCategory::ProblemType), ..TagFilter::default() }, 1),
        (TagFilter { category: Some(TagCategory::ProblemType), ..text("SÖHNE") }, 1),
        (TagFilter { category: Some(TagCategory::Action), ..TagFilter::default() }, 0),
        (text("ALPHA"), 2),
        (text("%"), 2),
        (text("_"), 1),
        (text("second LINE"), 1),
        (text("nowhere!"), 0),
    ];
    for (filter, expected) in filters {
        let admitted: Vec<CountedTag> = rows.iter().filter(|row| filter.admits(row)).cloned().map(unused).collect();
        assert_eq!(admitted.len(), expected, "{filter:?}");
        lists_agree(admitted, async |request| {
            let mut tx = store.read().await.expect("a reader");
            tx.tags().list(&filter, &request).await.expect("a page")
        })
        .await;
    }
    Ok(())
}

/// Two tags; the first on three sessions and two work items, the second on one session, none on the last session.
fn tagged() -> ([Tag; 2], [Session; 4], [WorkItem; 2]) {
    let both = [tag(200, "vpn"), tag(201, "dns")];
    let sessions = [
        session(300, "2026-02-03", &both),
        session(301, "2026-02-05", &both[..1]),
        session(302, "2026-02-05", &both[..1]),
        session(303, "2026-02-04", &[]),
    ];
    let items = [work_item(400, &sessions[0], &both[..1]), work_item(401, &sessions[3], &both[..1])];
    (both, sessions, items)
}

async fn counts_what_bears_it(store: Store<'_>) -> Outcome {
    let (both, sessions, items) = tagged();
    let mut tx = store.begin().await?;
    for tag in &both {
        tx.tags().add(tag).await?;
    }
    for session in &sessions {
        tx.sessions().add(session).await?;
    }
    for item in &items {
        tx.work_items().add(item).await?;
    }
    tx.commit().await?;

    let mut tx = store.read().await?;
    for (tag, usage_count) in both.into_iter().zip([5, 1]) {
        let found = tx.tags().counted(tag.id).await?;
        assert_eq!(found, Some(CountedTag { tag, usage_count }), "sessions and work items");
    }
    let page = tx.tags().list(&TagFilter::default(), &PageRequest::first(100)).await?;
    let used = page.items.iter().filter(|row| row.usage_count > 0);
    let counts: Vec<(&str, u64)> = used.map(|row| (row.tag.name.as_str(), row.usage_count)).collect();
    assert_eq!(counts, [("dns", 1), ("vpn", 5)]);
    Ok(())
}

async fn names_what_bears_it(store: Store<'_>) -> Outcome {
    let (both, sessions, items) = tagged();
    let named = |session: &Session| TaggedSession {
        id: session.id,
        session_title: session.session_title.clone(),
        session_date: session.session_date,
    };
    let titled = |item: &WorkItem| TaggedWorkItem { id: item.id, title: item.title.clone() };
    let usage = TagUsage {
        sessions: 3,
        work_items: 2,
        recent_sessions: [2, 1, 0].map(|at: usize| named(&sessions[at])).to_vec(),
        recent_work_items: [1, 0].map(|at: usize| titled(&items[at])).to_vec(),
    };
    let mut tx = store.read().await?;
    assert_eq!(tx.tags().usage(both[0].id).await?, usage, "latest first");
    let nothing = tx.tags().usage(Id::new(uuid(77))).await?;
    assert_eq!((nothing.sessions, nothing.work_items), (0, 0));
    drop(tx);

    let mut tx = store.begin().await?;
    for n in 500..500 + RECENTLY_TAGGED as u128 {
        tx.sessions().add(&session(n, "2026-01-01", &both)).await?;
    }
    let usage = tx.tags().usage(both[0].id).await?;
    assert_eq!(usage.sessions, 3 + RECENTLY_TAGGED as u64, "all are counted");
    assert_eq!(usage.recent_sessions.len(), RECENTLY_TAGGED, "not all are named");
    Ok(())
}

async fn comes_off_everything_when_removed(store: Store<'_>) -> Outcome {
    let dns = tag(201, "dns");
    let mut tx = store.begin().await?;
    assert!(tx.tags().remove(Id::new(uuid(200))).await?, "a tag in use can be removed");
    tx.commit().await?;
    let mut tx = store.read().await?;
    let kept = session(300, "2026-02-03", &[dns]);
    assert_eq!(tx.sessions().lookup(kept.id).await?, Some(kept), "the other tag and the revision stay");
    let item = tx.work_items().lookup(Id::new(uuid(400))).await?.expect("the work item");
    assert!(item.tags.is_empty(), "it bore no other");
    Ok(())
}
