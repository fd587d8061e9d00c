//! sqlx on a pool, with the statements of our server.

use chrono::NaiveDate;
use sqlx::{
    AssertSqlSafe, Database, Decode, Encode, Executor, FromRow, IntoArguments, MySql, Pool, Postgres, Type,
    pool::PoolOptions,
};
use uuid::Uuid;

use super::{
    Answer, Place,
    view::{Detail, Item, Row},
};

/// As many as requests are under way in a measurement: none waits for a connection.
const CONNECTIONS: u32 = 16;

/// An engine that sqlx knows, and what it writes differently.
pub(super) trait Dialect: Database {
    /// Where a page begins: parameters of day, day again if [`Self::DAYS`] is 2, and id; then the limit.
    const BEHIND: &'static str;
    /// How often the day is a parameter of [`Self::BEHIND`].
    const DAYS: usize;
    /// The first parameter.
    const FIRST: &'static str;
    /// The limit's parameter behind those of [`Self::BEHIND`]; where there is none the limit stands in the text, which lets the engine keep the
    /// plan.
    const LIMIT: Option<&'static str>;
}

impl Dialect for MySql {
    const BEHIND: &'static str = "s.session_date <= ? AND (s.session_date < ? OR s.id < ?)";
    const DAYS: usize = 2;
    const FIRST: &'static str = "?";
    const LIMIT: Option<&'static str> = Some("?");
}

impl Dialect for Postgres {
    const BEHIND: &'static str = "(s.session_date, s.id) < ($1, $2)";
    const DAYS: usize = 1;
    const FIRST: &'static str = "$1";
    const LIMIT: Option<&'static str> = None;
}

/// A database on a server.
pub(super) struct SqlxStore<DB: Database> {
    pool: Pool<DB>,
    first_page: &'static str,
    page: &'static str,
    by_id: &'static str,
    tags: &'static str,
    technologies: &'static str,
    items: &'static str,
    time: &'static str,
}

impl<DB> SqlxStore<DB>
where
    DB: Dialect,
    DB::Arguments: IntoArguments<DB>,
    for<'c> &'c Pool<DB>: Executor<'c, Database = DB>,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
    for<'r> Row: FromRow<'r, DB::Row>,
    for<'r> Detail: FromRow<'r, DB::Row>,
    for<'r> Item: FromRow<'r, DB::Row>,
    for<'r> (String,): FromRow<'r, DB::Row>,
    for<'r> (Uuid,): FromRow<'r, DB::Row>,
    for<'r> (i64,): FromRow<'r, DB::Row>,
    for<'q> Uuid: Encode<'q, DB> + Type<DB> + Decode<'q, DB>,
    for<'q> NaiveDate: Encode<'q, DB> + Type<DB>,
    for<'q> i64: Encode<'q, DB> + Type<DB>,
{
    pub(super) async fn connect(url: &str) -> sqlx::Result<Self> {
        let options = PoolOptions::new().max_connections(CONNECTIONS).test_before_acquire(false);
        let pool = options.connect(url).await?;
        let (first, behind, limit) = (DB::FIRST, DB::BEHIND, DB::LIMIT.unwrap_or_default());
        let row = "s.id, s.client_id, c.name AS client_name, s.project_id, p.name AS project_name, s.session_date, \
                   s.duration_minutes, s.billable_hours, s.session_title, s.summary, s.status, s.is_billable, s.created_at, s.updated_at";
        let names =
            "FROM sessions s LEFT JOIN clients c ON c.id = s.client_id LEFT JOIN projects p ON p.id = s.project_id";
        let order = "ORDER BY s.session_date DESC, s.id DESC LIMIT";
        // Leaked, once each: sqlx takes texts that live as long as the program without asking where they are from.
        let keep = |text: String| -> &'static str { String::leak(text) };
        Ok(Self {
            pool,
            first_page: keep(format!("SELECT {row} {names} {order} {first}")),
            page: keep(format!("SELECT {row} {names} WHERE {behind} {order} {limit}")),
            by_id: keep(format!(
                "SELECT {row}, s.machine_id, m.hostname AS machine_hostname, s.start_time, s.end_time, s.technician, s.notes, \
                 (SELECT COUNT(*) FROM commands WHERE session_id = s.id) AS commands {names} LEFT JOIN machines m ON m.id = s.machine_id WHERE s.id = {first}"
            )),
            tags: keep(format!(
                "SELECT t.name FROM session_tags st JOIN tags t ON t.id = st.tag_id WHERE st.session_id = {first} ORDER BY t.name"
            )),
            technologies: keep(format!(
                "SELECT technology FROM session_technologies WHERE session_id = {first} ORDER BY position"
            )),
            items: keep(format!(
                "SELECT id, category, title, status FROM work_items WHERE session_id = {first} ORDER BY created_at, id"
            )),
            time: keep(format!("SELECT id FROM billable_time WHERE session_id = {first} ORDER BY entry_date, id")),
        })
    }

    pub(super) async fn by_id(&self, id: Uuid) -> Answer<Option<Detail>> {
        self.find(id).await.map_err(|error| error.to_string())
    }

    /// A page; without a place the first one, with the number of all sessions.
    pub(super) async fn page(&self, limit: u32, place: Option<Place>) -> Answer<(Vec<Row>, Option<i64>)> {
        let rows = match place {
            None => sqlx::query_as(self.first_page),
            Some(Place { day, id }) => {
                let mut page = match DB::LIMIT {
                    Some(_) => sqlx::query_as(self.page),
                    None => sqlx::query_as(AssertSqlSafe(format!("{} {limit}", self.page))),
                };
                for _ in 0..DB::DAYS {
                    page = page.bind(day);
                }
                page.bind(id)
            }
        };
        let rows = if place.is_some() && DB::LIMIT.is_none() { rows } else { rows.bind(i64::from(limit)) };
        let rows = rows.fetch_all(&self.pool).await.map_err(|error| error.to_string())?;
        if place.is_some() {
            return Ok((rows, None));
        }
        let total = sqlx::query_as("SELECT COUNT(*) FROM sessions").fetch_one(&self.pool).await;
        let (total,): (i64,) = total.map_err(|error| error.to_string())?;
        Ok((rows, Some(total)))
    }

    /// All on one connection: the pool sends each that comes back a ping, which is a round trip to the server.
    async fn find(&self, id: Uuid) -> sqlx::Result<Option<Detail>> {
        let mut connection = self.pool.acquire().await?;
        let detail: Option<Detail> = sqlx::query_as(self.by_id).bind(id).fetch_optional(&mut *connection).await?;
        let Some(detail) = detail else { return Ok(None) };
        let tags: Vec<(String,)> = sqlx::query_as(self.tags).bind(id).fetch_all(&mut *connection).await?;
        let technologies = sqlx::query_as(self.technologies).bind(id).fetch_all(&mut *connection).await?;
        let work_items = sqlx::query_as(self.items).bind(id).fetch_all(&mut *connection).await?;
        let time: Vec<(Uuid,)> = sqlx::query_as(self.time).bind(id).fetch_all(&mut *connection).await?;
        let texts = |rows: Vec<(String,)>| rows.into_iter().map(|(text,)| text).collect();
        let (tags, technologies_used) = (texts(tags), texts(technologies));
        let billable_time = time.into_iter().map(|(id,)| id).collect();
        Ok(Some(Detail { tags, technologies_used, work_items, billable_time, ..detail }))
    }
}
