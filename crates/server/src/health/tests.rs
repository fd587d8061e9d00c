use std::net::TcpListener;
use std::thread::JoinHandle;

use rustls::ServerConnection;

use super::*;
use crate::config::{Machine, Sources};

const SOON: Duration = Duration::from_millis(300);

fn of_port(port: u16) -> Target {
    Target::of_url(&format!("http://127.0.0.1:{port}")).unwrap()
}

/// Serves one connection with `serve` and returns the port.
fn server<T: Send + 'static>(serve: impl FnOnce(TcpStream) -> T + Send + 'static) -> (u16, JoinHandle<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (port, std::thread::spawn(move || serve(listener.accept().unwrap().0)))
}

fn answering(answer: &'static str) -> (u16, JoinHandle<String>) {
    server(move |mut stream| {
        let mut request = [0; 1024];
        let count = stream.read(&mut request).unwrap();
        stream.write_all(answer.as_bytes()).unwrap();
        String::from_utf8_lossy(&request[..count]).into_owned()
    })
}

#[test]
fn a_url_is_http_with_a_host() {
    for (url, shown) in [
        ("http://localhost", "http://localhost:80/healthz"),
        ("http://localhost:8000/readyz", "http://localhost:8000/readyz"),
        ("http://[::1]:9/", "http://[::1]:9/"),
        ("http://[::1]", "http://[::1]:80/healthz"),
    ] {
        assert_eq!(Target::of_url(url).unwrap().to_string(), shown);
    }
    for url in ["https://a", "a", "http://", "http://a:x", "http://a b", "http://a/\r\nX: y", "http://u@a"] {
        assert!(Target::of_url(url).is_err(), "{url}");
    }
}

#[test]
fn a_server_that_answers_200_is_healthy() {
    let (port, thread) = answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    probe(&of_port(port), Duration::from_secs(5)).unwrap();
    let request = thread.join().unwrap();
    assert!(request.starts_with("GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:"), "{request}");
}

#[test]
fn every_other_answer_is_unhealthy() {
    for answer in ["HTTP/1.1 503 Service Unavailable\r\n\r\n", "200 OK\r\n", "", "HTTP/1.1 2000 OK\r\n"] {
        let (port, _) = answering(answer);
        let error = probe(&of_port(port), Duration::from_secs(5)).unwrap_err();
        assert!(matches!(error, HealthError::Unhealthy { .. }), "{answer:?}: {error}");
    }
}

#[test]
fn a_server_that_is_not_there_or_trickles_is_unhealthy() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    assert!(matches!(probe(&of_port(closed), SOON), Err(HealthError::Silent { .. })));
    let (port, _) = server(|mut stream| while stream.write_all(b"H").is_ok() && stream.read(&mut [0]).is_ok() {});
    let start = Instant::now();
    assert!(matches!(probe(&of_port(port), SOON), Err(HealthError::Silent { .. } | HealthError::Unhealthy { .. })));
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn over_tls_exactly_the_configured_certificate_is_taken() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str| {
        let made = rcgen::generate_simple_self_signed(["claudetools.example.com".to_owned()]).unwrap();
        let (cert, key) = (directory.path().join(format!("{name}.pem")), directory.path().join(format!("{name}.key")));
        std::fs::write(&cert, made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        (cert, key)
    };
    let ((cert, key), (other, _)) = (write("own"), write("other"));
    for (expected, healthy) in [(&cert, true), (&other, false)] {
        let config = Arc::new(tls::server_config(&cert, &key).unwrap());
        let (port, thread) = server(move |stream| {
            let mut tls = StreamOwned::new(ServerConnection::new(config).unwrap(), stream);
            let _ = tls.read(&mut [0; 1024]).and_then(|_| tls.write_all(b"HTTP/1.1 200 OK\r\n\r\n"));
        });
        let target = Target { certificate: Some(expected.clone()), ..of_port(port) };
        assert_eq!(probe(&target, Duration::from_secs(5)).is_ok(), healthy);
        thread.join().unwrap();
    }
}

#[test]
fn the_configured_server_is_asked_on_this_machine() {
    let target = |values: &[(&str, &str)]| {
        let mut sources = Sources::none(Machine { cores: 1, terminal: false });
        sources.environment.extend(values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        Target::of_config(&crate::config::load(&sources).unwrap().config).to_string()
    };
    assert_eq!(target(&[]), "http://127.0.0.1:8000/healthz");
    assert_eq!(target(&[("HOST", "0.0.0.0"), ("BEHIND_TLS_PROXY", "on")]), "http://127.0.0.1:8000/healthz");
    assert_eq!(target(&[("HOST", "::"), ("TLS_CERT_FILE", "c"), ("TLS_KEY_FILE", "k")]), "https://[::1]:8000/healthz");
}
