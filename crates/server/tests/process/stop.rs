//! SIGTERM: what is under way is finished, nothing is lost, the exit code is 0.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::program::{SOON, Server, Site, eventually};
use crate::slow_client::Wire;

/// With nothing in flight it has ended by then.
const IDLE: Duration = Duration::from_secs(2);

async fn wait_for_log(server: &Server, text: &str) {
    eventually(text, SOON, async || server.log().contains(text).then_some(())).await;
}

#[tokio::test]
async fn a_request_in_flight_is_answered_while_readiness_says_503_and_idle_connections_are_closed() {
    let site = Site::new();
    let server = site.serve().await;
    let admin = server.admin().await;

    let mut idle = Wire::connect(server.address()).await;
    idle.write("GET /healthz HTTP/1.1\r\nHost: here\r\n\r\n").await;
    idle.read_until("\r\n\r\n").await;

    let body = json!({"name": "In flight", "type": "msp_client"}).to_string();
    let (start, end) = body.split_at(body.len() / 2);
    let mut busy = Wire::connect(server.address()).await;
    let head = format!(
        "POST /api/v1/clients HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
         Expect: 100-continue\r\nContent-Length: {}\r\n\r\n",
        admin.token(),
        body.len()
    );
    busy.write(&head).await;
    busy.read_until("100 Continue\r\n\r\n").await;
    busy.write(start).await;

    server.signal("TERM").await;
    wait_for_log(&server, "draining").await;
    let ready = admin.status("/readyz").await;
    assert_eq!(ready.map(|status| status.as_u16()), Some(503), "what asks for readiness is told");
    assert!(idle.read_to_end(SOON).await.is_empty(), "an idle connection is closed without a word");
    eventually("no more connections", SOON, async || admin.status("/readyz").await.is_none().then_some(())).await;

    busy.write(end).await;
    let answer = busy.read_to_end(SOON).await;
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    assert!(answer.to_lowercase().contains("connection: close"), "{answer}");
    server.ended(SOON).await.success();

    let again = site.serve().await;
    let found = admin.at(again.base()).get("/clients?q=In flight").await.expect(200);
    assert_eq!(found["total"], 1);
    again.stop().await;
}

#[tokio::test]
async fn with_nothing_in_flight_it_ends_at_once_with_the_audit_rows_of_reads_written() {
    let site = Site::new();
    for signal in ["TERM", "INT"] {
        let server = site.serve().await;
        let admin = server.admin().await;
        let request = format!("read-before-{signal}");
        let read = admin.try_send(reqwest::Method::GET, "/auth/me", None, &[("x-request-id", &request)]).await;
        assert_eq!(read.expect("an answer").status(), 200);
        let start = Instant::now();
        server.signal(signal).await;
        let ended = server.ended(SOON).await.success();
        let took = start.elapsed();
        eprintln!("SIG{signal} with an idle connection: ended after {took:?}");
        assert!(took < IDLE, "it took {took:?}");
        assert!(ended.err.contains("stopped"), "{}", ended.err);

        let again = site.serve().await;
        let rows = admin.at(again.base()).get(&format!("/api-audit-logs?request_id={request}")).await.expect(200);
        let paths: Vec<&Value> =
            rows["api_audit_logs"].as_array().expect("rows").iter().map(|row| &row["path"]).collect();
        assert_eq!(paths, ["/api/v1/auth/me"]);
        again.stop().await;
    }
}

#[tokio::test]
async fn a_request_that_does_not_finish_is_given_up_after_the_shutdown_timeout() {
    let server = Site::new().with("SHUTDOWN_TIMEOUT_SECONDS", "1").serve().await;
    let admin = server.admin().await;
    let mut stuck = Wire::connect(server.address()).await;
    let head = format!(
        "POST /api/v1/clients HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
         Expect: 100-continue\r\nContent-Length: 100\r\n\r\n",
        admin.token()
    );
    stuck.write(&head).await;
    stuck.read_until("100 Continue\r\n\r\n").await;
    let start = Instant::now();
    server.signal("TERM").await;
    server.ended(SOON).await.success();
    let took = start.elapsed();
    assert!(took > Duration::from_secs(1) && took < Duration::from_secs(6), "it took {took:?}");
}
