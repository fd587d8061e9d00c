//! The suite of [`crate::ports::LockRepository`].

use claudetools_kernel::{
    Id, Timestamp,
    contract::{at, lists_agree, met_another_writer, uuid},
};

use super::{Outcome, Store, pass};
use crate::{
    Changes, Lock, LockDetail, LockFilter, LockMode, LockState, Presence, PresenceFields, ResourcePath, Waiter,
};

fn path(text: &str) -> ResourcePath {
    ResourcePath::kept(text).expect("a path")
}

/// The `n`th lock of a suite.
pub(super) fn lock(n: u128, resource: &str, session_id: &str, mode: LockMode, now: Timestamp) -> Lock {
    let number = i64::try_from(n).unwrap_or_default();
    Lock {
        id: Id::new(uuid(n)),
        resource: path(resource),
        mode,
        token: 1000 + number,
        session_id: session_id.to_owned(),
        task: None,
        reason: None,
        meta: None,
        ttl_seconds: 60,
        granted_at: now,
        expires_at: now.plus(chrono::TimeDelta::seconds(60 + number)),
        state: LockState::Held,
        ended_at: None,
        end_reason: None,
    }
}

async fn write(store: Store<'_>, changes: &Changes) -> Outcome {
    let mut tx = store.begin().await?;
    tx.locks().write(changes).await?;
    tx.commit().await
}

fn sorted(mut locks: Vec<Lock>) -> Vec<Lock> {
    locks.sort_by_key(|lock| lock.id);
    locks
}

/// The rules of locks, the line and fences.
///
/// # Panics
/// When a rule does not hold.
pub async fn locks(store: Store<'_>) -> Outcome {
    finds_what_lies_around(store).await?;
    extends_and_ends(store).await?;
    refuses_two_holders_and_two_tokens(store).await?;
    keeps_the_line(store).await?;
    keeps_fences(store).await
}

async fn finds_what_lies_around(store: Store<'_>) -> Outcome {
    let full = Lock {
        task: Some("Ünïcode & 100%".to_owned()),
        reason: Some("ticket".to_owned()),
        meta: Some("{\"a\":[1,\"ü\"]}".to_owned()),
        ..lock(1, "a/b", "s/1", LockMode::Exclusive, at(0))
    };
    let longest = "é".repeat(200);
    let locks = vec![
        full,
        lock(2, "a/b/c", "s2", LockMode::Shared, at(0)),
        lock(3, "a/b.c", "s2", LockMode::Shared, at(0)),
        lock(4, "a/bc", "s2", LockMode::Shared, at(0)),
        lock(5, "a", "s3", LockMode::Shared, at(0)),
        lock(6, "A/b", "s3", LockMode::Shared, at(0)),
        lock(7, &longest, "s3", LockMode::Shared, at(0)),
        lock(8, "a/b0", "s4", LockMode::Shared, at(0)),
        lock(9, "a/b/c", "s4", LockMode::Shared, at(0)),
    ];
    let mut tx = store.begin().await?;
    tx.locks().write(&Changes { added: locks.clone(), ..Changes::default() }).await?;
    drop(tx);
    assert_eq!(store.read().await?.locks().by_ids(&[locks[0].id]).await?, [], "dropping a transaction undoes it");
    write(store, &Changes { added: locks.clone(), ..Changes::default() }).await?;
    let mut read = store.read().await?;
    for wanted in [vec!["a/b"], vec!["a"], vec!["a/b/c/d"], vec!["A"], vec!["z"], vec!["a/b", "a/bc/x"], vec![&longest]]
    {
        let paths: Vec<ResourcePath> = wanted.iter().map(|text| path(text)).collect();
        let expected = locks.iter().filter(|lock| paths.iter().any(|path| path.meets(&lock.resource))).cloned();
        let found = sorted(read.locks().meeting(&paths).await?);
        assert_eq!(found, sorted(expected.collect()), "{wanted:?}");
    }
    let many: Vec<ResourcePath> = (0..300).map(|n| path(&format!("many/{n}"))).chain([path("a/b")]).collect();
    assert_eq!(read.locks().meeting(&many).await?.len(), 4, "a, a/b and what lies below it");
    assert_eq!(sorted(read.locks().by_ids(&[locks[4].id, locks[0].id]).await?), [locks[0].clone(), locks[4].clone()]);
    assert_eq!(sorted(read.locks().of_session("s4").await?), [locks[7].clone(), locks[8].clone()]);
    assert_eq!(read.locks().due(at(62), 10).await?, locks[..2], "those whose time has run out, the first first");
    assert_eq!(read.locks().due(at(69), 3).await?, locks[..3]);
    assert_eq!(read.locks().count_held(at(62)).await?, 7);
    Ok(())
}

async fn extends_and_ends(store: Store<'_>) -> Outcome {
    let ids: Vec<Id<Lock>> = (1..=9).map(|n| Id::new(uuid(n))).collect();
    let known = sorted(store.read().await?.locks().by_ids(&ids).await?);
    let until = |lock: &Lock, seconds: i64| Lock { ttl_seconds: seconds, expires_at: at(seconds), ..lock.clone() };
    let end = |lock: &Lock, state: LockState, ended_at: Timestamp, reason: Option<&str>| Lock {
        state,
        ended_at: Some(ended_at),
        end_reason: reason.map(str::to_owned),
        ..lock.clone()
    };
    let extended = vec![until(&known[0], 500), until(&known[1], 500), until(&known[2], 600)];
    let ended = vec![
        end(&known[3], LockState::Expired, known[3].expires_at, None),
        end(&known[4], LockState::Expired, known[4].expires_at, None),
        end(&known[5], LockState::Released, at(70), None),
        end(&known[6], LockState::Broken, at(70), Some("höhere Gewalt")),
        end(&known[7], LockState::Released, at(70), None),
        end(&known[8], LockState::Released, at(70), None),
    ];
    write(store, &Changes { extended: extended.clone(), ended: ended.clone(), ..Changes::default() }).await?;
    let mut read = store.read().await?;
    assert_eq!(sorted(read.locks().by_ids(&ids).await?), [extended.clone(), ended].concat());
    assert_eq!(read.locks().meeting(&[path("a")]).await?.len(), 3, "what has ended is in nobody's way");
    assert_eq!(read.locks().of_session("s4").await?, []);
    assert_eq!(read.locks().due(at(499), 10).await?, []);
    assert_eq!(read.locks().detail(ids[0]).await?.map(|detail| detail.lock), Some(extended[0].clone()));
    assert_eq!(read.locks().detail(Id::new(uuid(99))).await?, None);
    Ok(())
}

async fn refuses_two_holders_and_two_tokens(store: Store<'_>) -> Outcome {
    let second = lock(20, "a/b", "s9", LockMode::Exclusive, at(100));
    let mut tx = store.begin().await?;
    met_another_writer(tx.locks().write(&Changes { added: vec![second.clone()], ..Changes::default() }).await);
    drop(tx);
    let same_token = Lock { token: 1001, ..lock(21, "free", "s9", LockMode::Exclusive, at(100)) };
    let mut tx = store.begin().await?;
    met_another_writer(tx.locks().write(&Changes { added: vec![same_token], ..Changes::default() }).await);
    drop(tx);
    // What ends in a batch makes room in the same batch, and what begins and ends in it leaves its trace.
    let held = store.read().await?.locks().by_ids(&[Id::new(uuid(1))]).await?;
    let ended = held.into_iter().map(|lock| Lock { state: LockState::Released, ended_at: Some(at(100)), ..lock });
    let short = Lock {
        state: LockState::Released,
        ended_at: Some(at(100)),
        ..lock(22, "a/b", "s8", LockMode::Exclusive, at(100))
    };
    let changes = Changes { ended: ended.collect(), added: vec![short.clone(), second.clone()], ..Changes::default() };
    write(store, &changes).await?;
    let found = sorted(store.read().await?.locks().by_ids(&[short.id, second.id]).await?);
    assert_eq!(found, [second, short]);
    Ok(())
}

async fn keeps_the_line(store: Store<'_>) -> Outcome {
    let waiter = |ticket: i64| Waiter {
        ticket,
        session_id: format!("s/{ticket}"),
        resources: vec![path("a/ü"), path("b")],
        mode: if ticket % 2 == 0 { LockMode::Shared } else { LockMode::Exclusive },
        since: at(ticket),
        deadline: at(ticket + 60),
        alive_until: at(ticket + 5),
    };
    let queued = vec![waiter(3), waiter(1), waiter(2)];
    write(store, &Changes { queued, ..Changes::default() }).await?;
    assert_eq!(
        store.read().await?.locks().waiters().await?,
        [waiter(1), waiter(2), waiter(3)],
        "in the order of the line"
    );
    let changes = Changes {
        left: vec![1],
        alive: vec![2, 3],
        alive_until: Some(at(99)),
        queued: vec![waiter(4)],
        ..Changes::default()
    };
    write(store, &changes).await?;
    let alive = |ticket| Waiter { alive_until: at(99), ..waiter(ticket) };
    assert_eq!(store.read().await?.locks().waiters().await?, [alive(2), alive(3), waiter(4)]);
    Ok(())
}

async fn keeps_fences(store: Store<'_>) -> Outcome {
    let fences = |pairs: &[(&str, i64)]| pairs.iter().map(|(text, token)| (path(text), *token)).collect::<Vec<_>>();
    let first = fences(&[("x/y", 5), ("x/y/z", i64::MAX), ("x", 1), ("x/yz", 2)]);
    write(store, &Changes { fences: first, ..Changes::default() }).await?;
    write(store, &Changes { fences: fences(&[("x/y", 7), ("w", 1)]), ..Changes::default() }).await?;
    let mut found = store.read().await?.locks().fences(&[path("x/y")]).await?;
    found.sort();
    assert_eq!(found, fences(&[("x", 1), ("x/y", 7), ("x/y/z", i64::MAX)]));
    Ok(())
}

/// The lists of locks.
///
/// # Panics
/// When a rule does not hold.
pub async fn lock_lists(store: Store<'_>) -> Outcome {
    let now = pass(store, 1).await?;
    let ago = |seconds: i64| now.plus(chrono::TimeDelta::seconds(-seconds));
    let mut locks: Vec<Lock> = ["acme", "acme/dns", "acme/dns/zone", "acme.org", "acme0", "other"]
        .iter()
        .enumerate()
        .map(|(place, resource)| {
            let n = u128::try_from(place).unwrap_or_default();
            let session = if n % 2 == 0 { "even" } else { "odd" };
            lock(n, resource, session, LockMode::Shared, ago(i64::try_from(n).unwrap_or_default() / 2))
        })
        .collect();
    // One whose time has run out unmarked, and one each of those that have ended.
    locks[1].expires_at = ago(1);
    for (place, state) in [(3, LockState::Released), (4, LockState::Broken), (5, LockState::Expired)] {
        locks[place].state = state;
        locks[place].ended_at = Some(now);
    }
    write(store, &Changes { added: locks.clone(), ..Changes::default() }).await?;
    let fields = PresenceFields {
        host: claudetools_kernel::Patch::Set("laptop".to_owned()),
        agent: claudetools_kernel::Patch::Set("coder".to_owned()),
        ..PresenceFields::default()
    };
    let even = Presence::announce(Id::new(uuid(50)), None, "even".to_owned(), fields, now).expect("a session");
    let mut tx = store.begin().await?;
    tx.presence().put(&even).await?;
    tx.commit().await?;
    let detail = |lock: &Lock| {
        let said = |text: &str| (lock.session_id == "even").then(|| text.to_owned());
        LockDetail { lock: lock.clone(), host: said("laptop"), agent: said("coder") }
    };
    let mut filters = vec![
        LockFilter::default(),
        LockFilter { project_key: Some("acme".to_owned()), ..LockFilter::default() },
        LockFilter { session_id: Some("odd".to_owned()), ..LockFilter::default() },
        LockFilter { resource: Some("acme/dns".to_owned()), ..LockFilter::default() },
        LockFilter { covering: Some(path("acme/dns/zone/x")), ..LockFilter::default() },
        LockFilter { covering: Some(path("acme")), state: Some(LockState::Held), ..LockFilter::default() },
    ];
    let states = [LockState::Held, LockState::Released, LockState::Expired, LockState::Broken];
    filters.extend(states.map(|state| LockFilter { state: Some(state), ..LockFilter::default() }));
    for filter in &filters {
        let rows: Vec<LockDetail> = locks.iter().filter(|lock| filter.admits(lock, now)).map(detail).collect();
        assert!(!rows.is_empty(), "{filter:?} finds nothing");
        lists_agree(rows, async |page| {
            let mut tx = store.read().await.expect("a view");
            tx.locks().list(filter, &page, now).await.expect("a page")
        })
        .await;
    }
    Ok(())
}
