//! The part of the suite of [`crate::ports::CredentialRepository`] that is about who may see a credential, and what goes with one.

use claudetools_kernel::contract::at;

use super::{
    Outcome, Store, add,
    chain::event,
    changed, credential, id, named,
    share::{link, share},
    version::version,
};
use crate::{Access, AuditRow, Credential, CredentialFilter, CredentialQuery, Viewer};

/// Access of these subjects and types of agents.
pub(super) fn only(subjects: &[&str], agent_types: &[&str]) -> Access {
    let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    Access { subjects: owned(subjects), agent_types: owned(agent_types) }
}

/// The rules of the repository of credentials about access and removal.
pub async fn credential_access(store: Store<'_>) -> Outcome {
    keeps_access(store).await?;
    leaves_access_alone_when_saving(store).await?;
    removes_what_belongs_to_it(store).await
}

async fn lookup(store: Store<'_>, n: u8) -> Result<Option<Credential>, claudetools_kernel::StoreError> {
    store.read().await?.credentials().lookup(id(n)).await
}

async fn restrict(store: Store<'_>, n: u8, access: &Access) -> Outcome {
    let mut tx = store.begin().await?;
    tx.credentials().restrict(id(n), access).await?;
    tx.commit().await
}

async fn keeps_access(store: Store<'_>) -> Outcome {
    let open = credential(1, "Router");
    let longest = only(&[&"é".repeat(255), &"😀".repeat(255)], &[&"x".repeat(255)]);
    let restricted =
        Credential { access: only(&["jo@example.com", "al@example.com"], &["backup"]), ..credential(2, "Vault") };
    add(store, &[open.clone(), restricted.clone()]).await?;
    assert_eq!(lookup(store, 2).await?, Some(restricted.clone()), "access comes with a credential that is added");

    let mut tx = store.begin().await?;
    tx.credentials().restrict(open.id, &only(&["jo@example.com"], &[])).await?;
    drop(tx);
    assert_eq!(lookup(store, 1).await?, Some(open.clone()), "dropping a transaction undoes it");

    // The same name as a subject and as a type of agents is two entries; capitals tell names apart.
    let access = [
        only(&["backup"], &["backup", "Backup"]),
        longest,
        only(&[], &["backup"]),
        only(&["ü"], &[]),
        Access::default(),
    ];
    for access in access {
        restrict(store, 1, &access).await?;
        let wanted = Credential { access, ..open.clone() };
        assert_eq!(lookup(store, 1).await?, Some(wanted), "the new access replaces the old; the revision stays");
        assert_eq!(lookup(store, 2).await?, Some(restricted.clone()), "another's stays");
    }
    Ok(())
}

/// A change that began before the credential was restricted must not show it to everybody again, nor hide it.
async fn leaves_access_alone_when_saving(store: Store<'_>) -> Outcome {
    let read = credential(3, "Switch");
    let access = only(&["jo@example.com"], &[]);
    add(store, std::slice::from_ref(&read)).await?;
    restrict(store, 3, &access).await?;
    let renamed = changed(&read, named("Core switch"), 60);
    let mut tx = store.begin().await?;
    tx.credentials().save(&renamed).await?;
    tx.commit().await?;
    let restricted = Credential { access: access.clone(), ..renamed.clone() };
    assert_eq!(lookup(store, 3).await?, Some(restricted.clone()), "it is still restricted");
    assert_eq!(seen(store, "al@example.com").await?, [false], "and hidden from others");
    assert_eq!(seen(store, "jo@example.com").await?, [true]);

    restrict(store, 3, &Access::default()).await?;
    let again = changed(&restricted, named("Core switch"), 70);
    let mut tx = store.begin().await?;
    tx.credentials().save(&again).await?;
    tx.commit().await?;
    assert_eq!(lookup(store, 3).await?, Some(Credential { access: Access::default(), ..again }), "it is still open");
    assert_eq!(seen(store, "al@example.com").await?, [true]);
    Ok(())
}

/// Whether the core switch is listed for `subject`.
async fn seen(store: Store<'_>, subject: &str) -> Result<[bool; 1], claudetools_kernel::StoreError> {
    let wanted = CredentialQuery { q: Some("core switch".to_owned()), ..CredentialQuery::default() };
    let filter = CredentialFilter { viewer: Viewer::Account(subject.to_owned()), wanted, now: at(0) };
    let page = claudetools_kernel::PageRequest::first(10);
    let page = store.read().await?.credentials().list(&filter, &page).await?;
    Ok([!page.items.is_empty()])
}

async fn removes_what_belongs_to_it(store: Store<'_>) -> Outcome {
    let doomed = Credential { access: only(&["jo@example.com"], &["backup"]), ..credential(10, "Old") };
    let other = credential(11, "Other");
    add(store, &[doomed.clone(), other.clone()]).await?;
    let recorded = AuditRow { id: id::<()>(12).uuid(), seq: 1, epoch: 1, event: event(doomed.id), hash: [3; 32] };
    let mut tx = store.begin().await?;
    for number in 1..=2 {
        tx.versions().add(&version(doomed.id, number, "k1")).await?;
    }
    tx.versions().add(&version(other.id, 1, "k1")).await?;
    tx.shares().add(&share(13, doomed.id, 100)).await?;
    tx.shares().add(&share(14, other.id, 100)).await?;
    tx.chain().append(&recorded).await?;
    tx.commit().await?;

    let mut tx = store.begin().await?;
    assert!(tx.credentials().remove(doomed.id).await?);
    drop(tx);
    let mut view = store.read().await?;
    assert_eq!(view.versions().of(doomed.id).await?.len(), 2, "dropping a transaction undoes all of it");
    assert_eq!(view.credentials().lookup(doomed.id).await?, Some(doomed.clone()));
    drop(view);

    let mut tx = store.begin().await?;
    assert!(tx.credentials().remove(doomed.id).await?);
    assert_eq!(tx.versions().of(doomed.id).await?, [], "its versions go with it");
    assert_eq!(tx.versions().lookup(doomed.id, 2).await?, None);
    assert_eq!(tx.shares().lock(link(13)).await?, None, "its links go with it");
    assert_eq!(tx.versions().of(other.id).await?.len(), 1, "another's stay");
    assert!(tx.shares().lock(link(14)).await?.is_some(), "another's stay");
    assert_eq!(tx.chain().rows_after(0, 10).await?, [recorded], "what was recorded of it stays");
    tx.commit().await?;

    // Under the same id again, so that what was left behind would show.
    let reborn = Credential { access: only(&["al@example.com"], &[]), ..credential(10, "New") };
    add(store, std::slice::from_ref(&reborn)).await?;
    assert_eq!(lookup(store, 10).await?, Some(reborn), "who could see it went with it");
    Ok(())
}
