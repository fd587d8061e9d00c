//! The context of a client's work: what several domains know of it, put together.

use std::collections::BTreeMap;

use claudetools_coord::{Importance, LockDetail, LockFilter, LockMode, LockState, Message, Party, ResourcePath};
use claudetools_infra::failure::{AssetInsights, Command, CommandFilter, FailureCategory, ShellType};
use claudetools_kernel::{Actor, Id, PageRequest, Query, Result};
use claudetools_sessions::{Client, ClientAsset, RecoveredContext};
use o2o::o2o;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    api::{
        billable_time::ClientBillingView,
        clients::{ClientInfrastructureView, ClientView},
        environmental_insights::InsightView,
        pending_tasks::PendingTaskView,
        sessions::SessionRowView,
        work_items::WorkItemRowView,
    },
    app::Services,
    wire::{Cross, Instant, Word, each},
};

type ShellWord = Word<ShellType>;
type CategoryWord = Word<FailureCategory>;
type ModeWord = Word<LockMode>;
type ImportanceWord = Word<Importance>;

/// How many insights of a piece of infrastructure are told of.
const INSIGHTS: usize = 5;
/// How many failures, locks and messages are told of.
const MOST: u32 = 20;

/// Where the work for a client stands.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RecoveredContextView {
    client: ClientView,
    /// By which names coordination knows the client: paths of locks, and keys of projects.
    #[schema(example = json!(["clients/acme-dental", "clients/01989f5e-3f8a-7c52-9f3b-5a1f0c2d4e6f"]))]
    project_keys: Vec<String>,
    /// What equipment the client has, by host name. At most 200.
    infrastructure: Vec<RecoveredInfrastructureView>,
    /// The latest first.
    last_sessions: Vec<SessionRowView>,
    /// Those neither completed nor cancelled, the most urgent first: overdue, then by priority, then by the day due. At
    /// most 200.
    open_tasks: Vec<PendingTaskView>,
    /// Those not completed, the youngest first. At most 200.
    open_work_items: Vec<WorkItemRowView>,
    /// The commands that failed last, the latest first. At most 20.
    recent_failures: Vec<RecoveredFailureView>,
    /// The locks held on a path of the client, above or below it, the latest first. At most 20.
    active_locks: Vec<RecoveredLockView>,
    /// The messages about the client that not every recipient has read, the latest first: at most 20 of the last 50.
    unread_messages: Vec<RecoveredMessageView>,
    billing: ClientBillingView,
}

/// A piece of infrastructure with what to know before work on it begins.
#[derive(Debug, Serialize, ToSchema)]
struct RecoveredInfrastructureView {
    #[serde(flatten)]
    infrastructure: ClientInfrastructureView,
    limitations: Vec<String>,
    /// Those that hold there, the highest priority first. At most 5.
    insights: Vec<InsightView>,
}

/// A command that failed.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(Command)]
struct RecoveredFailureView {
    #[o2o(repeat)]
    #[from(~.cross())]
    id: Uuid,
    session_id: Uuid,
    infrastructure_id: Option<Uuid>,
    #[schema(example = "DC01")]
    host: Option<String>,
    shell_type: Option<ShellWord>,
    #[schema(example = "Get-Content -Raw C:\\logs\\app.log")]
    command_text: String,
    error_message: Option<String>,
    failure_category: Option<CategoryWord>,
    /// The pattern of its failure, once the analysis has seen it.
    pattern_id: Option<Uuid>,
    executed_at: Instant,
}

/// A lock that is held.
#[derive(Debug, Serialize, ToSchema)]
struct RecoveredLockView {
    id: Uuid,
    #[schema(example = "clients/acme-dental/dns")]
    resource: String,
    mode: ModeWord,
    #[schema(example = "laptop-7f3a")]
    session_id: String,
    host: Option<String>,
    agent: Option<String>,
    task: Option<String>,
    reason: Option<String>,
    granted_at: Instant,
    expires_at: Instant,
}

impl From<LockDetail> for RecoveredLockView {
    fn from(LockDetail { lock, host, agent }: LockDetail) -> Self {
        Self {
            id: lock.id.cross(),
            resource: lock.resource.to_string(),
            mode: lock.mode.cross(),
            session_id: lock.session_id,
            host,
            agent,
            task: lock.task,
            reason: lock.reason,
            granted_at: lock.granted_at.cross(),
            expires_at: lock.expires_at.cross(),
        }
    }
}

/// A message that somebody has yet to read.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(Message)]
struct RecoveredMessageView {
    #[o2o(repeat)]
    #[from(~.cross())]
    id: Uuid,
    #[schema(example = "laptop-7f3a")]
    from_session: String,
    to_session: Option<String>,
    to_project: Option<String>,
    subject: Option<String>,
    body: String,
    importance: ImportanceWord,
    ack_required: bool,
    thread_id: Option<String>,
    project_key: Option<String>,
    created_at: Instant,
}

/// Where the work for the client stands, with its last `limit` sessions.
pub(crate) async fn recover(
    services: &Services,
    actor: &Actor,
    client_id: Option<Id<Client>>,
    limit: Option<u32>,
) -> Result<RecoveredContextView> {
    let RecoveredContext { client, infrastructure, last_sessions, open_tasks, open_work_items, billing } =
        services.context.recover(actor, client_id, limit).await?;
    let project_keys = client.project_keys();
    let party = Party::Known(actor.clone());
    Ok(RecoveredContextView {
        infrastructure: equipment(services, actor, infrastructure).await?,
        last_sessions: each(last_sessions),
        open_tasks: each(open_tasks),
        open_work_items: each(open_work_items),
        recent_failures: failures(services, actor, client.id).await?,
        active_locks: locks(services, &party, &project_keys).await?,
        unread_messages: each(services.messages.unread(&party, &project_keys, MOST as usize).await?),
        billing: billing.into(),
        client: client.into(),
        project_keys,
    })
}

async fn equipment(
    services: &Services,
    actor: &Actor,
    assets: Vec<ClientAsset>,
) -> Result<Vec<RecoveredInfrastructureView>> {
    let ids: Vec<Uuid> = assets.iter().map(|asset| asset.id).collect();
    let known = services.insights.of_assets(actor, &ids, INSIGHTS).await?;
    let mut known: BTreeMap<Uuid, AssetInsights> = known.into_iter().map(|of| (of.infrastructure_id, of)).collect();
    let with_insights = assets.into_iter().map(|asset| {
        let (limitations, insights) =
            known.remove(&asset.id).map(|of| (of.limitations, of.insights)).unwrap_or_default();
        RecoveredInfrastructureView { infrastructure: asset.into(), limitations, insights: each(insights) }
    });
    Ok(with_insights.collect())
}

async fn failures(services: &Services, actor: &Actor, client: Id<Client>) -> Result<Vec<RecoveredFailureView>> {
    let filter = CommandFilter { client_id: Some(client.uuid()), success: Some(false), ..CommandFilter::default() };
    let query = Query { filter, page: PageRequest::first(MOST) };
    Ok(each(services.commands.list(actor, &query).await?.items))
}

async fn locks(services: &Services, party: &Party, keys: &[String]) -> Result<Vec<RecoveredLockView>> {
    let held = || LockFilter { state: Some(LockState::Held), ..LockFilter::default() };
    let mut found: BTreeMap<Uuid, LockDetail> = BTreeMap::new();
    for key in keys {
        let below = LockFilter { project_key: Some(key.clone()), ..held() };
        let above = LockFilter { covering: ResourcePath::kept(key), ..held() };
        for filter in [below, above] {
            let query = Query { filter, page: PageRequest::first(MOST) };
            let (page, _) = services.locks.list(party, &query).await?;
            found.extend(page.items.into_iter().map(|lock| (lock.lock.id.uuid(), lock)));
        }
    }
    let mut locks: Vec<LockDetail> = found.into_values().collect();
    locks.sort_by_key(|detail| std::cmp::Reverse((detail.lock.granted_at, detail.lock.id)));
    locks.truncate(MOST as usize);
    Ok(each(locks))
}
