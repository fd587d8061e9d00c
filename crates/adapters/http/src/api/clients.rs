//! Clients over HTTP.

use std::collections::BTreeMap;

use actix_web::{delete, get, post, route};
use claudetools_sessions::{
    BillingRounding, Client, ClientDetail, ClientFields, ClientFilter, ClientSort, ClientType, PendingTask, Priority,
    Project, ProjectStatus, TaskStatus,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use super::sessions::SessionRowView;
use crate::{
    extract::{Admin, Body, Caller, IfMatch, ListQuery, PathId, Read},
    openapi::{Listed, Paging},
    reply::{Answer, Reply, list as list_of, resource},
    wire::{
        Amount, BlankLine, Block, Cidr, CurrencyCode, Day, Email, ExternalIds, Field, IncrementMinutes, Instant, Line,
        Nullable, Wire, Word,
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
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({"name": "Acme Dental", "type": "msp_client", "network_subnet": "10.20.0.0/16", "domain_name": "acme.example",
    "primary_contact": "Jo Smith", "contact_email": "it@acme.example", "hourly_rate": "125.00", "billing_increment_minutes": 15,
    "billing_rounding": "up", "currency": "USD", "external_ids": {"psa": "4711"}}))]
struct ClientBody {
    /// Unique, whatever the case.
    #[schema(required)]
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
    /// Ids in other systems.
    external_ids: Field<ExternalIds>,
}

impl From<ClientBody> for ClientFields {
    fn from(body: ClientBody) -> Self {
        Self {
            name: body.name.get(),
            client_type: body.client_type.get(),
            network_subnet: body.network_subnet.get(),
            domain_name: body.domain_name.get(),
            primary_contact: body.primary_contact.get(),
            contact_email: body.contact_email.get(),
            contact_phone: body.contact_phone.get(),
            notes: body.notes.get(),
            is_active: body.is_active.get(),
            hourly_rate: body.hourly_rate.get(),
            billing_increment_minutes: body.billing_increment_minutes.get(),
            billing_rounding: body.billing_rounding.get(),
            currency: body.currency.get(),
            external_ids: body.external_ids.get(),
        }
    }
}

/// A client.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ClientView {
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
    external_ids: BTreeMap<String, String>,
    created_at: Instant,
    updated_at: Instant,
}

impl From<&Client> for ClientView {
    fn from(client: &Client) -> Self {
        Self {
            id: client.id.uuid(),
            name: client.name.clone(),
            client_type: Word(client.client_type),
            network_subnet: client.network_subnet.clone(),
            domain_name: client.domain_name.clone(),
            primary_contact: client.primary_contact.clone(),
            contact_email: client.contact_email.clone(),
            contact_phone: client.contact_phone.clone(),
            notes: client.notes.clone(),
            is_active: client.is_active,
            hourly_rate: client.hourly_rate.map(Wire),
            billing_increment_minutes: client.billing_increment_minutes,
            billing_rounding: Word(client.billing_rounding),
            currency: client.currency.as_str().to_owned(),
            external_ids: client.external_ids.clone(),
            created_at: Wire(client.created_at),
            updated_at: Wire(client.updated_at),
        }
    }
}

/// A client with what is going on for it, at most 200 of each kind.
#[derive(Debug, Serialize, ToSchema)]
struct ClientDetailView {
    #[serde(flatten)]
    client: ClientView,
    /// By name.
    active_projects: Vec<ClientProjectView>,
    /// Those of the last thirty days, the latest first.
    recent_sessions: Vec<SessionRowView>,
    /// Those neither completed nor cancelled, the most urgent first: overdue, then by priority, then by the day due.
    open_tasks: Vec<ClientTaskView>,
}

/// A project as its client shows it.
#[derive(Debug, Serialize, ToSchema)]
struct ClientProjectView {
    id: Uuid,
    name: String,
    #[schema(example = "office-365-migration")]
    slug: String,
    status: ProjectStatusWord,
    priority: PriorityWord,
    due_date: Option<Day>,
}

/// A task as its client shows it.
#[derive(Debug, Serialize, ToSchema)]
struct ClientTaskView {
    id: Uuid,
    title: String,
    priority: PriorityWord,
    status: TaskStatusWord,
    due_date: Option<Day>,
}

impl From<&ClientDetail> for ClientDetailView {
    fn from(detail: &ClientDetail) -> Self {
        Self {
            client: ClientView::from(&detail.client),
            active_projects: detail.active_projects.iter().map(|row| ClientProjectView::from(&row.project)).collect(),
            recent_sessions: detail.recent_sessions.iter().cloned().map(SessionRowView::from).collect(),
            open_tasks: detail.open_tasks.iter().map(|row| ClientTaskView::from(&row.task)).collect(),
        }
    }
}

impl From<&Project> for ClientProjectView {
    fn from(project: &Project) -> Self {
        Self {
            id: project.id.uuid(),
            name: project.name.clone(),
            slug: project.slug.clone(),
            status: Word(project.status),
            priority: Word(project.priority),
            due_date: project.due_date.map(Day),
        }
    }
}

impl From<&PendingTask> for ClientTaskView {
    fn from(task: &PendingTask) -> Self {
        Self {
            id: task.id.uuid(),
            title: task.title.clone(),
            priority: Word(task.priority),
            status: Word(task.status),
            due_date: task.due_date.map(Day),
        }
    }
}

/// Which clients to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ClientQuery {
    #[serde(rename = "type")]
    #[param(inline)]
    client_type: Option<TypeWord>,
    is_active: Option<bool>,
    /// Substring of name, domain, contact or notes, whatever the case.
    q: Option<String>,
}

impl From<ClientQuery> for ClientFilter {
    fn from(query: ClientQuery) -> Self {
        Self { client_type: query.client_type.map(|word| word.0), is_active: query.is_active, q: query.q }
    }
}

/// List clients
#[utoipa::path(params(ClientQuery, Paging<ClientSort>), responses((status = 200, body = Listed<ClientView>)), security(("bearer" = ["msp:read"])))]
#[get("/clients")]
async fn list(caller: Caller<Read>, query: ListQuery<ClientQuery, ClientSort>) -> Answer {
    let page = caller.services().clients.list(caller.actor(), &query.filter.into(), &query.page).await?;
    list_of("clients", page.map(|client| ClientView::from(&client)), &query.page)
}

/// Enter a client
#[utoipa::path(request_body = ClientBody, responses((status = 201, body = ClientDetailView)), security(("bearer" = ["msp:admin"])))]
#[post("/clients")]
async fn create(caller: Caller<Admin>, body: Body<ClientBody>) -> Answer {
    let (clients, fields) = (&caller.services().clients, ClientFields::from(body.0));
    let use_case = || clients.create(caller.actor(), fields.clone());
    let render = |new: &ClientDetail| {
        let client = &new.client;
        Reply::created(format!("/clients/{}", client.id), client.revision, &ClientDetailView::from(new))
    };
    caller.write(use_case, render).await
}

/// Read a client
#[utoipa::path(responses((status = 200, body = ClientDetailView)), security(("bearer" = ["msp:read"])))]
#[get("/clients/{id}")]
async fn get(caller: Caller<Read>, id: PathId<Client>) -> Answer {
    let detail = caller.services().clients.get(caller.actor(), id.0).await?;
    resource(caller.headers(), detail.client.revision, &ClientDetailView::from(&detail))
}

/// Change a client
#[utoipa::path(request_body = ClientBody, responses((status = 200, body = ClientDetailView)), security(("bearer" = ["msp:admin"])))]
#[route("/clients/{id}", method = "PUT", method = "PATCH")]
async fn update(caller: Caller<Admin>, id: PathId<Client>, expected: IfMatch, body: Body<ClientBody>) -> Answer {
    let (clients, fields) = (&caller.services().clients, ClientFields::from(body.0));
    let use_case = || clients.update(caller.actor(), id.0, fields.clone(), &expected.0);
    caller.write(use_case, |now| Reply::ok(now.client.revision, &ClientDetailView::from(now))).await
}

/// Remove a client that nothing refers to
#[utoipa::path(responses((status = 204)), security(("bearer" = ["msp:admin"])))]
#[delete("/clients/{id}")]
async fn remove(caller: Caller<Admin>, id: PathId<Client>, expected: IfMatch) -> Answer {
    let clients = &caller.services().clients;
    caller.write(|| clients.delete(caller.actor(), id.0, &expected.0), |()| Reply::no_content()).await
}
