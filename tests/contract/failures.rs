//! Commands, patterns and insights on rows of the other domains: the sessions in which commands are run, and their clients.

use claudetools_infra::failure::contract::{self, Ground, Outcome};
use claudetools_kernel::{
    Id, Patch, StoreError,
    contract::{at, uuid},
};
use claudetools_sessions::{BillingRule, Client, Session, SessionFields, WorkItem, WorkItemCategory, WorkItemFields};
use claudetools_testkit::TestStore;

use crate::inventory::clients;

pub(crate) async fn ground(store: &TestStore) -> Result<Ground, StoreError> {
    let clients = clients(store).await?;
    let (of_client, of_nobody) = (session(5010, Patch::Set(Id::new(clients[0]))), session(5011, Patch::Keep));
    let item = work_item(5020, &of_client);
    let mut tx = store.sessions.begin().await?;
    for session in [&of_client, &of_nobody] {
        tx.sessions().add(session).await?;
    }
    tx.work_items().add(&item).await?;
    tx.commit().await?;
    Ok(Ground { clients, sessions: [of_client.id.uuid(), of_nobody.id.uuid()], work_item: item.id.uuid() })
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

fn work_item(n: u128, of: &Session) -> WorkItem {
    let fields = WorkItemFields {
        session_id: Some(of.id),
        category: Some(WorkItemCategory::Troubleshooting),
        title: Some("Mail does not arrive".to_owned()),
        ..WorkItemFields::default()
    };
    WorkItem::draft(Id::new(uuid(n)), fields, at(0)).expect("a valid work item").finish(of, None)
}

pub(crate) async fn commands(store: &TestStore) -> Outcome {
    contract::commands(&*store.infra, ground(store).await?).await
}

pub(crate) async fn queue(store: &TestStore) -> Outcome {
    contract::command_queue(&*store.infra, ground(store).await?).await
}

pub(crate) async fn patterns(store: &TestStore) -> Outcome {
    contract::patterns(&*store.infra, ground(store).await?).await
}

pub(crate) async fn insights(store: &TestStore) -> Outcome {
    contract::insights(&*store.infra, ground(store).await?).await
}
