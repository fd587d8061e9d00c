//! A process that is killed loses nothing that it has answered.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use reqwest::Method;
use sea_orm::{ConnectionTrait, Database, Statement};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::api::{Answer, Api};
use crate::program::{SOON, Site, eventually};

const WRITES: usize = 1000;
const WRITERS: usize = 8;
const ROUNDS: usize = 2;

/// Creates the clients of a round that are still missing, from several tasks at once, until all are there or the server
/// is gone. Returns the id of each that was acknowledged, by its name.
async fn write(
    api: &Api,
    round: usize,
    done: &BTreeMap<String, String>,
    counter: &Arc<AtomicUsize>,
) -> BTreeMap<String, String> {
    let names: Vec<String> = (0..WRITES).map(|number| format!("round-{round}-{number}")).collect();
    let missing: Arc<[String]> = names.into_iter().filter(|name| !done.contains_key(name)).collect();
    let next = Arc::new(AtomicUsize::new(0));
    let mut writers = JoinSet::new();
    for _ in 0..WRITERS {
        let (api, missing, next, counter) = (api.clone(), Arc::clone(&missing), Arc::clone(&next), Arc::clone(counter));
        writers.spawn(async move {
            let mut acknowledged = Vec::new();
            while let Some(name) = missing.get(next.fetch_add(1, Ordering::SeqCst)) {
                // The name serves as request id, to find the audit row by, and as key, to repeat what was not acknowledged.
                let (body, headers) = (
                    json!({"name": name, "type": "msp_client"}),
                    [("x-request-id", name.as_str()), ("idempotency-key", name)],
                );
                let Ok(response) = api.try_send(Method::POST, "/clients", Some(&body), &headers).await else {
                    break;
                };
                assert!(response.status() == 201, "{name}: {:?}", Answer::of(response).await);
                // An answer that was cut off in the middle is no acknowledgement.
                let Ok(row) = response.json::<Value>().await else {
                    break;
                };
                counter.fetch_add(1, Ordering::SeqCst);
                acknowledged.push((name.clone(), row["id"].as_str().expect("an id").to_owned()));
            }
            acknowledged
        });
    }
    writers.join_all().await.into_iter().flatten().collect()
}

/// Every row there is exactly once, with its row in the audit log; what is there beyond it was under way.
async fn check(api: &Api, round: usize, acknowledged: &BTreeMap<String, String>) -> usize {
    let rows = api.all(&format!("/clients?q=round-{round}-"), "clients").await;
    let text = |row: &Value, field: &str| row[field].as_str().expect(field).to_owned();
    let by_name: BTreeMap<String, String> = rows.iter().map(|row| (text(row, "name"), text(row, "id"))).collect();
    assert_eq!(by_name.len(), rows.len(), "a client is there twice");
    for (name, id) in acknowledged {
        assert_eq!(by_name.get(name), Some(id), "{name} was acknowledged");
    }
    let unacknowledged = rows.len() - acknowledged.len();
    assert!(unacknowledged <= WRITERS, "{unacknowledged} rows that nobody was told of");

    let audit = api.all("/api-audit-logs?route=/api/v1/clients&status=201", "api_audit_logs").await;
    let prefix = format!("round-{round}-");
    let mut audited: Vec<String> =
        audit.iter().map(|row| text(row, "request_id")).filter(|id| id.starts_with(&prefix)).collect();
    let found = audited.len();
    audited.sort();
    audited.dedup();
    assert_eq!(audited.iter().collect::<BTreeSet<_>>(), by_name.keys().collect(), "rows and audit rows differ");
    found - audited.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_among_a_thousand_writes_loses_none_that_was_acknowledged_and_doubles_none() {
    let site = Site::new();
    let mut server = site.serve().await;
    let mut api = server.admin().await;
    for round in 0..ROUNDS {
        let counter = Arc::new(AtomicUsize::new(0));
        let writing = {
            let (api, counter) = (api.clone(), Arc::clone(&counter));
            tokio::spawn(async move { write(&api, round, &BTreeMap::new(), &counter).await })
        };
        let half = async || (counter.load(Ordering::SeqCst) >= WRITES / 2).then_some(());
        eventually("half of the writes", 2 * SOON, half).await;
        server.kill().await;
        let mut acknowledged = writing.await.expect("writers that do not panic");
        assert!(acknowledged.len() < WRITES, "the server was killed too late to mean anything");

        server = site.serve().await;
        eprintln!(
            "round {round}: killed after {} acknowledged writes, listened again after {:?}",
            acknowledged.len(),
            server.age()
        );
        api = api.at(server.base());
        let repeated = check(&api, round, &acknowledged).await;
        assert_eq!(repeated, 0, "an audit row is there twice");
        assert!(!server.log().contains("WARN") && !server.log().contains("ERROR"), "it complained: {}", server.log());

        // Those that had no answer are repeated under their keys.
        acknowledged.extend(write(&api, round, &acknowledged, &counter).await);
        assert_eq!(acknowledged.len(), WRITES);
        check(&api, round, &acknowledged).await;
    }
    server.stop().await;

    let url = format!("sqlite://{}?mode=ro", site.path("data/claudetools.db").display());
    let database = Database::connect(url).await.expect("the database");
    let pragma = Statement::from_string(database.get_database_backend(), "PRAGMA integrity_check");
    let answer = database.query_one_raw(pragma).await.expect("an answer").expect("a row");
    assert_eq!(answer.try_get_by_index::<String>(0).expect("a text"), "ok");
    database.close().await.expect("a clean end");
}
