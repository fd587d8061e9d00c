//! Tags over HTTP.

use actix_web::{delete, get, post, route};
use claudetools_sessions::{
    CountedTag, Tag, TagCategory, TagFields, TagFilter, TagSort, TagUsage, TaggedSession, TaggedWorkItem,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use crate::{
    extract::{Admin, Body, Caller, IfMatch, ListQuery, PathId, Read, Write},
    openapi::{Listed, Paging},
    reply::{Answer, Reply, list as list_of, resource, value},
    wire::{Block, Day, Field, Instant, Nullable, TagName, Wire, Word},
};

type CategoryWord = Word<TagCategory>;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list).service(create).service(get).service(update).service(remove).service(usage);
}

/// A tag to make, or what to change of it.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({"name": "exchange online", "category": "technology", "description": "Mailboxes in Microsoft 365"}))]
struct TagBody {
    /// Unique; kept in lower case.
    #[schema(required)]
    name: Field<TagName>,
    /// What the tag speaks of.
    category: Nullable<CategoryWord>,
    description: Nullable<Block>,
}

impl From<TagBody> for TagFields {
    fn from(body: TagBody) -> Self {
        Self { name: body.name.get(), category: body.category.get(), description: body.description.get() }
    }
}

/// A tag.
#[derive(Debug, Serialize, ToSchema)]
struct TagView {
    id: Uuid,
    #[schema(example = "exchange online")]
    name: String,
    /// Empty for a tag that came into being by its first use.
    category: Option<CategoryWord>,
    #[schema(example = "Mailboxes in Microsoft 365")]
    description: Option<String>,
    /// How many sessions and work items bear it.
    usage_count: u64,
    created_at: Instant,
    updated_at: Instant,
}

impl From<&CountedTag> for TagView {
    fn from(CountedTag { tag, usage_count }: &CountedTag) -> Self {
        Self {
            id: tag.id.uuid(),
            name: tag.name.clone(),
            category: tag.category.map(Word),
            description: tag.description.clone(),
            usage_count: *usage_count,
            created_at: Wire(tag.created_at),
            updated_at: Wire(tag.updated_at),
        }
    }
}

/// What bears a tag.
#[derive(Debug, Serialize, ToSchema)]
struct TagUsageView {
    tag_id: Uuid,
    #[schema(example = "exchange online")]
    name: String,
    /// How many sessions bear it.
    sessions: u64,
    /// How many work items bear it.
    work_items: u64,
    /// The sessions of the latest days, latest first.
    #[schema(max_items = 50)]
    recent_sessions: Vec<TaggedSessionView>,
    /// The work items made last, latest first.
    #[schema(max_items = 50)]
    recent_work_items: Vec<TaggedWorkItemView>,
}

/// A session that bears a tag.
#[derive(Debug, Serialize, ToSchema)]
struct TaggedSessionView {
    id: Uuid,
    session_title: String,
    session_date: Day,
}

/// A work item that bears a tag.
#[derive(Debug, Serialize, ToSchema)]
struct TaggedWorkItemView {
    id: Uuid,
    title: String,
}

impl From<(Tag, TagUsage)> for TagUsageView {
    fn from((tag, bears): (Tag, TagUsage)) -> Self {
        Self {
            tag_id: tag.id.uuid(),
            name: tag.name,
            sessions: bears.sessions,
            work_items: bears.work_items,
            recent_sessions: bears.recent_sessions.into_iter().map(TaggedSessionView::from).collect(),
            recent_work_items: bears.recent_work_items.into_iter().map(TaggedWorkItemView::from).collect(),
        }
    }
}

impl From<TaggedSession> for TaggedSessionView {
    fn from(session: TaggedSession) -> Self {
        let session_date = Day(session.session_date);
        Self { id: session.id.uuid(), session_title: session.session_title, session_date }
    }
}

impl From<TaggedWorkItem> for TaggedWorkItemView {
    fn from(item: TaggedWorkItem) -> Self {
        Self { id: item.id.uuid(), title: item.title }
    }
}

/// Which tags to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct TagQuery {
    #[param(inline)]
    category: Option<CategoryWord>,
    /// Substring of name or description, whatever the case.
    q: Option<String>,
}

impl From<TagQuery> for TagFilter {
    fn from(query: TagQuery) -> Self {
        Self { category: query.category.map(|word| word.0), q: query.q }
    }
}

/// List tags
#[utoipa::path(params(TagQuery, Paging<TagSort>), responses((status = 200, body = Listed<TagView>)), security(("bearer" = ["msp:read"])))]
#[get("/tags")]
async fn list(caller: Caller<Read>, query: ListQuery<TagQuery, TagSort>) -> Answer {
    let page = caller.services().tags.list(caller.actor(), &query.filter.into(), &query.page).await?;
    list_of("tags", page.map(|tag| TagView::from(&tag)), &query.page)
}

/// Make a tag
#[utoipa::path(request_body = TagBody, responses((status = 201, body = TagView)), security(("bearer" = ["msp:write"])))]
#[post("/tags")]
async fn create(caller: Caller<Write>, body: Body<TagBody>) -> Answer {
    let (tags, fields) = (&caller.services().tags, TagFields::from(body.0));
    let use_case = || tags.create(caller.actor(), fields.clone());
    caller
        .write(use_case, |new| Reply::created(format!("/tags/{}", new.tag.id), new.tag.revision, &TagView::from(new)))
        .await
}

/// Read a tag
#[utoipa::path(responses((status = 200, body = TagView)), security(("bearer" = ["msp:read"])))]
#[get("/tags/{id}")]
async fn get(caller: Caller<Read>, id: PathId<Tag>) -> Answer {
    let found = caller.services().tags.get(caller.actor(), id.0).await?;
    resource(caller.headers(), found.tag.revision, &TagView::from(&found))
}

/// Change a tag
///
/// What bears the tag bears its new name.
#[utoipa::path(request_body = TagBody, responses((status = 200, body = TagView)), security(("bearer" = ["msp:write"])))]
#[route("/tags/{id}", method = "PUT", method = "PATCH")]
async fn update(caller: Caller<Write>, id: PathId<Tag>, expected: IfMatch, body: Body<TagBody>) -> Answer {
    let (tags, fields) = (&caller.services().tags, TagFields::from(body.0));
    let use_case = || tags.update(caller.actor(), id.0, fields.clone(), &expected.0);
    caller.write(use_case, |now| Reply::ok(now.tag.revision, &TagView::from(now))).await
}

/// Remove a tag and take it off everything
#[utoipa::path(responses((status = 204)), security(("bearer" = ["msp:admin"])))]
#[delete("/tags/{id}")]
async fn remove(caller: Caller<Admin>, id: PathId<Tag>, expected: IfMatch) -> Answer {
    let tags = &caller.services().tags;
    caller.write(|| tags.delete(caller.actor(), id.0, &expected.0), |()| Reply::no_content()).await
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
