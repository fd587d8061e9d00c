//! The probe of `claudetools health`: one GET over a socket, so that a container image needs no other program.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use crate::config::Config;
use crate::tls::{self, TlsError};

/// What is asked when no URL is given: it says whether the process should be left alive.
const PATH: &str = "/healthz";

/// Why a server counts as unhealthy.
#[derive(Debug, thiserror::Error)]
pub enum HealthError {
    /// The URL is of another form.
    #[error("--url must be http://host[:port][/path]")]
    Url,
    /// The certificate to be expected cannot be read.
    #[error(transparent)]
    Certificate(#[from] TlsError),
    /// There was no answer.
    #[error("no answer from {target}: {error}")]
    Silent {
        /// Whom was asked.
        target: String,
        /// What the system says.
        #[source]
        error: io::Error,
    },
    /// There was another answer than 200.
    #[error("{target} answered {answer:?}")]
    Unhealthy {
        /// Whom was asked.
        target: String,
        /// The start of what it said.
        answer: String,
    },
}

/// Whom to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    host: String,
    port: u16,
    path: String,
    /// The certificate file of the server, when it speaks TLS.
    certificate: Option<PathBuf>,
}

impl Target {
    /// The server of this configuration, on this machine.
    pub fn of_config(config: &Config) -> Self {
        let host = match config.host {
            IpAddr::V4(host) if host.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(host) if host.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            host => host,
        };
        Self {
            host: host.to_string(),
            port: config.port,
            path: PATH.to_owned(),
            certificate: config.tls_files().map(|(certificate, _)| certificate.to_owned()),
        }
    }

    /// The server at an `http` URL.
    pub fn of_url(url: &str) -> Result<Self, HealthError> {
        let rest = url.strip_prefix("http://").ok_or(HealthError::Url)?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let clean = |text: &str| !text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '@');
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().map_err(|_| HealthError::Url)?),
            _ => (authority, 80),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() || !clean(url) {
            return Err(HealthError::Url);
        }
        let path = if path.is_empty() { PATH } else { path };
        Ok(Self { host: host.to_owned(), port, path: path.to_owned(), certificate: None })
    }

    fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = if self.certificate.is_some() { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority(), self.path)
    }
}

/// Whether `target` answers 200 within `timeout`.
pub fn probe(target: &Target, timeout: Duration) -> Result<(), HealthError> {
    // Read first, so that a missing file is not taken for a silent server.
    let expected = target.certificate.as_deref().map(tls::certificates).transpose()?;
    let silent = |error| HealthError::Silent { target: target.to_string(), error };
    let socket = Socket::connect(target, timeout).map_err(silent)?;
    let line = match expected.and_then(|chain| chain.into_iter().next()) {
        Some(certificate) => over_tls(socket, certificate).and_then(|stream| ask(stream, target)),
        None => ask(socket, target),
    };
    let line = line.map_err(silent)?;
    let healthy = line.starts_with("HTTP/1.") && line.split(' ').nth(1) == Some("200");
    if healthy { Ok(()) } else { Err(HealthError::Unhealthy { target: target.to_string(), answer: line }) }
}

/// Sends the request and returns the status line.
fn ask(mut stream: impl Read + Write, target: &Target) -> io::Result<String> {
    const LONGEST: usize = 1024;
    let (path, host) = (&target.path, target.authority());
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: claudetools-health\r\nConnection: close\r\n\r\n");
    // In one piece, or a server that answers early would break the pipe in the middle of the request.
    stream.write_all(request.as_bytes())?;
    stream.flush()?;
    let mut line = Vec::new();
    let mut part = [0; 256];
    while !line.contains(&b'\n') && line.len() < LONGEST {
        let count = stream.read(&mut part)?;
        if count == 0 {
            break;
        }
        line.extend_from_slice(part.get(..count).unwrap_or_default());
    }
    let line = String::from_utf8_lossy(&line);
    Ok(line.lines().next().unwrap_or_default().to_owned())
}

/// A socket with one deadline for all that is done on it, so that a server that trickles is found out too.
struct Socket {
    stream: TcpStream,
    deadline: Instant,
}

impl Socket {
    fn connect(target: &Target, timeout: Duration) -> io::Result<Self> {
        let deadline = Instant::now() + timeout;
        let addresses: Vec<SocketAddr> = (target.host.as_str(), target.port).to_socket_addrs()?.collect();
        let mut last = io::Error::from(io::ErrorKind::NotFound);
        for address in addresses {
            match TcpStream::connect_timeout(&address, remaining(deadline)?) {
                Ok(stream) => return Ok(Self { stream, deadline }),
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

fn remaining(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}

impl Read for Socket {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(remaining(self.deadline)?))?;
        self.stream.read(into)
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(remaining(self.deadline)?))?;
        self.stream.write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

fn over_tls(socket: Socket, certificate: CertificateDer<'static>) -> io::Result<StreamOwned<ClientConnection, Socket>> {
    let provider = tls::provider();
    let verifier = Arc::new(Pinned { certificate, provider: provider.clone() });
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    // The certificate is for the name that clients use, and the probe comes by the loopback address.
    let name = ServerName::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST).into());
    let connection = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
    Ok(StreamOwned::new(connection, socket))
}

/// Takes exactly the certificate that the server is configured with, whatever name it is for and whoever signed it.
#[derive(Debug)]
struct Pinned {
    certificate: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if *end_entity == self.certificate {
            Ok(ServerCertVerified::assertion())
        } else {
            let message = "another certificate than TLS_CERT_FILE holds; after a renewal, restart the server";
            Err(rustls::Error::General(message.to_owned()))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests;
