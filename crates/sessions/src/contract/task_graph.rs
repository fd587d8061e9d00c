//! The part of the suite of [`crate::ports::PendingTaskRepository`] that is about what tasks wait for.

use claudetools_kernel::{Id, contract::met_another_writer};

use super::{
    Outcome, Store,
    pending_task::{id, plain},
};
use crate::{PendingTask, TaskLink};

fn sorted(mut ids: Vec<Id<PendingTask>>) -> Vec<Id<PendingTask>> {
    ids.sort_unstable();
    ids.dedup();
    ids
}

pub(super) async fn keeps_dependencies(store: Store<'_>) -> Outcome {
    let mut tx = store.begin().await?;
    for n in 110..=113 {
        tx.pending_tasks().add(&plain(n, "Step")).await?;
    }
    tx.pending_tasks().depend(id(110), &[id(113), id(111)]).await?;
    tx.commit().await?;
    let mut tx = store.begin().await?;
    assert_eq!(tx.pending_tasks().dependencies(id(110)).await?, [id(111), id(113)], "in the order of ids");
    assert_eq!(tx.pending_tasks().dependencies(id(111)).await?, []);
    tx.pending_tasks().depend(id(110), &[id(112)]).await?;
    drop(tx);
    let mut tx = store.begin().await?;
    assert_eq!(tx.pending_tasks().dependencies(id(110)).await?.len(), 2, "dropping a transaction undoes it");
    tx.pending_tasks().depend(id(110), &[id(112)]).await?;
    assert_eq!(tx.pending_tasks().dependencies(id(110)).await?, [id(112)], "the new ones replace the old");
    tx.pending_tasks().depend(id(110), &[]).await?;
    assert_eq!(tx.pending_tasks().dependencies(id(110)).await?, []);
    let known = tx.pending_tasks().known(&[id(113), id(999), id(110), id(110)]).await?;
    assert_eq!(sorted(known), [id(110), id(113)]);
    assert_eq!(tx.pending_tasks().known(&[]).await?, []);
    tx.commit().await?;
    let mut tx = store.begin().await?;
    met_another_writer(tx.pending_tasks().depend(id(110), &[id(999)]).await);
    Ok(())
}

pub(super) async fn follows_links(store: Store<'_>) -> Outcome {
    let child = |n, parent| PendingTask { parent_task_id: Some(id(parent)), ..plain(n, "Part") };
    let mut tx = store.begin().await?;
    tx.pending_tasks().add(&child(120, 110)).await?;
    tx.pending_tasks().add(&child(121, 120)).await?;
    tx.pending_tasks().depend(id(110), &[id(111), id(112)]).await?;
    tx.pending_tasks().depend(id(113), &[id(112)]).await?;
    let parents = tx.pending_tasks().targets(TaskLink::Parent, &[id(120), id(121), id(110)]).await?;
    assert_eq!(sorted(parents), [id(110), id(120)], "those without a parent yield none");
    let waited_for = tx.pending_tasks().targets(TaskLink::DependsOn, &[id(110), id(113), id(111)]).await?;
    assert_eq!(sorted(waited_for), [id(111), id(112)]);
    assert_eq!(tx.pending_tasks().targets(TaskLink::DependsOn, &[]).await?, []);
    // More than an engine takes in one IN list.
    let many: Vec<_> = (110..5_000).map(id).collect();
    let waited_for = tx.pending_tasks().targets(TaskLink::DependsOn, &many).await?;
    assert_eq!(sorted(waited_for), [id(111), id(112)]);
    tx.commit().await
}
