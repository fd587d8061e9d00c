//! Patterns: every field, keys, lists, and what goes with a pattern.

use claudetools_kernel::{
    Id, StoreError,
    contract::{lists_agree, met_another_writer, uuid},
};

use super::{
    Ground, Outcome, Store, add, command, command_rows, derived, full_pattern, id, insight_rows, key, pattern,
    pattern_rows, round_trips, text,
};
use crate::failure::{Attribute, Command, FailurePattern, PatternFilter, PatternType, Severity, Source, Spot};

/// The rules of patterns.
pub async fn patterns(store: Store<'_>, ground: Ground) -> Outcome {
    lists(store).await?;
    rows(store).await?;
    keys(store).await?;
    expects(store).await?;
    takes_along_what_belongs_to_it(store, &ground).await
}

async fn rows(store: Store<'_>) -> Outcome {
    let full = full_pattern(50);
    let emptied = FailurePattern {
        error_pattern: None,
        root_cause: None,
        recommended_solution: None,
        alternative_approaches: Vec::new(),
        affected_infrastructure: Vec::new(),
        hosts: Vec::new(),
        client_ids: Vec::new(),
        examples: Vec::new(),
        suggestions: Vec::new(),
        first_seen_at: None,
        last_seen_at: None,
        occurrence_count: i64::MAX,
        revision: 2,
        ..full.clone()
    };
    round_trips(store, pattern_rows, &full, &emptied).await
}

async fn lists(store: Store<'_>) -> Outcome {
    let listed = |n, signature: &str, count| FailurePattern { occurrence_count: count, ..pattern(n, signature) };
    let rows = [
        FailurePattern { affected_infrastructure: vec![uuid(900)], ..listed(1, "Get-Content -Raw", 5) },
        FailurePattern {
            affected_infrastructure: vec![uuid(901), uuid(900)],
            client_ids: vec![uuid(902)],
            pattern_type: PatternType::Network,
            root_cause: text("ÜBER 100%"),
            ..listed(2, "curl", 5_000_000_000)
        },
        FailurePattern { severity: Severity::Info, is_active: false, ..listed(3, "get-content", 5) },
        FailurePattern { error_pattern: text("50_000"), ..listed(4, "wget", 0) },
    ];
    add(store, pattern_rows, &rows).await?;
    let none = PatternFilter::default;
    let q = |q: &str| PatternFilter { q: text(q), ..none() };
    for (filter, expected) in [
        (none(), 4),
        (PatternFilter { infrastructure_id: Some(uuid(900)), ..none() }, 2),
        (PatternFilter { infrastructure_id: Some(uuid(902)), ..none() }, 0),
        (PatternFilter { client_id: Some(uuid(902)), ..none() }, 1),
        (PatternFilter { client_id: Some(uuid(900)), ..none() }, 0),
        (PatternFilter { pattern_type: Some(PatternType::Network), ..none() }, 1),
        (PatternFilter { severity: Some(Severity::Major), ..none() }, 3),
        (PatternFilter { is_active: Some(false), ..none() }, 1),
        (q("GET-content"), 2),
        (PatternFilter { is_active: Some(true), ..q("GET-content") }, 1),
        (q("über"), 1),
        (q("%"), 1),
        (q("_"), 1),
    ] {
        let admitted: Vec<FailurePattern> = rows.iter().filter(|row| filter.admits(row)).cloned().collect();
        assert_eq!(admitted.len(), expected, "{filter:?}");
        lists_agree(admitted, async |request| {
            let mut view = store.read().await.expect("a reader");
            view.failure_patterns().list(&filter, &request).await.expect("a page")
        })
        .await;
    }
    Ok(())
}

async fn keys(store: Store<'_>) -> Outcome {
    let (one, other) = (pattern(60, "one"), pattern(61, "other"));
    add(store, pattern_rows, &[one.clone(), other.clone()]).await?;
    let (later, sooner) = (key(2, 9, one.id, "later", 20), key(3, 9, other.id, "sooner", 10));
    let twin = key(1, 9, one.id, "at the same instant \u{1F980}", 20);
    let (wordless, elsewhere) = (key(4, 9, one.id, "", 5), key(5, 8, one.id, "elsewhere", 5));
    let mut tx = store.begin().await?;
    for key in [&later, &sooner, &twin, &wordless, &elsewhere] {
        tx.failure_patterns().add_key(key).await?;
    }
    tx.commit().await?;
    for refused in [key(2, 1, other.id, "taken", 0), key(6, 1, id(999), "of nothing", 0)] {
        let mut tx = store.begin().await?;
        met_another_writer(tx.failure_patterns().add_key(&refused).await);
    }
    let mut tx = store.begin().await?;
    tx.failure_patterns().add_key(&key(7, 1, one.id, "dropped", 0)).await?;
    drop(tx);

    let mut view = store.read().await?;
    let patterns = view.failure_patterns();
    assert_eq!(patterns.by_key(&[2; 32]).await?, Some(one.id));
    assert_eq!(patterns.by_key(&[3; 32]).await?, Some(other.id));
    assert_eq!(patterns.by_key(&[7; 32]).await?, None, "dropping a transaction undoes it");
    let all = [&sooner, &twin, &later].map(|key| (key.template.clone(), key.pattern_id));
    assert_eq!(patterns.templates(&[9; 32], 10).await?, all, "the oldest first, those without a text left out");
    assert_eq!(patterns.templates(&[9; 32], 2).await?, all[..2], "at most so many");
    assert_eq!(patterns.templates(&[7; 32], 10).await?, []);
    Ok(())
}

async fn expects(store: Store<'_>) -> Outcome {
    let seen = |n, count, host: &str| FailurePattern {
        source: Source::Derived,
        occurrence_count: count,
        hosts: vec![host.to_owned()],
        ..pattern(n, "robocopy")
    };
    let on_asset = |pattern| FailurePattern { affected_infrastructure: vec![uuid(900)], ..pattern };
    let rows = [
        seen(70, 3, "dc01"),
        on_asset(seen(71, 7, "dc01")),
        on_asset(seen(72, 3, "dc02")),
        FailurePattern { is_active: false, ..seen(73, 9, "dc01") },
        FailurePattern { verb: "ROBOCOPY".to_owned(), ..seen(74, 9, "dc01") },
        FailurePattern { subject: "-MIR".to_owned(), ..seen(75, 1, "dc01") },
        // Entered by hand: everywhere, and for an asset.
        pattern(76, "robocopy /B Ünï%"),
        on_asset(pattern(77, "robocopy")),
        seen(78, 5, "dc0"),
        // Seen on no host that is known.
        FailurePattern { hosts: Vec::new(), ..seen(79, 9, "") },
    ];
    add(store, pattern_rows, &rows).await?;
    let mut tx = store.begin().await?;
    for row in &rows {
        tx.failure_patterns().expect_anew(row).await?;
    }
    tx.commit().await?;

    let here = [Spot::Everywhere, Spot::Host("dc01".to_owned()), Spot::Asset(uuid(900))];
    let verbs = ["robocopy".to_owned(), "dir".to_owned()];
    for (spots, command, expected) in [
        (&here[..], "robocopy a b", vec![77, 71, 72, 70]),
        (&here[..], "robocopy a b /mir", vec![77, 71, 72, 70, 75]),
        (&here[..], "robocopy ünï% b", vec![77, 76, 71, 72, 70]),
        (&here[..1], "robocopy ünï% /mir", vec![76]),
        (&here[1..2], "robocopy a b", vec![71, 70]),
        (&here[2..], "robocopy a b", vec![77, 71, 72]),
        (&here[..], "robocopy unix", vec![77, 71, 72, 70]),
        (&here[..0], "robocopy a b", vec![]),
    ] {
        let found = expected_ids(store, spots, &verbs, command, 20).await?;
        let expected: Vec<Id<FailurePattern>> = expected.into_iter().map(id).collect();
        assert_eq!(found, expected, "{spots:?}: {command}");
        let some = expected_ids(store, spots, &verbs, command, 2).await?;
        assert_eq!(some, expected[..expected.len().min(2)], "at most so many");
    }
    assert_eq!(expected_ids(store, &here, &[], "robocopy a b", 20).await?, []);
    assert_eq!(expected_ids(store, &here, &verbs[1..], "robocopy a b", 20).await?, []);
    let mut view = store.read().await?;
    let mut some = view.failure_patterns().some(&[id(70), id(999), id(72), id(70)]).await?;
    some.sort_by_key(|pattern| pattern.id);
    assert_eq!(some, [rows[0].clone(), rows[2].clone()]);
    assert_eq!(view.failure_patterns().some(&[]).await?, []);
    drop(view);
    moves(store, &rows[1], &rows[7], &verbs).await
}

/// Where a pattern was seen it stays expected, also beyond its lists; where it was entered for it is expected as long as it says so.
async fn moves(store: Store<'_>, seen: &FailurePattern, entered: &FailurePattern, verbs: &[String]) -> Outcome {
    let moved = FailurePattern { affected_infrastructure: vec![uuid(901)], hosts: Vec::new(), ..seen.clone() };
    let entered = FailurePattern { verb: "dir".to_owned(), ..entered.clone() };
    let mut tx = store.begin().await?;
    met_another_writer(tx.failure_patterns().expect_at(&pattern(999, "gone"), &[Spot::Everywhere]).await);
    drop(tx);
    let mut tx = store.begin().await?;
    for _ in 0..2 {
        tx.failure_patterns().expect_at(&moved, &[Spot::Host("another".to_owned())]).await?;
    }
    tx.failure_patterns().expect_anew(&moved).await?;
    tx.failure_patterns().save(&FailurePattern { revision: 2, ..entered.clone() }).await?;
    tx.failure_patterns().expect_anew(&entered).await?;
    tx.commit().await?;
    for (spot, verb, expected) in [
        (Spot::Host("another".to_owned()), 0, vec![71]),
        (Spot::Asset(uuid(901)), 0, vec![71]),
        (Spot::Asset(uuid(900)), 0, vec![72]),
        (Spot::Host("dc01".to_owned()), 0, vec![71, 70]),
        (Spot::Asset(uuid(900)), 1, vec![77]),
    ] {
        let found = expected_ids(store, std::slice::from_ref(&spot), &verbs[verb..=verb], "x", 20).await?;
        assert_eq!(found, expected.into_iter().map(id).collect::<Vec<_>>(), "{spot:?}");
    }
    Ok(())
}

async fn expected_ids(
    store: Store<'_>,
    spots: &[Spot],
    verbs: &[String],
    command: &str,
    limit: u32,
) -> Result<Vec<Id<FailurePattern>>, StoreError> {
    let found = store.read().await?.failure_patterns().expected(spots, verbs, command, limit).await?;
    Ok(found.into_iter().map(|pattern| pattern.id).collect())
}

/// A pattern takes its keys and its insight along; its commands stay, and are of no pattern then.
async fn takes_along_what_belongs_to_it(store: Store<'_>, ground: &Ground) -> Outcome {
    let of = pattern(80, "gc");
    add(store, pattern_rows, std::slice::from_ref(&of)).await?;
    let failed = Command { success: false, pattern_id: Some(of.id), ..command(81, ground.sessions[0], "gc") };
    add(store, command_rows, std::slice::from_ref(&failed)).await?;
    add(store, insight_rows, &[derived(82, &of, Attribute::Os, "windows")]).await?;
    let mut tx = store.begin().await?;
    tx.failure_patterns().add_key(&key(40, 41, of.id, "t", 0)).await?;
    tx.failure_patterns().expect_anew(&of).await?;
    tx.commit().await?;

    let mut tx = store.begin().await?;
    assert_eq!(tx.failure_patterns().referrers(of.id).await?, [], "nothing keeps it");
    assert!(tx.failure_patterns().remove(of.id).await?, "there was a row to remove");
    assert!(!tx.failure_patterns().remove(of.id).await?, "and then none");
    tx.commit().await?;
    let mut view = store.read().await?;
    assert_eq!(view.failure_patterns().lookup(of.id).await?, None);
    assert_eq!(view.failure_patterns().by_key(&[40; 32]).await?, None);
    assert_eq!(view.failure_patterns().templates(&[41; 32], 10).await?, []);
    assert_eq!(expected_ids(store, &[Spot::Everywhere], &[of.verb], "gc", 20).await?, []);
    assert_eq!(view.insights().lookup(id(82)).await?, None);
    assert_eq!(view.insights().of_pattern(of.id).await?, None);
    assert_eq!(view.commands().lookup(failed.id).await?, Some(Command { pattern_id: None, ..failed }));
    Ok(())
}
