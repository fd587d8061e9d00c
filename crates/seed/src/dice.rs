//! Chance that repeats itself: the same seed gives the same throws on every machine and with every release.

use claudetools_kernel::{Id, Timestamp};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};
use uuid::Builder;

/// A source of throws.
#[derive(Debug)]
pub(crate) struct Dice(ChaCha8Rng);

impl Dice {
    /// The throws of `seed`; each `stream` of a seed has throws of its own.
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        let mut throws = ChaCha8Rng::seed_from_u64(seed);
        throws.set_stream(stream);
        Self(throws)
    }

    /// A number below `bound`, which is not zero.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        // The high half of the product; its bias is a 2^-64th of the bound.
        let product = u128::from(self.0.next_u64()) * u128::from(bound);
        u64::try_from(product >> 64).unwrap_or_default()
    }

    /// A place in something of this length, which is not zero.
    pub(crate) fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap_or_default()
    }

    /// A place in something of this length, the first ones more often than the last.
    pub(crate) fn early_index(&mut self, length: usize) -> usize {
        let (one, other) = (self.below(1 << 32), self.below(1 << 32));
        // The product of two throws below one; half of it lies in the first fifth.
        let product = (u128::from(one) * u128::from(other) * length as u128) >> 64;
        usize::try_from(product).unwrap_or_default()
    }

    /// A number from `least` to `most`, both included.
    pub(crate) fn between(&mut self, least: i64, most: i64) -> i64 {
        let span = (most - least).unsigned_abs() + 1;
        least.saturating_add_unsigned(self.below(span))
    }

    /// True in so many cases of a hundred.
    pub(crate) fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }

    /// One of `choices`, of which there is at least one.
    pub(crate) fn pick<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        choices[self.index(choices.len())]
    }

    /// One of `choices`, each as often as its number says.
    pub(crate) fn weighted<T: Copy>(&mut self, choices: &[(T, u64)]) -> T {
        let mut throw = self.below(choices.iter().map(|(_, weight)| weight).sum());
        let hit = choices.iter().find(|(_, weight)| {
            let hit = throw < *weight;
            throw = throw.saturating_sub(*weight);
            hit
        });
        hit.unwrap_or(&choices[0]).0
    }

    /// The id (UUID version 7) of something made at `at`.
    pub(crate) fn id<K>(&mut self, at: Timestamp) -> Id<K> {
        let mut random = [0; 10];
        self.0.fill_bytes(&mut random);
        let millis = u64::try_from(at.micros() / 1000).unwrap_or_default();
        Id::new(Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }

    /// 64 hexadecimal digits.
    pub(crate) fn fingerprint(&mut self) -> String {
        let mut half = || u128::from(self.0.next_u64()) << 64 | u128::from(self.0.next_u64());
        format!("{:032x}{:032x}", half(), half())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_its_throws_and_streams_differ() {
        let throws = |seed, stream| {
            let mut dice = Dice::new(seed, stream);
            (0..20).map(|_| dice.below(1000)).collect::<Vec<_>>()
        };
        assert_eq!(throws(1, 0), throws(1, 0));
        assert_ne!(throws(1, 0), throws(2, 0));
        assert_ne!(throws(1, 0), throws(1, 1));
    }

    #[test]
    fn a_weighted_choice_never_takes_what_weighs_nothing() {
        let mut dice = Dice::new(1, 0);
        let taken: Vec<char> = (0..200).map(|_| dice.weighted(&[('a', 1), ('b', 0), ('c', 3)])).collect();
        let count = |letter| taken.iter().filter(|taken| **taken == letter).count();
        assert!(count('b') == 0 && count('a') > 20 && count('c') > 2 * count('a'), "{taken:?}");
    }

    #[test]
    fn bounds_are_kept() {
        let mut dice = Dice::new(1, 0);
        let kept = (0..1000).all(|_| (-3..=4).contains(&dice.between(-3, 4)) && dice.early_index(7) < 7);
        assert!(kept);
    }
}
