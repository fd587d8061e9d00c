//! Where the server listens, and over what.

use reqwest::Certificate;

use crate::api::{Api, client};
use crate::examples::tools_are_here;
use crate::program::{ADMIN_PASSWORD, SOON, Site};
use crate::slow_client::Wire;

#[tokio::test]
async fn another_than_a_loopback_address_is_refused_without_tls() {
    for host in ["0.0.0.0", "::"] {
        let refused = Site::new().with("HOST", host).run(&["serve"]).await.failure("TLS_CERT_FILE");
        assert!(refused.err.contains("BEHIND_TLS_PROXY=true"), "{refused:?}");
        assert!(refused.out.is_empty(), "{refused:?}");
    }
}

#[tokio::test]
async fn behind_a_tls_proxy_it_listens_everywhere_and_names_an_address_that_can_be_called() {
    let server = Site::new().with("HOST", "0.0.0.0").with("BEHIND_TLS_PROXY", "true").serve().await;
    assert!(server.base().starts_with("http://127.0.0.1:"), "{}", server.base());
    let me = server.admin().await.get("/auth/me").await;
    assert_eq!(me.status, 200);
    assert!(me.headers.contains_key("strict-transport-security"), "{me:?}");
    server.stop().await;
}

#[tokio::test]
async fn a_taken_port_is_told_and_ends_the_start() {
    let server = Site::new().serve().await;
    let port = server.address().rsplit(':').next().expect("a port");
    Site::new().with("PORT", port).run(&["serve"]).await.failure(&format!("cannot listen on 127.0.0.1:{port}"));
    server.stop().await;
}

#[tokio::test]
async fn with_a_certificate_it_speaks_tls_alone() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let site = Site::new().with("TLS_CERT_FILE", "cert.pem").with("TLS_KEY_FILE", "key.pem");
    std::fs::write(site.path("cert.pem"), made.cert.pem()).expect("the certificate");
    std::fs::write(site.path("key.pem"), made.signing_key.serialize_pem()).expect("the key");
    let server = site.with("REQUEST_TIMEOUT_SECONDS", "1").serve().await;
    let (scheme, port) = (server.base().split(':').next(), server.address().rsplit(':').next().expect("a port"));
    assert_eq!(scheme, Some("https"));

    let root = Certificate::from_pem(made.cert.pem().as_bytes()).expect("a root");
    let trusting = Api {
        client: client().tls_certs_only([root]).build().expect("a client"),
        base: format!("https://localhost:{port}"),
        token: None,
    };
    let refused = trusting.get("/auth/me").await;
    assert_eq!(refused.status, 401);
    let transport = refused.headers.get("strict-transport-security").expect("Strict-Transport-Security");
    assert!(transport.to_str().is_ok_and(|value| value.starts_with("max-age=")), "{transport:?}");

    assert_eq!(Api::new(&trusting.base).status("/healthz").await, None, "an unknown certificate is not trusted");
    assert_eq!(
        Api::new(&format!("http://localhost:{port}")).status("/healthz").await,
        None,
        "plain HTTP is not answered"
    );
    let mut silent = Wire::connect(server.address()).await;
    silent.read_to_end(SOON).await;

    let printed = server.printed();
    let call = printed.lines().next_back().expect("a call");
    if tools_are_here(&["curl"]) {
        let site = Site::bare();
        let call = site.shell(&["sh", "-c"], call, &[("BOOTSTRAP_ADMIN_PASSWORD", ADMIN_PASSWORD)]).await.success();
        assert!(call.out.contains("access_token"), "{call:?}");
    }
    server.stop().await;
}

#[tokio::test]
async fn the_probe_of_a_tls_server_takes_its_certificate() {
    let made = rcgen::generate_simple_self_signed(["claudetools.example".to_owned()]).expect("a certificate");
    let site = Site::new().with("TLS_CERT_FILE", "cert.pem").with("TLS_KEY_FILE", "key.pem");
    std::fs::write(site.path("cert.pem"), made.cert.pem()).expect("the certificate");
    std::fs::write(site.path("key.pem"), made.signing_key.serialize_pem()).expect("the key");
    let server = site.serve().await;
    let port = server.address().rsplit(':').next().expect("a port").to_owned();
    let site = site.with("PORT", &port);
    site.run(&["health"]).await.success();
    server.stop().await;
    site.run(&["health"]).await.failure("no answer from https://127.0.0.1");
}
