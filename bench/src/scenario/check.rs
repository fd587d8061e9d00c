//! The check of a command before it is run, among ten thousand patterns of failures.

use claudetools_crypto::UuidGenerator;
use claudetools_infra::{
    failure::{
        Attribute, FailurePattern, Insight, InsightCategory, InsightFields, PatternFields, PatternType, Source,
        Suggestion,
    },
    ports::InfraTx,
};
use claudetools_kernel::{Id, IdGenerator, Timestamp, UnitOfWork};
use claudetools_seed::Size;
use claudetools_sql::{SqlOptions, SqlStore};
use hyper::Method;
use serde_json::{Value, json};

use crate::{
    client::{Call, Client},
    data::{Data, Engine, Rows},
    failure::{Failure, Result},
    lineup::{Bench, Extras},
    report::{Report, Samples},
};

const PATTERNS: usize = 10_000;
/// Hosts with an asset each.
const HOSTS: usize = 500;
/// Hosts on which a pattern was seen.
const SEEN_ON: usize = 3;
/// Programs beside the one that half of all patterns are about.
const TOOLS: usize = 40;
/// Options that failures are about.
const OPTIONS: usize = 50;
/// Patterns that are written in one transaction.
const BATCH: usize = 1_000;
/// Checks that count, and those before.
const CHECKS: usize = 2_000;
const WARM_UP: usize = 100;

/// Measures on one engine.
pub(crate) async fn run(bench: &Bench, engine: Engine) -> Result<Report> {
    let name = engine.name();
    let about = format!(
        "{CHECKS} checks over one connection, of {HOSTS} hosts by turns, among {PATTERNS} patterns, half of them of one program, and \
         {} insights, on {name}; audit log and limits on.",
        PATTERNS / 5
    );
    let mut report = bench.report("failure-check", about).of_engine(name);
    let data = bench.databases.copy(engine, Rows::Seed(Size::Small)).await?;
    fill(&data).await?;
    let server = bench.ours("ours", &data, Extras::All).await?;
    let mut client = server.client().await?;
    enter_assets(&mut client).await?;
    let (mut found, mut taken) = (0, Samples::default());
    for number in 0..WARM_UP + CHECKS {
        let body = plan(number);
        let call = Call {
            path: "/api/v1/failure-patterns/check",
            method: Some(Method::POST),
            body: Some(&body),
            ..Call::default()
        };
        let answer = client.send(call).await?;
        answer.expect(200, "a check")?;
        if number >= WARM_UP {
            taken.add(answer.took);
            found += usize::from(answer.json()?["will_fail"] == true);
        }
    }
    if found == 0 || found == CHECKS {
        return Err(Failure::Server(format!("{found} of {CHECKS} checks warn, which is no mixture")));
    }
    report.measured(format!("{name}: a check, {found} of {CHECKS} of which warn"), &taken);
    report.value(format!("{name}: a check, median ms"), taken.median() / 1e3);
    report.value(format!("{name}: a check, p99 ms"), taken.quantile_seconds(0.99) * 1e3);
    Ok(report)
}

/// The command that is checked.
fn plan(number: usize) -> Value {
    let (host, option) = (number * 7 % HOSTS, number % OPTIONS);
    let command = match number % 4 {
        0 => format!("git push --option{option} origin main"),
        1 => format!("git -C /srv/repository status | grep -c --option{option} modified"),
        2 => format!("tool{} run --verbose", number % TOOLS),
        _ => format!("echo {number} && tool{} --option{option} C:\\data\\{number}.log", number % TOOLS),
    };
    json!({"command_text": command, "host": host_name(host), "shell_type": "bash"})
}

fn host_name(number: usize) -> String {
    format!("bench-{number}")
}

async fn enter_assets(client: &mut Client) -> Result<()> {
    let clients = client.get("/api/v1/clients?limit=1").await?;
    let of = clients["clients"][0]["id"].as_str();
    let of = of.ok_or_else(|| Failure::Server("there are no clients".into()))?;
    let rows: Vec<Value> = (0..HOSTS)
        .map(|number| {
            json!({"client_id": of, "hostname": host_name(number), "asset_type": "virtual_server", "os": "Linux",
                "os_version": format!("{}", number % 10)})
        })
        .collect();
    for rows in rows.chunks(250) {
        let body = json!({"rows": rows});
        let path = "/api/v1/infrastructure/bulk";
        let call = Call { path, method: Some(Method::POST), body: Some(&body), ..Call::default() };
        client.send(call).await?.expect(200, path)?;
    }
    Ok(())
}

/// Writes the patterns and insights past the server: to make them of commands would take as many failures.
async fn fill(data: &Data) -> Result<()> {
    let store = SqlStore::open(&data.url, &SqlOptions::default()).await?;
    let work: &dyn UnitOfWork<dyn InfraTx> = &store;
    let now =
        Timestamp::from_micros(1_767_225_600_000_000).unwrap_or_else(|| unreachable!("an instant of our century"));
    for from in (0..PATTERNS).step_by(BATCH) {
        let mut tx = work.begin().await?;
        for number in from..from + BATCH {
            let pattern = pattern(number, now)?;
            tx.failure_patterns().add(&pattern).await?;
            tx.failure_patterns().expect_anew(&pattern).await?;
            if number.is_multiple_of(5) {
                tx.insights().add(&insight(number, &pattern, now)?).await?;
            }
        }
        tx.commit().await?;
    }
    Ok(store.close().await?)
}

fn pattern(number: usize, now: Timestamp) -> Result<FailurePattern> {
    let verb = if number.is_multiple_of(2) { "git".to_owned() } else { format!("tool{}", number / 2 % TOOLS) };
    let fields = PatternFields {
        pattern_type: Some(PatternType::CommandCompatibility),
        pattern_signature: Some(format!("{verb} step{number} --now")),
        ..PatternFields::default()
    };
    let pattern = FailurePattern::new(Id::new(UuidGenerator.next()), fields, now).map_err(|error| refused(&error))?;
    if number % 20 == 19 {
        // Entered by hand, and for everywhere.
        return Ok(pattern);
    }
    let text =
        format!("fatal: step {number} is not what this version of {verb} can do; see its manual for what it can");
    Ok(FailurePattern {
        source: Source::Derived,
        verb,
        subject: if number % 4 < 3 { format!("--option{}", number / 4 % OPTIONS) } else { String::new() },
        occurrence_count: i64::try_from(number % 97).unwrap_or_default(),
        hosts: (0..SEEN_ON).map(|turn| host_name((number * 7 + turn * 101) % HOSTS)).collect(),
        examples: vec![text; 5],
        suggestions: vec![Suggestion { command_text: format!("step {number} --later"), support_count: 2 }],
        first_seen_at: Some(now),
        last_seen_at: Some(now),
        ..pattern
    })
}

fn insight(number: usize, of: &FailurePattern, now: Timestamp) -> Result<Insight> {
    let fields = InsightFields {
        category: Some(InsightCategory::VersionLimitations),
        title: Some(format!("{} fails: unknown option", of.verb)),
        description: Some("5 of 5 runs on 2 hosts; 0 of 12 elsewhere".to_owned()),
        ..InsightFields::default()
    };
    let insight = Insight::new(Id::new(UuidGenerator.next()), fields, now).map_err(|error| refused(&error))?;
    let (attribute, value) = match number % 3 {
        0 => (Attribute::Host, host_name(number % HOSTS)),
        1 => (Attribute::OsVersion, format!("linux {}", number % 10)),
        _ => (Attribute::Os, if number.is_multiple_of(200) { "linux".to_owned() } else { format!("os {number}") }),
    };
    Ok(Insight {
        source: Source::Derived,
        pattern_id: Some(of.id),
        verb: of.verb.clone(),
        attribute: Some(attribute),
        attribute_value: Some(value),
        ..insight
    })
}

fn refused(error: &claudetools_kernel::Error) -> Failure {
    Failure::Server(format!("a row for the check is refused: {error}"))
}
