//! The sub-commands that work on the database: `migrate`, `accounts`, `audit`.

use std::io::{self, BufRead, Write};

use chrono::TimeDelta;
use claudetools_crypto::SystemClock;
use claudetools_identity::{
    Account, AccountFields, AccountFilter, AccountSort, AuditFilter, AuditSort, Secret, SetPassword,
};
use claudetools_kernel::{
    Actor, AuditEntry, Clock, Error, PageRequest, Query, Receipt, Scope, Scopes, Sort, SortField, Start, Target,
};
use claudetools_migrations::{Difference, Migrator, MigratorTrait};
use claudetools_sql::SchemaError;

use crate::assembly::{Administration, StartError, open};
use crate::cli::{self, AccountsAction, MigrateAction, PasswordSource};
use crate::config::Config;
use crate::secret::Password;

/// How many rows are fetched at a time.
const PAGE: u32 = 200;

/// Whoever can run this program on the server's own files is an administrator; the name stands in no audit row, because
/// no request was made.
pub(crate) fn operator() -> Actor {
    Actor {
        subject: "command-line".to_owned(),
        scopes: Scopes::up_to(Scope::Admin),
        machine: None,
        agent: None,
        token_id: String::new(),
        expires_at: SystemClock.now().plus(TimeDelta::hours(1)),
    }
}

/// `migrate up`, `migrate status`, `migrate down`.
///
/// # Errors
/// The database's, and a refusal to go back without `--yes`.
pub async fn migrate(config: &Config, action: MigrateAction, out: &mut dyn Write) -> Result<(), StartError> {
    let store = open(config).await?;
    match action {
        MigrateAction::Up => {
            let applied = claudetools_sql::prepare(&store).await?;
            writeln!(out, "{applied} migrations applied; the schema is up to date")?;
        }
        MigrateAction::Status => {
            let Difference { missing, unknown } = claudetools_sql::compare(&store).await?;
            for migration in Migrator::migrations() {
                let state = if missing.iter().any(|name| name == migration.name()) { "Pending" } else { "Applied" };
                writeln!(out, "{state}  {}", migration.name())?;
            }
            for name in unknown {
                writeln!(out, "Newer    {name}")?;
            }
        }
        MigrateAction::Down { yes: false, .. } => {
            return Err(io::Error::other("going back loses the data in what is taken back; repeat with --yes").into());
        }
        MigrateAction::Down { steps, yes: true } => {
            let Difference { missing, unknown } = claudetools_sql::compare(&store).await?;
            if !unknown.is_empty() {
                return Err(SchemaError::Newer { unknown }.into());
            }
            let applied = Migrator::migrations().len() - missing.len();
            claudetools_sql::take_back(&store, Some(steps)).await?;
            writeln!(out, "{} migrations taken back", applied.min(steps as usize))?;
        }
    }
    store.close().await?;
    Ok(())
}

/// `accounts list`, `create`, `set-password`, `deactivate`, `activate`.
///
/// # Errors
/// The database's, and what the use cases refuse.
pub async fn accounts(config: &Config, action: AccountsAction, out: &mut dyn Write) -> Result<(), StartError> {
    let administration = Administration::new(config).await?;
    let services = &administration.services;
    match action {
        AccountsAction::List => list_accounts(&administration, out).await?,
        AccountsAction::Create { email, scope, password } => {
            let (password, shown) = read_password(password)?;
            let fields = AccountFields { email: Some(email), scopes: Some(vec![scope]), ..AccountFields::default() };
            let change = services.accounts.create(&operator(), fields, Some(password)).await?;
            let account = change.commit(Receipt::default()).await?;
            writeln!(out, "{} was made", account.email)?;
            show(shown.as_ref(), out)?;
        }
        AccountsAction::SetPassword { email, password } => {
            let account = find(&administration, &email).await?;
            let (password, shown) = read_password(password)?;
            let request = SetPassword { new_password: Some(password), ..SetPassword::default() };
            let change = services.passwords.set_password(&operator(), account.id, request).await?;
            change.commit(Receipt::default()).await?.into_result()?;
            writeln!(out, "{} has a new password; its tokens are revoked", account.email)?;
            show(shown.as_ref(), out)?;
        }
        AccountsAction::Deactivate { email } => set_active(&administration, &email, false, out).await?,
        AccountsAction::Activate { email } => set_active(&administration, &email, true, out).await?,
    }
    administration.store.close().await?;
    Ok(())
}

async fn set_active(
    administration: &Administration,
    email: &str,
    active: bool,
    out: &mut dyn Write,
) -> Result<(), StartError> {
    let account = find(administration, email).await?;
    let fields = AccountFields { is_active: Some(active), ..AccountFields::default() };
    let accounts = &administration.services.accounts;
    let change = accounts.update(&operator(), &Target::any(account.id), fields).await?;
    change.commit(Receipt::default()).await?;
    writeln!(out, "{} {}", account.email, if active { "may log in" } else { "can log in no more" })?;
    Ok(())
}

fn show(password: Option<&Password>, out: &mut dyn Write) -> io::Result<()> {
    match password {
        Some(password) => writeln!(out, "Its password, shown this once: {}", password.expose()),
        None => Ok(()),
    }
}

fn read_password(source: PasswordSource) -> Result<(Secret, Option<Password>), StartError> {
    if source.generate {
        let password = Password::random()?;
        return Ok((Secret::new(password.expose()), Some(password)));
    }
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    Ok((Secret::new(line.trim_end_matches(['\r', '\n'])), None))
}

async fn find(administration: &Administration, email: &str) -> Result<Account, StartError> {
    let mut view = administration.identity.begin().await?;
    let found = view.accounts().find_by_key(&claudetools_identity::email_key(email)).await?;
    found.ok_or_else(|| Error::NotFound { resource_type: "account", resource_id: email.to_owned() }.into())
}

/// Every row of a list, page by page.
fn request<S: SortField>(limit: u32, start: Start) -> PageRequest<S> {
    PageRequest { limit, start, sort: Sort::default(), with_total: false }
}

async fn list_accounts(administration: &Administration, out: &mut dyn Write) -> Result<(), StartError> {
    let mut start = Start::Offset(0);
    loop {
        let query = Query { filter: AccountFilter::default(), page: request::<AccountSort>(PAGE, start) };
        let page = administration.services.accounts.list(&operator(), &query).await?;
        for account in page.items {
            let state = if account.is_active { "active" } else { "inactive" };
            writeln!(out, "{:40} {:10} {state}", account.email, account.scopes.highest())?;
        }
        match page.next {
            Some(next) => start = Start::After(next),
            None => return Ok(()),
        }
    }
}

/// `audit list`.
///
/// # Errors
/// The database's.
pub async fn audit(config: &Config, wanted: &cli::AuditFilter, out: &mut dyn Write) -> Result<(), StartError> {
    let administration = Administration::new(config).await?;
    let filter = AuditFilter {
        subject: wanted.subject.clone(),
        route: wanted.route.clone(),
        status: wanted.status,
        date_from: wanted.since,
        date_to: wanted.until,
        request_id: wanted.request_id.clone(),
        ..AuditFilter::default()
    };
    let (mut left, mut start) = (wanted.limit, Start::Offset(0));
    while left > 0 {
        let query = Query { filter: filter.clone(), page: request::<AuditSort>(left.min(PAGE), start) };
        let page = administration.services.audit_log.list(&operator(), &query).await?;
        left -= u32::try_from(page.items.len()).unwrap_or(left);
        for entry in &page.items {
            write_entry(entry, wanted, out)?;
        }
        match page.next {
            Some(next) => start = Start::After(next),
            None => break,
        }
    }
    administration.store.close().await?;
    Ok(())
}

fn write_entry(entry: &AuditEntry, wanted: &cli::AuditFilter, out: &mut dyn Write) -> io::Result<()> {
    let subject = entry.subject.as_deref().unwrap_or("-");
    if wanted.json {
        let line = serde_json::json!({
            "id": entry.id, "at": entry.at, "request_id": entry.request_id, "subject": entry.subject,
            "agent_type": entry.agent_type, "parent_session": entry.parent_session, "method": entry.method,
            "route": entry.route, "path": entry.path, "status": entry.status,
            "duration_micros": entry.duration_micros, "client_ip": entry.client_ip, "user_agent": entry.user_agent,
        });
        return writeln!(out, "{line}");
    }
    let (at, status, method) = (entry.at.to_string(), entry.status, &entry.method);
    writeln!(out, "{at:27} {status} {method:6} {:50} {subject} {}", entry.path, entry.request_id)
}
