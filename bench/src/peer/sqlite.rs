//! rusqlite on the blocking pool, which is how actix-web is told to do blocking work.

use std::{
    cell::RefCell,
    sync::{Arc, Mutex, PoisonError},
};

use actix_web::web;
use rusqlite::{Connection, OpenFlags, OptionalExtension, config::DbConfig, params};
use uuid::Uuid;

use super::{
    Answer, Place,
    view::{Billing, Detail, Item, Row},
};

const ROW: &str = "s.id, s.client_id, c.name, s.project_id, p.name, s.session_date, s.duration_minutes, s.billable_hours, \
     s.session_title, s.summary, s.status, s.is_billable, s.created_at, s.updated_at";
const NAMES: &str =
    "FROM sessions s LEFT JOIN clients c ON c.id = s.client_id LEFT JOIN projects p ON p.id = s.project_id";

thread_local! {
    /// Each thread of the pool has a connection of its own: nothing is waited for, nothing locked.
    static READER: RefCell<Option<Connection>> = const { RefCell::new(None) };
}

/// The statements, written once.
struct Statements {
    first_page: String,
    page: String,
    by_id: String,
}

/// The database file.
#[derive(Clone)]
pub(super) struct SqliteStore {
    path: Arc<str>,
    statements: Arc<Statements>,
    /// The connection that writes, one at a time.
    writer: Arc<Mutex<Connection>>,
}

impl SqliteStore {
    pub(super) fn new(path: &str) -> rusqlite::Result<Self> {
        const ORDER: &str = "ORDER BY s.session_date DESC, s.id DESC LIMIT";
        let statements = Statements {
            first_page: format!("SELECT {ROW} {NAMES} {ORDER} ?1"),
            page: format!("SELECT {ROW} {NAMES} WHERE (s.session_date, s.id) < (?2, ?3) {ORDER} ?1"),
            by_id: format!(
                "SELECT {ROW}, s.machine_id, m.hostname, s.start_time, s.end_time, s.technician, s.notes, \
                 (SELECT COUNT(*) FROM commands WHERE session_id = s.id) {NAMES} LEFT JOIN machines m ON m.id = s.machine_id WHERE s.id = ?1"
            ),
        };
        let writer = Arc::new(Mutex::new(open(path, false)?));
        Ok(Self { path: path.into(), statements: Arc::new(statements), writer })
    }

    /// A connection that writes, beside the one that [`Self::create`] uses.
    pub(super) fn new_writer(&self) -> rusqlite::Result<Connection> {
        open(&self.path, false)
    }

    pub(super) async fn by_id(&self, id: Uuid) -> Answer<Option<Detail>> {
        self.read(move |connection, statements| find(connection, &statements.by_id, id)).await
    }

    /// A page; without a place the first one, with the number of all sessions.
    pub(super) async fn page(&self, limit: u32, place: Option<Place>) -> Answer<(Vec<Row>, Option<i64>)> {
        self.read(move |connection, statements| {
            let Some(Place { day, id }) = place else {
                let total =
                    connection.prepare_cached("SELECT COUNT(*) FROM sessions")?.query_one([], |row| row.get(0))?;
                let mut page = connection.prepare_cached(&statements.first_page)?;
                let rows = page.query_map([limit], row)?.collect::<rusqlite::Result<_>>()?;
                return Ok((rows, Some(total)));
            };
            let mut page = connection.prepare_cached(&statements.page)?;
            let rows = page.query_map(params![limit, day, id], row)?.collect::<rusqlite::Result<_>>()?;
            Ok((rows, None))
        })
        .await
    }

    /// Makes a session, in a transaction and a commit of its own.
    pub(super) async fn create(&self, new: Detail) -> Answer<Detail> {
        let writer = Arc::clone(&self.writer);
        blocking(move || {
            let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
            let transaction = writer.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
            let made = insert(&transaction, new)?;
            transaction.commit()?;
            Ok(made)
        })
        .await
    }

    async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection, &Statements) -> rusqlite::Result<T> + Send + 'static,
    ) -> Answer<T> {
        let (path, statements) = (Arc::clone(&self.path), Arc::clone(&self.statements));
        blocking(move || {
            READER.with_borrow_mut(|reader| {
                let connection = match reader {
                    Some(connection) => connection,
                    None => reader.insert(open(&path, true)?),
                };
                query(connection, &statements)
            })
        })
        .await
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> rusqlite::Result<T> + Send + 'static) -> Answer<T> {
    web::block(work).await.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
}

/// A connection with the settings of our server.
fn open(path: &str, reads: bool) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.set_prepared_statement_cache_capacity(256);
    // The seed runs ANALYZE, and this build of SQLite samples values then (STAT4): a statement whose plan looked at such
    // samples is prepared anew for each value it is bound to, which is two thirds of what a session by its id costs here.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.execute_batch(&format!(
        "PRAGMA journal_mode = wal; PRAGMA synchronous = full; PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = on; \
         PRAGMA mmap_size = 268435456; PRAGMA cache_size = -16384; PRAGMA temp_store = memory; PRAGMA query_only = {reads};"
    ))?;
    Ok(connection)
}

fn find(connection: &Connection, by_id: &str, id: Uuid) -> rusqlite::Result<Option<Detail>> {
    const TAGS: &str =
        "SELECT t.name FROM session_tags st JOIN tags t ON t.id = st.tag_id WHERE st.session_id = ?1 ORDER BY t.name";
    const TECHNOLOGIES: &str = "SELECT technology FROM session_technologies WHERE session_id = ?1 ORDER BY position";
    const ITEMS: &str =
        "SELECT id, category, title, status FROM work_items WHERE session_id = ?1 ORDER BY created_at, id";
    const TIME: &str = "SELECT id FROM billable_time WHERE session_id = ?1 ORDER BY entry_date, id";
    let detail = connection.prepare_cached(by_id)?.query_row([id], detail).optional()?;
    let Some(detail) = detail else { return Ok(None) };
    let texts = |statement: &str| {
        let mut statement = connection.prepare_cached(statement)?;
        statement.query_map([id], |row| row.get(0))?.collect::<rusqlite::Result<Vec<String>>>()
    };
    let mut items = connection.prepare_cached(ITEMS)?;
    let items = items.query_map([id], |row| {
        Ok(Item { id: row.get(0)?, category: row.get(1)?, title: row.get(2)?, status: row.get(3)? })
    })?;
    let work_items = items.collect::<rusqlite::Result<_>>()?;
    let mut time = connection.prepare_cached(TIME)?;
    let billable_time = time.query_map([id], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    let (tags, technologies_used) = (texts(TAGS)?, texts(TECHNOLOGIES)?);
    Ok(Some(Detail { tags, technologies_used, work_items, billable_time, ..detail }))
}

/// Checks what the session refers to, derives what depends on it, and adds the row.
pub(super) fn insert(connection: &Connection, mut new: Detail) -> rusqlite::Result<Detail> {
    const CLIENT: &str = "SELECT name, billing_increment_minutes, billing_rounding FROM clients WHERE id = ?1";
    const PROJECT: &str = "SELECT name FROM projects WHERE id = ?1 AND client_id = ?2";
    const INSERT: &str = "INSERT INTO sessions (id, client_id, project_id, machine_id, session_date, start_time, end_time, \
         duration_minutes, session_title, title_key, technician, technician_key, status, is_billable, billable_hours, \
         billable_hours_given, created_at, updated_at, revision, summary, notes, search_key) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, 0, ?16, ?17, 1, ?18, ?19, ?20)";
    let billing = connection.prepare_cached(CLIENT)?.query_row([new.row.client_id], |row| {
        Ok(Billing { client_name: row.get(0)?, increment: row.get(1)?, rounding: row.get(2)? })
    })?;
    let project = connection.prepare_cached(PROJECT)?;
    let project = { project }.query_row([new.row.project_id, new.row.client_id], |row| row.get(0))?;
    new.place(billing, project);
    let row = &new.row;
    let technician_key = new.technician.as_deref().map(claudetools_kernel::text::fold);
    connection.prepare_cached(INSERT)?.execute(params![
        row.id,
        row.client_id,
        row.project_id,
        new.machine_id,
        row.session_date,
        new.start_time,
        new.end_time,
        row.duration_minutes,
        row.session_title,
        new.title_key(),
        new.technician,
        technician_key,
        row.status,
        row.is_billable,
        row.billable_hours,
        row.created_at,
        row.updated_at,
        row.summary,
        new.notes,
        new.search_key(),
    ])?;
    Ok(new)
}

fn row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    Ok(Row {
        id: row.get(0)?,
        client_id: row.get(1)?,
        client_name: row.get(2)?,
        project_id: row.get(3)?,
        project_name: row.get(4)?,
        session_date: row.get(5)?,
        duration_minutes: row.get(6)?,
        billable_hours: row.get(7)?,
        session_title: row.get(8)?,
        summary: row.get(9)?,
        status: row.get(10)?,
        is_billable: row.get(11)?,
        created_at: row.get(12)?,
        updated_at: row.get(13)?,
    })
}

fn detail(of: &rusqlite::Row<'_>) -> rusqlite::Result<Detail> {
    Ok(Detail {
        row: row(of)?,
        machine_id: of.get(14)?,
        machine_hostname: of.get(15)?,
        start_time: of.get(16)?,
        end_time: of.get(17)?,
        technician: of.get(18)?,
        notes: of.get(19)?,
        tags: Vec::new(),
        technologies_used: Vec::new(),
        work_items: Vec::new(),
        commands: of.get(20)?,
        billable_time: Vec::new(),
    })
}
