//! The feed of events over HTTP: a stream, or a long poll.

use std::time::Duration;

use actix_web::get;
use claudetools_coord::Place;
use claudetools_kernel::Faults;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    extract::{CoordCaller, Query, Read, bearer},
    feed::EventView,
    feed_answer::{Audience, LastEventHeader, gone, last_event_id, polled, streamed},
    mounting::ServiceConfig,
    reply::Answer,
};

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(events);
}

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
/// ended when its reader is too slow, when its token ends or is revoked, and when the server stops.
#[utoipa::path(
    params(EventsQuery, LastEventHeader),
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
    let audience = Audience::new(listener, services, bearer(caller.headers()).ok().map(str::to_owned));
    match wait {
        Some(seconds) => polled(audience, Duration::from_secs(seconds)).await,
        None => Ok(streamed(audience)),
    }
}
