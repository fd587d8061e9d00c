//! Getting access tokens: with the password, or with a refresh token.

use std::net::IpAddr;

use chrono::TimeDelta;
use claudetools_kernel::{Change, Error, Faults, Patch, Result, Scopes, StoreError, Timestamp, text};

use crate::{
    Account, Claims, Context, Limit, Outcome, RefreshKind, RefreshToken, Refusal, Secret, ThrottleState,
    account::fitting_key, password, ports::IdentityTx, refresh_token::Verdict,
};

/// Longer than every token that was ever issued.
const LONGEST_REFRESH_TOKEN: usize = 512;
const UNKNOWN_TOKEN: Error = Error::Unauthorized("the refresh token is not valid; log in again");

/// The password form of `POST /auth/token`.
#[derive(Debug, Clone, Default)]
pub struct LogIn {
    /// The address; required.
    pub email: Option<String>,
    /// The password; required.
    pub password: Option<Secret>,
    /// A name for the machine, shown in the list of refresh tokens.
    pub machine: Option<String>,
    /// The kind of refresh token wanted; rotating unless given.
    pub refresh_kind: Option<RefreshKind>,
    /// Where the request came from; counts towards that caller's limit.
    pub client_ip: Option<IpAddr>,
}

/// An access token and what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenGrant {
    /// Whose it is.
    pub subject: String,
    /// The token.
    pub access_token: Secret,
    /// How many seconds it lives.
    pub expires_in: i64,
    /// What it allows.
    pub scopes: Scopes,
    /// The machine that it bears.
    pub machine: Option<String>,
    /// The refresh token of a log-in, or the successor of a rotating one that was used. Shown this once.
    pub refresh_token: Option<Secret>,
}

/// Log-in and refresh.
#[derive(Debug, Clone)]
pub struct TokenService {
    context: Context,
}

/// A log-in whose password was right.
struct Proven {
    account: Account,
    new_hash: Option<String>,
}

impl TokenService {
    /// The service over `context`.
    pub const fn new(context: Context) -> Self {
        Self { context }
    }

    /// Logs in with address and password. Commit it also when it was refused: the failure has been counted.
    ///
    /// Unknown address, wrong password and inactive account are one answer at one price. Whether the caller must wait is
    /// looked at before the password is hashed, and once more, under lock, before the verdict: of many attempts made at
    /// once, only as many as the limit allows learn whether their password was right.
    pub async fn log_in(&self, request: LogIn) -> Result<Change<Outcome<TokenGrant>>> {
        let mut faults = Faults::default();
        let email = faults.required("email", request.email);
        let email = email.and_then(|email| login_key(&mut faults, &email));
        let password = faults.required("password", request.password).unwrap_or_default();
        if password.expose().len() > password::LONGEST_BYTES {
            let rule = format!("must have at most {} bytes", password::LONGEST_BYTES);
            faults.schema("password", "max_length", &rule);
        }
        let machine = text::optional_line(&mut faults, "machine", Patch::from(request.machine)).value().cloned();
        faults.finish()?;
        let attempt = Attempt::new(email.unwrap_or_default(), request.client_ip);
        let proven = self.prove(&attempt, &password).await?;
        let mut tx = self.context.store.begin().await?;
        let now = self.context.now();
        let states = attempt.lock(&mut *tx, now).await?;
        let Some(proven) = proven else {
            attempt.count(&mut *tx, states, now).await?;
            return Ok(Change::new(Outcome::Refused(Refusal::WrongCredentials), tx));
        };
        let account = tx.accounts().lock(proven.account.id).await?;
        let account =
            account.filter(|account| account.is_active && account.password_hash == proven.account.password_hash);
        let Some(account) = account else {
            return Err(StoreError::Contention("the account changed during the log-in".into()).into());
        };
        tx.accounts().record_login(account.id, now, proven.new_hash.as_deref()).await?;
        tx.login_throttle().clear(&attempt.email).await?;
        let secret = self.context.secrets.token()?;
        let kind = request.refresh_kind.unwrap_or(RefreshKind::Rotating);
        let hash = self.hash(&secret);
        let refresh = RefreshToken::issue(self.context.ids.id(), account.id, kind, hash, machine.clone(), now);
        tx.refresh_tokens().add(&refresh).await?;
        let grant = self.grant(&account, machine, Some(secret), now)?;
        Ok(Change::new(Outcome::Done(grant), tx))
    }

    /// The account with this address, if the password is its and it may log in.
    async fn prove(&self, attempt: &Attempt, password: &Secret) -> Result<Option<Proven>> {
        let account = {
            let mut view = self.context.store.read().await?;
            attempt.refuse_throttled(&mut *view, self.context.now()).await?;
            view.accounts().find_by_key(&attempt.folded).await?
        };
        let hash = account.as_ref().map(|account| account.password_hash.as_str());
        let verified = self.context.hasher.verify(password, hash).await?;
        let Some(account) = account.filter(|account| verified.ok && account.is_active) else {
            return Ok(None);
        };
        // A full queue is no reason to refuse a log-in; the next one will renew the hash.
        let new_hash = if verified.needs_rehash { self.context.hasher.hash(password).await.ok() } else { None };
        Ok(Some(Proven { account, new_hash }))
    }

    /// Gets an access token with a refresh token; for a rotating one also its successor. Commit it also when it was
    /// refused: a token used a second time has ended its family.
    ///
    /// Both `POST /auth/refresh` and the refresh form of `POST /auth/token` are this. The latter hands out no *further*
    /// refresh token, but the successor of a rotating one must be in the answer: the token presented is used up.
    pub async fn refresh(&self, token: &Secret) -> Result<Change<Outcome<TokenGrant>>> {
        if token.expose().is_empty() || token.expose().len() > LONGEST_REFRESH_TOKEN {
            return Err(UNKNOWN_TOKEN);
        }
        let hash = self.hash(token);
        // What is unknown or over never gets as far as a writing transaction, which others would wait for.
        let seen = self.context.store.read().await?.refresh_tokens().find_by_hash(&hash).await?;
        let seen = seen.ok_or(UNKNOWN_TOKEN)?;
        seen.judge(self.context.now())?;
        let mut tx = self.context.store.begin().await?;
        // The account first: whoever deactivates it or changes its password either waits until the successor is there to
        // be revoked, or is waited for.
        let account = tx.accounts().lock(seen.account_id).await?.ok_or(UNKNOWN_TOKEN)?;
        let token = tx.refresh_tokens().find_by_hash(&hash).await?.ok_or(UNKNOWN_TOKEN)?;
        let now = self.context.now();
        let verdict = token.judge(now)?;
        if !account.is_active {
            return Err(UNKNOWN_TOKEN);
        }
        let used = match (verdict, token.kind) {
            (Verdict::Reused, _) => false,
            (Verdict::Good, RefreshKind::Rotating) => tx.refresh_tokens().mark_used(token.id, now).await?,
            (Verdict::Good, RefreshKind::Static) => {
                if !tx.refresh_tokens().touch(token.id, now).await? {
                    return Err(Error::TokenRevoked);
                }
                true
            }
        };
        if !used {
            tx.refresh_tokens().revoke_family(token.family_id, now).await?;
            return Ok(Change::new(Outcome::Refused(Refusal::RefreshTokenReused), tx));
        }
        let successor = self.succeed(&mut *tx, &token, now).await?;
        let grant = self.grant(&account, token.machine, successor, now)?;
        Ok(Change::new(Outcome::Done(grant), tx))
    }

    /// Adds the successor of a rotating token.
    async fn succeed(&self, tx: &mut dyn IdentityTx, token: &RefreshToken, now: Timestamp) -> Result<Option<Secret>> {
        if token.kind == RefreshKind::Static {
            return Ok(None);
        }
        let secret = self.context.secrets.token()?;
        let successor = token.successor(self.context.ids.id(), self.hash(&secret), now);
        tx.refresh_tokens().add(&successor).await?;
        Ok(Some(secret))
    }

    fn hash(&self, token: &Secret) -> [u8; 32] {
        self.context.digest.sha256(token.expose().as_bytes())
    }

    /// Signs an access token for `account`.
    fn grant(
        &self,
        account: &Account,
        machine: Option<String>,
        refresh_token: Option<Secret>,
        now: Timestamp,
    ) -> Result<TokenGrant> {
        // What ended the account's earlier tokens did so at `updated_at` of some replica's clock. This token is later,
        // whatever this replica's clock says.
        let issued = now.max(account.updated_at.plus(TimeDelta::microseconds(1)));
        let lifetime = self.context.access_lifetime();
        let iat = issued.micros().div_euclid(1_000_000);
        let claims = Claims {
            sub: account.email.clone(),
            scopes: account.scopes.list(),
            machine: machine.clone(),
            iat,
            iat_us: Some(issued.micros()),
            exp: iat + lifetime.num_seconds(),
            jti: self.context.ids.next().to_string(),
            iss: self.context.settings.issuer.clone(),
            aud: self.context.settings.audience.clone(),
            agent_type: None,
            parent_session: None,
            run_id: None,
            owner: None,
        };
        Ok(TokenGrant {
            subject: account.email.clone(),
            access_token: self.context.sign(&claims)?,
            expires_in: lifetime.num_seconds(),
            scopes: account.scopes,
            machine,
            refresh_token,
        })
    }
}

/// The folded address of a log-in. Only what cannot be looked up is refused by its form; all else is unknown or known.
fn login_key(faults: &mut Faults, email: &str) -> Option<String> {
    let address = text::line(faults, "email", email, text::EMAIL)?;
    fitting_key(faults, "email", &address)
}

/// A password tried for an address, from somewhere: what the throttle counts.
#[derive(Debug)]
pub(crate) struct Attempt {
    folded: String,
    email: String,
    ip: Option<String>,
}

type States = Vec<(Limit, String, Option<ThrottleState>)>;

impl Attempt {
    pub(crate) fn new(folded: String, client_ip: Option<IpAddr>) -> Self {
        let email = ThrottleState::email_key(&folded);
        Self { folded, email, ip: client_ip.map(ThrottleState::ip_key) }
    }

    /// In the order in which every writer locks them.
    fn keys(&self) -> impl Iterator<Item = (Limit, &String)> {
        std::iter::once((Limit::Address, &self.email)).chain(self.ip.iter().map(|ip| (Limit::Network, ip)))
    }

    /// Refuses while a wait lasts.
    pub(crate) async fn refuse_throttled(&self, view: &mut dyn IdentityTx, now: Timestamp) -> Result<()> {
        for (_, key) in self.keys() {
            if let Some(state) = view.login_throttle().lookup(key).await? {
                state.check(now)?;
            }
        }
        Ok(())
    }

    /// The states, held against other attempts; refuses while a wait lasts.
    async fn lock(&self, tx: &mut dyn IdentityTx, now: Timestamp) -> Result<States> {
        let mut states = States::new();
        for (limit, key) in self.keys() {
            let state = tx.login_throttle().lock(key).await?;
            if let Some(state) = &state {
                state.check(now)?;
            }
            states.push((limit, key.clone(), state));
        }
        Ok(states)
    }

    /// Counts a failure.
    async fn count(&self, tx: &mut dyn IdentityTx, states: States, now: Timestamp) -> Result<()> {
        for (limit, key, state) in states {
            if let Some(before) = state {
                let previous = before.revision;
                tx.login_throttle().save(&before.fail(limit, now), previous).await?;
            } else {
                let state = ThrottleState::new(key, now).fail(limit, now);
                tx.login_throttle().add(&state).await?;
            }
        }
        Ok(())
    }

    /// Counts a failure, unless by now a wait has begun.
    pub(crate) async fn count_failure(&self, tx: &mut dyn IdentityTx, now: Timestamp) -> Result<()> {
        let states = self.lock(tx, now).await?;
        self.count(tx, states, now).await
    }
}
