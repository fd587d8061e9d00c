//! Environmental insights over HTTP.

use std::collections::BTreeMap;

use actix_web::{delete, get, post, route};
use claudetools_infra::{
    failure::{AssetInsights, Attribute, Insight, InsightCategory, InsightFields, InsightFilter, InsightSort, Source},
    inventory::Asset,
};
use o2o::o2o;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    extract::{Admin, At, Body, Caller, ListQuery, PathId, Read, Write},
    mounting::ServiceConfig,
    openapi::{Listed, Paging},
    reply::{Answer, value},
    wire::{Cross, Field, FilledBlock, InsightPriority, Instant, Line, Lines, Nullable, Thousandths, Uid, Word, each},
};

type CategoryWord = Word<InsightCategory>;
type SourceWord = Word<Source>;
type AttributeWord = Word<Attribute>;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list).service(create).service(get).service(update).service(remove).service(of_infrastructure);
}

/// An insight to enter, or what to change of it.
#[derive(Debug, Default, Deserialize, ToSchema, o2o)]
#[owned_into(InsightFields)]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({"infrastructure_id": "01989f5e-3f8a-7c52-9f3b-5a1f0c2d4e6f", "category": "version_limitations", "title": "Only PowerShell 2.0",
    "description": "Windows Server 2008: neither -Raw of Get-Content nor any of the Net cmdlets.", "examples": ["Get-Content -Raw"], "priority": 8}))]
struct InsightBody {
    /// The client that it is about.
    #[o2o(repeat)]
    #[into(~.cross())]
    client_id: Nullable<Uid>,
    /// The infrastructure that it is about.
    infrastructure_id: Nullable<Uid>,
    #[schema(required)]
    category: Field<CategoryWord>,
    #[schema(required)]
    title: Field<Line>,
    #[schema(required)]
    description: Field<FilledBlock>,
    /// Commands that show it; up to 100.
    examples: Field<Lines>,
    /// 5 unless given; 10 matters most.
    priority: Field<InsightPriority>,
    /// 1 unless given.
    confidence: Field<Thousandths>,
    last_verified_at: Nullable<Instant>,
}

/// An insight.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(Insight)]
pub(crate) struct InsightView {
    #[o2o(repeat)]
    #[from(~.cross())]
    id: Uuid,
    client_id: Option<Uuid>,
    infrastructure_id: Option<Uuid>,
    category: CategoryWord,
    #[schema(example = "Only PowerShell 2.0")]
    title: String,
    /// Of a derived one its figures: `5 of 5 runs on 2 hosts with powershell 2.0; 0 of 12 elsewhere`.
    description: String,
    examples: Vec<String>,
    #[schema(minimum = 1, maximum = 10, example = 8)]
    priority: i32,
    source: SourceWord,
    /// How sure it is: of a derived one the lower bound of the failure rate (Wilson, 95 %).
    confidence: Thousandths,
    last_verified_at: Option<Instant>,
    /// The pattern that it was derived from.
    pattern_id: Option<Uuid>,
    /// What the places have in common at which it holds.
    attribute: Option<AttributeWord>,
    #[schema(example = "powershell 2.0")]
    attribute_value: Option<String>,
    created_at: Instant,
    updated_at: Instant,
}

/// What is known of a piece of infrastructure.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(AssetInsights)]
struct InfrastructureInsightsView {
    infrastructure_id: Uuid,
    #[schema(example = "DC01")]
    hostname: String,
    /// The highest priority first.
    #[from(each(~))]
    insights: Vec<InsightView>,
    limitations: Vec<String>,
    /// By name.
    recommended_commands: BTreeMap<String, String>,
}

/// Which insights to list.
#[derive(Debug, Deserialize, IntoParams, o2o)]
#[owned_into(InsightFilter)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct InsightQuery {
    #[o2o(repeat)]
    #[into(~.cross())]
    client_id: Option<Uuid>,
    infrastructure_id: Option<Uuid>,
    category: Option<CategoryWord>,
    source: Option<SourceWord>,
    /// Substring of title or description, whatever the case.
    q: Option<String>,
}

/// List environmental insights
#[utoipa::path(params(InsightQuery, Paging<InsightSort>), responses((status = 200, body = Listed<InsightView>)), security(("bearer" = ["msp:read"])))]
#[get("/environmental-insights")]
async fn list(caller: Caller<Read>, query: ListQuery<InsightQuery, InsightFilter, InsightSort>) -> Answer {
    let page = caller.services().insights.list(caller.actor(), &query.0).await?;
    caller.page::<InsightView, _, _>(page, &query.0.page)
}

/// Enter an environmental insight
#[utoipa::path(request_body = InsightBody, responses((status = 201, body = InsightView)), security(("bearer" = ["msp:write"])))]
#[post("/environmental-insights")]
async fn create(caller: Caller<Write>, body: Body<InsightBody, InsightFields>) -> Answer {
    caller.create::<InsightView, _>(|| caller.services().insights.create(caller.actor(), body.0.clone())).await
}

/// Read an environmental insight
#[utoipa::path(responses((status = 200, body = InsightView)), security(("bearer" = ["msp:read"])))]
#[get("/environmental-insights/{id}")]
async fn get(caller: Caller<Read>, id: PathId<Insight>) -> Answer {
    caller.one::<InsightView, _>(caller.services().insights.get(caller.actor(), id.0).await?)
}

/// Change an environmental insight
///
/// The analysis goes on to write the description and the confidence of a derived one.
#[utoipa::path(request_body = InsightBody, responses((status = 200, body = InsightView)), security(("bearer" = ["msp:write"])))]
#[route("/environmental-insights/{id}", method = "PUT", method = "PATCH")]
async fn update(caller: Caller<Write>, at: At<Insight>, body: Body<InsightBody, InsightFields>) -> Answer {
    caller.change::<InsightView, _>(|| caller.services().insights.update(caller.actor(), &at.0, body.0.clone())).await
}

/// Remove an environmental insight
#[utoipa::path(responses((status = 204)), security(("bearer" = ["msp:admin"])))]
#[delete("/environmental-insights/{id}")]
async fn remove(caller: Caller<Admin>, at: At<Insight>) -> Answer {
    caller.act(|| caller.services().insights.delete(caller.actor(), &at.0)).await
}

/// What is known of a piece of infrastructure before work on it begins
#[utoipa::path(responses((status = 200, body = InfrastructureInsightsView)), security(("bearer" = ["msp:read"])))]
#[get("/infrastructure/{id}/insights")]
async fn of_infrastructure(caller: Caller<Read>, id: PathId<Asset>) -> Answer {
    let known = caller.services().insights.of_asset(caller.actor(), id.0.uuid()).await?;
    value(&InfrastructureInsightsView::from(known))
}
