//! A client as it should be: whoever does not know what came of a call asks again, elsewhere if need be, until it knows.

use std::{rc::Rc, time::Duration};

use claudetools_harness::client::{Answer, Call, Client};
use hyper::Method;
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout};

use crate::{check::Micros, dice::Dice, history::count, site::Site};

/// How long an answer may take, beyond the time that the call asked to wait.
const ANSWER: Duration = Duration::from_secs(4);
/// How long a client goes on asking, longer than any fault lasts.
const PATIENCE: Duration = Duration::from_mins(2);
/// The same where the server is built to do something wrong.
const BRIEFLY: Duration = Duration::from_secs(3);
/// How many attempts of a hundred lose their connection before the answer.
const DROPPED: usize = 2;

/// A client of the API.
#[derive(Debug)]
pub(crate) struct Api {
    pub(crate) site: Rc<Site>,
    pub(crate) dice: Dice,
    connection: Option<Client>,
    replica: usize,
    is_admin: bool,
}

/// What a client asks for.
#[derive(Debug, Clone)]
pub(crate) struct Ask<'a> {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) body: Option<&'a Value>,
    pub(crate) key: Option<String>,
    /// How long it asks to wait.
    pub(crate) wait: Duration,
}

/// What it was told in the end.
#[derive(Debug)]
pub(crate) struct Told {
    /// The status of the last answer; `None` when nobody ever gave one.
    pub(crate) status: Option<u16>,
    pub(crate) body: Value,
    pub(crate) called: Micros,
    pub(crate) returned: Micros,
    /// Whether an earlier attempt may have done something.
    pub(crate) unsure: bool,
}

impl<'a> Ask<'a> {
    pub(crate) fn new(method: Method, path: impl Into<String>) -> Self {
        Self { method, path: format!("/api/v1{}", path.into()), body: None, key: None, wait: Duration::ZERO }
    }

    pub(crate) fn with(self, body: &'a Value) -> Self {
        Self { body: Some(body), ..self }
    }
}

impl Api {
    pub(crate) fn new(site: &Rc<Site>, client: u64) -> Self {
        let mut dice = Dice::new(site.plan.seed, client);
        let replica = dice.below(site.addresses.len());
        Self { site: Rc::clone(site), dice, connection: None, replica, is_admin: false }
    }

    /// The same as an administrator, who asks only where the clock is right: elsewhere its token is not yet, or no more, good.
    pub(crate) fn into_admin(mut self) -> Self {
        self.is_admin = true;
        self.move_on();
        self
    }

    /// Goes to another replica with the next call.
    pub(crate) fn move_on(&mut self) {
        self.connection = None;
        self.replica = self.dice.below(self.site.addresses.len());
        if self.is_admin && self.site.is_stepped(self.replica) {
            self.replica = 0;
        }
    }

    /// Asks until it is told.
    pub(crate) async fn settle(&mut self, ask: &Ask<'_>) -> Told {
        let (begun, called, mut unsure) = (Instant::now(), self.site.clock.now(), false);
        loop {
            match self.attempt(ask).await {
                Attempt::Told(status, body) => {
                    let returned = self.site.clock.now();
                    return Told { status: Some(status), body, called, returned, unsure };
                }
                Attempt::NotDone => {}
                Attempt::Unknown => {
                    count(&self.site.record.unknown);
                    unsure = true;
                }
            }
            // What is built to fail may never give the answer that is waited for.
            let patience = if self.site.plan.mutant.is_some() { BRIEFLY } else { PATIENCE };
            if begun.elapsed() > patience {
                return Told { status: None, body: Value::Null, called, returned: self.site.clock.now(), unsure: true };
            }
            self.move_on();
            let pause = Duration::from_millis(self.dice.between(5, 100));
            sleep(pause).await;
        }
    }

    async fn attempt(&mut self, ask: &Ask<'_>) -> Attempt {
        let is_dropped = self.dice.percent(DROPPED);
        let dropped_after = Duration::from_millis(self.dice.between(1, 20));
        let Some(connection) = self.connect().await else { return Attempt::NotDone };
        let (path, body, key) = (ask.path.as_str(), ask.body, ask.key.as_deref());
        let call = Call { path, method: Some(ask.method.clone()), body, key, from: None };
        let patience = if is_dropped { dropped_after } else { ANSWER + ask.wait };
        if let Ok(Ok(answer)) = timeout(patience, connection.send(call)).await {
            return self.judge(ask, &answer);
        }
        // Broken or given up: the request may have been read.
        self.connection = None;
        Attempt::Unknown
    }

    async fn connect(&mut self) -> Option<&mut Client> {
        if self.connection.is_none() {
            let address = *self.site.addresses.get(self.replica)?;
            let mut client = timeout(ANSWER, Client::connect(address)).await.ok()?.ok()?;
            if self.is_admin {
                client.authorise(self.site.admin()?);
            }
            self.connection = Some(client);
        }
        self.connection.as_mut()
    }

    fn judge(&self, ask: &Ask<'_>, answer: &Answer) -> Attempt {
        let record = &self.site.record;
        count(&record.answers);
        let body = answer.json().unwrap_or(Value::Null);
        let error = &body["error"];
        match answer.status {
            503 => {
                count(&record.unavailable);
                if error["details"]["outcome"] == "unknown" { Attempt::Unknown } else { Attempt::NotDone }
            }
            // The first attempt is still under way.
            409 if error["message"].as_str().is_some_and(|text| text.contains("Idempotency-Key")) => Attempt::NotDone,
            429 => Attempt::NotDone,
            status @ 500..=599 => {
                record.fault(format!("{} {} was answered {status}: {body}", ask.method, ask.path));
                Attempt::Unknown
            }
            status => Attempt::Told(status, body),
        }
    }
}

/// What came of one attempt.
enum Attempt {
    Told(u16, Value),
    /// Nothing was done.
    NotDone,
    /// Nobody knows what was done.
    Unknown,
}
