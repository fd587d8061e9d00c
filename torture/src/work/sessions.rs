//! An agent's session: the calls of the contract about locks, each recorded.

use std::{rc::Rc, time::Duration};

use hyper::Method;
use serde_json::json;

use crate::{
    api::{Api, Ask, Told},
    check::{Micros, fence::Checked},
    history::{Acquired, Ended, Entry, Grant, Renewed, What, count},
    site::Site,
    wire,
};

/// What a session asks for.
#[derive(Debug, Clone)]
pub(crate) struct Claim {
    pub(crate) resources: Vec<String>,
    pub(crate) exclusive: bool,
    /// Seconds.
    pub(crate) ttl: u32,
    /// Seconds.
    pub(crate) wait: u32,
}

/// An agent's session.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: String,
    pub(crate) api: Api,
    calls: u64,
    /// What it was granted last, and under which key.
    last: Option<(Claim, String, Vec<Grant>)>,
}

impl Session {
    pub(crate) fn new(site: &Rc<Site>, id: impl Into<String>, client: u64) -> Self {
        Self { id: id.into(), api: Api::new(site, client), calls: 0, last: None }
    }

    pub(crate) fn site(&self) -> &Site {
        &self.api.site
    }

    pub(crate) fn is_over(&self) -> bool {
        self.site().is_over.get()
    }

    /// A key that no other call has.
    pub(crate) fn key(&mut self) -> String {
        self.calls += 1;
        format!("{}-{}", self.id, self.calls)
    }

    /// Asks for locks.
    pub(crate) async fn acquire(&mut self, claim: &Claim) -> Acquired {
        let key = self.key();
        let told = self.ask(claim, &key).await;
        let outcome = told.status.and_then(|status| wire::acquired(status, &told.body));
        let outcome = self.understood(&told, "an acquire", outcome).unwrap_or(Acquired::Unknown);
        if matches!(outcome, Acquired::Refused { is_deadlock: true, .. }) {
            count(&self.site().record.deadlocks);
        }
        let (resources, exclusive, ttl) = (claim.resources.clone(), claim.exclusive, seconds(claim.ttl));
        self.note(&told, What::Acquire { resources, exclusive, ttl, outcome: outcome.clone() });
        if let Acquired::New(locks) = &outcome {
            self.last = Some((claim.clone(), key, locks.clone()));
        }
        outcome
    }

    /// Asks once more for what it was granted last, under the same key and at another replica, as whoever has lost the answer does:
    /// it must be told the same, whatever became of the locks since.
    pub(crate) async fn repeat(&mut self) {
        let Some((claim, key, locks)) = self.last.take() else { return };
        self.api.move_on();
        let told = self.ask(&claim, &key).await;
        let outcome = told.status.and_then(|status| wire::acquired(status, &told.body));
        if outcome.as_ref().is_some_and(|outcome| *outcome != Acquired::New(locks.clone())) {
            self.site().record.fault(format!("the key {key} of {locks:?} was answered {outcome:?} when it came again"));
        }
    }

    async fn ask(&mut self, claim: &Claim, key: &str) -> Told {
        let Claim { resources, exclusive, ttl, wait } = claim;
        let mode = if *exclusive { "exclusive" } else { "shared" };
        let mut body = json!({"mode": mode, "ttl_seconds": ttl, "session_id": self.id, "task": "torture"});
        match &resources[..] {
            [one] => body["resource"] = json!(one),
            several => body["resources"] = json!(several),
        }
        let mut ask = Ask::new(Method::POST, format!("/coord/locks?wait={wait}")).with(&body);
        ask.key = Some(key.to_owned());
        ask.wait = Duration::from_secs(u64::from(*wait));
        self.api.settle(&ask).await
    }

    /// Asks for more time.
    pub(crate) async fn renew(&mut self, lock: &Grant, ttl: u32) -> Renewed {
        let body = json!({"ttl_seconds": ttl, "token": lock.token});
        let told = self.api.settle(&Ask::new(Method::PUT, format!("/coord/locks/{}", lock.id)).with(&body)).await;
        let outcome = told.status.and_then(|status| wire::renewed(status, &told.body));
        let outcome = self.understood(&told, "a renewal", outcome).unwrap_or(Renewed::Unknown);
        if let Renewed::Until(renewed) = &outcome
            && renewed.token != lock.token
        {
            let what = format!("lock {} had token {} and has {} since a renewal", lock.id, lock.token, renewed.token);
            self.site().record.fault(what);
        }
        self.note(&told, What::Renew { id: lock.id.clone(), ttl: seconds(ttl), outcome: outcome.clone() });
        outcome
    }

    /// Gives a lock back; or, as an administrator, takes it away.
    pub(crate) async fn end(&mut self, id: &str, is_forced: bool) -> Ended {
        let force = if is_forced { "?force=true&reason=torture" } else { "" };
        let told = self.api.settle(&Ask::new(Method::DELETE, format!("/coord/locks/{id}{force}"))).await;
        let outcome = told.status.and_then(|status| wire::ended(status, &told.body));
        let outcome = self.understood(&told, "a release", outcome).unwrap_or(Ended::Unknown);
        self.note(&told, What::End { id: id.to_owned(), outcome: outcome.clone() });
        outcome
    }

    /// Asks whether a token is still good.
    pub(crate) async fn fence(&mut self, resource: &str, token: i64) {
        let body = json!({"resource": resource, "token": token});
        let mut ask = Ask::new(Method::POST, "/coord/fence/check").with(&body);
        ask.key = Some(self.key());
        let told = self.api.settle(&ask).await;
        let max_token = told.body["error"]["details"]["max_token"].as_i64().unwrap_or_default();
        let is_good = match told.status {
            Some(200) => true,
            Some(409) => false,
            _ => return self.expect(&told, "a fence check", told.status.is_none()),
        };
        let (resource, called, returned) = (resource.to_owned(), told.called, told.returned);
        let checked = Checked { resource, token, called, returned, is_good, max_token };
        self.site().record.fences.borrow_mut().push(checked);
    }

    fn note(&self, told: &Told, what: What) {
        let Told { called, returned, unsure, .. } = *told;
        self.site().record.add(Entry { session: self.id.clone(), called, returned, unsure, what });
    }

    fn understood<T>(&self, told: &Told, what: &str, outcome: Option<T>) -> Option<T> {
        self.expect(told, what, outcome.is_some() || told.status.is_none());
        outcome
    }

    fn expect(&self, told: &Told, what: &str, is_right: bool) {
        if !is_right {
            let status = told.status.unwrap_or_default();
            self.site().record.fault(format!("{what} of {} was answered {status}: {}", self.id, told.body));
        }
    }
}

fn seconds(of: u32) -> Micros {
    Micros::from(of) * 1_000_000
}
