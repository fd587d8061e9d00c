//! The suites that every storage adapter must pass. Each runs on a fresh store, empty but for the clients it is told of, which
//! credentials refer to.

mod chain;
mod chain_lists;
mod credential;
mod credential_access;
mod credential_lists;
mod share;
mod version;

pub use chain::audit_chain;
pub use credential::credentials;
pub use credential_access::credential_access;
pub use credential_lists::credential_lists;
pub use share::credential_shares;
pub use version::credential_versions;

use claudetools_kernel::{Faults, Id, StoreError, UnitOfWork, contract::at};
use uuid::Uuid;

use crate::{Credential, CredentialFields, CredentialType, FieldSet, Sealed, SecretField, ports::CredentialsTx};

/// A store under test.
pub type Store<'a> = &'a dyn UnitOfWork<dyn CredentialsTx>;
/// The outcome of a suite: an error where the storage fails, a panic where a rule does not hold.
pub type Outcome = Result<(), StoreError>;

/// The `n`th id of a suite. Compared as signed bytes, these have another order.
fn id<K>(n: u8) -> Id<K> {
    Id::new(Uuid::from_bytes([n.wrapping_mul(97), 1, 2, 3, 4, 5, 0x70, 7, 0x80, 9, 10, 11, 12, 13, 14, n]))
}

/// A credential of these fields, entered `n` seconds into the year.
fn made(n: u8, fields: CredentialFields) -> Credential {
    let mut faults = Faults::default();
    let credential = Credential::new(id(n), fields, at(n.into()), &mut faults);
    faults.finish().expect("valid fields");
    credential
}

fn named(name: &str) -> CredentialFields {
    CredentialFields {
        service_name: Some(name.to_owned()),
        credential_type: Some(CredentialType::Password),
        ..CredentialFields::default()
    }
}

fn changed(credential: &Credential, fields: CredentialFields, seconds: i64) -> Credential {
    let mut faults = Faults::default();
    let credential = credential.clone().change(fields, at(seconds), &mut faults);
    faults.finish().expect("valid fields");
    credential
}

/// The `n`th credential of a suite, with the least that it needs.
fn credential(n: u8, name: &str) -> Credential {
    made(n, named(name))
}

async fn add(store: Store<'_>, credentials: &[Credential]) -> Outcome {
    let mut tx = store.begin().await?;
    for credential in credentials {
        tx.credentials().add(credential).await?;
    }
    tx.commit().await
}

/// Bytes that no text is made of, `seed` among them.
fn bytes(seed: u8, length: usize) -> Vec<u8> {
    (0..=255_u8).rev().cycle().map(|byte| byte.wrapping_add(seed)).take(length).collect()
}

/// Something sealed under the master key `key_id`; of another `seed` nothing of it is the same.
fn sealed(key_id: &str, seed: u8) -> Sealed {
    Sealed { key_id: key_id.to_owned(), wrapped_key: bytes(seed, 61), ciphertext: bytes(seed, 93) }
}

fn every_field() -> FieldSet {
    use claudetools_kernel::Enumeration;
    FieldSet::new(SecretField::ALL.iter().copied())
}
