//! Ids in paths.

use std::{
    future::{Ready, ready},
    marker::PhantomData,
};

use actix_web::{FromRequest, HttpRequest, dev::Payload, web::Data};
use claudetools_kernel::{Error, Expected, Faults, Id, Target};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::conditional::expected;
use crate::{error::ApiError, fallback::RouteTable};

/// The `{id}` of the path.
pub(crate) struct PathId<K>(pub(crate) Id<K>);

impl<K: 'static> FromRequest for PathId<K> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(id(request).map(Self))
    }
}

/// What stands for something in a path and is no id.
pub(crate) trait FromPath: Sized + 'static {
    /// The name of its place in the path.
    const NAME: &'static str;

    /// What the text in that place means.
    fn from_path(text: &str) -> Result<Self, ApiError>;
}

/// The part of the path that stands for a `T`.
pub(crate) struct InPath<T>(pub(crate) T);

impl<T: FromPath> FromRequest for InPath<T> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(T::from_path(request.match_info().get(T::NAME).unwrap_or_default()).map(Self))
    }
}

/// What a path names by words, of which one may hold a slash, and the revisions of it that `If-Match` allows. `P` reads the parts
/// by their names.
pub(crate) struct Named<P, K>(pub(crate) K, pub(crate) Expected, PhantomData<P>);

impl<P: DeserializeOwned + 'static, K: TryFrom<P, Error = Error> + 'static> FromRequest for Named<P, K> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let parts = request.match_info().load::<P>();
        let parts = parts.map_err(|_| Faults::one("path", "encoding", "must be percent-encoded UTF-8"));
        let named = parts.and_then(K::try_from).map_err(ApiError::from);
        ready(named.map(|key| Self(key, expected(request.headers()), PhantomData)))
    }
}

/// The row that a write is meant for: the `{id}` of the path, with the revisions that `If-Match` allows.
pub(crate) struct At<K>(pub(crate) Target<K>);

impl<K: 'static> FromRequest for At<K> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(id(request).map(|id| Self(Target { id, expected: expected(request.headers()) })))
    }
}

fn id<K>(request: &HttpRequest) -> Result<Id<K>, ApiError> {
    let parsed = request.match_info().get("id").and_then(|text| Uuid::try_parse(text).ok());
    parsed.map(Id::new).ok_or_else(|| {
        // A word in the place of an id may be a path of its own, of other methods.
        let other = request.app_data::<Data<RouteTable>>().and_then(|routes| routes.refusal(request));
        other.map_or_else(|| Faults::one("id", "uuid", "must be a UUID").into(), ApiError)
    })
}
