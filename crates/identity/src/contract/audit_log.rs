use chrono::NaiveDate;
use claudetools_kernel::{AuditEntry, PageRequest};

use super::{Store, at, begin, check_filters, check_pages, id, must, refused_by_constraint, uuid, view};
use crate::{AuditFilter, AuditSort, ThrottleState};

/// The suite of [`crate::ports::ApiAuditLogRepository`] and of `Transaction::append_audit`.
pub async fn api_audit_log(store: Store<'_>) {
    let rows = rows();
    let mut tx = begin(store).await;
    must(tx.append_audit(&rows[0]).await);
    must(tx.commit().await);
    let mut tx = begin(store).await;
    must(tx.api_audit_log().add_batch(&rows[1..]).await);
    must(tx.api_audit_log().add_batch(&[]).await);
    must(tx.commit().await);
    let mut tx = begin(store).await;
    refused_by_constraint(tx.api_audit_log().add_batch(&[entry(30), rows[0].clone()]).await, "an id twice");
    drop(tx);

    check_pages::<AuditSort, _>(&rows, async |page| {
        must(view(store).await.api_audit_log().list(&AuditFilter::default(), &page).await)
    })
    .await;
    check_filters::<AuditSort, _, _>(&rows, &filters(), AuditFilter::admits, async |filter, page| {
        must(view(store).await.api_audit_log().list(&filter, &page).await)
    })
    .await;
    rollback(store, rows.len()).await;
    large_batch(store).await;
}

fn entry(n: u8) -> AuditEntry {
    AuditEntry {
        id: uuid(n),
        at: at(i64::from(n)),
        request_id: format!("request-{n}"),
        subject: Some("jo@example.com".into()),
        agent_type: None,
        parent_session: None,
        method: "GET".into(),
        route: Some("/api/v1/sessions/{id}".into()),
        path: "/api/v1/sessions/0190".into(),
        status: 200,
        duration_micros: 1_234_567,
        client_ip: None,
        user_agent: None,
    }
}

fn rows() -> Vec<AuditEntry> {
    let address = |text: &str| text.parse().ok();
    vec![
        AuditEntry { client_ip: address("192.0.2.7"), user_agent: Some("ct/1 \u{fc}".into()), ..entry(1) },
        AuditEntry { client_ip: address("2001:db8::1"), status: 404, route: None, subject: None, ..entry(2) },
        AuditEntry {
            subject: Some("agent:context-recovery".into()),
            agent_type: Some("context_recovery".into()),
            parent_session: Some(uuid(100)),
            ..entry(3)
        },
        // In the same instant as the first, on another route.
        AuditEntry {
            at: at(1),
            method: "DELETE".into(),
            route: Some("/api/v1/clients".into()),
            status: 204,
            ..entry(4)
        },
        // The next day, by a caller whose name differs only in case.
        AuditEntry { at: at(86_400), subject: Some("Jo@example.com".into()), path: "/".repeat(2000), ..entry(5) },
    ]
}

fn filters() -> Vec<AuditFilter> {
    let all = AuditFilter::default;
    let (first, second) = (NaiveDate::from_ymd_opt(2026, 1, 1), NaiveDate::from_ymd_opt(2026, 1, 2));
    vec![
        AuditFilter { subject: Some("jo@example.com".into()), ..all() },
        AuditFilter { subject: Some("jo".into()), ..all() },
        AuditFilter { route: Some("/api/v1/sessions/{id}".into()), ..all() },
        AuditFilter { status: Some(404), ..all() },
        AuditFilter { request_id: Some("request-3".into()), ..all() },
        AuditFilter { parent_session: Some(uuid(100)), ..all() },
        AuditFilter { date_from: second, ..all() },
        AuditFilter { date_to: first, ..all() },
        AuditFilter { date_from: first, date_to: second, ..all() },
        AuditFilter { subject: Some("jo@example.com".into()), status: Some(200), date_to: first, ..all() },
    ]
}

async fn rollback(store: Store<'_>, before: usize) {
    let mut tx = begin(store).await;
    must(tx.api_audit_log().add_batch(&[entry(40)]).await);
    must(tx.append_audit(&entry(41)).await);
    must(tx.login_throttle().add(&ThrottleState::new("ip:192.0.2.7".into(), at(1))).await);
    drop(tx);
    let mut view = view(store).await;
    let page = PageRequest { with_total: true, ..PageRequest::first(1) };
    let total = must(view.api_audit_log().list(&AuditFilter::default(), &page).await).total;
    assert_eq!(total, Some(before as u64), "dropping rolls back");
    assert_eq!(must(view.login_throttle().lookup("ip:192.0.2.7").await), None);
}

/// A full batch of the flusher, more than one statement can bind on some engines.
async fn large_batch(store: Store<'_>) {
    let batch: Vec<AuditEntry> = (0..1200u32)
        .map(|n| AuditEntry {
            id: uuid::Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + u128::from(n)),
            request_id: "batch".into(),
            at: at(1_000_000 + i64::from(n)),
            ..entry(50)
        })
        .collect();
    let mut tx = begin(store).await;
    must(tx.api_audit_log().add_batch(&batch).await);
    must(tx.agent_runs().add_requests(&[(id(1), 1)]).await);
    must(tx.commit().await);
    let filter = AuditFilter { request_id: Some("batch".into()), ..AuditFilter::default() };
    let page = PageRequest { with_total: true, ..PageRequest::first(1) };
    let listed = must(view(store).await.api_audit_log().list(&filter, &page).await);
    assert_eq!((listed.total, listed.items.first()), (Some(1200), batch.last()));
}
