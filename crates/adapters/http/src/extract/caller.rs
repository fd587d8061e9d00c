//! Who is calling, as a handler's parameter, and how a handler writes.

use std::{
    collections::HashSet,
    future::{Ready, ready},
    marker::PhantomData,
    ops::Deref,
    rc::Rc,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use actix_web::{
    FromRequest, HttpMessage, HttpRequest, HttpResponse,
    dev::Payload,
    http::{StatusCode, header},
    web::Data,
};
use chrono::TimeDelta;
use claudetools_credentials::{Credential, Origin, Recorded, Refusal, Who};
use claudetools_kernel::{
    Actor, Change, Detail, Entity, Error, Faults, Page, PageRequest, Receipt, Replay, ReplayRecord, Scope, SortField,
    StoreError, Timestamp,
};
use serde::Serialize;

use super::{BodyDigest, RequestInfo, body::digest};
use crate::{
    app::Services,
    envelope::entry,
    error::{ApiError, Problem, status_of},
    fallback::{RouteTable, template},
    limits::count_decrypt,
    reply::{Answer, Reply, list, resource, value},
};

/// How often a use case is repeated when it met another writer.
const ATTEMPTS: u32 = 6;
/// How long a request may have taken for its use case to be repeated once more, in seconds. Who waited so long for a lock
/// is better told.
const PATIENCE_SECONDS: i64 = 4;
/// How long the reading of a secret may wait for its row in the audit chain: callers are told within two seconds.
const DISCLOSURE: Duration = Duration::from_millis(1700);
/// How long the answer under an idempotency key is kept, in hours.
const KEY_LIFETIME_HOURS: i64 = 24;
/// The longest idempotency key taken, in characters.
const LONGEST_KEY: usize = 128;

/// A scope as a type, so that a handler cannot run without naming one.
pub(crate) trait Need: 'static {
    const SCOPE: Scope;
}

macro_rules! needs {
    ($($(#[$meta:meta])* $name:ident),+) => {
        $($(#[$meta])* pub(crate) struct $name;
        impl Need for $name { const SCOPE: Scope = Scope::$name; })+
    };
}
needs!(
    /// `msp:read`
    Read,
    /// `msp:write`
    Write,
    /// `msp:admin`
    Admin
);

/// The request being handled.
pub(crate) struct Call {
    request: HttpRequest,
    services: Data<Services>,
    info: Rc<RequestInfo>,
}

/// A call by somebody who holds the scope `S`.
pub(crate) struct Caller<S> {
    call: Call,
    actor: Actor,
    scope: PhantomData<S>,
}

/// A call that needs no token.
pub(crate) struct Public(Call);

impl<S> Deref for Caller<S> {
    type Target = Call;
    fn deref(&self) -> &Call {
        &self.call
    }
}

impl Deref for Public {
    type Target = Call;
    fn deref(&self) -> &Call {
        &self.0
    }
}

impl<S: Need> FromRequest for Caller<S> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(authenticate(request).and_then(|(call, actor)| {
            actor.require(S::SCOPE)?;
            call.refuse_stray_query()?;
            Ok(Self { call, actor, scope: PhantomData })
        }))
    }
}

impl FromRequest for Public {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Call::of(request).and_then(|call| call.refuse_stray_query().map(|()| Self(call))))
    }
}

impl<S> Caller<S> {
    /// The caller.
    pub(crate) fn actor(&self) -> &Actor {
        &self.actor
    }

    /// Whom the audit chain of the vault names.
    pub(crate) fn who(&self) -> Who {
        Who::actor(&self.actor, self.origin())
    }

    /// Shows a secret, or a refusal that is in the audit chain: 200 with its view `V`. Counted against the caller's budget for
    /// the reading of secrets.
    pub(crate) async fn read_secret<V: Serialize + From<T>, T: Clone>(
        &self,
        use_case: impl AsyncFn() -> Recorded<T>,
    ) -> Answer {
        self.hand_out::<V, T>(StatusCode::OK, use_case).await
    }

    /// [`Self::read_secret`] with another status than 200.
    pub(crate) async fn hand_out<V: Serialize + From<T>, T: Clone>(
        &self,
        status: StatusCode,
        use_case: impl AsyncFn() -> Recorded<T>,
    ) -> Answer {
        count_decrypt(self.services(), self.info(), &self.actor).await?;
        self.disclose(use_case, |outcome| Reply::plain(status, &V::from(granted(outcome)?.clone()))).await
    }

    /// Changes a credential, unless the audit chain has a refusal instead: 200 with its view `V` and its `ETag`.
    pub(crate) async fn change_recorded<V: Serialize + From<Credential>>(
        &self,
        use_case: impl AsyncFn() -> Recorded<Credential>,
    ) -> Answer {
        self.write(use_case, |outcome| {
            let now = granted(outcome)?;
            Reply::ok(now.revision, &V::from(now.clone()))
        })
        .await
    }
}

/// The call and who is behind its token.
pub(super) fn authenticate(request: &HttpRequest) -> Result<(Call, Actor), ApiError> {
    let call = Call::of(request)?;
    // Verified already where the request was counted, unless the token is none.
    let verified = call.info.verified.take();
    let actor = match verified {
        Some(actor) => actor,
        None => call.services.authenticate(bearer(request.headers())?)?,
    };
    // For the audit row, also of a call that is refused for its scope.
    call.info.actor.replace(Some(actor.clone()));
    Ok((call, actor))
}

/// The access token of a request.
pub(crate) fn bearer(headers: &header::HeaderMap) -> Result<&str, Error> {
    let missing = Error::Unauthorized("send an access token: Authorization: Bearer <token>");
    let mut given = headers.get_all(header::AUTHORIZATION);
    let (Some(value), None) = (given.next(), given.next()) else { return Err(missing) };
    let (scheme, token) = value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or(missing)?;
    if scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty() {
        Ok(token.trim())
    } else {
        Err(Error::Unauthorized("send an access token: Authorization: Bearer <token>"))
    }
}

impl Call {
    pub(super) fn of(request: &HttpRequest) -> Result<Self, ApiError> {
        let services = request.app_data::<Data<Services>>().cloned();
        let (Some(services), Some(info)) = (services, RequestInfo::of(request)) else {
            return Err(Error::Internal("the services are not mounted".to_owned()).into());
        };
        info.route.replace(request.match_pattern().as_deref().map(template));
        Ok(Self { request: request.clone(), services, info })
    }

    /// Operations that take no query parameters refuse any; the others read theirs strictly.
    pub(super) fn refuse_stray_query(&self) -> Result<(), ApiError> {
        let query = self.request.query_string();
        if query.is_empty() {
            return Ok(());
        }
        let (routes, template) = (self.request.app_data::<Data<RouteTable>>(), self.info.route.borrow());
        let template = template.as_deref().unwrap_or_default();
        if !routes.is_some_and(|routes| routes.takes_no_query(self.request.method().as_str(), template)) {
            return Ok(());
        }
        // A word in the place of an id or a name may be a path of its own, of other methods.
        if let Some(refusal) = routes.and_then(|routes| routes.refusal(&self.request)) {
            return Err(ApiError(refusal));
        }
        let name = query.split(['=', '&']).next().unwrap_or_default();
        Err(Faults::one(name, "unknown_parameter", "is not a known query parameter; this operation takes none").into())
    }

    /// The use cases.
    pub(crate) fn services(&self) -> &Services {
        &self.services
    }

    /// The use cases, for an answer that goes on when the call is over.
    pub(crate) fn shared(&self) -> Data<Services> {
        self.services.clone()
    }

    /// The request's headers, for conditional reads.
    pub(crate) fn headers(&self) -> &header::HeaderMap {
        self.request.headers()
    }

    /// What is known of the request.
    pub(crate) fn info(&self) -> &RequestInfo {
        &self.info
    }

    /// Where the request came from, for the audit chain of the vault.
    pub(crate) fn origin(&self) -> Origin {
        let RequestInfo { caller_ip, user_agent, request_id, .. } = &*self.info;
        Origin { client_ip: *caller_ip, user_agent: user_agent.clone(), request_id: Some(request_id.clone()) }
    }

    /// Notes who proved to be calling where no access token says it, for the audit row.
    pub(crate) fn note_subject(&self, subject: &str) {
        self.info.proven_subject.replace(Some(subject.to_owned()));
    }

    /// The prefix that the request came in by.
    pub(super) fn prefix(&self) -> &'static str {
        if self.request.path().starts_with("/api/v1/") { "/api/v1" } else { "/api" }
    }

    /// Where the handler is mounted, behind the prefix: `/clients/{id}`.
    fn place(&self) -> String {
        let template = self.info.route.borrow();
        template.as_deref().and_then(|whole| whole.strip_prefix(self.prefix())).unwrap_or_default().to_owned()
    }

    /// Enters a row: 201 with its view `V`, its `ETag`, and a `Location` below the path that was posted to.
    pub(crate) async fn create<V: Serialize + From<T>, T: Detail + Clone>(
        &self,
        use_case: impl AsyncFn() -> Result<Change<T>, Error>,
    ) -> Answer {
        let render = |new: &T| {
            let (path, row) = (format!("{}/{}", self.place(), new.entity().id()), new.entity());
            Reply::created(path, row.revision(), &V::from(new.clone()))
        };
        self.write(use_case, render).await
    }

    /// Changes a row: 200 with its view `V` and its `ETag`.
    pub(crate) async fn change<V: Serialize + From<T>, T: Detail + Clone>(
        &self,
        use_case: impl AsyncFn() -> Result<Change<T>, Error>,
    ) -> Answer {
        self.write(use_case, |now: &T| Reply::ok(now.entity().revision(), &V::from(now.clone()))).await
    }

    /// Does something whose answer says nothing more than that it is done: 204.
    pub(crate) async fn act(&self, use_case: impl AsyncFn() -> Result<Change<()>, Error>) -> Answer {
        self.write(use_case, |()| Reply::no_content()).await
    }

    /// A row that was found: its view `V` and its `ETag`, or 304 when the client has it already.
    pub(crate) fn one<V: Serialize + From<T>, T: Detail>(&self, found: T) -> Answer {
        let revision = found.entity().revision();
        resource(self.headers(), revision, &V::from(found))
    }

    /// A page of rows as views `V`. The collection bears the name of the path's last segment.
    pub(crate) fn page<V: Serialize + From<T>, T, S: SortField>(
        &self,
        page: Page<T>,
        request: &PageRequest<S>,
    ) -> Answer {
        let place = self.place();
        let collection = place.rsplit('/').next().unwrap_or_default().replace('-', "_");
        list(&collection, page.map(V::from), request)
    }

    /// Runs a writing use case, turns its result into the answer, and commits it together with its audit row and, under an
    /// idempotency key, with the answer itself. The whole is repeated when it met another writer.
    ///
    /// `render` may refuse: the change is then committed all the same (a failed log-in is counted), and the refusal answered.
    pub(crate) async fn write<T>(
        &self,
        use_case: impl AsyncFn() -> Result<Change<T>, Error>,
        render: impl Fn(&T) -> Result<Reply, Error>,
    ) -> Answer {
        let Some(key) = self.idempotency_key()? else {
            return self.attempt(&use_case, &render, None).await;
        };
        let _running = self.enter(&key)?;
        self.attempt(&use_case, &render, Some(&key)).await
    }

    /// Enters the key among those whose first request is running here.
    pub(super) fn enter(&self, key: &Key) -> Result<RunningKey, ApiError> {
        self.services.running.enter(key).ok_or_else(|| {
            let problem = Problem::new("CONFLICT", "a request with this Idempotency-Key is still running; try again");
            ApiError(problem.retry_after(1))
        })
    }

    /// [`Self::write`] for answers that carry a token or a secret: never kept, never cached, never compressed.
    pub(crate) async fn write_secret<T>(
        &self,
        use_case: impl AsyncFn() -> Result<Change<T>, Error>,
        render: impl Fn(&T) -> Result<Reply, Error>,
    ) -> Answer {
        self.refuse_key()?;
        Ok(unkept(self.attempt(&use_case, &render, None).await?))
    }

    /// An answer with a secret that nothing was written for: never kept, never cached, never compressed.
    pub(crate) fn show_secret(&self, view: &impl Serialize) -> Answer {
        self.refuse_key()?;
        Ok(unkept(value(view)?))
    }

    fn refuse_key(&self) -> Result<(), Error> {
        if !self.request.headers().contains_key("idempotency-key") {
            return Ok(());
        }
        let rule = "is not accepted here: the answer carries a secret and is never stored";
        Err(Faults::one("Idempotency-Key", "forbidden", rule))
    }

    /// [`Self::write_secret`] for what may leave only once its row in the audit chain is committed. Who cannot have the row in
    /// time gets 503 and no secret.
    pub(crate) async fn disclose<T>(
        &self,
        use_case: impl AsyncFn() -> Result<Change<T>, Error>,
        render: impl Fn(&T) -> Result<Reply, Error>,
    ) -> Answer {
        let answer = tokio::time::timeout(DISCLOSURE, self.write_secret(use_case, render)).await;
        answer.unwrap_or_else(|_| {
            let reason = "the audit chain could not be written in time".to_owned();
            Err(Error::Store(StoreError::Unavailable(reason)).into())
        })
    }

    /// The use case, repeated while it meets other writers.
    ///
    /// Under an idempotency key nothing is looked up first, for most keys are new: the primary key of the kept answers refuses a
    /// second one. But no refusal is told before it is clear that there is no kept answer to tell instead.
    async fn attempt<T>(
        &self,
        use_case: &impl AsyncFn() -> Result<Change<T>, Error>,
        render: &impl Fn(&T) -> Result<Reply, Error>,
        key: Option<&Key>,
    ) -> Answer {
        let (mut tried, mut keep): (u32, Keep) = (0, Replay::First);
        loop {
            tried += 1;
            let error = match use_case().await {
                Ok(change) => match self.commit(change, render, key.map(|key| (key, keep))).await {
                    Ok(answer) => return answer,
                    Err(error) => error,
                },
                Err(error) => error,
            };
            // While the database is away there is nothing to look into, and callers are to be told in time.
            if let Some(key) = key
                && !matches!(error, Error::Store(StoreError::Unavailable(_)))
            {
                match self.kept(key).await {
                    Ok(Some(kept)) => return self.settle(key, kept, &error),
                    Ok(None) => {}
                    // Whoever could not learn the outcome of his commit is told that, whatever keeps us from looking.
                    Err(_) if matches!(error, Error::Store(StoreError::Undecided(_))) => {}
                    Err(unknown) => return Err(unknown.into()),
                }
                if matches!(error, Error::Store(StoreError::Constraint(_))) {
                    keep = Replay::Again;
                }
            }
            let took = self.services.clock.now().since(self.info.started);
            if !error.is_retryable() || tried == ATTEMPTS || took > TimeDelta::seconds(PATIENCE_SECONDS) {
                return Err(error.into());
            }
            tokio::time::sleep(self.services.backoff(tried)).await;
        }
    }

    /// What to answer a request that failed with `error` and under whose key an answer is kept.
    fn settle(&self, key: &Key, kept: ReplayRecord, error: &Error) -> Answer {
        if matches!(error, Error::Store(StoreError::Undecided(_))) && kept.fingerprint == key.fingerprint {
            // The answer to the commit was lost on its way, but it was done, audit row included.
            self.info.is_audited.set(true);
            return Ok(Reply(kept.reply).into_response(self.prefix()));
        }
        self.replay(key, kept)
    }

    async fn commit<T>(
        &self,
        change: Change<T>,
        render: &impl Fn(&T) -> Result<Reply, Error>,
        key: Option<(&Key, Keep)>,
    ) -> Result<Answer, Error> {
        let rendered = render(change.value());
        let status = rendered.as_ref().map_or_else(status_of, |reply| reply.0.status);
        let replay = match (key, &rendered) {
            (Some((key, keep)), Ok(reply)) => Some(keep(key.record(reply, self.services.clock.now()))),
            (Some((key, _)), Err(_)) => match self.kept(key).await? {
                // What was granted once is not refused to its repetition.
                Some(kept) => return Ok(self.replay(key, kept)),
                None => None,
            },
            (None, _) => None,
        };
        // The reading of a secret is in the vault's own chain; its row in the log of calls goes with those of other reads.
        let is_write = !self.request.method().is_safe();
        let log = self.services.audit.as_ref().filter(|_| is_write);
        let audit = log.map(|_| entry(&self.info, &self.services, status));
        change.commit(Receipt { audit, replay }).await?;
        self.info.is_audited.set(is_write);
        Ok(rendered.map(|reply| reply.into_response(self.prefix())).map_err(ApiError::from))
    }

    /// Refuses a malformed key where nothing is written and a repetition needs none.
    pub(crate) fn check_key(&self) -> Result<(), Error> {
        self.idempotency_key().map(drop)
    }

    /// The key of this request, if it bears one.
    pub(super) fn idempotency_key(&self) -> Result<Option<Key>, Error> {
        let mut given = self.request.headers().get_all("idempotency-key");
        let Some(value) = given.next() else { return Ok(None) };
        let key = value
            .to_str()
            .ok()
            .filter(|key| (1..=LONGEST_KEY).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic()));
        let (Some(key), None) = (key, given.next()) else {
            return Err(Faults::one(
                "Idempotency-Key",
                "pattern",
                "must be one key of 1 to 128 visible ASCII characters",
            ));
        };
        // Without a token, keys are told apart by where they come from.
        let from = || self.info.client_ip.map(|ip| format!("address {ip}")).unwrap_or_default();
        let caller = self.info.actor.borrow().as_ref().map_or_else(from, Actor::key_space);
        Ok(Some(Key { caller, text: key.to_owned(), fingerprint: self.fingerprint() }))
    }

    /// What tells this request from another under the same key: method, path behind the prefix, query, body.
    fn fingerprint(&self) -> [u8; 32] {
        let path = self.request.path().strip_prefix(self.prefix()).unwrap_or_default();
        let body = self.request.extensions().get::<BodyDigest>().map_or([0; 32], |digest| digest.0);
        let mut text = format!("{}\n{path}\n{}\n", self.request.method(), self.request.query_string()).into_bytes();
        text.extend_from_slice(&body);
        // As HMAC does, because the body may hold a secret that could be guessed.
        let key = self.services.fingerprint_key.as_slice();
        digest(&[key, digest(&[key, text.as_slice()].concat()).as_slice()].concat())
    }

    pub(super) async fn kept(&self, key: &Key) -> Result<Option<ReplayRecord>, Error> {
        let mut tx = self.services.journal.read().await?;
        Ok(tx.kept_reply(&key.caller, &key.text, self.services.clock.now()).await?)
    }

    pub(super) fn replay(&self, key: &Key, kept: ReplayRecord) -> Answer {
        if kept.fingerprint != key.fingerprint {
            let rule = "was used for another request; use a new key";
            return Err(Faults::one_semantic("Idempotency-Key", "same_request", rule).into());
        }
        let mut response: HttpResponse = Reply(kept.reply).into_response(self.prefix());
        response
            .headers_mut()
            .insert(header::HeaderName::from_static("idempotent-replayed"), header::HeaderValue::from_static("true"));
        Ok(response)
    }
}

/// What was done, unless it was refused.
pub(crate) fn granted<T>(outcome: &Result<T, Refusal>) -> Result<&T, Error> {
    outcome.as_ref().map_err(|refusal| (*refusal).into())
}

/// The answer as one that carries a secret.
fn unkept(mut response: HttpResponse) -> HttpResponse {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    headers.insert(header::CONTENT_ENCODING, header::HeaderValue::from_static("identity"));
    response
}

/// What is known of the key of an answer to keep.
type Keep = fn(ReplayRecord) -> Replay;

/// An idempotency key with what belongs to it.
#[derive(Debug, Clone)]
pub(super) struct Key {
    pub(super) caller: String,
    pub(super) text: String,
    fingerprint: [u8; 32],
}

impl Key {
    /// The answer to be kept under the key.
    pub(super) fn record(&self, reply: &Reply, now: Timestamp) -> ReplayRecord {
        ReplayRecord {
            caller: self.caller.clone(),
            key: self.text.clone(),
            fingerprint: self.fingerprint,
            reply: reply.0.clone(),
            created_at: now,
            expires_at: now.plus(TimeDelta::hours(KEY_LIFETIME_HOURS)),
        }
    }
}

/// The idempotency keys whose first request is still running in this process. Across processes the primary key of the table
/// decides; this only lets a second request be told at once instead of waiting.
#[derive(Debug, Clone, Default)]
pub struct RunningKeys(Arc<Mutex<HashSet<(String, String)>>>);

impl RunningKeys {
    fn enter(&self, key: &Key) -> Option<RunningKey> {
        let entry = (key.caller.clone(), key.text.clone());
        let entered = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(entry.clone());
        entered.then(|| RunningKey { keys: self.clone(), entry })
    }
}

pub(super) struct RunningKey {
    keys: RunningKeys,
    entry: (String, String),
}

impl Drop for RunningKey {
    fn drop(&mut self) {
        self.keys.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.entry);
    }
}
