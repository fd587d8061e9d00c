//! Commands: every field, what they refer to, lists, and what they need of other domains.

use claudetools_kernel::{
    Entity as _, Referrer,
    contract::{at, lists_agree, uuid},
};

use super::{
    Ground, Outcome, Store, add, asset, asset_rows, command, command_rows, full_command, id, pattern, pattern_rows,
    refused, round_trips, text,
};
use crate::failure::{Command, CommandFilter, FailureCategory, FailurePattern};

/// The rules of commands.
pub async fn commands(store: Store<'_>, ground: Ground) -> Outcome {
    lists(store, &ground).await?;
    rows(store, &ground).await?;
    context(store, &ground).await
}

async fn rows(store: Store<'_>, ground: &Ground) -> Outcome {
    let on = asset(900, ground.clients[0], "dc01");
    add(store, asset_rows, std::slice::from_ref(&on)).await?;
    let of = FailurePattern { affected_infrastructure: vec![on.id.uuid()], ..pattern(50, "Get-Content -Raw") };
    add(store, pattern_rows, std::slice::from_ref(&of)).await?;
    let full = full_command(51, ground, of.id);
    let emptied = Command {
        work_item_id: None,
        client_id: None,
        infrastructure_id: None,
        host: None,
        os: None,
        os_version: None,
        shell_version: None,
        shell_type: None,
        exit_code: None,
        error_message: None,
        output_excerpt: None,
        failure_category: None,
        duration_ms: None,
        is_analysed: false,
        pattern_id: None,
        revision: 2,
        ..full.clone()
    };
    round_trips(store, command_rows, &full, &emptied).await?;
    let empty = command(52, ground.sessions[1], "ls");
    round_trips(store, command_rows, &empty, &Command { success: false, revision: 2, ..empty.clone() }).await?;

    let nowhere = uuid(999);
    refused(store, command_rows, &command(60, nowhere, "ls")).await?;
    refused(store, command_rows, &Command { work_item_id: Some(nowhere), ..command(60, ground.sessions[0], "ls") })
        .await?;
    refused(store, command_rows, &Command { pattern_id: Some(id(999)), ..command(60, ground.sessions[0], "ls") })
        .await?;
    refused(store, command_rows, &Command { client_id: Some(nowhere), ..command(60, ground.sessions[0], "ls") })
        .await?;
    refused(
        store,
        command_rows,
        &Command { infrastructure_id: Some(nowhere), ..command(60, ground.sessions[0], "ls") },
    )
    .await?;
    let there = Command { infrastructure_id: Some(on.id.uuid()), ..command(60, ground.sessions[0], "ls") };
    add(store, command_rows, &[there, Command { is_analysed: true, ..command(61, ground.sessions[0], "ls") }]).await?;

    // What was run on an asset, and what is expected there, keeps it.
    let referrer = |resource_type, count| Referrer { resource_type, count };
    let mut tx = store.begin().await?;
    assert_eq!(tx.assets().referrers(on.id).await?, [referrer(Command::TYPE, 1)]);
    tx.failure_patterns().expect_anew(&of).await?;
    let both = [referrer(Command::TYPE, 1), referrer(FailurePattern::TYPE, 1)];
    assert_eq!(tx.assets().referrers(on.id).await?, both);
    assert_eq!(tx.commands().referrers(id(60)).await?, [], "nothing refers to a command");
    assert!(tx.commands().remove(id(60)).await?, "there was a row to remove");
    assert!(!tx.commands().remove(id(60)).await?, "and then none");
    assert_eq!(tx.assets().referrers(on.id).await?, both[1..]);
    tx.commit().await
}

async fn lists(store: Store<'_>, ground: &Ground) -> Outcome {
    let [first, second] = ground.sessions;
    let day = |days: i64| at(days * 86_400);
    let failed = |n, line: &str, category| Command {
        success: false,
        failure_category: category,
        error_message: text("100% of 50_000 refused"),
        host: text("DC01"),
        ..command(n, first, line)
    };
    let midnight = claudetools_kernel::Timestamp::midnight(day(2).date());
    let rows = [
        Command {
            executed_at: day(1),
            client_id: Some(ground.clients[0]),
            ..failed(1, "Get-Content a", Some(FailureCategory::Compatibility))
        },
        Command { executed_at: midnight, work_item_id: Some(ground.work_item), ..failed(2, "GET-CONTENT b", None) },
        Command { executed_at: day(2), host: text("dc01"), ..command(3, second, "type ÜBER") },
        Command { executed_at: day(3), host: text("Dc02"), ..command(4, second, "ls 50%") },
        Command { executed_at: day(3), ..command(5, second, "ls 50_") },
    ];
    add(store, command_rows, &rows).await?;
    let none = CommandFilter::default;
    let days = |from: Option<i64>, to: Option<i64>| CommandFilter {
        date_from: from.map(|days| day(days).date()),
        date_to: to.map(|days| day(days).date()),
        ..none()
    };
    let q = |q: &str| CommandFilter { q: text(q), ..none() };
    for (filter, expected) in [
        (none(), 5),
        (CommandFilter { session_id: Some(second), ..none() }, 3),
        (CommandFilter { session_id: Some(uuid(999)), ..none() }, 0),
        (CommandFilter { work_item_id: Some(ground.work_item), ..none() }, 1),
        (CommandFilter { host: text("DC01"), ..none() }, 3),
        (CommandFilter { host: text("C0"), ..none() }, 4),
        (CommandFilter { host: text("dc_1"), ..none() }, 0),
        (CommandFilter { client_id: Some(ground.clients[0]), ..none() }, 1),
        (CommandFilter { client_id: Some(ground.clients[0]), success: Some(true), ..none() }, 0),
        (CommandFilter { success: Some(false), ..none() }, 2),
        (CommandFilter { success: Some(true), host: text("dc01"), ..none() }, 1),
        (CommandFilter { failure_category: Some(FailureCategory::Compatibility), ..none() }, 1),
        (days(Some(2), None), 4),
        (days(None, Some(1)), 1),
        (days(Some(2), Some(2)), 2),
        (days(Some(3), Some(2)), 0),
        (q("get-CONTENT"), 2),
        (q("über"), 1),
        (q("%"), 3),
        (q("50_"), 3),
        (q("50_000 REFUSED"), 2),
        (CommandFilter { success: Some(true), ..q("50_") }, 1),
    ] {
        let admitted: Vec<Command> = rows.iter().filter(|row| filter.admits(row)).cloned().collect();
        assert_eq!(admitted.len(), expected, "{filter:?}");
        lists_agree(admitted, async |request| {
            let mut view = store.read().await.expect("a reader");
            view.commands().list(&filter, &request).await.expect("a page")
        })
        .await;
    }
    Ok(())
}

async fn context(store: Store<'_>, ground: &Ground) -> Outcome {
    let [acme, globex] = ground.clients;
    let (own, others, alone) = (asset(70, acme, "Ünï"), asset(71, globex, "ünï"), asset(72, globex, "SRV01"));
    add(store, asset_rows, &[own.clone(), others.clone(), alone.clone()]).await?;
    let mut view = store.read().await?;
    let context = view.command_context();
    assert_eq!(context.session_client(ground.sessions[0]).await?, Some(Some(acme)));
    assert_eq!(context.session_client(ground.sessions[1]).await?, Some(None), "a session of no client");
    assert_eq!(context.session_client(uuid(999)).await?, None, "no session");
    assert_eq!(context.work_item_session(ground.work_item).await?, Some(ground.sessions[0]));
    assert_eq!(context.work_item_session(uuid(999)).await?, None);
    assert_eq!(context.client_name(globex).await?.as_deref(), Some("Globex"));
    assert_eq!(context.client_name(uuid(999)).await?, None);
    assert_eq!(context.asset_of_host(Some(acme), "ünï").await?, Some(own));
    assert_eq!(context.asset_of_host(Some(globex), "ünï").await?, Some(others));
    assert_eq!(context.asset_of_host(None, "ünï").await?, None, "two have the name");
    assert_eq!(context.asset_of_host(None, "srv01").await?, Some(alone), "one alone has it");
    assert_eq!(context.asset_of_host(Some(acme), "srv01").await?, None, "but another client's");
    assert_eq!(context.asset_of_host(None, "SRV01").await?, None, "names are given folded");
    Ok(())
}
