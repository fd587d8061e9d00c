//! Ending tokens before their time, and keeping up with what other replicas ended.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::TimeDelta;
use claudetools_kernel::{
    Actor, Change, Error, Faults, Id, Page, PageRequest, Result, Scope, StoreError, Timestamp, text,
};

use crate::{
    Account, Context, MAX_CLOCK_STEP, RefreshKind, RefreshToken, RefreshTokenFilter, RefreshTokenSort, Revocation,
    Secret, email_key, ports::IdentityTx,
};

const LONGEST_TOKEN_ID: usize = 128;
/// How long a revocation may take from its date to its commit.
const COMMIT_DELAY: TimeDelta = TimeDelta::minutes(5);

/// What `POST /auth/revoke` asks for: one of the two.
#[derive(Debug, Clone, Default)]
pub struct Revoke {
    /// An access or refresh token.
    pub token: Option<Secret>,
    /// The id of an access token.
    pub jti: Option<String>,
}

/// Revocation of access tokens and management of refresh tokens.
#[derive(Debug, Clone)]
pub struct RevocationService {
    context: Context,
    /// When the last successful poll began.
    polled: Arc<Mutex<Option<Timestamp>>>,
}

impl RevocationService {
    /// The service over `context`. Clones share their place in the polling.
    pub fn new(context: Context) -> Self {
        Self { context, polled: Arc::default() }
    }

    /// Revokes a token. Whoever can present a token may end it; by its id alone one may end the token one calls with, that
    /// of an agent working on one's behalf, and as an administrator any. A rotating refresh token ends with its family.
    /// A token that is none of ours, or over, is as good as revoked (RFC 7009 section 2.2).
    pub async fn revoke(&self, actor: &Actor, request: Revoke) -> Result<Change<()>> {
        match (request.token, request.jti) {
            (Some(token), None) => self.revoke_token(&token).await,
            (None, Some(jti)) => self.revoke_id(actor, &jti).await,
            (None, None) => Err(Faults::one("token", "required", "or jti is required")),
            (Some(_), Some(_)) => Err(Faults::one("jti", "one_of", "cannot be given together with token")),
        }
    }

    async fn revoke_token(&self, token: &Secret) -> Result<Change<()>> {
        let now = self.context.now();
        if let Ok(claims) = self.context.signer.verify(token.expose(), now) {
            let ends = claims.expires_at();
            return self.enter(claims.jti, Some(ends), now).await;
        }
        let hash = self.context.digest.sha256(token.expose().as_bytes());
        let mut tx = self.context.store.begin().await?;
        if let Some(token) = tx.refresh_tokens().find_by_hash(&hash).await? {
            end(&mut *tx, &token, now).await?;
        }
        Ok(Change::new((), tx))
    }

    async fn revoke_id(&self, actor: &Actor, jti: &str) -> Result<Change<()>> {
        let mut faults = Faults::default();
        let jti = text::line(&mut faults, "jti", jti, LONGEST_TOKEN_ID);
        faults.finish()?;
        let jti = jti.unwrap_or_default();
        let run = self.context.store.read().await?.agent_runs().find_by_token(&jti).await?;
        let known_end = run.as_ref().map(|run| run.expires_at);
        let own_agent = run.is_some_and(|run| actor.agent.is_none() && same_person(&run.started_by, &actor.subject));
        if jti == actor.token_id {
            return self.enter(jti, Some(actor.expires_at), self.context.now()).await;
        }
        if !own_agent {
            actor.require(Scope::Admin)?;
        }
        self.enter(jti, known_end, self.context.now()).await
    }

    async fn enter(&self, jti: String, ends: Option<Timestamp>, now: Timestamp) -> Result<Change<()>> {
        let mut tx = self.context.store.begin().await?;
        if self.context.revoked.revokes_id(&jti) {
            return Ok(Change::new((), tx));
        }
        let revocation = Revocation::of_token(self.context.ids.id(), jti, ends, now);
        tx.revocations().add(&revocation).await?;
        Ok(self.context.change((), tx, vec![revocation]))
    }

    /// A page of the refresh tokens that can be used: one's own, or as an administrator those of `account`, or all.
    pub async fn list_refresh_tokens(
        &self,
        actor: &Actor,
        account: Option<Id<Account>>,
        page: &PageRequest<RefreshTokenSort>,
    ) -> Result<Page<RefreshToken>> {
        let mut view = self.context.store.read().await?;
        let account = if actor.scopes.allow(Scope::Admin) {
            account
        } else {
            let own = own_account(&mut *view, actor).await?;
            if account.is_some_and(|asked| asked != own) {
                return Err(Error::Forbidden { required: Scope::Admin });
            }
            Some(own)
        };
        let filter = RefreshTokenFilter { account_id: account, live_at: Some(self.context.now()) };
        Ok(view.refresh_tokens().list(&filter, page).await?)
    }

    /// Ends a refresh token, a rotating one with its family: one's own, or as an administrator any. One that has ended
    /// already does not exist.
    pub async fn end_refresh_token(&self, actor: &Actor, id: Id<RefreshToken>) -> Result<Change<()>> {
        let mut tx = self.context.store.begin().await?;
        let now = self.context.now();
        let token = tx.refresh_tokens().lookup(id).await?.filter(|token| token.is_live(now));
        let token = token.ok_or_else(|| Error::not_found(id))?;
        if !actor.scopes.allow(Scope::Admin) && own_account(&mut *tx, actor).await? != token.account_id {
            return Err(Error::not_found(id));
        }
        if end(&mut *tx, &token, now).await? == 0 {
            // Someone else was faster.
            return Err(Error::not_found(id));
        }
        Ok(Change::new((), tx))
    }

    /// Takes in what was revoked since the last poll, on the first call everything in force, and drops what has ended.
    /// Call it before the first request, and then at least every other second. On an error the next call makes up for it.
    pub async fn poll(&self) -> Result<usize, StoreError> {
        let now = self.context.now();
        let last = *self.polled.lock().unwrap_or_else(PoisonError::into_inner);
        // Rows are dated by whoever enters them. Each poll therefore reaches back behind the one before as far as that
        // one's clock may have been behind this one, and this one's may have been ahead of the last poll's.
        let from = last.map(|last| last.min(now).plus(-MAX_CLOCK_STEP - COMMIT_DELAY));
        let from = from.unwrap_or(Timestamp::from_micros(0).unwrap_or(now));
        let found = self.context.store.read().await?.revocations().since(from, now).await?;
        self.context.revoked.add(&found);
        self.context.revoked.prune(now);
        *self.polled.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
        Ok(found.len())
    }
}

fn same_person(a: &str, b: &str) -> bool {
    email_key(a) == email_key(b)
}

async fn own_account(tx: &mut dyn IdentityTx, actor: &Actor) -> Result<Id<Account>> {
    if actor.agent.is_some() {
        return Err(Error::NotPermitted("an agent has no refresh tokens"));
    }
    let own = tx.accounts().find_by_key(&email_key(&actor.subject)).await?;
    own.map(|account| account.id).ok_or(Error::NotPermitted("this account does not exist any more"))
}

/// Ends a token, a rotating one with its family; tells how many it ended.
async fn end(tx: &mut dyn IdentityTx, token: &RefreshToken, now: Timestamp) -> Result<u64> {
    // The account first, so that a rotation going on is either seen or waits.
    tx.accounts().lock(token.account_id).await?;
    Ok(match token.kind {
        RefreshKind::Static => u64::from(tx.refresh_tokens().revoke(token.id, now).await?),
        RefreshKind::Rotating => tx.refresh_tokens().revoke_family(token.family_id, now).await?,
    })
}
