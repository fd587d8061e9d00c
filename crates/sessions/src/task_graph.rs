//! Tasks that are parts of others or wait for others must not do so in a circle.

use std::collections::HashSet;

use claudetools_kernel::{Error, Id, Result};

use crate::{PendingTask, ports::PendingTaskRepository};

/// How tasks refer to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskLink {
    /// To the task that they are a part of.
    Parent,
    /// To the tasks that they wait for.
    DependsOn,
}

/// How many links in a row are followed. Longer chains mean nothing to people, and each link costs a query.
const DEEPEST: usize = 200;
/// How many tasks are looked at. What waits for more is a mistake, and the write lock is held meanwhile.
const MOST: usize = 10_000;

/// Refuses with [`Error::Conflict`] to link `task` to `targets` when it could be reached from them. Whatever else changes links
/// must be held off meanwhile ([`PendingTaskRepository::lock_graph`]).
pub(crate) async fn refuse_cycle(
    tasks: &mut dyn PendingTaskRepository,
    link: TaskLink,
    task: Id<PendingTask>,
    targets: &[Id<PendingTask>],
) -> Result<()> {
    let mut seen = HashSet::new();
    let mut level = targets.to_vec();
    for _ in 0..DEEPEST {
        level.retain(|id| seen.insert(*id));
        if level.is_empty() {
            return Ok(());
        }
        if seen.contains(&task) {
            return Err(Error::Conflict(circle(link).to_owned()));
        }
        if seen.len() > MOST {
            break;
        }
        level = tasks.targets(link, &level).await?;
    }
    Err(Error::Conflict(format!("{} leads too far: more than {DEEPEST} tasks in a row or {MOST} in all", field(link))))
}

const fn field(link: TaskLink) -> &'static str {
    match link {
        TaskLink::Parent => "parent_task_id",
        TaskLink::DependsOn => "depends_on",
    }
}

const fn circle(link: TaskLink) -> &'static str {
    match link {
        TaskLink::Parent => "parent_task_id would make the task a part of itself",
        TaskLink::DependsOn => "depends_on would make the task wait for itself",
    }
}
