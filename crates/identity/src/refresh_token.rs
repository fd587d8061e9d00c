//! Refresh tokens: what a tool keeps in order to get access tokens without the password.
//!
//! A `rotating` token works once: each use answers with its successor in the same family, good for [`REFRESH_LIFETIME`]
//! from then on, so that a tool in use never has to log in again. Using one a second time means that two hold it, of
//! whom one is a thief: the whole family is revoked, whoever came first. There is no grace period: of several parallel
//! uses exactly one wins and the others end the family. A `static` token lies in a configuration file that several
//! machines share; it works until it expires or is revoked.

use chrono::TimeDelta;
use claudetools_kernel::{Direction, Entity, Error, Id, Keyed, Result, SortField, SortKey, Timestamp, enumeration};
use uuid::Uuid;

use crate::Account;

/// How long a refresh token lives; the successor of a rotating one lives as long again.
pub const REFRESH_LIFETIME: TimeDelta = TimeDelta::days(30);

enumeration! {
    /// How a refresh token behaves when it is used.
    pub enum RefreshKind {
        /// Stays as it is; several machines may share it.
        Static = "static",
        /// Is replaced by its successor.
        Rotating = "rotating",
    }
}

enumeration! {
    /// What refresh tokens can be sorted by.
    pub enum RefreshTokenSort {
        /// By creation.
        CreatedAt = "created_at",
        /// By end.
        ExpiresAt = "expires_at",
    }
}

impl SortField for RefreshTokenSort {
    const DEFAULT: (Self, Direction) = (Self::CreatedAt, Direction::Descending);
}

/// A refresh token, without the token itself: only its hash is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct RefreshToken {
    /// Its id.
    pub id: Id<Self>,
    /// Whose it is.
    pub account_id: Id<Account>,
    /// Shared by a rotating token and all its successors.
    pub family_id: Uuid,
    /// How it behaves when used.
    pub kind: RefreshKind,
    /// SHA-256 of the token; unique.
    pub hash: [u8; 32],
    /// The machine named at log-in.
    pub machine: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last got an access token.
    pub last_used_at: Option<Timestamp>,
    /// When it ends by itself.
    pub expires_at: Timestamp,
    /// When its successor took its place; never set on a static one.
    pub used_at: Option<Timestamp>,
    /// When it was ended.
    pub revoked_at: Option<Timestamp>,
}

impl std::fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RefreshToken")
            .field("id", &self.id)
            .field("account_id", &self.account_id)
            .field("family_id", &self.family_id)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

impl Entity for RefreshToken {
    const TYPE: &'static str = "refresh_token";

    fn id(&self) -> Id<Self> {
        self.id
    }
}

impl Keyed<RefreshTokenSort> for RefreshToken {
    fn row_id(&self) -> Uuid {
        self.id.uuid()
    }

    fn sort_key(&self, field: RefreshTokenSort) -> SortKey {
        match field {
            RefreshTokenSort::CreatedAt => self.created_at.into(),
            RefreshTokenSort::ExpiresAt => self.expires_at.into(),
        }
    }
}

/// What is to be done with a refresh token that was presented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is good.
    Good,
    /// It was replaced by its successor before: its family must end.
    Reused,
}

impl RefreshToken {
    /// The token that a log-in makes.
    pub fn issue(
        id: Id<Self>,
        account_id: Id<Account>,
        kind: RefreshKind,
        hash: [u8; 32],
        machine: Option<String>,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            account_id,
            family_id: id.uuid(),
            kind,
            hash,
            machine,
            created_at: now,
            last_used_at: None,
            expires_at: now.plus(REFRESH_LIFETIME),
            used_at: None,
            revoked_at: None,
        }
    }

    /// The token that takes its place.
    #[must_use]
    pub fn successor(&self, id: Id<Self>, hash: [u8; 32], now: Timestamp) -> Self {
        let successor = Self::issue(id, self.account_id, self.kind, hash, self.machine.clone(), now);
        Self { family_id: self.family_id, ..successor }
    }

    /// Whether it can still be used.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.used_at.is_none() && self.revoked_at.is_none() && now < self.expires_at
    }

    /// What its use at `now` comes to. A token that was replaced is always a reuse, also once its family has been
    /// revoked, so that every one of several parallel uses is told the same.
    pub(crate) fn judge(&self, now: Timestamp) -> Result<Verdict> {
        if now >= self.expires_at {
            return Err(Error::Unauthorized("the refresh token has expired; log in again"));
        }
        if self.used_at.is_some() {
            return Ok(Verdict::Reused);
        }
        if self.revoked_at.is_some() {
            return Err(Error::TokenRevoked);
        }
        Ok(Verdict::Good)
    }
}

/// Which refresh tokens to list; conditions combine with AND.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RefreshTokenFilter {
    /// Only those of this account.
    pub account_id: Option<Id<Account>>,
    /// Only those that could be used at this instant ([`RefreshToken::is_live`]).
    pub live_at: Option<Timestamp>,
}

impl RefreshTokenFilter {
    /// Whether `token` is to be listed.
    pub fn admits(&self, token: &RefreshToken) -> bool {
        self.account_id.is_none_or(|account| account == token.account_id)
            && self.live_at.is_none_or(|now| token.is_live(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_micros(0).unwrap();

    fn token() -> RefreshToken {
        let id = Id::new(Uuid::from_u128(1));
        RefreshToken::issue(
            id,
            Id::new(Uuid::from_u128(2)),
            RefreshKind::Rotating,
            [7; 32],
            Some("ws-01".into()),
            START,
        )
    }

    #[test]
    fn a_successor_stays_in_the_family_and_lives_thirty_days_of_its_own() {
        let later = START.plus(TimeDelta::days(10));
        let next = token().successor(Id::new(Uuid::from_u128(3)), [8; 32], later);
        assert_eq!((next.family_id, next.machine.as_deref()), (token().family_id, Some("ws-01")));
        assert_eq!(next.expires_at, later.plus(REFRESH_LIFETIME));
        assert_eq!((next.used_at, next.created_at), (None, later));
    }

    #[test]
    fn a_used_token_is_a_reuse_even_after_its_family_was_revoked() {
        let used = RefreshToken { used_at: Some(START), ..token() };
        assert_eq!(used.judge(START).unwrap(), Verdict::Reused);
        let both = RefreshToken { revoked_at: Some(START), ..used };
        assert_eq!(both.judge(START).unwrap(), Verdict::Reused);
    }

    #[test]
    fn a_revoked_token_is_forbidden_and_an_expired_one_unknown() {
        let revoked = RefreshToken { revoked_at: Some(START), ..token() };
        assert!(matches!(revoked.judge(START), Err(Error::TokenRevoked)));
        let end = START.plus(REFRESH_LIFETIME);
        assert!(matches!(revoked.judge(end), Err(Error::Unauthorized(_))));
        assert!(token().is_live(START) && !token().is_live(end) && !revoked.is_live(START));
    }
}
