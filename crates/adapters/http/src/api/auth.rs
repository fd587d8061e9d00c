//! Log-in, refresh, revocation and refresh tokens over HTTP.

use actix_web::{HttpResponse, ResponseError, delete, get, http::StatusCode, post};
use claudetools_identity::{
    Account, LogIn, Outcome, RefreshKind, RefreshToken, RefreshTokenSort, Revoke, Secret, TokenGrant,
};
use claudetools_kernel::{Actor, Error, Faults, Id, Patch};
use o2o::o2o;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    extract::{Body, Call, Caller, ListQuery, PathId, Public, Read},
    metrics::LogInOutcome,
    mounting::ServiceConfig,
    openapi::{Form, Forms, Listed, OneForm, Paging},
    reply::{Answer, Reply, value},
    wire::{Cross, Field, Instant, Nullable, ScopeWord, SecretText, Word},
};

type KindWord = Word<RefreshKind>;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(issue_token).service(refresh).service(revoke).service(me);
    config.service(list_refresh_tokens).service(end_refresh_token);
}

/// Address and password, or a refresh token; which of the two is decided in [`TokenBody::form`].
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
struct TokenBody {
    #[schema(value_type = String, example = "jo@example.com", format = Email, max_length = 254)]
    email: Field<String>,
    #[schema(value_type = String, example = "correct-mule-battery-5", format = Password, max_length = 1024)]
    password: Field<SecretText>,
    /// A name for the machine, shown in the list of refresh tokens.
    #[schema(value_type = Option<String>, example = "ws-01", max_length = 255, pattern = r"^\s*[^\x00-\x1f\x7f-\x9f]*\s*$")]
    machine: Nullable<String>,
    /// The kind of refresh token wanted; `rotating` unless given. A `static` one can be shared by several machines.
    refresh_kind: Field<KindWord>,
    /// What an earlier answer gave.
    #[schema(value_type = String, example = "mZ0fZJ5oYb0sH2uXwq3kq0s4p0YtB1vE8nqk2m7xk3A")]
    refresh_token: Field<SecretText>,
}

/// What [`TokenBody`] asks for.
#[derive(Debug)]
enum TokenForm {
    LogIn(LogIn),
    Refresh(Secret),
}

impl TokenBody {
    fn form(self) -> Result<TokenForm, Error> {
        let (email, password): (Option<String>, Option<Secret>) = (self.email.cross(), self.password.cross());
        let (machine, kind): (Patch<String>, Option<RefreshKind>) = (self.machine.cross(), self.refresh_kind.cross());
        let mut faults = Faults::default();
        let Some(refresh_token) = self.refresh_token.cross() else {
            if email.is_none() && password.is_none() {
                for field in ["email", "password"] {
                    faults.schema(field, "required", "is required unless refresh_token is given");
                }
                faults.finish()?;
            }
            let machine = if let Patch::Set(machine) = machine { Some(machine) } else { None };
            return Ok(TokenForm::LogIn(LogIn { email, password, machine, refresh_kind: kind, client_ip: None }));
        };
        let given = [
            ("email", email.is_some()),
            ("password", password.is_some()),
            ("machine", machine != Patch::Keep),
            ("refresh_kind", kind.is_some()),
        ];
        for (field, _) in given.iter().filter(|(_, given)| *given) {
            faults.schema(field, "exclusive", "cannot be given together with refresh_token");
        }
        faults.finish()?;
        Ok(TokenForm::Refresh(refresh_token))
    }
}

/// A refresh token.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
struct RefreshBody {
    #[schema(required, value_type = String, example = "mZ0fZJ5oYb0sH2uXwq3kq0s4p0YtB1vE8nqk2m7xk3A")]
    refresh_token: Field<SecretText>,
}

/// A token to end, or the id of one.
#[derive(Debug, Default, Deserialize, ToSchema, o2o)]
#[owned_into(Revoke)]
#[serde(default, deny_unknown_fields)]
struct RevokeBody {
    /// An access or refresh token.
    #[schema(value_type = String, example = "mZ0fZJ5oYb0sH2uXwq3kq0s4p0YtB1vE8nqk2m7xk3A")]
    #[o2o(repeat)]
    #[into(~.cross())]
    token: Field<SecretText>,
    /// The id of an access token.
    #[schema(
        value_type = String,
        example = "01989f5e-3f8a-7c52-9f3b-5a1f0c2d4e6f",
        min_length = 1,
        max_length = 128,
        pattern = r"^\s*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*\s*$"
    )]
    jti: Field<String>,
}

/// [`TokenBody`] as the description shows it.
type TokenForms = OneForm<TokenBody>;

impl Forms for TokenBody {
    const NAME: &'static str = "TokenForms";
    const TEXT: &'static str = "Address and password, or a refresh token; not both.";
    const FORMS: &'static [Form] = &[
        Form {
            title: "Log-in",
            fields: &["email", "password", "machine", "refresh_kind"],
            required: &["email", "password"],
        },
        Form { title: "Refresh", fields: &["refresh_token"], required: &["refresh_token"] },
    ];
}

/// [`RevokeBody`] as the description shows it.
type RevokeForms = OneForm<RevokeBody>;

impl Forms for RevokeBody {
    const NAME: &'static str = "RevokeForms";
    const TEXT: &'static str = "A token, or the id of an access token; not both.";
    const FORMS: &'static [Form] = &[
        Form { title: "By token", fields: &["token"], required: &["token"] },
        Form { title: "By id", fields: &["jti"], required: &["jti"] },
    ];
}

/// An access token.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(TokenGrant)]
struct TokenView {
    /// A JWT for `Authorization: Bearer …`.
    #[schema(value_type = String, example = "eyJhbGciOiJIUzI1NiJ9.e30.c2ln")]
    #[o2o(repeat)]
    #[from(~.cross())]
    access_token: SecretText,
    #[schema(example = "bearer")]
    #[from({"bearer"})]
    token_type: &'static str,
    /// Seconds.
    #[schema(example = 3600)]
    expires_in: i64,
    scopes: Vec<ScopeWord>,
    /// Shown this once: the one of a log-in, or the successor of a rotating one, which can be used no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false, example = "mZ0fZJ5oYb0sH2uXwq3kq0s4p0YtB1vE8nqk2m7xk3A")]
    refresh_token: Option<SecretText>,
}

/// Who is calling.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_ref(Actor)]
struct MeView {
    #[schema(example = "jo@example.com")]
    #[o2o(repeat)]
    #[from(~.clone().cross())]
    subject: String,
    scopes: Vec<ScopeWord>,
    /// The machine named at log-in.
    #[schema(example = "ws-01")]
    machine: Option<String>,
    /// When the access token ends.
    expires_at: Instant,
    /// The access token's id.
    #[from(token_id, ~.clone())]
    jti: String,
    /// Null unless an agent is calling.
    #[schema(example = "context_recovery")]
    #[from(@.agent.as_ref().map(|agent| agent.agent_type.clone()))]
    agent_type: Option<String>,
    /// The session that the agent works for.
    #[from(@.agent.as_ref().map(|agent| agent.parent_session))]
    parent_session: Option<Uuid>,
    /// The agent's run.
    #[from(@.agent.as_ref().map(|agent| agent.run_id))]
    run_id: Option<Uuid>,
}

/// A refresh token that can be used, without the token itself.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(RefreshToken)]
struct RefreshTokenView {
    #[o2o(repeat)]
    #[from(~.cross())]
    id: Uuid,
    account_id: Uuid,
    kind: KindWord,
    #[schema(example = "ws-01")]
    machine: Option<String>,
    created_at: Instant,
    last_used_at: Option<Instant>,
    expires_at: Instant,
}

/// Which refresh tokens to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct RefreshTokenQuery {
    /// Administrators only, unless it is one's own.
    account_id: Option<Uuid>,
}

/// Log in, or get an access token with a refresh token
///
/// An unknown address and a wrong password are the same answer. After 5 failures in 15 minutes for one address, or 20 from one
/// network address, further attempts are answered 429 for a while that grows.
#[utoipa::path(
    request_body(content = TokenForms, example = json!({"email": "jo@example.com", "password": "correct-mule-battery-5", "machine": "ws-01"})),
    responses((status = 200, body = TokenView))
)]
#[post("/auth/token")]
async fn issue_token(call: Public, body: Body<TokenBody>) -> Answer {
    match body.0.form()? {
        TokenForm::Refresh(token) => exchange(&call, token).await,
        TokenForm::LogIn(request) => {
            let request = LogIn { client_ip: call.info().client_ip, ..request };
            let use_case = || call.services().tokens.log_in(request.clone());
            let answer = call.write_secret(use_case, |outcome| granted(&call, outcome)).await;
            let status = answer.as_ref().map_or_else(ResponseError::status_code, HttpResponse::status);
            call.services().metrics.log_in(LogInOutcome::of_status(status.as_u16()));
            answer
        }
    }
}

/// Get an access token with a refresh token
///
/// A rotating refresh token works once: the answer bears its successor. Its second use ends the whole family.
#[utoipa::path(request_body = RefreshBody, responses((status = 200, body = TokenView)))]
#[post("/auth/refresh")]
async fn refresh(call: Public, body: Body<RefreshBody>) -> Answer {
    let token = body.0.refresh_token.cross().ok_or_else(|| Faults::one("refresh_token", "required", "is required"))?;
    exchange(&call, token).await
}

async fn exchange(call: &Call, token: Secret) -> Answer {
    let use_case = || call.services().tokens.refresh(&token);
    call.write_secret(use_case, |outcome| granted(call, outcome)).await
}

fn granted(call: &Call, outcome: &Outcome<TokenGrant>) -> Result<Reply, Error> {
    match outcome {
        Outcome::Done(grant) => {
            call.note_subject(&grant.subject);
            Reply::plain(StatusCode::OK, &TokenView::from(grant.clone()))
        }
        Outcome::Refused(refusal) => Err((*refusal).into()),
    }
}

/// End a token before its time
///
/// Whoever can present a token may end it. By its id alone one may end the token that the request is made with and those of
/// one's own agents, administrators any. A rotating refresh token ends with its family. In force everywhere within 5 seconds. A token that is none,
/// or has ended, is as good as revoked.
#[utoipa::path(
    request_body(content = RevokeForms, example = json!({"token": "mZ0fZJ5oYb0sH2uXwq3kq0s4p0YtB1vE8nqk2m7xk3A"})),
    responses((status = 204)),
    security(("bearer" = ["msp:read"]))
)]
#[post("/auth/revoke")]
async fn revoke(caller: Caller<Read>, body: Body<RevokeBody, Revoke>) -> Answer {
    caller.act(|| caller.services().revocations.revoke(caller.actor(), body.0.clone())).await
}

/// Who is calling
#[utoipa::path(responses((status = 200, body = MeView)), security(("bearer" = ["msp:read"])))]
#[get("/auth/me")]
async fn me(caller: Caller<Read>) -> Answer {
    value(&MeView::from(caller.actor()))
}

/// List the refresh tokens that can be used
///
/// One's own; administrators see all, or those of one account.
#[utoipa::path(params(RefreshTokenQuery, Paging<RefreshTokenSort>), responses((status = 200, body = Listed<RefreshTokenView>)), security(("bearer" = ["msp:read"])))]
#[get("/auth/refresh-tokens")]
async fn list_refresh_tokens(
    caller: Caller<Read>,
    query: ListQuery<RefreshTokenQuery, RefreshTokenQuery, RefreshTokenSort>,
) -> Answer {
    let account = query.0.filter.account_id.map(Id::<Account>::new);
    let page = caller.services().revocations.list_refresh_tokens(caller.actor(), account, &query.0.page).await?;
    caller.page::<RefreshTokenView, _, _>(page, &query.0.page)
}

/// End a refresh token, a rotating one with its family
///
/// One's own, administrators any.
#[utoipa::path(responses((status = 204)), security(("bearer" = ["msp:read"])))]
#[delete("/auth/refresh-tokens/{id}")]
async fn end_refresh_token(caller: Caller<Read>, id: PathId<RefreshToken>) -> Answer {
    caller.act(|| caller.services().revocations.end_refresh_token(caller.actor(), id.0)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(body: &str) -> Result<TokenForm, Vec<String>> {
        serde_json::from_str::<TokenBody>(body).unwrap().form().map_err(|error| match error {
            Error::Invalid(faults) => faults.list().iter().map(|fault| fault.field.clone()).collect(),
            other => panic!("{other}"),
        })
    }

    #[test]
    fn a_body_is_a_log_in_or_a_refresh() {
        let Ok(TokenForm::LogIn(request)) = form(r#"{"email": "a@b", "password": "x", "machine": null}"#) else {
            panic!("a log-in");
        };
        assert_eq!((request.email.as_deref(), request.machine), (Some("a@b"), None));
        assert!(matches!(form(r#"{"refresh_token": "x"}"#), Ok(TokenForm::Refresh(_))));
        // The use case names what is missing of half a log-in.
        assert!(matches!(form(r#"{"email": "a@b"}"#), Ok(TokenForm::LogIn(_))));
    }

    #[test]
    fn neither_and_both_are_refused_by_field() {
        assert_eq!(form("{}").unwrap_err(), ["email", "password"]);
        assert_eq!(form(r#"{"machine": "ws-01"}"#).unwrap_err(), ["email", "password"]);
        let both = r#"{"refresh_token": "x", "password": "y", "machine": null, "refresh_kind": "static"}"#;
        assert_eq!(form(both).unwrap_err(), ["password", "machine", "refresh_kind"]);
    }
}
