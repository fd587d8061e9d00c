//! What every storage adapter must do, as suites over its unit of work.
//!
//! Each public function here is one suite and wants a fresh, empty store. Where two writers meet, both run in one task and
//! take turns, so a store whose writers exclude each other must wait without blocking the thread. A suite panics with what
//! it found.

use std::fmt::Debug;

use claudetools_kernel::{
    Direction, Id, Keyed, Page, PageRequest, Scope, Scopes, Sort, SortField, Start, StoreError, Timestamp, UnitOfWork,
};
use uuid::Uuid;

use crate::{Account, ports::IdentityTx};

mod accounts;
mod agent_runs;
mod audit_log;
mod login_throttle;
mod refresh_tokens;
mod revocations;

pub use accounts::accounts;
pub use agent_runs::{agent_runs, session_directory};
pub use audit_log::api_audit_log;
pub use login_throttle::login_throttle;
pub use refresh_tokens::refresh_tokens;
pub use revocations::revocations;

/// The store under test.
pub type Store<'a> = &'a dyn UnitOfWork<dyn IdentityTx>;

fn must<T>(result: Result<T, StoreError>) -> T {
    result.unwrap_or_else(|error| panic!("the store failed: {error}"))
}

async fn begin(store: Store<'_>) -> Box<dyn IdentityTx> {
    must(store.begin().await)
}

async fn view(store: Store<'_>) -> Box<dyn IdentityTx> {
    must(store.read().await)
}

#[expect(clippy::needless_pass_by_value, reason = "the callers have a fresh result and no use for it")]
fn refused_by_constraint<T: Debug>(result: Result<T, StoreError>, what: &str) {
    assert!(matches!(result, Err(StoreError::Constraint(_))), "{what}: wanted a constraint, got {result:?}");
}

#[expect(clippy::needless_pass_by_value, reason = "the callers have a fresh result and no use for it")]
fn contended<T: Debug>(result: Result<T, StoreError>, what: &str) {
    assert!(matches!(result, Err(StoreError::Contention(_))), "{what}: wanted contention, got {result:?}");
}

/// Of several writers of one row, exactly one may have done it; the others were told to try again.
fn exactly_one(results: &[Result<(), StoreError>], what: &str) {
    let done = results.iter().filter(|result| result.is_ok()).count();
    assert_eq!(done, 1, "{what}: {results:?}");
    for error in results.iter().filter_map(|result| result.as_ref().err()) {
        assert!(error.is_retryable(), "{what}: {error}");
    }
}

/// An instant with microseconds, `n` seconds into 2026.
fn at(n: i64) -> Timestamp {
    const START: i64 = 1_767_225_600_000_000;
    Timestamp::from_micros(START + n * 1_000_000 + 123_456).unwrap_or_else(|| panic!("{n} is far off"))
}

/// Ids that sort differently as signed bytes than as unsigned ones.
fn uuid(n: u8) -> Uuid {
    Uuid::from_bytes([n.wrapping_mul(97), 1, 2, 3, 4, 5, 0x70, 7, 0x80, 9, 10, 11, 12, 13, 14, n])
}

fn id<K>(n: u8) -> Id<K> {
    Id::new(uuid(n))
}

fn account(n: u8, email: &str) -> Account {
    Account {
        id: id(n),
        email: email.to_owned(),
        email_key: crate::email_key(email),
        password_hash: format!("$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$hash{n}"),
        scopes: Scopes::up_to(Scope::Read),
        is_active: true,
        created_at: at(i64::from(n)),
        updated_at: at(100 + i64::from(n)),
        last_login_at: None,
        password_changed_at: at(50 + i64::from(n)),
        revision: 1,
    }
}

async fn add_accounts(store: Store<'_>, accounts: &[Account]) {
    let mut tx = begin(store).await;
    for account in accounts {
        must(tx.accounts().add(account).await);
    }
    must(tx.commit().await);
}

/// Compares every page of every order, by offset and by position, with what the plain rule makes of `rows`.
async fn check_pages<S, T>(rows: &[T], list: impl AsyncFn(PageRequest<S>) -> Page<T>)
where
    S: SortField + Debug,
    T: Keyed<S> + Clone + PartialEq + Debug,
{
    for field in S::ALL.iter().copied() {
        for direction in [Direction::Ascending, Direction::Descending] {
            let sort = Sort { field, direction };
            let beyond = rows.len() as u64 + 3;
            let offsets = (0..=rows.len() as u64).chain([beyond]).map(Start::Offset);
            let positions = rows.iter().map(|row| Start::After(row.position(field)));
            for start in offsets.chain(positions) {
                for (limit, with_total) in [(1, false), (2, true), (200, true)] {
                    let request = PageRequest { limit, start: start.clone(), sort, with_total };
                    let wanted = Page::cut(rows.to_vec(), &request);
                    assert_eq!(list(request.clone()).await, wanted, "{request:?}");
                }
            }
        }
    }
}

/// Compares the rows that each filter lists with those that the plain rule admits.
async fn check_filters<S, T, F>(
    rows: &[T],
    filters: &[F],
    admits: impl Fn(&F, &T) -> bool,
    list: impl AsyncFn(F, PageRequest<S>) -> Page<T>,
) where
    S: SortField,
    T: Keyed<S> + Clone + PartialEq + Debug,
    F: Clone + Debug,
{
    for filter in filters {
        let request = PageRequest { with_total: true, ..PageRequest::first(2) };
        let admitted: Vec<T> = rows.iter().filter(|row| admits(filter, row)).cloned().collect();
        let wanted = Page::cut(admitted, &request);
        assert_eq!(list(filter.clone(), request).await, wanted, "{filter:?}");
    }
}
