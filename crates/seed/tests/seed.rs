//! What is written, read back through the repositories.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::{HashMap, HashSet};

use chrono::{Datelike, NaiveDate, Timelike};
use claudetools_kernel::{Hours, Id, Page, PageRequest, SortField, Start, UnitOfWork};
use claudetools_seed::{Plan, SeedError, Size, Summary, run};
use claudetools_sessions::{
    BillingRule, Client, ClientFilter, MachineFilter, PendingTaskFilter, Project, ProjectFilter, ProjectStatus,
    Session, SessionFilter, SessionStatus, TagFilter, WorkItemFilter, ports::SessionsTx,
};
use claudetools_sql::{SqlOptions, SqlStore};
use tempfile::TempDir;

const UNTIL: NaiveDate = NaiveDate::from_ymd_opt(2026, 7, 1).unwrap();

fn plan(seed: u64) -> Plan {
    Plan { seed, size: Size::Small, until: UNTIL, append: false }
}

async fn store() -> (SqlStore, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("seed.db").display());
    (SqlStore::open(&url, &SqlOptions::default()).await.unwrap(), folder)
}

async fn read(store: &SqlStore) -> Box<dyn SessionsTx> {
    let unit: &dyn UnitOfWork<dyn SessionsTx> = store;
    unit.read().await.unwrap()
}

/// Every row of a list, page by page.
macro_rules! all {
    ($page:ident => $list:expr) => {{
        let mut rows = Vec::new();
        let mut $page = page();
        loop {
            let Page { items, next, .. } = $list.await.unwrap();
            rows.extend(items);
            let Some(next) = next else { break rows };
            $page.start = Start::After(next);
        }
    }};
}

fn page<S: SortField>() -> PageRequest<S> {
    PageRequest::first(200)
}

async fn sessions(tx: &mut dyn SessionsTx) -> Vec<Session> {
    let rows = all!(page => tx.sessions().list(&SessionFilter::default(), &page));
    let mut sessions = Vec::new();
    for row in rows {
        sessions.push(tx.sessions().lookup(row.id).await.unwrap().unwrap());
    }
    sessions
}

/// All that the repositories can tell, one line a row, in the order of their lists.
async fn dump(store: &SqlStore) -> Vec<String> {
    let mut tx = read(store).await;
    let tx = &mut *tx;
    let mut lines = Vec::new();
    lines.extend(all!(page => tx.clients().list(&ClientFilter::default(), &page)).iter().map(|row| format!("{row:?}")));
    lines.extend(
        all!(page => tx.projects().list(&ProjectFilter::default(), &page)).iter().map(|row| format!("{row:?}")),
    );
    lines.extend(
        all!(page => tx.machines().list(&MachineFilter::default(), &page)).iter().map(|row| format!("{row:?}")),
    );
    lines.extend(all!(page => tx.tags().list(&TagFilter::default(), &page)).iter().map(|row| format!("{row:?}")));
    lines.extend(sessions(tx).await.iter().map(|session| format!("{session:?}")));
    for row in all!(page => tx.work_items().list(&WorkItemFilter::default(), &page)) {
        lines.push(format!("{:?}", tx.work_items().lookup(row.id).await.unwrap()));
    }
    for row in all!(page => tx.pending_tasks().list(&PendingTaskFilter::default(), UNTIL, &page)) {
        let waits = tx.pending_tasks().dependencies(row.task.id).await.unwrap();
        lines.push(format!("{row:?} {waits:?}"));
    }
    lines
}

#[tokio::test]
async fn the_same_seed_gives_the_same_rows_and_another_seed_others() {
    let mut dumps = Vec::new();
    for seed in [7, 7, 8] {
        let (store, _folder) = store().await;
        run(&store, &plan(seed), &|_| {}).await.unwrap();
        dumps.push(dump(&store).await);
    }
    assert!(dumps[0].len() > 6_000, "{} rows", dumps[0].len());
    let first = dumps[0].iter().zip(&dumps[1]).find(|(one, other)| one != other);
    assert_eq!((first, dumps[0].len()), (None, dumps[1].len()));
    let kept: HashSet<&String> = dumps[0].iter().collect();
    assert_eq!(dumps[2].iter().filter(|row| kept.contains(row)).count(), 0);
}

#[tokio::test]
async fn every_row_keeps_the_rules() {
    let (store, _folder) = store().await;
    let summary = run(&store, &plan(1), &|_| {}).await.unwrap();
    let Summary { clients, projects, machines, tags, sessions: count, .. } = summary;
    assert_eq!((clients, machines, tags, count), (20, 3, 33, 2_000));
    let mut tx = read(&store).await;
    let all_clients = all!(page => tx.clients().list(&ClientFilter::default(), &page));
    let all_clients: HashMap<Id<Client>, Client> = all_clients.into_iter().map(|client| (client.id, client)).collect();
    let all_projects = all!(page => tx.projects().list(&ProjectFilter::default(), &page));
    let all_projects: HashMap<Id<Project>, Project> =
        all_projects.into_iter().map(|row| (row.project.id, row.project)).collect();
    assert_eq!((all_clients.len(), all_projects.len()), (clients, projects));

    let all_sessions = sessions(&mut *tx).await;
    assert_eq!(all_sessions.len(), count);
    for session in &all_sessions {
        check(session, &all_clients, &all_projects);
    }
    never_two_at_once(&all_sessions);
    let items = all!(page => tx.work_items().list(&WorkItemFilter::default(), &page));
    assert_eq!(items.len(), summary.work_items);
    let by_id: HashMap<Id<Session>, &Session> = all_sessions.iter().map(|session| (session.id, session)).collect();
    for item in items {
        let session = by_id[&item.session_id];
        assert_eq!((item.client_id, item.session_date), (session.client_id, session.session_date));
        assert!(item.created_at >= session.created_at, "{item:?}");
    }
}

fn check(session: &Session, clients: &HashMap<Id<Client>, Client>, projects: &HashMap<Id<Project>, Project>) {
    let client = &clients[&session.client_id.unwrap()];
    if let Some(project) = session.project_id {
        let project = &projects[&project];
        assert_eq!(project.client_id, client.id, "{session:?}");
        assert!(project.started_on <= Some(session.session_date), "{session:?} {project:?}");
        assert!(project.completed_on.is_none_or(|done| session.session_date <= done), "{session:?} {project:?}");
    }
    let start = session.start_time.unwrap().datetime();
    assert_eq!(start.date_naive(), session.session_date);
    assert!(start.weekday().number_from_monday() <= 5 && (8..18).contains(&start.hour()), "{session:?}");
    assert!(session.session_date < UNTIL);
    assert!(session.end_time.is_none_or(|end| end > session.start_time.unwrap() && end.datetime().hour() < 18));
    assert!(session.status != SessionStatus::Completed || session.end_time.is_some(), "{session:?}");
    let minutes = session.duration_minutes;
    let hours = if session.is_billable {
        minutes.map(|minutes| BillingRule::from(client).hours(minutes))
    } else {
        Some(Hours::default())
    };
    assert_eq!(session.billable_hours, hours, "{session:?}");
}

/// Nobody works on two things at the same time.
fn never_two_at_once(sessions: &[Session]) {
    let mut spans: HashMap<&Option<String>, Vec<_>> = HashMap::new();
    for session in sessions.iter().filter(|session| session.end_time.is_some()) {
        spans.entry(&session.technician).or_default().push((session.start_time, session.end_time));
    }
    assert_eq!(spans.len(), 3);
    for spans in spans.values_mut() {
        spans.sort();
        assert!(spans.windows(2).all(|pair| pair[0].1 <= pair[1].0));
    }
}

#[tokio::test]
async fn a_year_has_something_of_everything() {
    let (store, _folder) = store().await;
    run(&store, &plan(1), &|_| {}).await.unwrap();
    let mut tx = read(&store).await;
    for status in [ProjectStatus::Completed, ProjectStatus::Active] {
        let filter = ProjectFilter { status: Some(status), ..ProjectFilter::default() };
        assert!(tx.projects().list(&filter, &page()).await.unwrap().items.len() > 3, "{status}");
    }
    let overdue = PendingTaskFilter { overdue: Some(true), ..PendingTaskFilter::default() };
    assert!(!tx.pending_tasks().list(&overdue, UNTIL, &page()).await.unwrap().items.is_empty());
    // What fills the link tables and folded columns is found by them.
    let filters = [
        SessionFilter { tag: Some("Email".to_owned()), ..SessionFilter::default() },
        SessionFilter { technology: Some("microsoft 365".to_owned()), ..SessionFilter::default() },
        SessionFilter { q: Some("OUTLOOK".to_owned()), ..SessionFilter::default() },
        SessionFilter { technician: Some("-IT.".to_owned()), ..SessionFilter::default() },
        SessionFilter { status: Some(SessionStatus::InProgress), ..SessionFilter::default() },
        SessionFilter { is_billable: Some(false), ..SessionFilter::default() },
    ];
    for filter in filters {
        assert!(!tx.sessions().list(&filter, &page()).await.unwrap().items.is_empty(), "{filter:?}");
    }
}

#[tokio::test]
async fn what_has_clients_is_added_to_only_when_asked() {
    let (store, _folder) = store().await;
    run(&store, &plan(1), &|_| {}).await.unwrap();
    assert!(matches!(run(&store, &plan(1), &|_| {}).await, Err(SeedError::NotEmpty(20))));
    let added = run(&store, &Plan { append: true, ..plan(1) }, &|_| {}).await.unwrap();
    assert_eq!((added.clients, added.tags), (20, 0));
    let mut tx = read(&store).await;
    let page = PageRequest { with_total: true, ..page() };
    let clients = tx.clients().list(&ClientFilter::default(), &page).await.unwrap();
    assert_eq!(clients.total, Some(40));
}
