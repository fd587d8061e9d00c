//! How services hang together, over HTTP.

use actix_web::{delete, get, post, route};
use claudetools_infra::inventory::{
    Named, RelationshipType, ServiceRelationship, ServiceRelationshipFields, ServiceRelationshipFilter,
    ServiceRelationshipSort,
};
use o2o::o2o;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    extract::{Admin, At, Body, Caller, ListQuery, PathId, Read, Write},
    mounting::ServiceConfig,
    openapi::{Listed, Paging},
    reply::Answer,
    wire::{Cross, Field, Instant, RowOf, Uid, Word},
};

type TypeWord = Word<RelationshipType>;
type NamedServiceRelationship = Named<ServiceRelationship>;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list).service(create).service(get).service(update).service(remove);
}

/// A relationship to enter, or what to change of it.
#[derive(Debug, Default, Deserialize, ToSchema, o2o)]
#[owned_into(ServiceRelationshipFields)]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({"from_service_id": "01989f5e-3f8a-7c52-9f3b-5a1f0c2d4e6f", "to_service_id": "01989f5e-3f8a-7c52-9f3b-5a1f0c2d4e70",
    "relationship_type": "depends_on"}))]
struct ServiceRelationshipBody {
    #[schema(required)]
    #[o2o(repeat)]
    #[into(~.cross())]
    from_service_id: Field<Uid>,
    /// Another service.
    #[schema(required)]
    to_service_id: Field<Uid>,
    /// What the first service is to the second. Both and this together are unique.
    #[schema(required)]
    relationship_type: Field<TypeWord>,
}

/// A relationship.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(NamedServiceRelationship)]
pub(super) struct ServiceRelationshipView {
    #[o2o(repeat)]
    #[child(item)]
    #[from(~.cross())]
    id: Uuid,
    from_service_id: Uuid,
    #[schema(example = "Intranet")]
    #[o2o(skip_repeat, from(@.names[0].clone()))]
    from_service_name: Option<String>,
    to_service_id: Uuid,
    #[schema(example = "PostgreSQL")]
    #[o2o(skip_repeat, from(@.names[1].clone()))]
    to_service_name: Option<String>,
    relationship_type: TypeWord,
    created_at: Instant,
    updated_at: Instant,
}

/// Which relationships of services to list.
#[derive(Debug, Deserialize, IntoParams, o2o)]
#[owned_into(ServiceRelationshipFilter)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ServiceRelationshipQuery {
    /// At either end.
    #[o2o(repeat)]
    #[into(~.cross())]
    service_id: Option<Uuid>,
    relationship_type: Option<TypeWord>,
    /// Substring of the name of either service, whatever the case.
    q: Option<String>,
}

/// List relationships of services
#[utoipa::path(params(ServiceRelationshipQuery, Paging<ServiceRelationshipSort>), responses((status = 200, body = Listed<ServiceRelationshipView>)), security(("bearer" = ["msp:read"])))]
#[get("/service-relationships")]
async fn list(
    caller: Caller<Read>,
    query: ListQuery<ServiceRelationshipQuery, ServiceRelationshipFilter, ServiceRelationshipSort>,
) -> Answer {
    let page = caller.services().inventory.relationships.list(caller.actor(), &query.0).await?;
    caller.page::<ServiceRelationshipView, _, _>(page, &query.0.page)
}

/// Enter a relationship
#[utoipa::path(request_body = ServiceRelationshipBody, responses((status = 201, body = ServiceRelationshipView)), security(("bearer" = ["msp:write"])))]
#[post("/service-relationships")]
async fn create(caller: Caller<Write>, body: Body<ServiceRelationshipBody, ServiceRelationshipFields>) -> Answer {
    let relationships = &caller.services().inventory.relationships;
    caller.create::<RowOf<ServiceRelationshipView>, _>(|| relationships.create(caller.actor(), body.0.clone())).await
}

/// Read a relationship
#[utoipa::path(responses((status = 200, body = ServiceRelationshipView)), security(("bearer" = ["msp:read"])))]
#[get("/service-relationships/{id}")]
async fn get(caller: Caller<Read>, id: PathId<ServiceRelationship>) -> Answer {
    caller.one::<RowOf<ServiceRelationshipView>, _>(
        caller.services().inventory.relationships.get(caller.actor(), id.0).await?,
    )
}

/// Change a relationship
#[utoipa::path(request_body = ServiceRelationshipBody, responses((status = 200, body = ServiceRelationshipView)), security(("bearer" = ["msp:write"])))]
#[route("/service-relationships/{id}", method = "PUT", method = "PATCH")]
async fn update(
    caller: Caller<Write>,
    at: At<ServiceRelationship>,
    body: Body<ServiceRelationshipBody, ServiceRelationshipFields>,
) -> Answer {
    let relationships = &caller.services().inventory.relationships;
    caller
        .change::<RowOf<ServiceRelationshipView>, _>(|| relationships.update(caller.actor(), &at.0, body.0.clone()))
        .await
}

/// Remove a relationship
#[utoipa::path(responses((status = 204)), security(("bearer" = ["msp:admin"])))]
#[delete("/service-relationships/{id}")]
async fn remove(caller: Caller<Admin>, at: At<ServiceRelationship>) -> Answer {
    caller.act(|| caller.services().inventory.relationships.delete(caller.actor(), &at.0)).await
}
