//! The suites of [`crate::ports::ComponentRepository`], [`crate::ports::CoordProjectRepository`] and
//! [`crate::ports::RetentionRepository`].

use claudetools_kernel::{
    Id, Patch, StoreError,
    contract::{at, lists_agree, met_another_writer, uuid},
};

use super::{Outcome, Store, lock::lock};
use crate::{
    Changes, Component, ComponentDraft, ComponentFields, ComponentKey, ComponentState, CoordProject,
    CoordProjectFields, Head, HistoryEntry, Lock, LockMode, LockState, MessageDraft, MessageFields, Presence,
    PresenceFields, PruneBounds, Pruned, Reported, Retention, RetentionFields,
};

fn key(project: &str, component: &str) -> ComponentKey {
    ComponentKey::new(project, component).expect("a valid key")
}

fn fields(state: ComponentState) -> ComponentFields {
    ComponentFields { state: Some(state), ..ComponentFields::default() }
}

fn reported(kept: Option<Component>, key: &ComponentKey, fields: &ComponentFields, n: u128) -> Reported {
    let draft = ComponentDraft::new(fields).expect("a valid report");
    Reported::of(kept, key, draft, [uuid(n), uuid(n + 100)], at(i64::try_from(n).unwrap_or_default()))
}

/// The rules of the repository of components.
///
/// # Panics
/// When a rule does not hold.
pub async fn components(store: Store<'_>) -> Outcome {
    let set = |text: &str| Patch::Set(text.to_owned());
    let whole = ComponentFields {
        version: set("2.4.1"),
        notes: set("first\nsecond ✓"),
        updated_by: set("Jo"),
        observed_at: Some(at(5)),
        ..fields(ComponentState::Degraded)
    };
    let dns = key("clients/acme", "dns");
    let first = reported(None, &dns, &whole, 9);
    let mut tx = store.begin().await?;
    tx.components().add(&first.component).await?;
    tx.components().record(&first.entry).await?;
    tx.commit().await?;
    let mut tx = store.begin().await?;
    assert_eq!(tx.components().at(&dns).await?, Some(first.component.clone()), "every field comes back");
    assert_eq!(tx.components().at(&key("clients/acme", "DNS")).await?, None, "names are compared byte by byte");
    let twice = reported(None, &dns, &whole, 10).component;
    met_another_writer(tx.components().add(&twice).await);
    drop(tx);

    let mut tx = store.begin().await?;
    let next = reported(Some(first.component.clone()), &dns, &fields(ComponentState::Deployed), 11);
    tx.components().save(&next.component).await?;
    tx.components().record(&next.entry).await?;
    assert!(matches!(tx.components().save(&next.component).await, Err(StoreError::Contention(_))), "it is outdated");
    drop(tx);
    let mut tx = store.begin().await?;
    tx.components().save(&next.component).await?;
    let mut entries: Vec<HistoryEntry> = vec![first.entry, next.entry];
    for n in 12..16 {
        let late = ComponentFields { observed_at: Some(at(1)), ..fields(ComponentState::Built) };
        let mut late = reported(Some(next.component.clone()), &dns, &late, n).entry;
        // Two that came at once.
        late.recorded_at = at(12 + i64::try_from(n / 2).unwrap_or_default());
        assert!(late.late);
        entries.push(late);
    }
    for entry in &entries[1..] {
        tx.components().record(entry).await?;
    }
    let web = reported(None, &key("acme", "web"), &whole, 20).component;
    let api = reported(None, &key("acme", "api"), &whole, 21).component;
    for component in [&web, &api] {
        tx.components().add(component).await?;
    }
    tx.commit().await?;
    let mut view = store.read().await?;
    let places = |rows: Vec<Component>| rows.into_iter().map(|row| row.key.resource()).collect::<Vec<_>>();
    assert_eq!(places(view.components().of_project(None).await?), ["acme/api", "acme/web", "clients/acme/dns"]);
    assert_eq!(places(view.components().of_project(Some("acme")).await?), ["acme/api", "acme/web"]);
    drop(view);
    lists_agree(entries, async |request| {
        let mut view = store.read().await.expect("a reader");
        view.components().history(next.component.id, &request).await.expect("a page")
    })
    .await;
    Ok(())
}

/// The rules of the repository of the projects of coordination.
///
/// # Panics
/// When a rule does not hold.
pub async fn coord_projects(store: Store<'_>) -> Outcome {
    let project = CoordProject::new(Id::new(uuid(1)), "clients/acme".to_owned(), at(1));
    let pins = CoordProjectFields {
        name: Patch::Set("Acme ✓".to_owned()),
        allowed_components: Patch::Set(vec!["dns".to_owned(), "ünï".to_owned()]),
        allowed_states: Patch::Set(vec![ComponentState::Deployed]),
    };
    let pinned = project.clone().change(pins, at(2)).expect("valid pins");
    let mut tx = store.begin().await?;
    tx.coord_projects().add(&project).await?;
    let other = CoordProject::new(Id::new(uuid(2)), "acme".to_owned(), at(3));
    tx.coord_projects().add(&other).await?;
    tx.coord_projects().save(&pinned).await?;
    tx.commit().await?;
    let mut tx = store.begin().await?;
    assert_eq!(tx.coord_projects().by_key("clients/acme").await?, Some(pinned), "every field comes back");
    assert_eq!(tx.coord_projects().by_key("Acme").await?, None, "keys are compared byte by byte");
    assert_eq!(tx.coord_projects().by_key("acme").await?, Some(other), "and nothing where nothing is pinned");
    assert_eq!(tx.coord_projects().keys().await?, ["acme", "clients/acme"]);
    let twice = CoordProject::new(Id::new(uuid(3)), "acme".to_owned(), at(3));
    met_another_writer(tx.coord_projects().add(&twice).await);
    Ok(())
}

/// The rules of retention: what lies before the bounds goes, and nothing else.
///
/// # Panics
/// When a rule does not hold.
pub async fn retention(store: Store<'_>) -> Outcome {
    let mut tx = store.begin().await?;
    assert_eq!(tx.retention().decided().await?, None);
    for days in [3, 4, 4] {
        let fields = RetentionFields { events_days: Some(days), ..RetentionFields::default() };
        let kept = Retention::default().change(&fields).expect("valid days");
        tx.retention().decide(&kept).await?;
        assert_eq!(tx.retention().decided().await?, Some(kept), "there is one, the last");
    }
    tx.commit().await?;

    let mut tx = store.begin().await?;
    let mut head = tx.head().lock().await?;
    let place = key("acme", "api");
    let mut kept = None;
    for (n, second) in (1..).zip([10, 20, 30]) {
        head.now = at(second);
        let session_id = format!("s{second}");
        let sent = MessageFields {
            from_session: Some("a".to_owned()),
            to_session: Some(session_id.clone()),
            body: Some("text".to_owned()),
            ..MessageFields::default()
        };
        let draft = MessageDraft::new(Id::new(uuid(n)), sent).expect("a valid message");
        crate::message_service::post(tx.as_mut(), &mut head, draft).await.expect("it is sent");
        let draft = ComponentDraft::new(&fields(ComponentState::Built)).expect("a valid report");
        let is_new = kept.is_none();
        let reported = Reported::of(kept, &place, draft, [uuid(50), uuid(n + 200)], head.now);
        if is_new {
            tx.components().add(&reported.component).await?;
        }
        tx.components().record(&reported.entry).await?;
        kept = Some(reported.component);
        let presence = Presence::announce(Id::new(uuid(n)), None, session_id, PresenceFields::default(), head.now);
        tx.presence().put(&presence.expect("a valid announcement").end(head.now)).await?;
    }
    // Never ended, as when their machines went: seen since, silent, silent with a lock, and silent for long before its end.
    for (n, session_id, seen) in [(9, "there", 11), (10, "dead", 1), (11, "holder", 1), (12, "late", 1)] {
        let session =
            Presence::announce(Id::new(uuid(n)), None, session_id.to_owned(), PresenceFields::default(), at(seen));
        let session = session.expect("a valid announcement");
        tx.presence().put(&if session_id == "late" { session.end(at(11)) } else { session }).await?;
    }
    let lock = lock(1, "a", "holder", LockMode::Exclusive, at(1));
    tx.locks().write(&Changes { added: vec![lock.clone()], ..Changes::default() }).await?;
    tx.head().save(&head).await?;
    tx.commit().await?;

    let mut tx = store.begin().await?;
    assert_eq!(tx.retention().prune(&PruneBounds::default()).await?, Pruned::default(), "no bound, nothing goes");
    let before = |second| Some(at(second));
    let bounds = PruneBounds { events: before(30), messages: before(20), history: before(21), ended: before(11) };
    let pruned = tx.retention().prune(&bounds).await?;
    assert_eq!(pruned, Pruned { events: 2, messages: 1, history: 2, locks: 0, sessions: 2 });
    tx.commit().await?;
    let mut view = store.read().await?;
    assert_eq!(view.events().oldest().await?, Some(3));
    assert_eq!(view.messages().lookup(Id::new(uuid(1))).await?, None);
    assert_eq!(view.messages().recipients(&[Id::new(uuid(1))]).await?, []);
    assert!(view.messages().lookup(Id::new(uuid(2))).await?.is_some(), "the bound itself stays");
    let sessions = ["s10", "s20", "there", "dead", "holder", "late"].map(str::to_owned);
    let mut left: Vec<String> =
        view.presence().find(&sessions).await?.into_iter().map(|presence| presence.session_id).collect();
    left.sort_unstable();
    assert_eq!(
        left,
        ["holder", "late", "s20", "there"],
        "who was seen since, who holds a lock and who has ended since stays"
    );
    let last: Head = view.head().peek().await?;
    assert_eq!(last.last_event, 3, "numbers are not given again");
    drop(view);

    let mut tx = store.begin().await?;
    let released = Lock { state: LockState::Released, ended_at: Some(at(15)), ..lock };
    tx.locks().write(&Changes { ended: vec![released], ..Changes::default() }).await?;
    let pruned = tx.retention().prune(&PruneBounds { ended: before(11), ..PruneBounds::default() }).await?;
    assert_eq!(pruned, Pruned { sessions: 1, ..Pruned::default() }, "without its lock it goes");
    tx.commit().await
}
