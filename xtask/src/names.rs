//! A resource's name in the spellings that the layers use.

use crate::failure::{Failure, Result};

/// `WorkItem`, `work_item`, `work_items`, `work-items`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Names {
    /// The type.
    pub(crate) pascal: String,
    /// Files, fields, error details.
    pub(crate) snake: String,
    /// Tables and collections.
    pub(crate) snake_plural: String,
    /// Paths.
    pub(crate) kebab_plural: String,
}

impl Names {
    /// Reads a singular in any of the spellings; `plural` where English is not regular.
    pub(crate) fn new(name: &str, plural: Option<&str>) -> Result<Self> {
        let singular = words(name)?;
        let plural = match plural {
            Some(plural) => words(plural)?,
            None => pluralised(&singular),
        };
        Ok(Self {
            pascal: singular.iter().map(|word| capitalised(word)).collect(),
            snake: singular.join("_"),
            snake_plural: plural.join("_"),
            kebab_plural: plural.join("-"),
        })
    }
}

/// The words of a name, in lower case.
fn words(name: &str) -> Result<Vec<String>> {
    let mut words = vec![String::new()];
    for character in name.chars() {
        if !character.is_ascii_alphanumeric() && character != '-' && character != '_' {
            return Err(Failure::new(format!("a name is made of letters and digits: {name:?}")));
        }
        if !character.is_ascii_alphanumeric() || character.is_ascii_uppercase() {
            words.push(String::new());
        }
        if let Some(last) = words.last_mut().filter(|_| character.is_ascii_alphanumeric()) {
            last.push(character.to_ascii_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    match words.first() {
        Some(first) if first.starts_with(|c: char| c.is_ascii_alphabetic()) => Ok(words),
        _ => Err(Failure::new(format!("a name begins with a letter: {name:?}"))),
    }
}

/// The plural by the rules of English that have no exceptions among our resources.
fn pluralised(words: &[String]) -> Vec<String> {
    let mut words = words.to_vec();
    if let Some(last) = words.last_mut() {
        let vowel_before = last.chars().rev().nth(1).is_some_and(|c| "aeiou".contains(c));
        if last.ends_with('y') && !vowel_before {
            last.pop();
            last.push_str("ies");
        } else if ["s", "x", "z", "ch", "sh"].iter().any(|ending| last.ends_with(ending)) {
            last.push_str("es");
        } else {
            last.push('s');
        }
    }
    words
}

fn capitalised(word: &str) -> String {
    let mut characters = word.chars();
    characters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(characters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_gives_the_same_names() {
        let expected = Names {
            pascal: "WorkItem".into(),
            snake: "work_item".into(),
            snake_plural: "work_items".into(),
            kebab_plural: "work-items".into(),
        };
        for name in ["work-item", "work_item", "WorkItem", "workItem"] {
            assert_eq!(Names::new(name, None).unwrap(), expected);
        }
    }

    #[test]
    fn plurals_follow_english_or_what_was_said() {
        let plural = |name, plural| Names::new(name, plural).unwrap().kebab_plural;
        assert_eq!(plural("firewall-policy", None), "firewall-policies");
        assert_eq!(plural("api-key", None), "api-keys");
        assert_eq!(plural("match", None), "matches");
        assert_eq!(plural("billable-time", Some("billable-time")), "billable-time");
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for name in ["", "-", "9a", "a b", "ä"] {
            assert!(Names::new(name, None).is_err(), "{name}");
        }
    }
}
