//! The feed of events: over HTTP, whichever replica wrote, and what it costs.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use claudetools_coord::{Context, EventKind, FeedService, Occurrence, ports::CoordTx};
use claudetools_crypto::UuidGenerator;
use claudetools_http::{Feed, Heard, Listener, Metrics};
use claudetools_kernel::{StoreError, UnitOfWork};
use claudetools_testkit::{Api, TestApp, TestStore};
use serde_json::{Value, json};

const EVENTS: &str = "/api/v1/coord/events";

async fn write(caller: &Api, state: &str) {
    caller.put("/api/v1/coord/components/acme/api", &json!({"state": state})).await.expect(200);
}

fn told(events: &Value) -> Vec<(i64, &str)> {
    let events = events.as_array().expect("events").iter();
    events.map(|event| (event["id"].as_i64().expect("an id"), event["data"]["state"].as_str().unwrap_or(""))).collect()
}

#[tokio::test]
async fn a_stream_tells_every_event_once_and_goes_on_where_it_broke_off() {
    let app = TestApp::start().await;
    let (reader, writer) = (app.reader(), app.writer());
    write(&writer, "building").await;
    let mut live = reader.listen(EVENTS, None).await;
    assert_eq!(live.headers()["content-type"], "text/event-stream");
    assert_eq!(live.headers()["cache-control"], "no-store");
    assert!(live.headers().contains_key("x-request-id"));
    for state in ["built", "deployed"] {
        write(&writer, state).await;
    }
    let first = live.next().await;
    assert_eq!(
        (first.id, first.kind.as_str(), &first.data["data"]["state"]),
        (2, "component.changed", &json!("built"))
    );
    assert_eq!((&first.data["id"], &first.data["kind"]), (&json!(2), &json!("component.changed")));
    assert_eq!(first.data["project_key"], "acme");
    assert_eq!(live.next().await.id, 3);
    drop(live);
    write(&writer, "degraded").await;

    // A browser repeats the address it began with and adds what it saw last.
    let mut again = reader.listen(&format!("{EVENTS}?after=0"), Some(2)).await;
    assert_eq!([again.next().await.id, again.next().await.id], [3, 4]);
    let mut whole = reader.listen(&format!("{EVENTS}?after=0"), None).await;
    let mut seen = Vec::new();
    for _ in 0..4 {
        let event = whole.next().await;
        seen.push((event.id, event.data["data"]["state"].as_str().unwrap_or_default().to_owned()));
    }
    let expected = [(1, "building"), (2, "built"), (3, "deployed"), (4, "degraded")];
    assert_eq!(seen, expected.map(|(id, state)| (id, state.to_owned())));
    drop((again, whole));
    app.stop().await;
}

#[tokio::test]
async fn a_long_poll_is_the_same_feed_in_json() {
    let app = TestApp::start().await;
    let (reader, writer) = (app.reader(), app.writer());
    let nothing = reader.get(&format!("{EVENTS}?wait=0")).await.expect(200);
    assert_eq!(nothing.body, json!({"events": [], "last_event_id": 0}));
    write(&writer, "built").await;
    write(&writer, "deployed").await;
    let both = reader.get(&format!("{EVENTS}?wait=30&after=0")).await.expect(200);
    assert_eq!(told(&both.body["events"]), [(1, "built"), (2, "deployed")]);
    assert_eq!(both.body["last_event_id"], 2);

    let waiting = tokio::spawn({
        let reader = reader.clone();
        async move { (reader.get(&format!("{EVENTS}?wait=30")).await, Instant::now()) }
    });
    // It listens once the server counts it.
    let listens = async || {
        let metrics = app.anonymous().get("/metrics").await;
        metrics.text.contains("\nclaudetools_event_listeners 1\n").then_some(())
    };
    app.eventually("the poll waits", listens).await;
    write(&writer, "degraded").await;
    let written = Instant::now();
    let (answer, answered) = waiting.await.expect("an answer");
    assert_eq!(told(&answer.expect(200).body["events"]), [(3, "degraded")]);
    assert!(answered < written + Duration::from_secs(5), "as soon as there is an event");
    for (status, query) in [(400, "wait=61"), (400, "wait=-1"), (400, "after=x&wait=0"), (400, "kind=x")] {
        reader.get(&format!("{EVENTS}?{query}")).await.expect(status);
    }
    reader.with("last-event-id", "x").get(&format!("{EVENTS}?wait=0")).await.expect(400);
    app.stop().await;
}

#[tokio::test]
async fn who_asks_for_what_is_gone_is_told_what_there_is() {
    let app = TestApp::start().await;
    let (reader, writer) = (app.reader(), app.writer());
    for state in ["built", "deployed", "degraded"] {
        write(&writer, state).await;
    }
    let at = |path: &str| format!("{EVENTS}?{path}");
    let third = reader.get(&at("wait=0&after=2")).await.expect(200);
    let bound = third.body["events"][0]["at"].clone();
    app.admin().post("/api/v1/coord/prune", &json!({"events": bound})).await.expect(200);
    for path in ["after=0", "after=1", "after=1&wait=0", "after=9&wait=0"] {
        let gone = reader.get(&at(path)).await.expect(410);
        assert_eq!((gone.code(), &gone.body["error"]["details"]["oldest_id"]), ("GONE", &json!(3)), "{path}");
    }
    assert_eq!(told(&reader.get(&at("wait=0&after=2")).await.expect(200).body["events"]), [(3, "degraded")]);
    app.admin().post("/api/v1/coord/prune", &json!({"events": "2099-01-01T00:00:00Z"})).await.expect(200);
    let gone = reader.get(&at("after=2&wait=0")).await.expect(410);
    assert_eq!(gone.body["error"]["details"]["oldest_id"], 4, "the next to come");
    assert_eq!(reader.get(&at("after=3&wait=0")).await.expect(200).body["events"], json!([]));
    write(&writer, "failed").await;
    assert_eq!(told(&reader.get(&at("after=3&wait=0")).await.expect(200).body["events"]), [(4, "failed")]);
    app.stop().await;
}

#[tokio::test]
async fn an_event_is_heard_at_every_replica_within_a_second() {
    let app = TestApp::start().await;
    let replica = app.replica().await;
    let mut listeners = Vec::new();
    for server in [&app, &replica] {
        listeners.push(server.reader().listen(EVENTS, None).await);
    }
    for (number, server) in [&app, &replica, &app].into_iter().enumerate() {
        write(&server.writer(), "built").await;
        let written = Instant::now();
        for listener in &mut listeners {
            assert_eq!(listener.next().await.id, i64::try_from(number).expect("a small number") + 1);
        }
        assert!(written.elapsed() < Duration::from_secs(1), "{:?}", written.elapsed());
    }
    drop(listeners);
    replica.stop().await;
    app.stop().await;
}

#[tokio::test]
async fn a_stream_is_not_compressed_and_says_something_while_nothing_happens() {
    let app = TestApp::start().await;
    let reader = app.reader().with("accept-encoding", "gzip, br");
    let mut stream = reader.listen(EVENTS, None).await;
    assert!(!stream.headers().contains_key("content-encoding"));
    let begun = Instant::now();
    let greeting = stream.block().await.expect("a first word at once");
    assert!(greeting.starts_with("retry: ") && begun.elapsed() < Duration::from_secs(5), "{greeting}");
    assert_eq!(stream.block().await.as_deref(), Some(":"), "a comment");
    assert!(begun.elapsed() < Duration::from_secs(19), "{:?}", begun.elapsed());
    app.stop().await;
}

/// Whether so many listen.
async fn listening(app: &TestApp, count: usize) -> Option<()> {
    let metrics = app.anonymous().get("/metrics").await;
    metrics.text.contains(&format!("\nclaudetools_event_listeners {count}\n")).then_some(())
}

#[tokio::test]
async fn streams_end_when_the_server_stops_and_when_the_token_does() {
    let app = TestApp::builder().with("SHUTDOWN_TIMEOUT_SECONDS", "60").start().await;
    let reader = app.reader();
    let mut short = reader.listen(EVENTS, None).await;
    let polling = tokio::spawn({
        let reader = reader.clone();
        async move { reader.get(&format!("{EVENTS}?wait=60")).await }
    });
    app.eventually("both listen", async || listening(&app, 2).await).await;
    let token = reader.token().expect("a token").to_owned();
    app.admin().post("/api/v1/auth/revoke", &json!({"token": token})).await.expect(204);
    let revoked = Instant::now();
    while let Some(block) = short.block().await {
        assert!(!block.starts_with("id:"), "nothing happened");
    }
    assert_eq!(polling.await.expect("an answer").expect(403).code(), "TOKEN_REVOKED");
    assert!(revoked.elapsed() < Duration::from_secs(4), "in force within five seconds: {:?}", revoked.elapsed());
    let mut stream = app.admin().listen(EVENTS, None).await;
    let waiting = tokio::spawn({
        let admin = app.admin();
        async move { admin.get(&format!("{EVENTS}?wait=60")).await }
    });
    app.eventually("both listen", async || listening(&app, 2).await).await;
    let begun = Instant::now();
    app.stop().await;
    assert!(
        begun.elapsed() < Duration::from_secs(20),
        "the server waits for nobody who listens: {:?}",
        begun.elapsed()
    );
    while stream.block().await.is_some() {}
    assert_eq!(waiting.await.expect("an answer").expect(200).body["events"], json!([]));
}

/// A storage that counts how often somebody reads.
struct Counted {
    store: Arc<dyn UnitOfWork<dyn CoordTx>>,
    reads: Arc<AtomicUsize>,
}

#[async_trait::async_trait]
impl UnitOfWork<dyn CoordTx> for Counted {
    async fn begin(&self) -> Result<Box<dyn CoordTx>, StoreError> {
        self.store.begin().await
    }

    async fn read(&self) -> Result<Box<dyn CoordTx>, StoreError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.store.read().await
    }
}

/// A feed that runs, and how often it has read.
fn feed(store: &TestStore) -> (Feed, Arc<AtomicUsize>) {
    let reads = Arc::new(AtomicUsize::new(0));
    let counted = Counted { store: Arc::clone(&store.coord), reads: Arc::clone(&reads) };
    let context = Context { store: Arc::new(counted), ids: Arc::new(UuidGenerator) };
    let feed = Feed::new(FeedService::new(context), Metrics::new().expect("metrics").feed());
    tokio::spawn(feed.clone().run());
    (feed, reads)
}

async fn happen(store: &TestStore, events: usize) {
    let mut tx = store.coord.begin().await.expect("a transaction");
    let mut head = tx.head().lock().await.expect("the head");
    let payload = format!(r#"{{"note":"{}"}}"#, "x".repeat(200));
    let what = || Occurrence { payload: payload.clone(), ..Occurrence::default() };
    let events: Vec<_> = (0..events).map(|_| head.event(EventKind::SessionUp, what())).collect();
    tx.events().append(&events).await.expect("events");
    tx.head().save(&head).await.expect("the head");
    tx.commit().await.expect("a commit");
}

/// What a listener hears next.
async fn hear(listener: &mut Listener, within: Duration) -> Heard {
    listener.hear(tokio::time::Instant::now() + within, 16 * 1024).await
}

/// Listens up to an event; tells how many were heard on the way.
async fn hear_up_to(listener: &mut Listener, last: i64) -> usize {
    let mut heard = 0;
    while listener.seen() < last {
        match hear(listener, Duration::from_secs(20)).await {
            Heard::Events(chunk) => {
                assert!(chunk.sse().len() <= 16 * 1024, "{chunk:?}");
                heard += chunk.json().count();
            }
            other => panic!("{other:?} at {}", listener.seen()),
        }
    }
    heard
}

#[tokio::test]
async fn the_database_is_asked_as_often_for_a_thousand_listeners_as_for_one() {
    let store = TestStore::in_memory();
    let (feed, reads) = feed(&store);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(reads.load(Ordering::Relaxed), 0, "nobody listens, nobody asks");
    let listeners: Vec<Listener> = (0..1000).map(|_| feed.listen(0, 0)).collect();
    let mut hearing = tokio::task::JoinSet::new();
    for mut listener in listeners {
        hearing.spawn(async move {
            let heard = hear_up_to(&mut listener, 3).await;
            (heard, Instant::now(), listener)
        });
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let asked = reads.load(Ordering::Relaxed);
    assert!((2..=13).contains(&asked), "{asked} times in a second");
    happen(&store, 3).await;
    let happened = Instant::now();
    let mut listeners = Vec::new();
    while let Some(heard) = hearing.join_next().await {
        let (heard, at, listener) = heard.expect("a listener");
        assert_eq!(heard, 3);
        assert!(at < happened + Duration::from_secs(1), "{:?}", at - happened);
        listeners.push(listener);
    }
    drop(listeners);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let left = reads.load(Ordering::Relaxed);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(reads.load(Ordering::Relaxed), left, "when all have gone, nobody asks");
}

#[tokio::test]
async fn a_listener_that_is_too_slow_is_cut_off_and_one_that_begins_far_back_is_not() {
    let store = TestStore::in_memory();
    let (feed, _) = feed(&store);
    happen(&store, 20_000).await;
    let mut slow = feed.listen(20_000, 20_000);
    assert!(matches!(hear(&mut slow, Duration::from_millis(500)).await, Heard::Silence));
    let mut back = feed.listen(0, 20_000);
    assert_eq!(hear_up_to(&mut back, 20_000).await, 20_000, "each once");
    for round in 1..=10 {
        happen(&store, 2000).await;
        assert_eq!(hear_up_to(&mut back, 20_000 + 2000 * round).await, 2000);
    }
    assert!(matches!(hear(&mut slow, Duration::from_secs(5)).await, Heard::End), "the feed has gone on without it");
    let mut again = feed.listen(slow.seen(), 40_000);
    assert_eq!(hear_up_to(&mut again, 40_000).await, 20_000, "and it misses nothing when it comes back");
    feed.close();
    assert!(matches!(hear(&mut again, Duration::from_secs(5)).await, Heard::End));
}
