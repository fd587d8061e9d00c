//! The part of the suite of [`crate::ports::CredentialRepository`] that is about lists.

use claudetools_kernel::{
    Enumeration, Patch, Timestamp,
    contract::{at, lists_agree},
};
use uuid::Uuid;

use super::{Outcome, Store, add, credential::full, credential_access::only, id, made, named};
use crate::{Credential, CredentialFields, CredentialFilter, CredentialQuery, CredentialType, Viewer};

const DAY: i64 = 86_400;
/// When lists are asked for: the rotation of one row is due to the microsecond.
const NOW: i64 = 40 * DAY;

/// The rules of the lists of credentials. Both clients exist.
pub async fn credential_lists(store: Store<'_>, clients: [Uuid; 2]) -> Outcome {
    let rows = rows(clients);
    add(store, &rows).await?;
    for (wanted, expected) in wanted(clients) {
        let filter = CredentialFilter { viewer: Viewer::Operator, wanted, now: at(NOW) };
        agree(store, &rows, &filter, expected).await;
    }
    shows_each_viewer_its_own(store, &rows).await;
    Ok(())
}

/// Every page of every order agrees with plain code; `expected` rows are in it.
async fn agree(store: Store<'_>, rows: &[Credential], filter: &CredentialFilter, expected: usize) {
    let admitted: Vec<Credential> = rows.iter().filter(|row| filter.admits(row)).cloned().collect();
    assert_eq!(admitted.len(), expected, "{filter:?}");
    lists_agree(admitted, async |request| {
        let mut view = store.read().await.expect("a reader");
        view.credentials().list(filter, &request).await.expect("a page")
    })
    .await;
}

/// Ten rows: names that differ by case alone, instants that are the same, rotations around [`NOW`].
fn rows([acme, globex]: [Uuid; 2]) -> Vec<Credential> {
    let of = |client| CredentialFields { client_id: Patch::Set(client), ..CredentialFields::default() };
    let call = |name: &str, fields: CredentialFields| CredentialFields {
        service_name: Some(name.to_owned()),
        credential_type: fields.credential_type.or(Some(CredentialType::Password)),
        ..fields
    };
    let rotated = |last: i64, days| CredentialFields {
        last_rotated_at: Patch::Set(at(last)),
        rotation_interval_days: Patch::Set(days),
        ..CredentialFields::default()
    };
    let expiring = |end: Timestamp| CredentialFields { expires_at: Patch::Set(end), ..CredentialFields::default() };
    let mut rows = vec![
        full(1, acme),
        made(2, call("Mail", of(acme))),
        made(3, call("MAIL", of(globex))),
        made(4, call("mail", rotated(10 * DAY, 30))),
        made(5, call("ünïcode 50%", rotated(10 * DAY + 1, 30))),
        made(6, call("Ünïcode_1", expiring(at(50 * DAY)))),
        made(7, call("zebra", expiring(at(50 * DAY - 1)))),
        made(
            8,
            CredentialFields { credential_type: Some(CredentialType::Note), is_active: Some(false), ..named("Note") },
        ),
        made(9, CredentialFields { rotation_interval_days: Patch::Set(1), ..named("Never rotated") }),
        made(10, CredentialFields { username: Patch::Set("Mailman".to_owned()), ..named("Aside") }),
    ];
    for row in &mut rows[3..7] {
        (row.created_at, row.updated_at) = (at(5), at(7));
    }
    rows[2].access = only(&["jo@example.com"], &[]);
    rows[3].access = only(&["jo@example.com", "al@example.com"], &["backup"]);
    rows[6].access = only(&[], &["backup", "jo@example.com"]);
    rows[8].access = only(&["backup"], &[]);
    rows
}

fn wanted([acme, globex]: [Uuid; 2]) -> Vec<(CredentialQuery, usize)> {
    let all = CredentialQuery::default;
    let text = |q: &str| CredentialQuery { q: Some(q.to_owned()), ..all() };
    let mut wanted = vec![
        (all(), 10),
        (CredentialQuery { client_id: Some(acme), ..all() }, 2),
        (CredentialQuery { client_id: Some(globex), ..all() }, 1),
        (CredentialQuery { client_id: Some(id::<()>(250).uuid()), ..all() }, 0),
        (CredentialQuery { service_id: Some(id::<()>(201).uuid()), ..all() }, 1),
        (CredentialQuery { service_id: Some(id::<()>(202).uuid()), ..all() }, 0),
        (CredentialQuery { infrastructure_id: Some(id::<()>(202).uuid()), ..all() }, 1),
        (CredentialQuery { infrastructure_id: Some(id::<()>(201).uuid()), ..all() }, 0),
        (CredentialQuery { is_active: Some(true), ..all() }, 8),
        (CredentialQuery { is_active: Some(false), ..all() }, 2),
        (CredentialQuery { expires_before: Some(at(50 * DAY)), ..all() }, 2),
        (CredentialQuery { expires_before: Some(at(50 * DAY - 1)), ..all() }, 1),
        (CredentialQuery { rotation_due: Some(true), ..all() }, 2),
        (CredentialQuery { rotation_due: Some(false), ..all() }, 8),
        (CredentialQuery { rotation_due: Some(true), client_id: Some(acme), ..all() }, 0),
        (CredentialQuery { is_active: Some(true), ..text("MAIL") }, 4),
        (text("%"), 2),
        (text("_"), 2),
        (text("SECOND line"), 1),
        (text("QUOTED\" word"), 1),
        (text("srv-01\\ADMIN$"), 1),
        (text("nowhere!"), 0),
    ];
    for kind in CredentialType::ALL.iter().copied() {
        let expected = match kind {
            CredentialType::Password => 8,
            CredentialType::Note | CredentialType::ConnectionString => 1,
            _ => 0,
        };
        wanted.push((CredentialQuery { credential_type: Some(kind), ..all() }, expected));
    }
    wanted
}

async fn shows_each_viewer_its_own(store: Store<'_>, rows: &[Credential]) {
    let (account, agent) = (|who: &str| Viewer::Account(who.to_owned()), |kind: &str| Viewer::Agent(kind.to_owned()));
    let viewers = [
        (account("jo@example.com"), 8),
        (account("al@example.com"), 7),
        (account("nobody@example.com"), 6),
        // Capitals tell names apart, and a name is of one kind alone. Trailing blanks are not asked for: MariaDB passes over
        // them, and neither addresses of accounts nor types of agents have any.
        (account("JO@example.com"), 6),
        (account("backup"), 7),
        (agent("backup"), 8),
        (agent("Backup"), 6),
        (agent("jo@example.com"), 7),
        (agent("al@example.com"), 6),
        (Viewer::Operator, 10),
    ];
    for (viewer, expected) in viewers {
        let all = CredentialQuery::default();
        agree(store, rows, &CredentialFilter { viewer: viewer.clone(), wanted: all, now: at(NOW) }, expected).await;
        let wanted =
            CredentialQuery { q: Some("mail".to_owned()), is_active: Some(true), ..CredentialQuery::default() };
        let filter = CredentialFilter { viewer, wanted, now: at(NOW) };
        let admitted = rows.iter().filter(|row| filter.admits(row)).count();
        agree(store, rows, &filter, admitted).await;
    }
}
