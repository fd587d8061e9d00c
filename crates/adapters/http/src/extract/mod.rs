//! What handlers take. Every one answers with our own errors, never with actix's.

mod body;
mod caller;
mod conditional;
mod path;
mod query;
mod request;
mod secret;

pub(crate) use body::{Body, BodyDigest, CsvText, MAX_BODY, digest, parse};
pub use caller::RunningKeys;
pub(crate) use caller::{Admin, Call, Caller, Public, Read, Write, bearer, granted};
pub(crate) use conditional::none_match;
pub(crate) use path::{At, FromPath, InPath, PathId};
pub(crate) use query::{ListQuery, MAX_LIMIT, Query, list_body};
pub(crate) use request::RequestInfo;
pub(crate) use secret::{Reason, ReasonQuery, VersionNumber};
