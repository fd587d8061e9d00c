//! The suite of [`crate::ports::PendingTaskRepository`].

use chrono::NaiveDate;
use claudetools_kernel::{
    Id, Patch, StoreError,
    contract::{at, lists_agree, met_another_writer, uuid},
};

use super::{Outcome, Store, client::client, project::project, session::session, task_graph, work_item::item};
use crate::{
    Client, PendingTask, PendingTaskFields, PendingTaskFilter, PendingTaskRow, Priority, Project, Session, TaskStatus,
    WorkItem,
};

/// The day on which the suite runs.
fn today() -> NaiveDate {
    day(15)
}

fn day(n: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 2, n).expect("a day")
}

pub(super) fn id(n: u128) -> Id<PendingTask> {
    Id::new(uuid(n))
}

/// The `n`th task of a suite; `fields` need no title.
fn task(n: u128, title: &str, fields: PendingTaskFields) -> PendingTask {
    let fields = PendingTaskFields { title: Some(title.to_owned()), ..fields };
    let draft = PendingTask::draft(id(n), fields, at(i64::try_from(n).unwrap_or_default()));
    draft.expect("a valid task").task
}

pub(super) fn plain(n: u128, title: &str) -> PendingTask {
    task(n, title, PendingTaskFields::default())
}

/// What the tasks of the suite refer to.
struct Ground {
    acme: Client,
    office: Project,
    item: WorkItem,
}

impl Ground {
    fn full(&self, n: u128) -> PendingTask {
        let set = |text: &str| Patch::Set(text.to_owned());
        let fields = PendingTaskFields {
            client_id: Patch::Set(self.acme.id),
            project_id: Patch::Set(self.office.id),
            work_item_id: Patch::Set(self.item.id),
            parent_task_id: Patch::Set(id(100)),
            description: set("first line\nsecond line"),
            priority: Some(Priority::Critical),
            status: Some(TaskStatus::Completed),
            blocked_by: set("the supplier's answer"),
            assigned_to: set("Émile 100%"),
            due_date: Patch::Set(day(28)),
            ..PendingTaskFields::default()
        };
        task(n, "Größere Switches bestellen", fields)
    }

    fn row(&self, task: PendingTask) -> PendingTaskRow {
        let client_name = task.client_id.map(|_| self.acme.name.clone());
        let project_name = task.project_id.map(|_| self.office.name.clone());
        PendingTaskRow { task, client_name, project_name }
    }
}

/// The rules of the repository of pending tasks.
pub async fn pending_tasks(store: Store<'_>) -> Outcome {
    let acme = client(1, "Acme");
    let office = project(2, &acme, "Office");
    let session = Session { client_id: Some(acme.id), ..session(40, "Switches", 1) };
    let ground = Ground { item: item(41, "Count the ports", &session), acme, office };
    let mut tx = store.begin().await?;
    tx.clients().add(&ground.acme).await?;
    tx.projects().add(&ground.office).await?;
    tx.sessions().add(&session).await?;
    tx.work_items().add(&ground.item).await?;
    tx.pending_tasks().add(&plain(100, "Parent")).await?;
    tx.commit().await?;
    round_trips(store, &ground).await?;
    saves_only_the_next_revision(store).await?;
    task_graph::keeps_dependencies(store).await?;
    task_graph::follows_links(store).await?;
    tells_what_refers(store, &ground).await?;
    pages_and_filters(store, &ground).await?;
    lists_the_most_urgent_first(store, &ground).await
}

async fn round_trips(store: Store<'_>, ground: &Ground) -> Outcome {
    let task = ground.full(101);
    let mut tx = store.begin().await?;
    tx.pending_tasks().add(&task).await?;
    drop(tx);
    assert_eq!(store.read().await?.pending_tasks().lookup(task.id).await?, None, "dropping a transaction undoes it");

    let mut tx = store.begin().await?;
    tx.pending_tasks().lock_graph().await?;
    tx.pending_tasks().add(&task).await?;
    tx.commit().await?;
    let mut tx = store.begin().await?;
    assert_eq!(tx.pending_tasks().lookup(task.id).await?, Some(task.clone()), "every field comes back");
    assert_eq!(tx.pending_tasks().row(task.id).await?, Some(ground.row(task.clone())), "with its names");
    let parent = ground.row(plain(100, "Parent"));
    assert_eq!(tx.pending_tasks().row(id(100)).await?, Some(parent), "names may be absent");
    assert_eq!(tx.pending_tasks().row(id(999)).await?, None);
    assert!(tx.pending_tasks().remove(task.id).await?, "there was a row to remove");
    assert!(!tx.pending_tasks().remove(task.id).await?, "and then none");
    tx.commit().await?;

    let nobody = PendingTask { client_id: Some(Id::new(uuid(998))), ..plain(102, "Stray") };
    let orphan = PendingTask { parent_task_id: Some(id(999)), ..plain(102, "Stray") };
    for stray in [nobody, orphan] {
        let mut tx = store.begin().await?;
        met_another_writer(tx.pending_tasks().add(&stray).await);
    }
    Ok(())
}

async fn saves_only_the_next_revision(store: Store<'_>) -> Outcome {
    let first = plain(100, "Parent");
    let rename = |task: PendingTask, title: &str| {
        let fields = PendingTaskFields { title: Some(title.to_owned()), ..PendingTaskFields::default() };
        task.change(fields, at(200)).expect("a valid change").task
    };
    let changed = rename(first.clone(), "Parent task");
    let mut tx = store.begin().await?;
    tx.pending_tasks().save(&changed).await?;
    tx.commit().await?;
    assert_eq!(store.read().await?.pending_tasks().lookup(first.id).await?, Some(changed), "the change is there");

    for gone in [rename(first, "Stale"), rename(plain(103, "Missing"), "Still missing")] {
        let mut tx = store.begin().await?;
        let outcome = tx.pending_tasks().save(&gone).await;
        assert!(matches!(outcome, Err(StoreError::Contention(_))), "an outdated or missing row is told");
    }
    Ok(())
}

async fn tells_what_refers(store: Store<'_>, ground: &Ground) -> Outcome {
    let mut tx = store.begin().await?;
    // A part of 112 that also waits for it: counted once, though it refers twice.
    let both = PendingTask { parent_task_id: Some(id(112)), ..plain(122, "Both") };
    tx.pending_tasks().add(&both).await?;
    tx.pending_tasks().depend(both.id, &[id(112)]).await?;
    let told = |referrers: Vec<claudetools_kernel::Referrer>| -> Vec<_> {
        referrers.into_iter().map(|referrer| (referrer.resource_type, referrer.count)).collect()
    };
    assert_eq!(told(tx.pending_tasks().referrers(id(112)).await?), [("pending_task", 3)], "110, 113, 122");
    assert_eq!(told(tx.pending_tasks().referrers(id(110)).await?), [("pending_task", 1)], "its part");
    assert_eq!(told(tx.pending_tasks().referrers(id(121)).await?), []);
    assert!(tx.pending_tasks().remove(both.id).await?, "what it waits for does not hold it");
    assert_eq!(told(tx.pending_tasks().referrers(id(112)).await?), [("pending_task", 2)], "its links went with it");

    tx.pending_tasks().add(&ground.full(130)).await?;
    assert_eq!(told(tx.work_items().referrers(ground.item.id).await?), [("pending_task", 1)]);
    assert_eq!(told(tx.projects().referrers(ground.office.id).await?), [("pending_task", 1)]);
    let of_client = told(tx.clients().referrers(ground.acme.id).await?);
    assert_eq!(of_client, [("project", 1), ("session", 1), ("pending_task", 1)]);
    Ok(())
}

/// Tasks of which every filter of a list admits some and leaves others out.
fn assorted(ground: &Ground) -> Vec<PendingTask> {
    let of = |n, title, status, due: Option<u32>| {
        let due_date = due.map(day).into();
        let status = Some(status);
        task(n, title, PendingTaskFields { status, due_date, ..PendingTaskFields::default() })
    };
    let alpha = of(151, "alpha", TaskStatus::Pending, Some(14));
    // The same title and the same instant, so that only the id decides.
    let created_at = alpha.created_at;
    let same = PendingTask { created_at, ..of(152, "Alpha", TaskStatus::Blocked, Some(15)) };
    let assigned_to = Some("jo_1".to_owned());
    let gamma = PendingTask { assigned_to, ..of(154, "gamma", TaskStatus::InProgress, None) };
    vec![ground.full(150), alpha, same, of(153, "beta", TaskStatus::Cancelled, Some(1)), gamma]
}

async fn pages_and_filters(store: Store<'_>, ground: &Ground) -> Outcome {
    let mut tx = store.begin().await?;
    for n in [121, 120, 110, 113, 111, 112] {
        tx.pending_tasks().remove(id(n)).await?;
    }
    let parent = tx.pending_tasks().lookup(id(100)).await?.expect("the parent");
    let mut tasks = assorted(ground);
    for task in &tasks {
        tx.pending_tasks().add(task).await?;
    }
    tx.commit().await?;
    tasks.push(parent);
    let rows: Vec<PendingTaskRow> = tasks.into_iter().map(|task| ground.row(task)).collect();

    let by = |set: &dyn Fn(&mut PendingTaskFilter)| {
        let mut filter = PendingTaskFilter::default();
        set(&mut filter);
        filter
    };
    let assigned = |part: &str| by(&|filter| filter.assigned_to = Some(part.to_owned()));
    let filters = [
        (by(&|_| {}), 6),
        (by(&|filter| filter.client_id = Some(ground.acme.id)), 1),
        (by(&|filter| filter.project_id = Some(ground.office.id)), 1),
        (by(&|filter| filter.project_id = Some(Id::new(uuid(999)))), 0),
        (by(&|filter| filter.priority = Some(Priority::Medium)), 5),
        (by(&|filter| filter.status = Some(TaskStatus::Blocked)), 1),
        (by(&|filter| filter.due_before = Some(day(15))), 2),
        (by(&|filter| filter.overdue = Some(true)), 1),
        (by(&|filter| filter.overdue = Some(false)), 5),
        (assigned("ÉMILE"), 1),
        (assigned("%"), 1),
        (assigned("_"), 1),
        (assigned(""), 2),
    ];
    for (filter, expected) in filters {
        let admits = |row: &&PendingTaskRow| filter.admits(&row.task, today());
        let admitted: Vec<PendingTaskRow> = rows.iter().filter(admits).cloned().collect();
        assert_eq!(admitted.len(), expected, "{filter:?}");
        lists_agree(admitted, async |request| {
            let mut tx = store.read().await.expect("a reader");
            tx.pending_tasks().list(&filter, today(), &request).await.expect("a page")
        })
        .await;
    }
    Ok(())
}

async fn lists_the_most_urgent_first(store: Store<'_>, ground: &Ground) -> Outcome {
    let of = |n, priority, due: Option<u32>| {
        let client_id = Patch::Set(ground.acme.id);
        let due_date = due.map(day).into();
        let fields =
            PendingTaskFields { client_id, priority: Some(priority), due_date, ..PendingTaskFields::default() };
        task(n, "Urgent?", fields)
    };
    let tasks = [
        of(160, Priority::Low, None),
        of(161, Priority::Critical, Some(15)),
        of(162, Priority::Low, Some(14)),
        of(163, Priority::Critical, Some(17)),
        of(164, Priority::Critical, None),
        of(165, Priority::High, Some(1)),
        of(166, Priority::Medium, Some(20)),
        of(167, Priority::Medium, Some(20)),
    ];
    let mut tx = store.begin().await?;
    for task in &tasks {
        tx.pending_tasks().add(task).await?;
    }
    let open = tx.pending_tasks().open_of(ground.acme.id, today(), 50).await?;
    let order: Vec<_> = open.iter().map(|row| row.task.id).collect();
    assert_eq!(order, [165, 162, 161, 163, 164, 166, 167, 160].map(id), "what is completed is left out");
    assert!(open.iter().all(|row| row.client_name.as_deref() == Some("Acme")), "with the names");
    assert_eq!(tx.pending_tasks().open_of(ground.acme.id, today(), 2).await?, open[..2], "at most so many");
    assert_eq!(tx.pending_tasks().open_of(Id::new(uuid(999)), today(), 50).await?, []);
    Ok(())
}
