//! The network is cut between a commit and its answer: the server cannot know whether it was done.

use claudetools_harness::cut::Cut;

use crate::{
    RECOVERY, alone,
    engine::{DatabaseServer, Kind},
    load::{Load, Outcome, new_client, write_once},
    site,
};

const CUTS: usize = 30;
const WRITERS: usize = 4;

async fn answers_to_commits_are_lost(kind: Kind) {
    let _alone = alone().await;
    let Some(database) = DatabaseServer::start(kind, "a network that loses answers").await else { return };
    let network = Cut::before(database.port).await.expect("a port");
    let server = site().with("DATABASE_URL", &database.url_by(network.port)).serve().await;
    let api = server.admin().await;

    let load = Load::start(&api, "cut", WRITERS).await;
    for _ in 0..CUTS {
        load.goes_on(3, RECOVERY).await;
        network.lose_next();
    }
    load.goes_on(20, RECOVERY).await;
    let ledger = load.finish().await;
    assert_eq!(network.lost(), CUTS);
    ledger.only_allowed_errors(false);
    ledger.is_what_is_stored(&api).await;

    // Alone, so that it is certain whose answer it was.
    let client = new_client(&api, "Alone").await;
    for number in 0..5 {
        let (title, before) = (format!("alone-{number}"), network.lost());
        network.lose_next();
        // The server finds out by itself that it was done.
        let told = write_once(&api, &client, &title).await.outcome;
        assert_eq!(network.lost(), before + 1);
        let Outcome::Done { id, replayed: false } = told else { panic!("it was done: {told:?}") };
        let again = write_once(&api, &client, &title).await.outcome;
        assert_eq!(again, Outcome::Done { id, replayed: true });
    }
    // Without a key there is nothing to find it by, and the client is told as much.
    network.lose_next();
    let body = serde_json::json!({"client_id": client, "title": "alone-without-key"});
    let told = api.post("/pending-tasks", &body).await;
    assert_eq!((told.status, &told.body["error"]["details"]["outcome"]), (503, &"unknown".into()), "{told:?}");
    let rows = api.all(&format!("/pending-tasks?client_id={client}"), "pending_tasks").await;
    assert_eq!(rows.len(), 6);
    server.stop().await;
}

#[tokio::test]
async fn a_commit_whose_answer_mariadb_could_not_deliver_is_found_by_its_key() {
    answers_to_commits_are_lost(Kind::MariaDb).await;
}

#[tokio::test]
async fn a_commit_whose_answer_postgres_could_not_deliver_is_found_by_its_key() {
    answers_to_commits_are_lost(Kind::Postgres).await;
}
