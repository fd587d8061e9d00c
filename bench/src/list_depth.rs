//! Whether a page deep in the list of sessions costs what the first one costs.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use chrono::{Days, NaiveDate};
use claudetools_seed::{Plan, Size};
use claudetools_sql::{SqlOptions, SqlStore};
use serde_json::Value;

use crate::{
    client::{Call, Client},
    failure::{Failure, Result},
    report::{Report, Samples},
    server::Server,
};

/// Pages of each kind before the first that counts.
const WARM_UP: u32 = 20;
/// How much more the deep page may cost.
const GOAL: (f64, f64) = (0.0, 1.2);
const PAGE: usize = 50;
/// The last day of the seeded year is the one before.
const UNTIL: NaiveDate = NaiveDate::from_ymd_opt(2026, 7, 1).unwrap();

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// How many sessions.
    #[arg(long, value_enum, default_value_t = Size::Million)]
    size: Size,
    /// Pages of each kind.
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(20..=10_000))]
    samples: u32,
}

/// Reads the first page, the second and the one in the middle by turns, for each filter.
pub(crate) async fn run(program: &Path, folder: &Path, options: &Options) -> Result<Report> {
    let database = seeded(folder, options.size).await?;
    let url = format!("sqlite://{}", database.display());
    let server = Server::start(program, &[("DATABASE_URL", url)]).await?;
    let mut client = server.administrator().await?;
    let about = format!("Pages of {PAGE} of {} sessions on SQLite.", options.size.sessions());
    let mut report = Report::new("list-depth", about);
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
    report.compare(format!("{name}: deep / first"), deep, first, GOAL);
    report.compare(format!("{name}: deep / second"), deep, second, GOAL);
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

/// The database of this size, seeded unless an earlier run has left it.
async fn seeded(folder: &Path, size: Size) -> Result<PathBuf> {
    fs::create_dir_all(folder).map_err(|error| Failure::File(folder.to_owned(), error))?;
    let folder = folder.canonicalize().map_err(|error| Failure::File(folder.to_owned(), error))?;
    let database = folder.join(format!("seed-{size}.db"));
    if database.exists() {
        return Ok(database);
    }
    // Only a finished one gets the name, or a run that was broken off would leave half of the rows to be measured.
    let unfinished = tempfile::tempdir_in(&folder)?;
    let path = unfinished.path().join("seed.db");
    let store = SqlStore::open(&format!("sqlite://{}", path.display()), &SqlOptions::default()).await?;
    let plan = Plan { seed: 1, size, until: UNTIL, append: false };
    claudetools_seed::run(&store, &plan, &|_| {}).await?;
    store.close().await?;
    fs::rename(&path, &database).map_err(|error| Failure::File(path, error))?;
    Ok(database)
}
