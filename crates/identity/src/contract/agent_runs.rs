use claudetools_kernel::{Faults, Scope, Scopes, StoreError};
use futures::future;
use uuid::Uuid;

use super::{
    Store, at, begin, check_filters, check_pages, contended, exactly_one, id, must, refused_by_constraint, uuid, view,
};
use crate::{AgentRun, AgentRunFilter, AgentRunSort, AgentRunStatus, AgentType, ports::KnownSession};

/// The suite of [`crate::ports::AgentRunRepository`]. Runs name sessions and clients that need not exist: no foreign keys.
pub async fn agent_runs(store: Store<'_>) {
    let rows = round_trip(store).await;
    unique(store).await;
    lists(store, &rows).await;
    cache(store).await;
    saves(store).await;
    counts(store).await;
}

/// The suite of [`crate::ports::SessionDirectory`]: `session` exists and is about `client`.
pub async fn session_directory(store: Store<'_>, session: Uuid, client: Option<Uuid>) {
    let mut view = view(store).await;
    assert_eq!(must(view.session_directory().find(session).await), Some(KnownSession { client_id: client }));
    assert_eq!(must(view.session_directory().find(Uuid::from_u128(7)).await), None);
}

fn kind(word: &str) -> AgentType {
    AgentType::from_path(&mut Faults::default(), word).unwrap_or_else(|| panic!("{word} is an agent type"))
}

fn run(n: u8) -> AgentRun {
    AgentRun {
        id: id(n),
        agent_type: kind("context-recovery"),
        parent_session: uuid(100),
        client_id: Some(uuid(101)),
        scopes: Scopes::up_to(Scope::Read),
        input: None,
        input_digest: [7; 32],
        status: AgentRunStatus::Running,
        result: None,
        started_at: at(i64::from(n)),
        finished_at: None,
        request_count: 0,
        token_id: format!("token-{n}"),
        expires_at: at(3600),
        started_by: "jo@example.com".into(),
        revision: 1,
    }
}

fn completed(n: u8, at_second: i64) -> AgentRun {
    let result = Some(format!("{{\"run\":{n},\"text\":\"\u{fc}\u{1f600}\"}}"));
    AgentRun { status: AgentRunStatus::Completed, result, finished_at: Some(at(at_second)), revision: 2, ..run(n) }
}

async fn lookup(store: Store<'_>, n: u8) -> AgentRun {
    must(view(store).await.agent_runs().lookup(id(n)).await).unwrap_or_else(|| panic!("run {n} is there"))
}

async fn round_trip(store: Store<'_>) -> Vec<AgentRun> {
    let rows = vec![
        run(1),
        AgentRun { input: Some("{\"a\":\"\u{e9}\"}".into()), request_count: 12, ..completed(2, 60) },
        AgentRun { scopes: Scopes::up_to(Scope::Write), client_id: None, parent_session: uuid(102), ..run(3) },
        AgentRun { status: AgentRunStatus::Failed, finished_at: Some(at(61)), started_at: at(1), ..run(4) },
        AgentRun {
            agent_type: kind("dedupe"),
            input: Some("x".repeat(crate::MAX_INPUT_BYTES)),
            started_at: at(1),
            ..run(5)
        },
    ];
    let mut tx = begin(store).await;
    for row in &rows {
        must(tx.agent_runs().add(row).await);
    }
    must(tx.commit().await);
    let mut view = view(store).await;
    for row in &rows {
        assert_eq!(must(view.agent_runs().lookup(row.id).await).as_ref(), Some(row));
        assert_eq!(must(view.agent_runs().find_by_token(&row.token_id).await).as_ref(), Some(row));
    }
    assert_eq!(must(view.agent_runs().find_by_token("TOKEN-1").await), None, "token ids are compared byte by byte");
    rows
}

async fn unique(store: Store<'_>) {
    let mut tx = begin(store).await;
    let twin = AgentRun { token_id: "token-1".into(), ..run(20) };
    refused_by_constraint(tx.agent_runs().add(&twin).await, "a token twice");
    drop(tx);
    let mut tx = begin(store).await;
    let twin = AgentRun { token_id: "token-20".into(), ..run(1) };
    refused_by_constraint(tx.agent_runs().add(&twin).await, "an id twice");
}

async fn lists(store: Store<'_>, rows: &[AgentRun]) {
    check_pages::<AgentRunSort, _>(rows, async |page| {
        must(view(store).await.agent_runs().list(&AgentRunFilter::default(), &page).await)
    })
    .await;
    let status = |status| AgentRunFilter { status: Some(status), ..AgentRunFilter::default() };
    let filters = [
        AgentRunFilter { session_id: Some(uuid(100)), ..AgentRunFilter::default() },
        AgentRunFilter { session_id: Some(uuid(99)), ..AgentRunFilter::default() },
        AgentRunFilter { agent_type: Some(kind("dedupe")), ..AgentRunFilter::default() },
        status(AgentRunStatus::Running),
        status(AgentRunStatus::Completed),
        status(AgentRunStatus::Failed),
        AgentRunFilter { session_id: Some(uuid(100)), ..status(AgentRunStatus::Running) },
    ];
    check_filters::<AgentRunSort, _, _>(rows, &filters, AgentRunFilter::admits, async |filter, page| {
        must(view(store).await.agent_runs().list(&filter, &page).await)
    })
    .await;
}

async fn cache(store: Store<'_>) {
    let mut tx = begin(store).await;
    must(tx.agent_runs().add(&completed(6, 70)).await);
    must(tx.agent_runs().add(&AgentRun { input_digest: [8; 32], ..completed(7, 71) }).await);
    must(tx.agent_runs().add(&AgentRun { client_id: Some(uuid(103)), ..completed(8, 72) }).await);
    must(tx.agent_runs().add(&AgentRun { agent_type: kind("dedupe"), ..completed(9, 73) }).await);
    must(tx.agent_runs().add(&AgentRun { status: AgentRunStatus::Failed, ..completed(10, 74) }).await);
    must(tx.agent_runs().add(&AgentRun { client_id: None, ..completed(11, 75) }).await);
    must(tx.commit().await);
    found_again(store).await;
}

async fn found_again(store: Store<'_>) {
    let find = async |kind: &str, digest: u8, client: u8, since: i64| {
        let mut view = view(store).await;
        let found = view.agent_runs().find_completed(kind, &[digest; 32], uuid(client), at(since)).await;
        must(found).map(|run| run.id)
    };
    assert_eq!(find("context_recovery", 7, 101, 0).await, Some(id(6)), "the last of its kind, input and client");
    assert_eq!(find("context_recovery", 7, 101, 70).await, Some(id(6)), "the first instant counts");
    assert_eq!(find("context_recovery", 7, 101, 71).await, None);
    assert_eq!(find("context_recovery", 8, 101, 0).await, Some(id(7)));
    assert_eq!(find("context_recovery", 7, 103, 0).await, Some(id(8)));
    assert_eq!(find("dedupe", 7, 101, 0).await, Some(id(9)));
    assert_eq!(find("dedupe", 7, 103, 0).await, None);
}

async fn saves(store: Store<'_>) {
    let done = AgentRun { request_count: 999, ..completed(1, 80) };
    let mut tx = begin(store).await;
    must(tx.agent_runs().save(&done).await);
    must(tx.commit().await);
    assert_eq!(lookup(store, 1).await, AgentRun { request_count: 0, ..done.clone() }, "the count is others' to change");
    let mut tx = begin(store).await;
    contended(tx.agent_runs().save(&done).await, "a stale revision");
    drop(tx);
    let mut tx = begin(store).await;
    contended(tx.agent_runs().save(&completed(99, 80)).await, "a missing row");
    drop(tx);
    let finish = async |second| -> Result<(), StoreError> {
        let mut tx = store.begin().await?;
        tx.agent_runs().save(&AgentRun { client_id: None, ..completed(3, second) }).await?;
        tx.commit().await
    };
    let (first, second) = future::join(finish(81), finish(82)).await;
    exactly_one(&[first, second], "two ends of one run");
}

async fn counts(store: Store<'_>) {
    let mut tx = begin(store).await;
    must(tx.agent_runs().add_requests(&[(id(2), 3), (id(4), 1), (id(99), 5)]).await);
    must(tx.agent_runs().add_requests(&[]).await);
    must(tx.commit().await);
    let run = lookup(store, 2).await;
    assert_eq!((run.request_count, run.revision), (15, 2), "added to what was there; no change of revision");
    assert_eq!(lookup(store, 4).await.request_count, 1);
    let add = async |n| -> Result<(), StoreError> {
        let mut tx = store.begin().await?;
        tx.agent_runs().add_requests(&[(id(2), n)]).await?;
        tx.commit().await
    };
    let results = future::join_all((1..=4).map(add)).await;
    let added: i64 = (1..=4).zip(&results).filter(|(_, result)| result.is_ok()).map(|(n, _)| n).sum();
    assert_eq!(lookup(store, 2).await.request_count, 15 + added, "{results:?}");
}
