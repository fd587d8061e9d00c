//! Rust source without its comments and strings, so that a rule looks at code only.

use std::collections::BTreeSet;

/// What to blank out besides comments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strings {
    /// Strings stay.
    Keep,
    /// The inside of each string becomes `x`.
    Mask,
}

/// The text with comments turned into spaces. Lines keep their numbers and places.
pub(crate) fn code(text: &str, strings: Strings) -> String {
    let mut scanner = Scanner { rest: text, out: String::with_capacity(text.len()), strings };
    while !scanner.rest.is_empty() {
        scanner.step();
    }
    scanner.out
}

/// The numbers (from 0) of the lines inside `#[cfg(test)]` modules, their attribute included.
pub(crate) fn test_lines(masked: &str) -> BTreeSet<usize> {
    let lines: Vec<&str> = masked.lines().collect();
    let mut inside = BTreeSet::new();
    let mut at = 0;
    while at < lines.len() {
        if lines[at].trim() == "#[cfg(test)]" {
            let end = block_end(&lines, at + 1);
            inside.extend(at..=end);
            at = end;
        }
        at += 1;
    }
    inside
}

/// The last line of the item that starts at a line: where its braces close, or its semicolon.
fn block_end(lines: &[&str], start: usize) -> usize {
    let mut depth = 0_usize;
    for (number, line) in lines.iter().enumerate().skip(start) {
        for character in line.chars() {
            match character {
                '{' => depth += 1,
                '}' => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        return number;
                    }
                }
                ';' if depth == 0 => return number,
                _ => {}
            }
        }
    }
    lines.len().saturating_sub(1)
}

/// Walks over the text and copies what is code.
struct Scanner<'a> {
    rest: &'a str,
    out: String,
    strings: Strings,
}

impl Scanner<'_> {
    fn step(&mut self) {
        if self.rest.starts_with("//") {
            self.blank(self.rest.find('\n').unwrap_or(self.rest.len()));
        } else if self.rest.starts_with("/*") {
            self.blank(block_comment(self.rest));
        } else if let Some((open, close, escapes)) = self.string_start() {
            self.string(open, &close, escapes);
        } else if let Some(length) = character_literal(self.rest) {
            self.string(1, "'", true);
            debug_assert!(length > 2);
        } else if let Some(character) = self.rest.chars().next() {
            self.copy(character.len_utf8());
        }
    }

    /// Length of the opening, the closing, and whether a backslash escapes, when a string starts here.
    fn string_start(&self) -> Option<(usize, String, bool)> {
        if self.rest.starts_with('"') {
            return Some((1, "\"".into(), true));
        }
        let raw = self.rest.strip_prefix('r')?;
        // `for"…"` cannot be written, but `bar#` can: an `r` that ends an identifier starts nothing.
        if self.out.ends_with(|last: char| (last.is_alphanumeric() && last != 'b' && last != 'c') || last == '_') {
            return None;
        }
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        raw[hashes..].starts_with('"').then(|| (2 + hashes, format!("\"{}", "#".repeat(hashes)), false))
    }

    fn string(&mut self, open: usize, close: &str, escapes: bool) {
        self.copy(open);
        while !self.rest.is_empty() && !self.rest.starts_with(close) {
            let backslash = usize::from(escapes && self.rest.starts_with('\\'));
            let length = backslash + self.rest[backslash..].chars().next().map_or(0, char::len_utf8);
            if self.strings == Strings::Mask {
                self.mask(length);
            } else {
                self.copy(length);
            }
        }
        self.copy(close.len().min(self.rest.len()));
    }

    fn copy(&mut self, length: usize) {
        let (taken, rest) = self.rest.split_at(length);
        self.out.push_str(taken);
        self.rest = rest;
    }

    fn blank(&mut self, length: usize) {
        self.replace(length, ' ');
    }

    fn mask(&mut self, length: usize) {
        self.replace(length, 'x');
    }

    fn replace(&mut self, length: usize, by: char) {
        let (taken, rest) = self.rest.split_at(length);
        self.out.extend(taken.chars().map(|c| if c.is_whitespace() { c } else { by }));
        self.rest = rest;
    }
}

/// The length of a block comment; they nest.
fn block_comment(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < text.len() {
        if text[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// The length of a character literal, unless the quote starts a lifetime.
fn character_literal(text: &str) -> Option<usize> {
    let inner = text.strip_prefix('\'')?;
    let first = inner.chars().next()?;
    if first == '\\' {
        return Some(1 + inner.get(2..)?.find('\'')? + 3);
    }
    inner[first.len_utf8()..].starts_with('\'').then(|| first.len_utf8() + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_vanish_and_strings_are_masked() {
        let text = "let a = \"// no\"; // yes\n/* one /* two */\nstill */ let b = r#\"a \"{\" b\"#;\n";
        assert_eq!(
            code(text, Strings::Mask),
            "let a = \"xx xx\";       \n                \n         let b = r#\"x xxx x\"#;\n"
        );
        assert!(code(text, Strings::Keep).contains("\"// no\""));
    }

    #[test]
    fn lifetimes_and_characters_are_told_apart() {
        let text = "fn f<'a>(x: &'a str) -> char { '\"' } // gone\nlet q = ['\\'', '{', '\\u{7b}', 'é'];";
        let expected = "fn f<'a>(x: &'a str) -> char { 'x' }        \nlet q = ['xx', 'x', 'xxxxxx', 'x'];";
        assert_eq!(code(text, Strings::Mask), expected);
    }

    #[test]
    fn an_escaped_quote_does_not_end_a_string() {
        assert_eq!(code(r#"f("a\"{", b"}", br"{");"#, Strings::Mask), r#"f("xxxx", b"x", br"x");"#);
    }

    #[test]
    fn an_r_at_the_end_of_a_name_starts_no_raw_string() {
        assert_eq!(code("bar\"{\"", Strings::Mask), "bar\"x\"");
    }

    #[test]
    fn test_modules_are_found_to_their_brace() {
        let text =
            "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() { c(); }\n}\nfn d() {}\n#[cfg(test)]\nmod other;\n";
        assert_eq!(test_lines(text).into_iter().collect::<Vec<_>>(), [1, 2, 3, 4, 6, 7]);
    }
}
