//! What the server measures, and that the dashboard and the alert rules ask for nothing else.

use std::collections::{BTreeMap, BTreeSet};

use claudetools_testkit::{ADMIN_EMAIL, ADMIN_PASSWORD, Engine, TestApp};
use reqwest::Method;
use serde_json::{Value, json};

use crate::promql::{self, Asked};

/// What a server exports: families with their types, and each sample's name with the labels that it bears.
#[derive(Debug, Default)]
struct Exported {
    families: BTreeMap<String, String>,
    samples: BTreeMap<String, BTreeSet<String>>,
    text: String,
}

impl Exported {
    async fn by(app: &TestApp) -> Self {
        let answer = app.anonymous().get("/metrics").await.expect(200);
        let mut exported = Self { text: answer.text, ..Self::default() };
        for line in exported.text.lines() {
            if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) {
                exported.families.insert(name.to_owned(), kind.to_owned());
            } else if !line.starts_with('#') {
                let name_end = line.find(['{', ' ']).expect("a sample");
                let labels = exported.samples.entry(line[..name_end].to_owned()).or_default();
                labels.extend(promql::asked(line).into_iter().flat_map(|asked| asked.labels));
            }
        }
        exported
    }

    /// The value of the sample that begins like this.
    fn value(&self, sample: &str) -> u64 {
        let line = self.text.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {sample} in {}", self.text)).parse().expect("a whole number")
    }

    /// The family that a sample belongs to.
    fn family(&self, sample: &str) -> Option<&str> {
        let of_histogram = ["_bucket", "_sum", "_count"].iter().find_map(|end| sample.strip_suffix(end));
        let is_histogram = |name: &&str| self.families.get(*name).is_some_and(|kind| kind == "histogram");
        let name = of_histogram.filter(is_histogram).unwrap_or(sample);
        self.families.get_key_value(name).map(|(name, _)| name.as_str())
    }
}

/// An application that has done a little of everything that is measured.
async fn busy() -> TestApp {
    let app = TestApp::builder().with("RATE_LIMIT_PER_MINUTE", "20").start().await;
    app.log_in().await;
    let wrong = json!({"email": ADMIN_EMAIL, "password": "not the right one"});
    app.anonymous().post("/api/v1/auth/token", &wrong).await.expect(401);
    app.anonymous().post("/api/v1/auth/token", &json!({"email": ADMIN_EMAIL, "password": 1})).await.expect(400);
    let reader = app.reader();
    for _ in 0..20 {
        reader.get("/api/v1/clients").await.expect(200);
    }
    for _ in 0..3 {
        reader.get("/api/v1/clients").await.expect(429);
    }
    app
}

#[tokio::test]
async fn what_happened_is_counted() {
    let app = busy().await;
    let exported = Exported::by(&app).await;
    let clients = r#"claudetools_http_requests_total{method="GET",route="/api/v1/clients",status="#;
    assert_eq!(exported.value(&format!("{clients}\"200\"}}")), 20);
    assert_eq!(exported.value(&format!("{clients}\"429\"}}")), 3);
    let took = r#"claudetools_http_request_duration_seconds_count{method="GET",route="/api/v1/clients"}"#;
    assert_eq!(exported.value(took), 23);
    assert_eq!(exported.value(r#"claudetools_rate_limited_total{class="token"}"#), 3);
    assert_eq!(exported.value(r#"claudetools_rate_limited_total{class="address"}"#), 0);
    assert_eq!(exported.value(r#"claudetools_log_ins_total{outcome="succeeded"}"#), 1);
    assert_eq!(exported.value(r#"claudetools_log_ins_total{outcome="wrong_credentials"}"#), 1);
    assert_eq!(exported.value("claudetools_http_requests_in_flight"), 1, "this one");
    let (pool, limit) = if Engine::of_run() == Engine::Sqlite { ("writer", 1) } else { ("shared", 16) };
    let limits = format!("claudetools_database_connections_limit{{pool=\"{pool}\"}}");
    assert_eq!(exported.value(&limits), limit);
    assert!(exported.value("process_resident_memory_bytes") > 1_000_000);
    assert!(exported.value("process_start_time_seconds") > 1_600_000_000);
    app.stop().await;
}

#[tokio::test]
async fn rows_that_wait_for_the_audit_log_are_seen_and_go() {
    let app = TestApp::start().await;
    for _ in 0..10 {
        app.reader().get("/api/v1/auth/me").await.expect(200);
    }
    app.eventually("an empty queue", async || {
        let waiting = Exported::by(&app).await.value("claudetools_audit_rows_queued");
        (waiting == 0).then_some(())
    })
    .await;
    app.stop().await;
}

#[tokio::test]
async fn it_is_the_same_under_each_prefix_needs_no_token_and_is_not_kept_by_anyone() {
    let app = TestApp::start().await;
    for path in ["/metrics", "/api/v1/metrics", "/api/metrics"] {
        let answer = app.anonymous().get(path).await.expect(200);
        assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4", "{path}");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        assert!(answer.text.contains("\nclaudetools_build_info{version=\""), "{path}");
    }
    app.anonymous().post("/metrics", &json!({})).await.expect(405);
    app.anonymous().get("/metrics?x=1").await.expect(400);
    app.stop().await;
}

#[tokio::test]
async fn no_caller_can_make_new_series() {
    let app = TestApp::start().await;
    let reader = app.reader();
    let call = async |number: usize| {
        reader.get(&format!("/api/v1/clients/01980000-0000-7000-8000-{number:012x}")).await.expect(404);
        reader.get(&format!("/nowhere/{number}")).await.expect(404);
        reader.get(&format!("/api/v1/nowhere/{number}")).await.expect(404);
        let method = Method::from_bytes(format!("M{number}").as_bytes()).expect("a method");
        reader.send(method, "/api/v1/clients", None).await.expect(405);
        app.anonymous().with_token(&format!("a.b.{number}")).get("/api/v1/auth/me").await.expect(401);
    };
    call(0).await;
    // The second fetch has the first among its series.
    Exported::by(&app).await;
    let before = Exported::by(&app).await.text.lines().count();
    for number in 1..30 {
        call(number).await;
    }
    let after = Exported::by(&app).await;
    assert_eq!(after.text.lines().count(), before, "{}", after.text);
    assert_eq!(after.value(r#"claudetools_http_requests_total{method="GET",route="unmatched",status="404"}"#), 60);
    app.stop().await;
}

fn read(name: &str) -> String {
    let path = format!("{}/../{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The queries of the dashboard's panels, each with the panel's title.
fn panels() -> Vec<(String, String)> {
    let dashboard: Value = serde_json::from_str(&read("deploy/grafana/claudetools.json")).expect("JSON");
    let mut queries = Vec::new();
    for panel in dashboard["panels"].as_array().expect("panels") {
        let title = panel["title"].as_str().expect("a title");
        for target in panel["targets"].as_array().into_iter().flatten() {
            queries.push((title.to_owned(), target["expr"].as_str().expect("a query").to_owned()));
        }
    }
    for variable in dashboard["templating"]["list"].as_array().expect("variables") {
        let query = variable["query"]["query"].as_str().and_then(|query| query.strip_prefix("label_values("));
        if let Some((query, _)) = query.and_then(|query| query.rsplit_once(',')) {
            queries.push((variable["name"].as_str().expect("a name").to_owned(), query.to_owned()));
        }
    }
    assert!(queries.len() > 20, "only {} queries were found", queries.len());
    queries
}

/// The alert rules.
fn alerts() -> Vec<Value> {
    let rules: Value = serde_saphyr::from_str(&read("deploy/prometheus/claudetools.rules.yml")).expect("YAML");
    let groups = rules["groups"].as_array().expect("groups");
    let rules: Vec<Value> =
        groups.iter().flat_map(|group| group["rules"].as_array().expect("rules")).cloned().collect();
    assert!(rules.len() > 10, "only {} rules were found", rules.len());
    rules
}

/// What Prometheus adds to whatever it fetches.
const OF_PROMETHEUS: [&str; 2] = ["job", "instance"];

fn check(place: &str, query: &str, exported: &Exported) -> BTreeSet<String> {
    let mut families = BTreeSet::new();
    let asked = promql::asked(query);
    assert!(!asked.is_empty(), "{place} asks for nothing: {query}");
    let known =
        |labels: &BTreeSet<String>, label: &String| labels.contains(label) || OF_PROMETHEUS.contains(&label.as_str());
    for Asked { metric, labels } in &asked {
        if metric == "up" {
            continue;
        }
        let family = exported.family(metric).unwrap_or_else(|| panic!("{place}: no server exports {metric}"));
        let has = exported.samples.get(metric).unwrap_or_else(|| panic!("{place}: {metric} is no sample of {family}"));
        for label in labels {
            assert!(known(has, label), "{place}: {metric} has no label {label}, but {has:?}");
        }
        families.insert(family.to_owned());
    }
    let all: BTreeSet<String> =
        asked.iter().filter_map(|asked| exported.samples.get(&asked.metric)).flatten().cloned().collect();
    for label in promql::grouped_by(query) {
        assert!(known(&all, &label), "{place}: nothing there has a label {label}, but {all:?}");
    }
    families
}

#[tokio::test]
async fn the_dashboard_and_the_alerts_ask_for_what_is_exported_and_all_of_it_is_shown() {
    let app = busy().await;
    // Twice: the first fetch is itself a request that the second one sees.
    Exported::by(&app).await;
    let exported = Exported::by(&app).await;
    let shown: BTreeSet<String> = panels().iter().flat_map(|(title, query)| check(title, query, &exported)).collect();
    for alert in alerts() {
        let name = alert["alert"].as_str().expect("the name of an alert");
        check(name, alert["expr"].as_str().expect("a query"), &exported);
    }
    // The address space says nothing of what is used, and the threads are as many as workers and a fixed few.
    let left_out = ["process_threads", "process_virtual_memory_bytes"].map(str::to_owned);
    let families: BTreeSet<String> = exported.families.keys().cloned().collect();
    let expected: BTreeSet<String> = shown.into_iter().chain(left_out).collect();
    assert_eq!(families, expected, "exported, and shown or left out on purpose");
    app.stop().await;
}

#[test]
fn each_alert_says_how_bad_it_is_and_what_to_do() {
    let operations = read("docs/operations.md");
    for alert in alerts() {
        let name = alert["alert"].as_str().expect("a name");
        let severity = alert["labels"]["severity"].as_str().unwrap_or_default();
        assert!(["critical", "warning", "info"].contains(&severity), "{name}: {severity:?}");
        for text in ["summary", "description"] {
            assert!(alert["annotations"][text].as_str().is_some_and(|text| !text.is_empty()), "{name}: no {text}");
        }
        assert!(operations.contains(&format!("| `{name}` |")), "docs/operations.md does not say what to do at {name}");
    }
}

#[tokio::test]
async fn a_log_in_is_counted_by_its_outcome_also_when_it_is_throttled() {
    let app = TestApp::start().await;
    let wrong = json!({"email": "nobody@claudetools.test", "password": "not the right one"});
    for _ in 0..5 {
        app.anonymous().post("/api/v1/auth/token", &wrong).await.expect(401);
    }
    app.anonymous().post("/api/v1/auth/token", &wrong).await.expect(429);
    let right = json!({"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD});
    let answer = app.anonymous().post("/api/v1/auth/token", &right).await.expect(200);
    let refresh = json!({"refresh_token": answer.body["refresh_token"]});
    app.anonymous().post("/api/v1/auth/token", &refresh).await.expect(200);
    let exported = Exported::by(&app).await;
    let count = |outcome| exported.value(&format!("claudetools_log_ins_total{{outcome=\"{outcome}\"}}"));
    let seen = ["wrong_credentials", "throttled", "succeeded", "failed"].map(count);
    assert_eq!(seen, [5, 1, 1, 0], "a refresh is no log-in");
    app.stop().await;
}
