//! Clients that send slowly or not at all are cut off.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::program::{SOON, Server, Site};

/// All the timeouts that are set, and room for a busy machine.
const CUT_OFF: Duration = Duration::from_secs(5);

/// A connection on which a test writes whatever it likes.
pub(crate) struct Wire(TcpStream);

impl Wire {
    pub(crate) async fn connect(address: &str) -> Self {
        Self(TcpStream::connect(address).await.expect("a connection"))
    }

    pub(crate) async fn write(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.expect("an open connection");
    }

    /// What is sent up to `end`.
    pub(crate) async fn read_until(&mut self, end: &str) -> String {
        let mut text = String::new();
        while !text.contains(end) {
            let mut part = [0; 1024];
            let count = timeout(SOON, self.0.read(&mut part)).await.expect("an answer").expect("an open connection");
            assert!(count > 0, "the connection was closed after {text:?}");
            text.push_str(&String::from_utf8_lossy(&part[..count]));
        }
        text
    }

    /// What is sent until the connection is closed.
    pub(crate) async fn read_to_end(&mut self, within: Duration) -> String {
        let mut bytes = Vec::new();
        let read = timeout(within, self.0.read_to_end(&mut bytes)).await;
        let read = read.unwrap_or_else(|_| panic!("still open after {within:?}: {}", String::from_utf8_lossy(&bytes)));
        // A reset is an end too.
        drop(read);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Sends `piece` again and again until the other side has had enough; returns what it said and after how long.
    async fn trickle(mut self, piece: &str) -> (String, Duration) {
        let (start, mut bytes) = (Instant::now(), Vec::new());
        loop {
            assert!(
                start.elapsed() < SOON,
                "it was never cut off; so far it said {:?}",
                String::from_utf8_lossy(&bytes)
            );
            let mut part = [0; 1024];
            match timeout(Duration::from_millis(50), self.0.read(&mut part)).await {
                Ok(Ok(0) | Err(_)) => break,
                Ok(Ok(count)) => bytes.extend_from_slice(&part[..count]),
                // Nothing said yet: the next piece. When it cannot be sent, the end is found by reading.
                Err(_) => drop(self.0.write_all(piece.as_bytes()).await),
            }
        }
        (String::from_utf8_lossy(&bytes).into_owned(), start.elapsed())
    }
}

async fn impatient() -> Server {
    Site::new().with("REQUEST_TIMEOUT_SECONDS", "1").with("KEEP_ALIVE_SECONDS", "1").serve().await
}

#[tokio::test]
async fn headers_that_trickle_in_are_cut_off() {
    let server = impatient().await;
    let mut fresh = Wire::connect(server.address()).await;
    fresh.write("GET /healthz HTTP/1.1\r\nHost: here\r\n").await;
    let mut second = Wire::connect(server.address()).await;
    second.write("GET /healthz HTTP/1.1\r\nHost: here\r\n\r\n").await;
    second.read_until("alive").await;
    second.write("GET /healthz HTTP/1.1\r\nHost: here\r\n").await;
    let silent = Wire::connect(server.address()).await;
    // Others do not notice.
    assert_eq!(server.anonymous().status("/healthz").await.map(|status| status.as_u16()), Some(200));

    let all = tokio::join!(fresh.trickle("X: y\r\n"), second.trickle("X: y\r\n"), silent.trickle(""));
    for (which, (said, took)) in [("a first request", all.0), ("a second request", all.1), ("no request", all.2)] {
        eprintln!("{which} was cut off after {took:?} with {:?}", said.lines().next().unwrap_or_default());
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 408"), "{which}: {said}");
        assert!(took < CUT_OFF, "{which} was cut off after {took:?}");
    }
}

#[tokio::test]
async fn a_body_that_trickles_in_is_cut_off_with_400() {
    let server = impatient().await;
    let admin = server.admin().await;
    for framing in ["Content-Length: 100000", "Transfer-Encoding: chunked"] {
        let mut wire = Wire::connect(server.address()).await;
        let token = admin.token();
        let head = format!(
            "POST /api/v1/clients HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\n{framing}\r\n\r\n"
        );
        wire.write(&head).await;
        let (said, took) = wire.trickle("1\r\n \r\n").await;
        assert!(said.starts_with("HTTP/1.1 400"), "{framing}: {said}");
        assert!(said.contains("INVALID_REQUEST") && said.contains("could not be read to its end"), "{framing}: {said}");
        assert!(took < CUT_OFF, "{framing}: cut off after {took:?}");
    }
}

#[tokio::test]
async fn a_body_that_nobody_reads_does_not_keep_the_connection_open() {
    let server = impatient().await;
    for framing in ["Content-Length: 100000", "Transfer-Encoding: chunked"] {
        let mut wire = Wire::connect(server.address()).await;
        wire.write(&format!("POST /nowhere HTTP/1.1\r\nHost: here\r\n{framing}\r\n\r\n")).await;
        let (said, took) = wire.trickle("1\r\n \r\n").await;
        assert!(said.starts_with("HTTP/1.1 404"), "{framing}: {said}");
        assert!(took < CUT_OFF, "{framing}: cut off after {took:?}");
    }
}
