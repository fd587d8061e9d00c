//! When a failure that is not known yet joins one that is: templates that differ only where names stand, as in Drain
//! (He et al., ICWS 2017), but by their longest common subsequence, so that names may have any number of words.

use std::collections::BTreeSet;

use super::mask::MASK;

/// How similar two templates must be to be one.
pub(super) const SIMILAR: f64 = 0.5;
/// What a mask weighs against a word: that something stands there says little.
const MASK_WEIGHT: f64 = 0.25;

/// Words that make another failure of a text when they are exchanged for others: states, reasons and their negations. A name in
/// their place would be one of the things that vary.
const TELLING: &[&str] = &[
    "abort",
    "absent",
    "access",
    "accept",
    "active",
    "address",
    "allow",
    "already",
    "ambiguous",
    "argument",
    "assign",
    "authent",
    "authoriz",
    "bad",
    "bind",
    "block",
    "broken",
    "busy",
    "cancel",
    "cert",
    "changed",
    "circular",
    "clos",
    "column",
    "conflict",
    "connect",
    "corrupt",
    "crash",
    "creat",
    "credential",
    "damag",
    "dead",
    "decod",
    "delet",
    "deni",
    "depend",
    "deprecat",
    "detach",
    "device",
    "disab",
    "disconnect",
    "disk",
    "driver",
    "duplicat",
    "empty",
    "enab",
    "encod",
    "encrypt",
    "end",
    "exceed",
    "exhaust",
    "exist",
    "expir",
    "fail",
    "file",
    "find",
    "firewall",
    "forbid",
    "format",
    "found",
    "full",
    "hash",
    "host",
    "illegal",
    "implement",
    "incompat",
    "incomplet",
    "incorrect",
    "initial",
    "insert",
    "instal",
    "insuffic",
    "interrupt",
    "invalid",
    "key",
    "kill",
    "large",
    "length",
    "limit",
    "load",
    "lock",
    "login",
    "long",
    "lost",
    "malform",
    "mask",
    "match",
    "memory",
    "merge",
    "miss",
    "mismatch",
    "module",
    "mount",
    "network",
    "not",
    "null",
    "number",
    "offline",
    "old",
    "open",
    "option",
    "overflow",
    "parameter",
    "pars",
    "password",
    "path",
    "permi",
    "policy",
    "port",
    "privileg",
    "process",
    "protocol",
    "proxy",
    "read",
    "reboot",
    "refus",
    "register",
    "reject",
    "remov",
    "requir",
    "reset",
    "resolv",
    "resource",
    "respon",
    "restart",
    "revok",
    "role",
    "route",
    "run",
    "schema",
    "script",
    "secur",
    "self",
    "service",
    "short",
    "sign",
    "size",
    "small",
    "space",
    "stale",
    "start",
    "stop",
    "support",
    "suspend",
    "syntax",
    "table",
    "terminat",
    "time",
    "token",
    "too",
    "transact",
    "truncat",
    "trust",
    "type",
    "unable",
    "unavail",
    "unexpected",
    "uniq",
    "unknown",
    "unlock",
    "unmount",
    "unreach",
    "unrecogn",
    "unregister",
    "unresolv",
    "unset",
    "unsupport",
    "untrust",
    "updat",
    "upgrad",
    "user",
    "valid",
    "value",
    "version",
    "wait",
    "wrong",
    "write",
    "without",
    "zero",
];

/// How alike two templates are, from 0 to 1; 0 when one tells of something that the other does not.
pub(super) fn similarity(a: &str, b: &str) -> f64 {
    let (a, b): (Vec<&str>, Vec<&str>) = (a.split(' ').collect(), b.split(' ').collect());
    if telling(&a) != telling(&b) {
        return 0.0;
    }
    let common = common(&a, &b);
    let weight = |words: &[&str]| words.iter().map(|word| weigh(word)).sum::<f64>();
    let whole = weight(&a).max(weight(&b));
    if whole == 0.0 { 1.0 } else { common / whole }
}

fn weigh(word: &str) -> f64 {
    if word == MASK { MASK_WEIGHT } else { 1.0 }
}

/// The weight of the longest common subsequence.
fn common(a: &[&str], b: &[&str]) -> f64 {
    let mut above = vec![0.0_f64; b.len() + 1];
    for one in a {
        let mut row = vec![0.0_f64; b.len() + 1];
        for (at, other) in b.iter().enumerate() {
            let best = above[at + 1].max(row[at]);
            row[at + 1] = if one == other { best.max(above[at] + weigh(one)) } else { best };
        }
        above = row;
    }
    above.last().copied().unwrap_or_default()
}

/// The telling words of a template, by their stems.
fn telling<'a>(words: &[&'a str]) -> BTreeSet<&'a str> {
    let stem =
        |word: &'a str| TELLING.iter().copied().filter(|stem| word.starts_with(stem)).max_by_key(|stem| stem.len());
    let negated = |word: &&str| word.ends_with("n't");
    let stems = words.iter().filter_map(|word| stem(word));
    let negations = words.iter().filter(|word| negated(word) || matches!(**word, "no" | "cannot")).map(|_| "not");
    stems.chain(negations).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn are_similar(a: &str, b: &str) -> bool {
        similarity(a, b) >= SIMILAR
    }

    #[test]
    fn names_of_any_length_are_no_difference_and_reasons_are() {
        assert!(are_similar("widget alpha could not be polished", "widget big blue beta could not be polished"));
        assert!(!are_similar("the volume alpha is full", "the volume alpha is locked"));
        assert!(!are_similar("job can be moved", "job can not be moved"));
        assert!(!are_similar("something entirely else happened", "nothing of that sort here"));
    }

    proptest! {
        #[test]
        fn similarity_is_symmetric_and_whole_for_itself(a in "[a-z<*> ]{1,40}", b in "[a-z<*> ]{1,40}") {
            prop_assert!((similarity(&a, &b) - similarity(&b, &a)).abs() < 1e-9);
            prop_assert!((similarity(&a, &a) - 1.0).abs() < 1e-9);
        }
    }
}
