//! Rows as the database gives them and as JSON shows them: one type for both, which is what a bare server would have.

use chrono::NaiveDate;
use claudetools_crypto::UuidGenerator;
use claudetools_kernel::{IdGenerator, Timestamp, text};
use serde::{Deserialize, Serialize, Serializer};
use sqlx::FromRow;
use uuid::Uuid;

/// A session in a list.
#[derive(Debug, Clone, Serialize, FromRow)]
pub(super) struct Row {
    pub(super) id: Uuid,
    pub(super) client_id: Option<Uuid>,
    pub(super) client_name: Option<String>,
    pub(super) project_id: Option<Uuid>,
    pub(super) project_name: Option<String>,
    pub(super) session_date: NaiveDate,
    pub(super) duration_minutes: Option<i64>,
    #[serde(serialize_with = "hours")]
    pub(super) billable_hours: Option<i64>,
    pub(super) session_title: String,
    pub(super) summary: Option<String>,
    pub(super) status: String,
    pub(super) is_billable: bool,
    #[serde(serialize_with = "instant")]
    pub(super) created_at: i64,
    #[serde(serialize_with = "instant")]
    pub(super) updated_at: i64,
}

/// A session by itself, but for what lies in other tables.
#[derive(Debug, Clone, Serialize, FromRow)]
pub(super) struct Detail {
    #[serde(flatten)]
    #[sqlx(flatten)]
    pub(super) row: Row,
    pub(super) machine_id: Option<Uuid>,
    pub(super) machine_hostname: Option<String>,
    #[serde(serialize_with = "optional_instant")]
    pub(super) start_time: Option<i64>,
    #[serde(serialize_with = "optional_instant")]
    pub(super) end_time: Option<i64>,
    pub(super) technician: Option<String>,
    pub(super) notes: Option<String>,
    #[sqlx(skip)]
    pub(super) tags: Vec<String>,
    #[sqlx(skip)]
    pub(super) technologies_used: Vec<String>,
    #[sqlx(skip)]
    pub(super) work_items: Vec<Item>,
    pub(super) commands: i64,
    /// The entries by their ids: no session of the benchmark has any, but they have to be asked for.
    #[sqlx(skip)]
    pub(super) billable_time: Vec<Uuid>,
}

/// A work item of a session.
#[derive(Debug, Clone, Serialize, FromRow)]
pub(super) struct Item {
    pub(super) id: Uuid,
    pub(super) category: String,
    pub(super) title: String,
    pub(super) status: String,
}

/// A session to be made: what the benchmark sends.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewSession {
    client_id: Uuid,
    project_id: Uuid,
    session_date: NaiveDate,
    start_time: Timestamp,
    end_time: Timestamp,
    session_title: String,
    summary: Option<String>,
    status: String,
}

/// The rule by which a client is billed.
pub(super) struct Billing {
    pub(super) client_name: String,
    pub(super) increment: i64,
    pub(super) rounding: String,
}

impl NewSession {
    /// The session that `technician` makes of it, but for what depends on the client.
    pub(super) fn by(self, technician: String, now: Timestamp) -> Detail {
        let minutes = self.end_time.since(self.start_time).num_minutes();
        Detail {
            row: Row {
                id: UuidGenerator.next(),
                client_id: Some(self.client_id),
                client_name: None,
                project_id: Some(self.project_id),
                project_name: None,
                session_date: self.session_date,
                duration_minutes: Some(minutes),
                billable_hours: None,
                session_title: self.session_title,
                summary: self.summary,
                status: self.status,
                is_billable: true,
                created_at: now.micros(),
                updated_at: now.micros(),
            },
            machine_id: None,
            machine_hostname: None,
            start_time: Some(self.start_time.micros()),
            end_time: Some(self.end_time.micros()),
            technician: Some(technician),
            notes: None,
            tags: Vec::new(),
            technologies_used: Vec::new(),
            work_items: Vec::new(),
            commands: 0,
            billable_time: Vec::new(),
        }
    }
}

impl Detail {
    /// Fills in what depends on client and project.
    pub(super) fn place(&mut self, billing: Billing, project_name: String) {
        let minutes = self.row.duration_minutes.unwrap_or_default();
        self.row.billable_hours = Some(billing.round(minutes) * 100 / 60);
        self.row.client_name = Some(billing.client_name);
        self.row.project_name = Some(project_name);
    }

    /// The title folded.
    pub(super) fn title_key(&self) -> String {
        text::fold(&self.row.session_title)
    }

    /// What `q` searches.
    pub(super) fn search_key(&self) -> String {
        text::search_key([Some(self.row.session_title.as_str()), self.row.summary.as_deref()])
    }
}

impl Billing {
    fn round(&self, minutes: i64) -> i64 {
        let rest = minutes % self.increment;
        match self.rounding.as_str() {
            "up" if rest > 0 => minutes - rest + self.increment,
            "nearest" if rest * 2 >= self.increment => minutes - rest + self.increment,
            "up" | "nearest" => minutes - rest,
            _ => minutes,
        }
    }
}

#[expect(clippy::ref_option, reason = "the form that serde asks of it")]
fn hours<S: Serializer>(hundredths: &Option<i64>, serializer: S) -> Result<S::Ok, S::Error> {
    #[expect(clippy::cast_precision_loss, reason = "hundredths of hours stay far below 2^53")]
    hundredths.map(|hundredths| hundredths as f64 / 100.0).serialize(serializer)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks of it")]
fn instant<S: Serializer>(micros: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    Timestamp::from_micros(*micros).serialize(serializer)
}

#[expect(clippy::ref_option, reason = "the form that serde asks of it")]
fn optional_instant<S: Serializer>(micros: &Option<i64>, serializer: S) -> Result<S::Ok, S::Error> {
    micros.and_then(Timestamp::from_micros).serialize(serializer)
}
