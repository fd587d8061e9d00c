//! The load generator: connections that each send the next request when the last one is answered (closed loop), or requests
//! that are due at fixed times whether or not the server keeps up (open loop).
//!
//! In an open loop a latency counts from when the request was due, not from when a connection was free to send it: a server
//! that stalls is then charged for everything it has kept waiting.

use std::{
    cell::{Cell, RefCell},
    net::SocketAddr,
    rc::Rc,
    time::{Duration, Instant},
};

use futures::future::try_join_all;
use hdrhistogram::Histogram;
use http_body_util::{BodyExt, Full};
use hyper::{
    Request, Uri,
    body::Bytes,
    header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName, HeaderValue},
};

use crate::{
    client::{Connection, connect},
    failure::{Failure, Result},
};

/// A latency above this counts as this, in microseconds.
const LONGEST: u64 = 120_000_000;

/// How requests come.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Pace {
    /// Each connection sends again as soon as it is answered.
    Closed,
    /// So many a second over all connections, at equal distances.
    Open(f64),
}

/// How much is sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    pub(crate) connections: usize,
    /// Time before the first answer that counts.
    pub(crate) warm_up: Duration,
    /// Time in which answers count.
    pub(crate) lasting: Duration,
    pub(crate) pace: Pace,
}

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Shot {
    /// Path and query.
    pub(crate) target: Uri,
    /// A body makes it a POST.
    pub(crate) body: Option<Bytes>,
    /// The `Idempotency-Key`.
    pub(crate) key: Option<HeaderValue>,
    /// The `X-Forwarded-For`.
    pub(crate) from: Option<HeaderValue>,
    /// The statuses of a good answer.
    pub(crate) expect: &'static [u16],
}

impl Shot {
    /// A GET.
    pub(crate) fn get(target: &str) -> Result<Self> {
        let target = target.parse().map_err(hyper::http::Error::from)?;
        Ok(Self { target, body: None, key: None, from: None, expect: &[200] })
    }

    /// A POST that makes something.
    pub(crate) fn post(target: &str, body: impl Into<Bytes>) -> Result<Self> {
        Ok(Self { body: Some(body.into()), expect: &[201], ..Self::get(target)? })
    }
}

/// What the n-th request is. Numbers go on from one round to the next, so that what must differ always does.
pub(crate) type Shots = Rc<dyn Fn(u64) -> Result<Shot>>;

/// Where the requests go, and as whom.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) authorization: Option<HeaderValue>,
    pub(crate) shots: Shots,
    /// The number of the next request.
    pub(crate) next: Rc<Cell<u64>>,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Latencies of the answers that count, in microseconds.
    pub(crate) latencies: Histogram<u64>,
    /// From the first moment that counts to the last.
    pub(crate) lasted: Duration,
}

impl Outcome {
    pub(crate) fn per_second(&self) -> f64 {
        self.count() / self.lasted.as_secs_f64()
    }

    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^53 answers")]
    pub(crate) fn count(&self) -> f64 {
        self.latencies.len() as f64
    }

    /// The latency that this share of the answers did not exceed, in microseconds.
    #[expect(clippy::cast_precision_loss, reason = "latencies end at two minutes")]
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        self.latencies.value_at_quantile(share) as f64
    }
}

/// What all connections of a run share.
struct Run<'a> {
    target: &'a Target,
    load: Load,
    begun: Instant,
    /// How many requests an open loop has taken from its timetable.
    due: Cell<u32>,
    latencies: RefCell<Histogram<u64>>,
}

/// Sends the load. `at_edges` is called when answers begin to count and when they no longer do.
pub(crate) async fn run(target: &Target, load: Load, mut at_edges: impl FnMut() -> Result<()>) -> Result<Outcome> {
    let mut connections = Vec::with_capacity(load.connections);
    for _ in 0..load.connections {
        connections.push(connect(target.address).await?);
    }
    let latencies = RefCell::new(new_histogram());
    let run = Run { target, load, begun: Instant::now(), due: Cell::new(0), latencies };
    let edges = async {
        let counts_from = run.begun + load.warm_up;
        tokio::time::sleep_until(counts_from.into()).await;
        let begin = Instant::now();
        at_edges()?;
        tokio::time::sleep_until((counts_from + load.lasting).into()).await;
        at_edges()?;
        Ok::<_, Failure>(begin.elapsed())
    };
    let senders = try_join_all(connections.into_iter().map(|connection| run.send_all(connection)));
    let (lasted, _) = futures::future::try_join(edges, senders).await?;
    Ok(Outcome { latencies: run.latencies.into_inner(), lasted })
}

/// Three digits are kept of each latency.
pub(crate) fn new_histogram() -> Histogram<u64> {
    let bounds = Histogram::new_with_bounds(1, LONGEST, 3);
    // The bounds above are ones that it takes.
    bounds.unwrap_or_else(|error| unreachable!("{error}"))
}

impl Run<'_> {
    async fn send_all(&self, mut connection: Connection) -> Result<()> {
        let from = self.begun + self.load.warm_up;
        let until = from + self.load.lasting;
        let host = HeaderValue::from_str(&self.target.address.to_string()).map_err(hyper::http::Error::from)?;
        loop {
            let due = self.due().await;
            if due >= until {
                return Ok(());
            }
            let number = self.target.next.get();
            self.target.next.set(number + 1);
            let shot = (self.target.shots)(number)?;
            let expect = shot.expect;
            let request = self.request(shot, &host);
            connection.ready().await?;
            let response = connection.send_request(request).await?;
            let status = response.status().as_u16();
            let body = response.into_body().collect().await?.to_bytes();
            let now = Instant::now();
            if !expect.contains(&status) {
                let body = String::from_utf8_lossy(&body);
                return Err(Failure::Server(format!("request {number} was answered {status}: {body}")));
            }
            let counts = match self.load.pace {
                Pace::Closed => now >= from && now < until,
                // What was due in time counts, however late the answer: those are the ones to know of.
                Pace::Open(_) => due >= from,
            };
            if counts {
                let micros = u64::try_from((now - due).as_micros()).unwrap_or(LONGEST);
                self.latencies.borrow_mut().saturating_record(micros.max(1));
            }
        }
    }

    /// When the next request is due, once that is now or past.
    async fn due(&self) -> Instant {
        match self.load.pace {
            Pace::Closed => Instant::now(),
            Pace::Open(per_second) => {
                let number = self.due.get();
                self.due.set(number + 1);
                let due = self.begun + Duration::from_secs_f64(f64::from(number) / per_second);
                tokio::time::sleep_until(due.into()).await;
                due
            }
        }
    }

    fn request(&self, shot: Shot, host: &HeaderValue) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(shot.body.clone().unwrap_or_default()));
        if shot.body.is_some() {
            *request.method_mut() = hyper::Method::POST;
        }
        *request.uri_mut() = shot.target;
        let headers = request.headers_mut();
        headers.insert(HOST, host.clone());
        if let Some(authorization) = &self.target.authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        if shot.body.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let others = [("idempotency-key", shot.key), ("x-forwarded-for", shot.from)];
        for (name, value) in others {
            if let Some(value) = value {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
        request
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    /// A server that answers each request after `delay`, one after another over all connections.
    async fn slow_server(delay: Duration) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let turn = std::sync::Arc::new(tokio::sync::Mutex::new(()));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let turn = turn.clone();
                tokio::spawn(async move {
                    let mut buffer = [0; 4096];
                    while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {
                        let _turn = turn.lock().await;
                        tokio::time::sleep(delay).await;
                        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
                    }
                });
            }
        });
        address
    }

    async fn outcome(delay: Duration, pace: Pace) -> Outcome {
        let shots: Shots = Rc::new(|_| Shot::get("/"));
        let address = slow_server(delay).await;
        let target = Target { address, authorization: None, shots, next: Rc::default() };
        let load = Load { connections: 4, warm_up: Duration::ZERO, lasting: Duration::from_millis(400), pace };
        run(&target, load, || Ok(())).await.unwrap()
    }

    #[tokio::test]
    async fn a_closed_loop_slows_down_with_the_server_and_an_open_one_counts_what_waits() {
        let delay = Duration::from_millis(10);
        let closed = outcome(delay, Pace::Closed).await;
        // Four connections share a server that answers every 10 ms at best.
        assert!(closed.count() <= 41.0, "{}", closed.count());
        // 200 a second are due, twice what it can do: half of them wait until long after.
        let open = outcome(delay, Pace::Open(200.0)).await;
        assert!((open.count() - 80.0).abs() < 1.0, "{}", open.count());
        assert!(open.quantile(0.99) >= 300_000.0, "{}", open.quantile(0.99));
    }

    #[tokio::test]
    async fn an_answer_of_another_status_ends_the_run() {
        let shots: Shots = Rc::new(|_| Ok(Shot { expect: &[201], ..Shot::get("/")? }));
        let address = slow_server(Duration::ZERO).await;
        let target = Target { address, authorization: None, shots, next: Rc::default() };
        let lasting = Duration::from_millis(50);
        let load = Load { connections: 1, warm_up: Duration::ZERO, lasting, pace: Pace::Closed };
        let failure = run(&target, load, || Ok(())).await.unwrap_err().to_string();
        assert!(failure.contains("answered 200"), "{failure}");
    }
}
