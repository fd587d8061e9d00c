//! What was revoked before its time.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use claudetools_kernel::{AfterCommit, Entity, Id, Timestamp, Transaction, enumeration};

use crate::{Claims, MAX_CLOCK_STEP, MAX_TOKEN_LIFETIME, email_key};

enumeration! {
    /// What a revocation is about.
    pub enum RevocationKind {
        /// One access token, by its id.
        Jti = "jti",
        /// All access tokens of a subject that were issued up to an instant, and those of agents on its behalf.
        Subject = "subject",
    }
}

/// A revocation of access tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    /// Its id.
    pub id: Id<Self>,
    /// What it is about.
    pub kind: RevocationKind,
    /// The token's id, or the subject, folded.
    pub value: String,
    /// Tokens of the subject issued up to this instant are revoked; absent for one token.
    pub issued_before: Option<Timestamp>,
    /// When it was entered. Other replicas ask for what was entered since they last asked.
    pub recorded_at: Timestamp,
    /// When the last token that it concerns has ended by itself, so that the row may go.
    pub expires_at: Timestamp,
}

impl Entity for Revocation {
    const TYPE: &'static str = "revocation";

    fn id(&self) -> Id<Self> {
        self.id
    }
}

impl Revocation {
    /// Of one token that ends at `expires_at`, or at some unknown time.
    pub fn of_token(id: Id<Self>, jti: String, expires_at: Option<Timestamp>, now: Timestamp) -> Self {
        let expires_at = expires_at.unwrap_or_else(|| now.plus(MAX_TOKEN_LIFETIME)).plus(MAX_CLOCK_STEP);
        Self { id, kind: RevocationKind::Jti, value: jti, issued_before: None, recorded_at: now, expires_at }
    }

    /// Of all tokens of the account with the address `email`, and of its agents, issued up to `now`.
    pub fn of_subject(id: Id<Self>, email: &str, now: Timestamp) -> Self {
        Self {
            id,
            kind: RevocationKind::Subject,
            value: email_key(email),
            issued_before: Some(now),
            recorded_at: now,
            expires_at: now.plus(MAX_TOKEN_LIFETIME).plus(MAX_CLOCK_STEP),
        }
    }
}

#[derive(Debug, Default)]
struct Entries {
    /// Token id to the end of the entry.
    tokens: HashMap<String, Timestamp>,
    /// Folded subject to the cut-off and the end of the entry.
    subjects: HashMap<String, (Timestamp, Timestamp)>,
}

/// The revocations in force, in memory: looked at on every request, fed from the database.
#[derive(Debug, Default)]
pub struct RevocationSet(RwLock<Entries>);

impl RevocationSet {
    /// Takes revocations in; those known already change nothing.
    pub fn add<'a>(&self, revocations: impl IntoIterator<Item = &'a Revocation>) {
        // Every entry is whole in itself, so a panic elsewhere while the lock was held has broken nothing.
        let mut entries = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for revocation in revocations {
            let (value, ends) = (revocation.value.clone(), revocation.expires_at);
            match (revocation.kind, revocation.issued_before) {
                (RevocationKind::Jti, _) => {
                    entries.tokens.insert(value, ends);
                }
                (RevocationKind::Subject, before) => {
                    let before = before.unwrap_or(revocation.recorded_at);
                    let known = entries.subjects.entry(value).or_insert((before, ends));
                    *known = (known.0.max(before), known.1.max(ends));
                }
            }
        }
    }

    /// Whether the token with these claims was revoked.
    pub fn revokes(&self, claims: &Claims) -> bool {
        let entries = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if entries.tokens.contains_key(&claims.jti) {
            return true;
        }
        // Folding costs an allocation, and mostly nobody is revoked.
        if entries.subjects.is_empty() {
            return false;
        }
        let person = claims.owner.as_deref().unwrap_or(&claims.sub);
        entries.subjects.get(&email_key(person)).is_some_and(|(before, _)| claims.issued_at() <= *before)
    }

    /// Whether the token with this id was revoked by name.
    pub fn revokes_id(&self, jti: &str) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).tokens.contains_key(jti)
    }

    /// Drops what concerns only tokens that have ended by themselves.
    pub fn prune(&self, now: Timestamp) {
        let mut entries = self.0.write().unwrap_or_else(PoisonError::into_inner);
        entries.tokens.retain(|_, ends| now < *ends);
        entries.subjects.retain(|_, (_, ends)| now < *ends);
    }

    /// How many entries it holds.
    pub fn len(&self) -> usize {
        let entries = self.0.read().unwrap_or_else(PoisonError::into_inner);
        entries.tokens.len() + entries.subjects.len()
    }

    /// Whether nothing is revoked.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A transaction that, once committed, puts `revocations` in force in this process at once, without waiting to be
    /// read back. Should the commit succeed and its answer be lost, the next poll finds them.
    pub(crate) fn after_commit(
        self: &Arc<Self>,
        inner: Box<dyn Transaction>,
        revocations: Vec<Revocation>,
    ) -> Box<dyn Transaction> {
        let set = Arc::clone(self);
        Box::new(AfterCommit::new(inner, move |outcome| {
            outcome?;
            set.add(&revocations);
            Ok(())
        }))
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::claims::tests::claims;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros).unwrap()
    }

    fn subject(email: &str, cut: i64) -> Revocation {
        Revocation::of_subject(Id::new(Uuid::nil()), email, at(cut))
    }

    #[test]
    fn a_token_issued_later_in_the_same_second_lives() {
        let set = RevocationSet::default();
        set.add(&[subject("Jo@Example.com", 5_300_000)]);
        assert!(set.revokes(&claims("jo@example.com", 5_299_999)));
        assert!(set.revokes(&claims("JO@example.com", 5_300_000)));
        assert!(!set.revokes(&claims("jo@example.com", 5_300_001)));
        assert!(!set.revokes(&claims("other@example.com", 0)));
        // A token that only tells the second is taken for the earliest of that second.
        assert!(set.revokes(&Claims { iat_us: None, ..claims("jo@example.com", 5_900_000) }));
    }

    #[test]
    fn the_agents_of_a_person_fall_with_the_person() {
        let set = RevocationSet::default();
        set.add(&[subject("jo@example.com", 10)]);
        let agent = Claims { owner: Some("Jo@example.com".into()), ..claims("agent:context-recovery", 5) };
        assert!(set.revokes(&agent));
        assert!(!set.revokes(&Claims { owner: Some("al@example.com".into()), ..agent }));
    }

    #[test]
    fn a_token_is_revoked_by_its_id_until_it_has_ended() {
        let set = RevocationSet::default();
        let token = claims("jo@example.com", 0);
        set.add(&[Revocation::of_token(Id::new(Uuid::nil()), token.jti.clone(), Some(token.expires_at()), at(0))]);
        assert!(set.revokes(&token) && set.revokes_id(&token.jti));
        set.prune(token.expires_at());
        assert!(set.revokes(&token), "kept a little beyond the end, for clocks that differ");
        set.prune(token.expires_at().plus(MAX_CLOCK_STEP));
        assert!(set.is_empty());
    }

    #[test]
    fn a_revocation_of_unknown_end_outlives_every_token() {
        let revocation = Revocation::of_token(Id::new(Uuid::nil()), "x".into(), None, at(0));
        assert!(revocation.expires_at >= at(0).plus(MAX_TOKEN_LIFETIME));
        assert!(subject("x", 0).expires_at >= at(0).plus(TimeDelta::hours(24)));
    }

    proptest! {
        #[test]
        fn the_latest_cut_off_counts_in_whatever_order_they_arrive(cuts in prop::collection::vec(0i64..1_000, 1..8), issued in 0i64..1_000) {
            let set = RevocationSet::default();
            for cut in &cuts {
                set.add(&[subject("jo@example.com", *cut)]);
            }
            let latest = cuts.iter().copied().max().unwrap_or_default();
            prop_assert_eq!(set.revokes(&claims("jo@example.com", issued)), issued <= latest);
            prop_assert_eq!(set.len(), 1);
        }
    }
}
