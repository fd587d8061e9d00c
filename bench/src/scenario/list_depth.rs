//! Whether a page deep in the list of sessions costs what the first one costs.

use std::collections::BTreeMap;

use chrono::Days;
use claudetools_seed::Size;
use serde_json::Value;

use crate::{
    client::{Call, Client},
    data::{Engine, Rows, UNTIL},
    failure::{Failure, Result},
    lineup::{Bench, Extras},
    report::{Report, Samples},
};

/// Pages of each kind before the first that counts.
const WARM_UP: u32 = 20;
const PAGE: usize = 50;

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// How many sessions.
    #[arg(long, value_enum, default_value_t = Self::default().size)]
    size: Size,
    /// Pages of each kind.
    #[arg(long, default_value_t = Self::default().samples, value_parser = clap::value_parser!(u32).range(20..=10_000))]
    samples: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self { size: Size::Million, samples: 300 }
    }
}

/// Reads the first page, the second and the one in the middle by turns, for each filter.
pub(crate) async fn run(bench: &Bench, options: &Options) -> Result<Report> {
    let data = bench.databases.shared(Engine::Sqlite, Rows::Seed(options.size)).await?;
    // Nothing is written, so that the file stays what later runs expect.
    let server = bench.ours("ours", &data, Extras::None).await?;
    let mut client = server.client().await?;
    let about = format!("Pages of {PAGE} of {} sessions on SQLite.", options.size.sessions());
    let mut report = bench.report("list-depth", about);
    let first_day = UNTIL - Days::new(365);
    let filters = [
        ("none", String::new()),
        ("client", format!("client_id={}", busiest_client(&mut client).await?)),
        ("date range", format!("date_from={first_day}&date_to={UNTIL}")),
        ("status", "status=completed".to_owned()),
    ];
    for (name, filter) in filters {
        measure(&mut client, name, &filter, options.samples, &mut report).await?;
    }
    Ok(report)
}

async fn measure(client: &mut Client, name: &str, filter: &str, samples: u32, report: &mut Report) -> Result<()> {
    let path = |rest: &str| format!("/api/v1/sessions?{filter}&{rest}").replace("?&", "?");
    let first = path(&format!("limit={PAGE}"));
    let page = client.get(&first).await?;
    let total = page["total"].as_u64().ok_or_else(|| Failure::Server("the first page has no total".into()))?;
    let middle = total / 2;
    let before = client.get(&path(&format!("limit=1&offset={}", middle - 1))).await?;
    let after = |page: &Value| {
        let cursor = page["next_cursor"].as_str();
        let cursor = cursor.ok_or_else(|| Failure::Server(format!("a page by {name} has no next_cursor")))?;
        Ok::<_, Failure>(path(&format!("limit={PAGE}&cursor={cursor}")))
    };
    let paths = [first, after(&page)?, after(&before)?];
    let mut taken = [Samples::default(), Samples::default(), Samples::default()];
    for round in 0..WARM_UP + samples {
        for turn in 0..paths.len() {
            // Each kind follows each other one as often, so that none profits from what another has read.
            let kind = (turn + round as usize) % paths.len();
            let answer = client.send(Call { path: &paths[kind], ..Call::default() }).await?;
            answer.expect(200, &paths[kind])?;
            if round == 0 {
                check_rows(&answer.body, &paths[kind])?;
            } else if round >= WARM_UP {
                taken[kind].add(answer.took);
            }
        }
    }
    let [first, second, deep] = &taken;
    report.measured(format!("{name}: first page, with the total of {total}"), first);
    report.measured(format!("{name}: second page, by cursor"), second);
    report.measured(format!("{name}: page behind {middle}, by cursor"), deep);
    report.value(format!("{name}: deep / first"), deep.median() / first.median());
    report.value(format!("{name}: deep / second"), deep.median() / second.median());
    Ok(())
}

fn check_rows(body: &[u8], path: &str) -> Result<()> {
    let page: Value = serde_json::from_slice(body)?;
    match page["sessions"].as_array() {
        Some(rows) if rows.len() == PAGE => Ok(()),
        rows => Err(Failure::Server(format!("{path} has {:?} rows instead of {PAGE}", rows.map(Vec::len)))),
    }
}

/// The client that occurs most often among the latest sessions.
async fn busiest_client(client: &mut Client) -> Result<String> {
    let page = client.get("/api/v1/sessions?limit=200").await?;
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for id in page["sessions"].as_array().into_iter().flatten().filter_map(|row| row["client_id"].as_str()) {
        *counts.entry(id).or_default() += 1;
    }
    let busiest = counts.into_iter().max_by_key(|(_, count)| *count);
    busiest.map(|(id, _)| id.to_owned()).ok_or_else(|| Failure::Server("there are no sessions".into()))
}
