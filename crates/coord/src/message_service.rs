//! What callers do with messages.

use std::{cmp::Reverse, collections::BTreeMap};

use chrono::TimeDelta;
use claudetools_kernel::{
    Change, Direction, Error, Id, Page, PageRequest, Query, Result, Scope, Sort, Start, Stored, Target,
};

use crate::{
    Context, Delivery, Head, Mark, Message, MessageDetail, MessageDraft, MessageFields, MessageFilter, MessageRow,
    MessageSort, Party, Presence,
    message::{Audience, LATE_HOURS},
    ports::CoordTx,
};

/// How many of the latest messages are looked at for those that are not read.
const LOOKED_AT: u32 = 50;

/// The use cases of messages. Reading needs [`Scope::Read`], sending and marking [`Scope::Write`], removing [`Scope::Admin`].
#[derive(Debug, Clone)]
pub struct MessageService(Context);

impl MessageService {
    /// The use cases over this storage and ids.
    pub const fn new(context: Context) -> Self {
        Self(context)
    }

    /// Sends a message.
    pub async fn send(&self, party: &Party, fields: MessageFields) -> Result<Change<MessageDetail>> {
        party.require(Scope::Write)?;
        let mut draft = MessageDraft::new(self.0.ids.id(), fields)?;
        let mut tx = self.0.store.begin().await?;
        let mut head = tx.head().lock().await?;
        if let Some(id) = draft.reply_to() {
            let answered = tx.messages().lookup(id).await?.ok_or_else(|| Error::not_found(id))?;
            draft.answer(&answered);
        }
        let sent = post(tx.as_mut(), &mut head, draft).await?;
        tx.head().save(&head).await?;
        Ok(Change::new(sent, tx))
    }

    /// One message with its recipients.
    pub async fn get(&self, party: &Party, id: Id<Message>) -> Result<MessageDetail> {
        party.require(Scope::Read)?;
        let mut tx = self.0.store.read().await?;
        let message = tx.messages().lookup(id).await?.ok_or_else(|| Error::not_found(id))?;
        Ok(MessageDetail { message, recipients: tx.messages().recipients(&[id]).await? })
    }

    /// A page of messages.
    pub async fn list(&self, party: &Party, query: &Query<MessageFilter, MessageSort>) -> Result<Page<MessageRow>> {
        party.require(Scope::Read)?;
        query.filter.check()?;
        let mut tx = self.0.store.read().await?;
        let now = tx.head().peek().await?.now;
        Ok(tx.messages().list(&query.filter.clone().composed(), now, &query.page).await?)
    }

    /// The latest messages about the projects that not every recipient has read, at most `most` of those among the last
    /// fifty. What has reached nobody yet is unread too.
    pub async fn unread(&self, party: &Party, projects: &[String], most: usize) -> Result<Vec<Message>> {
        party.require(Scope::Read)?;
        let latest = PageRequest {
            limit: LOOKED_AT,
            start: Start::Offset(0),
            sort: Sort { field: MessageSort::Seq, direction: Direction::Descending },
            with_total: false,
        };
        let mut tx = self.0.store.read().await?;
        let now = tx.head().peek().await?.now;
        let mut about: Vec<Message> = Vec::new();
        for project in projects {
            let filter = MessageFilter { project_key: Some(project.clone()), ..MessageFilter::default() };
            let page = tx.messages().list(&filter.composed(), now, &latest).await?;
            about.extend(page.items.into_iter().map(|row| row.message));
        }
        about.sort_unstable_by_key(|message| Reverse(message.seq));
        about.truncate(LOOKED_AT as usize);
        let ids: Vec<Id<Message>> = about.iter().map(|message| message.id).collect();
        let mut has_read_all: BTreeMap<Id<Message>, bool> = BTreeMap::new();
        for delivery in tx.messages().recipients(&ids).await? {
            *has_read_all.entry(delivery.message_id).or_insert(true) &= delivery.read_at.is_some();
        }
        about.retain(|message| has_read_all.get(&message.id) != Some(&true));
        about.truncate(most);
        Ok(about)
    }

    /// Marks a message for the recipient named, or for its only one. Marking it again changes nothing.
    pub async fn mark(
        &self,
        party: &Party,
        id: Id<Message>,
        session_id: Option<String>,
        mark: Mark,
    ) -> Result<Change<MessageRow>> {
        party.require(Scope::Write)?;
        let mut tx = self.0.store.begin().await?;
        let mut head = tx.head().lock().await?;
        let message = tx.messages().lookup(id).await?.ok_or_else(|| Error::not_found(id))?;
        let reader = message.reader(session_id)?;
        let delivery = tx.messages().delivery(id, &reader).await?;
        let mut delivery =
            delivery.ok_or_else(|| Error::NotFound { resource_type: "recipient", resource_id: reader.clone() })?;
        if let Some(event) = delivery.mark(mark, &message, &mut head) {
            tx.messages().mark(&delivery).await?;
            tx.events().append(&[event]).await?;
            tx.head().save(&head).await?;
        }
        Ok(Change::new(MessageRow::of(message, Some(&delivery)), tx))
    }

    /// Removes a message and its read marks.
    pub async fn delete(&self, party: &Party, target: &Target<Message>) -> Result<Change<()>> {
        party.require(Scope::Admin)?;
        let mut tx = self.0.store.begin().await?;
        target.admit(tx.messages().lookup(target.id).await?)?;
        tx.messages().remove(target.id).await?;
        Ok(Change::new((), tx))
    }
}

/// Sends a message in a transaction that has the head locked, and will save it. Use cases of this domain that have something to
/// tell a session send by it too.
pub(crate) async fn post(tx: &mut dyn CoordTx, head: &mut Head, draft: MessageDraft) -> Result<MessageDetail> {
    let (message, event) = draft.send(head)?;
    let silent_at = Presence::silent_at(head.now);
    let mut audience = match message.audience() {
        Audience::Session(session) => vec![session],
        Audience::Project(project) => tx.messages().present(Some(&project), silent_at).await?,
        Audience::All => tx.messages().present(None, silent_at).await?,
    };
    if message.to_session.is_none() {
        audience.retain(|session| *session != message.from_session);
    }
    audience.sort_unstable();
    let recipients: Vec<Delivery> =
        audience.into_iter().map(|session| Delivery::new(message.id, message.seq, session, head.now)).collect();
    tx.messages().add(&message).await?;
    tx.messages().deliver(&recipients).await?;
    tx.events().append(&[event]).await?;
    Ok(MessageDetail { message, recipients })
}

/// Gives a session that announces itself what was sent to all or to its project within the last `LATE_HOURS` hours; tells how much
/// that is. To be called in the transaction of the announcement, with the head locked.
pub async fn deliver_late(
    tx: &mut dyn CoordTx,
    head: &Head,
    session_id: &str,
    project_key: Option<&str>,
) -> Stored<usize> {
    let after = head.now.plus(-TimeDelta::hours(LATE_HOURS));
    let missed = tx.messages().missed(session_id, project_key, after, head.now).await?;
    let deliveries: Vec<Delivery> =
        missed.into_iter().map(|(id, seq)| Delivery::new(id, seq, session_id.to_owned(), head.now)).collect();
    tx.messages().deliver(&deliveries).await?;
    Ok(deliveries.len())
}
