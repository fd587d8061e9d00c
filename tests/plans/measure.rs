//! What the lists take at a million sessions: prints the tables of `docs/query-plans.md`.
//!
//! `cargo test --release -p acceptance --test plans -- --ignored --nocapture`

use std::time::{Duration, Instant};

use claudetools_kernel::{PageRequest, Start};
use claudetools_sessions::{SessionFilter, SessionSort, ports::SessionsTx};
use claudetools_sql::plans;
use claudetools_testkit::{Engine, TestStore};

use crate::{ground::Ground, session_filters};

/// How often a page is asked for; the median counts.
const ROUNDS: usize = 201;

#[tokio::test]
#[ignore = "takes minutes and a gigabyte; run by hand when a list or an index changes"]
async fn lists_of_a_million_sessions() {
    let rows = std::env::var("ROWS").ok().and_then(|rows| rows.parse().ok()).unwrap_or(1_000_000);
    let store = TestStore::new(Engine::Sqlite).await;
    let sql = store.sql.as_ref().expect("a store on SQLite");
    let mut ground = Ground::new();
    ground.fill(sql, rows).await;
    let mut tx = store.sessions.read().await.expect("a reader");
    let place = ground.middle_of_sessions(SessionSort::SessionDate);

    println!("| filter | rows | first page | cursor page in the middle | ratio | total |");
    println!("|---|---|---|---|---|---|");
    for (name, filter, _) in session_filters(&ground) {
        let first = PageRequest::first(50);
        let deep = PageRequest { start: Start::After(place.clone()), ..first.clone() };
        let counted = PageRequest { limit: 1, with_total: true, ..first.clone() };
        let rounds = if name == "q" { 3 } else { ROUNDS };
        // In turns, so that a noisy neighbour meets both.
        let (mut begin, mut middle) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            begin.push(time(&mut *tx, &filter, &first).await);
            middle.push(time(&mut *tx, &filter, &deep).await);
        }
        let (begin, middle) = (median(begin), median(middle));
        let total =
            median(vec![time(&mut *tx, &filter, &counted).await, time(&mut *tx, &filter, &counted).await]);
        let admitted = tx.sessions().list(&filter, &counted).await.expect("a page").total.unwrap_or_default();
        let ratio = middle.as_secs_f64() / begin.as_secs_f64();
        println!("| {name} | {admitted} | {} | {} | {ratio:.2} | {} |", ms(begin), ms(middle), ms(total));
    }
    for (name, filter, _) in session_filters(&ground) {
        let first = PageRequest::first(50);
        let deep = PageRequest { start: Start::After(place.clone()), ..first.clone() };
        println!("\n{name}");
        for plan in [
            plans::session_page(sql, &filter, &first).await,
            plans::session_page(sql, &filter, &deep).await,
            plans::session_total(sql, &filter).await,
        ] {
            println!("    {}", plan.expect("a plan").join("\n    "));
        }
    }
}

async fn time(tx: &mut dyn SessionsTx, filter: &SessionFilter, page: &PageRequest<SessionSort>) -> Duration {
    let begin = Instant::now();
    tx.sessions().list(filter, page).await.expect("a page");
    begin.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn ms(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1000.0)
}
