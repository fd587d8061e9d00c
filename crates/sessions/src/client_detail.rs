//! A client with what is going on for it.

use chrono::Days;
use claudetools_kernel::{Detail, PageRequest, Timestamp};
use uuid::Uuid;

use crate::{
    Client, PendingTaskRow, ProjectFilter, ProjectRow, ProjectStatus, SessionFilter, SessionRow,
    ports::{SessionsTx, Stored},
};

/// How many rows of each kind a detail shows; the lists have them all.
pub(crate) const MOST_SHOWN: u32 = 200;
/// How many days back sessions count as recent.
const RECENT_DAYS: u64 = 30;

/// A piece of equipment as its client shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientAsset {
    /// Its id.
    pub id: Uuid,
    /// Its name in the network.
    pub hostname: String,
    /// Its address.
    pub ip_address: Option<String>,
    /// What it is, as a word of the inventory.
    pub asset_type: String,
    /// Its operating system.
    pub os: Option<String>,
}

/// A client with what is going on for it, at most 200 of each kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientDetail {
    /// The client.
    pub client: Client,
    /// Its equipment by host name.
    pub infrastructure: Vec<ClientAsset>,
    /// Its active projects by name.
    pub active_projects: Vec<ProjectRow>,
    /// Its sessions of today and the thirty days before, the latest first; later ones too, where they are planned.
    pub recent_sessions: Vec<SessionRow>,
    /// Its open tasks, the most urgent first.
    pub open_tasks: Vec<PendingTaskRow>,
}

impl Detail for ClientDetail {
    type Of = Client;

    fn entity(&self) -> &Client {
        &self.client
    }
}

impl ClientDetail {
    /// A client for whom nothing has been done yet.
    pub(crate) const fn of_new(client: Client) -> Self {
        Self {
            client,
            infrastructure: Vec::new(),
            active_projects: Vec::new(),
            recent_sessions: Vec::new(),
            open_tasks: Vec::new(),
        }
    }

    /// The client with what is stored of it.
    pub(crate) async fn find(tx: &mut dyn SessionsTx, client: Client, now: Timestamp) -> Stored<Self> {
        let (id, today) = (Some(client.id), now.date());
        let infrastructure = tx.clients().equipment(client.id, MOST_SHOWN).await?;
        let active = ProjectFilter { client_id: id, status: Some(ProjectStatus::Active), q: None };
        let active_projects = tx.projects().list(&active, &PageRequest::first(MOST_SHOWN)).await?.items;
        let date_from = today.checked_sub_days(Days::new(RECENT_DAYS));
        let recent = SessionFilter { client_id: id, date_from, ..SessionFilter::default() };
        let recent_sessions = tx.sessions().list(&recent, &PageRequest::first(MOST_SHOWN)).await?.items;
        let open_tasks = tx.pending_tasks().open_of(client.id, today, MOST_SHOWN).await?;
        Ok(Self { client, infrastructure, active_projects, recent_sessions, open_tasks })
    }
}
