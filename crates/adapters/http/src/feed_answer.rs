//! What a listener to events is sent: a stream without an end, or one answer in JSON.

use std::time::Duration;

use actix_web::{
    HttpResponse,
    http::header::{self, ContentEncoding, HeaderMap, HeaderName, HeaderValue},
    web::{Bytes, Data},
};
use claudetools_kernel::Faults;
use futures::stream;
use tokio::time::Instant;
use utoipa::IntoParams;

use crate::{
    app::Services,
    error::{ApiError, Problem},
    feed::{Heard, Listener},
    reply::Answer,
};

/// How long a stream is silent at the most, so that whatever stands between keeps it open, and who has gone is noticed.
const SILENCE: Duration = Duration::from_secs(15);
/// How often it is looked at whether who listens still may. A revocation is known to every replica after two seconds, and is in force
/// after five; to look costs no query.
const CHECKED: Duration = Duration::from_secs(2);
/// How much of the events a stream sends at once, in bytes: what waits for a slow client is not shared.
const STREAMED: usize = 16 * 1024;
/// How much of the events an answer to a long poll holds, in bytes.
const POLLED: usize = 256 * 1024;

/// Somebody who may listen for the time being: a token ends, or is revoked. Without one the caller is let in for where it calls from.
pub(crate) struct Audience {
    listener: Listener,
    services: Data<Services>,
    token: Option<String>,
    checked: Instant,
}

impl Audience {
    /// Somebody whose token has just been found good.
    pub(crate) fn new(listener: Listener, services: Data<Services>, token: Option<String>) -> Self {
        Self { listener, services, token, checked: Instant::now() }
    }

    /// What comes next, as soon as there is anything. Who may listen no longer is told nothing any more, and that soon.
    async fn hear(&mut self, until: Instant, most: usize) -> Result<Heard, ApiError> {
        loop {
            let heard = self.listener.hear(until.min(self.checked + CHECKED), most).await;
            if self.checked.elapsed() >= CHECKED {
                self.checked = Instant::now();
                self.token.as_ref().map(|token| self.services.authenticate(token)).transpose()?;
            }
            if !matches!(heard, Heard::Silence) || Instant::now() >= until {
                return Ok(heard);
            }
        }
    }
}

/// The answer to a long poll.
pub(crate) async fn polled(mut audience: Audience, wait: Duration) -> Answer {
    let mut body = br#"{"events":["#.to_vec();
    if let Heard::Events(chunk) = audience.hear(Instant::now() + wait, POLLED).await? {
        for (place, event) in chunk.json().enumerate() {
            body.extend_from_slice(if place == 0 { b"" } else { b"," });
            body.extend_from_slice(event);
        }
    }
    body.extend_from_slice(format!(r#"],"last_event_id":{}}}"#, audience.listener.seen()).as_bytes());
    Ok(HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .content_type("application/json")
        .body(body))
}

/// What the client of a stream is sent next; `None` ends the stream.
async fn next(audience: &mut Audience) -> Option<Bytes> {
    match audience.hear(Instant::now() + SILENCE, STREAMED).await {
        Ok(Heard::Events(chunk)) => Some(chunk.sse()),
        Ok(Heard::Silence) => Some(Bytes::from_static(b":\n\n")),
        Ok(Heard::End) | Err(_) => None,
    }
}

/// The answer that is a stream.
pub(crate) fn streamed(audience: Audience) -> HttpResponse {
    let greeting = Bytes::from(format!("retry: 1000\n: what follows {}\n\n", audience.listener.seen()));
    let body = stream::unfold((Some(greeting), audience), |(greeting, mut audience)| async {
        let bytes = match greeting {
            Some(greeting) => greeting,
            None => next(&mut audience).await?,
        };
        Some((Ok::<_, actix_web::Error>(bytes), (None, audience)))
    });
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/event-stream"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        // No layer is to wait until it has enough to compress.
        .insert_header(ContentEncoding::Identity)
        .insert_header((HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")))
        .streaming(Box::pin(body))
}

/// That what follows an event is not there.
pub(crate) fn gone(oldest: i64) -> ApiError {
    let text = format!("what follows that event is not kept any more; the oldest event there is has the id {oldest}");
    ApiError(Problem::new("GONE", text).detail("oldest_id", oldest))
}

/// What a client that comes back sends by itself.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "read from the headers by name; this describes it")]
pub(crate) struct LastEventHeader {
    /// The last event seen.
    #[param(rename = "Last-Event-ID", minimum = 0)]
    last_event_id: Option<i64>,
}

/// The number that a client sends which comes back.
pub(crate) fn last_event_id(headers: &HeaderMap) -> Result<Option<i64>, ApiError> {
    let Some(given) = headers.get("last-event-id") else { return Ok(None) };
    let number = given.to_str().ok().and_then(|text| text.trim().parse().ok()).filter(|number| *number >= 0);
    let refusal = || Faults::one("Last-Event-ID", "integer", "must be the id of an event: a whole number");
    number.map(Some).ok_or_else(|| refusal().into())
}
