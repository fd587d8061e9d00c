//! One-time links: a secret for somebody without an account.

use claudetools_kernel::{Id, Timestamp};
use uuid::Uuid;

use crate::{Credential, FieldSet, Place, Purpose};

/// A one-time link. What it shows is sealed under a key that only the link holds.
#[derive(Clone, PartialEq, Eq)]
pub struct Share {
    /// Its id, the part of the link that is no secret.
    pub id: Uuid,
    /// The credential that it was made of.
    pub credential_id: Id<Credential>,
    /// Which secret fields are inside.
    pub fields: FieldSet,
    /// What it shows, sealed by [`crate::ports::Primitives::seal_under`].
    pub sealed: Vec<u8>,
    /// How often it can still be opened, at least once.
    pub views_left: i32,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
}

impl std::fmt::Debug for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Share").field("id", &self.id).field("views_left", &self.views_left).finish_non_exhaustive()
    }
}

impl Share {
    /// What the ciphertext of a link is bound to.
    pub fn place_of(id: Uuid, fields: FieldSet) -> Place {
        Place { purpose: Purpose::Share, row: id, version: 0, fields }
    }
}
