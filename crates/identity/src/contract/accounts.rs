use claudetools_kernel::{PageRequest, Scope, Scopes, StoreError};
use futures::future;

use super::{
    Store, account, add_accounts, at, begin, check_filters, check_pages, contended, exactly_one, id, must,
    refused_by_constraint, view,
};
use crate::{Account, AccountFilter, AccountSort};

/// The suite of [`crate::ports::AccountRepository`].
pub async fn accounts(store: Store<'_>) {
    assert!(!must(view(store).await.accounts().any().await), "a fresh store has no accounts");
    let rows = round_trip(store).await;
    unique(store).await;
    lists(store, &rows).await;
    saves(store).await;
    two_writers(store).await;
    log_ins(store).await;
    last_admin(store).await;
    removal(store).await;
}

async fn round_trip(store: Store<'_>) -> Vec<Account> {
    let rows = vec![
        Account { last_login_at: Some(at(7)), ..account(1, "Jo.Straße@Example.com") },
        Account { scopes: Scopes::up_to(Scope::Write), ..account(2, "jose@example.com") },
        // Not the same letters, whatever the collation thinks.
        Account { is_active: false, ..account(3, "jos\u{e9}@example.com") },
        Account { scopes: Scopes::up_to(Scope::Admin), created_at: at(2), ..account(4, "100%_a@example.com") },
        Account { scopes: Scopes::up_to(Scope::Admin), created_at: at(2), ..account(5, "100xya@example.com") },
    ];
    add_accounts(store, &rows).await;
    let mut view = view(store).await;
    assert!(must(view.accounts().any().await));
    for row in &rows {
        assert_eq!(must(view.accounts().lookup(row.id).await).as_ref(), Some(row));
        assert_eq!(must(view.accounts().find_by_key(&row.email_key).await).as_ref(), Some(row));
    }
    assert_eq!(must(view.accounts().find_by_key("JOSE@example.com").await), None, "keys are compared byte by byte");
    assert_eq!(must(view.accounts().lookup(id(99)).await), None);
    rows
}

async fn unique(store: Store<'_>) {
    let mut tx = begin(store).await;
    let twin = Account { email: "JOSE@EXAMPLE.com".into(), ..account(20, "jose@example.com") };
    refused_by_constraint(tx.accounts().add(&twin).await, "an address twice");
    drop(tx);
    let mut tx = begin(store).await;
    refused_by_constraint(tx.accounts().add(&account(1, "other@example.com")).await, "an id twice");
    drop(tx);
    let mut tx = begin(store).await;
    let renamed = Account { revision: 2, ..account(2, "jo.straße@example.com") };
    refused_by_constraint(tx.accounts().save(&renamed).await, "a change to another's address");
}

async fn lists(store: Store<'_>, rows: &[Account]) {
    check_pages::<AccountSort, _>(rows, async |page| {
        must(view(store).await.accounts().list(&AccountFilter::default(), &page).await)
    })
    .await;
    let q = |text: &str| AccountFilter { q: Some(text.into()), ..AccountFilter::default() };
    let scope = |scope| AccountFilter { scope: Some(scope), ..AccountFilter::default() };
    let filters = [
        q("STRASSE"),
        q("STRAßE"),
        q("Jos\u{e9}"),
        q("%_a"),
        q("_"),
        q("nobody"),
        AccountFilter { is_active: Some(true), ..AccountFilter::default() },
        AccountFilter { is_active: Some(false), ..AccountFilter::default() },
        scope(Scope::Read),
        scope(Scope::Write),
        scope(Scope::Admin),
        AccountFilter { is_active: Some(true), scope: Some(Scope::Write), q: Some("JOSE".into()) },
    ];
    check_filters::<AccountSort, _, _>(rows, &filters, AccountFilter::admits, async |filter, page| {
        must(view(store).await.accounts().list(&filter, &page).await)
    })
    .await;
}

async fn saves(store: Store<'_>) {
    let changed = Account {
        email: "New@Example.com".into(),
        email_key: "new@example.com".into(),
        password_hash: "$2b$12$other".into(),
        scopes: Scopes::up_to(Scope::Write),
        is_active: false,
        updated_at: at(500),
        last_login_at: Some(at(501)),
        password_changed_at: at(502),
        revision: 2,
        ..account(1, "x")
    };
    let mut tx = begin(store).await;
    must(tx.accounts().save(&changed).await);
    assert_eq!(must(tx.accounts().lookup(changed.id).await).as_ref(), Some(&changed), "a transaction sees its writes");
    must(tx.commit().await);
    assert_eq!(must(view(store).await.accounts().lookup(changed.id).await), Some(changed.clone()));
    stale(store, &changed).await;
}

async fn stale(store: Store<'_>, changed: &Account) {
    let mut tx = begin(store).await;
    contended(tx.accounts().save(&Account { revision: 2, ..changed.clone() }).await, "a stale revision");
    drop(tx);
    let mut tx = begin(store).await;
    contended(tx.accounts().save(&account(99, "none@example.com")).await, "a missing row");
    drop(tx);
    let mut tx = begin(store).await;
    must(tx.accounts().save(&Account { revision: 3, is_active: true, ..changed.clone() }).await);
    drop(tx);
    assert_eq!(
        must(view(store).await.accounts().lookup(changed.id).await),
        Some(changed.clone()),
        "dropping rolls back"
    );
}

async fn two_writers(store: Store<'_>) {
    let seen = must(view(store).await.accounts().lookup(id(2)).await).unwrap_or_else(|| panic!("account 2 is there"));
    let write = async |at_second| {
        let mut tx = store.begin().await?;
        let changed = Account { updated_at: at(at_second), revision: seen.revision + 1, ..seen.clone() };
        tx.accounts().save(&changed).await?;
        tx.commit().await
    };
    let (first, second) = future::join(write(900), write(901)).await;
    exactly_one(&[first, second], "two writers of one revision");
}

async fn log_ins(store: Store<'_>) {
    let before = must(view(store).await.accounts().lookup(id(2)).await).unwrap_or_else(|| panic!("account 2 is there"));
    let mut tx = begin(store).await;
    assert_eq!(must(tx.accounts().lock(before.id).await).as_ref(), Some(&before));
    assert_eq!(must(tx.accounts().lock(id(99)).await), None);
    must(tx.accounts().record_login(before.id, at(700), None).await);
    must(tx.commit().await);
    let after = must(view(store).await.accounts().lookup(before.id).await);
    assert_eq!(after, Some(Account { last_login_at: Some(at(700)), ..before.clone() }), "nothing else changes");
    let mut tx = begin(store).await;
    must(tx.accounts().record_login(before.id, at(701), Some("$argon2id$new")).await);
    must(tx.commit().await);
    let after = must(view(store).await.accounts().lookup(before.id).await);
    let password_hash = "$argon2id$new".to_owned();
    assert_eq!(after, Some(Account { last_login_at: Some(at(701)), password_hash, ..before }));
    let mut tx = begin(store).await;
    contended(tx.accounts().record_login(id(99), at(1), None).await, "a log-in of nobody");
}

/// Two administrators demote each other at once: one must remain.
async fn last_admin(store: Store<'_>) {
    let mut tx = begin(store).await;
    let mut wanted = vec![id(4), id(5)];
    wanted.sort_unstable();
    assert_eq!(must(tx.accounts().lock_admins().await), wanted, "active administrators by id");
    drop(tx);
    let demote = async |n: u8| -> Result<(), StoreError> {
        let mut tx = store.begin().await?;
        let admins = tx.accounts().lock_admins().await?;
        let account = tx.accounts().lock(id(n)).await?.unwrap_or_else(|| panic!("account {n} is there"));
        if admins.iter().all(|admin| *admin == account.id) {
            return Err(StoreError::Contention("the last administrator stays".into()));
        }
        let demoted = Account { scopes: Scopes::up_to(Scope::Read), revision: account.revision + 1, ..account.clone() };
        tx.accounts().save(&demoted).await?;
        tx.commit().await
    };
    let (first, second) = future::join(demote(4), demote(5)).await;
    exactly_one(&[first, second], "two administrators demoting each other");
    let filter = AccountFilter { scope: Some(Scope::Admin), is_active: Some(true), q: None };
    let left = must(view(store).await.accounts().list(&filter, &PageRequest::first(10)).await);
    assert_eq!(left.items.len(), 1);
}

async fn removal(store: Store<'_>) {
    let mut tx = begin(store).await;
    assert!(must(tx.accounts().remove(id(3)).await));
    assert!(!must(tx.accounts().remove(id(3)).await), "removed once");
    must(tx.commit().await);
    assert_eq!(must(view(store).await.accounts().lookup(id(3)).await), None);
}
