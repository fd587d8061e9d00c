//! The same lists on the database servers, at a size where a bad plan hurts.
//!
//! Their optimisers choose by statistics, so that of several good ways any may be taken. What is held: no page reads the whole
//! table, and none sorts more than a handful of rows that an index has found. A substring (`q`) may be looked for in every row.

use claudetools_kernel::{PageRequest, Start};
use claudetools_sessions::{SessionFilter, SessionSort};
use claudetools_sql::plans;
use claudetools_testkit::{Engine, TestStore};

use crate::{ONE_NAME, Wanted, ground::Ground, session_filters, work_item_filters};

const SESSIONS: usize = 20_000;

/// As many rows as may be sorted: a few pages full.
const HANDFUL: u64 = 200;

/// What must not stand in a step of the plan.
fn is_bad(engine: Engine, step: &str) -> bool {
    let has = |signs: &[&str]| signs.iter().any(|sign| step.contains(sign));
    match engine {
        Engine::MariaDb => has(&["filesort", "temporary", "sessions | ALL", "work_items | ALL"]),
        _ => has(&["Seq Scan on sessions", "Seq Scan on work_items"]) || (has(&["Sort  ("]) && rows(step) > HANDFUL),
    }
}

/// How many rows PostgreSQL expects of a step: `… (cost=18.20..18.21 rows=1 width=150)`.
fn rows(step: &str) -> u64 {
    let (_, rest) = step.split_once("rows=").expect("an estimate");
    rest.split(' ').next().and_then(|rows| rows.parse().ok()).expect("a number of rows")
}

async fn no_page_reads_or_sorts_the_whole_table(engine: Engine) {
    let store = TestStore::on(engine).await;
    let sql = store.sql.as_ref().expect("a store on a server");
    let mut ground = Ground::new();
    ground.fill(sql, SESSIONS).await;
    let place = ground.middle_of_sessions(SessionSort::SessionDate);
    let mut bad = Vec::new();
    for (name, filter, _) in session_filters(ONE_NAME) {
        for start in [Start::Offset(0), Start::After(place.clone())] {
            let page = PageRequest { start, ..PageRequest::first(50) };
            let plan = plans::session_page(sql, &filter, &page).await.expect("a plan");
            if name != "q" && plan.iter().any(|step| is_bad(engine, step)) {
                bad.push(format!("sessions by {name}: {plan:#?}"));
            }
        }
    }
    let place = ground.middle_of_work_items();
    for (name, filter, wanted) in work_item_filters(&ground) {
        for start in [Start::Offset(0), Start::After(place.clone())] {
            let page = PageRequest { start, ..PageRequest::first(50) };
            let plan = plans::work_item_page(sql, &filter, &page).await.expect("a plan");
            let may_sort = name == "q" || matches!(wanted, Wanted::Sorted(_));
            if !may_sort && plan.iter().any(|step| is_bad(engine, step)) {
                bad.push(format!("work items by {name}: {plan:#?}"));
            }
        }
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

mod mariadb {
    #[tokio::test]
    async fn no_page_reads_or_sorts_the_whole_table() {
        super::no_page_reads_or_sorts_the_whole_table(super::Engine::MariaDb).await;
    }
}

mod postgres {
    use claudetools_coord::ResourcePath;

    /// Nobody has analysed the table, and it is small: a plan that is made now is kept when there are thousands of rows.
    #[tokio::test]
    async fn the_locks_that_calls_meet_are_found_by_an_index_from_the_first_call_on() {
        let store = super::TestStore::on(super::Engine::Postgres).await;
        let sql = store.sql.as_ref().expect("a store on a server");
        let path = |n: u32| ResourcePath::kept(&format!("project/file-{n}")).expect("a path");
        for paths in [vec![path(0)], (0..16).map(path).collect()] {
            let plan = super::plans::locks_meeting(sql, &paths).await.expect("a plan");
            assert!(plan.iter().any(|step| step.contains("Index Scan")), "{plan:#?}");
            assert!(!plan.iter().any(|step| step.contains("Seq Scan")), "{plan:#?}");
        }
    }

    /// It takes longer to plan a page than to read it. The engine plans a statement five times before it compares.
    #[tokio::test]
    async fn a_page_that_is_asked_for_again_is_not_planned_again() {
        let store = super::TestStore::on(super::Engine::Postgres).await;
        let sql = store.sql.as_ref().expect("a store on a server");
        let mut ground = super::Ground::new();
        ground.fill(sql, 5_000).await;
        let start = super::Start::After(ground.middle_of_sessions(super::SessionSort::SessionDate));
        let page = super::PageRequest { start, with_total: false, ..super::PageRequest::first(50) };
        let kept = super::plans::kept_plans(sql, &super::SessionFilter::default(), &page, 10).await.expect("a number");
        assert_eq!(kept, 5);
    }

    #[tokio::test]
    async fn no_page_reads_or_sorts_the_whole_table() {
        super::no_page_reads_or_sorts_the_whole_table(super::Engine::Postgres).await;
    }
}
