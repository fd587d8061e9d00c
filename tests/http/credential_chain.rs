//! The audit chain of the vault: what a doctored one looks like, and that nothing is shown without its row.

use std::time::{Duration, Instant};

use claudetools_sql::SqlStore;
use claudetools_testkit::{TestApp, execute, hold_writers};
use sea_orm::DbBackend;
use serde_json::{Value, json};

const PATH: &str = "/api/v1/credentials";
const VERIFY: &str = "/api/v1/credential-audit-logs/verify";
/// How soon a caller must be told that nothing is shown.
const TOLD: Duration = Duration::from_secs(2);

/// An application whose chain has `rows` rows; gives the id of a credential.
async fn with_rows(rows: usize) -> (TestApp, String) {
    let app = TestApp::builder().with("RATE_LIMIT_DECRYPT_PER_MINUTE", "0").start().await;
    let body = json!({"service_name": "Firewall", "credential_type": "password", "password": "s3cret"});
    let id = app.writer().post(PATH, &body).await.expect(201).id().to_owned();
    for _ in 1..rows {
        app.reader().get(&format!("{PATH}/{id}/decrypt")).await.expect(200);
    }
    (app, id)
}

async fn verified(app: &TestApp) -> Value {
    app.admin().get(VERIFY).await.expect(200).body
}

fn store(app: &TestApp) -> &SqlStore {
    &app.running().assembly.store
}

/// What the verification says of a chain that somebody with write access to the tables has worked on; undone afterwards.
async fn doctored(app: &TestApp, statements: &[String]) -> (String, i64) {
    for statement in statements {
        assert!(execute(store(app), statement).await > 0, "{statement} changed nothing");
    }
    let report = verified(app).await;
    assert_eq!(report["is_whole"], false, "{statements:?} was not found");
    for (table, copy) in COPIES {
        execute(store(app), &format!("DELETE FROM {table}")).await;
        execute(store(app), &format!("INSERT INTO {table} SELECT * FROM {copy}")).await;
    }
    assert_eq!(verified(app).await["is_whole"], true, "put back after {statements:?}");
    let fault = &report["fault"];
    (fault["kind"].as_str().expect("a kind").to_owned(), fault["seq"].as_i64().expect("a place"))
}

/// Where a test keeps what it is going to spoil.
const COPIES: [(&str, &str); 2] = [(TABLE, "log_copy"), ("credential_audit_head", "head_copy")];

const TABLE: &str = "credential_audit_log";

#[tokio::test]
async fn every_way_to_doctor_the_chain_is_found_and_its_place_is_named() {
    let update = |set: &str, seq: u32| format!("UPDATE {TABLE} SET {set} WHERE seq = {seq}");
    let (app, _) = with_rows(10).await;
    assert_eq!(verified(&app).await["is_whole"], true);
    for (table, copy) in COPIES {
        execute(store(&app), &format!("CREATE TABLE {copy} AS SELECT * FROM {table}")).await;
    }
    let cases: [(&[String], &str, i64); 18] = [
        (&[update("subject = 'nobody@example.com'", 1)], "altered", 1),
        (&[update("reason = 'because'", 5)], "altered", 5),
        (&[update("at = at + 1", 5)], "altered", 5),
        (&[update("credential_name = NULL", 10)], "altered", 10),
        (&[update("hash = (SELECT seal FROM credential_audit_head)", 7)], "altered", 7),
        // What no use case could have written.
        (&[update("action = 'nothing'", 7)], "altered", 7),
        (&[format!("DELETE FROM {TABLE} WHERE seq = 1")], "removed", 1),
        (&[format!("DELETE FROM {TABLE} WHERE seq = 6")], "removed", 6),
        (&[format!("DELETE FROM {TABLE} WHERE seq = 10")], "removed", 10),
        (&[format!("DELETE FROM {TABLE} WHERE seq >= 4")], "removed", 4),
        (&[format!("DELETE FROM {TABLE}")], "removed", 1),
        // The gap closed by moving the rows behind it.
        (&[format!("DELETE FROM {TABLE} WHERE seq = 6"), update("seq = 6", 7)], "altered", 6),
        // Two rows that have changed their places.
        (&[update("seq = 999", 3), update("seq = 3", 4), update("seq = 4", 999)], "altered", 3),
        // Emptied, and made to look new.
        (&[format!("DELETE FROM {TABLE}"), "DELETE FROM credential_audit_head".to_owned()], "no_head", 0),
        (&[format!("DELETE FROM {TABLE}"), "UPDATE credential_audit_head SET seq = 0".to_owned()], "head_altered", 0),
        // Cut off, with the head moved back: the last row's hash is known, its seal is not.
        (
            &[
                format!("DELETE FROM {TABLE} WHERE seq > 8"),
                format!("UPDATE credential_audit_head SET seq = 8, hash = (SELECT hash FROM {TABLE} WHERE seq = 8)"),
            ],
            "head_altered",
            8,
        ),
        (&["UPDATE credential_audit_head SET hash = seal".to_owned()], "head_altered", 10),
        (&[update("epoch = 2", 9)], "epoch", 9),
    ];
    for (statements, kind, seq) in cases {
        assert_eq!(doctored(&app, statements).await, (kind.to_owned(), seq), "{statements:?}");
    }
    app.stop().await;
}

#[tokio::test]
async fn rows_that_somebody_inserts_are_found_in_the_middle_and_at_the_end() {
    let columns = "epoch, credential_id, credential_name, action, subject, agent_type, parent_session, client_ip, \
                   user_agent, request_id, reason, at, hash";
    let (app, _) = with_rows(10).await;
    let (id, at) = match store(&app).engine() {
        DbBackend::Postgres => ("gen_random_uuid()", 11),
        DbBackend::MySql => ("UNHEX(REPLACE(UUID(), '-', ''))", 11),
        _ => ("randomblob(16)", 11),
    };
    let forged =
        format!("INSERT INTO {TABLE} (seq, id, {columns}) SELECT {at}, {id}, {columns} FROM {TABLE} WHERE seq = 10");
    execute(store(&app), &forged).await;
    let report = verified(&app).await;
    assert_eq!((&report["fault"]["kind"], &report["fault"]["seq"]), (&json!("altered"), &json!(11)), "{report}");
    app.stop().await;
}

#[tokio::test]
async fn a_chain_can_be_verified_from_a_row_on() {
    let (app, id) = with_rows(10).await;
    execute(store(&app), &format!("UPDATE {TABLE} SET reason = 'x' WHERE seq = 3")).await;
    let from = async |since: i64| app.admin().get(&format!("{VERIFY}?since={since}")).await.expect(200).body;
    assert_eq!(from(3).await["fault"]["seq"], 3);
    let rest = from(4).await;
    assert_eq!((&rest["is_whole"], &rest["rows"]), (&json!(true), &json!(7)), "{rest}");
    assert_eq!(from(13).await["fault"]["kind"], "removed");
    // What comes after goes on in the chain, whatever is wrong before.
    app.reader().get(&format!("{PATH}/{id}/decrypt")).await.expect(200);
    assert_eq!(from(4).await["rows"], 8);
    app.stop().await;
}

#[tokio::test]
async fn behind_a_head_that_was_altered_no_secret_is_shown() {
    let (app, id) = with_rows(2).await;
    execute(store(&app), "UPDATE credential_audit_head SET seq = 1").await;
    let refused = app.reader().get(&format!("{PATH}/{id}/decrypt")).await.expect(503);
    assert_eq!(refused.code(), "SERVICE_UNAVAILABLE");
    assert!(!refused.text.contains("s3cret"));
    app.stop().await;
}

#[tokio::test]
async fn while_the_chain_is_blocked_a_decrypt_is_refused_within_two_seconds() {
    let (app, id) = with_rows(2).await;
    let held = hold_writers(store(&app), &app.database_url(), TABLE).await;
    for path in ["/decrypt", "/versions/1/decrypt"] {
        let asked = Instant::now();
        let refused = app.reader().get(&format!("{PATH}/{id}{path}")).await.expect(503);
        assert!(asked.elapsed() < TOLD, "told after {:?}", asked.elapsed());
        assert_eq!(refused.code(), "SERVICE_UNAVAILABLE");
        assert!(!refused.text.contains("s3cret"));
    }
    held.close().await.expect("the other connection closes");
    let reader = app.reader();
    let path = format!("{PATH}/{id}/decrypt");
    app.eventually("a secret, once the chain can be written", async || {
        (reader.get(&path).await.status == 200).then_some(())
    })
    .await;
    assert_eq!(verified(&app).await["is_whole"], true);
    app.stop().await;
}

#[tokio::test]
async fn while_the_chain_is_read_only_a_decrypt_is_refused() {
    let (app, id) = with_rows(2).await;
    let (refuse, admit): (&[&str], &[&str]) = match store(&app).engine() {
        DbBackend::Sqlite => (
            &["CREATE TRIGGER ro BEFORE INSERT ON credential_audit_log BEGIN SELECT RAISE(ABORT, 'read-only'); END"],
            &["DROP TRIGGER ro"],
        ),
        DbBackend::MySql => (
            &[
                "CREATE TRIGGER ro BEFORE INSERT ON credential_audit_log FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'read-only'",
            ],
            &["DROP TRIGGER ro"],
        ),
        _ => (
            &[
                "CREATE FUNCTION ro() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'read-only'; END $$",
                "CREATE TRIGGER ro BEFORE INSERT ON credential_audit_log FOR EACH ROW EXECUTE FUNCTION ro()",
            ],
            &["DROP TRIGGER ro ON credential_audit_log", "DROP FUNCTION ro"],
        ),
    };
    for statement in refuse {
        execute(store(&app), statement).await;
    }
    let asked = Instant::now();
    let refused = app.reader().get(&format!("{PATH}/{id}/decrypt")).await.expect(503);
    assert!(asked.elapsed() < TOLD && !refused.text.contains("s3cret"), "{}", refused.text);
    let body = json!({"service_name": "New", "credential_type": "note", "password": "x"});
    app.writer().post(PATH, &body).await.expect(503);
    for statement in admit {
        execute(store(&app), statement).await;
    }
    app.reader().get(&format!("{PATH}/{id}/decrypt")).await.expect(200);
    assert_eq!(app.reader().get(PATH).await.expect(200).body["total"], 1, "what left no row was not entered either");
    app.stop().await;
}

/// What somebody with write access to the tables does to a version of another one's secrets.
async fn tampered(statement: &str) -> (u16, String) {
    let (app, _) = with_rows(1).await;
    let body = json!({"service_name": "Other", "credential_type": "password", "password": "an0ther"});
    let other = app.writer().post(PATH, &body).await.expect(201).id().to_owned();
    app.writer().put(&format!("{PATH}/{other}"), &json!({"password": "its second"})).await.expect(200);
    assert!(execute(store(&app), statement).await > 0, "{statement} changed nothing");
    let answer = app.reader().get(&format!("{PATH}/{other}/decrypt")).await;
    app.stop().await;
    for secret in ["s3cret", "an0ther", "its second"] {
        assert!(!answer.text.contains(secret), "{statement}: {}", answer.text);
    }
    (answer.status, answer.code().to_owned())
}

#[tokio::test]
async fn secrets_that_were_put_elsewhere_do_not_open() {
    let engine_update = |what: &str, from: &str| {
        // A derived table, because MariaDB reads no table that it is changing.
        format!(
            "UPDATE credential_versions SET {what} WHERE version = 2 AND 1 = (SELECT 1 FROM (SELECT 1 AS x) AS t) {from}"
        )
    };
    let of = |column: &str, version: u32, same: bool| {
        let whose = if same { "=" } else { "<>" };
        format!(
            "(SELECT {column} FROM (SELECT v.{column}, v.credential_id, v.version FROM credential_versions v) AS o WHERE o.version = \
             {version} AND o.credential_id {whose} credential_versions.credential_id)"
        )
    };
    // The former version's secrets as the present ones; another credential's; half of each.
    let cases = [
        engine_update(
            &format!("ciphertext = {}, wrapped_key = {}", of("ciphertext", 1, true), of("wrapped_key", 1, true)),
            "",
        ),
        engine_update(
            &format!("ciphertext = {}, wrapped_key = {}", of("ciphertext", 1, false), of("wrapped_key", 1, false)),
            "",
        ),
        engine_update(&format!("wrapped_key = {}", of("wrapped_key", 1, true)), ""),
        engine_update(&format!("ciphertext = {}", of("ciphertext", 1, true)), ""),
        engine_update("key_id = 'other'", ""),
    ];
    for statement in cases {
        assert_eq!(tampered(&statement).await, (500, "ENCRYPTION_ERROR".to_owned()), "{statement}");
    }
}
