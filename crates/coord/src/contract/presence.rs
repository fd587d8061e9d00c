//! The suite of [`crate::ports::PresenceRepository`].

use chrono::TimeDelta;
use claudetools_kernel::{
    Id,
    contract::{at, lists_agree, uuid},
};

use super::{Outcome, Store};
use crate::{Presence, PresenceFilter, PresenceState};

/// The rules of presence.
///
/// # Panics
/// When a rule does not hold.
pub async fn presence(store: Store<'_>) -> Outcome {
    let now = at(10_000);
    let row = |n: u128, state: PresenceState, minutes: i64| Presence {
        id: Id::new(uuid(n)),
        session_id: format!("session/{n}"),
        machine: Some("LAPTOP".to_owned()),
        host: n.is_multiple_of(2).then(|| "hôst".to_owned()),
        agent: Some("coder".to_owned()),
        project_key: Some(if n.is_multiple_of(2) { "clients/acme" } else { "gururmm" }.to_owned()),
        task: None,
        pid: Some(i64::from(u32::MAX)),
        state,
        started_at: at(i64::try_from(n).unwrap_or_default() / 2),
        last_seen_at: now.plus(TimeDelta::minutes(-minutes)),
        ended_at: (state == PresenceState::Ended).then_some(now),
    };
    let mut rows = vec![
        row(1, PresenceState::Active, 0),
        row(2, PresenceState::Active, 14),
        row(3, PresenceState::Active, 15),
        row(4, PresenceState::Active, 200),
        row(5, PresenceState::Stale, 300),
        row(6, PresenceState::Ended, 1),
    ];
    let mut tx = store.begin().await?;
    for row in &rows {
        tx.presence().put(row).await?;
    }
    tx.commit().await?;
    rows[0] = Presence { task: Some("move the zone".to_owned()), host: None, ..rows[0].clone() };
    let mut tx = store.begin().await?;
    tx.presence().put(&rows[0]).await?;
    // The same once more changes nothing, and is no failure.
    tx.presence().put(&rows[0]).await?;
    tx.commit().await?;

    let mut read = store.read().await?;
    let ids = |numbers: &[u128]| numbers.iter().map(|n| format!("session/{n}")).collect::<Vec<_>>();
    let mut found = read.presence().find(&ids(&[6, 1, 99])).await?;
    found.sort_by_key(|row| row.id);
    assert_eq!(found, [rows[0].clone(), rows[5].clone()], "every field comes back, of ended ones too");
    let silent = read.presence().silent(Presence::silent_at(now), 10).await?;
    assert_eq!(silent, [rows[3].clone(), rows[2].clone()], "a quarter of an hour is silence, and 14 minutes are not");
    assert_eq!(read.presence().silent(Presence::silent_at(now), 1).await?.len(), 1);
    drop(read);
    let project = || Some("gururmm".to_owned());
    for filter in [
        PresenceFilter::default(),
        PresenceFilter { active: Some(true), ..PresenceFilter::default() },
        PresenceFilter { active: Some(false), ..PresenceFilter::default() },
        PresenceFilter { active: Some(true), project_key: project() },
        PresenceFilter { active: Some(false), project_key: project() },
    ] {
        let admitted: Vec<Presence> = rows.iter().filter(|row| filter.admits(row, now)).cloned().collect();
        assert!(!admitted.is_empty(), "{filter:?}");
        lists_agree(admitted, async |page| {
            let mut tx = store.read().await.expect("a view");
            tx.presence().list(&filter, &page, now).await.expect("a page")
        })
        .await;
    }
    Ok(())
}
