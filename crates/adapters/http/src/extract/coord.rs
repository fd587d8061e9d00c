//! Who calls coordination, which the network may vouch for, and how a call for locks is handed in and answered.

use std::{
    future::{Ready, ready},
    marker::PhantomData,
    ops::Deref,
    time::Duration,
};

use actix_web::{FromRequest, HttpRequest, dev::Payload, http::header, web::Data};
use claudetools_coord::{self as coord, Done, Party, Pending, Refusal, Witness, session_key};
use claudetools_kernel::{AuditEntry, Error, Faults, Receipt, Replay, Scope, StoreError, Timestamp};
use ipnet::IpNet;
use tokio::time::timeout;

use super::{
    FromPath,
    caller::{Call, Key, Need, authenticate},
};
use crate::{
    app::Services,
    envelope::entry,
    error::{ApiError, status_of},
    reply::{Answer, Reply},
};

/// How long a call for locks may take besides the time that it is ready to wait: callers are told within two seconds.
const PATIENCE: Duration = Duration::from_millis(1700);

/// Whom the network vouches for.
#[derive(Debug, Clone, Default)]
pub struct CoordAccess {
    /// The networks whose callers need no token. Empty when everybody needs one.
    pub trusted_networks: Vec<IpNet>,
}

/// A call of coordination: by somebody whose token holds the scope `S`, or from a network that is trusted.
pub(crate) struct CoordCaller<S> {
    call: Call,
    party: Party,
    scope: PhantomData<S>,
}

impl<S> Deref for CoordCaller<S> {
    type Target = Call;
    fn deref(&self) -> &Call {
        &self.call
    }
}

impl<S: Need> FromRequest for CoordCaller<S> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(identify(request, S::SCOPE).and_then(|(call, party)| {
            party.require(S::SCOPE)?;
            call.refuse_stray_query()?;
            Ok(Self { call, party, scope: PhantomData })
        }))
    }
}

/// A token that is sent counts, and a bad one is refused from wherever it comes.
fn identify(request: &HttpRequest, scope: Scope) -> Result<(Call, Party), ApiError> {
    if !request.headers().contains_key(header::AUTHORIZATION) && scope != Scope::Admin {
        let call = Call::of(request)?;
        let trusted = &call.services().options.coord.trusted_networks;
        if call.info().caller_ip.is_some_and(|ip| trusted.iter().any(|network| network.contains(&ip))) {
            return Ok((call, Party::Trusted));
        }
    }
    authenticate(request).map(|(call, actor)| (call, Party::Known(actor)))
}

impl<S> CoordCaller<S> {
    /// Who calls.
    pub(crate) fn party(&self) -> &Party {
        &self.party
    }

    /// Hands a call for locks in, which may wait so long, and renders what was done. That commits together with its audit row and,
    /// under an idempotency key, with the answer itself.
    pub(crate) async fn submit(
        &self,
        call: coord::Call,
        wait: Duration,
        render: fn(&Done, Timestamp) -> Result<Reply, Error>,
        refuse: fn(&Refusal, Timestamp) -> ApiError,
    ) -> Answer {
        let key = self.idempotency_key()?;
        let _running = key.as_ref().map(|key| self.enter(key)).transpose()?;
        let services = self.shared();
        let entry = services.audit.as_ref().map(|_| entry(self.info(), &services, 0));
        let attest = Attest { services: services.clone(), entry, key: key.clone(), render };
        let mut pending = services.desk.submit(call, Box::new(attest));
        let outcome = match timeout(wait + PATIENCE, &mut pending).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Pending::give_up(pending)),
        };
        match outcome {
            Ok(coord::Answer::Done(done, now)) => {
                self.info().is_audited.set(true);
                Ok(render(&done, now)?.into_response(self.prefix()))
            }
            Ok(coord::Answer::Refused(refusal, now)) => Err(refuse(&refusal, now)),
            Ok(coord::Answer::Replayed(kept)) => match &key {
                Some(key) => self.replay(key, kept),
                None => Err(Error::Internal("a replay without a key".to_owned()).into()),
            },
            Err(error) => self.after_failure(key.as_ref(), error).await,
        }
    }

    /// The answer after a failure: under a key it can be looked up whether the call was done all the same.
    async fn after_failure(&self, key: Option<&Key>, error: StoreError) -> Answer {
        if let (Some(key), StoreError::Undecided(_)) = (key, &error)
            && let Ok(Some(kept)) = self.kept(key).await
        {
            self.info().is_audited.set(true);
            return Ok(Reply(kept.reply).into_response(self.prefix()));
        }
        let error = match error {
            // It was tried often enough, and nothing of it remains.
            StoreError::Constraint(text) => StoreError::Contention(text),
            error => error,
        };
        Err(Error::Store(error).into())
    }
}

/// Makes the records of a call when it is decided, on whatever thread that is.
struct Attest {
    services: Data<Services>,
    /// The row of the audit log as far as it is known beforehand.
    entry: Option<AuditEntry>,
    key: Option<Key>,
    render: fn(&Done, Timestamp) -> Result<Reply, Error>,
}

impl Witness for Attest {
    fn key(&self) -> Option<(&str, &str)> {
        self.key.as_ref().map(|key| (key.caller.as_str(), key.text.as_str()))
    }

    fn receipt(&self, done: &Done, now: Timestamp) -> Receipt {
        let rendered = (self.render)(done, now);
        let status = rendered.as_ref().map_or_else(status_of, |reply| reply.0.status);
        let audit = self.entry.clone().map(|entry| {
            let took = self.services.clock.now().since(entry.at);
            AuditEntry { status, duration_micros: took.num_microseconds().unwrap_or(i64::MAX), ..entry }
        });
        let kept = |key: &Key| rendered.as_ref().ok().map(|reply| key.record(reply, self.services.clock.now()));
        Receipt { audit, replay: self.key.as_ref().and_then(kept).map(Replay::Again) }
    }
}

/// The id of an agent's session in a path.
pub(crate) struct SessionName(pub(crate) String);

impl FromPath for SessionName {
    const NAME: &'static str = "session_id";

    fn from_path(text: &str) -> Result<Self, ApiError> {
        let mut faults = Faults::default();
        let decoded = serde_urlencoded::from_str::<Vec<(String, String)>>(&format!("id={}", text.replace('+', "%2B")));
        let decoded = decoded.ok().and_then(|mut pairs| pairs.pop()).map(|(_, id)| id).unwrap_or_default();
        let name = session_key(&mut faults, "session_id", decoded);
        faults.finish()?;
        Ok(Self(name.unwrap_or_default()))
    }
}
