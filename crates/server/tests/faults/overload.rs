//! Far more requests at once than there are connections to the database.

use std::{collections::BTreeMap, sync::Arc};

use reqwest::{Method, StatusCode};
use tokio::{sync::Barrier, task::JoinSet};

use crate::{
    RECOVERY, alone,
    engine::{DatabaseServer, Kind},
    load::{Load, Outcome, new_client, outcome, write_once},
    memory,
    program::{SOON, eventually},
    site_on,
};

const AT_ONCE: usize = 2_000;
const POOL: &str = "8";

async fn two_thousand_at_once(kind: Kind) {
    let _alone = alone().await;
    let Some(database) = DatabaseServer::start(kind, "overload").await else { return };
    let server = site_on(&database).with("DATABASE_CONNECTIONS", POOL).serve().await;
    let api = server.admin().await;
    let load = Load::start(&api, "warm", 4).await;
    load.goes_on(100, SOON).await;
    load.finish().await.is_what_is_stored(&api).await;
    let client = new_client(&api, "Crowd").await;
    let list = format!("/pending-tasks?client_id={client}&limit=5");

    let before = memory::resident(server.id());
    for round in 0..2 {
        // A client of its own, so that its connections end with it.
        let crowded = api.at(server.base());
        let start = Arc::new(Barrier::new(AT_ONCE));
        let mut crowd = JoinSet::new();
        for number in 0..AT_ONCE {
            let (api, start, client, list) = (crowded.clone(), Arc::clone(&start), client.clone(), list.clone());
            crowd.spawn(async move {
                start.wait().await;
                let title = format!("crowd-{round}-{number}");
                let outcome = if number % 2 == 0 {
                    write_once(&api, &client, &title).await.outcome
                } else {
                    outcome(api.try_send(Method::GET, &list, None, &[]).await, StatusCode::OK).await
                };
                (number, title, outcome)
            });
        }
        let (mut written, mut refused, mut read, mut statuses) = (BTreeMap::new(), Vec::new(), 0, BTreeMap::new());
        for (number, title, outcome) in crowd.join_all().await {
            match outcome {
                Outcome::Done { id, .. } if number % 2 == 0 => drop(written.insert(title, id)),
                Outcome::Done { .. } => read += 1,
                Outcome::Refused { status, .. } => {
                    *statuses.entry(status).or_insert(0) += 1;
                    if number % 2 == 0 {
                        refused.push(title);
                    }
                }
                wrong => panic!("{title}: {wrong:?}"),
            }
        }
        eprintln!("{kind:?}: of {AT_ONCE} at once {} written, {read} read, refused {statuses:?}", written.len());

        // What was refused is not there: it was said that nothing was written.
        let stored = api.all(&format!("/pending-tasks?client_id={client}"), "pending_tasks").await;
        let ids: BTreeMap<&str, &str> =
            stored.iter().filter_map(|row| Some((row["title"].as_str()?, row["id"].as_str()?))).collect();
        assert_eq!(ids.len(), stored.len(), "a task is there twice");
        assert!(written.iter().all(|(title, id)| ids.get(title.as_str()) == Some(&id.as_str())), "a write is lost");
        let said_not = refused.iter().filter(|title| ids.contains_key(title.as_str())).count();
        assert_eq!(said_not, 0, "writes that were refused are there");

        let again = eventually("a write after the crowd", RECOVERY, async || {
            let title = format!("after-{round}");
            matches!(write_once(&api, &client, &title).await.outcome, Outcome::Done { .. }).then_some(())
        });
        again.await;
    }
    memory::is_back(server.id(), before).await;
    server.stop().await;
}

#[tokio::test]
async fn two_thousand_requests_at_once_on_eight_connections_to_mariadb_are_served_or_refused() {
    two_thousand_at_once(Kind::MariaDb).await;
}

#[tokio::test]
async fn two_thousand_requests_at_once_on_eight_connections_to_postgres_are_served_or_refused() {
    two_thousand_at_once(Kind::Postgres).await;
}
