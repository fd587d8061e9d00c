//! Writers that keep a ledger of what they were told, readers beside them, and the reckoning afterwards.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    api::Api,
    program::{SOON, eventually},
    stolen,
};

/// How long a writer waits after a refusal. Far less than it is asked to: it is to find out how soon the server is back.
const PAUSE: Duration = Duration::from_millis(50);

/// What came of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Done; `true` when the server said so a second time.
    Done { id: String, replayed: bool },
    /// 429 or 503 in the form of the conventions.
    Refused { status: u16, message: String },
    /// No whole answer: the connection could not be made or was lost, or a proxy says so with 502.
    Broken(String),
    /// Anything else, which is always wrong.
    Wrong(String),
}

/// One request: when it was begun, how long it took, what came of it.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) begun: Instant,
    pub(crate) took: Duration,
    pub(crate) outcome: Outcome,
}

/// What became of a request.
pub(crate) async fn outcome(answer: reqwest::Result<reqwest::Response>, wanted: StatusCode) -> Outcome {
    let response = match answer {
        Ok(response) => response,
        Err(error) => return Outcome::Broken(format!("{error:?}")),
    };
    let (status, headers) = (response.status(), response.headers().clone());
    let text = match response.text().await {
        Ok(text) => text,
        Err(error) => return Outcome::Broken(format!("{error:?}")),
    };
    if status == StatusCode::BAD_GATEWAY {
        return Outcome::Broken(text);
    }
    let body: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
    if status == wanted {
        let id = body["id"].as_str().unwrap_or_default().to_owned();
        return Outcome::Done { id, replayed: headers.contains_key("idempotent-replayed") };
    }
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let code = match status {
        StatusCode::TOO_MANY_REQUESTS => "RATE_LIMIT_EXCEEDED",
        StatusCode::SERVICE_UNAVAILABLE => "SERVICE_UNAVAILABLE",
        _ => return Outcome::Wrong(format!("{status}: {text}")),
    };
    let error = &body["error"];
    let is_in_form = error["code"] == code
        && error["message"].is_string()
        && error["message"] == body["detail"]
        && error["details"].is_object()
        && body["path"].is_string()
        && body["timestamp"].is_string()
        && body["request_id"] == header("x-request-id")
        && header("content-type") == "application/json"
        && error["retry_after"].as_u64().is_some_and(|seconds| seconds.to_string() == header("retry-after"));
    if is_in_form {
        let message = error["message"].as_str().unwrap_or_default().to_owned();
        Outcome::Refused { status: status.as_u16(), message }
    } else {
        Outcome::Wrong(format!("{status}, but in another form: {headers:?} {text}"))
    }
}

/// Writes a task under a title that is its idempotency key too, once.
pub(crate) async fn write_once(api: &Api, client: &str, title: &str) -> Record {
    let body = json!({"client_id": client, "title": title});
    let headers = [("idempotency-key", title), ("x-request-id", title)];
    let begun = Instant::now();
    let answer = api.try_send(Method::POST, "/pending-tasks", Some(&body), &headers).await;
    let outcome = outcome(answer, StatusCode::CREATED).await;
    Record { begun, took: begun.elapsed(), outcome }
}

/// A client to write tasks for.
pub(crate) async fn new_client(api: &Api, name: &str) -> String {
    let client = api.post("/clients", &json!({"name": name, "type": "msp_client"})).await.expect(201);
    client["id"].as_str().expect("an id").to_owned()
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    written: AtomicUsize,
    records: Mutex<Vec<Record>>,
    reads: Mutex<Vec<Record>>,
}

impl Shared {
    fn note(list: &Mutex<Vec<Record>>, record: Record) {
        list.lock().unwrap_or_else(PoisonError::into_inner).push(record);
    }
}

/// Work that goes on until it is told to stop.
pub(crate) struct Load {
    shared: Arc<Shared>,
    writers: JoinSet<BTreeMap<String, String>>,
    readers: JoinSet<()>,
    client: String,
}

impl Load {
    /// Starts `writers` and half as many readers. A writer whose write was not acknowledged repeats it until it is.
    pub(crate) async fn start(api: &Api, name: &str, writers: usize) -> Self {
        let client = new_client(api, name).await;
        let shared = Arc::new(Shared::default());
        let mut load = Self { shared, writers: JoinSet::new(), readers: JoinSet::new(), client };
        for writer in 0..writers {
            let (api, shared, client) = (api.clone(), Arc::clone(&load.shared), load.client.clone());
            let prefix = format!("{name}-{writer}");
            load.writers.spawn(async move { write(&api, &shared, &client, &prefix).await });
        }
        for _ in 0..writers.div_ceil(2) {
            let (api, shared, client) = (api.clone(), Arc::clone(&load.shared), load.client.clone());
            load.readers.spawn(async move { read(&api, &shared, &client).await });
        }
        load
    }

    /// Waits until `more` writes were acknowledged from now on, and tells how long that took.
    pub(crate) async fn goes_on(&self, more: usize, within: Duration) -> Duration {
        let (start, goal) = (Instant::now(), self.shared.written.load(Ordering::SeqCst) + more);
        let probe = async || (self.shared.written.load(Ordering::SeqCst) >= goal).then_some(());
        eventually("writes that are acknowledged", within, probe).await;
        start.elapsed()
    }

    /// Lets everybody finish what was begun.
    pub(crate) async fn finish(self) -> Ledger {
        self.shared.stop.store(true, Ordering::SeqCst);
        let all = async {
            self.readers.join_all().await;
            self.writers.join_all().await.into_iter().flatten().collect()
        };
        let acknowledged = tokio::time::timeout(2 * SOON, all).await.expect("writers that come to an end");
        let taken =
            |list: &Mutex<Vec<Record>>| std::mem::take(&mut *list.lock().unwrap_or_else(PoisonError::into_inner));
        let (writes, reads) = (taken(&self.shared.records), taken(&self.shared.reads));
        Ledger { acknowledged, writes, reads, client: self.client }
    }
}

async fn write(api: &Api, shared: &Shared, client: &str, prefix: &str) -> BTreeMap<String, String> {
    let mut acknowledged = BTreeMap::new();
    for number in 0.. {
        if shared.stop.load(Ordering::SeqCst) {
            break;
        }
        let title = format!("{prefix}-{number}");
        loop {
            let record = write_once(api, client, &title).await;
            Shared::note(&shared.records, record.clone());
            match record.outcome {
                Outcome::Done { id, .. } => {
                    acknowledged.insert(title, id);
                    shared.written.fetch_add(1, Ordering::SeqCst);
                    break;
                }
                // The reckoning will say so; to repeat it mends nothing.
                Outcome::Wrong(_) => break,
                Outcome::Refused { .. } | Outcome::Broken(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    }
    acknowledged
}

async fn read(api: &Api, shared: &Shared, client: &str) {
    let path = format!("/pending-tasks?client_id={client}&limit=5");
    while !shared.stop.load(Ordering::SeqCst) {
        let begun = Instant::now();
        let outcome = outcome(api.try_send(Method::GET, &path, None, &[]).await, StatusCode::OK).await;
        Shared::note(&shared.reads, Record { begun, took: begun.elapsed(), outcome });
        tokio::time::sleep(PAUSE).await;
    }
}

/// What the writers were told, by the title of the task.
pub(crate) struct Ledger {
    /// The ids of what was acknowledged.
    pub(crate) acknowledged: BTreeMap<String, String>,
    pub(crate) writes: Vec<Record>,
    reads: Vec<Record>,
    client: String,
}

impl Ledger {
    fn all(&self) -> impl Iterator<Item = &Record> {
        self.writes.iter().chain(&self.reads)
    }

    /// Nobody was told anything but what the conventions allow; connections broke only where that was to be expected.
    pub(crate) fn only_allowed_errors(&self, may_break: bool) {
        for Record { outcome, took, .. } in self.all() {
            match outcome {
                Outcome::Wrong(what) => panic!("after {took:?}: {what}"),
                Outcome::Broken(what) => assert!(may_break, "a connection broke after {took:?}: {what}"),
                Outcome::Done { .. } | Outcome::Refused { .. } => {}
            }
        }
    }

    /// Everybody who asked between two moments got an answer in time.
    pub(crate) fn all_told_within(&self, limit: Duration, from: Instant, to: Instant) {
        let asked = self.all().filter(|record| record.begun >= from && record.begun <= to);
        let slowest = asked.max_by_key(|record| record.took).expect("requests during the fault");
        let stolen = stolen::between(slowest.begun, slowest.begun + slowest.took);
        eprintln!("the slowest answer during the fault took {:?}, of which others had {stolen:?}", slowest.took);
        assert!(slowest.took <= limit + stolen, "somebody waited {:?}: {:?}", slowest.took, slowest.outcome);
    }

    /// How many requests were refused, how many lost their connection, and how many writes were found to be done already.
    pub(crate) fn counts(&self) -> (usize, usize, usize) {
        let count = |which: fn(&Outcome) -> bool| self.all().filter(|record| which(&record.outcome)).count();
        (
            count(|outcome| matches!(outcome, Outcome::Refused { .. })),
            count(|outcome| matches!(outcome, Outcome::Broken(_))),
            count(|outcome| matches!(outcome, Outcome::Done { replayed: true, .. })),
        )
    }

    /// Every acknowledged write is there, under the id that was told, with its row in the audit log; and nothing is there
    /// twice or that nobody was told of.
    pub(crate) async fn is_what_is_stored(&self, api: &Api) {
        let rows = api.all(&format!("/pending-tasks?client_id={}", self.client), "pending_tasks").await;
        let text = |row: &Value, field: &str| row[field].as_str().expect(field).to_owned();
        let stored: BTreeMap<String, String> = rows.iter().map(|row| (text(row, "title"), text(row, "id"))).collect();
        assert_eq!(stored.len(), rows.len(), "a task is there twice");
        for (title, id) in &self.acknowledged {
            assert_eq!(stored.get(title), Some(id), "{title} was acknowledged");
        }
        let untold: Vec<_> = stored.keys().filter(|title| !self.acknowledged.contains_key(*title)).collect();
        assert!(untold.is_empty(), "nobody was told of {untold:?}");

        let audit = api.all("/api-audit-logs?route=/api/v1/pending-tasks&status=201", "api_audit_logs").await;
        let audited: BTreeSet<String> = audit.iter().map(|row| text(row, "request_id")).collect();
        let missing: Vec<_> = stored.keys().filter(|title| !audited.contains(*title)).collect();
        assert!(missing.is_empty(), "no audit row for {missing:?}");
        let (refused, broken, replayed) = self.counts();
        eprintln!(
            "{} writes acknowledged, {} reads; {refused} requests refused, {broken} connections lost, {replayed} writes \
             found to be done already",
            self.acknowledged.len(),
            self.reads.len()
        );
    }
}
