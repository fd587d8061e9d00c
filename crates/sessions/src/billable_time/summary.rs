//! Sums over entries of billable time.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use claudetools_kernel::{Money, enumeration, text};

use super::Drawn;
use crate::{BillableTimeFilter, Currency};

enumeration! {
    /// What entries are gathered by.
    pub enum GroupBy {
        /// By client.
        Client = "client",
        /// By project; entries without one are gathered too.
        Project = "project",
        /// By technician, whatever the case.
        Technician = "technician",
        /// By day.
        Day = "day",
        /// By month.
        Month = "month",
    }
}

/// Sums over entries.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Totals {
    /// How many there are.
    pub entries: u64,
    /// Minutes worked.
    pub minutes: i64,
    /// Minutes to bill.
    pub rounded_minutes: i64,
    /// What they cost, by currency; entries without a price add nothing.
    pub amounts: BTreeMap<String, Money>,
}

impl Totals {
    /// Adds other sums.
    pub fn add(&mut self, other: &Self) {
        self.entries += other.entries;
        self.minutes += other.minutes;
        self.rounded_minutes += other.rounded_minutes;
        for (currency, amount) in &other.amounts {
            let sum = self.amounts.entry(currency.clone()).or_default();
            *sum = sum.plus(*amount);
        }
    }
}

/// The sums of one group in one currency, as storage gives them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupSum {
    /// The id of a client or project, a folded technician, or a day.
    pub key: Option<String>,
    /// The name of the client, the project or the technician.
    pub name: Option<String>,
    /// The currency.
    pub currency: Currency,
    /// How many entries.
    pub entries: u64,
    /// Minutes worked.
    pub minutes: i64,
    /// Minutes to bill.
    pub rounded_minutes: i64,
    /// What they cost.
    pub amount: Money,
}

impl GroupSum {
    fn totals(&self) -> Totals {
        Totals {
            entries: self.entries,
            minutes: self.minutes,
            rounded_minutes: self.rounded_minutes,
            amounts: BTreeMap::from([(self.currency.to_string(), self.amount)]),
        }
    }
}

/// A group with its sums.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SummaryGroup {
    /// The id, the technician, the day or the month (`2026-01`); empty for entries without a project.
    pub key: Option<String>,
    /// The name of the client, the project or the technician.
    pub name: Option<String>,
    /// The sums.
    pub totals: Totals,
}

/// Sums over the entries that a filter admits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// What the entries are gathered by.
    pub group_by: GroupBy,
    /// The first day summed.
    pub date_from: Option<NaiveDate>,
    /// The last day summed.
    pub date_to: Option<NaiveDate>,
    /// The groups: by name, those of days and months in their order.
    pub groups: Vec<SummaryGroup>,
    /// All of them together.
    pub total: Totals,
    /// The blocks of the clients concerned, and what went beyond them.
    pub drawn: Drawn,
}

impl Summary {
    /// Puts the groups together from what storage sums by client, project, technician or day.
    pub fn of(group_by: GroupBy, filter: &BillableTimeFilter, sums: Vec<GroupSum>) -> Self {
        let mut gathered: BTreeMap<Option<String>, (Option<String>, Totals)> = BTreeMap::new();
        let mut total = Totals::default();
        for sum in sums {
            let totals = sum.totals();
            total.add(&totals);
            let key = match group_by {
                GroupBy::Month => sum.key.map(|day| day.chars().take("2026-01".len()).collect()),
                _ => sum.key,
            };
            let group = gathered.entry(key).or_default();
            group.0 = group.0.take().max(sum.name);
            group.1.add(&totals);
        }
        let shown = |(key, (name, totals)): (Option<String>, (Option<String>, Totals))| {
            let key = if group_by == GroupBy::Technician { name.clone() } else { key };
            SummaryGroup { key, name, totals }
        };
        let mut groups: Vec<SummaryGroup> = gathered.into_iter().map(shown).collect();
        groups.sort_by_cached_key(|group| (group.name.as_deref().map(text::fold), group.key.clone()));
        let (date_from, date_to) = (filter.date_from, filter.date_to);
        Self { group_by, date_from, date_to, groups, total, drawn: Drawn::default() }
    }
}
