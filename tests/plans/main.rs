//! Every list's plan: that each documented filter by itself is answered by an index, in the order of the list.
//!
//! `docs/query-plans.md` tells what is held here, and what the same lists take at a million sessions.
#![expect(clippy::expect_used, reason = "test code: a failure here is a failed test")]

mod ground;
mod measure;
mod servers;

use claudetools_kernel::{Direction, PageRequest, Sort, Start};
use claudetools_sessions::{
    Priority, SessionFilter, SessionSort, SessionStatus, WorkItemCategory, WorkItemFilter, WorkItemSort, WorkItemStatus,
};
use claudetools_sql::{SqlStore, plans};
use claudetools_testkit::{Engine, TestStore};
use ground::Ground;

/// What a plan must show.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Wanted {
    /// The rows are found and put in order by this index.
    Index(&'static str),
    /// They are found by this index and then sorted.
    Sorted(&'static str),
}

/// A part of a technician's name that is in one name finds the sessions of that name.
const ONE_NAME: Wanted = Wanted::Index("ix_sessions_technician");
/// Otherwise it is looked for in the index of the order.
const NO_NAME: Wanted = Wanted::Index("ix_sessions_date");

impl Wanted {
    fn holds(self, plan: &[String]) -> bool {
        let sorts = plan.iter().any(|step| step.contains("TEMP B-TREE"));
        let scans_rows = plan.iter().any(|step| step.starts_with("SCAN") && !step.contains("INDEX"));
        let (index, may_sort) = match self {
            Self::Index(index) => (index, false),
            Self::Sorted(index) => (index, true),
        };
        plan.iter().any(|step| step.contains(&format!("INDEX {index}"))) && sorts == may_sort && !scans_rows
    }
}

fn sorted<S>(request: PageRequest<S>, field: S, direction: Direction) -> PageRequest<S> {
    PageRequest { sort: Sort { field, direction }, ..request }
}

#[tokio::test]
async fn every_list_is_answered_by_indexes() {
    let store = TestStore::on(Engine::Sqlite).await;
    let sql = store.sql.as_ref().expect("a store on SQLite");
    let mut ground = Ground::new();
    // A new installation has no statistics to plan by.
    each_filter_of_sessions_has_an_index_in_the_order_of_the_list(sql, &ground, NO_NAME).await;
    let sessions = std::env::var("SESSIONS").ok().map(|number| number.parse().expect("SESSIONS is a number"));
    ground.fill(sql, sessions.unwrap_or(20_000)).await;
    each_filter_of_sessions_has_an_index_in_the_order_of_the_list(sql, &ground, ONE_NAME).await;
    each_order_of_sessions_has_an_index(sql, &ground).await;
    totals_of_sessions_are_counted_in_an_index_alone(sql).await;
    each_filter_of_work_items_has_an_index(sql, &ground).await;
    if sessions.is_some() {
        measure::print(&mut *store.sessions.read().await.expect("a reader"), &ground).await;
    }
}

async fn each_filter_of_sessions_has_an_index_in_the_order_of_the_list(
    sql: &SqlStore,
    ground: &Ground,
    technician: Wanted,
) {
    let middle = ground.middle_of_sessions(SessionSort::SessionDate);
    for (name, filter, wanted) in session_filters(technician) {
        let first = PageRequest::first(50);
        let deep = PageRequest { start: Start::After(middle.clone()), ..first.clone() };
        for (which, page) in [("first page", first), ("cursor page", deep)] {
            let plan = plans::session_page(sql, &filter, &page).await.expect("a plan");
            assert!(wanted.holds(&plan), "{name}, {which}: {wanted:?} but {plan:#?}");
            let leads_to_the_place = plan[0].contains(")<(?,?)");
            assert_eq!(leads_to_the_place, which == "cursor page", "{name}, {which}: {plan:#?}");
        }
    }
}

async fn each_order_of_sessions_has_an_index(sql: &SqlStore, ground: &Ground) {
    for (field, index) in [
        (SessionSort::SessionDate, "ix_sessions_date"),
        (SessionSort::CreatedAt, "ix_sessions_created_at"),
        (SessionSort::UpdatedAt, "ix_sessions_updated_at"),
        (SessionSort::SessionTitle, "ix_sessions_title"),
    ] {
        for direction in [Direction::Ascending, Direction::Descending] {
            let first = sorted(PageRequest::first(50), field, direction);
            let deep = PageRequest { start: Start::After(ground.middle_of_sessions(field)), ..first.clone() };
            for page in [first, deep] {
                let plan = plans::session_page(sql, &SessionFilter::default(), &page).await.expect("a plan");
                assert!(Wanted::Index(index).holds(&plan), "{field:?} {direction:?}: {plan:#?}");
            }
        }
    }
}

async fn totals_of_sessions_are_counted_in_an_index_alone(sql: &SqlStore) {
    for (name, filter, _) in session_filters(ONE_NAME) {
        let plan = plans::session_total(sql, &filter).await.expect("a plan");
        // `q` reads the text of the rows themselves.
        assert_eq!(plan[0].contains("COVERING INDEX"), name != "q", "{name}: {plan:#?}");
    }
}

async fn each_filter_of_work_items_has_an_index(sql: &SqlStore, ground: &Ground) {
    let middle = ground.middle_of_work_items();
    for (name, filter, wanted) in work_item_filters(ground) {
        let first = PageRequest::first(50);
        let deep = PageRequest { start: Start::After(middle.clone()), ..first.clone() };
        for (which, page) in [("first page", first), ("cursor page", deep)] {
            let plan = plans::work_item_page(sql, &filter, &page).await.expect("a plan");
            assert!(wanted.holds(&plan), "{name}, {which}: {wanted:?} but {plan:#?}");
        }
        let plan = plans::work_item_total(sql, &filter).await.expect("a plan");
        assert_eq!(plan[0].contains("COVERING INDEX"), name != "q", "{name}, total: {plan:#?}");
    }
    for (field, index) in
        [(WorkItemSort::UpdatedAt, "ix_work_items_updated_at"), (WorkItemSort::Title, "ix_work_items_title")]
    {
        let page = sorted(PageRequest::first(50), field, Direction::Ascending);
        let plan = plans::work_item_page(sql, &WorkItemFilter::default(), &page).await.expect("a plan");
        assert!(Wanted::Index(index).holds(&plan), "{field:?}: {plan:#?}");
    }
}

/// Every documented filter of sessions by itself, under the name of its parameter. `technician` is what is wanted of that one, for which
/// it matters how many names there are.
fn session_filters(technician: Wanted) -> Vec<(&'static str, SessionFilter, Wanted)> {
    let any = SessionFilter::default;
    let (first, last) = ground::half_the_days();
    vec![
        ("none", any(), Wanted::Index("ix_sessions_date")),
        (
            "client_id",
            SessionFilter { client_id: Some(ground::a_client()), ..any() },
            Wanted::Index("ix_sessions_client"),
        ),
        (
            "project_id",
            SessionFilter { project_id: Some(ground::a_project()), ..any() },
            Wanted::Index("ix_sessions_project"),
        ),
        (
            "machine_id",
            SessionFilter { machine_id: Some(ground::a_machine()), ..any() },
            Wanted::Index("ix_sessions_machine"),
        ),
        ("technician", SessionFilter { technician: Some("tech-7".into()), ..any() }, technician),
        ("date_from", SessionFilter { date_from: Some(first), ..any() }, Wanted::Index("ix_sessions_date")),
        ("date_to", SessionFilter { date_to: Some(last), ..any() }, Wanted::Index("ix_sessions_date")),
        (
            "date_from and date_to",
            SessionFilter { date_from: Some(first), date_to: Some(last), ..any() },
            Wanted::Index("ix_sessions_date"),
        ),
        ("is_billable", SessionFilter { is_billable: Some(false), ..any() }, Wanted::Index("ix_sessions_billable")),
        ("status", SessionFilter { status: Some(SessionStatus::OnHold), ..any() }, Wanted::Index("ix_sessions_status")),
        ("tag", SessionFilter { tag: Some("tag-3".into()), ..any() }, Wanted::Index("ix_session_tags_tag")),
        (
            "technology",
            SessionFilter { technology: Some("Technology 3".into()), ..any() },
            Wanted::Index("ix_session_technologies_technology"),
        ),
        ("q", SessionFilter { q: Some("rare word".into()), ..any() }, Wanted::Index("ix_sessions_date")),
    ]
}

/// Every documented filter of work items by itself, under the name of its parameter.
fn work_item_filters(ground: &Ground) -> Vec<(&'static str, WorkItemFilter, Wanted)> {
    let any = WorkItemFilter::default;
    let (first, last) = ground::a_month();
    vec![
        ("none", any(), Wanted::Index("ix_work_items_created_at")),
        (
            "session_id",
            WorkItemFilter { session_id: Some(ground.session()), ..any() },
            Wanted::Index("ix_work_items_session"),
        ),
        (
            "client_id",
            WorkItemFilter { client_id: Some(ground::a_client()), ..any() },
            Wanted::Index("ix_work_items_client"),
        ),
        (
            "category",
            WorkItemFilter { category: Some(WorkItemCategory::Security), ..any() },
            Wanted::Index("ix_work_items_category"),
        ),
        (
            "status",
            WorkItemFilter { status: Some(WorkItemStatus::Blocked), ..any() },
            Wanted::Index("ix_work_items_status"),
        ),
        (
            "priority",
            WorkItemFilter { priority: Some(Priority::High), ..any() },
            Wanted::Index("ix_work_items_priority"),
        ),
        ("is_billable", WorkItemFilter { is_billable: Some(false), ..any() }, Wanted::Index("ix_work_items_billable")),
        (
            "date_from and date_to",
            WorkItemFilter { date_from: Some(first), date_to: Some(last), ..any() },
            Wanted::Sorted("ix_work_items_date"),
        ),
        ("q", WorkItemFilter { q: Some("rare word".into()), ..any() }, Wanted::Index("ix_work_items_created_at")),
    ]
}
