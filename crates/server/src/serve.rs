//! The server's life: start, serve, drain, stop.

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::middleware::{Compress, from_fn};
use actix_web::web::Data;
use actix_web::{App, HttpServer};
use claudetools_crypto::{SystemClock, UuidGenerator};
use claudetools_http::{Envelope, RouteTable, Services, Starting, cors, limit, mount, mount_starting};
use claudetools_identity::FirstAdmin;
use claudetools_kernel::Clock;
use tokio::net::TcpSocket;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::assembly::{self, Assembly, StartError};
use crate::config::Config;
use crate::connection;
use crate::tls;
use crate::upkeep::Background;

/// How long a server that is told to stop still takes connections, so that whatever asks for readiness hears of it.
const NOTICE: Duration = Duration::from_millis(750);

/// How long connections to the database may take to close: one that does not answer is left to find out by itself.
const CLOSE: Duration = Duration::from_secs(2);

/// SIGXFSZ, for a write beyond what the system allows a file of this process to be (`ulimit -f`, systemd's `LimitFSIZE`).
const FILE_TOO_LARGE: SignalKind = SignalKind::from_raw(25);

/// How many connections may wait to be taken.
const BACKLOG: u32 = 1024;

/// A server that listens.
#[derive(Debug)]
pub struct Running {
    /// Where it listens; the port is the one the system chose when 0 was configured.
    pub address: SocketAddr,
    /// What it is made of.
    pub assembly: Assembly,
    handle: ServerHandle,
    server: JoinHandle<io::Result<()>>,
    background: Background,
}

/// Opens the database, makes what a first start needs, and listens.
///
/// # Errors
/// Whatever keeps it from serving: keys, database, schema, certificate, address.
pub async fn start(config: &Config) -> Result<Running, StartError> {
    start_with(config, Arc::new(SystemClock)).await
}

/// [`start`] by another clock, as tests need it.
///
/// # Errors
/// As for [`start`].
pub async fn start_with(config: &Config, clock: Arc<dyn Clock>) -> Result<Running, StartError> {
    let tls = config.tls_files().map(|(cert, key)| tls::server_config(cert, key)).transpose()?;
    let listener = listener(config.listen()).map_err(|error| StartError::Listen(config.listen(), error))?;
    let address = listener.local_addr()?;
    tracing::info!(%address, "starting");
    let starting = listen_while_starting(config, &clock, listener.try_clone()?, tls.clone())?;
    // Boxed, for the compiler refuses to lay out futures that lie too deep in each other.
    let assembled = Box::pin(Assembly::new(config, clock)).await;
    // It takes no more connections from here on: those that come wait in the listener, which stays open.
    starting.pause().await;
    tokio::spawn(starting.stop(assembled.is_ok()));
    let (assembly, background) = assembled?;
    let routes = Data::new(RouteTable::new().map_err(io::Error::other)?);
    let services: Data<Services> = assembly.services.clone();
    let origins: Arc<[String]> = config.cors_allowed_origins.clone().into();
    let factory = move || {
        App::new()
            .configure(|app| mount(app, &services, &routes))
            .wrap(from_fn(limit))
            .wrap(Compress::default())
            .wrap(cors(&origins))
            .wrap(Envelope)
            .wrap(from_fn(connection::note))
    };
    let server = HttpServer::new(factory)
        .workers(config.workers)
        .client_request_timeout(config.request_timeout())
        .client_disconnect_timeout(Duration::from_secs(5))
        .keep_alive(config.keep_alive())
        .on_connect(connection::watched(config.keep_alive() + config.request_timeout()))
        .shutdown_timeout(config.shutdown_timeout().as_secs())
        .disable_signals();
    let server = match tls {
        Some(tls) => server.listen_rustls_0_23(listener, tls),
        None => server.listen(listener),
    }?;
    let server = server.run();
    let handle = server.handle();
    Ok(Running { address, assembly, handle, server: tokio::spawn(server), background })
}

/// Takes the address, before anything is done that another server on it would have to undo.
fn listener(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A server that is started anew need not wait for the connections of the last one to be forgotten.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)?.into_std()
}

/// Answers probes until the service is complete, which a migration may delay: it lives, and it is not ready.
fn listen_while_starting(
    config: &Config,
    clock: &Arc<dyn Clock>,
    listener: TcpListener,
    tls: Option<rustls::ServerConfig>,
) -> Result<ServerHandle, StartError> {
    let (options, clock) = (assembly::options(config)?, Arc::clone(clock));
    let starting = Data::new(Starting { options, clock, ids: Arc::new(UuidGenerator) });
    let server = HttpServer::new(move || App::new().configure(|app| mount_starting(app, &starting)))
        .workers(1)
        .client_request_timeout(config.request_timeout())
        .shutdown_timeout(1)
        .disable_signals();
    let server = match tls {
        Some(tls) => server.listen_rustls_0_23(listener, tls),
        None => server.listen(listener),
    }?;
    let server = server.run();
    let handle = server.handle();
    tokio::spawn(server);
    Ok(handle)
}

impl Running {
    /// Drains and stops: readiness turns to 503, requests in flight finish within the shutdown timeout, what waits for the
    /// audit log is written, connections are closed.
    ///
    /// # Errors
    /// The server's own failure.
    pub async fn stop(self) -> io::Result<()> {
        self.assembly.services.draining.store(true, Ordering::Relaxed);
        self.assembly.services.desk.close_line();
        // Streams of events have no end of their own. Their readers go on at another replica.
        self.assembly.services.feed.close();
        self.handle.stop(true).await;
        let ended = self.server.await.map_err(io::Error::other)?;
        self.background.stop().await;
        match timeout(CLOSE, self.assembly.store.close()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the database was not closed cleanly"),
            Err(_) => tracing::warn!("the database did not answer when its connections were closed"),
        }
        ended
    }
}

/// Serves until the process is told to stop.
///
/// # Errors
/// Whatever keeps it from serving.
pub async fn serve(config: &Config, out: &mut dyn Write) -> Result<(), StartError> {
    let mut terminate = signal(SignalKind::terminate())?;
    // Unhandled it would end the process. Handled, the write fails, and the request with it.
    let _too_large = signal(FILE_TOO_LARGE)?;
    let running = start(config).await?;
    tracing::info!(address = %running.address, "listening");
    let first_call = first_call(config, &running)?;
    writeln!(out, "{first_call}")?;
    out.flush()?;
    tokio::select! {
        _ = terminate.recv() => {
            running.assembly.services.draining.store(true, Ordering::Relaxed);
            tracing::info!("draining");
            tokio::time::sleep(NOTICE).await;
        }
        interrupted = tokio::signal::ctrl_c() => {
            interrupted?;
            tracing::info!("draining");
        }
    }
    running.stop().await?;
    tracing::info!("stopped");
    Ok(())
}

/// Where the server is and how to make a first call, which works as it is printed.
fn first_call(config: &Config, running: &Running) -> Result<String, StartError> {
    let address = callable(running.address);
    let (scheme, options) = match config.tls_files() {
        // The certificate is for the name that clients use; here its key tells that it is this server.
        Some((_, key)) => ("https", format!("--insecure --pinnedpubkey 'sha256//{}' ", tls::key_pin(key)?)),
        None => ("http", String::new()),
    };
    let base = format!("{scheme}://{address}");
    let greeting = format!("ClaudeTools {} serves {base}\nAPI page: {base}/docs/", env!("CARGO_PKG_VERSION"));
    let Some(FirstAdmin { account, generated_password }) = &running.assembly.first_admin else {
        return Ok(format!("\n{greeting}\nA first call:\ncurl -s {options}'{base}/health'"));
    };
    let (told, password) = match generated_password {
        Some(password) => {
            let password = password.expose();
            (format!("\nIts password, shown this once: {password}"), in_shell_quotes(&json_text(password)))
        }
        None => (String::new(), given_password(config)),
    };
    let email = in_shell_quotes(&json_text(&account.email));
    Ok(format!(
        "\nAn administrator was made: {}{told}\n\n{greeting}\nA first call:\n\
         curl -s {options}'{base}/api/v1/auth/token' -H 'Content-Type: application/json' \
         -d '{{\"email\":\"{email}\",\"password\":\"{password}\"}}'",
        account.email
    ))
}

/// An address that can be connected to, also when the server listens on all of them.
fn callable(listens: SocketAddr) -> SocketAddr {
    let host = match listens.ip() {
        IpAddr::V4(host) if host.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(host) if host.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        host => host,
    };
    SocketAddr::new(host, listens.port())
}

/// What stands for a password that its owner has given, between single quotes of a shell and double quotes of JSON.
fn given_password(config: &Config) -> String {
    let needs_escapes =
        config.bootstrap_admin_password.as_ref().is_some_and(|given| given.expose().contains(['"', '\\']));
    if needs_escapes {
        r#"'"$(printf %s "$BOOTSTRAP_ADMIN_PASSWORD" | sed 's/["\\]/\\&/g')"'"#.to_owned()
    } else {
        r#"'"$BOOTSTRAP_ADMIN_PASSWORD"'"#.to_owned()
    }
}

/// A text as it stands between the quotes of JSON.
fn json_text(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or_default().to_owned()
}

/// A text as it stands between the single quotes of a shell.
fn in_shell_quotes(text: &str) -> String {
    text.replace('\'', r"'\''")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_quotes_cannot_leave_them() {
        assert_eq!(in_shell_quotes(&json_text(r#"o'brien"\$x@example.test"#)), r#"o'\''brien\"\\$x@example.test"#);
        assert_eq!(json_text("\"\""), r#"\"\""#);
    }

    #[test]
    fn an_address_that_means_all_is_shown_as_the_loopback_address() {
        let shown = |address: &str| callable(address.parse().unwrap()).to_string();
        assert_eq!(shown("0.0.0.0:80"), "127.0.0.1:80");
        assert_eq!(shown("[::]:80"), "[::1]:80");
        assert_eq!(shown("192.0.2.7:80"), "192.0.2.7:80");
    }
}
