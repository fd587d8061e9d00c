//! The suite of [`crate::ports::MachineRepository`].

use claudetools_kernel::{
    Entity, Id, Patch, Referrer, StoreError,
    contract::{at, lists_agree, met_another_writer, uuid},
};

use super::{Outcome, Store};
use crate::{BillingRule, Fingerprint, Machine, MachineFields, MachineFilter, Platform, Session, SessionFields};

fn digits(n: u128) -> String {
    format!("{n:064x}")
}

/// The `n`th machine of a suite, with the least that it needs.
pub(crate) fn machine(n: u128, hostname: &str) -> Machine {
    let fields = MachineFields {
        hostname: Some(hostname.to_owned()),
        machine_fingerprint: Some(digits(n)),
        platform: Some(Platform::Win32),
        ..MachineFields::default()
    };
    Machine::new(Id::new(uuid(n)), fields, at(i64::try_from(n).unwrap_or_default())).expect("a valid machine")
}

fn full() -> Machine {
    let set = |text: &str| Patch::Set(text.to_owned());
    let list = |entries: [&str; 2]| Some(entries.map(str::to_owned).to_vec());
    let fields = MachineFields {
        hostname: Some("Büro-PC 100%".to_owned()),
        machine_fingerprint: Some("FEDCBA9876543210".repeat(4)),
        platform: Some(Platform::Darwin),
        os_version: set("15.2"),
        username: set("Jo"),
        friendly_name: set("Jo's \"MacBook\""),
        has_vpn_access: Some(true),
        vpn_profiles: list(["acme", "Söhne, \"GmbH\""]),
        has_docker: Some(true),
        powershell_version: set("7.4"),
        preferred_shell: set("zsh"),
        available_mcps: list(["tickets", "backup"]),
        available_skills: list(["dns", "mail"]),
        notes: set("first line\nsecond line"),
        is_active: Some(false),
        last_seen: Some(at(4)),
    };
    Machine::new(Id::new(uuid(9)), fields, at(9)).expect("a valid machine")
}

/// The rules of the repository of machines.
pub async fn machines(store: Store<'_>) -> Outcome {
    round_trips(store).await?;
    keeps_fingerprints_unique(store).await?;
    saves_only_the_next_revision(store).await?;
    moves_the_last_sighting_forward_only(store).await?;
    pages_and_filters(store).await?;
    names_what_refers_to_it(store).await
}

async fn round_trips(store: Store<'_>) -> Outcome {
    let machine = full();
    let mut tx = store.begin().await?;
    tx.machines().add(&machine).await?;
    drop(tx);
    assert_eq!(store.read().await?.machines().lookup(machine.id).await?, None, "dropping a transaction undoes it");

    let mut tx = store.begin().await?;
    tx.machines().add(&machine).await?;
    tx.commit().await?;
    let mut tx = store.begin().await?;
    assert_eq!(tx.machines().lookup(machine.id).await?, Some(machine.clone()), "every field comes back");
    assert_eq!(tx.machines().referrers(machine.id).await?, [], "nothing refers to it yet");
    assert!(tx.machines().remove(machine.id).await?, "there was a row to remove");
    assert!(!tx.machines().remove(machine.id).await?, "and then none");
    tx.commit().await
}

async fn keeps_fingerprints_unique(store: Store<'_>) -> Outcome {
    let first = machine(1, "ws-01");
    let mut tx = store.begin().await?;
    tx.machines().add(&first).await?;
    tx.machines().add(&machine(2, "ws-01")).await?;
    assert_eq!(tx.machines().by_fingerprint(&first.machine_fingerprint).await?, Some(first.clone()));
    let unknown = Fingerprint::parse(&digits(3)).expect("a fingerprint");
    assert_eq!(tx.machines().by_fingerprint(&unknown).await?, None);
    tx.commit().await?;
    let mut tx = store.begin().await?;
    let again = Machine { machine_fingerprint: first.machine_fingerprint, ..machine(3, "ws-03") };
    met_another_writer(tx.machines().add(&again).await);
    drop(tx);
    let fields = MachineFields { machine_fingerprint: Some(digits(1)), ..MachineFields::default() };
    let taken = machine(2, "ws-01").change(fields, at(50)).expect("a valid change");
    let mut tx = store.begin().await?;
    met_another_writer(tx.machines().save(&taken).await);
    Ok(())
}

fn rename(machine: Machine, name: &str, seconds: i64) -> Machine {
    let fields = MachineFields { hostname: Some(name.to_owned()), ..MachineFields::default() };
    machine.change(fields, at(seconds)).expect("a valid change")
}

async fn saves_only_the_next_revision(store: Store<'_>) -> Outcome {
    let first = machine(1, "ws-01");
    let changed = rename(first.clone(), "ws-one", 50);
    let mut tx = store.begin().await?;
    tx.machines().save(&changed).await?;
    tx.commit().await?;
    assert_eq!(store.read().await?.machines().lookup(first.id).await?, Some(changed), "the change is there");

    let mut tx = store.begin().await?;
    let stale = tx.machines().save(&rename(first, "ws-eins", 60)).await;
    assert!(matches!(stale, Err(StoreError::Contention(_))), "the second writer is told");
    drop(tx);
    let mut tx = store.begin().await?;
    let missing = tx.machines().save(&rename(machine(77, "nobody"), "still nobody", 60)).await;
    assert!(matches!(missing, Err(StoreError::Contention(_))), "a missing row is told");
    Ok(())
}

async fn moves_the_last_sighting_forward_only(store: Store<'_>) -> Outcome {
    let mut tx = store.begin().await?;
    let before = tx.machines().lookup(Id::new(uuid(2))).await?.expect("the second machine");
    assert_eq!(before.last_seen, None, "not seen yet");
    for (seconds, seen) in [(70, 70), (60, 70), (70, 70), (80, 80)] {
        assert!(tx.machines().touch(before.id, at(seconds)).await?, "there is such a machine");
        let after = tx.machines().lookup(before.id).await?.expect("the second machine");
        assert_eq!(after, Machine { last_seen: Some(at(seen)), ..before.clone() }, "nothing else changes");
    }
    assert!(!tx.machines().touch(Id::new(uuid(77)), at(80)).await?, "there is none");

    // A heartbeat that came in since the row was read is not undone by saving it.
    let changed = rename(before, "ws-two", 90);
    tx.machines().save(&changed).await?;
    let after = tx.machines().lookup(changed.id).await?;
    assert_eq!(after, Some(Machine { last_seen: Some(at(80)), ..changed }));
    Ok(())
}

fn various() -> Vec<Machine> {
    let names = ["alpha", "Beta", "gamma 50%", "Delta_1", "ALPHA"];
    let mut rows = vec![full()];
    rows.extend(names.iter().zip(10..).map(|(name, n)| machine(n, name)));
    rows
}

async fn pages_and_filters(store: Store<'_>) -> Outcome {
    let mut tx = store.begin().await?;
    tx.machines().remove(Id::new(uuid(1))).await?;
    tx.machines().remove(Id::new(uuid(2))).await?;
    let rows = various();
    for row in &rows {
        tx.machines().add(row).await?;
    }
    tx.commit().await?;

    let text = |q: &str| MachineFilter { q: Some(q.to_owned()), ..MachineFilter::default() };
    let filters = [
        (MachineFilter::default(), 6),
        (MachineFilter { platform: Some(Platform::Darwin), ..MachineFilter::default() }, 1),
        (MachineFilter { platform: Some(Platform::Linux), ..MachineFilter::default() }, 0),
        (MachineFilter { is_active: Some(true), ..MachineFilter::default() }, 5),
        (MachineFilter { is_active: Some(false), platform: Some(Platform::Darwin), ..text("MACBOOK") }, 1),
        (text("alpha"), 2),
        (text("%"), 2),
        (text("_"), 1),
        (text("BÜRO"), 1),
        (text("jo"), 1),
        (text("second line"), 0),
    ];
    for (filter, expected) in filters {
        let admitted: Vec<Machine> = rows.iter().filter(|row| filter.admits(row)).cloned().collect();
        assert_eq!(admitted.len(), expected, "{filter:?}");
        lists_agree(admitted, async |request| {
            let mut tx = store.read().await.expect("a reader");
            tx.machines().list(&filter, &request).await.expect("a page")
        })
        .await;
    }
    Ok(())
}

async fn names_what_refers_to_it(store: Store<'_>) -> Outcome {
    let machine = machine(10, "alpha");
    let session = |n| {
        let fields = SessionFields {
            machine_id: Patch::Set(machine.id),
            session_date: Some(at(0).date()),
            session_title: Some("On this machine".to_owned()),
            ..SessionFields::default()
        };
        let draft = Session::draft(Id::new(uuid(n)), fields, "jo", at(0)).expect("a valid session");
        draft.finish(BillingRule::default(), None)
    };
    let mut tx = store.begin().await?;
    tx.sessions().add(&session(200)).await?;
    tx.sessions().add(&session(201)).await?;
    let sessions = Referrer { resource_type: Session::TYPE, count: 2 };
    assert_eq!(tx.machines().referrers(machine.id).await?, [sessions]);
    assert_eq!(tx.machines().referrers(Id::new(uuid(11))).await?, [], "only what refers to this one");
    Ok(())
}
