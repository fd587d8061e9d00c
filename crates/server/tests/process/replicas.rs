//! Several replicas on one database server: what one does holds for all.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use claudetools_testkit::{Database, Engine};
use reqwest::Method;
use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    api::{Answer, Api},
    program::{ADMIN_EMAIL, ADMIN_PASSWORD, SOON, Server, Site, eventually},
};

/// How soon a revocation is in force everywhere.
const REVOKED: Duration = Duration::from_secs(5);
const ALL_AT_ONCE: usize = 5;
const PARALLEL: usize = 32;

/// Sites whose servers have the same keys and share a database.
async fn sites(database: &Database, count: usize) -> Vec<Site> {
    let key = Site::bare().run(&["keys", "generate"]).await.success().out;
    let master = format!("shared:{}", Site::bare().run(&["keys", "generate"]).await.success().out.trim());
    let site = || {
        let site = Site::new().with("DATABASE_URL", &database.url).with("JWT_SECRET_KEY", key.trim());
        site.with("MASTER_KEYS", &master).with("WORKERS", "2")
    };
    (0..count).map(|_| site().with("RATE_LIMIT_PER_MINUTE", "0").with("RATE_LIMIT_PER_HOUR", "0")).collect()
}

/// Two of them that listen.
async fn two(database: &Database) -> [Server; 2] {
    let mut sites = sites(database, 2).await.into_iter();
    let mut next = || sites.next().expect("a site");
    let (first, second) = (next(), next());
    [first.serve().await, second.serve().await]
}

async fn stop(servers: impl IntoIterator<Item = Server>) {
    for server in servers {
        server.stop().await;
    }
}

async fn tokens_are_good_at_both_until_one_revokes_them(engine: Engine) {
    let database = Database::with_tables(engine).await;
    let [first, second] = two(&database).await;
    let here = first.admin().await;
    let there = here.at(second.base());
    there.get("/auth/me").await.expect(200);
    here.post("/auth/revoke", &json!({"token": here.token()})).await.expect(204);
    here.get("/auth/me").await.expect(403);
    let start = Instant::now();
    let refused = eventually("the revocation at the other replica", REVOKED, async || {
        let answer = there.get("/auth/me").await;
        (answer.status == 403).then_some(answer)
    });
    assert_eq!(refused.await.body["error"]["code"], "TOKEN_REVOKED");
    eprintln!("{engine:?}: in force at the other replica after {:?}", start.elapsed());

    // A new password ends what was issued before it, wherever it is shown.
    let admin = second.admin().await;
    let account = json!({"email": "ann@example.test", "password": "another long passphrase", "scopes": ["msp:read"]});
    let account = admin.post("/accounts", &account).await.expect(201);
    let ann = second.anonymous().log_in("ann@example.test", "another long passphrase").await;
    ann.at(first.base()).get("/auth/me").await.expect(200);
    let path = format!("/accounts/{}/password", account["id"].as_str().expect("an id"));
    let password = json!({"password": "a third long passphrase"});
    let set = admin.try_send(Method::PUT, &path, Some(&password), &[]).await.expect("an answer");
    assert!(set.status().is_success(), "{:?}", Answer::of(set).await);
    eventually("the new password at the other replica", REVOKED, async || {
        (ann.at(first.base()).get("/auth/me").await.status == 403).then_some(())
    })
    .await;
    stop([first, second]).await;
}

async fn one_key_is_one_row_however_many_ask_whichever_replica(engine: Engine) {
    let database = Database::with_tables(engine).await;
    let servers = two(&database).await;
    let admin = servers[0].admin().await;
    let client = admin.post("/clients", &json!({"name": "Acme", "type": "msp_client"})).await.expect(201);
    let callers: Vec<Api> = servers.iter().map(|server| admin.at(server.base())).collect();
    for round in 0..5 {
        let mut asked = JoinSet::new();
        for number in 0..PARALLEL {
            let caller = callers[number % callers.len()].clone();
            let body = json!({"client_id": client["id"], "title": format!("Once {round}")});
            let key = format!("once-{round}");
            asked.spawn(async move {
                let headers = [("idempotency-key", key.as_str())];
                let answer = caller.try_send(Method::POST, "/pending-tasks", Some(&body), &headers).await;
                Answer::of(answer.expect("an answer")).await
            });
        }
        let mut ids = BTreeSet::new();
        for answer in asked.join_all().await {
            match answer.status {
                201 => drop(ids.insert(answer.body["id"].as_str().expect("an id").to_owned())),
                // The first is still running on the same replica.
                409 => assert_eq!(answer.headers["retry-after"], "1", "{answer:?}"),
                _ => panic!("{answer:?}"),
            }
        }
        assert_eq!(ids.len(), 1, "one row was made, and everybody was told of that one");
    }
    let path = format!("/pending-tasks?client_id={}", client["id"].as_str().expect("an id"));
    assert_eq!(callers[1].all(&path, "pending_tasks").await.len(), 5);
    stop(servers).await;
}

async fn a_refresh_token_used_twice_ends_its_family_whichever_replica_sees_it(engine: Engine) {
    let database = Database::with_tables(engine).await;
    let [first, second] = two(&database).await;
    let (here, there) = (first.anonymous(), second.anonymous());
    let body = json!({"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD});
    let granted = here.post("/auth/token", &body).await.expect(200);
    let refresh = async |at: &Api, token: &Value| at.post("/auth/refresh", &json!({"refresh_token": token})).await;
    let successor = refresh(&there, &granted["refresh_token"]).await.expect(200);
    assert_eq!(refresh(&here, &granted["refresh_token"]).await.status, 401, "it was used at the other replica");
    let ended = refresh(&there, &successor["refresh_token"]).await;
    assert!(matches!(ended.status, 401 | 403), "the successor ends with the family: {ended:?}");

    // Of many uses at once, at both, one is the first.
    let granted = here.post("/auth/token", &body).await.expect(200);
    let mut asked = JoinSet::new();
    for number in 0..PARALLEL {
        let at = if number % 2 == 0 { here.clone() } else { there.clone() };
        let body = json!({"refresh_token": granted["refresh_token"]});
        asked.spawn(async move { at.post("/auth/refresh", &body).await });
    }
    let answers = asked.join_all().await;
    assert!(answers.iter().all(|answer| matches!(answer.status, 200 | 401 | 403)), "{answers:?}");
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    stop([first, second]).await;
}

async fn the_audit_log_has_the_rows_of_both(engine: Engine) {
    let database = Database::with_tables(engine).await;
    let [first, second] = two(&database).await;
    let admin = first.admin().await;
    let mut asked = BTreeSet::new();
    for (place, server) in [("first", &first), ("second", &second)] {
        let api = admin.at(server.base());
        for number in 0..20 {
            let (read, written) = (format!("{place}-read-{number}"), format!("{place}-write-{number}"));
            let answer = api.try_send(Method::GET, "/auth/me", None, &[("x-request-id", &read)]).await;
            assert_eq!(answer.expect("an answer").status(), 200);
            let body = json!({"name": written, "type": "internal"});
            let answer = api.try_send(Method::POST, "/clients", Some(&body), &[("x-request-id", &written)]).await;
            assert_eq!(answer.expect("an answer").status(), 201);
            asked.extend([read, written]);
        }
    }
    eventually("the rows of both replicas", SOON, async || {
        let rows = admin.all("/api-audit-logs?subject=admin@claudetools.test", "api_audit_logs").await;
        let ids = rows.iter().filter_map(|row| row["request_id"].as_str());
        let found: Vec<&str> = ids.filter(|id| asked.contains(*id)).collect();
        assert!(found.len() <= asked.len(), "a row is there twice");
        (found.len() == asked.len()).then_some(())
    })
    .await;
    stop([first, second]).await;
}

async fn five_first_starts_at_once_migrate_once_and_make_one_admin(engine: Engine) {
    let database = Database::empty(engine).await;
    let mut servers: Vec<Server> = sites(&database, ALL_AT_ONCE).await.iter().map(Site::spawn).collect();
    for server in &mut servers {
        server.wait_until_it_listens().await;
    }
    let migrated: Vec<usize> = servers.iter().map(|server| applied(&server.log())).collect();
    assert_eq!(migrated.iter().filter(|count| **count > 0).count(), 1, "{migrated:?} migrations were applied");
    let made = servers.iter().filter(|server| server.printed().contains("An administrator was made")).count();
    assert_eq!(made, 1, "one of them made the administrator");
    for server in &servers {
        server.admin().await.get("/auth/me").await.expect(200);
    }

    let connection = sea_orm::Database::connect(&database.url).await.expect("the database");
    let query = Statement::from_string(connection.get_database_backend(), "SELECT version FROM seaql_migrations");
    let rows = connection.query_all_raw(query).await.expect("rows");
    let versions: Vec<String> = rows.iter().map(|row| row.try_get_by_index(0).expect("a version")).collect();
    assert_eq!(versions.len(), migrated.iter().sum::<usize>());
    assert_eq!(versions.iter().collect::<BTreeSet<_>>().len(), versions.len(), "{versions:?}");
    connection.close().await.expect("a clean end");
    stop(servers).await;
}

/// How many migrations a server says it has applied.
fn applied(log: &str) -> usize {
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let told =
        lines.filter(|line| line["message"] == "the schema is up to date").find_map(|line| line["applied"].as_u64());
    usize::try_from(told.expect("a word about the schema")).expect("a number")
}

/// Decrypts by twenty callers at two replicas, while one of them changes the secret: one chain without fork or gap.
async fn parallel_decrypts_at_two_replicas_leave_one_chain(engine: Engine) {
    const READS: usize = 20;
    let database = Database::with_tables(engine).await;
    let sites = sites(&database, 2).await;
    let mut servers = Vec::new();
    for site in sites {
        servers.push(site.with("RATE_LIMIT_DECRYPT_PER_MINUTE", "0").serve().await);
    }
    let admin = servers[0].admin().await;
    let body = json!({"service_name": "Firewall", "credential_type": "password", "password": "s3cret"});
    let made = admin.post("/credentials", &body).await.expect(201);
    let path = format!("/credentials/{}/decrypt", made["id"].as_str().expect("an id"));
    let mut callers = JoinSet::new();
    for number in 0..20 {
        let (caller, path) = (admin.at(servers[number % 2].base()), path.clone());
        callers.spawn(async move {
            let mut shown = 0;
            for _ in 0..READS {
                let answer = caller.get(&path).await;
                match answer.status {
                    200 => {
                        assert_eq!(answer.body["password"], "s3cret");
                        shown += 1;
                    }
                    // Twenty callers take turns at one row; who waits too long is told, and shown nothing.
                    503 => assert!(answer.body.get("password").is_none(), "{answer:?}"),
                    _ => panic!("{answer:?}"),
                }
            }
            shown
        });
    }
    let shown: usize = callers.join_all().await.into_iter().sum();
    let report = admin.get("/credential-audit-logs/verify").await.expect(200);
    assert_eq!(report["is_whole"], true, "{report}");
    let rows = report["rows"].as_u64().expect("a number");
    eprintln!("{engine:?}: {shown} of {} reads shown, {rows} rows in one chain", 20 * READS);
    // A row may have been committed whose answer came too late to be given.
    assert!(rows > shown as u64 && rows <= 1 + 20 * READS as u64 && shown > 10 * READS, "{shown} shown, {rows} rows");
    stop(servers).await;
}

/// The rules on one engine. Modules of this name are left out where there is no such server.
mod mariadb {
    use super::*;

    #[tokio::test]
    async fn tokens_are_good_at_both_replicas_until_one_revokes_them() {
        tokens_are_good_at_both_until_one_revokes_them(Engine::MariaDb).await;
    }

    #[tokio::test]
    async fn one_idempotency_key_is_one_row_across_replicas() {
        one_key_is_one_row_however_many_ask_whichever_replica(Engine::MariaDb).await;
    }

    #[tokio::test]
    async fn a_refresh_token_used_at_two_replicas_ends_its_family() {
        a_refresh_token_used_twice_ends_its_family_whichever_replica_sees_it(Engine::MariaDb).await;
    }

    #[tokio::test]
    async fn the_audit_log_has_the_rows_of_both_replicas() {
        the_audit_log_has_the_rows_of_both(Engine::MariaDb).await;
    }

    #[tokio::test]
    async fn five_replicas_that_start_at_once_migrate_once() {
        five_first_starts_at_once_migrate_once_and_make_one_admin(Engine::MariaDb).await;
    }

    #[tokio::test]
    async fn parallel_decrypts_leave_one_chain() {
        parallel_decrypts_at_two_replicas_leave_one_chain(Engine::MariaDb).await;
    }
}

mod postgres {
    use super::*;

    #[tokio::test]
    async fn tokens_are_good_at_both_replicas_until_one_revokes_them() {
        tokens_are_good_at_both_until_one_revokes_them(Engine::Postgres).await;
    }

    #[tokio::test]
    async fn one_idempotency_key_is_one_row_across_replicas() {
        one_key_is_one_row_however_many_ask_whichever_replica(Engine::Postgres).await;
    }

    #[tokio::test]
    async fn a_refresh_token_used_at_two_replicas_ends_its_family() {
        a_refresh_token_used_twice_ends_its_family_whichever_replica_sees_it(Engine::Postgres).await;
    }

    #[tokio::test]
    async fn the_audit_log_has_the_rows_of_both_replicas() {
        the_audit_log_has_the_rows_of_both(Engine::Postgres).await;
    }

    #[tokio::test]
    async fn five_replicas_that_start_at_once_migrate_once() {
        five_first_starts_at_once_migrate_once_and_make_one_admin(Engine::Postgres).await;
    }

    #[tokio::test]
    async fn parallel_decrypts_leave_one_chain() {
        parallel_decrypts_at_two_replicas_leave_one_chain(Engine::Postgres).await;
    }
}
