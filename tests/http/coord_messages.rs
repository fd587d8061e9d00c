//! Messages: what only they do.

use claudetools_testkit::{Api, TestApp};
use serde_json::{Value, json};

const MESSAGES: &str = "/api/v1/coord/messages";

async fn announce(caller: &Api, session: &str, project: &str) {
    let body = json!({"machine": "m1", "host": "h1", "agent": "claude", "project_key": project, "task": "work"});
    let answer = caller.put(&format!("/api/v1/coord/sessions/{session}"), &body).await;
    assert!(answer.status < 300, "{}", answer.text);
}

async fn inbox(caller: &Api, session: &str, more: &str) -> Vec<Value> {
    let page = caller.get(&format!("{MESSAGES}?to_session={session}{more}")).await.expect(200);
    page.body["messages"].as_array().expect("messages").clone()
}

fn bodies(messages: &[Value]) -> Vec<&str> {
    messages.iter().map(|message| message["body"].as_str().expect("a body")).collect()
}

#[tokio::test]
async fn a_message_to_a_session_is_read_and_acknowledged_once() {
    let app = TestApp::start().await;
    let writer = app.writer();
    let body = json!({"from_session": "a", "to_session": "b", "subject": "DNS", "body": "Which port?", "importance": "high",
        "ack_required": true});
    let sent = writer.post(MESSAGES, &body).await.expect(201);
    let path = format!("{MESSAGES}/{}", sent.id());
    assert_eq!(sent.header("location"), path);
    assert_eq!(sent.body["recipients"][0]["session_id"], "b");
    assert_eq!(sent.body["recipients"][0]["read_at"], Value::Null);
    assert_eq!(
        bodies(&inbox(&writer, "b", "&unread_only=true").await),
        ["Which port?"],
        "b has never announced itself"
    );
    assert!(inbox(&writer, "a", "").await.is_empty());

    let read = writer.put(&format!("{path}/read"), &json!({})).await.expect(200);
    assert!(read.body["read_at"].is_string() && read.body["acked_at"].is_null(), "{}", read.text);
    let again = writer.put(&format!("{path}/read"), &json!({"session_id": "b"})).await.expect(200);
    assert_eq!(again.body["read_at"], read.body["read_at"], "the first time stays");
    assert!(inbox(&writer, "b", "&unread_only=true").await.is_empty());
    // Without a body, as `curl -X PUT` sends it.
    let acked = writer.send(reqwest::Method::PUT, &format!("{path}/ack"), None).await.expect(200);
    assert!(acked.body["acked_at"].is_string(), "{}", acked.text);
    writer.put(&format!("{path}/ack"), &json!({"session_id": "c"})).await.expect(404);

    app.writer().delete(&path).await.expect(403);
    app.admin().delete(&path).await.expect(204);
    app.admin().delete(&path).await.expect(404);
    assert!(inbox(&writer, "b", "").await.is_empty());
    app.stop().await;
}

#[tokio::test]
async fn a_message_to_all_or_to_a_project_reaches_who_is_there_and_who_comes_each_with_its_own_mark() {
    let app = TestApp::start().await;
    let writer = app.writer();
    for (session, project) in [("a", "p"), ("b", "p"), ("c", "q")] {
        announce(&writer, session, project).await;
    }
    let to_all = json!({"from_session": "a", "broadcast": true, "body": "all"});
    let all = writer.post(MESSAGES, &to_all).await.expect(201);
    let to_project = json!({"from_session": "c", "to_project": "p", "body": "project"});
    writer.post(MESSAGES, &to_project).await.expect(201);
    let recipients = |sent: &Value| -> Vec<String> {
        let rows = sent["recipients"].as_array().expect("recipients");
        rows.iter().map(|row| row["session_id"].as_str().expect("a session").to_owned()).collect()
    };
    assert_eq!(recipients(&all.body), ["b", "c"], "not the sender");
    assert_eq!(bodies(&inbox(&writer, "a", "").await), ["project"]);
    assert_eq!(bodies(&inbox(&writer, "b", "").await), ["all", "project"]);
    assert_eq!(bodies(&inbox(&writer, "c", "").await), ["all"]);

    let path = format!("{MESSAGES}/{}", all.id());
    let unnamed = writer.put(&format!("{path}/read"), &json!({})).await.expect(400);
    assert_eq!(unnamed.body["error"]["details"]["field"], "session_id", "one of several has to be named");
    writer.put(&format!("{path}/read"), &json!({"session_id": "b"})).await.expect(200);
    assert_eq!(bodies(&inbox(&writer, "b", "&unread_only=true").await), ["project"]);
    assert_eq!(bodies(&inbox(&writer, "c", "&unread_only=true").await), ["all"], "c reads for itself");

    announce(&writer, "late", "p").await;
    assert_eq!(bodies(&inbox(&writer, "late", "").await), ["all", "project"]);
    announce(&writer, "late", "p").await;
    assert_eq!(inbox(&writer, "late", "").await.len(), 2, "once, however often it announces itself");
    let seen = writer.get(&path).await.expect(200);
    assert_eq!(recipients(&seen.body), ["b", "c", "late"]);
    app.stop().await;
}

#[tokio::test]
async fn what_is_wrong_with_a_message_is_told_by_field() {
    let app = TestApp::start().await;
    let writer = app.writer();
    let fine = json!({"from_session": "a", "to_session": "b", "body": "text"});
    let with = |field: &str, value: Value| {
        let mut body = fine.clone();
        body[field] = value;
        body
    };
    for (status, body, field) in [
        (422, with("broadcast", json!(true)), "to_session"),
        (422, with("to_session", Value::Null), "to_session"),
        (400, with("from_session", json!("a b")), "from_session"),
        (400, with("body", json!(" ")), "body"),
        (400, with("body", json!("x".repeat(65_537))), "body"),
        (400, with("importance", json!("huge")), "importance"),
        (400, with("project_key", json!("a/b/c")), "project_key"),
        (422, with("expires_at", json!("2020-01-01T00:00:00Z")), "expires_at"),
    ] {
        let refused = writer.post(MESSAGES, &body).await.expect(status);
        assert_eq!(refused.body["error"]["details"]["field"], field, "{}", refused.text);
    }
    let unknown = with("reply_to", json!("01980000-0000-7000-8000-00000000dead"));
    writer.post(MESSAGES, &unknown).await.expect(404);
    let asked = app.reader().get(&format!("{MESSAGES}?unread_only=true")).await.expect(422);
    assert_eq!(asked.body["error"]["details"]["field"], "unread_only");
    app.stop().await;
}

#[tokio::test]
async fn a_conversation_is_found_by_its_thread_and_messages_by_what_they_say() {
    let app = TestApp::start().await;
    let writer = app.writer();
    let first =
        json!({"from_session": "a", "to_session": "b", "body": "Who has the KEY?", "project_key": "clients/acme"});
    let first = writer.post(MESSAGES, &first).await.expect(201);
    let answer = json!({"from_session": "b", "to_session": "a", "body": "I have", "reply_to": first.id(), "importance": "urgent"});
    let answer = writer.post(MESSAGES, &answer).await.expect(201);
    assert_eq!(answer.body["thread_id"], first.body["id"]);
    let found = async |query: &str| -> Vec<String> {
        let page = app.reader().get(&format!("{MESSAGES}?{query}")).await.expect(200);
        bodies(page.body["messages"].as_array().expect("messages")).into_iter().map(str::to_owned).collect()
    };
    assert_eq!(found(&format!("thread_id={}", first.id())).await, ["I have"]);
    assert_eq!(found("q=key").await, ["Who has the KEY?"]);
    assert_eq!(found("project_key=clients/acme").await, ["Who has the KEY?"]);
    assert_eq!(found("importance=urgent").await, ["I have"]);
    assert_eq!(found("from_session=b&sort=-seq").await, ["I have"]);
    assert_eq!(found("since=2099-01-01T00:00:00Z").await, Vec::<String>::new());
    assert_eq!(found("sort=-seq").await, ["I have", "Who has the KEY?"]);
    app.stop().await;
}

#[tokio::test]
async fn a_repeated_send_under_one_key_is_one_message() {
    let app = TestApp::start().await;
    let writer = app.writer().with("idempotency-key", "once");
    let body = json!({"from_session": "a", "to_session": "b", "body": "text"});
    let first = writer.post(MESSAGES, &body).await.expect(201);
    let again = writer.post(MESSAGES, &body).await.expect(201);
    assert_eq!((again.id(), again.header("idempotent-replayed")), (first.id(), "true"));
    assert_eq!(inbox(&app.reader(), "b", "").await.len(), 1);
    app.stop().await;
}

#[tokio::test]
async fn who_holds_a_lock_that_is_taken_away_is_told() {
    let app = TestApp::start().await;
    let lock = json!({"resource": "clients/acme/dns", "session_id": "b"});
    let lock = app.writer().post("/api/v1/coord/locks", &lock).await.expect(201);
    let path = format!("/api/v1/coord/locks/{}?force=true&reason=urgent", lock.id());
    app.admin().delete(&path).await.expect(200);
    let told = inbox(&app.reader(), "b", "&unread_only=true").await;
    assert_eq!((told.len(), &told[0]["importance"]), (1, &json!("high")));
    assert!(told[0]["body"].as_str().is_some_and(|body| body.contains("clients/acme/dns") && body.contains("urgent")));
    app.admin().delete(&path).await.expect(200);
    assert_eq!(inbox(&app.reader(), "b", "").await.len(), 1, "once");
    app.stop().await;
}
