//! What somebody who takes up the work for a client needs to know first.

use claudetools_kernel::{Actor, Faults, Id, PageRequest, Result, Scope};

use crate::{
    Client, ClientAsset, Context, PendingTaskRow, SessionFilter, SessionRow, WorkItemRow, client_detail::MOST_SHOWN,
};

/// How many sessions are told of unless the caller says otherwise.
const SESSIONS: u32 = 5;
/// How many sessions are told of at the most.
const MOST_SESSIONS: u32 = 50;

/// Where the work for a client stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecoveredContext {
    /// The client.
    pub client: Client,
    /// Its equipment by host name; at most 200.
    pub infrastructure: Vec<ClientAsset>,
    /// The last sessions, the latest first.
    pub last_sessions: Vec<SessionRow>,
    /// The open tasks, the most urgent first; at most 200.
    pub open_tasks: Vec<PendingTaskRow>,
    /// The work items that are not completed, the youngest first; at most 200.
    pub open_work_items: Vec<WorkItemRow>,
}

/// Recovering the context of a client's work. Needs [`Scope::Read`].
#[derive(Debug, Clone)]
pub struct ContextService(Context);

impl ContextService {
    /// The use case over this storage and clock.
    pub fn new(context: Context) -> Self {
        Self(context)
    }

    /// Where the work for the client stands, with its last `limit` sessions.
    pub async fn recover(
        &self,
        actor: &Actor,
        client_id: Option<Id<Client>>,
        limit: Option<u32>,
    ) -> Result<RecoveredContext> {
        actor.require(Scope::Read)?;
        let limit = limit.unwrap_or(SESSIONS);
        let mut faults = Faults::default();
        faults.require_all(&[("client_id", client_id.is_some())]);
        if !(1..=MOST_SESSIONS).contains(&limit) {
            faults.schema("limit", "range", &format!("must be a whole number from 1 to {MOST_SESSIONS}"));
        }
        faults.finish()?;
        let id = client_id.ok_or_else(|| Faults::one("client_id", "required", "is required"))?;

        let mut tx = self.0.store.read().await?;
        let client = tx.clients().find(id).await?;
        let infrastructure = tx.clients().equipment(id, MOST_SHOWN).await?;
        let of_client = SessionFilter { client_id, ..SessionFilter::default() };
        let last_sessions = tx.sessions().list(&of_client, &PageRequest::first(limit)).await?.items;
        let open_tasks = tx.pending_tasks().open_of(id, self.0.now().date(), MOST_SHOWN).await?;
        let open_work_items = tx.work_items().open_of(id, MOST_SHOWN).await?;
        Ok(RecoveredContext { client, infrastructure, last_sessions, open_tasks, open_work_items })
    }
}
