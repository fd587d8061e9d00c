//! The vault on rows of the sessions domain: the clients whose credentials it keeps.

use std::sync::{Arc, Mutex};

use claudetools_credentials::{
    Context, Credential, CredentialFields, CredentialType, Head, ImportOptions, Opening, Rewrap, TransferService,
    VaultService, VaultStartError, contract,
    import::{ImportFormat, Imported, parse},
    ports::ChainWitness,
};
use claudetools_crypto::{KeyRing, KeySource, RingPrimitives, RingVault, SystemClock, UuidGenerator};
use claudetools_kernel::{
    Entity, Faults, Id, Patch, Referrer, Secret, StoreError,
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

/// Master keys in memory, and the heads that were noted.
#[derive(Debug)]
struct Safe {
    ring: Mutex<KeyRing>,
    noted: Mutex<Vec<i64>>,
}

impl Safe {
    fn new() -> Arc<Self> {
        Arc::new(Self { ring: Mutex::new(KeyRing::generate().expect("a key")), noted: Mutex::default() })
    }

    fn context(self: &Arc<Self>, store: &TestStore) -> Context {
        let (ids, vault) = (Arc::new(UuidGenerator), RingVault::new(self.clone()).expect("a vault"));
        let primitives = Arc::new(RingPrimitives::new());
        Context::new(store.credentials.clone(), Arc::new(SystemClock), ids, Arc::new(vault), primitives, self.clone())
    }

    fn noted(&self) -> Vec<i64> {
        std::mem::take(&mut *self.noted.lock().expect("the heads"))
    }
}

impl KeySource for Safe {
    fn load(&self) -> Result<KeyRing, String> {
        Ok(self.ring.lock().map_err(|error| error.to_string())?.clone())
    }
}

impl ChainWitness for Safe {
    fn note(&self, head: &Head) {
        self.noted.lock().expect("the heads").push(head.seq);
    }
}

/// A vault begins where nothing is. Where credentials are, with secrets or without, there was a chain: it is not begun anew.
pub(crate) async fn beginnings(store: &TestStore) -> contract::Outcome {
    let safe = Safe::new();
    let vault = || VaultService::new(safe.context(store));
    let [acme, _] = two_clients(store).await?;
    let credential = credential_of(&acme);
    let mut tx = store.credentials.begin().await?;
    assert!(tx.credentials().is_empty().await?);
    tx.credentials().add(&Credential { version: 3, ..credential.clone() }).await?;
    assert!(!tx.credentials().is_empty().await?);
    tx.commit().await?;
    // As after somebody has emptied the chain and set the versions aside.
    for _ in 0..2 {
        let refused = vault().open().await;
        assert!(matches!(refused, Err(VaultStartError::MissingCheck)), "{refused:?}");
    }
    let mut view = store.credentials.read().await?;
    assert!(view.chain().check().await?.is_none() && view.chain().head().await?.is_none(), "nothing was begun");
    drop(view);
    let mut tx = store.credentials.begin().await?;
    assert!(tx.credentials().remove(credential.id).await?);
    assert!(tx.directory().is_used().await?, "there are clients");
    tx.commit().await?;
    assert_eq!(vault().open().await.expect("a vault"), Opening::Anew, "not without being told");
    assert_eq!(vault().open().await.expect("a vault"), Opening::Known);
    Ok(())
}

/// The first start of all.
pub(crate) async fn first_start(store: &TestStore) -> contract::Outcome {
    assert!(!store.credentials.read().await?.directory().is_used().await?);
    let vault = VaultService::new(Safe::new().context(store));
    assert_eq!(vault.open().await.expect("a vault"), Opening::First);
    assert_eq!(vault.open().await.expect("a vault"), Opening::Known);
    Ok(())
}

fn passwords(count: usize) -> Imported {
    let rows = (0..count).map(|row| format!("Switch {row},secret {row}"));
    let table: Vec<String> = std::iter::once("name,password".to_owned()).chain(rows).collect();
    parse(ImportFormat::Csv, table.join("\n").as_bytes()).expect("a file")
}

#[tokio::test]
async fn the_head_is_noted_whenever_a_thousandth_row_is_passed() {
    let (store, other, safe) = (TestStore::in_memory(), TestStore::in_memory(), Safe::new());
    let context = safe.context(&store);
    let (vault, transfer) = (VaultService::new(context.clone()), TransferService::new(context));
    vault.open().await.expect("a vault");
    let options = ImportOptions::default();
    assert!(transfer.import(passwords(999), options).await.expect("an import").is_kept);
    assert!(safe.noted().is_empty(), "not yet");
    let renewed = safe.load().expect("the ring").with_new_key().expect("a key");
    *safe.ring.lock().expect("the ring") = renewed;
    vault.rewrap_as_operator(Rewrap { reencrypt_before: None, limit: 10_000 }).await.expect("a rotation");
    assert_eq!(safe.noted(), [1000], "the first row of the new epoch");
    let dry = ImportOptions { dry_run: true, ..options };
    transfer.import(passwords(1000), dry).await.expect("an import");
    assert!(safe.noted().is_empty(), "nothing was committed");
    transfer.import(passwords(1000), options).await.expect("an import");
    let noted = safe.noted();
    assert!(matches!(noted[..], [head] if (2000..2100).contains(&head)), "{noted:?}");

    let passphrase = Secret::new("a long enough passphrase");
    let (count, file) = transfer.export(&passphrase, Vec::new()).await.expect("an export");
    assert_eq!(count, 1999);
    let elsewhere = Safe::new();
    let context = elsewhere.context(&other);
    VaultService::new(context.clone()).open().await.expect("a vault");
    TransferService::new(context).restore(&passphrase, &file[..]).await.expect("a restore");
    assert_eq!(elsewhere.noted(), [1999]);
}
