//! The inventory on rows of the other domains: the clients whose equipment it is, and the credentials that open it.

use claudetools_credentials::{Credential, CredentialFields, CredentialType};
use claudetools_infra::inventory::{
    Asset, AssetFields, AssetType, Context, ItemService, Service, ServiceFields, contract,
};
use claudetools_kernel::{
    Actor, Entity, Faults, Id, Patch, Receipt, Referrer, Scope, Scopes, Target,
    contract::{at, uuid},
};
use claudetools_sessions::{Client, ClientFields, ClientType};
use claudetools_testkit::TestStore;
use uuid::Uuid;

pub(crate) async fn clients(store: &TestStore) -> Result<[Uuid; 2], claudetools_kernel::StoreError> {
    let mut tx = store.sessions.begin().await?;
    let ids = [uuid(5001), uuid(5002)];
    for (id, name) in ids.iter().zip(["Acme", "Globex"]) {
        let fields = ClientFields {
            name: Some(name.to_owned()),
            client_type: Some(ClientType::MspClient),
            ..ClientFields::default()
        };
        tx.clients().add(&Client::new(Id::new(*id), fields, at(0)).expect("a valid client")).await?;
    }
    tx.commit().await?;
    Ok(ids)
}

pub(crate) async fn rows(store: &TestStore) -> contract::Outcome {
    contract::inventory_rows(&*store.infra, clients(store).await?).await
}

pub(crate) async fn lists(store: &TestStore) -> contract::Outcome {
    contract::inventory_lists(&*store.infra, clients(store).await?).await
}

pub(crate) async fn lookups(store: &TestStore) -> contract::Outcome {
    contract::inventory_lookups(&*store.infra, clients(store).await?).await
}

pub(crate) fn actor(subject: &str) -> Actor {
    Actor {
        subject: subject.to_owned(),
        scopes: Scopes::up_to(Scope::Admin),
        machine: None,
        agent: None,
        token_id: String::new(),
        expires_at: at(1_000_000),
    }
}

pub(crate) fn context(store: &TestStore) -> Context {
    Context {
        store: store.infra.clone(),
        clock: std::sync::Arc::new(claudetools_testkit::TestClock::default()),
        ids: std::sync::Arc::new(claudetools_crypto::UuidGenerator),
    }
}

async fn entered<I: claudetools_infra::inventory::Item>(service: &ItemService<I>, fields: I::Fields) -> Id<I> {
    let made = service.create(&actor("jo@msp.example"), fields).await.expect("a row that may be entered");
    made.commit(Receipt::default()).await.expect("a commit").row.item.id()
}

/// Equipment and its services show the credentials that open them to those who may see them, and stay until they are gone; and so
/// does the client.
pub(crate) async fn credentials(store: &TestStore) -> contract::Outcome {
    let [acme, _] = clients(store).await?;
    let (assets, services) = (ItemService::<Asset>::new(context(store)), ItemService::<Service>::new(context(store)));
    let fields = AssetFields {
        client_id: Some(acme),
        hostname: Some("fs01".to_owned()),
        asset_type: Some(AssetType::PhysicalServer),
        ..AssetFields::default()
    };
    let asset = entered(&assets, fields).await;
    let fields = ServiceFields {
        infrastructure_id: Some(asset),
        service_name: Some("smb".to_owned()),
        ..ServiceFields::default()
    };
    let service = entered(&services, fields).await;

    let mut tx = store.credentials.begin().await?;
    assert!(tx.directory().has_infrastructure(asset.uuid()).await?);
    assert!(tx.directory().has_service(service.uuid()).await?);
    assert!(!tx.directory().has_infrastructure(service.uuid()).await?);
    assert!(!tx.directory().has_service(asset.uuid()).await?);
    for (n, name, subject) in [(1, "open to all", None), (2, "for al alone", Some("al@msp.example"))] {
        let fields = CredentialFields {
            infrastructure_id: Patch::Set(asset.uuid()),
            service_id: Patch::Set(service.uuid()),
            service_name: Some(name.to_owned()),
            credential_type: Some(CredentialType::Password),
            ..CredentialFields::default()
        };
        let mut credential = Credential::new(Id::new(uuid(n)), fields, at(1), &mut Faults::default());
        credential.access.subjects.extend(subject.map(str::to_owned));
        tx.credentials().add(&credential).await?;
    }
    tx.commit().await?;

    for (subject, seen) in
        [("jo@msp.example", vec!["open to all"]), ("al@msp.example", vec!["for al alone", "open to all"])]
    {
        let shown = assets.get(&actor(subject), asset).await.expect("the asset").extra.credentials;
        let names: Vec<String> = shown.into_iter().map(|credential| credential.service_name).collect();
        assert_eq!(names, seen, "what {subject} may see");
    }
    let referrers = |resource_type, count| Referrer { resource_type, count };
    let mut view = store.infra.read().await?;
    let of_asset = view.assets().referrers(asset).await?;
    assert_eq!(of_asset, [referrers(Service::TYPE, 1), referrers(Credential::TYPE, 2)]);
    assert_eq!(view.services().referrers(service).await?, [referrers(Credential::TYPE, 2)]);
    drop(view);
    let mut view = store.sessions.read().await?;
    assert_eq!(view.clients().referrers(Id::new(acme)).await?, [referrers(Asset::TYPE, 1)]);
    let shown = view.clients().equipment(Id::new(acme), 10).await?;
    assert_eq!((shown.len(), shown[0].hostname.as_str(), shown[0].asset_type.as_str()), (1, "fs01", "physical_server"));
    Ok(())
}

/// Whichever of two moves comes second sees the first.
pub(crate) async fn parents(store: &TestStore) -> contract::Outcome {
    let [acme, _] = clients(store).await?;
    let assets = ItemService::<Asset>::new(context(store));
    let named = |hostname: &str| AssetFields {
        client_id: Some(acme),
        hostname: Some(hostname.to_owned()),
        asset_type: Some(AssetType::VirtualServer),
        ..AssetFields::default()
    };
    let caller = actor("jo@msp.example");
    for round in 0..5 {
        let one = entered(&assets, named(&format!("a{round}"))).await;
        let other = entered(&assets, named(&format!("b{round}"))).await;
        let put = async |asset, parent| {
            let fields = AssetFields { parent_id: Patch::Set(parent), ..AssetFields::default() };
            loop {
                let done = match assets.update(&caller, &Target::any(asset), fields.clone()).await {
                    Ok(change) => change.commit(Receipt::default()).await.map(drop).map_err(Into::into),
                    Err(error) => Err(error),
                };
                match done {
                    Err(error) if error.is_retryable() => {}
                    done => return done.is_ok(),
                }
            }
        };
        let (first, second) = tokio::join!(put(one, other), put(other, one));
        assert!(first != second, "one is taken, the other refused");
    }
    Ok(())
}
