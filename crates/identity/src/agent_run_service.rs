//! Starting agents, and learning how they ended.

use chrono::TimeDelta;
use claudetools_kernel::{Actor, Change, Error, Faults, Id, Page, Query, Result, Scope, Scopes, Target, Timestamp};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    AgentRun, AgentRunFilter, AgentRunSort, AgentRunStatus, AgentType, Claims, Context, MAX_INPUT_BYTES,
    MAX_RESULT_BYTES, Secret,
    agent_run::{CACHE_WINDOW, LONGEST_TTL_SECONDS, canonical_json, granted_scopes},
    ports::IdentityTx,
};

/// What `POST /agents/{agent_type}` asks for.
#[derive(Debug, Clone, Default)]
pub struct StartRun {
    /// The session to work for; required.
    pub session_id: Option<Uuid>,
    /// `msp:read` alone unless given.
    pub scopes: Option<Vec<Scope>>,
    /// What the agent is given.
    pub input: Option<Value>,
    /// How long its token lives, 1 to 3600; the longest unless given.
    pub ttl_seconds: Option<i64>,
    /// Whether an earlier result will not do.
    pub fresh: bool,
}

/// A run that was started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartedRun {
    /// The run.
    pub run: AgentRun,
    /// Its access token, shown this once.
    pub access_token: Secret,
    /// How many seconds it lives.
    pub expires_in: i64,
}

/// What came of starting an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AgentStart {
    /// It runs (201).
    Started(Box<StartedRun>),
    /// An earlier run has the answer (200, `cached: true`); there is no token.
    Cached(Box<AgentRun>),
}

/// What `PUT /agent-runs/{id}` says.
#[derive(Debug, Clone, Default)]
pub struct FinishRun {
    /// Completed or failed; required.
    pub status: Option<AgentRunStatus>,
    /// What it found.
    pub result: Option<Value>,
}

/// Use cases over runs of agents.
#[derive(Debug, Clone)]
pub struct AgentRunService {
    context: Context,
}

/// A request to start, checked.
struct Order {
    agent_type: AgentType,
    session: Uuid,
    scopes: Scopes,
    input: Option<String>,
    digest: [u8; 32],
    ttl: TimeDelta,
    fresh: bool,
}

impl AgentRunService {
    /// The service over `context`.
    pub const fn new(context: Context) -> Self {
        Self { context }
    }

    /// Starts an agent of the kind named in the path, for a session that exists, with at most the caller's scopes. An
    /// agent that starts another gives it no longer life than it has itself. The same kind with the same input for the
    /// same client is answered by a run that completed within the last ten minutes, unless a fresh one is wanted.
    pub async fn start(&self, actor: &Actor, path_type: &str, request: StartRun) -> Result<Change<AgentStart>> {
        actor.require(Scope::Read)?;
        let order = self.check(actor, path_type, request)?;
        let mut view = self.context.store.read().await?;
        let session = view.session_directory().find(order.session).await?;
        let client_id = session.ok_or_else(|| unknown_session(order.session))?.client_id;
        let owner = owner(&mut *view, actor).await?;
        let cached = match client_id {
            Some(client) if !order.fresh => {
                let since = self.context.now().plus(-CACHE_WINDOW);
                view.agent_runs().find_completed(order.agent_type.as_str(), &order.digest, client, since).await?
            }
            _ => None,
        };
        drop(view);
        let mut tx = self.context.store.begin().await?;
        if let Some(run) = cached {
            return Ok(Change::new(AgentStart::Cached(Box::new(run)), tx));
        }
        let started = self.make(actor, order, client_id, owner)?;
        tx.agent_runs().add(&started.run).await?;
        Ok(Change::new(AgentStart::Started(Box::new(started)), tx))
    }

    fn check(&self, actor: &Actor, path_type: &str, request: StartRun) -> Result<Order> {
        let mut faults = Faults::default();
        let agent_type = AgentType::from_path(&mut faults, path_type);
        let session = faults.required("session_id", request.session_id);
        let ttl = request.ttl_seconds.unwrap_or(LONGEST_TTL_SECONDS);
        if !(1..=LONGEST_TTL_SECONDS).contains(&ttl) {
            faults.schema("ttl_seconds", "range", &format!("must be from 1 to {LONGEST_TTL_SECONDS}"));
        }
        let input = request.input.filter(|input| !input.is_null()).map(|input| canonical_json(&input));
        check_size(&mut faults, "input", input.as_deref(), MAX_INPUT_BYTES);
        let scopes = match granted_scopes(request.scopes.as_deref(), actor.scopes) {
            Ok(scopes) => Some(scopes),
            Err(Error::Invalid(more)) => {
                faults.extend(more);
                None
            }
            Err(error) => {
                faults.finish()?;
                return Err(error);
            }
        };
        faults.finish()?;
        let (Some(agent_type), Some(session), Some(scopes)) = (agent_type, session, scopes) else {
            return Err(Error::Internal("a request to start an agent was neither faulty nor whole".into()));
        };
        let digest = self.context.digest.sha256(input.as_deref().unwrap_or("null").as_bytes());
        let ttl = TimeDelta::seconds(ttl);
        Ok(Order { agent_type, session, scopes, input, digest, ttl, fresh: request.fresh })
    }

    fn make(&self, actor: &Actor, order: Order, client_id: Option<Uuid>, owner: String) -> Result<StartedRun> {
        let now = self.context.now();
        let mut expires_at = now.plus(order.ttl);
        if actor.agent.is_some() {
            // Else a chain of agents would live for ever.
            expires_at = expires_at.min(actor.expires_at);
        }
        let id = self.context.ids.id();
        let iat = now.micros().div_euclid(1_000_000);
        let exp = expires_at.micros().div_euclid(1_000_000);
        let expires_at = Timestamp::from_micros(exp.saturating_mul(1_000_000)).unwrap_or(expires_at);
        let token_id = self.context.ids.next().to_string();
        let claims = Claims {
            sub: order.agent_type.subject(),
            scopes: order.scopes.list(),
            machine: actor.machine.clone(),
            iat,
            iat_us: Some(now.micros()),
            exp,
            jti: token_id.clone(),
            iss: self.context.settings.issuer.clone(),
            aud: self.context.settings.audience.clone(),
            agent_type: Some(order.agent_type.as_str().to_owned()),
            parent_session: Some(order.session),
            run_id: Some(Id::uuid(id)),
            owner: Some(owner.clone()),
        };
        let run = AgentRun {
            id,
            agent_type: order.agent_type,
            parent_session: order.session,
            client_id,
            scopes: order.scopes,
            input: order.input,
            input_digest: order.digest,
            status: AgentRunStatus::Running,
            result: None,
            started_at: now,
            finished_at: None,
            request_count: 0,
            token_id,
            expires_at,
            started_by: owner,
            revision: 1,
        };
        Ok(StartedRun { run, access_token: self.context.sign(&claims)?, expires_in: exp - iat })
    }

    /// Enters how a run ended, once: by the agent itself, or by anyone who may write. Its token stays good until it ends.
    pub async fn finish(
        &self,
        actor: &Actor,
        target: &Target<AgentRun>,
        request: FinishRun,
    ) -> Result<Change<AgentRun>> {
        if actor.agent.as_ref().is_none_or(|agent| agent.run_id != target.id.uuid()) {
            actor.require(Scope::Write)?;
        }
        let mut faults = Faults::default();
        let status = faults.required("status", request.status);
        let result = request.result.filter(|result| !result.is_null()).map(|result| result.to_string());
        check_size(&mut faults, "result", result.as_deref(), MAX_RESULT_BYTES);
        faults.finish()?;
        let mut tx = self.context.store.begin().await?;
        let run = tx.agent_runs().find_for(target).await?;
        let run = run.finish(status.unwrap_or(AgentRunStatus::Running), result, self.context.now())?;
        tx.agent_runs().save(&run).await?;
        Ok(Change::new(run, tx))
    }

    /// One run.
    pub async fn get(&self, actor: &Actor, id: Id<AgentRun>) -> Result<AgentRun> {
        actor.require(Scope::Read)?;
        self.context.store.read().await?.agent_runs().find(id).await
    }

    /// A page of runs.
    pub async fn list(&self, actor: &Actor, query: &Query<AgentRunFilter, AgentRunSort>) -> Result<Page<AgentRun>> {
        actor.require(Scope::Read)?;
        Ok(self.context.store.read().await?.agent_runs().list(&query.filter, &query.page).await?)
    }
}

/// The person on whose behalf the caller works: itself, or whoever stands at the root of a chain of agents.
async fn owner(view: &mut dyn IdentityTx, actor: &Actor) -> Result<String> {
    let Some(agent) = &actor.agent else {
        return Ok(actor.subject.clone());
    };
    let run = view.agent_runs().lookup(Id::new(agent.run_id)).await?;
    run.map(|run| run.started_by).ok_or(Error::Unauthorized("the run of this agent does not exist any more"))
}

fn unknown_session(id: Uuid) -> Error {
    Error::NotFound { resource_type: "session", resource_id: id.to_string() }
}

fn check_size(faults: &mut Faults, field: &str, json: Option<&str>, longest: usize) {
    if json.is_some_and(|json| json.len() > longest) {
        faults.schema(field, "max_length", &format!("must have at most {longest} bytes as JSON"));
    }
}
