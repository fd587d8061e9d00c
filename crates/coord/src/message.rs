//! Messages between the sessions of agents, and who has received them.

use claudetools_kernel::{
    Detail, Direction, Entity, Error, Faults, Id, Keyed, Patch, Result, SortField, SortKey, SortKind, Timestamp,
    enumeration, text,
};
use serde::Serialize;
use uuid::Uuid;

use crate::{Event, EventKind, Head, Occurrence, names, session_key};

/// The longest body, in bytes.
pub(crate) const LONGEST_BODY: usize = 65_536;
/// The longest name of a thread, in characters.
pub(crate) const LONGEST_THREAD: usize = 128;
/// For how long sessions that announce themselves still get what was sent to their project or to all, in hours.
pub(crate) const LATE_HOURS: i64 = 24;

enumeration! {
    /// How much a message matters.
    pub enum Importance {
        /// It can wait.
        Low = "low",
        /// It is to be read.
        Normal = "normal",
        /// It is to be read soon.
        High = "high",
        /// It is to be read now.
        Urgent = "urgent",
    }
}

enumeration! {
    /// What messages can be sorted by.
    pub enum MessageSort {
        /// By the number of the event that told of them: the order in which they were sent.
        Seq = "seq",
    }
}

impl SortField for MessageSort {
    const DEFAULT: (Self, Direction) = (Self::Seq, Direction::Ascending);

    fn kind(self) -> SortKind {
        SortKind::Integer
    }
}

/// A message. It never changes once it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its id.
    pub id: Id<Self>,
    /// The number of the event that told of it. Unique, and rising in the order of sending.
    pub seq: i64,
    /// The session that sent it.
    pub from_session: String,
    /// The session that it is for; none when it is for several.
    pub to_session: Option<String>,
    /// The project whose sessions it is for.
    pub to_project: Option<String>,
    /// Whether it is for all sessions.
    pub broadcast: bool,
    /// What it is about, in one line.
    pub subject: Option<String>,
    /// What it says.
    pub body: String,
    /// How much it matters.
    pub importance: Importance,
    /// Whether the sender wants to know that it was taken notice of.
    pub ack_required: bool,
    /// The conversation that it belongs to.
    pub thread_id: Option<String>,
    /// The message that it answers.
    pub reply_to: Option<Id<Self>>,
    /// When it ceases to matter.
    pub expires_at: Option<Timestamp>,
    /// The project that it is about.
    pub project_key: Option<String>,
    /// When it was sent, by the database's clock.
    pub created_at: Timestamp,
}

impl Entity for Message {
    const TYPE: &'static str = "message";

    fn id(&self) -> Id<Self> {
        self.id
    }
}

/// What a request says of a message.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "each field is described at Message")]
pub struct MessageFields {
    pub from_session: Option<String>,
    pub to_session: Option<String>,
    pub to_project: Option<String>,
    pub broadcast: Option<bool>,
    pub subject: Patch<String>,
    pub body: Option<String>,
    pub importance: Option<Importance>,
    pub ack_required: Option<bool>,
    pub thread_id: Option<String>,
    pub reply_to: Option<Id<Message>>,
    pub expires_at: Option<Timestamp>,
    pub project_key: Option<String>,
}

/// Whom a message is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Audience {
    /// One session, whether it has announced itself or not.
    Session(String),
    /// The sessions of a project.
    Project(String),
    /// All sessions.
    All,
}

/// A message whose form is right, before it has its place in the order of things.
#[derive(Debug, Clone)]
pub struct MessageDraft(Message);

impl MessageDraft {
    /// A new message; refused with every fault of `fields` at once.
    pub fn new(id: Id<Message>, fields: MessageFields) -> Result<Self> {
        let mut faults = Faults::default();
        faults.require_all(&[("from_session", fields.from_session.is_some()), ("body", fields.body.is_some())]);
        let broadcast = fields.broadcast.unwrap_or_default();
        let ways = [fields.to_session.is_some(), fields.to_project.is_some(), broadcast];
        if ways.into_iter().filter(|given| *given).count() != 1 {
            faults.semantic(
                "to_session",
                "one_of",
                "must be given, or to_project, or broadcast as true: one of the three",
            );
        }
        let mut name = |field, value: Option<String>, check: fn(&mut Faults, &str, &str) -> Option<String>| {
            value.and_then(|value| check(&mut faults, field, &value))
        };
        let from_session = name("from_session", fields.from_session, session);
        let to_session = name("to_session", fields.to_session, session);
        let to_project = name("to_project", fields.to_project, names::project_key);
        let project_key = name("project_key", fields.project_key, names::project_key);
        let thread_id = name("thread_id", fields.thread_id, |faults, field, value| {
            text::line(faults, field, value, LONGEST_THREAD)
        });
        let body = fields.body.and_then(|body| whole_body(&mut faults, &body));
        let mut subject = None;
        text::optional_line(&mut faults, "subject", fields.subject).apply(&mut subject);
        faults.finish()?;
        Ok(Self(Message {
            id,
            seq: 0,
            from_session: from_session.unwrap_or_default(),
            to_session,
            project_key: project_key.or_else(|| to_project.clone()),
            to_project,
            broadcast,
            subject,
            body: body.unwrap_or_default(),
            importance: fields.importance.unwrap_or(Importance::Normal),
            ack_required: fields.ack_required.unwrap_or_default(),
            thread_id,
            reply_to: fields.reply_to,
            expires_at: fields.expires_at,
            created_at: Timestamp::midnight(chrono::NaiveDate::MIN),
        }))
    }

    /// The message that it answers.
    pub const fn reply_to(&self) -> Option<Id<Message>> {
        self.0.reply_to
    }

    /// Puts an answer into the conversation of the message that it answers, unless it names another.
    pub fn answer(&mut self, answered: &Message) {
        let thread = || answered.thread_id.clone().unwrap_or_else(|| answered.id.to_string());
        self.0.thread_id.get_or_insert_with(thread);
    }

    /// The message, numbered by the locked head, and the event that tells of it. Refused when it would have expired already.
    pub fn send(self, head: &mut Head) -> Result<(Message, Event)> {
        let mut message = self.0;
        message.created_at = head.now;
        if message.expires_at.is_some_and(|end| end <= head.now) {
            return Err(Faults::one_semantic("expires_at", "future", "must lie in the future"));
        }
        let event = head.event(EventKind::MessageNew, message.occurrence());
        message.seq = event.seq;
        Ok((message, event))
    }
}

fn session(faults: &mut Faults, field: &str, value: &str) -> Option<String> {
    session_key(faults, field, value.to_owned())
}

/// Text of 1 to [`LONGEST_BODY`] bytes.
fn whole_body(faults: &mut Faults, body: &str) -> Option<String> {
    let body = text::block(faults, "body", body, LONGEST_BODY)?;
    if body.trim().is_empty() {
        faults.schema("body", "min_length", "must not be empty");
    } else if body.len() > LONGEST_BODY {
        faults.schema("body", "max_length", &format!("must have at most {LONGEST_BODY} bytes in UTF-8"));
    } else {
        return Some(body);
    }
    None
}

/// What the event of a new message tells of it: all but the body.
#[derive(Serialize)]
struct Told<'a> {
    message_id: Uuid,
    from_session: &'a str,
    to_session: Option<&'a str>,
    to_project: Option<&'a str>,
    broadcast: bool,
    subject: Option<&'a str>,
    importance: Importance,
    ack_required: bool,
    thread_id: Option<&'a str>,
    reply_to: Option<Uuid>,
}

/// What the event of a read mark tells.
#[derive(Serialize)]
struct Marked<'a> {
    message_id: Uuid,
    session_id: &'a str,
    from_session: &'a str,
    acknowledged: bool,
}

impl Message {
    /// Whom it is for.
    pub fn audience(&self) -> Audience {
        match (&self.to_session, &self.to_project) {
            (Some(session), _) => Audience::Session(session.clone()),
            (None, Some(project)) => Audience::Project(project.clone()),
            (None, None) => Audience::All,
        }
    }

    /// Whether it has ceased to matter.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }

    /// What `q` searches: subject and body.
    pub fn search_key(&self) -> String {
        text::search_key([self.subject.as_deref(), Some(self.body.as_str())])
    }

    fn occurrence(&self) -> Occurrence {
        let told = Told {
            message_id: self.id.uuid(),
            from_session: &self.from_session,
            to_session: self.to_session.as_deref(),
            to_project: self.to_project.as_deref(),
            broadcast: self.broadcast,
            subject: self.subject.as_deref(),
            importance: self.importance,
            ack_required: self.ack_required,
            thread_id: self.thread_id.as_deref(),
            reply_to: self.reply_to.map(Id::uuid),
        };
        // The one that is to act on it; the sender stands in the details.
        Occurrence::new(self.to_session.as_deref(), Some(self.id.uuid()), &told).in_project(self.project_key.as_deref())
    }

    /// The event that a recipient has marked it.
    fn marked(&self, delivery: &Delivery) -> Occurrence {
        let marked = Marked {
            message_id: self.id.uuid(),
            session_id: &delivery.session_id,
            from_session: &self.from_session,
            acknowledged: delivery.acked_at.is_some(),
        };
        Occurrence::new(Some(&delivery.session_id), Some(self.id.uuid()), &marked)
            .in_project(self.project_key.as_deref())
    }

    /// The recipient that a read mark is for: the one named, or the only one that the message is for.
    pub fn reader(&self, named: Option<String>) -> Result<String> {
        let mut faults = Faults::default();
        let named = named.and_then(|named| session_key(&mut faults, "session_id", named));
        faults.finish()?;
        named.or_else(|| self.to_session.clone()).ok_or_else(|| {
            Faults::one("session_id", "required", "is required, because the message is for several sessions")
        })
    }
}

/// A message in the hands of one of its recipients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The message.
    pub message_id: Id<Message>,
    /// The message's place in the order of sending.
    pub seq: i64,
    /// The recipient.
    pub session_id: String,
    /// Since when the recipient could read it.
    pub delivered_at: Timestamp,
    /// When it was read.
    pub read_at: Option<Timestamp>,
    /// When the recipient acknowledged it.
    pub acked_at: Option<Timestamp>,
}

/// How a recipient marks a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// As read.
    Read,
    /// As read and acknowledged.
    Ack,
}

impl Delivery {
    /// A message that has just come to a session.
    pub const fn new(message_id: Id<Message>, seq: i64, session_id: String, now: Timestamp) -> Self {
        Self { message_id, seq, session_id, delivered_at: now, read_at: None, acked_at: None }
    }

    /// Marks it; the event of that, unless it was marked so before.
    pub fn mark(&mut self, mark: Mark, message: &Message, head: &mut Head) -> Option<Event> {
        let place = if mark == Mark::Ack { &mut self.acked_at } else { &mut self.read_at };
        if place.is_some() {
            return None;
        }
        *place = Some(head.now);
        self.read_at.get_or_insert(head.now);
        Some(head.event(EventKind::MessageRead, message.marked(self)))
    }
}

/// A message with what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageDetail {
    /// The message.
    pub message: Message,
    /// Its recipients so far, by session.
    pub recipients: Vec<Delivery>,
}

impl Detail for MessageDetail {
    type Of = Message;

    fn entity(&self) -> &Message {
        &self.message
    }
}

/// A message as one recipient has it, and as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageRow {
    /// The message.
    pub message: Message,
    /// When the recipient that the list is of could read it first.
    pub delivered_at: Option<Timestamp>,
    /// When that one read it.
    pub read_at: Option<Timestamp>,
    /// When that one acknowledged it.
    pub acked_at: Option<Timestamp>,
}

impl MessageRow {
    /// A message as a recipient has it.
    pub fn of(message: Message, delivery: Option<&Delivery>) -> Self {
        Self {
            message,
            delivered_at: delivery.map(|delivery| delivery.delivered_at),
            read_at: delivery.and_then(|delivery| delivery.read_at),
            acked_at: delivery.and_then(|delivery| delivery.acked_at),
        }
    }
}

impl Detail for MessageRow {
    type Of = Message;

    fn entity(&self) -> &Message {
        &self.message
    }
}

impl Keyed<MessageSort> for MessageRow {
    fn row_id(&self) -> Uuid {
        self.message.id.uuid()
    }

    fn sort_key(&self, field: MessageSort) -> SortKey {
        match field {
            MessageSort::Seq => SortKey::Integer(self.message.seq),
        }
    }
}

/// Which messages to list; conditions combine with AND. Those that have expired are left out.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "each field is described at Message")]
pub struct MessageFilter {
    /// Those that this session has received, with its read marks.
    pub to_session: Option<String>,
    pub from_session: Option<String>,
    /// Those that it has not read; asks for `to_session`.
    pub unread_only: Option<bool>,
    pub project_key: Option<String>,
    pub thread_id: Option<String>,
    pub importance: Option<Importance>,
    /// Sent at this instant or later.
    pub since: Option<Timestamp>,
    /// Substring of [`Message::search_key`].
    pub q: Option<String>,
}

impl MessageFilter {
    /// The filter in the form in which names are kept.
    #[must_use]
    pub fn composed(mut self) -> Self {
        self.project_key = self.project_key.as_deref().map(text::composed);
        self.thread_id = self.thread_id.as_deref().map(text::composed);
        self
    }

    /// Refuses to ask what was read without saying by whom.
    pub fn check(&self) -> Result<(), Error> {
        if self.unread_only == Some(true) && self.to_session.is_none() {
            return Err(Faults::one_semantic(
                "unread_only",
                "to_session",
                "needs to_session: each recipient reads for itself",
            ));
        }
        Ok(())
    }

    /// Whether a message is to be listed that, as far as `to_session` has received it, stands as `delivery` says.
    pub fn admits(&self, message: &Message, delivery: Option<&Delivery>, now: Timestamp) -> bool {
        let is =
            |wanted: &Option<String>, kept: Option<&str>| wanted.as_deref().is_none_or(|wanted| kept == Some(wanted));
        !message.is_expired(now)
            && (self.to_session.is_none() || delivery.is_some())
            && (self.unread_only != Some(true) || delivery.is_some_and(|delivery| delivery.read_at.is_none()))
            && is(&self.from_session, Some(&message.from_session))
            && is(&self.project_key, message.project_key.as_deref())
            && is(&self.thread_id, message.thread_id.as_deref())
            && self.importance.is_none_or(|wanted| wanted == message.importance)
            && self.since.is_none_or(|since| message.created_at >= since)
            && self.q.as_deref().is_none_or(|q| message.search_key().contains(&text::fold(q)))
    }
}

#[cfg(test)]
mod tests;
