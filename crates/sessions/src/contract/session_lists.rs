//! The lists of the suite of sessions.

use claudetools_kernel::{
    Id, PageRequest, Patch, StoreError,
    contract::{at, lists_agree, uuid},
};

use super::{
    Outcome, Store,
    client::client,
    session::{day, make, titled},
};
use crate::{BillingRule, Session, SessionFields, SessionFilter, SessionRow, SessionStatus, Tag};

/// Holds that lists show what they should, whatever the filter, the order and the page.
pub(super) async fn pages_and_filters(store: Store<'_>, tags: &[Tag]) -> Outcome {
    let mut tx = store.begin().await?;
    let other = client(21, "Globex");
    tx.clients().add(&other).await?;
    let first = tx.sessions().lookup(Id::new(uuid(9))).await?.expect("the session of before");
    let mut rows = vec![(first, vec!["backup"])];
    let made = [
        (make(60, titled("alpha 50%", day(5)), &[]), vec![]),
        (make(61, SessionFields { is_billable: Some(false), ..titled("Beta", day(5)) }, &tags[..1]), vec!["windows"]),
        (make(62, of_other(titled("beta", day(5))), &tags[1..]), vec!["backup", "ünïcode"]),
        (make(63, of_other(titled("Delta_1", day(6))), &tags[1..2]), vec!["backup"]),
        (make(64, SessionFields { technician: Patch::Clear, ..titled("Epsilon", day(1)) }, &[]), vec![]),
    ];
    for (row, _) in &made {
        tx.sessions().add(row).await?;
    }
    tx.commit().await?;
    rows.extend(made);

    for (filter, expected) in filters() {
        let admitted: Vec<SessionRow> = rows
            .iter()
            .filter(|(row, tags)| filter.admits(row, &tags.iter().map(|tag| (*tag).to_owned()).collect()))
            .map(|(row, _)| shown(row))
            .collect();
        assert_eq!(admitted.len(), expected, "{filter:?}");
        lists_agree(admitted, async |request| {
            let mut tx = store.read().await.expect("a reader");
            tx.sessions().list(&filter, &request).await.expect("a page")
        })
        .await;
    }
    Ok(())
}

/// Holds that a session is found by any part of its technician's name, however the name came in.
pub(super) async fn finds_by_technician(store: Store<'_>) -> Outcome {
    let of = |n, name: &str| {
        make(n, SessionFields { technician: Patch::Set(name.to_owned()), ..titled("Rounds", day(9)) }, &[])
    };
    let found = async |part: &str| -> Result<Vec<Id<Session>>, StoreError> {
        let filter = SessionFilter { technician: Some(part.to_owned()), ..SessionFilter::default() };
        let page = store.read().await?.sessions().list(&filter, &PageRequest::first(50)).await?;
        let mut ids: Vec<_> = page.items.into_iter().map(|row| row.id).collect();
        ids.sort_unstable();
        Ok(ids)
    };
    let mut tx = store.begin().await?;
    tx.sessions().add(&of(80, "Rae Rolled")).await?;
    drop(tx);
    assert_eq!(found("rolled").await?, [], "dropping a transaction undoes it");
    let rae = of(81, "Rae Rolled");
    let mut tx = store.begin().await?;
    tx.sessions().add(&rae).await?;
    tx.commit().await?;
    assert_eq!(found("RAE").await?, [rae.id], "a name that came in once before, and was undone");
    let roe = of(82, "Roe Rolled");
    let mut tx = store.begin().await?;
    tx.sessions().add(&roe).await?;
    tx.commit().await?;
    assert_eq!(found("rolled").await?, [rae.id, roe.id], "a part of two names");
    assert_eq!(found("roe").await?, [roe.id], "a part of one of them");
    let fields = SessionFields { technician: Patch::Set("Ünal".to_owned()), ..SessionFields::default() };
    let draft = roe.clone().change(fields, at(90)).expect("a valid change");
    let mut tx = store.begin().await?;
    tx.sessions().save(&draft.finish(BillingRule::default(), None)).await?;
    tx.commit().await?;
    assert_eq!(found("ünal").await?, [roe.id], "a name that came in by a change");
    assert_eq!(found("roe").await?, [], "nobody's any more");
    assert_eq!(found("rolled").await?, [rae.id], "of two names one is left");
    let mut tx = store.begin().await?;
    for session in [rae, roe] {
        tx.sessions().remove(session.id).await?;
    }
    tx.commit().await
}

fn of_other(fields: SessionFields) -> SessionFields {
    let technologies_used = Some(vec!["DNS".to_owned(), "PowerShell".to_owned()]);
    let (client_id, status) = (Patch::Set(Id::new(uuid(21))), Some(SessionStatus::OnHold));
    SessionFields { client_id, status, technologies_used, ..fields }
}

fn shown(row: &Session) -> SessionRow {
    let client = match row.client_id {
        Some(id) if id.uuid() == uuid(1) => Some("Acme".to_owned()),
        Some(_) => Some("Globex".to_owned()),
        None => None,
    };
    SessionRow::new(row, client, row.project_id.map(|_| "Move".to_owned()))
}

fn filters() -> Vec<(SessionFilter, usize)> {
    let any = SessionFilter::default;
    let text = |q: &str| SessionFilter { q: Some(q.to_owned()), ..any() };
    let tag = |name: &str| SessionFilter { tag: Some(name.to_owned()), ..any() };
    let technology = |name: &str| SessionFilter { technology: Some(name.to_owned()), ..any() };
    let technician = |part: &str| SessionFilter { technician: Some(part.to_owned()), ..any() };
    let days = |first, last| SessionFilter { date_from: first, date_to: last, ..any() };
    vec![
        (any(), 6),
        (SessionFilter { client_id: Some(Id::new(uuid(1))), ..any() }, 1),
        (SessionFilter { client_id: Some(Id::new(uuid(21))), ..days(Some(day(6)), None) }, 1),
        (SessionFilter { project_id: Some(Id::new(uuid(2))), ..any() }, 1),
        (SessionFilter { machine_id: Some(Id::new(uuid(3))), ..any() }, 1),
        (SessionFilter { machine_id: Some(Id::new(uuid(404))), ..any() }, 0),
        (SessionFilter { is_billable: Some(true), ..any() }, 4),
        (SessionFilter { status: Some(SessionStatus::OnHold), ..any() }, 2),
        (technician("ZOË ü"), 1),
        (technician("JO@"), 4),
        (days(Some(day(5)), Some(day(5))), 3),
        (days(Some(day(6)), None), 2),
        (days(None, Some(day(4))), 1),
        (tag(" BACKUP "), 3),
        (tag("back"), 0),
        (SessionFilter { date_to: Some(day(5)), ..tag("backup") }, 1),
        (SessionFilter { status: Some(SessionStatus::OnHold), ..tag("Ünïcode") }, 1),
        (technology("powershell"), 3),
        (technology("power"), 0),
        (SessionFilter { date_from: Some(day(6)), ..technology("dns") }, 2),
        (SessionFilter { is_billable: Some(true), ..technology("dns") }, 2),
        (SessionFilter { technology: Some("DNS".to_owned()), ..tag("backup") }, 3),
        (SessionFilter { technology: Some("DNS".to_owned()), ..tag("windows") }, 0),
        (text("%"), 2),
        (text("_"), 1),
        (text("ÜNÏCODE"), 1),
        (text("beta"), 2),
        (text("nowhere!"), 0),
    ]
}
