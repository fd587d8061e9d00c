//! The rotation of the vault's master keys over HTTP, and the making of passwords.

use actix_web::{get, http::StatusCode, post};
use claudetools_credentials::{FailedVersion, Rewrap, RewrapFields, RotationProgress, WrapCount};
use o2o::o2o;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    extract::{Admin, Body, Caller},
    mounting::ServiceConfig,
    reply::{Answer, Reply, value},
    wire::{Cross, Field, Instant, RewrapLimit, each},
};

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(rewrap).service(rewrap_progress);
}

/// What to wrap anew.
#[derive(Debug, Default, Deserialize, ToSchema, o2o)]
#[owned_into(RewrapFields)]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({"limit": 1000}))]
struct RewrapBody {
    /// Whether to make new data keys too; false unless given.
    #[o2o(repeat)]
    #[into(~.cross())]
    reencrypt: Field<bool>,
    /// With `reencrypt`: what was sealed before this instant. Now unless given; calls that go on with an earlier one repeat what
    /// that answered.
    reencrypt_before: Field<Instant>,
    /// At most so many versions; 1000 unless given.
    limit: Field<RewrapLimit>,
}

/// How many versions a master key wraps.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(WrapCount)]
struct KeyUseView {
    #[schema(example = "mk-5f0c2a91")]
    #[o2o(repeat)]
    #[from(~.cross())]
    key_id: String,
    versions: u64,
}

/// A version that did not open.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(FailedVersion)]
struct FailedView {
    credential_id: Uuid,
    version: i64,
}

/// How far a rotation is.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(RotationProgress)]
struct ProgressView {
    /// The master key that wraps new data keys.
    #[schema(example = "mk-5f0c2a91")]
    #[o2o(repeat)]
    #[from(~.cross())]
    active_key_id: String,
    /// How many versions this call has wrapped anew.
    done: u64,
    /// How many are left: call again until it is 0.
    remaining: u64,
    /// Those that do not open and stay as they are.
    #[from(each(~))]
    failed: Vec<FailedView>,
    #[from(each(~))]
    keys: Vec<KeyUseView>,
    /// Master keys that nothing needs any more.
    removable: Vec<String>,
    /// What was sealed before gets a new data key; null when data keys stay.
    reencrypt_before: Option<Instant>,
}

/// Wrap data keys with the present master key
///
/// After a new master key was put in front of the ring. Reading and writing go on meanwhile; a call that breaks off is gone on
/// with by the next.
#[utoipa::path(request_body = RewrapBody, responses((status = 200, body = ProgressView)), security(("bearer" = ["msp:admin"])))]
#[post("/credentials/rewrap")]
async fn rewrap(caller: Caller<Admin>, body: Body<RewrapBody, RewrapFields>) -> Answer {
    let order = Rewrap::new(body.0, caller.services().clock.now())?;
    let (vault, who) = (&caller.services().vault, caller.who());
    let render = |progress: &RotationProgress| Reply::plain(StatusCode::OK, &ProgressView::from(progress.clone()));
    caller.write(|| vault.rewrap(caller.actor(), &who, order), render).await
}

/// How far a rotation is
#[utoipa::path(responses((status = 200, body = ProgressView)), security(("bearer" = ["msp:admin"])))]
#[get("/credentials/rewrap")]
async fn rewrap_progress(caller: Caller<Admin>) -> Answer {
    value(&ProgressView::from(caller.services().vault.progress(caller.actor(), None).await?))
}
