//! New passwords and passphrases by policy.

use std::{ops::RangeInclusive, sync::LazyLock};

use claudetools_kernel::{Enumeration, Error, Faults, Secret, enumeration};
use zeroize::Zeroizing;

use crate::{VaultError, ports::Primitives};

/// How long a password may be asked for, in characters.
pub const PASSWORD_LENGTHS: RangeInclusive<usize> = 8..=256;
/// How many words a passphrase may be asked for.
pub const PASSPHRASE_WORDS: RangeInclusive<usize> = 3..=20;
/// How many characters may stand between two words.
const SEPARATOR_CHARACTERS: usize = 4;

/// The English list of BIP-39: 2,048 common words of 3 to 8 letters, no two with the same first four. In the public domain
/// (CC0), as the `bip39` crate has it.
static WORDS: LazyLock<Vec<&'static str>> = LazyLock::new(|| include_str!("words.txt").lines().collect());

/// Characters that are taken for one another on paper.
const AMBIGUOUS: &str = "0Oo1lI|";

/// How many passwords are tried before the source of randomness is held for broken. By any policy a third of them or more have
/// all classes, so that a good source comes here once in 10^17 years.
const TRIES: usize = 500;

enumeration! {
    /// A class of characters.
    pub enum CharacterClass {
        /// a to z
        Lower = "lower",
        /// A to Z
        Upper = "upper",
        /// 0 to 9
        Digits = "digits",
        /// Punctuation without quotes, backslash and blank, which shells and forms stumble over.
        Symbols = "symbols",
    }
}

impl CharacterClass {
    const fn characters(self) -> &'static str {
        match self {
            Self::Lower => "abcdefghijklmnopqrstuvwxyz",
            Self::Upper => "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
            Self::Digits => "0123456789",
            Self::Symbols => "!#$%&()*+,-./:;<=>?@[]^_{|}~",
        }
    }
}

enumeration! {
    /// What is generated.
    pub enum SecretKind {
        /// Characters.
        Password = "password",
        /// Words.
        Passphrase = "passphrase",
    }
}

/// What a generated secret is like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretPolicy {
    /// Characters.
    Password(PasswordPolicy),
    /// Words.
    Passphrase(PassphrasePolicy),
}

/// What a request says of a secret to be generated.
#[derive(Debug, Clone, Default)]
pub struct PolicyFields {
    /// A password unless given.
    pub kind: Option<SecretKind>,
    /// Of a password, in characters; [`USUAL_LENGTH`] unless given.
    pub length: Option<i32>,
    /// Of a password; all unless given.
    pub classes: Option<Vec<CharacterClass>>,
    /// Of a password; not unless given.
    pub exclude_ambiguous: Option<bool>,
    /// Of a passphrase; [`USUAL_WORDS`] unless given.
    pub words: Option<i32>,
    /// Of a passphrase; a dash unless given.
    pub separator: Option<String>,
    /// Of a passphrase; not unless given.
    pub capitalise: Option<bool>,
}

/// The length of a password for which none is asked: nobody tries them all.
pub const USUAL_LENGTH: i32 = 24;
/// The words of a passphrase for which no number is asked: 66 bits.
pub const USUAL_WORDS: i32 = 6;

impl SecretPolicy {
    /// The policy of a request; refused with every fault at once.
    pub fn new(fields: &PolicyFields) -> claudetools_kernel::Result<Self> {
        let mut faults = Faults::default();
        let kind = fields.kind.unwrap_or(SecretKind::Password);
        for (name, is_given, of) in [
            ("length", fields.length.is_some(), SecretKind::Password),
            ("classes", fields.classes.is_some(), SecretKind::Password),
            ("exclude_ambiguous", fields.exclude_ambiguous.is_some(), SecretKind::Password),
            ("words", fields.words.is_some(), SecretKind::Passphrase),
            ("separator", fields.separator.is_some(), SecretKind::Passphrase),
            ("capitalise", fields.capitalise.is_some(), SecretKind::Passphrase),
        ] {
            if is_given && kind != of {
                faults.semantic(name, "kind", &format!("is for a {of} only"));
            }
        }
        let number = |given: Option<i32>, usual: i32| usize::try_from(given.unwrap_or(usual)).unwrap_or_default();
        let policy = match kind {
            SecretKind::Password => {
                let classes = fields.classes.as_deref().unwrap_or(CharacterClass::ALL);
                let (length, unambiguous) =
                    (number(fields.length, USUAL_LENGTH), fields.exclude_ambiguous == Some(true));
                PasswordPolicy::new(length, classes, unambiguous, &mut faults).map(Self::Password)
            }
            SecretKind::Passphrase => {
                let (words, separator) =
                    (number(fields.words, USUAL_WORDS), fields.separator.as_deref().unwrap_or("-"));
                PassphrasePolicy::new(words, separator, fields.capitalise == Some(true), &mut faults)
                    .map(Self::Passphrase)
            }
        };
        faults.finish()?;
        policy.ok_or_else(|| Error::Internal("a policy was refused without a fault".to_owned()))
    }
}

/// What a password is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordPolicy {
    length: usize,
    /// The characters of each class, without the ambiguous ones where those are not wanted. ASCII alone.
    classes: Vec<Vec<u8>>,
}

impl PasswordPolicy {
    /// Passwords of `length` characters with at least one of each of `classes` and none of any other; without 0, O, o, 1, l, I
    /// and | where `exclude_ambiguous`. `None` when `faults` says why not.
    pub fn new(
        length: usize,
        classes: &[CharacterClass],
        exclude_ambiguous: bool,
        faults: &mut Faults,
    ) -> Option<Self> {
        let known = faults.list().len();
        if !PASSWORD_LENGTHS.contains(&length) {
            faults.schema("length", "range", "must be from 8 to 256");
        }
        if classes.is_empty() {
            faults.schema("classes", "min_length", "must name at least one class of characters");
        }
        let mut classes = classes.to_vec();
        classes.sort_unstable();
        classes.dedup();
        let wanted = |character: &char| !(exclude_ambiguous && AMBIGUOUS.contains(*character));
        let classes = classes.into_iter();
        let classes = classes.map(|class| class.characters().chars().filter(wanted).map(|c| c as u8).collect());
        (faults.list().len() == known).then(|| Self { length, classes: classes.collect() })
    }

    /// A new password; every one that the policy admits is as likely as any other.
    ///
    /// # Errors
    /// [`VaultError::NoRandomness`]
    pub fn generate(&self, primitives: &dyn Primitives) -> Result<Secret, VaultError> {
        let alphabet = self.classes.concat();
        let mut dice = Dice::new(primitives);
        let mut password = Zeroizing::new(String::with_capacity(self.length));
        for _ in 0..TRIES {
            password.clear();
            for _ in 0..self.length {
                let at = dice.below(alphabet.len())?;
                password.push(alphabet.get(at).copied().map_or('?', char::from));
            }
            // Thrown again as a whole: putting the missing class somewhere would make some passwords likelier.
            if self.classes.iter().all(|class| password.bytes().any(|byte| class.contains(&byte))) {
                return Ok(Secret::new(std::mem::take(&mut *password)));
            }
        }
        Err(VaultError::NoRandomness)
    }

    /// The logarithm to base 2 of how many passwords the policy admits.
    pub fn entropy_bits(&self) -> f64 {
        let all: f64 = self.classes.iter().map(|class| size(class.len())).sum();
        let length = size(self.length);
        // Inclusion and exclusion over the classes that may be missing.
        let share: f64 = (0..1_usize << self.classes.len())
            .map(|missing| {
                let without = self.classes.iter().enumerate().filter(|(at, _)| missing >> at & 1 == 1);
                let left = all - without.map(|(_, class)| size(class.len())).sum::<f64>();
                let sign = if missing.count_ones() % 2 == 0 { 1.0 } else { -1.0 };
                sign * (left / all).powf(length)
            })
            .sum();
        length * all.log2() + share.log2()
    }
}

/// What a passphrase is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassphrasePolicy {
    words: usize,
    separator: String,
    capitalise: bool,
}

impl PassphrasePolicy {
    /// Passphrases of so many `words` of a list of 2,048, with `separator` between them, each word with a capital letter where
    /// `capitalise`. `None` when `faults` says why not.
    pub fn new(words: usize, separator: &str, capitalise: bool, faults: &mut Faults) -> Option<Self> {
        let known = faults.list().len();
        if !PASSPHRASE_WORDS.contains(&words) {
            faults.schema("words", "range", "must be from 3 to 20");
        }
        // Letters could not be told from those of a word, and two words could then read like two others.
        let fits = |character: char| !character.is_alphabetic() && !character.is_control();
        if separator.chars().count() > SEPARATOR_CHARACTERS || !separator.chars().all(fits) {
            faults.schema("separator", "pattern", "must have at most 4 characters, none of them a letter");
        }
        if separator.is_empty() && !capitalise {
            faults.semantic("separator", "required", "must not be empty unless the words begin with capital letters");
        }
        (faults.list().len() == known).then(|| Self { words, separator: separator.to_owned(), capitalise })
    }

    /// A new passphrase.
    ///
    /// # Errors
    /// [`VaultError::NoRandomness`]
    pub fn generate(&self, primitives: &dyn Primitives) -> Result<Secret, VaultError> {
        let mut dice = Dice::new(primitives);
        // As long as it can get: no part is left behind in a buffer that was outgrown.
        let longest = self.words * (8 + self.separator.len());
        let mut passphrase = Zeroizing::new(String::with_capacity(longest));
        for at in 0..self.words {
            let word = WORDS.get(dice.below(WORDS.len())?).copied().unwrap_or_default();
            if at > 0 {
                passphrase.push_str(&self.separator);
            }
            let (first, rest) = word.split_at_checked(1).unwrap_or_default();
            passphrase.extend(first.chars().map(|c| if self.capitalise { c.to_ascii_uppercase() } else { c }));
            passphrase.push_str(rest);
        }
        Ok(Secret::new(std::mem::take(&mut *passphrase)))
    }

    /// The logarithm to base 2 of how many passphrases the policy admits.
    pub fn entropy_bits(&self) -> f64 {
        size(self.words) * size(WORDS.len()).log2()
    }
}

fn size(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// Even throws out of random bytes.
struct Dice<'a> {
    primitives: &'a dyn Primitives,
    bytes: Zeroizing<[u8; 128]>,
    used: usize,
}

impl<'a> Dice<'a> {
    fn new(primitives: &'a dyn Primitives) -> Self {
        Self { primitives, bytes: Zeroizing::new([0; 128]), used: 128 }
    }

    /// A number below `bound`, each as likely as any other. Those above the last whole multiple of `bound` are thrown again:
    /// a remainder alone would favour the low numbers.
    fn below(&mut self, bound: usize) -> Result<usize, VaultError> {
        let bound = bound.clamp(1, 1 << 16);
        let fair = (1 << 16) / bound * bound;
        // At least every second throw is fair.
        for _ in 0..TRIES {
            let number = self.number()?;
            if number < fair {
                return Ok(number % bound);
            }
        }
        Err(VaultError::NoRandomness)
    }

    fn number(&mut self) -> Result<usize, VaultError> {
        if self.used >= self.bytes.len() {
            self.primitives.random(self.bytes.as_mut())?;
            self.used = 0;
        }
        let pair = self.bytes.get(self.used..).and_then(|rest| rest.first_chunk::<2>()).copied().unwrap_or_default();
        self.used += 2;
        Ok(usize::from(u16::from_be_bytes(pair)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_has_2048_different_words_that_can_be_told_apart() {
        let mut words = WORDS.clone();
        words.dedup();
        assert_eq!(words.len(), 2048);
        assert!(WORDS.is_sorted());
        assert!(WORDS.iter().all(|word| (3..=8).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_lowercase())));
    }

    #[test]
    fn entropy_is_that_of_what_the_policy_admits() {
        let bits = |length, classes: &[CharacterClass], exclude| {
            PasswordPolicy::new(length, classes, exclude, &mut Faults::default()).unwrap().entropy_bits()
        };
        assert!((bits(10, &[CharacterClass::Digits], false) - 10.0 * 10_f64.log2()).abs() < 1e-9);
        assert!((bits(10, &[CharacterClass::Digits], true) - 30.0).abs() < 1e-9);
        // 62^8 - 2·36^8 - 52^8 + 2·26^8 + 10^8: counted by hand.
        let three = [CharacterClass::Lower, CharacterClass::Upper, CharacterClass::Digits];
        let power = |base: f64| base.powi(8);
        let count = power(62.0) - 2.0 * power(36.0) - power(52.0) + 2.0 * power(26.0) + power(10.0);
        assert!((bits(8, &three, false) - count.log2()).abs() < 1e-9);
        let phrase = PassphrasePolicy::new(6, "-", false, &mut Faults::default()).unwrap();
        assert!((phrase.entropy_bits() - 66.0).abs() < 1e-9);
    }

    #[test]
    fn what_a_policy_cannot_be_is_told_by_field() {
        let password = |length, classes: &[CharacterClass]| {
            let mut faults = Faults::default();
            assert_eq!(PasswordPolicy::new(length, classes, false, &mut faults), None);
            faults.list().iter().map(|fault| fault.field.clone()).collect::<Vec<_>>()
        };
        assert_eq!(password(7, &[CharacterClass::Lower]), ["length"]);
        assert_eq!(password(257, &[]), ["length", "classes"]);
        let passphrase = |words, separator| {
            let mut faults = Faults::default();
            assert_eq!(PassphrasePolicy::new(words, separator, false, &mut faults), None);
            faults.list().iter().map(|fault| fault.field.clone()).collect::<Vec<_>>()
        };
        assert_eq!(passphrase(2, "-"), ["words"]);
        assert_eq!(passphrase(21, "and"), ["words", "separator"]);
        assert_eq!(passphrase(4, "-----"), ["separator"]);
        assert_eq!(passphrase(4, ""), ["separator"]);
        assert!(PassphrasePolicy::new(4, "", true, &mut Faults::default()).is_some());
    }
}
