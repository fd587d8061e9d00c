//! The feed of events over HTTP: a stream, or a long poll.

use std::time::Duration;

use actix_web::{
    HttpResponse, get,
    http::header::{self, ContentEncoding, HeaderMap, HeaderName, HeaderValue},
    web::{Bytes, Data},
};
use claudetools_coord::Place;
use claudetools_kernel::Faults;
use futures::stream;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{
    app::Services,
    error::{ApiError, Problem},
    extract::{CoordCaller, Query, Read, bearer},
    feed::{EventView, Heard, Listener},
    reply::Answer,
};

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(events);
}

/// How long a stream is silent at the most, so that whatever stands between keeps it open, and who has gone is noticed.
const SILENCE: Duration = Duration::from_secs(15);
/// How much of the events a stream sends at once, in bytes: what waits for a slow client is not shared.
const STREAMED: usize = 16 * 1024;
/// How much of the events an answer to a long poll holds, in bytes.
const POLLED: usize = 256 * 1024;
/// The longest that a long poll waits, in seconds.
const LONGEST_WAIT: u64 = 60;

/// Where to begin, and in which form.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct EventsQuery {
    /// The events behind this one; without it, those that happen from now on. `Last-Event-ID` goes before it.
    #[param(minimum = 0)]
    after: Option<i64>,
    /// Seconds to wait for an event: the answer is then JSON.
    #[param(minimum = 0, maximum = 60)]
    wait: Option<u64>,
}

/// Events, in the order of the commits.
#[derive(Debug, Serialize, ToSchema)]
struct EventsView {
    /// None when nothing happened in the time; not all of them when there are many.
    events: Vec<EventView>,
    /// What to ask for next, as `after`.
    #[schema(example = 4711)]
    last_event_id: i64,
}

/// Listen to events
///
/// A stream of `text/event-stream` without an end, or with `wait` an answer in JSON as soon as there is an event, and an empty one when
/// there is none in the time. Each event bears a number: gap-free, in the order of the commits, the same on every replica. Go on behind
/// the last one seen with `Last-Event-ID`, which browsers send by themselves, or with `after`: nothing is missed and nothing
/// comes twice. When what follows is not kept any more the answer is 410, and `details.oldest_id` names the oldest that is. A stream is
/// ended when its reader is too slow, when its token ends, and when the server stops.
#[utoipa::path(
    params(EventsQuery, ("Last-Event-ID" = Option<i64>, Header, description = "The last event seen.")),
    responses((status = 200, content((EventsView = "application/json"), (String = "text/event-stream")))),
    security(("bearer" = ["msp:read"]))
)]
#[get("/coord/events")]
async fn events(caller: CoordCaller<Read>, query: Query<EventsQuery>) -> Answer {
    let EventsQuery { after, wait } = query.0;
    let seen = last_event_id(caller.headers())?.or(after);
    if let Some(seconds) = wait.filter(|seconds| *seconds > LONGEST_WAIT) {
        let rule = format!("must be from 0 to {LONGEST_WAIT}, not {seconds}");
        return Err(Faults::one("wait", "range", &rule).into());
    }
    let services = caller.shared();
    let place = services.feed_service.place(caller.party(), seen).await?;
    let listener = match place {
        Place::Behind { seen, last } => services.feed.listen(seen, last),
        Place::Gone(oldest) => return Err(gone(oldest)),
    };
    match wait {
        Some(seconds) => polled(listener, Duration::from_secs(seconds)).await,
        None => {
            let token = bearer(caller.headers()).ok().map(str::to_owned);
            Ok(streamed(Stream { listener, services, token, checked: Instant::now() }))
        }
    }
}

fn gone(oldest: i64) -> ApiError {
    let text = format!("what follows that event is not kept any more; the oldest event there is has the id {oldest}");
    ApiError(Problem::new("GONE", text).detail("oldest_id", oldest))
}

/// The number that a client sends which comes back.
fn last_event_id(headers: &HeaderMap) -> Result<Option<i64>, ApiError> {
    let Some(given) = headers.get("last-event-id") else { return Ok(None) };
    let number = given.to_str().ok().and_then(|text| text.trim().parse().ok()).filter(|number| *number >= 0);
    let refusal = || Faults::one("Last-Event-ID", "integer", "must be the id of an event: a whole number");
    number.map(Some).ok_or_else(|| refusal().into())
}

/// The answer to a long poll.
async fn polled(mut listener: Listener, wait: Duration) -> Answer {
    let mut body = br#"{"events":["#.to_vec();
    if let Heard::Events(chunk) = listener.hear(Instant::now() + wait, POLLED).await {
        for (place, event) in chunk.json().enumerate() {
            body.extend_from_slice(if place == 0 { b"" } else { b"," });
            body.extend_from_slice(event);
        }
    }
    body.extend_from_slice(format!(r#"],"last_event_id":{}}}"#, listener.seen()).as_bytes());
    Ok(HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .content_type("application/json")
        .body(body))
}

/// A stream to one client.
struct Stream {
    listener: Listener,
    services: Data<Services>,
    /// Without one the caller is let in for where it calls from.
    token: Option<String>,
    checked: Instant,
}

impl Stream {
    /// What the client is sent next; `None` ends the stream.
    async fn next(&mut self) -> Option<Bytes> {
        // Who may listen no longer is not told any more: a token ends, or is revoked.
        if self.checked.elapsed() >= SILENCE {
            self.checked = Instant::now();
            if self.token.as_ref().is_some_and(|token| self.services.authenticate(token).is_err()) {
                return None;
            }
        }
        match self.listener.hear(Instant::now() + SILENCE, STREAMED).await {
            Heard::Events(chunk) => Some(chunk.sse()),
            Heard::Silence => Some(Bytes::from_static(b":\n\n")),
            Heard::End => None,
        }
    }
}

fn streamed(stream: Stream) -> HttpResponse {
    let greeting = Bytes::from(format!("retry: 1000\n: what follows {}\n\n", stream.listener.seen()));
    let body = stream::unfold((Some(greeting), stream), |(greeting, mut stream)| async {
        let bytes = match greeting {
            Some(greeting) => greeting,
            None => stream.next().await?,
        };
        Some((Ok::<_, actix_web::Error>(bytes), (None, stream)))
    });
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/event-stream"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        // No layer is to wait until it has enough to compress.
        .insert_header(ContentEncoding::Identity)
        .insert_header((HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")))
        .streaming(Box::pin(body))
}
