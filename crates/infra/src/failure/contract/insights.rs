//! Insights: every field, lists, where they hold, and whom they keep from being removed.

use claudetools_kernel::{
    Entity as _, Patch, Referrer,
    contract::{at, lists_agree, uuid},
};

use super::{
    Ground, Outcome, Store, add, asset, asset_rows, derived, id, insight, insight_rows, longest_block, longest_line,
    pattern, pattern_rows, refused, round_trips, text,
};
use crate::failure::{Attribute, Insight, InsightCategory, InsightFields, InsightFilter, Source};

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
    let of = pattern(62, "robocopy a b");
    add(store, pattern_rows, std::slice::from_ref(&of)).await?;
    let rows = [
        Insight { infrastructure_id: Some(here.id.uuid()), ..insight(70, "here", 4) },
        // Of the asset, whatever the client beside it.
        Insight { client_id: Some(acme), infrastructure_id: Some(there.id.uuid()), ..insight(71, "there", 3) },
        Insight { client_id: Some(acme), ..insight(72, "acme", 5) },
        Insight { client_id: Some(globex), ..insight(73, "globex", 6) },
        insight(74, "everywhere", 5),
        derived(75, &of, Attribute::Os, "windows"),
    ];
    add(store, insight_rows, &rows).await?;
    let mut view = store.read().await?;
    let ids = |found: Vec<Insight>| {
        let own = |insight: &Insight| rows.iter().any(|row| row.id == insight.id);
        found.into_iter().filter(own).map(|insight| insight.title).collect::<Vec<_>>()
    };
    let insights = view.insights();
    let found = insights.of_place(Some(acme), Some(here.id.uuid()), 100).await?;
    assert_eq!(ids(found), ["It fails", "everywhere", "acme", "here"], "the highest priority first");
    assert_eq!(ids(insights.of_place(Some(acme), None, 100).await?), ["It fails", "everywhere", "acme"]);
    assert_eq!(ids(insights.of_place(None, None, 100).await?), ["It fails", "everywhere"]);
    assert_eq!(insights.of_place(Some(acme), None, 1).await?.len(), 1, "at most so many");
    assert_eq!(ids(insights.of_verb("robocopy", 10).await?), ["It fails"]);
    assert_eq!(insights.of_verb("", 10).await?, [], "of the derived ones alone");
    Ok(())
}
