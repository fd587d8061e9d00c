//! Passwords: the change of one, and the first administrator's.

use std::net::IpAddr;

use claudetools_kernel::{Actor, Change, Error, Faults, Id, Result, Scope, StoreError};
use uuid::Uuid;

use crate::{
    Account, AccountFields, Context, Outcome, Refusal, Secret, account_service::revoke_access, email_key, password,
    ports::IdentityTx, token_service::Attempt,
};

/// The id of the account made on the first start. It is always the same, so that of two replicas that start at once one
/// is refused by the primary key, whatever their addresses.
const FIRST_ADMIN_ID: Uuid = Uuid::from_u128(0x0000_0000_0000_7000_8000_0000_0000_0001);
/// How often the first start is tried again when another replica gets in between.
const BOOTSTRAP_ATTEMPTS: u32 = 8;

/// What `PUT /accounts/{id}/password` asks for.
#[derive(Debug, Clone, Default)]
pub struct SetPassword {
    /// The present password; required unless the caller is an administrator, checked whenever it is given.
    pub current_password: Option<Secret>,
    /// The new one; required.
    pub new_password: Option<Secret>,
    /// Where the request came from, for the throttle.
    pub client_ip: Option<IpAddr>,
}

/// The account made on the first start.
#[derive(Debug, Clone)]
pub struct FirstAdmin {
    /// The account.
    pub account: Account,
    /// Its password, when the configuration named none: to be shown once.
    pub generated_password: Option<Secret>,
}

/// Use cases over passwords.
#[derive(Debug, Clone)]
pub struct PasswordService {
    context: Context,
}

impl PasswordService {
    /// The service over `context`.
    pub const fn new(context: Context) -> Self {
        Self { context }
    }

    /// Sets a password: one's own, or as an administrator anyone's. It ends all refresh tokens of the account and all
    /// access tokens issued so far, also the one that it was called with. Commit it also when it was refused.
    pub async fn set_password(
        &self,
        actor: &Actor,
        id: Id<Account>,
        request: SetPassword,
    ) -> Result<Change<Outcome<Account>>> {
        let account = self.permitted_account(actor, id).await?;
        let mut faults = Faults::default();
        let new = faults.required("password", request.new_password).unwrap_or_default();
        if faults.is_empty() {
            password::check(&mut faults, "password", new.expose(), Some(&account.email));
        }
        if !actor.scopes.allow(Scope::Admin) {
            faults.require_all(&[("current_password", request.current_password.is_some())]);
        }
        faults.finish()?;
        if let Some(current) = &request.current_password {
            let attempt = Attempt::new(account.email_key.clone(), request.client_ip);
            attempt.refuse_throttled(&mut *self.context.store.read().await?, self.context.now()).await?;
            if !self.context.hasher.verify(current, Some(&account.password_hash)).await?.ok {
                let mut tx = self.context.store.begin().await?;
                attempt.count_failure(&mut *tx, self.context.now()).await?;
                return Ok(Change::new(Outcome::Refused(Refusal::WrongCurrentPassword), tx));
            }
        }
        let hash = self.context.hasher.hash(&new).await?;
        self.replace(account, hash).await
    }

    /// Writes the new hash, unless the account has got another password since `seen` was read.
    async fn replace(&self, seen: Account, hash: String) -> Result<Change<Outcome<Account>>> {
        let mut tx = self.context.store.begin().await?;
        let before = tx.accounts().lock(seen.id).await?.ok_or_else(|| Error::not_found(seen.id))?;
        if before.password_hash != seen.password_hash {
            return Err(StoreError::Contention(format!("password of account {} changed meanwhile", seen.id)).into());
        }
        let now = self.context.now();
        let after = before.clone().with_password(hash, now);
        tx.accounts().save(&after).await?;
        tx.refresh_tokens().revoke_account(after.id, now).await?;
        let revocation = revoke_access(&self.context, &mut *tx, &before, now).await?;
        Ok(self.context.change(Outcome::Done(after), tx, vec![revocation]))
    }

    /// The account, if the caller is its owner or an administrator. To anyone else it is the same whether it exists.
    async fn permitted_account(&self, actor: &Actor, id: Id<Account>) -> Result<Account> {
        if actor.agent.is_some() {
            return Err(Error::NotPermitted("an agent cannot change a password"));
        }
        let mut view = self.context.store.read().await?;
        if actor.scopes.allow(Scope::Admin) {
            return view.accounts().find(id).await;
        }
        match view.accounts().find_by_key(&email_key(&actor.subject)).await? {
            Some(own) if own.id == id => Ok(own),
            _ => Err(Error::Forbidden { required: Scope::Admin }),
        }
    }

    /// Makes the first administrator if there is no account at all; with a random password unless one is given. Commits by
    /// itself. Two replicas that start at once make one administrator: the other finds it and does nothing.
    pub async fn bootstrap(&self, email: &str, password: Option<Secret>) -> Result<Option<FirstAdmin>> {
        if self.context.store.read().await?.accounts().any().await? {
            return Ok(None);
        }
        let generated = if password.is_none() { Some(self.context.secrets.token()?) } else { None };
        let password = password.or_else(|| generated.clone()).unwrap_or_default();
        let account = self.first_admin(email, &password).await?;
        for _ in 0..BOOTSTRAP_ATTEMPTS {
            let tx = self.context.store.begin().await;
            let done = match tx {
                Ok(tx) => add_first(tx, &account).await,
                Err(error) => Err(error),
            };
            match done {
                Ok(true) => {
                    return Ok(Some(FirstAdmin { account, generated_password: generated }));
                }
                Ok(false) => return Ok(None),
                // Another replica: look again whether it is done.
                Err(error) if error.is_retryable() => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::Contention("other replicas kept the first account from being made".into()).into())
    }

    async fn first_admin(&self, email: &str, password: &Secret) -> Result<Account> {
        let fields = AccountFields {
            email: Some(email.to_owned()),
            scopes: Some(vec![Scope::Admin]),
            ..AccountFields::default()
        };
        let mut faults = fields.faults_of_new();
        password::check(&mut faults, "password", password.expose(), Some(email));
        faults.finish()?;
        let hash = self.context.hasher.hash(password).await?;
        Account::new(Id::new(FIRST_ADMIN_ID), fields, hash, self.context.now())
    }
}

async fn add_first(mut tx: Box<dyn IdentityTx>, account: &Account) -> Result<bool, StoreError> {
    if tx.accounts().any().await? {
        return Ok(false);
    }
    tx.accounts().add(account).await?;
    tx.commit().await?;
    Ok(true)
}
