//! What varies between two occurrences of one failure, taken out of its text.

use std::{collections::BTreeSet, sync::LazyLock};

use regex::Regex;

use super::expr::{fixed, replace};

/// Stands for whatever varies.
pub(super) const MASK: &str = "<*>";

/// In this order: what is taken out first cannot be mistaken for something else any more.
static MASKS: LazyLock<Vec<Option<(Regex, &'static str)>>> = LazyLock::new(|| {
    [
        // Addresses of pages and accounts.
        (r"(?i)\b[a-z][a-z0-9+.-]*://[^\s'<>),;\x22]+", MASK),
        (r"(?i)\b[a-z0-9._+-]+@[a-z0-9._-]+(?::[^\s'\x22]*)?", MASK),
        // Ids.
        (r"(?i)\{?\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b\}?", MASK),
        (r"\bS-1-\d+(?:-\d+)+\b", MASK),
        // Distinguished names: CN=Jo,OU=Users,DC=acme,DC=local.
        (r"(?i)\b(?:cn|ou|dc|o|c|l|st)\s?=\s?[^,;'\x22]+(?:,\s?(?:cn|ou|dc|o|c|l|st)\s?=\s?[^,;'\x22\s]+)+", MASK),
        // Instants.
        (r"(?i)\b\d{4}-\d\d?-\d\d?(?:[t ]\d\d?:\d\d(?::\d\d(?:[.,]\d+)?)?\s?(?:z|utc|[+-]\d\d:?\d\d)?)?", MASK),
        (r"(?i)\b(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,?\s+(?:\d{1,2}\s+)?(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\s+\d{1,4}", MASK),
        (r"(?i)\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\s+\d{1,2}(?:,?\s+\d{4})?\b", MASK),
        (r"\b\d{1,2}[/.]\d{1,2}[/.]\d{2,4}\b", MASK),
        (r"(?i)\b\d{1,2}:\d\d(?::\d\d)?(?:[.,]\d+)?(?:\s?[ap]m\b)?", MASK),
        // Addresses of hosts and devices.
        (r"(?i)\b(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}\b", MASK),
        (r"\b\d{1,3}(?:\.\d{1,3}){3}(?:[:/]\d+)?\b", MASK),
        (r"(?i)\[?(?:[0-9a-f]{1,4}:){2,7}(?::?[0-9a-f]{1,4})*(?:%\w+)?\]?(?::\d+)?|\[?::[0-9a-f]{1,4}\b\]?(?::\d+)?", MASK),
        // Quoted names. The one before a quote tells it from an apostrophe.
        (r"(^|[\s(\[{=:,>])'[^'\n]{0,300}'", "$1<*>"),
        (r"(^|[\s(\[{=:,>])\x22[^\x22\n]{0,300}\x22", "$1<*>"),
        (r"`[^'`\n]{0,300}['`]", MASK),
        // Paths of both kinds. Within a Windows path blanks stand between two backslashes only.
        (r"(?i)\bHK(?:LM|CU|CR|U|CC|EY_[A-Z_]+):?\\[^\s'\x22:*?<>|]*", MASK),
        (r"(?i)(?:\b[a-z]{1,12}:|\\\\[\w.$-]+)\\(?:[^\\/:*?'\x22<>|\n]{1,80}\\)*[^\s\\/:*?'\x22<>|,;()]*(?::\d+)?", MASK),
        (r"(?:\.{1,2}|~|\b[\p{L}\d._-]+)?(?:/[\p{L}\p{M}\d._@%+~$*{}-]+)+/?(?::\d+)*|(^|\s)/(\s|$|[:,.])", "$1<*>$2"),
        (r"(?i)\b[\p{L}\d._-]+\\[\p{L}\d.$_-]+(?:\\[\p{L}\d.$_-]+)*", MASK),
        // Hexadecimal numbers; those that name an error stay.
        (r"(?i)\b0x[0-79a-f][0-9a-f]*\b", MASK),
        (r"(?i)\b(?:sha256|sha1|md5):[0-9a-f]+\b", MASK),
        (r"\b(?:[0-9]+[a-f]|[a-f]+[0-9])[0-9a-f]{5,}\b", MASK),
        // Sizes, spans and versions.
        (r"(?i)\b\d+(?:[.,]\d+)*\s?(?:bytes?|[kmgtp]i?b|[kmgt]|ms|msec|milliseconds?|s|secs?|seconds?|mins?|minutes?|h|hours?|days?|%)(?:\b|$)", MASK),
        (r"(?i)\bv?\d+(?:\.\d+)+(?:[-+~.][\w.~+-]+)?\b", MASK),
        // Names with dots: hosts, files, objects of databases, classes. Those of errors stay.
        (r"\b(?:[A-Za-z_][\w-]*\.)+(\w*(?:Exception|Error))\b", "$1"),
        (r"\b[\p{L}\d_$-]+(?:\.[\p{L}\d_$-]+)+\.?(?::\d+)?", MASK),
        // Names that a number is part of.
        (r"\b(?:\p{L}[\p{L}_-]*\d[\p{L}\d_-]*|\d+[\p{L}_][\p{L}\d_-]*)\b", MASK),
        (r"\b\p{L}+_[\p{L}_]+\b", MASK),
        (r"[#-]?\b\d+(?:[.,]\d+)*\b", MASK),
    ]
    .into_iter()
    .map(|(pattern, with)| fixed(pattern).map(|expression| (expression, with)))
    .collect()
});

/// Codes that name an error: they stay, and two texts with different codes are two failures.
static CODES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    fixed(
        r"(?x)
        \b(?:ORA|TNS|PLS|SP2|SQL|SQLSTATE|AADSTS|CS|TS|NU|MSB|NETSDK|ERR|DB|IMAP|LNK|RC|PG)-?\d{3,}[A-Z]*\b
        | \b0x8[0-9A-Fa-f]{7}\b
        | \bE(?:ACCES|PERM|NOENT|EXIST|BUSY|NOSPC|ROFS|ADDRINUSE|CONNREFUSED|CONNRESET|TIMEDOUT|NOTFOUND|AI_AGAIN|PIPE|NOTEMPTY|ISDIR|NOTDIR|MFILE|INVAL|RESOLVE|INTEGRITY|BADENGINE|JSONPARSE|LIFECYCLE|NOTSUP|LOOP|XDEV|DQUOT|NOMEM)\b
        | (?i:\b(?:error|errno|err|code|status|http(?:/[\d.]+)?|msg|sqlstate|rcode|event\ id)\b[\s:=\#\[(]{0,3}(?:code\b[\s:=]{0,2})?-?\d{2,10}\b)
        | (?i:^\s*\w+\ error\ -?\d+\b)
        | \((?:[45]\d\d)\)
        | \bERR_[A-Z_]+\b",
    )
});

/// The codes of errors in `text`, in the order of their spelling.
pub(super) fn codes(text: &str) -> BTreeSet<String> {
    let Some(expression) = CODES.as_ref() else { return BTreeSet::new() };
    let spelt = |code: &str| {
        let code: String = code.to_lowercase().chars().filter(|c| c.is_alphanumeric() || *c == '-').collect();
        // `error 1045` and `ERROR: 1045` are the same code.
        let number: String = code.chars().rev().take_while(char::is_ascii_digit).collect();
        let word: String = code.chars().filter(|c| c.is_alphabetic()).collect();
        match word.as_str() {
            "err" | "code" | "errcode" | "msg" | "errno" | "" => number.chars().rev().collect(),
            word if word.ends_with("error") || word.ends_with("errorcode") => number.chars().rev().collect(),
            _ => code,
        }
    };
    expression.find_iter(text).map(|found| spelt(found.as_str())).filter(|code| !code.is_empty()).collect()
}

/// `text` with everything masked that varies, in lower case and single-spaced. `names` are words of the command, which its error
/// repeats.
pub(super) fn mask(text: &str, names: &BTreeSet<String>) -> String {
    let mut masked = text.to_owned();
    for (expression, with) in MASKS.iter().flatten() {
        masked = replace(Some(expression), &masked, with);
    }
    let mut words: Vec<String> = Vec::new();
    for word in masked.split_whitespace() {
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric() && c != '<' && c != '>' && c != '*').to_lowercase();
        let word = if word.contains(MASK) || names.contains(&bare) { MASK.to_owned() } else { bare };
        // Several masks in a row are one: names have any number of words.
        if word.is_empty() || word == MASK && words.last().is_some_and(|last| last == MASK) {
            continue;
        }
        words.push(word);
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(text: &str) -> String {
        mask(text, &BTreeSet::new())
    }

    #[test]
    fn every_expression_compiles() {
        assert!(MASKS.iter().all(Option::is_some) && CODES.is_some());
    }

    #[test]
    fn what_varies_is_masked_and_the_words_stay() {
        for (a, b) in [
            ("cat: /users/jo/notes.txt: Is a directory", "cat: ../backup: Is a directory"),
            ("Cannot open C:\\Users\\Jo Doe\\a.txt for writing", "Cannot open \\\\fs01\\share\\b.log for writing"),
            ("open C:\\Benutzer\\Jürgen\\Übersicht.xlsx failed", "open /srv/données/été.csv failed"),
            ("user 'jo' at 10.0.0.1:22 since 2026-01-02T03:04:05Z", "user \"al\" at fe80::1 since Mon Jan 5 2026"),
            ("object 01989f5e-3f8a-7c52-9f3b-5a1f0c2d4e6f is gone", "object 4f5d2c1ab9 is gone"),
            ("took 5.3 GB of 10 GB", "took 17MB of 2 TB"),
            ("host web01.acme.example is away", "host db-3 is away"),
        ] {
            assert_eq!(masked(a), masked(b));
        }
        assert_eq!(masked("can't open it, don't ask"), "can't open it don't ask");
    }

    #[test]
    fn codes_of_errors_are_found() {
        let of = |text: &str| codes(text).into_iter().collect::<Vec<_>>().join(" ");
        assert_eq!(of("ORA-00942: table or view does not exist"), "ora-00942");
        assert_eq!(of("ERROR 1045 (28000): Access denied"), "1045");
        assert_eq!(of("failed with 0x80070005 (E_ACCESSDENIED)"), "0x80070005");
        assert_eq!(of("System error 53 has occurred."), "53");
        assert_eq!(of("PC0123 has 12 disks"), "");
    }
}
