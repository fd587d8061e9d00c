//! Managing accounts, for administrators.

use claudetools_kernel::{Actor, Change, Error, Id, Page, Query, Result, Scope, Target, Timestamp};

use crate::{
    Account, AccountFields, AccountFilter, AccountSort, Context, Revocation, Secret, email_key, password,
    ports::IdentityTx,
};

/// Use cases over accounts.
#[derive(Debug, Clone)]
pub struct AccountService {
    context: Context,
}

impl AccountService {
    /// The service over `context`.
    pub const fn new(context: Context) -> Self {
        Self { context }
    }

    /// A page of accounts.
    pub async fn list(&self, actor: &Actor, query: &Query<AccountFilter, AccountSort>) -> Result<Page<Account>> {
        actor.require(Scope::Admin)?;
        Ok(self.context.store.read().await?.accounts().list(&query.filter, &query.page).await?)
    }

    /// One account.
    pub async fn get(&self, actor: &Actor, id: Id<Account>) -> Result<Account> {
        actor.require(Scope::Admin)?;
        self.context.store.read().await?.accounts().find(id).await
    }

    /// A new account with this password.
    pub async fn create(
        &self,
        actor: &Actor,
        fields: AccountFields,
        password: Option<Secret>,
    ) -> Result<Change<Account>> {
        actor.require(Scope::Admin)?;
        let mut faults = fields.faults_of_new();
        match &password {
            Some(password) => {
                password::check(&mut faults, "password", password.expose(), fields.email.as_deref());
            }
            None => faults.require_all(&[("password", false)]),
        }
        faults.finish()?;
        let password = password.unwrap_or_default();
        let id = self.context.ids.id();
        // Before the costly hash, and outside the writing transaction, which others wait for.
        if let Some(email) = &fields.email {
            refuse_duplicate(&mut *self.context.store.read().await?, &email_key(email), id).await?;
        }
        let hash = self.context.hasher.hash(&password).await?;
        let account = Account::new(id, fields, hash, self.context.now())?;
        let mut tx = self.context.store.begin().await?;
        refuse_duplicate(&mut *tx, &account.email_key, id).await?;
        tx.accounts().add(&account).await?;
        Ok(Change::new(account, tx))
    }

    /// Changes the fields given. Whoever is deactivated or loses a scope is logged out everywhere; another address ends
    /// the access tokens that bear the old one.
    pub async fn update(
        &self,
        actor: &Actor,
        target: &Target<Account>,
        fields: AccountFields,
    ) -> Result<Change<Account>> {
        actor.require(Scope::Admin)?;
        let id = target.id;
        let mut tx = self.context.store.begin().await?;
        // All administrators before the one account: every writer takes its locks in this order.
        let admins = if fields.may_demote() { tx.accounts().lock_admins().await? } else { Vec::new() };
        let before = target.admit(tx.accounts().lock(id).await?)?;
        let now = self.context.now();
        let after = before.clone().change(fields, now)?;
        if before.is_active_admin() && !after.is_active_admin() {
            refuse_last_admin(&admins, id, "demoted or deactivated")?;
        }
        let renamed = after.email_key != before.email_key;
        if renamed {
            refuse_duplicate(&mut *tx, &after.email_key, id).await?;
        }
        tx.accounts().save(&after).await?;
        let demoted = after.scopes.highest() < before.scopes.highest();
        let deactivated = before.is_active && !after.is_active;
        let mut revocations = Vec::new();
        if demoted || deactivated {
            tx.refresh_tokens().revoke_account(id, now).await?;
        }
        if demoted || deactivated || renamed {
            revocations.push(revoke_access(&self.context, &mut *tx, &before, now).await?);
        }
        Ok(self.context.change(after, tx, revocations))
    }

    /// Removes an account and its refresh tokens, and ends its access tokens.
    pub async fn delete(&self, actor: &Actor, target: &Target<Account>) -> Result<Change<()>> {
        actor.require(Scope::Admin)?;
        let id = target.id;
        let mut tx = self.context.store.begin().await?;
        let admins = tx.accounts().lock_admins().await?;
        let account = target.admit(tx.accounts().lock(id).await?)?;
        if account.is_active_admin() {
            refuse_last_admin(&admins, id, "removed")?;
        }
        tx.refresh_tokens().remove_account(id).await?;
        tx.accounts().remove(id).await?;
        let revocation = revoke_access(&self.context, &mut *tx, &account, self.context.now()).await?;
        Ok(self.context.change((), tx, vec![revocation]))
    }
}

/// Refuses with [`Error::Duplicate`] if another account has the folded address.
async fn refuse_duplicate(tx: &mut dyn IdentityTx, key: &str, own: Id<Account>) -> Result<()> {
    let holder = tx.accounts().find_by_key(key).await?;
    Error::refuse_taken("email", holder.map(|other| other.id), own)
}

/// Refuses unless an administrator other than `id` is left.
fn refuse_last_admin(admins: &[Id<Account>], id: Id<Account>, what: &str) -> Result<()> {
    if admins.iter().any(|admin| *admin != id) {
        return Ok(());
    }
    Err(Error::Conflict(format!("account {id} is the last active administrator and cannot be {what}")))
}

/// Enters that no access token issued to `account` up to `now` is good any more.
pub(crate) async fn revoke_access(
    context: &Context,
    tx: &mut dyn IdentityTx,
    account: &Account,
    now: Timestamp,
) -> Result<Revocation> {
    let revocation = Revocation::of_subject(context.ids.id(), &account.email, now);
    tx.revocations().add(&revocation).await?;
    Ok(revocation)
}
