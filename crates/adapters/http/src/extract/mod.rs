//! What handlers take. Every one answers with our own errors, never with actix's.

mod body;
mod caller;
mod conditional;
mod coord;
mod coord_path;
mod path;
mod query;
mod request;
mod secret;

pub(crate) use body::{Body, BodyDigest, MAX_BODY, OptionalBody, digest};
pub use caller::RunningKeys;
pub(crate) use caller::{Admin, Call, Caller, Public, Read, Write, bearer, granted};
pub(crate) use conditional::none_match;
pub use coord::CoordAccess;
pub(crate) use coord::{CoordCaller, SessionName};
pub(crate) use coord_path::{ComponentPath, Covered, ProjectKey, ProjectPath};
pub(crate) use path::{At, FromPath, InPath, Named, PathId};
pub(crate) use query::{ListQuery, MAX_LIMIT, Query, list_body};
pub(crate) use request::RequestInfo;
pub(crate) use secret::{Reason, ReasonQuery, VersionNumber};
