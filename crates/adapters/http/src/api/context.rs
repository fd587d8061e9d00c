//! Recovering the context of a client's work over HTTP.

use actix_web::get;
use claudetools_kernel::Id;
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use crate::{
    extract::{Caller, Query, Read},
    mounting::ServiceConfig,
    recovery::{self, RecoveredContextView},
    reply::{Answer, value},
};

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(recover);
}

/// Whose context to recover.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct RecoverQuery {
    #[param(required)]
    client_id: Option<Uuid>,
    /// How many sessions to tell of.
    #[param(minimum = 1, maximum = 50, default = 5)]
    limit: Option<u32>,
}

/// Recover the context of a client's work
#[utoipa::path(params(RecoverQuery), responses((status = 200, body = RecoveredContextView)), security(("bearer" = ["msp:read"])))]
#[get("/context/recover")]
async fn recover(caller: Caller<Read>, query: Query<RecoverQuery>) -> Answer {
    let RecoverQuery { client_id, limit } = query.0;
    value(&recovery::recover(caller.services(), caller.actor(), client_id.map(Id::new), limit).await?)
}
