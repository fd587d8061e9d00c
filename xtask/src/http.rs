//! As much HTTP as it takes to ask a server of our own on this machine.
//!
//! A client library with its runtime would double the build time of every `cargo xtask`.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use crate::failure::{Failure, Result};

/// How long one request may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// An answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The status.
    pub(crate) status: u16,
    /// The body.
    pub(crate) body: String,
}

/// Sends a request and waits for the answer. `bearer` is an access token; the body is JSON.
pub(crate) fn send(server: SocketAddr, method: &str, path: &str, bearer: Option<&str>, body: &str) -> Result<Answer> {
    let broken = |error: std::io::Error| Failure::new(format!("{method} http://{server}{path}: {error}"));
    // HTTP/1.0: the server closes when the answer is complete and sends it in one piece.
    let authorization = bearer.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    let request = format!(
        "{method} {path} HTTP/1.0\r\nHost: {server}\r\n{authorization}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect_timeout(&server, TIMEOUT).map_err(broken)?;
    stream.set_read_timeout(Some(TIMEOUT)).map_err(broken)?;
    stream.write_all(request.as_bytes()).map_err(broken)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).map_err(broken)?;
    let answer = String::from_utf8_lossy(&answer);
    parse(&answer).ok_or_else(|| Failure::new(format!("{method} http://{server}{path}: not an HTTP answer")))
}

fn parse(answer: &str) -> Option<Answer> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()?;
    Some(Answer { status, body: body.to_owned() })
}

#[cfg(test)]
mod tests {
    use std::{io::BufRead, io::BufReader, net::TcpListener, thread};

    use super::*;

    /// Answers one request; returns its request line and body.
    fn answer_once(listener: TcpListener, answer: &'static str) -> thread::JoinHandle<(String, String)> {
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut lines, mut length) = (Vec::new(), 0);
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                if let Some(value) = line.strip_prefix("Content-Length: ") {
                    length = value.trim().parse().unwrap();
                }
                if line == "\r\n" {
                    break;
                }
                lines.push(line.trim_end().to_owned());
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            (lines[0].clone(), String::from_utf8(body).unwrap())
        })
    }

    #[test]
    fn a_request_is_sent_and_its_answer_read() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = answer_once(listener, "HTTP/1.0 201 Created\r\nX: y\r\n\r\n{\"a\":1}");
        let answer = send(address, "POST", "/b", Some("t"), "{}").unwrap();
        assert_eq!(answer, Answer { status: 201, body: "{\"a\":1}".into() });
        assert_eq!(server.join().unwrap(), ("POST /b HTTP/1.0".into(), "{}".into()));
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        assert_eq!(parse("SSH-2.0\r\n\r\n"), None);
        assert_eq!(parse("HTTP/1.1 two\r\n\r\n"), None);
    }
}
