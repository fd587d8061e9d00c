//! What the readers of secrets take from a request.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use claudetools_kernel::{Faults, text};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{FromPath, Query};
use crate::error::ApiError;

/// The longest reason taken, in characters.
const LONGEST_REASON: usize = 255;

/// Why a secret is read, as the query says it.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ReasonQuery {
    /// Kept in the audit chain. Required where the credential says so.
    #[param(max_length = 255)]
    reason: Option<String>,
}

/// Why a secret is read; `None` when no reason is given, or a blank one.
pub(crate) struct Reason(pub(crate) Option<String>);

impl FromRequest for Reason {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let query = Query::<ReasonQuery>::from_request(request, payload).into_inner();
        ready(query.and_then(|query| {
            let mut faults = Faults::default();
            let given = query.0.reason.filter(|reason| !reason.trim().is_empty());
            let reason = given.and_then(|reason| text::line(&mut faults, "reason", &reason, LONGEST_REASON));
            faults.finish()?;
            Ok(Self(reason))
        }))
    }
}

/// The `{n}` of a version's path.
pub(crate) struct VersionNumber(pub(crate) i64);

impl FromPath for VersionNumber {
    const NAME: &'static str = "n";

    fn from_path(text: &str) -> Result<Self, ApiError> {
        let number = text.parse().ok().filter(|number| *number > 0);
        number.map(Self).ok_or_else(|| Faults::one("n", "range", "must be a whole number from 1 on").into())
    }
}
