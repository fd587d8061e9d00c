//! The suite of [`crate::ports::CredentialRepository`], lists and access aside, and of [`crate::ports::Directory`].

use claudetools_kernel::{
    Patch, StoreError,
    contract::{at, met_another_writer},
};
use uuid::Uuid;

use super::{
    Outcome, Store, add, changed, credential, credential_access::only, every_field, id, made, named, version::version,
};
use crate::{Credential, CredentialFields, CredentialType};

/// A credential with every field set.
pub(super) fn full(n: u8, client: Uuid) -> Credential {
    let set = |text: &str| Patch::Set(text.to_owned());
    let fields = CredentialFields {
        client_id: Patch::Set(client),
        service_id: Patch::Set(id::<()>(201).uuid()),
        infrastructure_id: Patch::Set(id::<()>(202).uuid()),
        credential_type: Some(CredentialType::ConnectionString),
        username: set("Zoë@Ünïcode.example"),
        external_url: set("https://vpn.acme.example:8443/login?next=%2F"),
        internal_url: set("\\\\srv-01\\admin$"),
        custom_port: Patch::Set(65_535),
        role_description: set("first line\n  second line 😀\t"),
        requires_vpn: Some(true),
        requires_2fa: Some(true),
        requires_reason: Some(true),
        expires_at: Patch::Set(at(1_000_000)),
        last_rotated_at: Patch::Set(at(-1_000_000)),
        rotation_interval_days: Patch::Set(3650),
        is_active: Some(false),
        tags: Some(["Ünïcode", "a \"quoted\" word", "😀", "100%_"].map(str::to_owned).to_vec()),
        ..named("Straße 7: Firewall \u{1f525} 100%")
    };
    Credential { has: every_field(), version: 12, ..made(n, fields) }
}

/// The rules of the repository of credentials. `client` exists.
pub async fn credentials(store: Store<'_>, client: Uuid) -> Outcome {
    knows_what_exists(store, client).await?;
    round_trips(store, client).await?;
    comes_with_a_version(store, client).await?;
    holds_the_longest(store).await?;
    saves_only_the_next_revision(store).await?;
    refuses_what_dangles(store).await
}

async fn knows_what_exists(store: Store<'_>, client: Uuid) -> Outcome {
    let mut view = store.read().await?;
    let nobody = id::<()>(250).uuid();
    assert!(view.directory().has_client(client).await?, "the client exists");
    assert!(!view.directory().has_client(nobody).await?, "another does not");
    assert!(!view.directory().has_service(nobody).await?, "no service of this id");
    assert!(!view.directory().has_infrastructure(nobody).await?, "no infrastructure of this id");
    Ok(())
}

async fn comes_with_a_version(store: Store<'_>, client: Uuid) -> Outcome {
    let restricted = Credential { access: only(&["jo@example.com"], &["backup"]), ..full(60, client) };
    let bare = credential(61, "x");
    let versions = [11, 12].map(|number| version(restricted.id, number, "k1"));
    let other = version(bare.id, 12, "k1");
    let mut tx = store.begin().await?;
    tx.credentials().add(&restricted).await?;
    tx.credentials().add(&bare).await?;
    for version in versions.iter().chain([&other]) {
        tx.versions().add(version).await?;
    }
    let [former, present] = &versions;
    for (wanted, expected) in
        [(None, Some(present)), (Some(12), Some(present)), (Some(11), Some(former)), (Some(10), None)]
    {
        let found = tx.credentials().with_version(restricted.id, wanted).await?;
        let (credential, version) = found.expect("a credential");
        assert_eq!(credential, restricted, "with who may see it");
        // Compared by hand: `Debug` of what is sealed shows nothing.
        assert!(version.as_ref() == expected, "{wanted:?} gives {version:?}");
    }
    let found = tx.credentials().with_version(bare.id, None).await?;
    assert!(found == Some((bare, None)), "no version where there is no secret");
    assert!(tx.credentials().with_version(id(250), None).await?.is_none(), "no credential");
    Ok(())
}

async fn round_trips(store: Store<'_>, client: Uuid) -> Outcome {
    let (full, bare) = (full(1, client), credential(2, "x"));
    let mut tx = store.begin().await?;
    tx.credentials().add(&full).await?;
    assert_eq!(tx.credentials().lookup(full.id).await?, Some(full.clone()), "a transaction sees what it did");
    drop(tx);
    assert_eq!(store.read().await?.credentials().lookup(full.id).await?, None, "dropping a transaction undoes it");

    add(store, &[full.clone(), bare.clone()]).await?;
    let mut tx = store.begin().await?;
    assert_eq!(tx.credentials().lookup(full.id).await?, Some(full.clone()), "every field comes back");
    assert_eq!(tx.credentials().lookup(bare.id).await?, Some(bare.clone()), "empty fields stay empty");
    assert_eq!(tx.credentials().lookup(id(250)).await?, None);
    assert_eq!(tx.credentials().referrers(full.id).await?, [], "nothing keeps a credential from being removed");
    met_another_writer(tx.credentials().add(&bare).await);
    drop(tx);
    let mut tx = store.begin().await?;
    assert!(tx.credentials().remove(full.id).await?, "there was a row to remove");
    assert!(!tx.credentials().remove(full.id).await?, "and then none");
    assert_eq!(tx.credentials().lookup(full.id).await?, None);
    tx.commit().await
}

/// Every text at its longest: in characters of four bytes, and in one that folding makes longer.
async fn holds_the_longest(store: Store<'_>) -> Outcome {
    for (n, character) in [(3, "😀"), (4, "İ")] {
        let line = || Patch::Set(character.repeat(255));
        let fields = CredentialFields {
            username: line(),
            external_url: line(),
            internal_url: line(),
            role_description: Patch::Set(character.repeat(claudetools_kernel::text::BLOCK)),
            tags: Some((0..100).map(|tag| format!("{tag:03}{}", character.repeat(252))).collect()),
            ..named(&character.repeat(255))
        };
        let longest = Credential { has: every_field(), version: i64::MAX, ..made(n, fields) };
        add(store, std::slice::from_ref(&longest)).await?;
        assert_eq!(store.read().await?.credentials().lookup(longest.id).await?, Some(longest), "{character}");
    }
    Ok(())
}

async fn saves_only_the_next_revision(store: Store<'_>) -> Outcome {
    let first = credential(5, "Mail");
    add(store, std::slice::from_ref(&first)).await?;
    let renamed = changed(&first, CredentialFields { tags: Some(vec!["new".to_owned()]), ..named("Post") }, 50);
    let renamed = renamed.with_version(every_field(), at(50));
    let mut tx = store.begin().await?;
    tx.credentials().save(&renamed).await?;
    tx.commit().await?;
    assert_eq!(store.read().await?.credentials().lookup(first.id).await?, Some(renamed), "the change is there");

    let mut tx = store.begin().await?;
    let stale = tx.credentials().save(&changed(&first, named("Telephone"), 60)).await;
    assert!(matches!(stale, Err(StoreError::Contention(_))), "the second writer is told");
    drop(tx);
    let mut tx = store.begin().await?;
    let missing = tx.credentials().save(&changed(&credential(250, "x"), named("y"), 60)).await;
    assert!(matches!(missing, Err(StoreError::Contention(_))), "a missing row is told");
    drop(tx);

    let mut tx = store.begin().await?;
    let mut emptied = full(6, id::<()>(251).uuid());
    emptied.client_id = None;
    tx.credentials().add(&emptied).await?;
    let bare = Credential { revision: 2, ..credential(6, "Nothing left") };
    tx.credentials().save(&bare).await?;
    assert_eq!(tx.credentials().lookup(bare.id).await?, Some(bare), "fields that were emptied are empty");
    tx.commit().await
}

async fn refuses_what_dangles(store: Store<'_>) -> Outcome {
    let of_nobody = || CredentialFields { client_id: Patch::Set(id::<()>(252).uuid()), ..named("Dangling") };
    let mut tx = store.begin().await?;
    met_another_writer(tx.credentials().add(&made(7, of_nobody())).await);
    drop(tx);
    let mut tx = store.begin().await?;
    let kept = credential(8, "Kept");
    tx.credentials().add(&kept).await?;
    met_another_writer(tx.credentials().save(&changed(&kept, of_nobody(), 60)).await);
    Ok(())
}
