//! Refusals that leave something behind in the database.

use claudetools_kernel::{Error, Faults, Result};

/// The result of a use case that must be committed even when the answer is a refusal.
///
/// Commit the `Change` that holds it, then answer with [`Outcome::into_result`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a refusal hides in here"]
pub enum Outcome<T> {
    /// What was asked for.
    Done(T),
    /// Refused; what follows from the refusal (a count, a revocation) is in the transaction.
    Refused(Refusal),
}

/// Why a use case refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// No active account has this address and password; the attempt was counted.
    WrongCredentials,
    /// The refresh token was used before; its family was revoked.
    RefreshTokenReused,
    /// The present password, asked for on a change of password, was wrong; the attempt was counted.
    WrongCurrentPassword,
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::WrongCredentials => Self::Unauthorized("the e-mail address or the password is wrong"),
            Refusal::RefreshTokenReused => Self::Unauthorized(
                "this refresh token has been used before, so all its successors were revoked; log in again",
            ),
            Refusal::WrongCurrentPassword => {
                Faults::one_semantic("current_password", "match", "is not the account's present password")
            }
        }
    }
}

impl<T> Outcome<T> {
    /// What the caller is told, once the change is committed.
    pub fn into_result(self) -> Result<T> {
        match self {
            Self::Done(value) => Ok(value),
            Self::Refused(refusal) => Err(refusal.into()),
        }
    }

    /// The refusal, if it is one.
    pub const fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::Done(_) => None,
            Self::Refused(refusal) => Some(*refusal),
        }
    }
}
