//! Sessions.

use std::{collections::BTreeSet, iter, slice};

use async_trait::async_trait;
use chrono::NaiveDate;
use claudetools_infra::failure::Command;
use claudetools_kernel::{
    Direction, Entity as _, Id, Page, PageRequest, Position, Records, Referrer, SortKey, Start, text,
};
use claudetools_sessions::{
    BillableTime, Session, SessionDetail, SessionFilter, SessionRow, SessionSort, SessionWorkItem, Timer, WorkItem,
    ports::{SessionRepository, Stored},
};
use sea_orm::{
    ColumnTrait, Condition, DbBackend, EntityTrait, JoinType, PartialModelTrait, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait, RelationDef, RelationTrait, Select, Statement,
    sea_query::{Expr, ExprTrait, SelectStatement, SimpleExpr, UnionType},
};
use uuid::Uuid;

use crate::{
    entity::{
        billable_time, client, command, machine, project,
        session::{Column, Entity, Joined, ListRow, Model, Part, Relation},
        session_tag, session_technology, tag, timer, work_item,
    },
    query::{Listing, contains, cut, page_statement, statement, total},
    question::{All, One, Then, Values},
    records::Referring,
    repository::session_technician::technician,
    row::Word,
    store::{Connection, SqlTx},
};

#[async_trait]
impl<C: Connection> Records<Session> for SqlTx<C> {
    async fn add(&mut self, session: &Session) -> Stored<()> {
        self.enter_technicians(slice::from_ref(session)).await?;
        let row = self.insert_of::<Entity>(session.into());
        let links: Vec<_> = self.add_session_links(session).collect();
        // One text for each number of links, with and without what the commit adds, would be too many to keep prepared.
        if links.is_empty() {
            return self.add_soon(row).await;
        }
        self.run(iter::once(row).chain(links).collect()).await?;
        Ok(())
    }

    async fn save(&mut self, session: &Session) -> Stored<()> {
        self.enter_technicians(slice::from_ref(session)).await?;
        self.replace::<Entity>(session.into(), Column::Id, Column::Revision).await?;
        let id = session.id.uuid();
        let tags = Condition::all().add(session_tag::Column::SessionId.eq(id));
        let technologies = Condition::all().add(session_technology::Column::SessionId.eq(id));
        let mut statements =
            vec![self.erase_of::<session_tag::Entity>(tags), self.erase_of::<session_technology::Entity>(technologies)];
        statements.extend(self.add_session_links(session));
        self.run(statements).await?;
        Ok(())
    }

    async fn remove(&mut self, id: Id<Session>) -> Stored<bool> {
        // Its tags and technologies go with it: their foreign keys cascade.
        Ok(self.erase::<Entity>(Condition::all().add(Column::Id.eq(id.uuid()))).await? > 0)
    }

    async fn lookup(&mut self, id: Id<Session>) -> Stored<Option<Session>> {
        let session = self.one_of::<_, Model>(Entity::find_by_id(id.uuid()));
        let links = (self.session_tags(id), self.session_technologies(id));
        let (session, (tags, technologies)) = self.ask((session, links)).await?;
        let Some(session) = session else { return Ok(None) };
        let tags = tags.into_iter().map(|Values((tag, _))| Id::new(tag)).collect();
        Ok(Some(Session { tags, technologies_used: texts(technologies), ..session.try_into()? }))
    }

    async fn referrers(&mut self, id: Id<Session>) -> Stored<Vec<Referrer>> {
        let of_session = work_item::Column::SessionId.eq(id.uuid());
        let (time, timers) = (billable_time::Column::SessionId, timer::Column::SessionId);
        let commands = command::Column::SessionId.eq(id.uuid());
        let kinds = vec![
            Referring::new::<work_item::Entity>(WorkItem::TYPE, of_session),
            Referring::new::<billable_time::Entity>(BillableTime::TYPE, time.eq(id.uuid())),
            Referring::new::<timer::Entity>(Timer::TYPE, timers.eq(id.uuid())),
            Referring::new::<command::Entity>(Command::TYPE, commands),
        ];
        self.count_referrers(kinds).await
    }
}

#[async_trait]
impl<C: Connection> SessionRepository for SqlTx<C> {
    async fn detail(&mut self, id: Id<Session>) -> Stored<Option<SessionDetail>> {
        let named = Entity::find_by_id(id.uuid())
            .join(JoinType::LeftJoin, Relation::Client.def())
            .join(JoinType::LeftJoin, Relation::Project.def())
            .join(JoinType::LeftJoin, Relation::Machine.def())
            .column_as(client::Column::Name, "client_name")
            .column_as(project::Column::Name, "project_name")
            .column_as(machine::Column::Hostname, "machine_hostname")
            .expr_as(commands_of(id), "commands")
            .expr_as(entries_of(id), "entries");
        // Most sessions have no entries of time, and a statement that finds nothing costs a server as much as another.
        let time = self.time_of_session(id.uuid());
        let question = Then((self.one_of::<_, Joined>(named), self.parts(id)), |(row, _): &(Option<Joined>, _)| {
            row.as_ref().filter(|row| row.entries > 0).map(|_| time)
        });
        let ((row, parts), time) = self.ask(question).await?;
        let Some(row) = row else { return Ok(None) };
        let Parts { tags, technologies, work_items } = Parts::of(parts)?;
        let (tags, tag_names): (BTreeSet<_>, _) = tags.into_iter().map(|(name, id)| (Id::new(id), name)).unzip();
        Ok(Some(SessionDetail {
            session: Session { tags, technologies_used: technologies, ..row.session.try_into()? },
            client_name: row.client_name,
            project_name: row.project_name,
            machine_hostname: row.machine_hostname,
            tags: tag_names,
            work_items,
            commands: row.commands,
            billable_time: time.into_iter().flatten().map(TryInto::try_into).collect::<Result<_, _>>()?,
        }))
    }

    async fn list(&mut self, filter: &SessionFilter, page: &PageRequest<SessionSort>) -> Stored<Page<SessionRow>> {
        let (engine, filter, request) = (self.engine(), filter.clone(), page.clone());
        let names = self.technicians_like(&filter);
        let question = Then(names, move |names: &Option<Vec<Values<String>>>| {
            let technician = technician(&filter, names.as_deref());
            let total = request.with_total.then(|| session_total(&filter, technician.clone()));
            let total = total.map(|total| One::<Values<i64>>::of(statement(engine, &total)));
            let rows = session_page(&filter, technician, &request, engine).into_query();
            (total, All::<ListRow>::of(statement(engine, &rows)))
        });
        let (_, (total, rows)) = self.ask(question).await?;
        let rows = rows.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?;
        let total = total.map(|count| count.map_or(0, |Values(count)| count.unsigned_abs()));
        Ok(Page::from_rows(rows, page, total))
    }
}

impl<C: Connection> SqlTx<C> {
    /// The statements that add a session's tags and technologies.
    fn add_session_links(&self, session: &Session) -> impl Iterator<Item = Statement> {
        let tags = self.insert_all_of::<session_tag::Entity>(session_tag::Model::of(session));
        let technologies = self.insert_all_of::<session_technology::Entity>(session_technology::Model::of(session));
        tags.into_iter().chain(technologies)
    }

    /// The question for what lies around a session: one statement, because a server is a round trip away.
    fn parts(&self, id: Id<Session>) -> All<Part> {
        let nothing = || Expr::cust("NULL");
        let items = work_item::Entity::find()
            .select_only()
            .column_as(work_item::Column::CreatedAt, "place")
            .column(work_item::Column::Id)
            .column_as(work_item::Column::Category, "name")
            .column(work_item::Column::Title)
            .column(work_item::Column::Status)
            .filter(work_item::Column::SessionId.eq(id.uuid()));
        let tags = session_tag::Entity::find()
            .select_only()
            .column(tag::Column::CreatedAt)
            .column(tag::Column::Id)
            .column(tag::Column::Name)
            .expr(nothing())
            .expr(nothing())
            .join(JoinType::InnerJoin, session_tag::Relation::Tag.def())
            .filter(session_tag::Column::SessionId.eq(id.uuid()));
        let technologies = session_technology::Entity::find()
            .select_only()
            .column(session_technology::Column::Position)
            .expr(nothing())
            .column(session_technology::Column::Technology)
            .expr(nothing())
            .expr(nothing())
            .filter(session_technology::Column::SessionId.eq(id.uuid()));
        let mut all = items.into_query();
        all.union(UnionType::All, tags.into_query()).union(UnionType::All, technologies.into_query());
        All::of(self.statement(&all))
    }

    /// The question for the tags of a session by name.
    fn session_tags(&self, id: Id<Session>) -> All<Values<(Uuid, String)>> {
        let links = session_tag::Entity::find().filter(session_tag::Column::SessionId.eq(id.uuid()));
        self.tags_of(links.join(JoinType::InnerJoin, session_tag::Relation::Tag.def()))
    }

    /// The question for what a session used, in its order.
    fn session_technologies(&self, id: Id<Session>) -> All<Values<String>> {
        let technologies = session_technology::Entity::find()
            .select_only()
            .column(session_technology::Column::Technology)
            .filter(session_technology::Column::SessionId.eq(id.uuid()))
            .order_by_asc(session_technology::Column::Position);
        self.all_of(technologies)
    }
}

/// How many commands were run in a session.
fn commands_of(id: Id<Session>) -> SimpleExpr {
    let commands = command::Entity::find().select_only().column_as(command::Column::Id.count(), "commands");
    number(commands.filter(command::Column::SessionId.eq(id.uuid())))
}

/// How many entries of time a session has.
fn entries_of(id: Id<Session>) -> SimpleExpr {
    let entries = billable_time::Entity::find().select_only().column_as(billable_time::Column::Id.count(), "entries");
    number(entries.filter(billable_time::Column::SessionId.eq(id.uuid())))
}

fn number<E: EntityTrait>(count: Select<E>) -> SimpleExpr {
    SimpleExpr::SubQuery(None, Box::new(count.into_query().into()))
}

/// What lies around a session, each kind in its order.
struct Parts {
    /// By name, with their ids.
    tags: Vec<(String, Uuid)>,
    technologies: Vec<String>,
    work_items: Vec<SessionWorkItem>,
}

impl Parts {
    fn of(mut parts: Vec<Part>) -> Stored<Self> {
        parts.sort_unstable_by_key(|part| (part.place, part.id));
        let mut sorted = Self { tags: Vec::new(), technologies: Vec::new(), work_items: Vec::new() };
        for Part { id, name, title, status, .. } in parts {
            match (id, title, status) {
                (Some(id), Some(title), Some(status)) => {
                    let item = work_item::SessionItem { id, category: Word(name), title, status };
                    sorted.work_items.push(item.try_into()?);
                }
                (Some(id), ..) => sorted.tags.push((name, id)),
                (None, ..) => sorted.technologies.push(name),
            }
        }
        // The columns compare byte by byte, as text does here.
        sorted.tags.sort_unstable();
        Ok(sorted)
    }
}

fn texts(rows: Vec<Values<String>>) -> Vec<String> {
    rows.into_iter().map(|Values(text)| text).collect()
}

/// A filter that a table beside the sessions answers, together with the day of the session, which it repeats.
enum Link<'a> {
    Tag(&'a str),
    Technology(&'a str),
}

impl<'a> Link<'a> {
    /// Of two such filters the tag leads.
    fn of(filter: &'a SessionFilter) -> Option<Self> {
        let tag = filter.tag.as_deref().map(Link::Tag);
        tag.or_else(|| filter.technology.as_deref().map(Link::Technology))
    }
}

/// The statement of a page.
///
/// With a tag or a technology it begins at the table of those, whose index has the sessions in the order of the list; a
/// subquery over the sessions in their order would look at every one of them when few have the tag. `technician` is what
/// `session_technician::technician` says of the filter.
pub(crate) fn session_page(
    filter: &SessionFilter,
    technician: Option<SimpleExpr>,
    page: &PageRequest<SessionSort>,
    engine: DbBackend,
) -> Select<Entity> {
    let range = days_left(filter, page);
    let select = rows().filter(own(filter, technician));
    match Link::of(filter) {
        None => {
            let filter = days(range, Column::SessionDate);
            page_statement(Listing { select, filter, sort: column, id: Column::Id }, page, engine)
        }
        Some(Link::Tag(name)) => {
            use session_tag::Column as Tagged;
            let links = session_tag::Relation::Session.def();
            linked(select.filter(tagged(name)), links, [Tagged::SessionDate, Tagged::SessionId], range, page, engine)
        }
        Some(Link::Technology(name)) => {
            use session_technology::Column as Used;
            let links = session_technology::Relation::Session.def();
            linked(select.filter(used(name)), links, [Used::SessionDate, Used::SessionId], range, page, engine)
        }
    }
}

/// A page of the sessions of `links`, rows that bear a session's day and id; a list by day goes by these.
fn linked<K: ColumnTrait>(
    select: Select<Entity>,
    links: RelationDef,
    [day, id]: [K; 2],
    range: Range,
    page: &PageRequest<SessionSort>,
    engine: DbBackend,
) -> Select<Entity> {
    let select = select.join_rev(JoinType::InnerJoin, links).filter(days(range, day));
    if page.sort.field == SessionSort::SessionDate {
        cut(select, day, id, page, engine)
    } else {
        cut(select, column(page.sort.field), Column::Id, page, engine)
    }
}

/// The statement of a total, over the smallest table that can tell.
pub(crate) fn session_total(filter: &SessionFilter, technician: Option<SimpleExpr>) -> SelectStatement {
    use {session_tag::Column as Tagged, session_technology::Column as Used};
    let (own, whole) = (own(filter, technician), (filter.date_from, filter.date_to));
    match Link::of(filter) {
        Some(Link::Tag(name)) if own.is_empty() => {
            total(session_tag::Entity::find().filter(tagged(name)).filter(days(whole, Tagged::SessionDate)))
        }
        Some(Link::Technology(name)) if own.is_empty() => {
            total(session_technology::Entity::find().filter(used(name)).filter(days(whole, Used::SessionDate)))
        }
        link => {
            let sessions = Entity::find().filter(own).filter(days(whole, Column::SessionDate));
            total(match link {
                None => sessions,
                Some(Link::Tag(name)) => {
                    sessions.join_rev(JoinType::InnerJoin, session_tag::Relation::Session.def()).filter(tagged(name))
                }
                Some(Link::Technology(name)) => sessions
                    .join_rev(JoinType::InnerJoin, session_technology::Relation::Session.def())
                    .filter(used(name)),
            })
        }
    }
}

/// The columns of a list row.
fn rows() -> Select<Entity> {
    ListRow::select_cols(Entity::find().select_only())
        .join(JoinType::LeftJoin, Relation::Client.def())
        .join(JoinType::LeftJoin, Relation::Project.def())
}

/// The conditions that only the sessions themselves can answer.
fn own(filter: &SessionFilter, technician: Option<SimpleExpr>) -> Condition {
    let leads_tag = filter.tag.is_some();
    Condition::all()
        .add_option(filter.client_id.map(|wanted| Column::ClientId.eq(wanted.uuid())))
        .add_option(filter.project_id.map(|wanted| Column::ProjectId.eq(wanted.uuid())))
        .add_option(filter.machine_id.map(|wanted| Column::MachineId.eq(wanted.uuid())))
        .add_option(technician)
        .add_option(filter.is_billable.map(|wanted| Column::IsBillable.eq(wanted)))
        .add_option(filter.status.map(|wanted| Column::Status.eq(wanted.to_string())))
        .add_option(filter.q.as_deref().map(|q| contains(Column::SearchKey, q)))
        .add_option(filter.technology.as_deref().filter(|_| leads_tag).map(has_used))
}

/// The first and the last day to list.
type Range = (Option<NaiveDate>, Option<NaiveDate>);

/// The range of days that a page still has to look at. A list by day that is to go on behind a place has a bound there, so
/// that the filter's own on that side says nothing more; with both, SQLite would begin at the filter's.
fn days_left(filter: &SessionFilter, page: &PageRequest<SessionSort>) -> Range {
    let (first, last) = (filter.date_from, filter.date_to);
    match (&page.start, page.sort.direction) {
        (Start::After(Position { key: SortKey::Date(day), .. }), Direction::Descending) => {
            (first, last.filter(|last| last < day))
        }
        (Start::After(Position { key: SortKey::Date(day), .. }), Direction::Ascending) => {
            (first.filter(|first| first > day), last)
        }
        _ => (first, last),
    }
}

fn days((first, last): Range, column: impl ColumnTrait) -> Condition {
    Condition::all().add_option(first.map(|first| column.gte(first))).add_option(last.map(|last| column.lte(last)))
}

/// The link rows of the tag of this name.
fn tagged(name: &str) -> SimpleExpr {
    let tag =
        tag::Entity::find().select_only().column(tag::Column::Id).filter(tag::Column::Name.eq(text::fold(name.trim())));
    Expr::col(session_tag::Column::TagId.as_column_ref()).eq(SimpleExpr::from(tag.into_query()))
}

/// The link rows of the technology of this name.
fn used(name: &str) -> SimpleExpr {
    session_technology::Column::TechnologyKey.eq(text::fold(name.trim()))
}

/// The sessions that used a technology.
fn has_used(name: &str) -> SimpleExpr {
    let of_session =
        Expr::col(session_technology::Column::SessionId.as_column_ref()).equals(Column::Id.as_column_ref());
    let links = session_technology::Entity::find()
        .select_only()
        .column(session_technology::Column::SessionId)
        .filter(of_session)
        .filter(used(name));
    Expr::exists(links.into_query())
}

const fn column(field: SessionSort) -> Column {
    match field {
        SessionSort::SessionDate => Column::SessionDate,
        SessionSort::CreatedAt => Column::CreatedAt,
        SessionSort::UpdatedAt => Column::UpdatedAt,
        SessionSort::SessionTitle => Column::TitleKey,
    }
}
