//! Tags over HTTP.

use actix_web::{delete, get, post, route};
use claudetools_sessions::{
    CountedTag, Tag, TagCategory, TagFields, TagFilter, TagSort, TagUsage, TaggedSession, TaggedWorkItem,
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
    wire::{Block, Cross, Day, Field, Instant, Nullable, TagName, Word, each},
};

type CategoryWord = Word<TagCategory>;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list).service(create).service(get).service(update).service(remove).service(usage);
}

/// A tag to make, or what to change of it.
#[derive(Debug, Default, Deserialize, ToSchema, o2o)]
#[owned_into(TagFields)]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({"name": "exchange online", "category": "technology", "description": "Mailboxes in Microsoft 365"}))]
struct TagBody {
    /// Unique; kept in lower case.
    #[schema(required)]
    #[o2o(repeat)]
    #[into(~.cross())]
    name: Field<TagName>,
    /// What the tag speaks of.
    category: Nullable<CategoryWord>,
    description: Nullable<Block>,
}

/// A tag.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(CountedTag)]
struct TagView {
    #[o2o(repeat)]
    #[child(tag)]
    #[from(~.cross())]
    id: Uuid,
    #[schema(example = "exchange online")]
    name: String,
    /// Empty for a tag that came into being by its first use.
    category: Option<CategoryWord>,
    #[schema(example = "Mailboxes in Microsoft 365")]
    description: Option<String>,
    /// How many sessions and work items bear it.
    #[o2o(skip_repeat)]
    usage_count: u64,
    created_at: Instant,
    updated_at: Instant,
}

/// What bears a tag.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned((Tag, TagUsage))]
struct TagUsageView {
    #[from(@.0.id.uuid())]
    tag_id: Uuid,
    #[schema(example = "exchange online")]
    #[from(@.0.name)]
    name: String,
    /// How many sessions bear it.
    #[from(@.1.sessions)]
    sessions: u64,
    /// How many work items bear it.
    #[from(@.1.work_items)]
    work_items: u64,
    /// The sessions of the latest days, latest first.
    #[schema(max_items = 50)]
    #[from(each(@.1.recent_sessions))]
    recent_sessions: Vec<TaggedSessionView>,
    /// The work items made last, latest first.
    #[schema(max_items = 50)]
    #[from(each(@.1.recent_work_items))]
    recent_work_items: Vec<TaggedWorkItemView>,
}

/// A session that bears a tag.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(TaggedSession)]
struct TaggedSessionView {
    #[o2o(repeat)]
    #[from(~.cross())]
    id: Uuid,
    session_title: String,
    session_date: Day,
}

/// A work item that bears a tag.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(TaggedWorkItem)]
struct TaggedWorkItemView {
    #[o2o(repeat)]
    #[from(~.cross())]
    id: Uuid,
    title: String,
}

/// Which tags to list.
#[derive(Debug, Deserialize, IntoParams, o2o)]
#[owned_into(TagFilter)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct TagQuery {
    #[o2o(repeat)]
    #[into(~.cross())]
    category: Option<CategoryWord>,
    /// Substring of name or description, whatever the case.
    q: Option<String>,
}

/// List tags
#[utoipa::path(params(TagQuery, Paging<TagSort>), responses((status = 200, body = Listed<TagView>)), security(("bearer" = ["msp:read"])))]
#[get("/tags")]
async fn list(caller: Caller<Read>, query: ListQuery<TagQuery, TagFilter, TagSort>) -> Answer {
    let page = caller.services().tags.list(caller.actor(), &query.0).await?;
    caller.page::<TagView, _, _>(page, &query.0.page)
}

/// Make a tag
#[utoipa::path(request_body = TagBody, responses((status = 201, body = TagView)), security(("bearer" = ["msp:write"])))]
#[post("/tags")]
async fn create(caller: Caller<Write>, body: Body<TagBody, TagFields>) -> Answer {
    caller.create::<TagView, _>(|| caller.services().tags.create(caller.actor(), body.0.clone())).await
}

/// Read a tag
#[utoipa::path(responses((status = 200, body = TagView)), security(("bearer" = ["msp:read"])))]
#[get("/tags/{id}")]
async fn get(caller: Caller<Read>, id: PathId<Tag>) -> Answer {
    caller.one::<TagView, _>(caller.services().tags.get(caller.actor(), id.0).await?)
}

/// Change a tag
///
/// What bears the tag bears its new name.
#[utoipa::path(request_body = TagBody, responses((status = 200, body = TagView)), security(("bearer" = ["msp:write"])))]
#[route("/tags/{id}", method = "PUT", method = "PATCH")]
async fn update(caller: Caller<Write>, at: At<Tag>, body: Body<TagBody, TagFields>) -> Answer {
    caller.change::<TagView, _>(|| caller.services().tags.update(caller.actor(), &at.0, body.0.clone())).await
}

/// Remove a tag and take it off everything
#[utoipa::path(responses((status = 204)), security(("bearer" = ["msp:admin"])))]
#[delete("/tags/{id}")]
async fn remove(caller: Caller<Admin>, at: At<Tag>) -> Answer {
    caller.act(|| caller.services().tags.delete(caller.actor(), &at.0)).await
}

/// Read what bears a tag
///
/// How many sessions and work items, and the fifty latest of each.
#[utoipa::path(responses((status = 200, body = TagUsageView)), security(("bearer" = ["msp:read"])))]
#[get("/tags/{id}/usage")]
async fn usage(caller: Caller<Read>, id: PathId<Tag>) -> Answer {
    let found = caller.services().tags.usage(caller.actor(), id.0).await?;
    value(&TagUsageView::from(found))
}
