//! What the server is made of: every port gets its adapter here, and nowhere else.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use actix_web::http::header::InvalidHeaderValue;
use actix_web::web::Data;
use async_trait::async_trait;
use chrono::TimeDelta;
use claudetools_coord::{self as coord, Clerk, LockService, PresenceService};
use claudetools_credentials::VaultStartError;
use claudetools_crypto::{JwtKeys, JwtTokens, PasswordPool, PoolSettings, RingSecrets, SystemClock, UuidGenerator};
use claudetools_http::{
    CoordAccess, Feed, HealthProbe, HttpOptions, Metrics, PoolProbe, PoolUse, RequestCounter, RunningKeys,
    SecurityHeaders, Services,
};
use claudetools_identity::ports::IdentityTx;
use claudetools_identity::{
    AccountService, AgentRunService, AuditLogService, Authenticator, Context as IdentityContext, FirstAdmin,
    PasswordService, RevocationService, RevocationSet, Secret, Settings, TokenService, Upkeep,
};
use claudetools_infra::{failure, inventory as infra};
use claudetools_kernel::{Clock, Error, RateLimiter, StoreError, UnitOfWork};
use claudetools_limiter::{Budgets, ConnectError, MemoryLimiter, RedisLimiter, RedisOptions};
use claudetools_migrations::DbErr;
use claudetools_sessions as sessions;
use claudetools_sql::{SchemaError, SqlOptions, SqlStore};

use crate::config::{Config, RateLimitBackend};
use crate::key_file;
use crate::keys::{self, KeyError};
use crate::master_keys::MasterKeyError;
use crate::secret::{KeyBytes, NoRandomness};
use crate::tls::TlsError;
use crate::upkeep::{Background, Sleep, Work};
use crate::vault::VaultServices;

/// Why the server or a sub-command could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The token keys.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// The token keys cannot be used.
    #[error("the token keys cannot be used: {0}")]
    UnusableKeys(String),
    /// The master keys.
    #[error(transparent)]
    MasterKeys(#[from] MasterKeyError),
    /// The vault does not open.
    #[error("the vault: {0}")]
    Vault(#[from] VaultStartError),
    /// Credentials could not be taken out of a file, or put into one.
    #[error("{0}")]
    Transfer(String),
    /// The audit chain was doctored.
    #[error("the audit chain: {0}")]
    Chain(String),
    /// The certificate or its key.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The schema.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// A migration.
    #[error("the schema: {0}")]
    Migration(#[from] DbErr),
    /// A use case refused.
    #[error(transparent)]
    Refused(#[from] Error),
    /// The counters of the rate limits.
    #[error("RATE_LIMIT_REDIS_URL: {0}")]
    Limiter(#[from] ConnectError),
    /// Two measurements of one name.
    #[error("metrics: {0}")]
    Metrics(String),
    /// A security header has a value that no header can have.
    #[error("SECURITY_HEADER_*: {0}")]
    Header(#[from] InvalidHeaderValue),
    /// The address is taken or not ours.
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, #[source] io::Error),
    /// No randomness.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
    /// The system refused.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// The server's parts.
#[derive(Debug)]
pub struct Assembly {
    /// What the handlers call.
    pub services: Data<Services>,
    /// The database.
    pub store: SqlStore,
    /// What the identity services stand on.
    pub identity: IdentityContext,
    /// The administrator, when this start made one.
    pub first_admin: Option<FirstAdmin>,
}

/// The parts that sub-commands need: no listener, no background tasks.
#[derive(Debug)]
pub struct Administration {
    /// The use cases of identity.
    pub services: IdentityServices,
    /// The identity domain's storage.
    pub identity: IdentityStore,
    /// The database.
    pub store: SqlStore,
}

/// The identity domain's storage.
#[derive(Clone)]
pub struct IdentityStore(Arc<dyn UnitOfWork<dyn IdentityTx>>);

impl std::fmt::Debug for IdentityStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IdentityStore")
    }
}

impl std::ops::Deref for IdentityStore {
    type Target = dyn UnitOfWork<dyn IdentityTx>;
    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

/// The use cases of identity.
#[derive(Debug)]
pub struct IdentityServices {
    /// Accounts.
    pub accounts: AccountService,
    /// Passwords and the first administrator.
    pub passwords: PasswordService,
    /// The API audit log.
    pub audit_log: AuditLogService,
}

impl IdentityServices {
    fn new(context: &IdentityContext) -> Self {
        Self {
            accounts: AccountService::new(context.clone()),
            passwords: PasswordService::new(context.clone()),
            audit_log: AuditLogService::new(context.clone()),
        }
    }
}

/// Opens the database of `config`, making the directory of a file if there is none.
///
/// # Errors
/// The directory cannot be made, or the database cannot be opened.
pub async fn open(config: &Config) -> Result<SqlStore, StartError> {
    open_for(config, 1).await
}

/// [`open`] for so many runtimes.
async fn open_for(config: &Config, runtimes: u32) -> Result<SqlStore, StartError> {
    if let Some(directory) = config.database_url.file().and_then(Path::parent) {
        key_file::create_private_directory(directory)?;
    }
    let (connections, busy_timeout) = (config.database_connections, config.database_busy_timeout());
    let options = SqlOptions { connections, runtimes, busy_timeout, ..SqlOptions::default() };
    Ok(SqlStore::open(&config.database_url.url(), &options).await?)
}

impl Administration {
    /// The parts over the database of `config`, brought to this version's schema.
    ///
    /// # Errors
    /// The database, its schema or the token keys.
    pub async fn new(config: &Config) -> Result<Self, StartError> {
        let store = open(config).await?;
        claudetools_sql::prepare(&store).await?;
        let identity = identity_context(config, Arc::new(store.clone()), Arc::new(SystemClock))?;
        let services = IdentityServices::new(&identity);
        Ok(Self { services, identity: IdentityStore(identity.store), store })
    }
}

fn identity_context(
    config: &Config,
    store: Arc<dyn UnitOfWork<dyn IdentityTx>>,
    clock: Arc<dyn Clock>,
) -> Result<IdentityContext, StartError> {
    let settings = Settings {
        issuer: config.jwt_issuer.clone(),
        audience: config.jwt_audience.clone(),
        access_lifetime: TimeDelta::minutes(config.access_token_expire_minutes.into()),
    };
    Ok(IdentityContext {
        store,
        clock,
        ids: Arc::new(UuidGenerator),
        hasher: Arc::new(PasswordPool::start(PoolSettings::default())?),
        signer: Arc::new(tokens(config)?),
        secrets: Arc::new(RingSecrets::new()),
        digest: Arc::new(RingSecrets::new()),
        revoked: Arc::new(RevocationSet::default()),
        settings,
    })
}

fn tokens(config: &Config) -> Result<JwtTokens, StartError> {
    let keys = keys::in_force(config)?;
    let secret = |key: &KeyBytes| Secret::new(key.to_base64().as_str());
    let replaced: Vec<Secret> = keys.previous.iter().map(secret).collect();
    let keys = JwtKeys::new(config.jwt_algorithm, &secret(&keys.active), &replaced).map_err(|(number, error)| {
        let which = if number == 0 { "the signing key".to_owned() } else { format!("earlier key {number}") };
        StartError::UnusableKeys(format!("{which} {error}"))
    })?;
    Ok(JwtTokens::new(keys, &config.jwt_issuer, &config.jwt_audience))
}

impl Assembly {
    /// The parts over the configuration, the first administrator made if there was no account.
    ///
    /// # Errors
    /// The database, its schema, the token keys, a header's value.
    pub(crate) async fn new(config: &Config, clock: Arc<dyn Clock>) -> Result<(Self, Background), StartError> {
        let limiter = limiter(config, &clock).await?;
        // Those of the threads that serve, and this one, on which everything else is done.
        let runtimes = u32::try_from(config.workers).unwrap_or(u32::MAX).saturating_add(1);
        let store = open_for(config, runtimes).await?;
        let applied = claudetools_sql::prepare(&store).await?;
        tracing::info!(applied, "the schema is up to date");
        let shared = Arc::new(store.clone());
        let identity = identity_context(config, shared.clone(), Arc::clone(&clock))?;
        let first_admin = bootstrap(config, &identity).await?;
        let revocations = RevocationService::new(identity.clone());
        revocations.poll().await?;
        let vault = VaultServices::open(config, shared.clone(), Arc::clone(&clock)).await?;
        let fingerprint_key = vault.vault.fingerprint_key().await?;

        let audit = config.api_audit_log.then(|| Background::audit(AuditLogService::new(identity.clone())));
        let (sink, audit) = audit.map_or((None, None), |(sink, stop, task)| (Some(sink), Some((stop, task))));
        let requests = Arc::new(RequestCounter::default());
        if store.is_galera().await? {
            tracing::warn!(
                "the database is a node of a Galera cluster (wsrep_on=ON): let all replicas write coordination to one node, or locks meet \
                 only when they are certified; see docs/engines.md"
            );
        }
        let coordination = coord::Context { store: shared.clone(), ids: Arc::clone(&identity.ids) };
        let (desk, clerk) = Clerk::new(coordination.clone(), Arc::new(Sleep));
        let metrics = Metrics::new().map_err(|error| StartError::Metrics(error.to_string()))?;
        let feed_service = coord::FeedService::new(coordination.clone());
        let feed = Feed::new(feed_service.clone(), metrics.feed());
        let retention = coord::RetentionService::new(coordination.clone());
        let inventory =
            infra::Context { store: shared.clone(), clock: Arc::clone(&clock), ids: Arc::clone(&identity.ids) };
        let work = Work {
            analysis: failure::AnalysisService::new(inventory.clone(), Arc::new(RingSecrets::new())),
            journal: shared.clone(),
            audit_log: AuditLogService::new(identity.clone()),
            clock: Arc::clone(&clock),
            revocations: revocations.clone(),
            upkeep: Upkeep::new(identity.clone()),
            requests: Arc::clone(&requests),
            vault: vault.clone(),
            clerk,
            retention: retention.clone(),
            feed: feed.clone(),
        };
        let tracking =
            sessions::Context { store: shared.clone(), clock: Arc::clone(&clock), ids: Arc::clone(&identity.ids) };
        let services = Services {
            inventory: infra::Inventory::new(&inventory),
            commands: failure::CommandService::new(inventory.clone()),
            failure_patterns: failure::PatternService::new(inventory.clone()),
            insights: failure::InsightService::new(inventory),
            clients: sessions::ClientService::new(tracking.clone()),
            machines: sessions::MachineService::new(tracking.clone()),
            projects: sessions::ProjectService::new(tracking.clone()),
            pending_tasks: sessions::PendingTaskService::new(tracking.clone()),
            context: sessions::ContextService::new(tracking.clone()),
            sessions: sessions::SessionService::new(tracking.clone()),
            work_items: sessions::WorkItemService::new(tracking.clone()),
            billing: sessions::Billing::new(&tracking),
            tags: sessions::TagService::new(tracking.clone()),
            credentials: vault.credentials,
            shares: vault.shares,
            vault: vault.vault,
            chain: vault.chain,
            accounts: AccountService::new(identity.clone()),
            passwords: PasswordService::new(identity.clone()),
            tokens: TokenService::new(identity.clone()),
            revocations,
            agent_runs: AgentRunService::new(identity.clone()),
            audit_log: AuditLogService::new(identity.clone()),
            authenticator: Authenticator::new(&identity),
            desk,
            locks: LockService::new(coordination.clone()),
            presence: PresenceService::new(coordination.clone()),
            messages: coord::MessageService::new(coordination.clone()),
            components: coord::ComponentService::new(coordination.clone()),
            coord_status: coord::StatusService::new(coordination),
            retention,
            feed_service,
            feed,
            journal: shared,
            clock,
            ids: Arc::clone(&identity.ids),
            audit: sink,
            requests,
            options: options(config)?,
            fingerprint_key,
            running: RunningKeys::default(),
            limiter,
            metrics,
            pools: Arc::new(Probe(store.clone())),
            health: Arc::new(Probe(store.clone())),
            draining: Arc::new(AtomicBool::new(false)),
        };
        let assembly = Self { services: Data::new(services), store, identity, first_admin };
        Ok((assembly, Background::start(work, audit)))
    }
}

/// Behaviour towards the outside.
pub(crate) fn options(config: &Config) -> Result<HttpOptions, StartError> {
    let header = |value: &Option<String>| value.clone().unwrap_or_default();
    let security_headers = SecurityHeaders::new(
        &header(&config.security_header_x_content_type_options),
        &header(&config.security_header_x_frame_options),
        &header(&config.security_header_referrer_policy),
        &header(&config.security_header_permissions_policy),
        config.serves_tls(),
    )?;
    let (trusted_proxies, body_timeout) = (config.trusted_proxies.clone(), config.request_timeout());
    let coord = CoordAccess { trusted_networks: config.coord_networks() };
    Ok(HttpOptions { trusted_proxies, security_headers, body_timeout, coord })
}

/// Whoever counts requests. A Redis that does not answer keeps the server from starting: it is more likely misspelt than away.
async fn limiter(config: &Config, clock: &Arc<dyn Clock>) -> Result<Arc<dyn RateLimiter>, StartError> {
    let budgets = Budgets {
        per_minute: config.rate_limit_per_minute,
        per_hour: config.rate_limit_per_hour,
        decrypts_per_minute: config.rate_limit_decrypt_per_minute,
    };
    match (config.rate_limit_backend, config.rate_limit_redis_url.clone()) {
        (RateLimitBackend::Redis, Some(url)) => {
            let (prefix, patience) = (config.rate_limit_redis_prefix.clone(), config.rate_limit_redis_timeout());
            Ok(Arc::new(RedisLimiter::connect(url, RedisOptions { prefix, patience }, budgets).await?))
        }
        // Redis without an address does not pass the configuration's own checks.
        _ => Ok(Arc::new(MemoryLimiter::new(budgets, Arc::clone(clock)))),
    }
}

async fn bootstrap(config: &Config, identity: &IdentityContext) -> Result<Option<FirstAdmin>, StartError> {
    let password = config.bootstrap_admin_password.as_ref().map(|password| Secret::new(password.expose()));
    let passwords = PasswordService::new(identity.clone());
    Ok(passwords.bootstrap(&config.bootstrap_admin_email, password).await?)
}

/// What `/health`, `/readyz` and `/metrics` ask.
#[derive(Debug)]
struct Probe(SqlStore);

impl PoolProbe for Probe {
    fn pools(&self) -> Vec<PoolUse> {
        let pools = self.0.pools().into_iter();
        pools.map(|p| PoolUse { pool: p.pool, open: p.open, idle: p.idle, limit: p.limit }).collect()
    }
}

#[async_trait]
impl HealthProbe for Probe {
    async fn database(&self) -> Result<(), String> {
        self.0.ping().await.map_err(|error| error.to_string())
    }

    async fn migrations_pending(&self) -> Result<bool, String> {
        claudetools_sql::is_behind(&self.0).await.map_err(|error| error.to_string())
    }
}
