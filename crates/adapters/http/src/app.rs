//! What is mounted where.

use std::{
    fmt,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use actix_web::{
    http::header::{self, HeaderName, HeaderValue, InvalidHeaderValue},
    web::{self, Data, PayloadConfig},
};
use claudetools_coord::{
    ComponentService, Desk, FeedService, LockService, MessageService, PresenceService, RetentionService, StatusService,
};
use claudetools_credentials::{ChainService, CredentialService, Key, ShareService, VaultService};
use claudetools_identity::{
    AccountService, AgentRunService, AuditLogService, Authenticator, PasswordService, RevocationService, TokenService,
};
use claudetools_infra::failure::{CommandService, InsightService, PatternService};
use claudetools_infra::inventory::Inventory;
use claudetools_kernel::{Actor, Clock, Error, IdGenerator, RateLimiter, Transaction, UnitOfWork};
use claudetools_sessions::{
    Billing, ClientService, ContextService, MachineService, PendingTaskService, ProjectService, SessionService,
    TagService, WorkItemService,
};
use ipnet::IpNet;

use crate::{
    api,
    audit::AuditSink,
    docs,
    extract::{CoordAccess, MAX_BODY, RunningKeys},
    fallback::{self, RouteTable},
    feed::Feed,
    metrics::{Metrics, PoolProbe},
    mounting::ServiceConfig,
    probe::HealthProbe,
    requests::RequestCounter,
};

/// How the API behaves towards the outside.
#[derive(Debug, Clone)]
pub struct HttpOptions {
    /// Networks whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Headers on every answer.
    pub security_headers: SecurityHeaders,
    /// How long a client may take to send a body.
    pub body_timeout: Duration,
    /// Whom the network vouches for in coordination.
    pub coord: CoordAccess,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            trusted_proxies: Vec::new(),
            security_headers: SecurityHeaders::default(),
            body_timeout: Duration::from_secs(30),
            coord: CoordAccess::default(),
        }
    }
}

/// The security headers of every answer.
#[derive(Debug, Clone, Default)]
pub struct SecurityHeaders(Vec<(HeaderName, HeaderValue)>);

impl SecurityHeaders {
    /// The headers with the values given; an empty value switches one off. `over_tls` adds `Strict-Transport-Security`.
    ///
    /// # Errors
    /// A value that cannot stand in a header.
    pub fn new(
        content_type_options: &str,
        frame_options: &str,
        referrer_policy: &str,
        permissions_policy: &str,
        over_tls: bool,
    ) -> Result<Self, InvalidHeaderValue> {
        let transport = if over_tls { "max-age=31536000; includeSubDomains" } else { "" };
        let wanted = [
            (header::X_CONTENT_TYPE_OPTIONS, content_type_options),
            (header::X_FRAME_OPTIONS, frame_options),
            (header::REFERRER_POLICY, referrer_policy),
            (header::PERMISSIONS_POLICY, permissions_policy),
            (header::STRICT_TRANSPORT_SECURITY, transport),
        ];
        let set = wanted.into_iter().filter(|(_, value)| !value.is_empty());
        set.map(|(name, value)| Ok((name, HeaderValue::from_str(value)?))).collect::<Result<_, _>>().map(Self)
    }

    pub(crate) fn pairs(&self) -> &[(HeaderName, HeaderValue)] {
        &self.0
    }
}

/// Everything the handlers call.
pub struct Services {
    /// Clients.
    pub clients: ClientService,
    /// Machines.
    pub machines: MachineService,
    /// Projects.
    pub projects: ProjectService,
    /// Pending tasks.
    pub pending_tasks: PendingTaskService,
    /// Where the work for a client stands.
    pub context: ContextService,
    /// Sessions.
    pub sessions: SessionService,
    /// Work items.
    pub work_items: WorkItemService,
    /// Tags.
    pub tags: TagService,
    /// Billable time.
    pub billing: Billing,
    /// Credentials.
    pub credentials: CredentialService,
    /// One-time links to secrets.
    pub shares: ShareService,
    /// The vault as a whole.
    pub vault: VaultService,
    /// The audit chain of the vault.
    pub chain: ChainService,
    /// What equipment clients have.
    pub inventory: Inventory,
    /// Commands that were run.
    pub commands: CommandService,
    /// Patterns of their failures.
    pub failure_patterns: PatternService,
    /// What is known of places.
    pub insights: InsightService,
    /// Accounts.
    pub accounts: AccountService,
    /// Passwords of accounts.
    pub passwords: PasswordService,
    /// Log-in and refresh.
    pub tokens: TokenService,
    /// Ending tokens before their time.
    pub revocations: RevocationService,
    /// Runs of agents.
    pub agent_runs: AgentRunService,
    /// The API audit log, for reading.
    pub audit_log: AuditLogService,
    /// Where calls for locks are handed in.
    pub desk: Desk,
    /// Locks, beside asking for them.
    pub locks: LockService,
    /// Presence of agents' sessions.
    pub presence: PresenceService,
    /// Messages between sessions of agents.
    pub messages: MessageService,
    /// Components and the projects of coordination.
    pub components: ComponentService,
    /// What goes on in coordination.
    pub coord_status: StatusService,
    /// How long what has ended in coordination is kept.
    pub retention: RetentionService,
    /// The events as they are stored.
    pub feed_service: FeedService,
    /// The events as they are told to all who listen here.
    pub feed: Feed,
    /// Storage of what commits with a change.
    pub journal: Arc<dyn UnitOfWork<dyn Transaction>>,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// New ids.
    pub ids: Arc<dyn IdGenerator>,
    /// Where the audit rows of requests go that write nothing; `None` switches the API audit log off.
    pub audit: Option<AuditSink>,
    /// Who stands behind a token.
    pub authenticator: Authenticator,
    /// How many requests the runs of agents have made, to be drained about every second and once more at the end.
    pub requests: Arc<RequestCounter>,
    /// Behaviour towards the outside.
    pub options: HttpOptions,
    /// The key of the fingerprints of requests: without it a thief of the database could try secrets against them.
    pub fingerprint_key: Key,
    /// Idempotency keys in use right now.
    pub running: RunningKeys,
    /// Whoever counts requests against their budgets.
    pub limiter: Arc<dyn RateLimiter>,
    /// What is measured.
    pub metrics: Metrics,
    /// What `/metrics` asks the database's pools.
    pub pools: Arc<dyn PoolProbe>,
    /// What `/health` and `/readyz` ask.
    pub health: Arc<dyn HealthProbe>,
    /// Set once the server is to stop: `/readyz` then answers 503, so that no new requests are sent here.
    pub draining: Arc<AtomicBool>,
}

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Services").field("options", &self.options).finish_non_exhaustive()
    }
}

impl Services {
    pub(crate) fn authenticate(&self, token: &str) -> Result<Actor, Error> {
        self.authenticator.authenticate(token)
    }

    /// How long to wait before the attempt after the `tried`th: doubling from 5 ms, with half of it left to chance so that
    /// writers who met once do not meet again.
    pub(crate) fn backoff(&self, tried: u32) -> Duration {
        let longest = 5_u64 << tried.min(8);
        let chance = u64::from(self.ids.next().as_bytes()[15]);
        Duration::from_millis(longest / 2 + longest * chance / 512)
    }
}

/// Mounts the API, its description and its probes.
pub fn mount(config: &mut web::ServiceConfig, services: &Data<Services>, routes: &Data<RouteTable>) {
    config
        .app_data(services.clone())
        .app_data(routes.clone())
        .app_data(PayloadConfig::new(MAX_BODY))
        .configure(docs::routes);
    mount_described(&mut ServiceConfig::new(config));
    config.default_service(web::to(fallback::not_found));
}

/// Mounts what the OpenAPI description shows; `openapi.rs` collects it from here.
pub(crate) fn mount_described(config: &mut ServiceConfig<'_>) {
    config.configure(api::outside::routes).configure(api::health::routes).configure(api::metrics::routes);
    config.scope("/api/v1", api::routes).scope("/api", api::routes);
}
