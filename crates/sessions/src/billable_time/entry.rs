//! Entries of billable time: how long somebody worked for a client, and what that costs.

use chrono::{NaiveDate, TimeDelta};
use claudetools_kernel::{Entity, Faults, Id, Money, Patch, Result, Timestamp, enumeration, text};
use uuid::Uuid;

use super::Span;
use crate::{BillingRounding, BillingRule, Client, Currency, Project, Session, WorkItem, Zone};

/// The longest time that one entry takes, in days: more is a slip of the pen.
pub(crate) const LONGEST_DAYS: i64 = 31;
/// The same in minutes.
pub const MOST_MINUTES: i64 = LONGEST_DAYS * 1_440;

enumeration! {
    /// Where the price of an hour comes from.
    pub enum RateSource {
        /// The entry itself.
        Given = "given",
        /// The project.
        Project = "project",
        /// The client.
        Client = "client",
        /// Nowhere: the entry has no price.
        None = "none",
    }
}

/// An entry of billable time. It keeps the terms under which it was entered: a client's new rate or rule leaves it alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BillableTime {
    /// Its id.
    pub id: Id<Self>,
    /// Whom the work was done for.
    pub client_id: Id<Client>,
    /// A project of the client.
    pub project_id: Option<Id<Project>>,
    /// The session that the work was part of.
    pub session_id: Option<Id<Session>>,
    /// The work item that it went into.
    pub work_item_id: Option<Id<WorkItem>>,
    /// Who did it.
    pub technician: String,
    /// The day that it counts for.
    pub entry_date: NaiveDate,
    /// When it began.
    pub start_time: Option<Timestamp>,
    /// When it ended; there exactly when `start_time` is, and not before it.
    pub end_time: Option<Timestamp>,
    /// Minutes worked; no more than from start to end, less where there were breaks.
    pub minutes: i64,
    /// What was done.
    pub description: Option<String>,
    /// Whether it is billed.
    pub is_billable: bool,
    /// Price of an hour, in `currency`.
    pub hourly_rate: Option<Money>,
    /// Where that comes from.
    pub rate_source: RateSource,
    /// The client's currency at the time.
    pub currency: Currency,
    /// The client's increment at the time, in minutes.
    pub billing_increment_minutes: i32,
    /// The client's way of rounding at the time.
    pub billing_rounding: BillingRounding,
    /// The client's time zone at the time; without one the minutes are rounded, not the clock.
    pub time_zone: Option<Zone>,
    /// Minutes to bill: none of what is not billed.
    pub rounded_minutes: i64,
    /// What they cost; empty without a price, nothing for what is not billed.
    pub amount: Option<Money>,
    /// Whether there is an invoice for it.
    pub is_billed: bool,
    /// Which one.
    pub invoice_ref: Option<String>,
    /// When it was entered.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Counts its changes; the basis of `ETag`.
    pub revision: i64,
}

impl Entity for BillableTime {
    const TYPE: &'static str = "billable_time";

    fn id(&self) -> Id<Self> {
        self.id
    }

    fn revision(&self) -> i64 {
        self.revision
    }
}

/// What a request says of an entry: everything a create needs, or the part that an update changes.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "each field is described at BillableTime")]
pub struct BillableTimeFields {
    pub client_id: Option<Id<Client>>,
    pub project_id: Patch<Id<Project>>,
    pub session_id: Patch<Id<Session>>,
    pub work_item_id: Patch<Id<WorkItem>>,
    pub technician: Option<String>,
    pub entry_date: Option<NaiveDate>,
    pub start_time: Patch<Timestamp>,
    pub end_time: Patch<Timestamp>,
    pub minutes: Option<i64>,
    pub description: Patch<String>,
    pub is_billable: Option<bool>,
    /// Cleared, it is taken from the project or the client anew.
    pub hourly_rate: Patch<Money>,
    pub is_billed: Option<bool>,
    pub invoice_ref: Patch<String>,
}

/// An entry whose fields fit, before what they refer to has been looked up.
#[derive(Debug)]
pub struct EntryDraft {
    /// The entry as far as it is known.
    pub entry: BillableTime,
    /// Whether it takes the terms that hold now.
    renews: bool,
    /// Whether it belongs to other rows than before.
    moves: bool,
}

impl BillableTime {
    /// A new entry of `technician` unless `fields` name another; refused with every fault at once.
    pub fn draft(id: Id<Self>, fields: BillableTimeFields, technician: &str, now: Timestamp) -> Result<EntryDraft> {
        let mut faults = Faults::default();
        let has_times = fields.start_time.value().is_some() && fields.end_time.value().is_some();
        faults.require_all(&[("client_id", fields.client_id.is_some()), ("entry_date", fields.entry_date.is_some())]);
        if fields.minutes.is_none() && !has_times {
            faults.schema("minutes", "required", "is required unless start_time and end_time are given");
        }
        let entry = Self {
            id,
            client_id: fields.client_id.unwrap_or(Id::new(Uuid::nil())),
            project_id: None,
            session_id: None,
            work_item_id: None,
            technician: technician.to_owned(),
            entry_date: NaiveDate::default(),
            start_time: None,
            end_time: None,
            minutes: 0,
            description: None,
            is_billable: true,
            hourly_rate: None,
            rate_source: RateSource::None,
            currency: Currency::USD,
            billing_increment_minutes: 1,
            billing_rounding: BillingRounding::None,
            time_zone: None,
            rounded_minutes: 0,
            amount: None,
            is_billed: false,
            invoice_ref: None,
            created_at: now,
            updated_at: now,
            revision: 1,
        };
        let mut draft = entry.apply(fields, faults)?;
        (draft.renews, draft.moves) = (true, true);
        Ok(draft)
    }

    /// The entry with `fields` changed; refused with every fault at once.
    pub fn change(mut self, fields: BillableTimeFields, now: Timestamp) -> Result<EntryDraft> {
        self.updated_at = now;
        self.revision += 1;
        self.apply(fields, Faults::default())
    }

    fn apply(mut self, fields: BillableTimeFields, mut faults: Faults) -> Result<EntryDraft> {
        let noted = &mut faults;
        let before = (self.client_id, self.project_id);
        let part_of = (self.client_id, self.session_id, self.work_item_id);
        self.client_id = fields.client_id.unwrap_or(self.client_id);
        fields.project_id.apply(&mut self.project_id);
        fields.session_id.apply(&mut self.session_id);
        fields.work_item_id.apply(&mut self.work_item_id);
        text::replace_line(noted, "technician", fields.technician, &mut self.technician);
        self.entry_date = fields.entry_date.unwrap_or(self.entry_date);
        text::optional_block(noted, "description", fields.description).apply(&mut self.description);
        self.is_billable = fields.is_billable.unwrap_or(self.is_billable);
        self.is_billed = fields.is_billed.unwrap_or(self.is_billed);
        text::optional_line(noted, "invoice_ref", fields.invoice_ref).apply(&mut self.invoice_ref);
        self.measure(fields.start_time, fields.end_time, fields.minutes, noted);
        if let Patch::Set(rate) = fields.hourly_rate {
            (self.hourly_rate, self.rate_source) = (Some(rate), RateSource::Given);
        }
        let clears = fields.hourly_rate == Patch::Clear;
        if clears {
            self.rate_source = RateSource::None;
        }
        faults.finish()?;
        let renews = clears || before != (self.client_id, self.project_id);
        let moves = part_of != (self.client_id, self.session_id, self.work_item_id);
        Ok(EntryDraft { entry: self, renews, moves })
    }

    /// Fits start, end and minutes to each other: of an entry without breaks each follows from the others.
    fn measure(&mut self, start: Patch<Timestamp>, end: Patch<Timestamp>, minutes: Option<i64>, faults: &mut Faults) {
        let had_breaks = self.breaks() > 0;
        let times_change = start != Patch::Keep || end != Patch::Keep;
        start.apply(&mut self.start_time);
        end.apply(&mut self.end_time);
        if let Some(given) = minutes {
            if !(0..=MOST_MINUTES).contains(&given) {
                faults.schema("minutes", "range", &format!("must be from 0 to {MOST_MINUTES}"));
                return;
            }
            self.minutes = given;
        }
        let (start, end) = match (self.start_time, self.end_time) {
            (None, None) => return,
            (None, Some(_)) => {
                faults.semantic("end_time", "start_time", "must not stand without start_time");
                return;
            }
            (Some(start), None) => {
                let end = start.plus(TimeDelta::minutes(self.minutes));
                self.end_time = Some(end);
                (start, end)
            }
            (Some(start), Some(end)) => (start, end),
        };
        let between = end.since(start);
        if between < TimeDelta::zero() {
            faults.semantic("end_time", "after_start", "must not be before start_time");
        } else if between > TimeDelta::days(LONGEST_DAYS) {
            faults.semantic("end_time", "max_duration", &format!("must be within {LONGEST_DAYS} days of start_time"));
        } else if minutes.is_none() && times_change && !had_breaks {
            self.minutes = between.num_minutes();
        } else if self.minutes > between.num_minutes() {
            faults.semantic("minutes", "max_duration", "must not be more than from start_time to end_time");
        }
    }

    /// Whole minutes between start and end that were not worked.
    pub fn breaks(&self) -> i64 {
        let between = self.start_time.zip(self.end_time).map(|(start, end)| end.since(start).num_minutes());
        between.map_or(0, |between| (between - self.minutes).max(0))
    }

    /// The stretch of the technician's time that it takes up, if its times are known.
    pub fn span(&self) -> Option<Span> {
        Some(Span { start: self.start_time?, end: Some(self.end_time?) })
    }

    /// The technician in the form in which entries are found and compared by it.
    pub fn technician_key(&self) -> String {
        text::fold(&self.technician)
    }

    /// The rule that it is rounded by.
    pub const fn rule(&self) -> BillingRule {
        BillingRule { increment_minutes: self.billing_increment_minutes, rounding: self.billing_rounding }
    }

    /// Takes the client's and the project's terms.
    fn agree(&mut self, client: &Client, project: Option<&Project>) {
        self.currency = client.currency;
        self.billing_increment_minutes = client.billing_increment_minutes;
        self.billing_rounding = client.billing_rounding;
        self.time_zone = client.time_zone;
        if self.rate_source != RateSource::Given {
            let of_project = project.and_then(|project| project.hourly_rate);
            (self.hourly_rate, self.rate_source) = match (of_project, client.hourly_rate) {
                (Some(rate), _) => (Some(rate), RateSource::Project),
                (None, Some(rate)) => (Some(rate), RateSource::Client),
                (None, None) => (None, RateSource::None),
            };
        }
    }

    /// Works out what is to be billed.
    fn derive(&mut self) -> Result<()> {
        self.rounded_minutes = match (self.is_billable, self.time_zone, self.start_time, self.end_time) {
            (false, ..) => 0,
            (true, Some(zone), Some(start), Some(end)) => self.rule().round_between(zone, start, end, self.breaks()),
            (true, ..) => self.rule().round(self.minutes),
        };
        let rate = if self.is_billable { self.hourly_rate } else { Some(Money::default()) };
        self.amount = rate.map(|rate| rate.of_minutes(self.rounded_minutes).ok_or_else(too_dear)).transpose()?;
        Ok(())
    }
}

fn too_dear() -> claudetools_kernel::Error {
    Faults::one_semantic("hourly_rate", "max_amount", "must not lead to an amount above 99999999.9999")
}

impl EntryDraft {
    /// The session and the work item that are to be looked up, because the entry was not part of them before.
    pub fn parts(&self) -> (Option<Id<Session>>, Option<Id<WorkItem>>) {
        let entry = &self.entry;
        if self.moves { (entry.session_id, entry.work_item_id) } else { (None, None) }
    }

    /// Fits the entry to the session and the work item that it belongs to: both are the client's or nobody's.
    pub fn place(&mut self, session: Option<&Session>, item: Option<&WorkItem>) -> Result<()> {
        let client = self.entry.client_id;
        let foreign = |of: Option<Id<Client>>| of.is_some_and(|of| of != client);
        if let Some(item) = item {
            let session = *self.entry.session_id.get_or_insert(item.session_id);
            if session != item.session_id {
                return Err(Faults::one_semantic("work_item_id", "session", "must name a work item of the session"));
            }
            if foreign(item.client_id) {
                return Err(Faults::one_semantic("work_item_id", "client", "must name a work item of the client"));
            }
        }
        if session.is_some_and(|session| foreign(session.client_id)) {
            return Err(Faults::one_semantic("session_id", "client", "must name a session of the client"));
        }
        Ok(())
    }

    /// The entry that comes of it, for this client and project.
    pub fn finish(self, client: &Client, project: Option<&Project>) -> Result<BillableTime> {
        let mut entry = self.entry;
        if project.is_some_and(|project| project.client_id != entry.client_id) {
            return Err(Faults::one_semantic("project_id", "client", "must name a project of the client"));
        }
        if self.renews {
            entry.agree(client, project);
        }
        entry.derive()?;
        Ok(entry)
    }
}
