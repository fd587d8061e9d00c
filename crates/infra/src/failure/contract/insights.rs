//! Insights: every field, lists, where they hold, and whom they keep from being removed.

use claudetools_kernel::{
    Entity as _, Patch, Referrer, StoreError,
    contract::{at, lists_agree, uuid},
};

use super::{
    Ground, Outcome, Store, add, asset, asset_rows, derived, id, insight, insight_rows, longest_block, longest_line,
    pattern, pattern_rows, refused, round_trips, text,
};
use crate::{
    failure::{Attribute, Insight, InsightCategory, InsightFields, InsightFilter, Source, Spot},
    inventory::Asset,
};

/// The rules of insights.
pub async fn insights(store: Store<'_>, ground: Ground) -> Outcome {
    lists(store, &ground).await?;
    rows(store, &ground).await?;
    places(store, &ground).await
}

async fn rows(store: Store<'_>, ground: &Ground) -> Outcome {
    let (of, on) = (pattern(50, "gc"), asset(51, ground.clients[0], "fs01"));
    add(store, pattern_rows, &[of.clone(), pattern(57, "gc")]).await?;
    add(store, asset_rows, std::slice::from_ref(&on)).await?;
    let full = Insight {
        client_id: Some(ground.clients[0]),
        infrastructure_id: Some(on.id.uuid()),
        category: InsightCategory::VersionLimitations,
        title: longest_line(255),
        description: longest_block(),
        examples: vec!["gc x".to_owned(), "\"quoted\" \\ \u{1F980}".to_owned()],
        priority: 10,
        confidence: 1000,
        last_verified_at: Some(at(7)),
        verb: "\u{1F980}".repeat(120),
        attribute: Some(Attribute::ShellVersion),
        attribute_value: Some("\u{1F980}".repeat(1020)),
        ..derived(52, &of, Attribute::Os, "x")
    };
    let fields = InsightFields {
        client_id: Patch::Clear,
        infrastructure_id: Patch::Clear,
        last_verified_at: Patch::Clear,
        examples: Some(Vec::new()),
        ..InsightFields::default()
    };
    let changed = full.clone().change(fields, at(9_000)).expect("a valid change");
    round_trips(store, insight_rows, &full, &Insight { attribute: None, attribute_value: None, ..changed }).await?;
    let mut view = store.read().await?;
    assert_eq!(view.insights().of_pattern(of.id).await?.map(|insight| insight.id), Some(full.id));
    assert_eq!(view.insights().of_pattern(id(57)).await?, None);
    drop(view);

    refused(store, insight_rows, &derived(53, &of, Attribute::Os, "a pattern has one")).await?;
    refused(store, insight_rows, &Insight { client_id: Some(uuid(999)), ..insight(53, "i", 1) }).await?;
    refused(store, insight_rows, &Insight { infrastructure_id: Some(uuid(999)), ..insight(53, "i", 1) }).await?;
    refused(store, insight_rows, &Insight { pattern_id: Some(id(999)), ..insight(53, "i", 1) }).await?;

    let of_asset = Insight { infrastructure_id: Some(on.id.uuid()), ..insight(54, "i", 1) };
    add(store, insight_rows, std::slice::from_ref(&of_asset)).await?;
    let mut tx = store.begin().await?;
    assert_eq!(tx.assets().referrers(on.id).await?, [Referrer { resource_type: Insight::TYPE, count: 1 }]);
    assert!(tx.insights().remove(of_asset.id).await?, "there was a row to remove");
    assert!(!tx.insights().remove(of_asset.id).await?, "and then none");
    assert_eq!(tx.assets().referrers(on.id).await?, []);
    tx.commit().await
}

async fn lists(store: Store<'_>, ground: &Ground) -> Outcome {
    let [acme, globex] = ground.clients;
    let (of, on) = (pattern(10, "gc"), asset(11, globex, "dc01"));
    add(store, pattern_rows, std::slice::from_ref(&of)).await?;
    add(store, asset_rows, std::slice::from_ref(&on)).await?;
    let rows = [
        Insight { client_id: Some(acme), ..insight(1, "No sudo", 9) },
        Insight { infrastructure_id: Some(on.id.uuid()), ..insight(2, "NO SUDO 100%", 9) },
        Insight {
            client_id: Some(globex),
            category: InsightCategory::NetworkConstraints,
            ..insight(3, "Über_land", 1)
        },
        derived(4, &of, Attribute::Os, "windows"),
    ];
    add(store, insight_rows, &rows).await?;
    let none = InsightFilter::default;
    let q = |q: &str| InsightFilter { q: text(q), ..none() };
    for (filter, expected) in [
        (none(), 4),
        (InsightFilter { client_id: Some(acme), ..none() }, 1),
        (InsightFilter { infrastructure_id: Some(on.id.uuid()), ..none() }, 1),
        (InsightFilter { category: Some(InsightCategory::Permissions), ..none() }, 3),
        (InsightFilter { source: Some(Source::Derived), ..none() }, 1),
        (q("no SUDO"), 2),
        (InsightFilter { client_id: Some(acme), ..q("no SUDO") }, 1),
        (q("ask jo"), 4),
        (q("über"), 1),
        (q("%"), 1),
        (q("_"), 1),
    ] {
        let admitted: Vec<Insight> = rows.iter().filter(|row| filter.admits(row)).cloned().collect();
        assert_eq!(admitted.len(), expected, "{filter:?}");
        lists_agree(admitted, async |request| {
            let mut view = store.read().await.expect("a reader");
            view.insights().list(&filter, &request).await.expect("a page")
        })
        .await;
    }
    Ok(())
}

async fn places(store: Store<'_>, ground: &Ground) -> Outcome {
    let [acme, globex] = ground.clients;
    let (here, there) = (asset(60, acme, "here"), asset(61, acme, "there"));
    add(store, asset_rows, &[here.clone(), there.clone()]).await?;
    let (of, other) = (pattern(62, "robocopy a b"), pattern(63, "dir"));
    add(store, pattern_rows, &[of.clone(), other.clone()]).await?;
    let on = |n, title: &str, priority, asset: &Asset| Insight {
        infrastructure_id: Some(asset.id.uuid()),
        ..insight(n, title, priority)
    };
    let long = "\u{1F980}".repeat(1020);
    let rows = [
        on(70, "Here robocopy", 4, &here),
        // Of the asset, whatever the client beside it.
        Insight { client_id: Some(acme), ..on(71, "There, robocopy", 3, &there) },
        Insight { client_id: Some(acme), ..insight(72, "At Acme 'RoboCopy'", 5) },
        Insight { client_id: Some(globex), ..insight(73, "At Globex robocopy", 6) },
        Insight { examples: vec!["robocopy.exe /mir".to_owned()], ..insight(74, "Everywhere", 5) },
        Insight { priority: 7, title: "Derived".to_owned(), ..derived(75, &of, Attribute::Os, "windows") },
        Insight { title: "Long".to_owned(), ..derived(76, &other, Attribute::OsVersion, &long) },
        insight(77, "robocopy_2 and 100%", 1),
    ];
    add(store, insight_rows, &rows).await?;
    let windows = Spot::Having(Attribute::Os, "windows".to_owned());
    let at_acme = [Spot::Everywhere, Spot::Client(acme), Spot::Asset(here.id.uuid()), windows.clone()];
    let robocopy = ["dir".to_owned(), "robocopy".to_owned()];
    for (spots, verbs, expected) in [
        (
            &at_acme[..],
            None,
            vec!["Derived", "Everywhere", "At Acme 'RoboCopy'", "Here robocopy", "robocopy_2 and 100%"],
        ),
        (&at_acme[1..3], None, vec!["At Acme 'RoboCopy'", "Here robocopy"]),
        (&[Spot::Asset(there.id.uuid())][..], None, vec!["There, robocopy"]),
        (&[Spot::Having(Attribute::Os, "WINDOWS".to_owned())][..], None, vec![]),
        (&[Spot::Having(Attribute::Shell, "windows".to_owned())][..], None, vec![]),
        (&[Spot::Having(Attribute::OsVersion, long.clone())][..], None, vec!["Long"]),
        (&at_acme[..], Some(&robocopy[..]), vec!["Derived", "Everywhere", "At Acme 'RoboCopy'", "Here robocopy"]),
        (&at_acme[..], Some(&robocopy[..1]), vec![]),
        (&at_acme[..], Some(&[]), vec![]),
        (&at_acme[..], Some(&["robocop_".to_owned()][..]), vec![]),
        (&at_acme[..], Some(&["robocopy_2".to_owned()][..]), vec!["robocopy_2 and 100%"]),
        (&[windows.clone()][..], Some(&robocopy[..]), vec!["Derived"]),
    ] {
        let found = async |limit| {
            let mut view = store.read().await?;
            let found = match verbs {
                Some(verbs) => view.insights().about(spots, verbs, limit).await?,
                None => view.insights().holding(spots, limit).await?,
            };
            // Others of the suite hold everywhere too.
            let own = found.into_iter().filter(|insight| rows.iter().any(|row| row.id == insight.id));
            Ok::<Vec<String>, StoreError>(own.map(|insight| insight.title).collect())
        };
        assert_eq!(found(100).await?, expected, "{spots:?} {verbs:?}");
        assert!(found(1).await?.len() <= 1, "at most so many");
    }
    let mut view = store.read().await?;
    let of_verb: Vec<String> =
        view.insights().of_verb("robocopy", 10).await?.into_iter().map(|insight| insight.title).collect();
    assert_eq!(of_verb, ["Derived"]);
    assert_eq!(view.insights().of_verb("", 10).await?, [], "of the derived ones alone");
    Ok(())
}
