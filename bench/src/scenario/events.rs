//! The feed: how long after a write a thousand listeners at another replica know of it, and what they cost.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::{Duration, Instant},
};

use claudetools_seed::Size;
use http_body_util::{BodyExt, Full};
use hyper::{
    Method, Request,
    body::{Bytes, Incoming},
    header::{AUTHORIZATION, HOST},
};
use serde_json::json;
use tokio::{
    task::{LocalSet, spawn_local},
    time::sleep,
};

use crate::{
    client::{Call, connect},
    data::{Engine, Rows},
    failure::{Failure, Result},
    lineup::{Bench, Contender, Extras},
    report::{Report, Samples, megabytes},
};

const LISTENERS: usize = 1_000;
/// Writes, each of which makes one event.
const WRITES: usize = 50;
/// Between two of them.
const PAUSE: Duration = Duration::from_millis(150);
/// How long the last event may take to reach everybody.
const LAST: Duration = Duration::from_secs(10);

/// What the listeners have heard.
#[derive(Debug, Default)]
struct Heard {
    /// When the write was sent whose event has this name.
    sent: RefCell<Vec<Instant>>,
    latencies: RefCell<Samples>,
    events: Cell<usize>,
    is_over: Cell<bool>,
}

/// Measures on one engine. On SQLite, which is one process, the listeners are where the write is.
pub(crate) async fn run(bench: &Bench, engine: Engine) -> Result<Report> {
    let name = engine.name();
    let about = format!(
        "{LISTENERS} readers of the feed at one replica, locks taken at another, on {name}; a latency is from the moment at which the \
         write is sent until a reader has its event."
    );
    let mut report = bench.report("events", about).of_engine(name);
    let data = bench.databases.copy(engine, Rows::Seed(Size::Small)).await?;
    let writer = bench.ours("writer", &data, Extras::Audit).await?;
    let other =
        if engine == Engine::Sqlite { None } else { Some(bench.ours("listened to", &data, Extras::Audit).await?) };
    let listened = other.as_ref().unwrap_or(&writer);
    let local = LocalSet::new();
    let heard = Rc::new(Heard::default());
    local.run_until(measure(&writer, listened, &heard)).await?;
    let expected = LISTENERS * WRITES;
    let missed = expected.saturating_sub(heard.events.get());
    let latencies = heard.latencies.borrow();
    report.measured(format!("{name}: from a write to a reader"), &latencies);
    report.value(format!("{name}: from a write to a reader, p99 s"), latencies.quantile_seconds(0.99));
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    report.value(format!("{name}: events that did not arrive"), missed as f64);
    report
        .value(format!("{name}: RSS of who is listened to, MB"), megabytes(listened.server.tree().memory()?.resident));
    Ok(report)
}

async fn measure(writer: &Contender, listened: &Contender, heard: &Rc<Heard>) -> Result<()> {
    for _ in 0..LISTENERS {
        let body = listen(listened).await?;
        spawn_local(follow(body, Rc::clone(heard)));
    }
    let mut client = writer.client().await?;
    for number in 0..WRITES {
        heard.sent.borrow_mut().push(Instant::now());
        let body = json!({"resource": format!("heard/{number}"), "session_id": "bench", "ttl_seconds": 3600});
        let call =
            Call { path: "/api/v1/coord/locks", method: Some(Method::POST), body: Some(&body), ..Call::default() };
        client.send(call).await?.expect(201, "a lock")?;
        sleep(PAUSE).await;
    }
    let begun = Instant::now();
    while heard.events.get() < LISTENERS * WRITES && begun.elapsed() < LAST {
        sleep(Duration::from_millis(20)).await;
    }
    heard.is_over.set(true);
    Ok(())
}

/// Opens a stream of what happens from now on.
async fn listen(at: &Contender) -> Result<Incoming> {
    let address = at.server.address();
    let mut connection = connect(address).await?;
    let request = Request::builder().uri("/api/v1/coord/events").header(HOST, address.to_string());
    let request = request.header(AUTHORIZATION, at.authorization.clone()).header("accept", "text/event-stream");
    let response = connection.send_request(request.body(Full::<Bytes>::default())?).await?;
    if response.status() != 200 {
        return Err(Failure::Server(format!("the feed was answered {}", response.status())));
    }
    Ok(response.into_body())
}

/// Notes when each event comes.
async fn follow(mut body: Incoming, heard: Rc<Heard>) {
    let mut text = Vec::new();
    while let Some(Ok(frame)) = body.frame().await {
        if heard.is_over.get() {
            return;
        }
        let Ok(data) = frame.into_data() else { continue };
        text.extend_from_slice(&data);
        while let Some(end) = text.windows(2).position(|pair| pair == b"\n\n") {
            let block: Vec<u8> = text.drain(..end + 2).collect();
            let block = String::from_utf8_lossy(&block);
            let number =
                block.split_once("\"heard/").and_then(|(_, rest)| rest.split('"').next()?.parse::<usize>().ok());
            let sent = number.and_then(|number| heard.sent.borrow().get(number).copied());
            if let Some(sent) = sent {
                heard.latencies.borrow_mut().add(sent.elapsed());
                heard.events.set(heard.events.get() + 1);
            }
        }
    }
}
