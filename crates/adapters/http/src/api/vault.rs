//! The rotation of the vault's master keys over HTTP, and the making of passwords.

use actix_web::{get, http::StatusCode, post};
use claudetools_credentials::{Rewrap, RotationProgress, WrapCount};
use claudetools_kernel::{Faults, Timestamp};
use o2o::o2o;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use crate::{
    extract::{Admin, Body, Caller},
    reply::{Answer, Reply, value},
    wire::{Cross, Field, Instant, RewrapLimit},
};

/// How many versions one call wraps anew unless it says otherwise.
const REWRAPPED: i32 = 1000;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(rewrap).service(rewrap_progress);
}

/// What to wrap anew.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({"limit": 1000}))]
struct RewrapBody {
    /// Whether to make new data keys too; false unless given.
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
#[derive(Debug, Serialize, ToSchema)]
struct FailedView {
    credential_id: Uuid,
    version: i64,
}

/// How far a rotation is.
#[derive(Debug, Serialize, ToSchema)]
struct ProgressView {
    /// The master key that wraps new data keys.
    #[schema(example = "mk-5f0c2a91")]
    active_key_id: String,
    /// How many versions this call has wrapped anew.
    done: u64,
    /// How many are left: call again until it is 0.
    remaining: u64,
    /// Those that do not open and stay as they are.
    failed: Vec<FailedView>,
    keys: Vec<KeyUseView>,
    /// Master keys that nothing needs any more.
    removable: Vec<String>,
    /// What was sealed before gets a new data key; null when data keys stay.
    reencrypt_before: Option<Instant>,
}

impl From<RotationProgress> for ProgressView {
    fn from(progress: RotationProgress) -> Self {
        let failed = progress.failed.into_iter();
        Self {
            active_key_id: progress.active_key_id,
            done: progress.done,
            remaining: progress.remaining,
            failed: failed.map(|(credential_id, version)| FailedView { credential_id, version }).collect(),
            keys: progress.keys.into_iter().map(KeyUseView::from).collect(),
            removable: progress.removable,
            reencrypt_before: progress.reencrypt_before.cross(),
        }
    }
}

/// Wrap data keys with the present master key
///
/// After a new master key was put in front of the ring. Reading and writing go on meanwhile; a call that breaks off is gone on
/// with by the next.
#[utoipa::path(request_body = RewrapBody, responses((status = 200, body = ProgressView)), security(("bearer" = ["msp:admin"])))]
#[post("/credentials/rewrap")]
async fn rewrap(caller: Caller<Admin>, body: Body<RewrapBody>) -> Answer {
    let RewrapBody { reencrypt, reencrypt_before, limit } = body.0;
    let (reencrypt, before): (Option<bool>, Option<Timestamp>) = (reencrypt.cross(), reencrypt_before.cross());
    let reencrypt_before = match (reencrypt, before) {
        (Some(true), None) => Some(caller.services().clock.now()),
        (Some(true), before) => before,
        (_, None) => None,
        (_, Some(_)) => return Err(Faults::one_semantic("reencrypt_before", "reencrypt", "needs reencrypt").into()),
    };
    let limit: i32 = limit.cross().unwrap_or(REWRAPPED);
    let mut faults = Faults::default();
    if !(1..=10_000).contains(&limit) {
        faults.schema("limit", "range", "must be from 1 to 10000");
    }
    faults.finish()?;
    let order = Rewrap { reencrypt_before, limit: u64::from(limit.unsigned_abs()) };
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
