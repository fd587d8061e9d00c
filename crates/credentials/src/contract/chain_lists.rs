//! The part of the suite of [`crate::ports::ChainRepository`] that is about lists.

use chrono::{Days, NaiveDate};
use claudetools_kernel::{
    Enumeration, Timestamp,
    contract::{at, lists_agree},
};

use super::{
    Outcome, Store,
    chain::{event, row},
    id,
};
use crate::{AuditAction, AuditEvent, AuditRow, ChainFilter};

/// The lists of the chain, which holds `kept` up to now.
pub(super) async fn lists(store: Store<'_>, kept: Vec<AuditRow>) -> Outcome {
    let mut rows = kept;
    let mut tx = store.begin().await?;
    let (before, noon, midnight) = around_midnight();
    let by = |subject: &str, at| AuditEvent { subject: subject.to_owned(), at, ..event(id(7)) };
    let mut events = vec![by("JO@example.com", before), by("agent:backup", midnight), by("share", noon)];
    for action in AuditAction::ALL.iter().copied() {
        events.push(AuditEvent { action, credential_id: Some(id::<()>(8).uuid()), ..by("al@example.com", noon) });
    }
    for (event, seq) in events.into_iter().zip(10..) {
        let row = row(seq, event);
        tx.chain().append(&row).await?;
        rows.push(row);
    }
    tx.commit().await?;
    for (filter, expected) in filters(midnight.date(), rows.len()) {
        let admitted: Vec<AuditRow> = rows.iter().filter(|row| filter.admits(row)).cloned().collect();
        assert_eq!(admitted.len(), expected, "{filter:?}");
        lists_agree(admitted, async |request| {
            let mut view = store.read().await.expect("a reader");
            view.chain().list(&filter, &request).await.expect("a page")
        })
        .await;
    }
    Ok(())
}

/// The last microsecond of a day, an instant of the next, and the first one of it.
fn around_midnight() -> (Timestamp, Timestamp, Timestamp) {
    let midnight = Timestamp::midnight(at(50 * 86_400).date());
    let before = Timestamp::from_micros(midnight.micros() - 1).expect("an instant of our century");
    (before, at(50 * 86_400), midnight)
}

fn filters(day: NaiveDate, all: usize) -> Vec<(ChainFilter, usize)> {
    let actions = AuditAction::ALL.len();
    let any = ChainFilter::default;
    let subject = |subject: &str| ChainFilter { subject: Some(subject.to_owned()), ..any() };
    let yesterday = day.checked_sub_days(Days::new(1));
    let tomorrow = day.checked_add_days(Days::new(1));
    let mut filters = vec![
        (any(), all),
        (ChainFilter { credential_id: Some(id::<()>(8).uuid()), ..any() }, actions),
        (ChainFilter { credential_id: Some(id::<()>(7).uuid()), ..any() }, 3),
        (ChainFilter { credential_id: Some(id::<()>(250).uuid()), ..any() }, 0),
        (subject("JO@example.com"), 1),
        (subject("jo@example.com"), 1),
        (subject("jo@example"), 0),
        (subject("cli"), 1),
        (subject("al@example.com"), actions),
        (ChainFilter { date_from: Some(day), ..any() }, actions + 2),
        (ChainFilter { date_from: yesterday, ..any() }, actions + 3),
        (ChainFilter { date_from: yesterday, date_to: yesterday, ..any() }, 1),
        (ChainFilter { date_from: tomorrow, ..any() }, 0),
        (ChainFilter { date_to: Some(day), ..any() }, all),
        (ChainFilter { date_to: yesterday, ..any() }, all - actions - 2),
        (ChainFilter { date_from: Some(day), ..subject("agent:backup") }, 1),
        (ChainFilter { date_from: Some(NaiveDate::MIN), date_to: Some(NaiveDate::MAX), ..any() }, all),
    ];
    for action in AuditAction::ALL.iter().copied() {
        let of_credential = ChainFilter { action: Some(action), credential_id: Some(id::<()>(8).uuid()), ..any() };
        filters.push((of_credential, 1));
    }
    filters.push((ChainFilter { action: Some(AuditAction::Read), ..any() }, 5));
    filters
}
