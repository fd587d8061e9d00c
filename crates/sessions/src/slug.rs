//! Short names for use in paths and file names: `office-365-migration`.

use claudetools_kernel::Faults;
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// The longest slug, in characters.
pub(crate) const LONGEST: usize = 100;
/// The longest slug made from a name; leaves room for a number behind it.
const LONGEST_MADE: usize = 90;

/// The slug that a name suggests: lower case, marks dropped, everything but letters and digits of ASCII turned into `-`.
/// A name without any such letter or digit gives `fallback`.
pub(crate) fn from_name(name: &str, fallback: &str) -> String {
    let mut slug = String::new();
    for letter in name.nfkd().filter(|letter| !is_combining_mark(*letter)).flat_map(char::to_lowercase) {
        let spelt = match letter {
            // Letters that no decomposition turns into ASCII.
            'ß' => "ss",
            'æ' => "ae",
            'œ' => "oe",
            'ø' => "o",
            'ł' => "l",
            'đ' | 'ð' => "d",
            'þ' => "th",
            'ı' => "i",
            'a'..='z' | '0'..='9' => {
                slug.push(letter);
                continue;
            }
            _ if slug.is_empty() || slug.ends_with('-') => "",
            _ => "-",
        };
        slug.push_str(spelt);
    }
    slug.truncate(LONGEST_MADE);
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { fallback.to_owned() } else { slug.to_owned() }
}

/// `base`, or with the smallest number from 2 on behind it that makes it differ from all of `taken`.
pub(crate) fn free(base: &str, taken: &[String]) -> String {
    let is_free = |slug: &String| !taken.contains(slug);
    let numbered = (2_u64..).map(|number| format!("{base}-{number}"));
    std::iter::once(base.to_owned()).chain(numbered).find(is_free).unwrap_or_else(|| base.to_owned())
}

/// A slug as given; what does not fit is noted under `field`.
pub(crate) fn given(faults: &mut Faults, field: &str, slug: String) -> Option<String> {
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    if slug.len() > LONGEST {
        faults.schema(field, "max_length", &format!("must have at most {LONGEST} characters"));
    } else if !slug.split('-').all(is_word) {
        let rule =
            "must be words of lower-case letters and digits of ASCII, joined by single hyphens, such as office-move";
        faults.schema(field, "pattern", rule);
    } else {
        return Some(slug);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_keeps_what_ascii_can_spell() {
        for (name, slug) in [
            ("Office 365 Migration", "office-365-migration"),
            ("  Größe & Übersicht (2026)!", "grosse-ubersicht-2026"),
            ("Łódź — naïve ﬁle", "lodz-naive-file"),
            ("İstanbul", "istanbul"),
            ("東京", "project"),
            ("---", "project"),
        ] {
            assert_eq!(from_name(name, "project"), slug, "{name}");
        }
        assert_eq!(from_name(&"ab ".repeat(200), "project").len(), 89, "cut, without a hyphen at the end");
    }

    #[test]
    fn a_made_slug_gets_the_smallest_free_number() {
        let taken = |slugs: &[&str]| slugs.iter().map(|slug| (*slug).to_owned()).collect::<Vec<_>>();
        assert_eq!(free("move", &taken(&["move-2"])), "move");
        assert_eq!(free("move", &taken(&["move", "move-2", "move-4"])), "move-3");
    }

    #[test]
    fn a_given_slug_must_be_one_already() {
        for bad in ["", "-a", "a-", "a--b", "A", "a b", "ä", "a_b", &"a".repeat(101)] {
            let mut faults = Faults::default();
            assert_eq!(given(&mut faults, "slug", bad.to_owned()), None, "{bad}");
            assert_eq!(faults.list().len(), 1);
        }
        assert_eq!(given(&mut Faults::default(), "slug", "a-1-b".to_owned()).as_deref(), Some("a-1-b"));
    }
}
