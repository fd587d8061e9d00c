//! Messages over HTTP.

use actix_web::{delete, get, post, route};
use claudetools_coord::{
    Delivery, Importance, Mark, Message, MessageDetail, MessageFields, MessageFilter, MessageRow, MessageSort,
};
use o2o::o2o;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    extract::{Admin, At, Body, CoordCaller, ListQuery, OptionalBody, PathId, Read, Write},
    mounting::ServiceConfig,
    openapi::{Listed, Paging},
    reply::Answer,
    wire::{
        BlankLine, CoordKey, Cross, Field, FilledBlock, Instant, Nullable, SessionText, ThreadName, Uid, Word, each,
    },
};

type ImportanceWord = Word<Importance>;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(list_messages)
        .service(send_message)
        .service(read_message)
        .service(acknowledge_message)
        .service(get_message)
        .service(remove_message);
}

/// A message to send: to a session, to a project or to all, one of the three.
#[derive(Debug, Default, Deserialize, ToSchema, o2o)]
#[owned_into(MessageFields)]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({"from_session": "laptop-7f3a", "to_session": "server-91bc", "subject": "DNS is mine until noon",
    "body": "I move clients/acme/dns to the new server. Please wait with the certificate.", "importance": "high", "ack_required": true}))]
struct MessageBody {
    #[schema(required)]
    #[o2o(repeat)]
    #[into(~.cross())]
    from_session: Field<SessionText>,
    to_session: Nullable<SessionText>,
    /// Every session that is active on the project now, or announces itself there within 24 hours.
    to_project: Nullable<CoordKey>,
    /// To every session that is active now, or announces itself within 24 hours.
    broadcast: Field<bool>,
    subject: Nullable<BlankLine>,
    /// At most 64 KiB.
    #[schema(required)]
    body: Field<FilledBlock>,
    /// `normal` unless given.
    importance: Field<ImportanceWord>,
    ack_required: Field<bool>,
    /// The conversation; that of the message which it answers unless given.
    thread_id: Nullable<ThreadName>,
    /// The message that it answers.
    reply_to: Nullable<Uid>,
    /// When it ceases to matter. From then on no list shows it.
    expires_at: Nullable<Instant>,
    /// What it is about; the project that it goes to unless given.
    project_key: Nullable<CoordKey>,
}

/// A message.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(Message)]
struct MessageView {
    #[o2o(repeat)]
    #[from(~.cross())]
    id: Uuid,
    /// Its place in the order of sending: the number of the event that told of it.
    seq: i64,
    #[schema(example = "laptop-7f3a")]
    from_session: String,
    #[schema(example = "server-91bc")]
    to_session: Option<String>,
    to_project: Option<String>,
    broadcast: bool,
    subject: Option<String>,
    body: String,
    importance: ImportanceWord,
    ack_required: bool,
    thread_id: Option<String>,
    reply_to: Option<Uuid>,
    expires_at: Option<Instant>,
    project_key: Option<String>,
    created_at: Instant,
}

/// A message as a recipient has it. In a list that is not of one recipient the last three are null.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(MessageRow)]
struct MessageRowView {
    #[serde(flatten)]
    #[from(~.into())]
    message: MessageView,
    /// Since when the recipient could read it.
    #[o2o(repeat)]
    #[from(~.cross())]
    delivered_at: Option<Instant>,
    read_at: Option<Instant>,
    acked_at: Option<Instant>,
}

/// A message with its recipients so far.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(MessageDetail)]
struct MessageDetailView {
    #[serde(flatten)]
    #[from(~.into())]
    message: MessageView,
    #[from(each(~))]
    recipients: Vec<RecipientView>,
}

/// A recipient of a message.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(Delivery)]
struct RecipientView {
    #[o2o(repeat)]
    #[from(~.cross())]
    session_id: String,
    delivered_at: Instant,
    read_at: Option<Instant>,
    acked_at: Option<Instant>,
}

/// Which messages to list. Those that have expired are left out.
#[derive(Debug, Deserialize, IntoParams, o2o)]
#[owned_into(MessageFilter)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct MessageQuery {
    /// What this session has received, with its own read marks.
    #[o2o(repeat)]
    #[into(~.cross())]
    to_session: Option<String>,
    from_session: Option<String>,
    /// What it has not read; with `to_session` only.
    unread_only: Option<bool>,
    project_key: Option<String>,
    thread_id: Option<String>,
    importance: Option<ImportanceWord>,
    /// Sent then or later.
    since: Option<Instant>,
    /// Substring of subject or body, whatever the case.
    q: Option<String>,
}

/// Who has read the message, where several may.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({"session_id": "server-91bc"}))]
struct ReaderBody {
    /// Need not be given for a message to one session.
    session_id: Nullable<SessionText>,
}

/// List messages
///
/// In the order of sending, the oldest first.
#[utoipa::path(params(MessageQuery, Paging<MessageSort>), responses((status = 200, body = Listed<MessageRowView>)), security(("bearer" = ["msp:read"])))]
#[get("/coord/messages")]
async fn list_messages(
    caller: CoordCaller<Read>,
    query: ListQuery<MessageQuery, MessageFilter, MessageSort>,
) -> Answer {
    let page = caller.services().messages.list(caller.party(), &query.0).await?;
    caller.page::<MessageRowView, _, _>(page, &query.0.page)
}

/// Send a message
#[utoipa::path(request_body = MessageBody, responses((status = 201, body = MessageDetailView)), security(("bearer" = ["msp:write"])))]
#[post("/coord/messages")]
async fn send_message(caller: CoordCaller<Write>, body: Body<MessageBody, MessageFields>) -> Answer {
    caller.create::<MessageDetailView, _>(|| caller.services().messages.send(caller.party(), body.0.clone())).await
}

/// Read a message
///
/// To read it here marks nothing.
#[utoipa::path(responses((status = 200, body = MessageDetailView)), security(("bearer" = ["msp:read"])))]
#[get("/coord/messages/{id}")]
async fn get_message(caller: CoordCaller<Read>, id: PathId<Message>) -> Answer {
    caller.one::<MessageDetailView, _>(caller.services().messages.get(caller.party(), id.0).await?)
}

/// Mark a message as read
///
/// By one recipient. To mark it again changes nothing, and the time of the first stays.
#[utoipa::path(request_body = ReaderBody, responses((status = 200, body = MessageRowView)), security(("bearer" = ["msp:write"])))]
#[route("/coord/messages/{id}/read", method = "PUT", method = "PATCH")]
async fn read_message(caller: CoordCaller<Write>, id: PathId<Message>, body: OptionalBody<ReaderBody>) -> Answer {
    mark(&caller, &id, &body.0, Mark::Read).await
}

/// Acknowledge a message
///
/// By one recipient, who has read it thereby. To acknowledge it again changes nothing.
#[utoipa::path(request_body = ReaderBody, responses((status = 200, body = MessageRowView)), security(("bearer" = ["msp:write"])))]
#[route("/coord/messages/{id}/ack", method = "PUT", method = "PATCH")]
async fn acknowledge_message(
    caller: CoordCaller<Write>,
    id: PathId<Message>,
    body: OptionalBody<ReaderBody>,
) -> Answer {
    mark(&caller, &id, &body.0, Mark::Ack).await
}

async fn mark(caller: &CoordCaller<Write>, id: &PathId<Message>, reader: &ReaderBody, mark: Mark) -> Answer {
    let services = caller.services();
    let reader = || reader.session_id.clone().cross();
    caller.change::<MessageRowView, _>(|| services.messages.mark(caller.party(), id.0, reader(), mark)).await
}

/// Remove a message with its read marks
#[utoipa::path(responses((status = 204)), security(("bearer" = ["msp:admin"])))]
#[delete("/coord/messages/{id}")]
async fn remove_message(caller: CoordCaller<Admin>, at: At<Message>) -> Answer {
    caller.act(|| caller.services().messages.delete(caller.party(), &at.0)).await
}
