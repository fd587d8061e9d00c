//! Messages and their recipients.

use async_trait::async_trait;
use claudetools_coord::{Delivery, Message, MessageFilter, MessageRow, MessageSort, ports::MessageRepository};
use claudetools_kernel::{Id, Page, PageRequest, Stored, Timestamp};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, ExprTrait, JoinType, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    RelationTrait, Select, sea_query::Expr,
};
use uuid::Uuid;

use crate::{
    entity::{
        coord_message::{Column, Entity, Model, Received},
        coord_message_recipient::{self as recipient, Column as To},
        coord_session,
    },
    query::{Listing, contains, cut, padded, total},
    store::{Connection, SqlTx},
};

/// How many rows an INSERT takes at once: all engines take the parameters of as many.
const ROWS: usize = 1000;

#[async_trait]
impl<C: Connection> MessageRepository for SqlTx<C> {
    async fn add(&mut self, message: &Message) -> Stored<()> {
        self.insert::<Entity>(message.into()).await
    }

    async fn lookup(&mut self, id: Id<Message>) -> Stored<Option<Message>> {
        self.one::<_, Model, _>(Entity::find_by_id(id.uuid())).await
    }

    async fn remove(&mut self, id: Id<Message>) -> Stored<bool> {
        // Its recipients go with it: their foreign keys cascade.
        Ok(self.erase::<Entity>(Condition::all().add(Column::Id.eq(id.uuid()))).await? > 0)
    }

    async fn present(&mut self, project_key: Option<&str>, silent_at: Timestamp) -> Stored<Vec<String>> {
        use coord_session::Column as Session;
        let sessions = coord_session::Entity::find()
            .select_only()
            .column(Session::SessionId)
            .filter(Session::EndedAt.is_null())
            .filter(Session::LastSeenAt.gt(silent_at.micros()));
        self.values(sessions.apply_if(project_key, |all, project| all.filter(Session::ProjectKey.eq(project)))).await
    }

    async fn deliver(&mut self, deliveries: &[Delivery]) -> Stored<()> {
        for some in deliveries.chunks(ROWS) {
            self.insert_all::<recipient::Entity>(some.iter().map(Into::into)).await?;
        }
        Ok(())
    }

    async fn missed(
        &mut self,
        session_id: &str,
        project_key: Option<&str>,
        after: Timestamp,
        now: Timestamp,
    ) -> Stored<Vec<(Id<Message>, i64)>> {
        let has = recipient::Entity::find()
            .select_only()
            .column(To::MessageId)
            .filter(To::SessionId.eq(session_id))
            .filter(Expr::col(To::MessageId.as_column_ref()).equals(Column::Id.as_column_ref()));
        let is_for_it = Condition::any()
            .add(Column::Broadcast.eq(true))
            .add_option(project_key.map(|project| Column::ToProject.eq(project)));
        let missed = Entity::find()
            .select_only()
            .columns([Column::Id, Column::Seq])
            .filter(Column::CreatedAt.gt(after.micros()))
            .filter(is_for_it)
            .filter(Column::FromSession.ne(session_id))
            .filter(is_alive(now))
            .filter(Expr::exists(has.into_query()).not())
            .order_by_asc(Column::Seq);
        let missed: Vec<(Uuid, i64)> = self.values(missed).await?;
        Ok(missed.into_iter().map(|(id, seq)| (Id::new(id), seq)).collect())
    }

    async fn recipients(&mut self, messages: &[Id<Message>]) -> Stored<Vec<Delivery>> {
        if messages.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<Uuid> = messages.iter().map(|id| id.uuid()).collect();
        let recipients = recipient::Entity::find().filter(To::MessageId.is_in(padded(&ids)));
        let recipients = recipients.order_by_asc(To::MessageId).order_by_asc(To::SessionId);
        self.all::<_, recipient::Model, _>(recipients).await
    }

    async fn delivery(&mut self, id: Id<Message>, session_id: &str) -> Stored<Option<Delivery>> {
        self.one::<_, recipient::Model, _>(recipient::Entity::find_by_id((id.uuid(), session_id.to_owned()))).await
    }

    async fn mark(&mut self, delivery: &Delivery) -> Stored<()> {
        let update = recipient::Entity::update_many()
            .col_expr(To::ReadAt, Expr::value(delivery.read_at.map(Timestamp::micros)))
            .col_expr(To::AckedAt, Expr::value(delivery.acked_at.map(Timestamp::micros)))
            .filter(To::MessageId.eq(delivery.message_id.uuid()))
            .filter(To::SessionId.eq(delivery.session_id.as_str()));
        self.change(update).await?;
        Ok(())
    }

    async fn list(
        &mut self,
        filter: &MessageFilter,
        now: Timestamp,
        page: &PageRequest<MessageSort>,
    ) -> Stored<Page<MessageRow>> {
        let own = condition(filter, now);
        let Some(session_id) = &filter.to_session else {
            let listing = Listing { select: Entity::find(), filter: own, sort: column, id: Column::Id };
            return self.page::<_, Model, _, _>(listing, page).await;
        };
        let inbox = inbox(session_id, filter.unread_only == Some(true)).filter(own);
        let total = if page.with_total { Some(self.count_of(&total(inbox.clone())).await?) } else { None };
        let rows = inbox.columns([To::DeliveredAt, To::ReadAt, To::AckedAt]);
        let rows = cut(rows, To::Seq, To::MessageId, page, self.engine());
        Ok(Page::from_rows(self.all::<_, Received, _>(rows).await?, page, total))
    }
}

/// What a session has received. It begins at the recipients, whose index has them in the order of the list.
fn inbox(session_id: &str, unread_only: bool) -> Select<Entity> {
    Entity::find()
        .join_rev(JoinType::InnerJoin, recipient::Relation::Message.def())
        .filter(To::SessionId.eq(session_id))
        .apply_if(unread_only.then_some(()), |all, ()| all.filter(To::ReadAt.is_null()))
}

fn is_alive(now: Timestamp) -> Condition {
    Condition::any().add(Column::ExpiresAt.is_null()).add(Column::ExpiresAt.gt(now.micros()))
}

/// The conditions that the messages themselves answer.
fn condition(filter: &MessageFilter, now: Timestamp) -> Condition {
    Condition::all()
        .add(is_alive(now))
        .add_option(filter.from_session.as_deref().map(|wanted| Column::FromSession.eq(wanted)))
        .add_option(filter.project_key.as_deref().map(|wanted| Column::ProjectKey.eq(wanted)))
        .add_option(filter.thread_id.as_deref().map(|wanted| Column::ThreadId.eq(wanted)))
        .add_option(filter.importance.map(|wanted| Column::Importance.eq(wanted.to_string())))
        .add_option(filter.since.map(|since| Column::CreatedAt.gte(since.micros())))
        .add_option(filter.q.as_deref().map(|q| contains(Column::SearchKey, q)))
}

const fn column(field: MessageSort) -> Column {
    match field {
        MessageSort::Seq => Column::Seq,
    }
}
