//! What the lists take: the tables of `docs/query-plans.md`, printed when the number of sessions is set from outside.
//!
//! `SESSIONS=1000000 cargo test --release -p acceptance --test plans -- --nocapture`
#![expect(clippy::print_stdout, reason = "to print is what it is for")]

use std::time::{Duration, Instant};

use claudetools_kernel::{PageRequest, Start};
use claudetools_sessions::{SessionFilter, SessionSort, ports::SessionsTx};

use crate::{ground::Ground, session_filters};

/// How often a page is asked for; the median counts.
const ROUNDS: usize = 201;

/// Prints what the pages and totals of sessions take.
pub(crate) async fn print(tx: &mut dyn SessionsTx, ground: &Ground) {
    let place = ground.middle_of_sessions(SessionSort::SessionDate);

    println!("| filter | rows | first page | cursor page in the middle | ratio | total |");
    println!("|---|---|---|---|---|---|");
    for (name, filter, _) in session_filters(super::ONE_NAME) {
        let first = PageRequest::first(50);
        let deep = PageRequest { start: Start::After(place.clone()), ..first.clone() };
        let counted = PageRequest { limit: 1, with_total: true, ..first.clone() };
        let rounds = if name == "q" { 3 } else { ROUNDS };
        // In turns, so that a noisy neighbour meets both.
        let (mut begin, mut middle) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            begin.push(time(tx, &filter, &first).await);
            middle.push(time(tx, &filter, &deep).await);
        }
        let (begin, middle) = (median(begin), median(middle));
        let total = median(vec![time(tx, &filter, &counted).await, time(tx, &filter, &counted).await]);
        let admitted = tx.sessions().list(&filter, &counted).await.expect("a page").total.unwrap_or_default();
        let ratio = middle.as_secs_f64() / begin.as_secs_f64();
        println!("| {name} | {admitted} | {} | {} | {ratio:.2} | {} |", ms(begin), ms(middle), ms(total));
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
