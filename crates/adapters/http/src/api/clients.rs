//! Clients over HTTP.

use std::collections::BTreeMap;

use actix_web::{delete, get, post, route};
use claudetools_sessions::{
    BillingRounding, Client, ClientAsset, ClientDetail, ClientFields, ClientFilter, ClientSort, ClientType,
    PendingTaskRow, Priority, ProjectRow, ProjectStatus, TaskStatus,
};
use o2o::o2o;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{billable_time::ClientBillingView, sessions::SessionRowView};
use crate::{
    extract::{Admin, At, Body, Caller, ListQuery, PathId, Read},
    mounting::ServiceConfig,
    openapi::{Listed, Paging},
    reply::Answer,
    wire::{
        Amount, BlankLine, Block, Cidr, Cross, CurrencyCode, Day, Email, ExternalIds, Field, IncrementMinutes, Instant,
        Line, Nullable, Word, ZoneName, each,
    },
};

type TypeWord = Word<ClientType>;
type RoundingWord = Word<BillingRounding>;
type ProjectStatusWord = Word<ProjectStatus>;
type TaskStatusWord = Word<TaskStatus>;
type PriorityWord = Word<Priority>;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list).service(create).service(get).service(update).service(remove);
}

/// A client to enter, or what to change of it.
#[derive(Debug, Default, Deserialize, ToSchema, o2o)]
#[owned_into(ClientFields)]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({"name": "Acme Dental", "type": "msp_client", "network_subnet": "10.20.0.0/16", "domain_name": "acme.example",
    "primary_contact": "Jo Smith", "contact_email": "it@acme.example", "hourly_rate": "125.00", "billing_increment_minutes": 15,
    "billing_rounding": "up", "currency": "USD", "time_zone": "America/Chicago", "external_ids": {"psa": "4711"}}))]
struct ClientBody {
    /// Unique, whatever the case.
    #[schema(required)]
    #[o2o(repeat)]
    #[into(~.cross())]
    name: Field<Line>,
    #[serde(rename = "type")]
    #[schema(required)]
    client_type: Field<TypeWord>,
    /// CIDR, IPv4 or IPv6; host bits are cleared.
    network_subnet: Nullable<Cidr>,
    domain_name: Nullable<BlankLine>,
    primary_contact: Nullable<BlankLine>,
    contact_email: Nullable<Email>,
    contact_phone: Nullable<BlankLine>,
    notes: Nullable<Block>,
    /// True unless given.
    is_active: Field<bool>,
    hourly_rate: Nullable<Amount>,
    /// Minutes that billing counts in; 15 unless given.
    billing_increment_minutes: Field<IncrementMinutes>,
    /// `up` unless given.
    billing_rounding: Field<RoundingWord>,
    /// ISO 4217; USD unless given.
    currency: Field<CurrencyCode>,
    /// A zone of the IANA database. With one, billed time is rounded on its clocks and counts for its days (`docs/billing.md`).
    time_zone: Nullable<ZoneName>,
    /// Ids in other systems.
    external_ids: Field<ExternalIds>,
}

/// A client.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(Client)]
pub(crate) struct ClientView {
    #[o2o(repeat)]
    #[from(~.cross())]
    id: Uuid,
    name: String,
    #[serde(rename = "type")]
    client_type: TypeWord,
    network_subnet: Option<String>,
    domain_name: Option<String>,
    primary_contact: Option<String>,
    contact_email: Option<String>,
    contact_phone: Option<String>,
    notes: Option<String>,
    is_active: bool,
    hourly_rate: Option<Amount>,
    billing_increment_minutes: i32,
    billing_rounding: RoundingWord,
    #[schema(example = "USD")]
    currency: String,
    #[schema(example = "Australia/Adelaide")]
    time_zone: Option<String>,
    external_ids: BTreeMap<String, String>,
    created_at: Instant,
    updated_at: Instant,
}

/// A client with what is going on for it, at most 200 of each kind.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(ClientDetail)]
struct ClientDetailView {
    #[serde(flatten)]
    #[from(~.into())]
    client: ClientView,
    /// By host name.
    #[from(each(~))]
    infrastructure: Vec<ClientInfrastructureView>,
    /// By name.
    #[from(each(~))]
    active_projects: Vec<ClientProjectView>,
    /// Those of the last thirty days, the latest first.
    #[from(each(~))]
    recent_sessions: Vec<SessionRowView>,
    /// Those neither completed nor cancelled, the most urgent first: overdue, then by priority, then by the day due.
    #[from(each(~))]
    open_tasks: Vec<ClientTaskView>,
    #[from(~.into())]
    billing: ClientBillingView,
}

/// A piece of infrastructure as its client shows it.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(ClientAsset)]
pub(crate) struct ClientInfrastructureView {
    #[o2o(repeat)]
    #[from(~.cross())]
    id: Uuid,
    #[schema(example = "FS01")]
    hostname: String,
    #[schema(example = "10.20.0.5")]
    ip_address: Option<String>,
    #[schema(example = "physical_server")]
    asset_type: String,
    #[schema(example = "Windows Server")]
    os: Option<String>,
}

/// A project as its client shows it.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(ProjectRow)]
struct ClientProjectView {
    #[o2o(repeat)]
    #[child(project)]
    #[from(~.cross())]
    id: Uuid,
    name: String,
    #[schema(example = "office-365-migration")]
    slug: String,
    status: ProjectStatusWord,
    priority: PriorityWord,
    due_date: Option<Day>,
}

/// A task as its client shows it.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(PendingTaskRow)]
struct ClientTaskView {
    #[o2o(repeat)]
    #[child(task)]
    #[from(~.cross())]
    id: Uuid,
    title: String,
    priority: PriorityWord,
    status: TaskStatusWord,
    due_date: Option<Day>,
}

/// Which clients to list.
#[derive(Debug, Deserialize, IntoParams, o2o)]
#[owned_into(ClientFilter)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ClientQuery {
    #[serde(rename = "type")]
    #[o2o(repeat)]
    #[into(~.cross())]
    client_type: Option<TypeWord>,
    is_active: Option<bool>,
    /// Substring of name, domain, contact or notes, whatever the case.
    q: Option<String>,
}

/// List clients
#[utoipa::path(params(ClientQuery, Paging<ClientSort>), responses((status = 200, body = Listed<ClientView>)), security(("bearer" = ["msp:read"])))]
#[get("/clients")]
async fn list(caller: Caller<Read>, query: ListQuery<ClientQuery, ClientFilter, ClientSort>) -> Answer {
    let page = caller.services().clients.list(caller.actor(), &query.0).await?;
    caller.page::<ClientView, _, _>(page, &query.0.page)
}

/// Enter a client
#[utoipa::path(request_body = ClientBody, responses((status = 201, body = ClientDetailView)), security(("bearer" = ["msp:admin"])))]
#[post("/clients")]
async fn create(caller: Caller<Admin>, body: Body<ClientBody, ClientFields>) -> Answer {
    caller.create::<ClientDetailView, _>(|| caller.services().clients.create(caller.actor(), body.0.clone())).await
}

/// Read a client
#[utoipa::path(responses((status = 200, body = ClientDetailView)), security(("bearer" = ["msp:read"])))]
#[get("/clients/{id}")]
async fn get(caller: Caller<Read>, id: PathId<Client>) -> Answer {
    caller.one::<ClientDetailView, _>(caller.services().clients.get(caller.actor(), id.0).await?)
}

/// Change a client
#[utoipa::path(request_body = ClientBody, responses((status = 200, body = ClientDetailView)), security(("bearer" = ["msp:admin"])))]
#[route("/clients/{id}", method = "PUT", method = "PATCH")]
async fn update(caller: Caller<Admin>, at: At<Client>, body: Body<ClientBody, ClientFields>) -> Answer {
    caller
        .change::<ClientDetailView, _>(|| caller.services().clients.update(caller.actor(), &at.0, body.0.clone()))
        .await
}

/// Remove a client that nothing refers to
#[utoipa::path(responses((status = 204)), security(("bearer" = ["msp:admin"])))]
#[delete("/clients/{id}")]
async fn remove(caller: Caller<Admin>, at: At<Client>) -> Answer {
    caller.act(|| caller.services().clients.delete(caller.actor(), &at.0)).await
}
