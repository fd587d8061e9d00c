//! What a password must be like.

use std::{collections::HashSet, sync::LazyLock};

use claudetools_kernel::{Faults, text};

use crate::email_key;

/// The fewest characters.
pub const SHORTEST: usize = 12;
/// The most bytes; more would only make hashing slow.
pub const LONGEST_BYTES: usize = 1024;
/// A unit of up to so many characters, repeated, makes no password.
const LONGEST_UNIT: usize = 4;

/// Passwords that are tried first, folded, each of at least [`SHORTEST`] characters (shorter ones are refused anyway).
static COMMON: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    include_str!("common-passwords.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
});

/// Notes under `field` what keeps `password` from being that of the account with the address `email`.
pub fn check(faults: &mut Faults, field: &str, password: &str, email: Option<&str>) {
    if password.chars().count() < SHORTEST {
        faults.schema(field, "min_length", &format!("must have at least {SHORTEST} characters"));
    } else if password.len() > LONGEST_BYTES {
        faults.schema(field, "max_length", &format!("must have at most {LONGEST_BYTES} bytes"));
    } else if is_common(password) {
        faults.semantic(field, "common_password", "must not be one of the passwords that are tried first");
    } else if email.is_some_and(|email| is_of_address(password, email)) {
        faults.semantic(field, "same_as_email", "must not be the e-mail address or its first part");
    }
}

fn is_common(password: &str) -> bool {
    let folded = text::fold(password);
    let folded = folded.trim();
    COMMON.contains(folded) || is_repeated(folded) || is_run(folded)
}

/// Whether it is one short unit over and over: `aaaaaaaaaaaa`, `abcabcabcabc`.
fn is_repeated(password: &str) -> bool {
    let chars: Vec<char> = password.chars().collect();
    (1..=LONGEST_UNIT).any(|unit| chars.iter().zip(chars.iter().skip(unit)).all(|(a, b)| a == b))
}

/// Whether every character is the next, or the one before, in the character set: `abcdefghijkl`.
fn is_run(password: &str) -> bool {
    let codes: Vec<u32> = password.chars().map(u32::from).collect();
    let steps = |ahead: bool| {
        codes.iter().zip(codes.iter().skip(1)).all(|(a, b)| if ahead { a + 1 == *b } else { *a == b + 1 })
    };
    steps(true) || steps(false)
}

fn is_of_address(password: &str, email: &str) -> bool {
    let (password, address) = (text::fold(password.trim()), email_key(email));
    let local = address.split_once('@').map(|(local, _)| local);
    password == address || local == Some(password.as_str())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fault(password: &str) -> Option<(String, bool)> {
        let mut faults = Faults::default();
        check(&mut faults, "password", password, Some("longlocalpart@example.com"));
        faults.list().first().map(|fault| (fault.constraint.clone(), fault.semantic))
    }

    #[test]
    fn length_is_a_matter_of_form_and_guessability_one_of_sense() {
        assert_eq!(fault("elevenchars"), Some(("min_length".into(), false)));
        assert_eq!(fault(&"aB3$".repeat(300)), Some(("max_length".into(), false)));
        for common in
            ["password1234", "PassWord1234", "aaaaaaaaaaaa", "abcabcabcabc", "abcdefghijklm", "zyxwvutsrqponm"]
        {
            assert_eq!(fault(common), Some(("common_password".into(), true)), "{common}");
        }
        for own in ["longlocalpart", "LongLocalPart@example.COM"] {
            assert_eq!(fault(own), Some(("same_as_email".into(), true)), "{own}");
        }
        assert_eq!(fault("correct-mule-battery-5"), None);
        assert_eq!(fault("пароль-из-слов"), None, "characters count, not bytes");
    }

    #[test]
    fn the_bundled_list_is_long_folded_and_free_of_what_is_refused_anyway() {
        assert!(COMMON.len() >= 1000, "{}", COMMON.len());
        for entry in COMMON.iter() {
            assert_eq!(*entry, text::fold(entry), "folded");
            assert!(entry.chars().count() >= SHORTEST, "{entry}");
        }
    }

    proptest! {
        #[test]
        fn no_password_panics_and_short_ones_never_pass(password in any::<String>()) {
            let verdict = fault(&password);
            if password.chars().count() < SHORTEST {
                prop_assert!(verdict.is_some());
            }
        }
    }
}
