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
const PAGE: usize = 50;

/// Pages behind a cursor (no total is counted) and first pages (one is), of both sizes by turns.
pub(crate) async fn run(bench: &Bench, engine: Engine) -> Result<Report> {
    let name = engine.name();
    let about = format!(
        "Pages of {PAGE} sessions on {name}, one at a time, of 1,000,000 and of 10,000 sessions by turns. The second page, \
         by cursor, is held to the goal; the first one also counts all rows that its filter admits."
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
        for (kind, after_first) in [("", true), (" with total", false)] {
            // A total of a million rows takes a while, and has no goal.
            let samples = if after_first { samples } else { samples / 6 };
            let paths =
                [path(&mut clients[0], large, after_first).await?, path(&mut clients[1], small, after_first).await?];
            let taken = by_turns(&mut clients, &paths, samples).await?;
            let [many, few] = &taken;
            report.measured(format!("{filter}{kind}: 1m"), many);
            report.measured(format!("{filter}{kind}: 10k"), few);
            let value = if after_first { "1m / 10k" } else { "first page with total, large / small" };
            report.value(format!("{name}: {filter}, {value}"), many.median() / few.median());
        }
    }
    Ok(report)
}

async fn by_turns(clients: &mut [Client; 2], paths: &[String; 2], samples: usize) -> Result<[Samples; 2]> {
    let mut taken = [Samples::default(), Samples::default()];
    for round in 0..WARM_UP + samples {
        for turn in 0..2 {
            let at = (turn + round) % 2;
            let (took, page) = timed(&mut clients[at], &paths[at]).await?;
            if round == 0 && page["sessions"].as_array().map(Vec::len) != Some(PAGE) {
                return Err(Failure::Server(format!("{} has fewer than {PAGE} rows", paths[at])));
            }
            if round >= WARM_UP {
                taken[at].add(took);
            }
        }
    }
    Ok(taken)
}

/// The first page by a filter, or the one behind it.
async fn path(client: &mut Client, filter: &str, after_first: bool) -> Result<String> {
    let first = format!("/api/v1/sessions?limit={PAGE}&{filter}");
    if !after_first {
        return Ok(first);
    }
    let (_, page) = timed(client, &first).await?;
    let cursor = page["next_cursor"].as_str();
    let cursor = cursor.ok_or_else(|| Failure::Server(format!("{first} has no second page")))?;
    Ok(format!("{first}&cursor={cursor}"))
}

/// Every documented filter with a value that many of the latest sessions have. The `q` is a word that is common as well: one
/// that nothing has means reading everything, and the documentation says so.
async fn filters(contender: &Contender) -> Result<BTreeMap<&'static str, String>> {
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
        ("none", String::new()),
        ("date_from", "date_from=2025-09-01".to_owned()),
        ("date_to", "date_to=2026-05-01".to_owned()),
        ("is_billable", "is_billable=true".to_owned()),
        ("status", "status=completed".to_owned()),
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
    for (name, value) in found {
        let value = value.ok_or_else(|| Failure::Server(format!("no recent session has a {name}")))?;
        let pair = serde_urlencoded::to_string([(name, value)]);
        filters.insert(name, pair.map_err(|error| Failure::Server(error.to_string()))?);
    }
    Ok(filters)
}

/// What occurs most often.
fn commonest<'a>(values: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for value in values {
        *counts.entry(value).or_default() += 1;
    }
    counts.into_iter().max_by_key(|(_, count)| *count).map(|(value, _)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_that_occurs_most_often_is_taken() {
        assert_eq!(commonest(["a", "b", "b", "c"].into_iter()), Some("b"));
        assert_eq!(commonest(std::iter::empty()), None);
    }
}
