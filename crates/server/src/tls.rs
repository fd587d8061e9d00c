//! TLS for the server itself, over rustls with ring.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::version::{TLS12, TLS13};
use rustls_pki_types::pem::{Error as PemError, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// What is wrong with the certificate or the key, and with which file.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{setting} {path}: {error}", path = .path.display())]
    Unreadable {
        /// The setting that names the file.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        error: std::io::Error,
    },
    /// A file holds something else.
    #[error("{setting} {path}: {message}", path = .path.display())]
    Malformed {
        /// The setting that names the file.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// What it must be.
        message: &'static str,
    },
    /// Both files are fine, but not together.
    #[error("TLS_KEY_FILE {key} is not the key of the first certificate in TLS_CERT_FILE {cert}",
            key = .key.display(), cert = .cert.display())]
    Mismatch {
        /// The certificate file.
        cert: PathBuf,
        /// The key file.
        key: PathBuf,
    },
    /// The certificate or the key is of a kind that cannot be used.
    #[error("TLS_CERT_FILE and TLS_KEY_FILE cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
}

const CERT: &str = "TLS_CERT_FILE";
const KEY: &str = "TLS_KEY_FILE";

/// Makes ring the provider of the whole process. To be called first thing, before any library picks another.
pub fn install_provider() {
    // A second call, as tests make it, finds the same provider in place.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// What the server needs to speak TLS 1.2 and 1.3 with this certificate chain and key.
pub fn server_config(cert: &Path, key: &Path) -> Result<ServerConfig, TlsError> {
    let chain = certificates(cert)?;
    let private = private_key(key)?;
    let builder = ServerConfig::builder_with_provider(provider()).with_protocol_versions(&[&TLS13, &TLS12])?;
    builder.with_no_client_auth().with_single_cert(chain, private).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => TlsError::Mismatch { cert: cert.to_owned(), key: key.to_owned() },
        other => TlsError::Unusable(other),
    })
}

/// What tells a server by its key alone: the SHA-256 of the public key in base64, as `curl --pinnedpubkey` takes it.
pub(crate) fn key_pin(key: &Path) -> Result<String, TlsError> {
    let key = provider().key_provider.load_private_key(private_key(key)?)?;
    let public = key.public_key().ok_or_else(|| rustls::Error::General("the key has no public part".to_owned()))?;
    Ok(BASE64_STANDARD.encode(ring::digest::digest(&ring::digest::SHA256, &public)))
}

pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// The certificates of a PEM file, at least one.
pub(crate) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = read(CERT, path)?;
    let malformed = |message| TlsError::Malformed { setting: CERT, path: path.to_owned(), message };
    let chain: Vec<_> =
        CertificateDer::pem_slice_iter(&text).collect::<Result<_, _>>().map_err(|_| malformed("is damaged PEM"))?;
    if chain.is_empty() {
        return Err(malformed("holds no certificate (no `BEGIN CERTIFICATE`)"));
    }
    Ok(chain)
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let text = zeroize::Zeroizing::new(read(KEY, path)?);
    let malformed = |message| TlsError::Malformed { setting: KEY, path: path.to_owned(), message };
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| match error {
        PemError::NoItemsFound if String::from_utf8_lossy(&text).contains("BEGIN ENCRYPTED PRIVATE KEY") => {
            malformed("is encrypted with a passphrase: store it decrypted, readable by the server alone")
        }
        PemError::NoItemsFound => malformed("holds no private key (no `BEGIN PRIVATE KEY`)"),
        _ => malformed("is damaged PEM"),
    })
}

fn read(setting: &'static str, path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|error| TlsError::Unreadable { setting, path: path.to_owned(), error })
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Files {
        _directory: tempfile::TempDir,
        cert: PathBuf,
        key: PathBuf,
    }

    fn files(cert: &str, key: &str) -> Files {
        let directory = tempfile::tempdir().unwrap();
        let (cert_path, key_path) = (directory.path().join("cert.pem"), directory.path().join("key.pem"));
        std::fs::write(&cert_path, cert).unwrap();
        std::fs::write(&key_path, key).unwrap();
        Files { _directory: directory, cert: cert_path, key: key_path }
    }

    fn pair() -> (String, String) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        (made.cert.pem(), made.signing_key.serialize_pem())
    }

    fn message(cert: &str, key: &str) -> String {
        let files = files(cert, key);
        server_config(&files.cert, &files.key).unwrap_err().to_string()
    }

    #[test]
    fn a_certificate_with_its_key_is_taken() {
        let (cert, key) = pair();
        let files = files(&cert, &key);
        server_config(&files.cert, &files.key).unwrap();
    }

    #[test]
    fn each_fault_names_the_file_and_what_is_wrong() {
        let (cert, key) = pair();
        let cut = &cert[..cert.len() / 2];
        assert!(message("", &key).contains("cert.pem: holds no certificate"));
        assert!(message(&key, &key).contains("cert.pem: holds no certificate"));
        assert!(message(cut, &key).contains("cert.pem: "));
        assert!(message(&cert, "").contains("key.pem: holds no private key"));
        assert!(message(&cert, &cert).contains("key.pem: holds no private key"));
        let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
        assert!(message(&cert, encrypted).contains("key.pem: is encrypted"));
    }

    #[test]
    fn the_key_of_another_certificate_is_refused() {
        let ((cert, _), (_, key)) = (pair(), pair());
        assert!(message(&cert, &key).contains("is not the key of the first certificate"));
    }

    #[test]
    fn a_missing_file_is_named() {
        let (cert, key) = pair();
        let files = files(&cert, &key);
        let absent = files.key.with_file_name("absent.pem");
        let message = server_config(&files.cert, &absent).unwrap_err().to_string();
        assert!(message.starts_with("TLS_KEY_FILE") && message.contains("absent.pem"), "{message}");
    }
}
