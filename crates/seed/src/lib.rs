//! A year of believable work of a managed service provider, for demonstrations, tests at full size and measurements.
//!
//! Everything goes through the domain's own types, so that no row breaks a rule that the API would have kept, and into the
//! database by [`claudetools_sql::Bulk`], a stretch at a time: memory does not grow with the number of sessions. The same
//! seed, size and last day give the same rows, ids included.

mod calendar;
mod dice;
mod firm;
mod jobs;
mod names;
mod work;

use std::fmt;

use chrono::NaiveDate;
use clap::ValueEnum;
use claudetools_kernel::{Error, Page, PageRequest, Start, StoreError, UnitOfWork, text};
use claudetools_sessions::{Client, ClientFilter, Machine, Project, ports::SessionsTx};
use claudetools_sql::{Bulk, SchemaError, SqlStore};

use crate::{
    calendar::Year,
    dice::Dice,
    firm::{Firm, Taken},
    names::Pairs,
    work::{Desk, Work, appointments},
};

/// How many sessions are held in memory before they are written.
const STRETCH: usize = 1_000;
/// How many clients are read at once.
const PAGE: u32 = 200;

/// How much work there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Size {
    /// 2,000 sessions for 20 clients.
    Small,
    /// 50,000 sessions for 100 clients.
    Medium,
    /// 1,000,000 sessions for 2,000 clients.
    #[value(name = "1m")]
    Million,
}

impl fmt::Display for Size {
    /// The word for it on a command line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Small => "small",
            Self::Medium => "medium",
            Self::Million => "1m",
        })
    }
}

/// What a size means.
#[derive(Debug)]
struct Shape {
    clients: usize,
    technicians: usize,
    sessions: u64,
    /// The fewest and the most work items of a session.
    items: (i64, i64),
    /// How many sessions of a hundred leave a task.
    task_percent: u64,
}

impl Size {
    /// How many sessions there will be.
    pub const fn sessions(self) -> u64 {
        self.shape().sessions
    }

    const fn shape(self) -> Shape {
        match self {
            Self::Small => Shape { clients: 20, technicians: 3, sessions: 2_000, items: (1, 3), task_percent: 8 },
            Self::Medium => Shape { clients: 100, technicians: 30, sessions: 50_000, items: (1, 3), task_percent: 5 },
            Self::Million => {
                Shape { clients: 2_000, technicians: 480, sessions: 1_000_000, items: (0, 1), task_percent: 2 }
            }
        }
    }
}

/// What to write.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Decides everything that chance decides.
    pub seed: u64,
    /// How much.
    pub size: Size,
    /// The day after the last day of the year.
    pub until: NaiveDate,
    /// Whether to add to a database that has clients already.
    pub append: bool,
}

/// How many rows were written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "each is the number of the rows it is named after")]
pub struct Summary {
    pub clients: usize,
    pub projects: usize,
    pub machines: usize,
    pub tags: usize,
    pub sessions: usize,
    pub work_items: usize,
    pub pending_tasks: usize,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { clients, projects, machines, tags, sessions, work_items, pending_tasks } = self;
        write!(
            f,
            "{clients} clients, {projects} projects, {machines} machines, {tags} tags, {sessions} sessions, \
             {work_items} work items, {pending_tasks} pending tasks"
        )
    }
}

/// Why nothing, or not everything, was written.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// There are clients already, and adding to them was not asked for.
    #[error("the database holds {0} clients; name another with --database-url, or add to this one with --append")]
    NotEmpty(u64),
    /// The year lies outside of the calendar.
    #[error("the last day must lie in the years 1980 to 9000")]
    Calendar,
    /// The domain refused a row.
    #[error("a row that breaks a rule: {0}")]
    Refused(#[from] Error),
    /// The schema could not be brought up to date.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Applies the migrations that are missing and writes what `plan` says. `progress` is told how many sessions are written.
pub async fn run(store: &SqlStore, plan: &Plan, progress: &(dyn Fn(u64) + Send + Sync)) -> Result<Summary, SeedError> {
    let year = Year::before(plan.until).ok_or(SeedError::Calendar)?;
    claudetools_sql::prepare(store).await?;
    let (taken, clients) = look(store).await?;
    if clients > 0 && !plan.append {
        return Err(SeedError::NotEmpty(clients));
    }
    // What is added to other rows has throws of its own, or it would collide with those of the same seed.
    let mut dice = Dice::new(plan.seed, clients);
    let shape = plan.size.shape();
    let mut bulk = store.bulk().await?;
    let mut firm = Firm::found(&mut dice, &shape, year, taken)?;
    let mut summary = found(&mut bulk, &firm).await?;

    let days = year.workdays();
    let people = Pairs::people(&mut dice);
    let mut desk = Desk { dice: &mut dice, people, shape: &shape, year };
    let mut work = Work::default();
    for (day, number) in days.iter().zip(1..) {
        let due = shape.sessions * number / days.len() as u64;
        let today = usize::try_from(due).unwrap_or(usize::MAX) - summary.sessions - work.sessions.len();
        let is_last = Some(day) == days.last();
        for planned in appointments(desk.dice, *day, today, shape.technicians, is_last) {
            desk.attend(&mut firm, *day, &planned, &mut work)?;
            if work.sessions.len() == STRETCH {
                write(&mut bulk, &mut work, &mut summary).await?;
                progress(summary.sessions as u64);
            }
        }
    }
    write(&mut bulk, &mut work, &mut summary).await?;
    bulk.finish().await?;
    progress(summary.sessions as u64);
    Ok(summary)
}

/// What names are taken, and how many clients there are.
async fn look(store: &SqlStore) -> Result<(Taken, u64), StoreError> {
    let unit: &dyn UnitOfWork<dyn SessionsTx> = store;
    let mut tx = unit.read().await?;
    let mut taken = Taken::default();
    let mut page = PageRequest::first(PAGE);
    loop {
        let Page { items, next, .. } = tx.clients().list(&ClientFilter::default(), &page).await?;
        taken.clients.extend(items.iter().map(|client| text::fold(&client.name)));
        let Some(next) = next else { break };
        page.start = Start::After(next);
    }
    let names: Vec<String> = jobs::TAGS.iter().map(|(name, _)| text::fold(name)).collect();
    taken.tags = tx.tags().by_names(&names).await?;
    let clients = taken.clients.len() as u64;
    Ok((taken, clients))
}

/// Writes what work refers to.
async fn found(bulk: &mut Bulk, firm: &Firm) -> Result<Summary, StoreError> {
    let clients: Vec<Client> = firm.accounts.iter().map(|account| account.client.clone()).collect();
    let projects = firm.accounts.iter().flat_map(|account| &account.projects);
    let projects: Vec<Project> = projects.map(|undertaking| undertaking.project.clone()).collect();
    let machines: Vec<Machine> = firm.technicians.iter().map(|technician| technician.machine.clone()).collect();
    bulk.tags(&firm.new_tags).await?;
    bulk.machines(&machines).await?;
    bulk.clients(&clients).await?;
    bulk.projects(&projects).await?;
    Ok(Summary {
        clients: clients.len(),
        projects: projects.len(),
        machines: machines.len(),
        tags: firm.new_tags.len(),
        ..Summary::default()
    })
}

/// Writes what has been done and forgets it.
async fn write(bulk: &mut Bulk, work: &mut Work, summary: &mut Summary) -> Result<(), StoreError> {
    bulk.sessions(&work.sessions).await?;
    bulk.work_items(&work.items).await?;
    bulk.pending_tasks(&work.tasks).await?;
    summary.sessions += work.sessions.len();
    summary.work_items += work.items.len();
    summary.pending_tasks += work.tasks.len();
    *work = Work::default();
    Ok(())
}
