//! What the answers of the contract say, in the terms of the record.

use serde_json::Value;

use crate::{
    check::{
        Micros,
        intervals::{Happening, LockEvent},
    },
    clock,
    history::{Acquired, Ended, Grant, Renewed},
};

/// An instant in a field.
fn instant(value: &Value, field: &str) -> Option<Micros> {
    clock::parse(value[field].as_str()?)
}

fn text(value: &Value, field: &str) -> Option<String> {
    value[field].as_str().map(str::to_owned)
}

/// A lock.
pub(crate) fn grant(body: &Value) -> Option<Grant> {
    Some(Grant {
        id: text(body, "id")?,
        resource: text(body, "resource")?,
        token: body["token"].as_i64()?,
        granted_at: instant(body, "granted_at")?,
        expires_at: instant(body, "expires_at")?,
        decided_at: instant(body, "server_now"),
    })
}

fn grants(body: &Value) -> Option<Vec<Grant>> {
    match body["locks"].as_array() {
        Some(locks) => {
            let decided_at = instant(body, "server_now");
            let with_time = |lock: Grant| Grant { decided_at: lock.decided_at.or(decided_at), ..lock };
            locks.iter().map(|lock| grant(lock).map(with_time)).collect()
        }
        None => Some(vec![grant(body)?]),
    }
}

/// What a call for locks was told; `None` when that is nothing the contract knows.
pub(crate) fn acquired(status: u16, body: &Value) -> Option<Acquired> {
    match status {
        201 => grants(body).map(Acquired::New),
        200 => grants(body).map(Acquired::Again),
        409 => {
            let details = &body["error"]["details"];
            let blocking = details["blocking"].as_array().map(Vec::as_slice).unwrap_or_default();
            let blocking = blocking.iter().filter_map(|lock| text(lock, "id")).collect();
            let is_deadlock = body["error"]["code"] == "DEADLOCK";
            Some(Acquired::Refused { blocking, is_deadlock })
        }
        _ => None,
    }
}

/// What a renewal was told.
pub(crate) fn renewed(status: u16, body: &Value) -> Option<Renewed> {
    match status {
        200 => grant(body).map(Renewed::Until),
        410 => Some(Renewed::Gone),
        _ => None,
    }
}

/// What a release was told.
pub(crate) fn ended(status: u16, body: &Value) -> Option<Ended> {
    match (status, body["released"].as_bool()) {
        (200, Some(true)) => Some(Ended::Now),
        (200, Some(false)) => Some(Ended::Before),
        _ => None,
    }
}

/// An event of the feed.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) seq: i64,
    pub(crate) at: Micros,
    pub(crate) kind: String,
    pub(crate) session: String,
    /// The lock or message that it is about.
    pub(crate) subject: String,
    pub(crate) payload: Value,
}

impl Event {
    pub(crate) fn parse(body: &Value) -> Option<Self> {
        let seq = body["id"].as_i64()?;
        let subject = text(body, "subject").unwrap_or_default();
        let session = text(body, "session_id").unwrap_or_default();
        let (at, kind) = (instant(body, "at")?, text(body, "kind")?);
        Some(Self { seq, at, kind, session, subject, payload: body["data"].clone() })
    }

    /// What it says of a lock, if it is about one that began or ended.
    pub(crate) fn of_lock(&self) -> Option<LockEvent> {
        let what = match self.kind.as_str() {
            "lock.granted" => Happening::Granted,
            "lock.released" => Happening::Released,
            "lock.expired" => Happening::Expired,
            "lock.broken" => Happening::Broken,
            _ => return None,
        };
        Some(LockEvent {
            seq: self.seq,
            at: self.at,
            what,
            lock: self.subject.clone(),
            session: self.session.clone(),
            resource: text(&self.payload, "resource").unwrap_or_default(),
            exclusive: self.payload["mode"] != "shared",
            token: self.payload["token"].as_i64().unwrap_or_default(),
        })
    }

    /// What somebody waits for.
    pub(crate) fn of_line(&self) -> Option<Vec<String>> {
        if self.kind != "lock.queued" {
            return None;
        }
        let resources = self.payload["resources"].as_array()?;
        Some(resources.iter().filter_map(|path| path.as_str().map(str::to_owned)).collect())
    }
}
