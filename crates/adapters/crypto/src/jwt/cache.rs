//! Tokens whose signature was found right before.

use std::{
    collections::HashMap,
    mem,
    sync::{Mutex, PoisonError},
};

use claudetools_identity::Claims;

/// Remembers a bounded number of tokens by their SHA-256. Two generations: when the young one is full it becomes the old
/// one, and the old one is forgotten with what nobody has shown since. Whether a token's time is over is checked each time.
pub(super) struct Verified {
    generation: usize,
    tokens: Mutex<Generations>,
}

#[derive(Default)]
struct Generations {
    young: HashMap<[u8; 32], Claims>,
    old: HashMap<[u8; 32], Claims>,
}

impl Verified {
    /// A memory of at most `capacity` tokens.
    pub(super) fn new(capacity: usize) -> Self {
        Self { generation: (capacity / 2).max(1), tokens: Mutex::default() }
    }

    pub(super) fn get(&self, digest: &[u8; 32]) -> Option<Claims> {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(claims) = tokens.young.get(digest) {
            return Some(claims.clone());
        }
        let claims = tokens.old.remove(digest)?;
        self.insert(&mut tokens, *digest, claims.clone());
        Some(claims)
    }

    pub(super) fn put(&self, digest: [u8; 32], claims: Claims) {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        self.insert(&mut tokens, digest, claims);
    }

    fn insert(&self, tokens: &mut Generations, digest: [u8; 32], claims: Claims) {
        if tokens.young.len() >= self.generation {
            tokens.old = mem::take(&mut tokens.young);
        }
        tokens.young.insert(digest, claims);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jwt::tests::claims;

    #[test]
    fn it_holds_no_more_than_its_capacity_and_keeps_what_is_in_use() {
        let cache = Verified::new(8);
        let digest = |n: u8| [n; 32];
        for n in 0..100 {
            cache.put(digest(n), claims());
            assert!(cache.get(&digest(0)).is_some(), "shown again and again");
            let tokens = cache.tokens.lock().unwrap();
            assert!(tokens.young.len() + tokens.old.len() <= 8);
        }
        assert!(cache.get(&digest(1)).is_none(), "not shown since");
    }
}
