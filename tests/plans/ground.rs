//! What the lists run over: two years of sessions, made by arithmetic.

use chrono::{Days, NaiveDate, TimeDelta};
use claudetools_kernel::{
    Enumeration, Hours, Id, Keyed, Patch, Position, Timestamp,
    contract::{at, uuid},
};
use claudetools_sessions::{
    BillingRule, Client, ClientFields, ClientType, Machine, MachineFields, Platform, Priority, Project, ProjectFields,
    Session, SessionFields, SessionRow, SessionSort, SessionStatus, Tag, TagFields, WorkItem, WorkItemCategory,
    WorkItemFields, WorkItemRow, WorkItemSort, WorkItemStatus,
};
use claudetools_sql::SqlStore;

const CLIENTS: u128 = 40;
const PROJECTS: u128 = 80;
const MACHINES: u128 = 20;
const TAGS: u128 = 30;
/// Two years.
const DAYS: u64 = 730;
/// How many sessions are made before they are written.
const CHUNK: usize = 5_000;

/// Where ids of a kind begin.
const PROJECT: u128 = 1_000;
const MACHINE: u128 = 2_000;
const TAG: u128 = 3_000;
const SESSION: u128 = 10_000_000;
const WORK_ITEM: u128 = 20_000_000;

/// The places that lists are asked for, in a store that may be filled.
#[derive(Debug)]
pub(crate) struct Ground {
    middle: Session,
}

impl Ground {
    /// The places in a store that has no rows yet.
    pub(crate) fn new() -> Self {
        Self { middle: session(1, 2, &(0..TAGS).map(tag).collect::<Vec<_>>()) }
    }

    /// Fills the store with so many sessions, each second with a work item, and lets the engine count them.
    pub(crate) async fn fill(&mut self, store: &SqlStore, sessions: usize) {
        let mut bulk = store.bulk().await.expect("a bulk load");
        let clients: Vec<Client> = (0..CLIENTS).map(client).collect();
        bulk.clients(&clients).await.expect("clients");
        bulk.projects(&(0..PROJECTS).map(project).collect::<Vec<_>>()).await.expect("projects");
        bulk.machines(&(0..MACHINES).map(machine).collect::<Vec<_>>()).await.expect("machines");
        let tags: Vec<Tag> = (0..TAGS).map(tag).collect();
        bulk.tags(&tags).await.expect("tags");
        for from in (0..sessions).step_by(CHUNK) {
            let some: Vec<Session> = (from..sessions.min(from + CHUNK)).map(|n| session(n, sessions, &tags)).collect();
            bulk.sessions(&some).await.expect("sessions");
            let items: Vec<WorkItem> = some.iter().step_by(2).map(work_item).collect();
            bulk.work_items(&items).await.expect("work items");
        }
        bulk.finish().await.expect("statistics");
        self.middle = session(sessions / 2, sessions, &tags);
    }

    /// The place in the middle of the unfiltered list.
    pub(crate) fn middle_of_sessions(&self, field: SessionSort) -> Position {
        SessionRow::new(&self.middle, None, None).position(field)
    }

    /// The place in the middle of the unfiltered list.
    pub(crate) fn middle_of_work_items(&self) -> Position {
        WorkItemRow::new(&work_item(&self.middle), String::new(), None).position(WorkItemSort::CreatedAt)
    }

    pub(crate) fn session(&self) -> Id<Session> {
        self.middle.id
    }
}

pub(crate) fn a_client() -> Id<Client> {
    Id::new(uuid(7))
}

pub(crate) fn a_project() -> Id<Project> {
    Id::new(uuid(PROJECT + 7))
}

pub(crate) fn a_machine() -> Id<Machine> {
    Id::new(uuid(MACHINE + 7))
}

/// From the first quarter of the days to the third, so that the middle lies well inside.
pub(crate) fn half_the_days() -> (NaiveDate, NaiveDate) {
    (first_day() + Days::new(DAYS / 4), first_day() + Days::new(DAYS * 3 / 4))
}

/// Four weeks in the middle.
pub(crate) fn a_month() -> (NaiveDate, NaiveDate) {
    (first_day() + Days::new(DAYS / 2), first_day() + Days::new(DAYS / 2 + 27))
}

fn first_day() -> NaiveDate {
    NaiveDate::from_ymd_opt(2024, 1, 1).expect("a day")
}

fn id(session: usize) -> Id<Session> {
    Id::new(uuid(SESSION + session as u128))
}

fn client(n: u128) -> Client {
    let fields = ClientFields {
        name: Some(format!("Client {n}")),
        client_type: Some(ClientType::MspClient),
        ..ClientFields::default()
    };
    Client::new(Id::new(uuid(n)), fields, at(0)).expect("a client")
}

fn project(n: u128) -> Project {
    let fields = ProjectFields {
        client_id: Some(Id::new(uuid(n % CLIENTS))),
        name: Some(format!("Project {n}")),
        ..ProjectFields::default()
    };
    Project::new(Id::new(uuid(PROJECT + n)), fields, at(0)).expect("a project")
}

fn machine(n: u128) -> Machine {
    let fields = MachineFields {
        hostname: Some(format!("ws-{n}")),
        machine_fingerprint: Some(format!("{n:064x}")),
        platform: Some(Platform::Linux),
        ..MachineFields::default()
    };
    Machine::new(Id::new(uuid(MACHINE + n)), fields, at(0)).expect("a machine")
}

fn tag(n: u128) -> Tag {
    let fields = TagFields { name: Some(format!("tag-{n}")), ..TagFields::default() };
    Tag::new(Id::new(uuid(TAG + n)), fields, at(0)).expect("a tag")
}

/// The `n`th of `all` sessions, which are spread evenly over the days, in the order of their numbers. What a filter looks at
/// is mixed by multiplication with a prime, so that every value occurs on every day.
fn session(n: usize, all: usize, tags: &[Tag]) -> Session {
    let mixed = n * 7_919;
    let pick = |of: u128, salt: usize| (mixed / salt) as u128 % of;
    let created = created(n);
    let project = pick(PROJECTS, 1);
    let status = match mixed % 20 {
        0 => SessionStatus::OnHold,
        1 => SessionStatus::Cancelled,
        2 => SessionStatus::InProgress,
        _ => SessionStatus::Completed,
    };
    let fields = SessionFields {
        client_id: Patch::Set(Id::new(uuid(project % CLIENTS))),
        project_id: if mixed.is_multiple_of(3) { Patch::Keep } else { Patch::Set(Id::new(uuid(PROJECT + project))) },
        machine_id: Patch::Set(Id::new(uuid(MACHINE + pick(MACHINES, 3)))),
        session_date: Some(first_day() + Days::new((n as u64 * DAYS) / all as u64)),
        start_time: Patch::Set(created),
        end_time: Patch::Set(created.plus(TimeDelta::minutes(signed(mixed % 400)))),
        session_title: Some(format!("{} session {n}", ["Mail", "Backup", "Network", "Printer"][mixed % 4])),
        technician: Patch::Set(format!("tech-{}@example.com", mixed % 12)),
        status: Some(status),
        is_billable: Some(!mixed.is_multiple_of(5)),
        billable_hours: if mixed.is_multiple_of(11) { Patch::Set(Hours::from_hundredths(100)) } else { Patch::Keep },
        summary: Patch::Set("Looked at the **logs**, found the cause, mended it and told the client.".to_owned()),
        technologies_used: Some(vec![format!("Technology {}", mixed % 25)]),
        ..SessionFields::default()
    };
    let draft = Session::draft(id(n), fields, "", created).expect("a session");
    let tag = pick(TAGS, 5) as usize;
    draft.finish(BillingRule::default(), Some(&tags[tag..=tag]))
}

fn created(n: usize) -> Timestamp {
    at(signed(n) * 60)
}

fn work_item(of: &Session) -> WorkItem {
    let n = of.id.uuid().as_u128() - uuid(SESSION).as_u128();
    let mixed = n as usize * 7_907;
    let fields = WorkItemFields {
        session_id: Some(of.id),
        category: Some(WorkItemCategory::ALL[mixed % WorkItemCategory::ALL.len()]),
        title: Some(format!("Item {n}")),
        status: Some(if mixed.is_multiple_of(9) { WorkItemStatus::Blocked } else { WorkItemStatus::Completed }),
        priority: Some([Priority::Low, Priority::Medium, Priority::High, Priority::Critical][mixed % 4]),
        is_billable: Some(!mixed.is_multiple_of(5)),
        ..WorkItemFields::default()
    };
    WorkItem::draft(Id::new(uuid(WORK_ITEM + n)), fields, of.created_at).expect("a work item").finish(of, None)
}

fn signed(n: usize) -> i64 {
    i64::try_from(n).expect("a small number")
}
