//! Whether a page of a million sessions costs what the same page of ten thousand costs, for each filter by itself.

use std::collections::BTreeMap;

use claudetools_seed::Size;
use serde_json::Value;

use crate::{
    client::Client,
    data::{Engine, Rows},
    failure::{Failure, Result},
    lineup::{Bench, Contender, Extras, timed},
    report::{Report, Samples},
};

/// Pages of each kind before the first that counts.
const WARM_UP: usize = 10;
/// How long pages are: as lists have them, or shorter where no value of a filter has two such pages among ten thousand sessions.
const PAGES: [usize; 2] = [50, 10];
/// How many of the commonest values of a filter are tried.
const VALUES: usize = 20;

/// Pages behind a cursor (no total is counted) and first pages (one is), of both sizes by turns.
pub(crate) async fn run(bench: &Bench, engine: Engine) -> Result<Report> {
    let name = engine.name();
    let about = format!(
        "Pages of {} sessions on {name}, one at a time, of 1,000,000 and of 10,000 sessions by turns. The second page, \
         by cursor, is held to the goal; the first one also counts all rows that its filter admits.",
        PAGES[0]
    );
    let mut report = bench.report("growth", about).of_engine(name);
    let many = bench.databases.shared(engine, Rows::Seed(Size::Million)).await?;
    let few = bench.databases.shared(engine, Rows::TenThousand).await?;
    // Nothing is written, so that the files stay what later runs expect.
    let many = bench.ours("1m", &many, Extras::None).await?;
    let few = bench.ours("10k", &few, Extras::None).await?;
    let filters = [filters(&many).await?, filters(&few).await?];
    let mut clients = [many.client().await?, few.client().await?];
    let samples = if bench.thoroughness.thorough { 201 } else { 61 };
    for (filter, large) in &filters[0] {
        let Some(small) = filters[1].get(filter) else { continue };
        let (size, pages) = pages(&mut clients, [large, small])
            .await?
            .ok_or_else(|| Failure::Server(format!("no {filter} has two pages of sessions")))?;
        let shown = if size == PAGES[0] { (*filter).to_owned() } else { format!("{filter}, pages of {size}") };
        for (kind, after_first) in [("", true), (" with total", false)] {
            // A total of a million rows takes a while, and has no goal.
            let samples = if after_first { samples } else { samples / 6 };
            let paths = pages.each_ref().map(|[first, second]| if after_first { second } else { first });
            let taken = by_turns(&mut clients, paths, size, samples).await?;
            let [many, few] = &taken;
            report.measured(format!("{shown}{kind}: 1m"), many);
            report.measured(format!("{shown}{kind}: 10k"), few);
            let value = if after_first { "1m / 10k" } else { "first page with total, large / small" };
            report.value(format!("{name}: {shown}, {value}"), many.median() / few.median());
        }
    }
    Ok(report)
}

async fn by_turns(clients: &mut [Client; 2], paths: [&String; 2], size: usize, samples: usize) -> Result<[Samples; 2]> {
    let mut taken = [Samples::default(), Samples::default()];
    for round in 0..WARM_UP + samples {
        for turn in 0..2 {
            let at = (turn + round) % 2;
            let (took, page) = timed(&mut clients[at], paths[at]).await?;
            if round == 0 && rows(&page) != size {
                return Err(Failure::Server(format!("{} has fewer than {size} rows", paths[at])));
            }
            if round >= WARM_UP {
                taken[at].add(took);
            }
        }
    }
    Ok(taken)
}

/// The longest pages that both have two of by some value of a filter, and where these are.
async fn pages(clients: &mut [Client; 2], [many, few]: [&Vec<String>; 2]) -> Result<Option<(usize, [[String; 2]; 2])>> {
    for size in PAGES {
        let [of_many, of_few] = clients;
        if let (Some(many), Some(few)) = (two(of_many, many, size).await?, two(of_few, few, size).await?) {
            return Ok(Some((size, [many, few])));
        }
    }
    Ok(None)
}

/// The first page and the one behind it, by the first of `filters` that has both in full.
async fn two(client: &mut Client, filters: &[String], size: usize) -> Result<Option<[String; 2]>> {
    for filter in filters {
        let first = format!("/api/v1/sessions?limit={size}&{filter}");
        let (_, page) = timed(client, &first).await?;
        let Some(cursor) = page["next_cursor"].as_str() else { continue };
        let second = format!("{first}&cursor={cursor}");
        if rows(&timed(client, &second).await?.1) == size {
            return Ok(Some([first, second]));
        }
    }
    Ok(None)
}

fn rows(page: &Value) -> usize {
    page["sessions"].as_array().map_or(0, Vec::len)
}

/// Every documented filter with the values that most of the latest sessions have. The `q` is a word that is common as well: one
/// that nothing has means reading everything, and the documentation says so.
async fn filters(contender: &Contender) -> Result<BTreeMap<&'static str, Vec<String>>> {
    let mut client = contender.client().await?;
    let rows = client.get("/api/v1/sessions?limit=200").await?;
    let rows = rows["sessions"].as_array().cloned().unwrap_or_default();
    let mut details = Vec::with_capacity(rows.len());
    for id in rows.iter().filter_map(|row| row["id"].as_str()) {
        details.push(client.get(&format!("/api/v1/sessions/{id}")).await?);
    }
    let of = |field: &str| commonest(details.iter().filter_map(|detail| detail[field].as_str()));
    let one_of = |field: &str| {
        let lists = details.iter().filter_map(|detail| detail[field].as_array());
        commonest(lists.flatten().filter_map(Value::as_str))
    };
    let word = commonest(details.iter().filter_map(|detail| detail["session_title"].as_str()?.split(' ').next()));
    let mut filters = BTreeMap::from([
        ("none", vec![String::new()]),
        ("date_from", vec!["date_from=2025-09-01".to_owned()]),
        ("date_to", vec!["date_to=2026-05-01".to_owned()]),
        ("is_billable", vec!["is_billable=true".to_owned()]),
        ("status", vec!["status=completed".to_owned()]),
    ]);
    let found = [
        ("client_id", of("client_id")),
        ("project_id", of("project_id")),
        ("machine_id", of("machine_id")),
        ("technician", of("technician")),
        ("tag", one_of("tags")),
        ("technology", one_of("technologies_used")),
        ("q", word),
    ];
    for (name, values) in found {
        let pairs = values.into_iter().map(|value| serde_urlencoded::to_string([(name, value)]));
        let pairs: std::result::Result<Vec<String>, _> = pairs.collect();
        filters.insert(name, pairs.map_err(|error| Failure::Server(error.to_string()))?);
    }
    Ok(filters)
}

/// What occurs most often, that which does so most first.
fn commonest<'a>(values: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for value in values {
        *counts.entry(value).or_default() += 1;
    }
    let mut values: Vec<_> = counts.into_iter().collect();
    values.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    values.into_iter().take(VALUES).map(|(value, _)| value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_values_that_occur_most_often_come_first() {
        assert_eq!(commonest(["a", "b", "b", "c"].into_iter()), ["b", "a", "c"]);
        assert!(commonest(std::iter::empty()).is_empty());
    }
}
