//! The queue of commands that the analysis has not seen, and what it looks back at.

use claudetools_kernel::{Id, StoreError, contract::uuid};
use uuid::Uuid;

use super::{Ground, Outcome, Store, add, command, command_rows, id, pattern, pattern_rows, text};
use crate::{
    failure::{Command, Run, ShellType},
    ports::InfraTx,
};

/// The rules of the queue.
pub async fn command_queue(store: Store<'_>, ground: Ground) -> Outcome {
    waits_in_order(store, &ground).await?;
    keeps_one_of_several_analyses_waiting(store).await?;
    gives_up_unread(store, &ground).await?;
    finds_a_failure(store, &ground).await?;
    looks_back(store, &ground).await
}

async fn waiting(store: Store<'_>, limit: u32) -> Result<Vec<Id<Command>>, StoreError> {
    store.read().await?.commands().waiting(limit).await
}

fn seen(command: &Command) -> Command {
    Command { is_analysed: true, revision: command.revision + 1, ..command.clone() }
}

async fn waits_in_order(store: Store<'_>, ground: &Ground) -> Outcome {
    assert_eq!(waiting(store, 10).await?, [], "nothing waits");
    let [session, _] = ground.sessions;
    let oldest = command(9, session, "first");
    // Entered at the same instant: by id.
    let twin = Command { created_at: oldest.created_at, ..command(3, session, "twin") };
    // Run long before, entered last: the order is that of entering.
    let youngest = Command { executed_at: command(1, session, "x").executed_at, ..command(12, session, "last") };
    let done = Command { is_analysed: true, ..command(2, session, "done") };
    add(store, command_rows, &[youngest.clone(), oldest.clone(), done, twin.clone()]).await?;
    let all = [twin.id, oldest.id, youngest.id];
    assert_eq!(waiting(store, 10).await?, all, "in the order in which they were entered");
    assert_eq!(waiting(store, 2).await?, all[..2], "at most so many");
    assert_eq!(waiting(store, 0).await?, []);

    // An analysis that ends in the middle has done nothing.
    let mut tx = store.begin().await?;
    tx.commands().lock_queue().await?;
    claim(tx.as_mut(), 2).await?;
    assert_eq!(tx.commands().waiting(10).await?.len(), 1, "it sees what it has done itself");
    drop(tx);
    assert_eq!(waiting(store, 10).await?, all, "a dropped transaction gives back what it claimed");

    let mut tx = store.begin().await?;
    tx.commands().lock_queue().await?;
    assert_eq!(claim(tx.as_mut(), 2).await?, 2);
    tx.commit().await?;
    assert_eq!(waiting(store, 10).await?, [youngest.id]);
    Ok(())
}

/// Marks commands that wait as seen; tells how many.
async fn claim(tx: &mut dyn InfraTx, limit: u32) -> Result<usize, StoreError> {
    let waiting = tx.commands().waiting(limit).await?;
    for id in &waiting {
        let command = tx.commands().lookup(*id).await?.expect("a command that waits");
        tx.commands().save(&seen(&command)).await?;
    }
    Ok(waiting.len())
}

/// Whoever comes second finds done what the first has claimed, although it began before that was committed.
async fn keeps_one_of_several_analyses_waiting(store: Store<'_>) -> Outcome {
    let analyse = async || {
        let mut tx = store.begin().await?;
        tx.commands().lock_queue().await?;
        let claimed = claim(tx.as_mut(), 10).await?;
        tx.commit().await?;
        Ok::<usize, StoreError>(claimed)
    };
    let (one, other, third) = futures::join!(analyse(), analyse(), analyse());
    assert_eq!(one? + other? + third?, 1, "one command waits, and is claimed once");
    Ok(())
}

/// What cannot be analysed leaves the queue, and is not what others are compared with.
async fn gives_up_unread(store: Store<'_>, ground: &Ground) -> Outcome {
    let [session, _] = ground.sessions;
    let failed = Command { success: false, host: text("dc01"), ..command(20, session, "gpupdate /force") };
    add(store, command_rows, &[failed.clone(), command(21, session, "gpupdate /force")]).await?;
    let mut tx = store.begin().await?;
    assert!(tx.commands().give_up(failed.id).await?, "it waited");
    assert!(!tx.commands().give_up(failed.id).await?, "and no longer does");
    assert!(!tx.commands().give_up(id(999)).await?, "nor does what is not there");
    tx.commit().await?;
    assert_eq!(waiting(store, 10).await?, [id(21)]);
    let mut view = store.read().await?;
    let given_up =
        Command { is_analysed: true, verb: String::new(), intent: String::new(), revision: 2, ..failed.clone() };
    assert_eq!(view.commands().lookup(failed.id).await?, Some(given_up));
    assert_eq!(view.commands().runs(&failed.verb, 10).await?, []);
    assert_eq!(view.commands().attempts(session, "dc01", &failed.intent, 10).await?, []);
    drop(view);
    let mut tx = store.begin().await?;
    claim(tx.as_mut(), 10).await?;
    tx.commit().await
}

async fn finds_a_failure(store: Store<'_>, ground: &Ground) -> Outcome {
    let (of, other) = (pattern(70, "mkfs"), pattern(71, "fsck"));
    add(store, pattern_rows, &[of.clone(), other.clone()]).await?;
    let failure = Command { success: false, pattern_id: Some(of.id), ..seen(&command(70, ground.sessions[0], "mkfs")) };
    add(store, command_rows, &[failure.clone(), seen(&command(71, ground.sessions[0], "mkfs"))]).await?;
    let mut view = store.read().await?;
    assert_eq!(view.commands().failure_of(of.id).await?, Some(failure));
    assert_eq!(view.commands().failure_of(other.id).await?, None);
    Ok(())
}

async fn looks_back(store: Store<'_>, ground: &Ground) -> Outcome {
    let [session, other] = ground.sessions;
    let of = pattern(80, "gc");
    add(store, pattern_rows, std::slice::from_ref(&of)).await?;
    let run = |n, session: Uuid, host: Option<&str>| Command {
        host: host.map(str::to_owned),
        verb: "get-content".to_owned(),
        intent: "get content".to_owned(),
        is_analysed: true,
        ..command(n, session, "gc x")
    };
    let failed = Command {
        success: false,
        pattern_id: Some(of.id),
        client_id: Some(ground.clients[0]),
        os: text("Windows Server"),
        os_version: text("2008 R2"),
        shell_type: Some(ShellType::Powershell),
        shell_version: text("2.0"),
        ..run(101, session, Some("DC01"))
    };
    let same_instant = Command { created_at: failed.created_at, ..run(100, session, Some("dc01")) };
    let rows = [
        failed.clone(),
        same_instant.clone(),
        run(102, session, None),
        run(103, other, Some("DC01")),
        Command { verb: "get-child".to_owned(), intent: "get child".to_owned(), ..run(104, session, Some("dc01")) },
        Command { is_analysed: false, ..run(105, session, Some("dc01")) },
        Command { verb: "GET-CONTENT".to_owned(), intent: "GET CONTENT".to_owned(), ..run(106, session, Some("dc01")) },
    ];
    add(store, command_rows, &rows).await?;

    let mut view = store.read().await?;
    let runs = view.commands().runs("get-content", 10).await?;
    let expected: Vec<Run> = [&rows[3], &rows[2], &failed, &same_instant].map(Run::from).into();
    assert_eq!(runs, expected, "the analysed ones of the verb, the youngest first");
    assert_eq!(view.commands().runs("get-content", 2).await?, expected[..2], "at most so many");
    assert_eq!(view.commands().runs("get", 10).await?, []);

    let attempts = view.commands().attempts(session, "dc01", "get content", 10).await?;
    assert_eq!(attempts, [failed.clone(), same_instant], "of the session, host and intent, the youngest first");
    assert_eq!(view.commands().attempts(session, "dc01", "get content", 1).await?, [failed]);
    assert_eq!(view.commands().attempts(session, "", "get content", 10).await?, [rows[2].clone()], "on no host");
    assert_eq!(view.commands().attempts(uuid(999), "dc01", "get content", 10).await?, []);
    assert_eq!(view.commands().lookup(id(105)).await?.map(|command| command.is_analysed), Some(false));
    Ok(())
}
