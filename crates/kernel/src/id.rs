//! Identifiers that cannot be mixed up.

use std::{cmp::Ordering, fmt, hash, marker::PhantomData};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// A resource with an identity of its own.
pub trait Entity: Sized + Send + Sync + 'static {
    /// The resource's name in error details, lower snake case and singular: `work_item`.
    const TYPE: &'static str;

    /// Its id.
    fn id(&self) -> Id<Self>;

    /// Counts its changes from 1; the basis of `ETag`. 0 for what is never changed as a whole.
    fn revision(&self) -> i64 {
        0
    }
}

/// An entity, or one together with what belongs to it: what use cases hand out of a single row.
pub trait Detail {
    /// What it is a detail of.
    type Of: Entity;

    /// The entity itself.
    fn entity(&self) -> &Self::Of;
}

impl<K: Entity> Detail for K {
    type Of = Self;

    fn entity(&self) -> &Self {
        self
    }
}

/// The identifier of a `K`: a UUID, version 7 (RFC 9562) when we make it.
///
/// The parameter keeps a client's id from being passed where a project's is wanted.
pub struct Id<K>(Uuid, PhantomData<fn() -> K>);

impl<K> Id<K> {
    /// Wraps a UUID that is known to name a `K`.
    pub const fn new(value: Uuid) -> Self {
        Self(value, PhantomData)
    }

    /// The bare UUID, for storage.
    pub const fn uuid(self) -> Uuid {
        self.0
    }
}

impl<K> Clone for Id<K> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<K> Copy for Id<K> {}
impl<K> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<K> Eq for Id<K> {}
impl<K> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<K> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}
impl<K> hash::Hash for Id<K> {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}
impl<K> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
impl<K> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
impl<K> Serialize for Id<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}
impl<'de, K> Deserialize<'de> for Id<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Uuid::deserialize(deserializer).map(Self::new)
    }
}

/// Where new ids come from.
pub trait IdGenerator: Send + Sync + fmt::Debug {
    /// A UUID never given before; later ones sort behind earlier ones of the same process.
    fn next(&self) -> Uuid;
}

impl dyn IdGenerator + '_ {
    /// A new id for a `K`.
    pub fn id<K>(&self) -> Id<K> {
        Id::new(self.next())
    }
}
