//! The program `claudetools-seed`, for people: `cargo xtask seed` runs it.
#![expect(clippy::print_stderr, clippy::print_stdout, reason = "it talks to whoever typed it")]

use std::{env, fs, path::Path, process::ExitCode, time::Instant};

use chrono::NaiveDate;
use clap::Parser;
use claudetools_crypto::SystemClock;
use claudetools_kernel::Clock;
use claudetools_seed::{Plan, Size};
use claudetools_sql::{SqlOptions, SqlStore};
use indicatif::{ProgressBar, ProgressStyle};

const SCHEME: &str = "sqlite://";

/// Fill a database with a year of believable work.
#[derive(Debug, Parser)]
#[command(name = "claudetools-seed")]
struct Arguments {
    /// Decides everything that chance decides: the same seed, size and last day give the same rows.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How much.
    #[arg(long, value_enum, default_value_t = Size::Small)]
    size: Size,
    /// The year ends the day before this one (UTC); today unless given.
    #[arg(long, value_name = "YYYY-MM-DD")]
    until: Option<NaiveDate>,
    /// Where to write: `sqlite://<path>`, `mysql://…` or `postgres://…`. Unless given, `DATABASE_URL`, else `sqlite://data/claudetools.db`.
    #[arg(long)]
    database_url: Option<String>,
    /// Add to a database that has clients already.
    #[arg(long)]
    append: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    match seed(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("claudetools-seed: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn seed(arguments: Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let until = arguments.until.unwrap_or_else(|| SystemClock.now().date());
    let plan = Plan { seed: arguments.seed, size: arguments.size, until, append: arguments.append };
    let given = arguments.database_url.or_else(|| env::var("DATABASE_URL").ok().filter(|url| !url.is_empty()));
    let url = given.unwrap_or_else(|| format!("{SCHEME}data/claudetools.db"));
    make_folder(&url)?;
    let store = SqlStore::open(&url, &SqlOptions::default()).await?;

    let bar = ProgressBar::new(plan.size.sessions());
    bar.set_style(ProgressStyle::with_template("{wide_bar} {human_pos}/{human_len} sessions, {eta} left")?);
    let start = Instant::now();
    let outcome = claudetools_seed::run(&store, &plan, &|sessions| bar.set_position(sessions)).await;
    bar.finish_and_clear();
    store.close().await?;
    println!("{} in {:.1} s", outcome?, start.elapsed().as_secs_f64());
    println!("The same again: --seed {} --size {} --until {until}", plan.seed, plan.size);
    Ok(())
}

/// Makes the folder of a database file, as the server does.
fn make_folder(url: &str) -> Result<(), Box<dyn std::error::Error>> {
    let Some(path) = url.strip_prefix(SCHEME) else { return Ok(()) };
    if path.is_empty() || path.contains(['?', '#', '%']) {
        return Err("the database must be sqlite:// and a path, as in sqlite://data/claudetools.db".into());
    }
    if let Some(folder) = Path::new(path).parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    Ok(())
}
