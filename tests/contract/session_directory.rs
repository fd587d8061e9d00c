//! The directory of sessions that identity asks, on rows of the sessions domain.

use claudetools_identity::contract;
use claudetools_kernel::{
    Id, Patch,
    contract::{at, uuid},
};
use claudetools_sessions::{BillingRule, Client, ClientFields, ClientType, Session, SessionFields};
use claudetools_testkit::TestStore;

fn client() -> Client {
    let fields = ClientFields {
        name: Some("Acme".to_owned()),
        client_type: Some(ClientType::MspClient),
        ..ClientFields::default()
    };
    Client::new(Id::new(uuid(1)), fields, at(0)).expect("a valid client")
}

fn session(n: u128, client_id: Patch<Id<Client>>) -> Session {
    let fields = SessionFields {
        client_id,
        session_date: Some(at(0).date()),
        session_title: Some("Moved the mail".to_owned()),
        ..SessionFields::default()
    };
    let draft = Session::draft(Id::new(uuid(n)), fields, "jo@example.com", at(0)).expect("a valid session");
    draft.finish(BillingRule::default(), None)
}

pub(crate) async fn suite(store: &TestStore) {
    let client = client();
    let (of_client, of_nobody) = (session(2, Patch::Set(client.id)), session(3, Patch::Keep));
    let mut tx = store.sessions.begin().await.expect("a transaction");
    tx.clients().add(&client).await.expect("a client");
    for session in [&of_client, &of_nobody] {
        tx.sessions().add(session).await.expect("a session");
    }
    tx.commit().await.expect("a commit");
    contract::session_directory(&*store.identity, of_client.id.uuid(), Some(client.id.uuid())).await;
    contract::session_directory(&*store.identity, of_nobody.id.uuid(), None).await;
}
