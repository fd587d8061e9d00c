//! What an asset is shown with by itself.

use chrono::{Days, NaiveDate};
use claudetools_kernel::{Actor, Result, Timestamp};
use uuid::Uuid;

use super::{Asset, Service};
use crate::ports::InfraTx;

/// How many rows of each kind a detail shows; the lists have them all.
const MOST_SHOWN: u32 = 200;
/// How many days back sessions count as recent.
const RECENT_DAYS: u64 = 30;
/// How many sessions are shown.
const SESSIONS: u32 = 20;

/// What is on an asset and was done to it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AssetDetail {
    /// Its services by name, at most 200.
    pub services: Vec<Service>,
    /// Its credentials that the caller may see, by service name, at most 200.
    pub credentials: Vec<AssetCredential>,
    /// The sessions of the last thirty days in which a command was run on the asset or whose work items name it among the systems
    /// affected, the latest first, at most 20.
    pub recent_sessions: Vec<AssetSession>,
}

/// A credential as its asset shows it: that there is one, and for whom. Never a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssetCredential {
    /// Its id.
    pub id: Uuid,
    /// What it opens, in words.
    pub service_name: String,
    /// What kind of secret it is.
    pub credential_type: String,
    /// The user name that goes with it.
    pub username: Option<String>,
    /// Whether it is still in use.
    pub is_active: bool,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
}

/// A session as an asset shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssetSession {
    /// Its id.
    pub id: Uuid,
    /// Its day.
    pub session_date: NaiveDate,
    /// Its title.
    pub session_title: String,
    /// Who did the work.
    pub technician: Option<String>,
    /// How far it has come.
    pub status: String,
}

impl AssetDetail {
    /// What is stored of it.
    pub(super) async fn find(tx: &mut dyn InfraTx, asset: &Asset, actor: &Actor, now: Timestamp) -> Result<Self> {
        let services = tx.inventory().services_on(&[asset.id], MOST_SHOWN).await?;
        let credentials = tx.surroundings().credentials_of(asset.id, actor, now, MOST_SHOWN).await?;
        let since = now.date().checked_sub_days(Days::new(RECENT_DAYS)).unwrap_or_default();
        let recent_sessions = tx.surroundings().sessions_touching(asset, since, SESSIONS).await?;
        Ok(Self { services, credentials, recent_sessions })
    }
}
