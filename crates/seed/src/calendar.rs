//! The year, its working days and office hours.

use chrono::{Datelike, Days, NaiveDate, TimeDelta, Weekday};
use claudetools_kernel::Timestamp;

use crate::dice::Dice;

/// Office hours, in minutes from midnight (UTC): 08:00 to 17:30.
const OPENS: i64 = 8 * 60;
const CLOSES: i64 = 17 * 60 + 30;

const EPOCH: Timestamp = match Timestamp::from_micros(0) {
    Some(epoch) => epoch,
    None => panic!("1970 lies within the calendar"),
};

/// A year of days.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Year {
    /// Its first day.
    pub(crate) first: NaiveDate,
    /// Its last day.
    pub(crate) last: NaiveDate,
}

impl Year {
    /// The year that ends the day before `until`; `None` where the calendar ends.
    pub(crate) fn before(until: NaiveDate) -> Option<Self> {
        let plausible = (1980..=9000).contains(&until.year());
        let first = until.checked_sub_days(Days::new(365)).filter(|_| plausible)?;
        Some(Self { first, last: until.pred_opt()? })
    }

    /// Its days of work: no weekends, no public holidays.
    pub(crate) fn workdays(self) -> Vec<NaiveDate> {
        self.first.iter_days().take_while(|day| *day <= self.last).filter(|day| is_workday(*day)).collect()
    }

    /// The day so many days after its first, or before when negative.
    pub(crate) fn day(self, offset: i64) -> NaiveDate {
        plus_days(self.first, offset)
    }
}

/// The day so many days after another, or before when negative. Only used near years that [`Year::before`] takes.
pub(crate) fn plus_days(day: NaiveDate, days: i64) -> NaiveDate {
    day.checked_add_signed(TimeDelta::days(days)).unwrap_or(day)
}

fn is_workday(day: NaiveDate) -> bool {
    let weekend = matches!(day.weekday(), Weekday::Sat | Weekday::Sun);
    !weekend && ![(1, 1), (12, 25), (12, 26)].contains(&(day.month(), day.day()))
}

/// The first day of work from this one on.
pub(crate) fn workday_from(day: NaiveDate) -> NaiveDate {
    day.iter_days().find(|day| is_workday(*day)).unwrap_or(day)
}

/// The instant so many minutes into a day.
pub(crate) fn at(day: NaiveDate, minutes: i64) -> Timestamp {
    let days = day.signed_duration_since(EPOCH.date());
    EPOCH.plus(days + TimeDelta::minutes(minutes))
}

/// An instant in the office hours of a day.
pub(crate) fn in_office_hours(dice: &mut Dice, day: NaiveDate) -> Timestamp {
    at(day, dice.between(OPENS, CLOSES - 1)).plus(TimeDelta::seconds(dice.between(0, 59)))
}

/// From when until when something was worked on.
pub(crate) type Span = (Timestamp, Timestamp);

/// A technician's day in `parts` spans, one after the other, of very different lengths.
pub(crate) fn office_day(dice: &mut Dice, day: NaiveDate, parts: usize) -> Vec<Span> {
    let weights: Vec<i64> = (0..parts).map(|_| dice.between(2, 12)).collect();
    let total: i64 = weights.iter().sum();
    let mut before = 0;
    let spans = weights.iter().map(|weight| {
        // In seconds, so that a day of many parts still has room for each.
        let edge = |weights: i64| (CLOSES - OPENS) * 60 * weights / total;
        let (begins, ends) = (edge(before), edge(before + weight));
        before += weight;
        let slack = (ends - begins) / 4;
        let (start, end) = (begins + dice.between(0, slack), ends - dice.between(0, slack));
        let instant = |seconds| at(day, OPENS).plus(TimeDelta::seconds(seconds));
        (instant(start), instant(end))
    });
    spans.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_year_has_some_260_working_days() {
        let year = Year::before(NaiveDate::from_ymd_opt(2026, 7, 1).unwrap()).unwrap();
        let days = year.workdays();
        assert!((255..=261).contains(&days.len()), "{}", days.len());
        assert!(days.iter().all(|day| day.weekday().number_from_monday() <= 5));
        assert_eq!(days.last(), Some(&NaiveDate::from_ymd_opt(2026, 6, 30).unwrap()));
    }

    #[test]
    fn the_spans_of_a_day_follow_one_another_within_office_hours() {
        let day = NaiveDate::from_ymd_opt(2026, 6, 30).unwrap();
        let mut dice = Dice::new(1, 0);
        for parts in 1..=20 {
            let spans = office_day(&mut dice, day, parts);
            assert_eq!(spans.len(), parts);
            assert!(spans.iter().all(|(start, end)| start < end), "{spans:?}");
            assert!(spans.windows(2).all(|pair| pair[0].1 <= pair[1].0), "{spans:?}");
            assert!(spans[0].0 >= at(day, OPENS) && spans[parts - 1].1 <= at(day, CLOSES));
        }
    }
}
