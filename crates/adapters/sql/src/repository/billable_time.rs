//! Entries of billable time.

use async_trait::async_trait;
use chrono::NaiveDate;
use claudetools_kernel::{Id, Money, Page, PageRequest, StoreError};
use claudetools_sessions::{
    BillableTime, BillableTimeFilter, BillableTimeRow, BillableTimeSort, Client, Currency, Draw, GroupBy, GroupSum,
    MOST_ENTRY_MINUTES,
    ports::{BillableTimeRepository, Stored},
};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, ExprTrait, JoinType, PartialModelTrait, QueryFilter, QuerySelect,
    RelationTrait, Select,
    sea_query::{Alias, Expr, Query, SelectStatement},
};
use uuid::Uuid;

use crate::{
    entity::{
        billable_time::{Column, DrawRow, Entity, Joined, Model, Relation},
        client, project, timer,
    },
    query::{Listing, contains, padded},
    question::{All, Record, Values},
    records::Row,
    row::RowReader,
    store::{Connection, SqlTx},
};

/// How many ids an IN list takes at once; all engines take this many parameters.
const IDS: usize = 1024;

impl Row for BillableTime {
    type Table = Entity;
    const ID: Column = Column::Id;
    const REVISION: Column = Column::Revision;
}

#[async_trait]
impl<C: Connection> BillableTimeRepository for SqlTx<C> {
    async fn row(&mut self, id: Id<BillableTime>) -> Stored<Option<BillableTimeRow>> {
        self.one::<_, Joined, _>(with_names().filter(Column::Id.eq(id.uuid()))).await
    }

    async fn list(
        &mut self,
        filter: &BillableTimeFilter,
        page: &PageRequest<BillableTimeSort>,
    ) -> Stored<Page<BillableTimeRow>> {
        let listing = Listing { select: with_names(), filter: condition(filter), sort: column, id: Column::Id };
        self.page::<_, Joined, _, _>(listing, page).await
    }

    async fn overlapping(&mut self, ids: &[Id<BillableTime>]) -> Stored<Vec<(Uuid, Uuid)>> {
        let mut pairs = Vec::new();
        for some in ids.chunks(IDS) {
            let some = padded(&some.iter().map(|id| id.uuid()).collect::<Vec<_>>());
            let questions = [overlapping_entries(&some), overlapping_timers(&some)];
            let [entries, timers] = questions.map(|select| All::<Values<(Uuid, Uuid)>>::of(self.statement(&select)));
            let (entries, timers) = self.ask((entries, timers)).await?;
            pairs.extend(entries.into_iter().chain(timers).map(|Values(pair)| pair));
        }
        Ok(pairs)
    }

    async fn sums(&mut self, filter: &BillableTimeFilter, by: GroupBy) -> Stored<Vec<GroupSum>> {
        let rows = Entity::find().select_only().filter(condition(filter));
        match by {
            GroupBy::Client => {
                let rows = rows.column(Column::ClientId).expr(Expr::col(client::Column::Name.as_column_ref()).max());
                let rows = rows.join(JoinType::LeftJoin, Relation::Client.def()).group_by(Column::ClientId);
                self.sums_of::<Option<Uuid>>(rows).await
            }
            GroupBy::Project => {
                let rows = rows.column(Column::ProjectId).expr(Expr::col(project::Column::Name.as_column_ref()).max());
                let rows = rows.join(JoinType::LeftJoin, Relation::Project.def()).group_by(Column::ProjectId);
                self.sums_of::<Option<Uuid>>(rows).await
            }
            GroupBy::Technician => {
                let rows = rows.column(Column::TechnicianKey).expr(Column::Technician.max());
                self.sums_of::<Option<String>>(rows.group_by(Column::TechnicianKey)).await
            }
            GroupBy::Day | GroupBy::Month => {
                // No name: the least of the technician's spares a type for this one.
                let rows = rows.column(Column::EntryDate).expr(Column::Technician.max()).group_by(Column::EntryDate);
                let sums = self.sums_of::<Option<NaiveDate>>(rows).await?;
                Ok(sums.into_iter().map(|sum| GroupSum { name: None, ..sum }).collect())
            }
        }
    }

    async fn draws(&mut self, clients: &[Id<Client>], since: NaiveDate, until: Option<NaiveDate>) -> Stored<Vec<Draw>> {
        let mut draws = Vec::new();
        for some in clients.chunks(IDS) {
            let some = padded(&some.iter().map(|id| id.uuid()).collect::<Vec<_>>());
            let select = DrawRow::select_cols(Entity::find().select_only())
                .filter(Column::ClientId.is_in(some))
                .filter(Column::EntryDate.gte(since))
                .filter(Condition::all().add_option(until.map(|until| Column::EntryDate.lte(until))))
                .filter(Column::RoundedMinutes.gt(0_i64));
            draws.extend(self.all::<_, DrawRow, Draw>(select).await?);
        }
        Ok(draws)
    }
}

/// A group's key, its name, the currency, and the sums.
type SumRow<K> = (K, Option<String>, String, i64, Option<i64>, Option<i64>, Option<i64>);

impl<C: Connection> SqlTx<C> {
    /// The question for the entries of a session, in the order of their days.
    pub(super) fn time_of_session(&self, id: Uuid) -> All<Model> {
        use sea_orm::QueryOrder;
        let of_session = Entity::find().filter(Column::SessionId.eq(id));
        self.all_of(of_session.order_by_asc(Column::EntryDate).order_by_asc(Column::Id))
    }

    /// The sums of rows that are grouped by a key and select it and a name.
    async fn sums_of<K: Key>(&self, rows: Select<Entity>) -> Stored<Vec<GroupSum>>
    where
        Values<SumRow<K>>: Record,
    {
        let rows = rows
            .column(Column::Currency)
            .expr(Column::Id.count())
            .expr(self.whole_sum(Column::Minutes))
            .expr(self.whole_sum(Column::RoundedMinutes))
            .expr(self.whole_sum(Column::Amount))
            .group_by(Column::Currency);
        let rows: Vec<SumRow<K>> = self.values(rows).await?;
        rows.into_iter()
            .map(|(key, name, currency, entries, minutes, rounded, amount)| {
                let currency = Currency::parse(&currency);
                Ok(GroupSum {
                    key: key.text(),
                    name,
                    currency: RowReader::new("billable_time", Uuid::nil()).value("currency", currency)?,
                    entries: entries.unsigned_abs(),
                    minutes: minutes.unwrap_or_default(),
                    rounded_minutes: rounded.unwrap_or_default(),
                    amount: Money::from_ten_thousandths(amount.unwrap_or_default()),
                })
            })
            .collect::<Result<_, StoreError>>()
    }
}

/// What entries are grouped by, as text.
trait Key: Send + 'static {
    fn text(self) -> Option<String>;
}

macro_rules! keys {
    ($($type:ty),+) => {
        $(impl Key for Option<$type> {
            fn text(self) -> Option<String> { self.map(|key| key.to_string()) }
        })+
    };
}
keys!(Uuid, String, NaiveDate);

/// Entries with the names of their clients and projects.
fn with_names() -> Select<Entity> {
    Entity::find()
        .join(JoinType::LeftJoin, Relation::Client.def())
        .join(JoinType::LeftJoin, Relation::Project.def())
        .column_as(client::Column::Name, "client_name")
        .column_as(project::Column::Name, "project_name")
}

/// Pairs of an entry and another of the same technician. What begins so long before that it cannot reach this far is not looked
/// at, so that a technician's history costs nothing.
fn overlapping_entries(ids: &[Uuid]) -> SelectStatement {
    let longest = MOST_ENTRY_MINUTES * 60_000_000;
    let [one, other] = ["one", "other"].map(Alias::new);
    let of = |table: &Alias, column: Column| Expr::col((table.clone(), column));
    Query::select()
        .column((one.clone(), Column::Id))
        .column((other.clone(), Column::Id))
        .from_as(Entity, one.clone())
        .join_as(
            JoinType::InnerJoin,
            Entity,
            other.clone(),
            of(&other, Column::TechnicianKey).equals((one.clone(), Column::TechnicianKey)),
        )
        .and_where(of(&one, Column::Id).is_in(ids.iter().copied()))
        .and_where(of(&other, Column::Id).ne(of(&one, Column::Id)))
        .and_where(of(&one, Column::StartTime).lt(of(&one, Column::EndTime)))
        .and_where(of(&other, Column::StartTime).lt(of(&other, Column::EndTime)))
        .and_where(of(&other, Column::StartTime).lt(of(&one, Column::EndTime)))
        .and_where(of(&other, Column::StartTime).gte(of(&one, Column::StartTime).sub(longest)))
        .and_where(of(&other, Column::EndTime).gt(of(&one, Column::StartTime)))
        .take()
}

/// Pairs of an entry and a timer of the same technician, which goes on without an end while it runs.
fn overlapping_timers(ids: &[Uuid]) -> SelectStatement {
    let of = |column: Column| Expr::col((Entity, column));
    let timer = |column: timer::Column| Expr::col((timer::Entity, column));
    let reaches = Condition::any().add(timer(timer::Column::PausedAt).is_null()).add(
        Condition::all()
            .add(timer(timer::Column::PausedAt).gt(of(Column::StartTime)))
            .add(timer(timer::Column::PausedAt).gt(timer(timer::Column::StartedAt))),
    );
    Query::select()
        .column((Entity, Column::Id))
        .column((timer::Entity, timer::Column::Id))
        .from(Entity)
        .inner_join(timer::Entity, timer(timer::Column::TechnicianKey).equals((Entity, Column::TechnicianKey)))
        .and_where(of(Column::Id).is_in(ids.iter().copied()))
        .and_where(of(Column::StartTime).lt(of(Column::EndTime)))
        .and_where(timer(timer::Column::StartedAt).lt(of(Column::EndTime)))
        .cond_where(reaches)
        .take()
}

fn condition(filter: &BillableTimeFilter) -> Condition {
    Condition::all()
        .add_option(filter.client_id.map(|wanted| Column::ClientId.eq(wanted.uuid())))
        .add_option(filter.project_id.map(|wanted| Column::ProjectId.eq(wanted.uuid())))
        .add_option(filter.session_id.map(|wanted| Column::SessionId.eq(wanted.uuid())))
        .add_option(filter.technician.as_deref().map(|part| contains(Column::TechnicianKey, part)))
        .add_option(filter.date_from.map(|first| Column::EntryDate.gte(first)))
        .add_option(filter.date_to.map(|last| Column::EntryDate.lte(last)))
        .add_option(filter.is_billed.map(|wanted| Column::IsBilled.eq(wanted)))
        .add_option(filter.is_billable.map(|wanted| Column::IsBillable.eq(wanted)))
}

const fn column(field: BillableTimeSort) -> Column {
    match field {
        BillableTimeSort::EntryDate => Column::EntryDate,
        BillableTimeSort::Technician => Column::TechnicianKey,
        BillableTimeSort::CreatedAt => Column::CreatedAt,
        BillableTimeSort::UpdatedAt => Column::UpdatedAt,
    }
}
