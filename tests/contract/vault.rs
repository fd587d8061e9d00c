//! The vault on rows of the sessions domain: the clients whose credentials it keeps.

use claudetools_credentials::{Credential, CredentialFields, CredentialType, contract};
use claudetools_kernel::{
    Entity, Faults, Id, Patch, Referrer, StoreError,
    contract::{at, uuid},
};
use claudetools_sessions::{Client, ClientFields, ClientType};
use claudetools_testkit::TestStore;

fn client(n: u128, name: &str) -> Client {
    let fields = ClientFields {
        name: Some(name.to_owned()),
        client_type: Some(ClientType::MspClient),
        ..ClientFields::default()
    };
    Client::new(Id::new(uuid(n)), fields, at(0)).expect("a valid client")
}

async fn two_clients(store: &TestStore) -> Result<[Client; 2], StoreError> {
    let clients = [client(1, "Acme"), client(2, "Globex")];
    let mut tx = store.sessions.begin().await?;
    for client in &clients {
        tx.clients().add(client).await?;
    }
    tx.commit().await?;
    Ok(clients)
}

pub(crate) async fn credentials(store: &TestStore) -> contract::Outcome {
    let [acme, _] = two_clients(store).await?;
    contract::credentials(&*store.credentials, acme.id.uuid()).await
}

pub(crate) async fn credential_lists(store: &TestStore) -> contract::Outcome {
    let clients = two_clients(store).await?.map(|client| client.id.uuid());
    contract::credential_lists(&*store.credentials, clients).await
}

fn credential_of(client: &Client) -> Credential {
    let fields = CredentialFields {
        client_id: Patch::Set(client.id.uuid()),
        service_name: Some("Firewall".to_owned()),
        credential_type: Some(CredentialType::Password),
        ..CredentialFields::default()
    };
    let mut faults = Faults::default();
    let credential = Credential::new(Id::new(uuid(3)), fields, at(1), &mut faults);
    faults.finish().expect("a valid credential");
    credential
}

/// A client with credentials is referred to, and stays until they are gone.
pub(crate) async fn clients_of_credentials(store: &TestStore) -> contract::Outcome {
    let [acme, globex] = two_clients(store).await?;
    let credential = credential_of(&acme);
    let mut tx = store.credentials.begin().await?;
    tx.credentials().add(&credential).await?;
    tx.commit().await?;
    let mut view = store.sessions.read().await?;
    let referrers = [Referrer { resource_type: Credential::TYPE, count: 1 }];
    assert_eq!(view.clients().referrers(acme.id).await?, referrers);
    assert_eq!(view.clients().referrers(globex.id).await?, []);
    drop(view);
    if store.sql.is_some() {
        let mut tx = store.sessions.begin().await?;
        // An error of any kind: SQLite's own is not told apart from a failure, and there no other writer comes in between.
        assert!(tx.clients().remove(acme.id).await.is_err(), "the foreign key holds");
    }
    let mut tx = store.credentials.begin().await?;
    assert!(tx.credentials().remove(credential.id).await?);
    tx.commit().await?;
    let mut tx = store.sessions.begin().await?;
    assert_eq!(tx.clients().referrers(acme.id).await?, []);
    assert!(tx.clients().remove(acme.id).await?);
    tx.commit().await
}
