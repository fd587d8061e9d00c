//! Rules for text that people and agents type.

use unicode_normalization::UnicodeNormalization;

use crate::{Faults, Patch};

/// The longest single-line text taken where a resource names no other bound, in characters.
pub const LINE: usize = 255;
/// The longest multi-line text taken where a resource names no other bound, in characters.
pub const BLOCK: usize = 65_536;
/// The longest e-mail address, in characters (RFC 5321 section 4.5.3.1.3).
pub const EMAIL: usize = 254;
/// The most entries a list field takes.
pub const ENTRIES: usize = 100;

/// The form in which text is compared and searched: NFC, lower case, the same on every engine.
///
/// Kept in columns of its own, because the engines' own `LOWER` and collations differ beyond ASCII.
pub fn fold(text: &str) -> String {
    // Most text is ASCII, which is composed as it is.
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    // Lower-casing can leave a letter and its mark apart that have a composed form.
    text.nfc().flat_map(char::to_lowercase).nfc().collect()
}

/// Text in its composed form, NFC.
pub fn composed(text: &str) -> String {
    if text.is_ascii() { text.to_owned() } else { text.nfc().collect() }
}

/// One searchable text out of several fields, folded; the separator keeps a match from spanning two of them.
pub fn search_key<'a>(parts: impl IntoIterator<Item = Option<&'a str>>) -> String {
    let parts: Vec<String> = parts.into_iter().flatten().map(fold).collect();
    parts.join("\u{1f}")
}

/// A single line: trimmed, NFC, not empty, without control characters, at most `longest` characters.
/// What does not fit is noted under `field`.
pub fn line(faults: &mut Faults, field: &str, value: &str, longest: usize) -> Option<String> {
    let value = composed(value.trim());
    if value.is_empty() {
        faults.schema(field, "min_length", "must not be empty");
    } else if value.chars().any(char::is_control) {
        faults.schema(field, "pattern", "must be a single line without control characters");
    } else if value.chars().count() > longest {
        faults.schema(field, "max_length", &format!("must have at most {longest} characters"));
    } else {
        return Some(value);
    }
    None
}

/// Text of any number of lines: NFC, kept as it is otherwise, without NUL, at most `longest` characters.
pub fn block(faults: &mut Faults, field: &str, value: &str, longest: usize) -> Option<String> {
    if value.contains('\0') {
        faults.schema(field, "pattern", "must not contain the NUL character");
    } else if value.chars().count() > longest {
        faults.schema(field, "max_length", &format!("must have at most {longest} characters"));
    } else {
        return Some(composed(value));
    }
    None
}

/// [`line()`] of [`LINE`] characters for a field that may be empty; blank text empties it.
pub fn optional_line(faults: &mut Faults, field: &str, value: Patch<String>) -> Patch<String> {
    match value {
        Patch::Set(text) if text.trim().is_empty() => Patch::Clear,
        other => other.and_then(|text| line(faults, field, &text, LINE)),
    }
}

/// [`block()`] of [`BLOCK`] characters for a field that may be empty; blank text empties it.
pub fn optional_block(faults: &mut Faults, field: &str, value: Patch<String>) -> Patch<String> {
    match value {
        Patch::Set(text) if text.trim().is_empty() => Patch::Clear,
        other => other.and_then(|text| block(faults, field, &text, BLOCK)),
    }
}

/// [`line()`] of [`LINE`] characters in place of `kept`, which stays when none is given or it does not fit.
pub fn replace_line(faults: &mut Faults, field: &str, given: Option<String>, kept: &mut String) {
    if let Some(value) = given.and_then(|value| line(faults, field, &value, LINE)) {
        *kept = value;
    }
}

/// An e-mail address, checked for its form only: one `@`, something on each side, no blanks, at most [`EMAIL`] characters.
pub fn email(faults: &mut Faults, field: &str, value: &str) -> Option<String> {
    let address = line(faults, field, value, EMAIL)?;
    let fits = address.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && !domain.is_empty() && !domain.contains('@') && !address.contains(char::is_whitespace)
    });
    if !fits {
        faults.semantic(field, "email", "must be an e-mail address such as jo@example.com");
    }
    fits.then_some(address)
}

/// A list of single lines: each as [`line()`] of [`LINE`] characters, at most [`ENTRIES`], repeats (whatever the case) dropped.
pub fn lines(faults: &mut Faults, field: &str, values: &[String]) -> Option<Vec<String>> {
    if values.len() > ENTRIES {
        faults.schema(field, "max_items", &format!("must have at most {ENTRIES} entries"));
        return None;
    }
    let mut seen = std::collections::HashSet::new();
    let kept: Option<Vec<String>> =
        values.iter().enumerate().map(|(at, value)| line(faults, &format!("{field}[{at}]"), value, LINE)).collect();
    kept.map(|kept| kept.into_iter().filter(|value| seen.insert(fold(value))).collect())
}

/// [`lines()`] in place of `kept`, which stays when none are given or one does not fit.
pub fn replace_lines(faults: &mut Faults, field: &str, given: Option<Vec<String>>, kept: &mut Vec<String>) {
    if let Some(values) = given.and_then(|values| lines(faults, field, &values)) {
        *kept = values;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_ignores_case_and_composition_beyond_ascii() {
        assert_eq!(fold("Ünïcode ÉCOLE"), fold("u\u{308}ni\u{308}code e\u{301}cole"));
        let caron = fold("J\u{30c}");
        assert_eq!(fold(&caron), caron, "folding twice changes nothing");
        let ascii: String = (0..=127).map(char::from).collect();
        let long_way: String = ascii.nfc().flat_map(char::to_lowercase).nfc().collect();
        assert_eq!(fold(&ascii), long_way, "the short way is the same");
        assert_eq!(composed(&ascii), ascii);
    }

    #[test]
    fn a_line_is_trimmed_and_what_does_not_fit_is_noted_under_its_field() {
        let mut faults = Faults::default();
        assert_eq!(line(&mut faults, "name", "  Acme ", 10).as_deref(), Some("Acme"));
        assert!(faults.is_empty());
        for bad in ["   ", "a\nb", "a\0b", "12345678901"] {
            assert_eq!(line(&mut faults, "name", bad, 10), None, "{bad:?}");
        }
        assert_eq!(faults.list().len(), 4);
    }

    #[test]
    fn a_blank_optional_text_empties_the_field() {
        let mut faults = Faults::default();
        assert_eq!(optional_line(&mut faults, "notes", Patch::Set("  ".into())), Patch::Clear);
        assert_eq!(optional_block(&mut faults, "notes", Patch::Keep), Patch::Keep);
    }

    #[test]
    fn repeats_in_a_list_are_dropped_whatever_their_case() {
        let mut faults = Faults::default();
        let kept = lines(&mut faults, "tags", &["Rust".into(), "rust".into(), "SQL".into()]);
        assert_eq!(kept, Some(vec!["Rust".to_owned(), "SQL".to_owned()]));
    }
}
