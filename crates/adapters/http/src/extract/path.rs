//! Ids in paths.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use claudetools_kernel::{Faults, Id};
use uuid::Uuid;

use crate::error::ApiError;

/// The `{id}` of the path.
pub(crate) struct PathId<K>(pub(crate) Id<K>);

impl<K: 'static> FromRequest for PathId<K> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let parsed = request.match_info().get("id").and_then(|text| Uuid::try_parse(text).ok());
        ready(parsed.map(|id| Self(Id::new(id))).ok_or_else(|| Faults::one("id", "uuid", "must be a UUID").into()))
    }
}
