//! One-time links over HTTP.

use actix_web::{http::StatusCode, post};
use claudetools_credentials::{Credential, NewShare, OpenedShare, SecretField, ShareFields};
use claudetools_kernel::{Faults, Secret};
use o2o::o2o;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    extract::{Body, Caller, PathId, Public, Write},
    mounting::ServiceConfig,
    reply::{Answer, Reply},
    wire::{BlankLine, Cross, Field, Instant, Nullable, SecretText, SecretsView, ShareSeconds, ShareViews, Word},
};

type SecretWord = Word<SecretField>;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(share).service(open);
}

/// A link to make.
#[derive(Debug, Default, Deserialize, ToSchema, o2o)]
#[owned_into(ShareFields)]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({"ttl_seconds": 3600, "max_views": 1}))]
struct ShareBody {
    /// How long it lives, at most 30 days.
    #[schema(required)]
    #[o2o(repeat)]
    #[into(~.cross())]
    ttl_seconds: Field<ShareSeconds>,
    /// How often it can be opened; once unless given.
    max_views: Field<ShareViews>,
    /// The secret fields that it shows; all that are set unless given.
    #[schema(value_type = Vec<SecretWord>, min_items = 1)]
    fields: Field<Vec<SecretWord>>,
    /// Kept in the audit chain. Required where the credential says so.
    reason: Nullable<BlankLine>,
}

/// A link that was made.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(NewShare)]
struct ShareView {
    #[o2o(repeat)]
    #[from(~.cross())]
    id: Uuid,
    /// Shown this once; whoever has it can open it at `/shares/open`.
    #[schema(value_type = String, example = "AZj2Xj-KfFKfO1ofDC1Ob0J3cXZrZ2FsbXd2cHJ0c2xrZGpmaGdmZHNhcXdlcnR6")]
    token: SecretText,
    expires_at: Instant,
    max_views: i32,
}

/// A link to open.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({"token": "AZj2Xj-KfFKfO1ofDC1Ob0J3cXZrZ2FsbXd2cHJ0c2xrZGpmaGdmZHNhcXdlcnR6"}))]
struct OpenBody {
    /// The link.
    #[schema(required, value_type = String)]
    token: Field<SecretText>,
}

/// What a link shows.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(OpenedShare)]
struct OpenedView {
    #[schema(example = "Firewall admin")]
    #[o2o(repeat)]
    #[from(~.cross())]
    service_name: String,
    username: Option<String>,
    #[serde(flatten)]
    secrets: SecretsView,
    /// How often it can still be opened.
    views_left: i32,
    accessed_at: Instant,
}

/// Make a one-time link to the secrets of a credential
///
/// For somebody without an account. The link holds the only key of what it shows, which are the secrets as they are now.
#[utoipa::path(request_body = ShareBody, responses((status = 201, body = ShareView)), security(("bearer" = ["msp:write"])))]
#[post("/credentials/{id}/shares")]
async fn share(caller: Caller<Write>, id: PathId<Credential>, body: Body<ShareBody, ShareFields>) -> Answer {
    let (shares, who) = (&caller.services().shares, caller.who());
    let use_case = || shares.create(caller.actor(), &who, id.0, body.0.clone());
    caller.hand_out::<ShareView, _>(StatusCode::CREATED, use_case).await
}

/// Open a one-time link
///
/// Needs no token: the link is all. A link that is spent, expired or none is 404; its last view erases it.
#[utoipa::path(request_body = OpenBody, responses((status = 200, body = OpenedView)))]
#[post("/shares/open")]
async fn open(call: Public, body: Body<OpenBody>) -> Answer {
    let token: Option<Secret> = body.0.token.cross();
    let token = token.ok_or_else(|| Faults::one("token", "required", "is required"))?;
    let use_case = || call.services().shares.open(call.origin(), &token);
    call.disclose(use_case, |opened| Reply::plain(StatusCode::OK, &OpenedView::from(opened.clone()))).await
}
