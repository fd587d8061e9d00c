//! Accounts over HTTP. No password and no hash ever stands in an answer.

use actix_web::{delete, get, post, put, route};
use claudetools_identity::{Account, AccountFields, AccountFilter, AccountSort, Outcome, Secret, SetPassword};
use o2o::o2o;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    extract::{Admin, At, Body, Caller, ListQuery, PathId, Read},
    mounting::ServiceConfig,
    openapi::{Listed, Paging},
    reply::{Answer, Reply},
    wire::{Cross, Field, Instant, ScopeWord, SecretText},
};

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list).service(create).service(get).service(update).service(remove).service(set_password);
}

/// An account to make.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
struct AccountBody {
    /// Unique, whatever the case; the subject of the account's tokens.
    #[schema(required, value_type = String, example = "jo@example.com", format = Email, max_length = 254)]
    email: Field<String>,
    /// Not one of the passwords that are tried first.
    #[schema(required, value_type = String, example = "correct-mule-battery-5", format = Password, min_length = 12, max_length = 1024)]
    password: Field<SecretText>,
    /// A higher scope includes the lower ones; `msp:read` alone unless given.
    #[schema(value_type = Vec<ScopeWord>, min_items = 1)]
    scopes: Field<Vec<ScopeWord>>,
    /// True unless given.
    is_active: Field<bool>,
}

/// What to change of an account; the password has a path of its own.
#[derive(Debug, Default, Deserialize, ToSchema, o2o)]
#[owned_into(AccountFields)]
#[serde(default, deny_unknown_fields)]
struct AccountChange {
    /// Another address ends the access tokens that bear the old one.
    #[schema(value_type = String, example = "jo@example.com", format = Email, max_length = 254)]
    #[o2o(repeat)]
    #[into(~.cross())]
    email: Field<String>,
    /// Losing a scope ends all tokens.
    #[schema(value_type = Vec<ScopeWord>, min_items = 1)]
    scopes: Field<Vec<ScopeWord>>,
    /// Deactivation ends all tokens.
    is_active: Field<bool>,
}

/// A new password.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
struct NewPassword {
    /// Not one of the passwords that are tried first.
    #[schema(required, value_type = String, example = "correct-mule-battery-5", format = Password, min_length = 12, max_length = 1024)]
    password: Field<SecretText>,
    /// The present one; administrators may leave it out.
    #[schema(value_type = String, example = "the-password-until-now", format = Password)]
    current_password: Field<SecretText>,
}

/// An account.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(Account)]
struct AccountView {
    #[o2o(repeat)]
    #[from(~.cross())]
    id: Uuid,
    #[schema(example = "jo@example.com")]
    email: String,
    scopes: Vec<ScopeWord>,
    is_active: bool,
    created_at: Instant,
    updated_at: Instant,
    /// By password.
    last_login_at: Option<Instant>,
    password_changed_at: Instant,
}

/// Which accounts to list.
#[derive(Debug, Deserialize, IntoParams, o2o)]
#[owned_into(AccountFilter)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AccountQuery {
    /// Substring of the address, whatever the case.
    #[o2o(repeat)]
    #[into(~.cross())]
    q: Option<String>,
    is_active: Option<bool>,
    /// Those that hold this scope, be it by a higher one.
    scope: Option<ScopeWord>,
}

/// List accounts
#[utoipa::path(params(AccountQuery, Paging<AccountSort>), responses((status = 200, body = Listed<AccountView>)), security(("bearer" = ["msp:admin"])))]
#[get("/accounts")]
async fn list(caller: Caller<Admin>, query: ListQuery<AccountQuery, AccountFilter, AccountSort>) -> Answer {
    let page = caller.services().accounts.list(caller.actor(), &query.0).await?;
    caller.page::<AccountView, _, _>(page, &query.0.page)
}

/// Make an account
#[utoipa::path(request_body = AccountBody, responses((status = 201, body = AccountView)), security(("bearer" = ["msp:admin"])))]
#[post("/accounts")]
async fn create(caller: Caller<Admin>, body: Body<AccountBody>) -> Answer {
    let AccountBody { email, password, scopes, is_active } = body.0;
    let (accounts, password): (_, Option<Secret>) = (&caller.services().accounts, password.cross());
    let fields = AccountFields { email: email.cross(), scopes: scopes.cross(), is_active: is_active.cross() };
    caller.create::<AccountView, _>(|| accounts.create(caller.actor(), fields.clone(), password.clone())).await
}

/// Read an account
#[utoipa::path(responses((status = 200, body = AccountView)), security(("bearer" = ["msp:admin"])))]
#[get("/accounts/{id}")]
async fn get(caller: Caller<Admin>, id: PathId<Account>) -> Answer {
    caller.one::<AccountView, _>(caller.services().accounts.get(caller.actor(), id.0).await?)
}

/// Change an account
///
/// The last active administrator can be neither deactivated nor deprived of `msp:admin` (409).
#[utoipa::path(request_body = AccountChange, responses((status = 200, body = AccountView)), security(("bearer" = ["msp:admin"])))]
#[route("/accounts/{id}", method = "PUT", method = "PATCH")]
async fn update(caller: Caller<Admin>, at: At<Account>, body: Body<AccountChange, AccountFields>) -> Answer {
    caller.change::<AccountView, _>(|| caller.services().accounts.update(caller.actor(), &at.0, body.0.clone())).await
}

/// Remove an account
///
/// Ends all its tokens. The last active administrator cannot be removed (409).
#[utoipa::path(responses((status = 204)), security(("bearer" = ["msp:admin"])))]
#[delete("/accounts/{id}")]
async fn remove(caller: Caller<Admin>, at: At<Account>) -> Answer {
    caller.act(|| caller.services().accounts.delete(caller.actor(), &at.0)).await
}

/// Set the password of one's own account, as an administrator of any
///
/// Ends all refresh tokens of the account and all access tokens issued so far, also the one that the request was made with.
/// A wrong `current_password` counts like a failed log-in.
#[utoipa::path(request_body = NewPassword, responses((status = 204)), security(("bearer" = ["msp:read"])))]
#[put("/accounts/{id}/password")]
async fn set_password(caller: Caller<Read>, id: PathId<Account>, body: Body<NewPassword>) -> Answer {
    let (passwords, client_ip) = (&caller.services().passwords, caller.info().client_ip);
    let NewPassword { password, current_password } = body.0;
    let request = SetPassword { new_password: password.cross(), current_password: current_password.cross(), client_ip };
    let use_case = || passwords.set_password(caller.actor(), id.0, request.clone());
    let render = |outcome: &Outcome<Account>| outcome.refusal().map_or_else(Reply::no_content, |why| Err(why.into()));
    caller.write(use_case, render).await
}
