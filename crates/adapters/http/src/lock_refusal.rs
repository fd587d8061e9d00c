//! What a call for locks is answered that is refused.

use claudetools_coord::{Conflict, LockDetail, Refusal};
use claudetools_kernel::{Error, Timestamp};
use serde_json::{Value, json};

use crate::error::{ApiError, Problem};

/// The answer to a refused call, by the time at which it was decided.
pub(crate) fn refuse(refusal: &Refusal, now: Timestamp) -> ApiError {
    ApiError(match refusal {
        Refusal::Conflict(conflict) => blocked("CONFLICT", "others hold it, or were there before", conflict, now),
        Refusal::Deadlock(conflict) => blocked(
            "DEADLOCK",
            "to wait would close a circle of sessions that wait for each other; release what you hold, and begin anew",
            conflict,
            now,
        ),
        Refusal::LostPlace => {
            Problem::new("SERVICE_UNAVAILABLE", "the place in line was lost; ask again").retry_after(1)
        }
        Refusal::Over(id, state) => {
            let text = format!("the lock has ended ({state}); its token is good no more, ask for a new one");
            Problem::new("GONE", text).detail("id", id.to_string()).detail("state", state.to_string())
        }
        Refusal::Unknown(id) => return Error::not_found(*id).into(),
        Refusal::OtherToken(id) => {
            Problem::new("CONFLICT", "the token is not that of the lock").detail("id", id.to_string())
        }
        Refusal::Outdated { max_token } => {
            let text = "a higher token was seen on the path, above or below it: the lock was lost";
            Problem::new("CONFLICT", text).detail("max_token", *max_token)
        }
    })
}

fn blocked(code: &'static str, text: &str, conflict: &Conflict, now: Timestamp) -> Problem {
    let Conflict { blocking, position, length, waited } = conflict;
    let locks: Vec<Value> = blocking.iter().map(|detail| blocking_view(detail, now)).collect();
    let earliest = blocking.first().map(|detail| detail.lock.expires_at.since(now).num_milliseconds());
    let seconds = earliest.map_or(1, |left| u64::try_from(left).unwrap_or_default().div_ceil(1000).max(1));
    let hint = match blocking.first() {
        Some(detail) if code == "CONFLICT" => {
            format!(
                "held by {}; wait in line with ?wait=<seconds>, or ask its session by a message",
                detail.lock.session_id
            )
        }
        Some(_) => "release your own locks first, and take several with resources[] in one call".to_owned(),
        None => "nobody holds it, but others stand in line before you; wait with ?wait=<seconds>".to_owned(),
    };
    Problem::new(code, text)
        .detail("blocking", locks)
        .detail("queue", json!({"position": position, "length": length}))
        .detail("waited_ms", waited.num_milliseconds())
        .detail("hint", hint)
        .retry_after(seconds)
}

fn blocking_view(detail: &LockDetail, now: Timestamp) -> Value {
    let LockDetail { lock, host, agent } = detail;
    json!({
        "id": lock.id,
        "resource": lock.resource.as_str(),
        "mode": lock.mode,
        "token": lock.token,
        "session_id": lock.session_id,
        "host": host,
        "agent": agent,
        "task": lock.task,
        "granted_at": lock.granted_at,
        "expires_at": lock.expires_at,
        "expires_in_ms": lock.expires_at.since(now).num_milliseconds().max(0),
    })
}
