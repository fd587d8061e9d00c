//! A backup taken while the server works gives the same answers in another place.

use claudetools_testkit::{Database, Engine};
use serde_json::{Value, json};

use crate::{
    api::Api,
    examples::tools_are_here,
    program::{Ended, Server, Site, repository},
};

/// What is read back, each with its collection.
const LISTS: [(&str, &str); 7] = [
    ("/clients?sort=name", "clients"),
    ("/projects?sort=name", "projects"),
    ("/sessions?sort=session_date", "sessions"),
    ("/pending-tasks?sort=title", "pending_tasks"),
    ("/tags?sort=name", "tags"),
    ("/accounts?sort=email", "accounts"),
    ("/credentials?sort=service_name", "credentials"),
];

/// Work of every kind, with texts that quoting could break.
async fn fill(api: &Api) {
    let tag = api.post("/tags", &json!({"name": "o'brien \\ \"quoted\" ☃ 𝄞"})).await.expect(201);
    for number in 0..20 {
        let name = format!("Åcme {number} 'single' \"double\" \\ back\nnew line");
        let notes = format!("{name}\t\u{1F600}; DROP TABLE clients; -- %41");
        let client = json!({"name": format!("Åcme {number} 'q' \"d\" \\"), "type": "msp_client", "hourly_rate": "125.00", "notes": notes});
        let client = api.post("/clients", &client).await.expect(201);
        let project = json!({"client_id": client["id"], "name": format!("Move {number}")});
        let project = api.post("/projects", &project).await.expect(201);
        let session = json!({
            "client_id": client["id"], "project_id": project["id"], "session_date": "2026-01-16",
            "session_title": format!("Mail is down {number}"), "tags": [tag["name"]],
        });
        api.post("/sessions", &session).await.expect(201);
        let task = json!({"client_id": client["id"], "title": format!("Order {number}")});
        api.post("/pending-tasks", &task).await.expect(201);
        let credential = json!({"client_id": client["id"], "service_name": format!("Router {number}"),
            "credential_type": "password", "password": name});
        api.post("/credentials", &credential).await.expect(201);
    }
}

/// Every row of every list; but not when somebody last logged in, which a test does after the backup too.
async fn all(api: &Api) -> Vec<(&'static str, Vec<Value>)> {
    let mut lists = Vec::new();
    for (path, collection) in LISTS {
        let mut rows = api.all(path, collection).await;
        for row in rows.iter_mut().filter_map(Value::as_object_mut) {
            row.remove("last_login_at");
        }
        lists.push((collection, rows));
    }
    lists
}

async fn script(site: &Site, name: &str, url: &str, file: &str) -> Ended {
    let script = repository().join("deploy").join(name).display().to_string();
    site.shell(&["bash", &script], file, &[("DATABASE_URL", url)]).await
}

/// Fills one database, backs it up beside writers, restores it into another and compares.
async fn there_and_back(from: &str, to: &str) {
    let key = Site::bare().run(&["keys", "generate"]).await.success().out;
    // A backup holds no keys: they are kept apart from it, and needed with it.
    let master = format!("kept:{}", key.trim());
    let site = |url: &str| Site::new().with("DATABASE_URL", url).with("MASTER_KEYS", &master);
    let server: Server = site(from).serve().await;
    let api = server.admin().await;
    fill(&api).await;
    let before = all(&api).await;
    assert!(before.iter().all(|(_, rows)| !rows.is_empty()), "there is something of everything");

    let place = Site::bare();
    let writing = {
        let api = api.clone();
        tokio::spawn(async move {
            for number in 0..20 {
                let machine = json!({
                    "hostname": format!("meanwhile-{number}"), "machine_fingerprint": format!("{number:064x}"), "platform": "linux",
                });
                api.post("/machines", &machine).await.expect(201);
            }
        })
    };
    let said = script(&place, "backup.sh", from, "copy.backup").await.success();
    writing.await.expect("writers that do not panic");
    assert!(said.out.contains("backed up to copy.backup"), "{said:?}");
    script(&place, "backup.sh", from, "copy.backup").await.failure("is there already");
    script(&place, "restore.sh", from, "copy.backup").await.failure(if from.starts_with("sqlite") {
        "is there"
    } else {
        "is not empty"
    });
    server.stop().await;

    script(&place, "restore.sh", to, "copy.backup").await.success();
    let server = site(to).serve().await;
    // The accounts came along with their passwords.
    let api = server.admin().await;
    assert!(!server.printed().contains("An administrator was made"), "{}", server.printed());
    for (before, after) in before.iter().zip(all(&api).await) {
        assert_eq!(after, *before);
    }
    server.stop().await;

    // What was cut off is no backup.
    let whole = std::fs::read(place.path("copy.backup")).expect("the backup");
    std::fs::write(place.path("half.backup"), &whole[..whole.len() / 2]).expect("a half");
    let refused = script(&place, "restore.sh", to, "half.backup").await;
    assert_eq!(refused.code, Some(1), "{refused:?}");
}

#[tokio::test]
async fn a_backup_of_sqlite_gives_the_same_answers_in_another_file() {
    if tools_are_here(&["bash", "sqlite3"]) {
        let place = Site::bare();
        let url = |name: &str| format!("sqlite://{}", place.path(name).display());
        there_and_back(&url("from.db"), &url("to.db")).await;
    }
}

mod mariadb {
    use super::*;

    #[tokio::test]
    async fn a_backup_gives_the_same_answers_in_another_database() {
        if tools_are_here(&["bash", "mariadb", "mariadb-dump"]) {
            let (from, to) = (Database::with_tables(Engine::MariaDb).await, Database::empty(Engine::MariaDb).await);
            there_and_back(&from.url, &to.url).await;
        }
    }
}

mod postgres {
    use super::*;

    #[tokio::test]
    async fn a_backup_gives_the_same_answers_in_another_database() {
        if tools_are_here(&["bash", "pg_dump", "pg_restore", "psql"]) {
            let (from, to) = (Database::with_tables(Engine::Postgres).await, Database::empty(Engine::Postgres).await);
            there_and_back(&from.url, &to.url).await;
        }
    }
}
