//! The feed of events to all who listen at this replica: one poll of the database for all of them.
//!
//! What the poll finds is put into the form of the answer once, and kept for a while in a ring that all listeners share. Each has
//! nothing but its place in it: a listener that is slow costs no memory, and one that the ring has left behind is cut off, to
//! come back with the number of the last event that it has seen. Who begins further back than the ring is given the
//! storage's events page by page until it has caught up.

use std::{
    collections::VecDeque,
    fmt,
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use actix_web::web::Bytes;
use claudetools_coord::{Event, FeedService};
use serde::Serialize;
use serde_json::Value;
use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep, timeout_at},
};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::metrics::FeedMeter;

/// How often the database is asked while somebody listens. An event is heard at every replica within this time and what the poll
/// takes.
const POLL: Duration = Duration::from_millis(100);
/// How long to wait after a poll that failed.
const RETRY: Duration = Duration::from_millis(500);
/// How many events a poll or a page of a replay takes.
const PAGE: u32 = 500;
/// How much the ring keeps: whoever is further behind than that is cut off.
const RING_EVENTS: i64 = 8192;
/// The same in bytes.
const RING_BYTES: usize = 4 * 1024 * 1024;

/// An event as the feed shows it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventView {
    /// Its number: gap-free, in the order of the commits.
    #[schema(example = 4711)]
    id: i64,
    /// When, by the database's clock.
    #[schema(value_type = String, format = DateTime)]
    at: claudetools_kernel::Timestamp,
    #[schema(example = "message.new")]
    kind: String,
    project_key: Option<String>,
    /// The session that it is about, or that it is for.
    session_id: Option<String>,
    /// The lock, message or component that it is about.
    subject: Option<Uuid>,
    /// What else there is to tell, by kind.
    #[schema(value_type = Object, example = json!({"importance": "high"}))]
    data: Value,
}

impl From<Event> for EventView {
    fn from(event: Event) -> Self {
        let Event { seq, at, kind, project_key, session_id, subject, payload } = event;
        let data = serde_json::from_str(&payload).unwrap_or_default();
        Self { id: seq, at, kind: kind.to_string(), project_key, session_id, subject, data }
    }
}

/// Events that follow on each other, in the form of the answer.
struct Batch {
    first: i64,
    /// As a stream has them.
    sse: Bytes,
    /// Where each event lies in it.
    spans: Vec<Span>,
}

struct Span {
    whole: Range<usize>,
    json: Range<usize>,
}

impl Batch {
    fn of(events: Vec<Event>) -> Option<Self> {
        let first = events.first()?.seq;
        let (mut sse, mut spans) = (Vec::with_capacity(256 * events.len()), Vec::with_capacity(events.len()));
        for event in events {
            let start = sse.len();
            sse.extend_from_slice(format!("id: {}\nevent: {}\ndata: ", event.seq, event.kind).as_bytes());
            let json = sse.len();
            // JSON has no line breaks of its own. Writing to memory cannot fail.
            let _ = serde_json::to_writer(&mut sse, &EventView::from(event));
            let json = json..sse.len();
            sse.extend_from_slice(b"\n\n");
            spans.push(Span { whole: start..sse.len(), json });
        }
        Some(Self { first, sse: sse.into(), spans })
    }

    /// The number of its last event.
    fn last(&self) -> i64 {
        self.first + i64::try_from(self.spans.len()).unwrap_or(i64::MAX) - 1
    }
}

/// Some events for one listener, which it shares with all others.
pub struct Chunk {
    batch: Arc<Batch>,
    events: Range<usize>,
}

impl fmt::Debug for Chunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chunk").field("first", &self.batch.first).field("events", &self.events).finish()
    }
}

impl Chunk {
    /// The events of a batch behind number `seen`: at least one, and no more than `most` bytes if there are several.
    fn behind(batch: &Arc<Batch>, seen: i64, most: usize) -> Self {
        let from = usize::try_from(seen + 1 - batch.first).unwrap_or_default();
        let begin = batch.spans.get(from).map_or(0, |span| span.whole.start);
        let fits = batch.spans.get(from..).unwrap_or_default().partition_point(|span| span.whole.end - begin <= most);
        Self { batch: Arc::clone(batch), events: from..from + fits.max(1) }
    }

    /// The number of its last event.
    fn last(&self) -> i64 {
        self.batch.first + i64::try_from(self.events.end).unwrap_or(i64::MAX) - 1
    }

    fn spans(&self) -> &[Span] {
        self.batch.spans.get(self.events.clone()).unwrap_or_default()
    }

    /// As a stream has them.
    pub fn sse(&self) -> Bytes {
        match self.spans() {
            [first, .., last] => self.batch.sse.slice(first.whole.start..last.whole.end),
            [only] => self.batch.sse.slice(only.whole.clone()),
            [] => Bytes::new(),
        }
    }

    /// Each as JSON.
    pub fn json(&self) -> impl Iterator<Item = &[u8]> {
        self.spans().iter().filter_map(|span| self.batch.sse.get(span.json.clone()))
    }
}

/// What all listeners share.
#[derive(Default)]
struct Ring {
    batches: VecDeque<Arc<Batch>>,
    bytes: usize,
    /// The number of the first event that it holds, or will hold.
    first: i64,
    /// Up to where the poll has come.
    last: i64,
    /// Whether the poll keeps it up to date; without listeners it does not.
    is_followed: bool,
    listeners: usize,
    is_closed: bool,
}

/// What the ring has for a listener.
enum Step {
    Events(Chunk),
    /// Nothing new.
    Nothing,
    /// Nothing yet: the poll has not begun.
    NotYet,
    /// What it asks for has left the ring, or was never in it.
    Behind,
    Closed,
}

impl Ring {
    fn begin(&mut self, last: i64) {
        self.batches.clear();
        (self.bytes, self.first, self.last, self.is_followed) = (0, last + 1, last, true);
    }

    fn add(&mut self, batch: Batch) {
        if batch.first != self.last + 1 {
            // Events are missing, as when they were pruned before they were read: nobody is to take what follows for the next.
            self.begin(batch.first - 1);
        }
        self.last = batch.last();
        self.bytes += batch.sse.len();
        self.batches.push_back(Arc::new(batch));
        while self.batches.len() > 1 && (self.bytes > RING_BYTES || self.last - self.first >= RING_EVENTS) {
            let Some(gone) = self.batches.pop_front() else { return };
            self.bytes -= gone.sse.len();
            self.first = gone.last() + 1;
        }
    }

    fn step(&self, seen: i64, most: usize) -> Step {
        if self.is_closed {
            Step::Closed
        } else if !self.is_followed {
            Step::NotYet
        } else if seen + 1 < self.first {
            Step::Behind
        } else if seen >= self.last {
            Step::Nothing
        } else {
            let at = self.batches.partition_point(|batch| batch.last() <= seen);
            self.batches.get(at).map_or(Step::Nothing, |batch| Step::Events(Chunk::behind(batch, seen, most)))
        }
    }
}

struct Shared {
    service: FeedService,
    ring: Mutex<Ring>,
    /// Somebody listens, or the feed is closed.
    wake: Notify,
    /// Counts what listeners are to look at.
    news: watch::Sender<u64>,
    meter: FeedMeter,
}

impl Shared {
    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self) {
        self.news.send_modify(|count| *count = count.wrapping_add(1));
    }
}

/// The feed of one replica. Clones are the same.
#[derive(Clone)]
pub struct Feed(Arc<Shared>);

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feed").field("listeners", &self.0.ring().listeners).finish_non_exhaustive()
    }
}

impl Feed {
    /// A feed that nobody listens to yet. Somebody has to [`run`](Self::run) it.
    pub fn new(service: FeedService, meter: FeedMeter) -> Self {
        let (news, _) = watch::channel(0);
        Self(Arc::new(Shared { service, ring: Mutex::default(), wake: Notify::new(), news, meter }))
    }

    /// Polls while somebody listens, until the feed is closed.
    pub async fn run(self) {
        let shared = &self.0;
        loop {
            let (listeners, is_closed) = {
                let mut ring = shared.ring();
                if ring.listeners == 0 {
                    ring.begin(0);
                    ring.is_followed = false;
                }
                (ring.listeners, ring.is_closed)
            };
            if is_closed {
                return;
            }
            if listeners == 0 {
                shared.wake.notified().await;
                continue;
            }
            let pause = match self.poll().await {
                Ok(true) => continue,
                Ok(false) => POLL,
                Err(error) => {
                    shared.meter.failed();
                    tracing::warn!(%error, "the events could not be read, trying again");
                    RETRY
                }
            };
            sleep(pause).await;
        }
    }

    /// Reads what is new; tells whether there may be more.
    async fn poll(&self) -> claudetools_kernel::Result<bool> {
        let shared = &self.0;
        let (is_followed, last) = {
            let ring = shared.ring();
            (ring.is_followed, ring.last)
        };
        if !is_followed {
            let last = shared.service.extent().await?.last;
            shared.ring().begin(last);
            shared.tell();
            return Ok(true);
        }
        let events = shared.service.after(last, PAGE).await?;
        let count = events.len();
        let Some(batch) = Batch::of(events) else { return Ok(false) };
        shared.meter.read(count);
        shared.ring().add(batch);
        shared.tell();
        Ok(count >= PAGE as usize)
    }

    /// Ends every stream, now and from here on: the server is to stop.
    pub fn close(&self) {
        self.0.ring().is_closed = true;
        self.0.wake.notify_one();
        self.0.tell();
    }

    /// Begins to listen behind the event with the number `seen`. Up to `last` there are events already, which are not waited for.
    pub fn listen(&self, seen: i64, last: i64) -> Listener {
        let shared = Arc::clone(&self.0);
        shared.ring().listeners += 1;
        shared.meter.joined();
        shared.wake.notify_one();
        Listener { news: shared.news.subscribe(), shared, seen, last, has_caught_up: false, page: None }
    }
}

/// What a listener hears.
#[derive(Debug)]
pub enum Heard {
    /// Events.
    Events(Chunk),
    /// Nothing in the time that it was willing to wait.
    Silence,
    /// No more: the feed is closed, the listener was too slow, or what it wants cannot be read.
    End,
}

/// Somebody who listens.
pub struct Listener {
    shared: Arc<Shared>,
    news: watch::Receiver<u64>,
    seen: i64,
    /// The number of an event that is there, whether or not the poll has come to it.
    last: i64,
    /// Whether it has been in the ring, so that to be behind it is to have been too slow.
    has_caught_up: bool,
    /// The page of the replay that it is at.
    page: Option<Arc<Batch>>,
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener").field("seen", &self.seen).finish_non_exhaustive()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.shared.ring().listeners -= 1;
        self.shared.meter.left();
    }
}

impl Listener {
    /// The number of the last event heard.
    pub const fn seen(&self) -> i64 {
        self.seen
    }

    /// What comes next: events of at most `most` bytes, if they are several, as soon as there are any.
    pub async fn hear(&mut self, until: Instant, most: usize) -> Heard {
        loop {
            self.news.borrow_and_update();
            let step = self.shared.ring().step(self.seen, most);
            match step {
                Step::Events(chunk) => {
                    self.has_caught_up = true;
                    return self.heard(chunk);
                }
                Step::Closed => return Heard::End,
                Step::Behind if self.has_caught_up => {
                    self.shared.meter.cut_off();
                    return Heard::End;
                }
                Step::Behind => return self.replay(most).await,
                Step::Nothing | Step::NotYet if self.seen < self.last => return self.replay(most).await,
                Step::Nothing => self.has_caught_up = true,
                Step::NotYet => {}
            }
            match timeout_at(until, self.news.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Heard::End,
                Err(_) => return Heard::Silence,
            }
        }
    }

    fn heard(&mut self, chunk: Chunk) -> Heard {
        self.seen = chunk.last();
        Heard::Events(chunk)
    }

    /// Events from before the ring.
    async fn replay(&mut self, most: usize) -> Heard {
        if let Some(page) = self.page.take_if(|page| page.last() > self.seen) {
            let chunk = Chunk::behind(&page, self.seen, most);
            self.page = Some(page);
            return self.heard(chunk);
        }
        match self.shared.service.after(self.seen, PAGE).await.map(Batch::of) {
            // What comes next must be the next: the rest has been pruned meanwhile.
            Ok(Some(batch)) if batch.first == self.seen + 1 => {
                let page = Arc::new(batch);
                let chunk = Chunk::behind(&page, self.seen, most);
                self.page = Some(page);
                self.heard(chunk)
            }
            Ok(_) => Heard::End,
            Err(error) => {
                tracing::warn!(%error, "events could not be replayed");
                Heard::End
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use claudetools_coord::{EventKind, Head, Occurrence};
    use claudetools_kernel::Timestamp;

    use super::*;

    fn head(last_event: i64) -> Head {
        Head { last_event, ..Head::new(Timestamp::from_micros(1_000_000).unwrap()) }
    }

    fn batch(after: i64, count: usize) -> Batch {
        let mut head = head(after);
        let what = || Occurrence { payload: r#"{"text":"a\nb"}"#.to_owned(), ..Occurrence::default() };
        Batch::of((0..count).map(|_| head.event(EventKind::MessageNew, what())).collect()).unwrap()
    }

    fn ids(chunk: &Chunk) -> Vec<i64> {
        chunk.json().map(|json| serde_json::from_slice::<Value>(json).unwrap()["id"].as_i64().unwrap()).collect()
    }

    fn step(ring: &Ring, seen: i64, most: usize) -> Option<Vec<i64>> {
        match ring.step(seen, most) {
            Step::Events(chunk) => Some(ids(&chunk)),
            Step::Nothing => Some(Vec::new()),
            Step::Behind => None,
            Step::NotYet | Step::Closed => panic!("the ring is followed"),
        }
    }

    #[test]
    fn an_event_is_three_fields_and_a_blank_line_whatever_it_holds() {
        let chunk = Chunk::behind(&Arc::new(batch(6, 1)), 6, 1);
        let text = String::from_utf8(chunk.sse().to_vec()).unwrap();
        let lines: Vec<&str> = text.split('\n').collect();
        let [id, event, data, "", ""] = lines[..] else { panic!("{text:?}") };
        assert_eq!((id, event), ("id: 7", "event: message.new"));
        let shown: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(shown["data"]["text"], "a\nb");
        assert_eq!(shown["at"], "1970-01-01T00:00:01Z");
    }

    #[test]
    fn each_listener_gets_what_follows_its_own_place() {
        let mut ring = Ring::default();
        ring.begin(10);
        assert_eq!(step(&ring, 10, 1), Some(vec![]));
        ring.add(batch(10, 3));
        ring.add(batch(13, 2));
        let whole = usize::MAX;
        assert_eq!(step(&ring, 10, whole), Some(vec![11, 12, 13]));
        assert_eq!(step(&ring, 12, whole), Some(vec![13]));
        assert_eq!(step(&ring, 13, whole), Some(vec![14, 15]));
        assert_eq!(step(&ring, 10, 1), Some(vec![11]), "at least one, however little room there is");
        assert_eq!(step(&ring, 15, whole), Some(vec![]));
        assert_eq!(step(&ring, 99, whole), Some(vec![]), "one that has heard more elsewhere waits");
        assert_eq!(step(&ring, 9, whole), None, "what was before the ring is not in it");
    }

    #[test]
    fn the_ring_forgets_the_oldest_and_what_follows_a_gap_is_not_taken_for_the_next() {
        let mut ring = Ring::default();
        ring.begin(0);
        let mut last = 0;
        while last < 3 * RING_EVENTS {
            ring.add(batch(last, 400));
            last += 400;
        }
        assert!(ring.last - ring.first < RING_EVENTS && ring.bytes <= RING_BYTES, "{} {}", ring.first, ring.bytes);
        assert_eq!(ring.bytes, ring.batches.iter().map(|batch| batch.sse.len()).sum::<usize>());
        assert_eq!(step(&ring, 0, 1), None);
        assert_eq!(step(&ring, ring.first - 1, 1), Some(vec![ring.first]));
        ring.add(batch(last + 5, 1));
        assert_eq!(step(&ring, last, 1), None, "events are missing");
        assert_eq!(step(&ring, last + 5, 1), Some(vec![last + 6]));
    }
}
