//! Every declared dependency is used.

use super::Violation;
use crate::{
    source::{Strings, code},
    workspace::Package,
};

const WHY: &str = "a dependency that nothing uses is built, audited and updated for nothing";

/// Names the dependencies of a package that none of its sources mention. `sources` are all Rust files of the repository.
pub(super) fn check(package: &Package, sources: &[(String, String)]) -> Vec<Violation> {
    let texts: Vec<(bool, String)> = sources
        .iter()
        .filter(|(file, _)| package.owns(file))
        .map(|(file, text)| (is_shipped(package, file), code(text, Strings::Keep)))
        .collect();
    let unused = package.dependencies.iter().filter(|dependency| {
        // Tests alone are no use of a normal dependency; it would be a development dependency then.
        !texts.iter().any(|(shipped, text)| (*shipped || dependency.dev) && mentions(text, &dependency.ident))
    });
    unused
        .map(|dependency| Violation {
            place: format!("{}/Cargo.toml", package.folder),
            what: format!("no source mentions {}", dependency.ident),
            why: WHY,
        })
        .collect()
}

fn is_shipped(package: &Package, file: &str) -> bool {
    let inside = &file[package.folder.len() + 1..];
    inside.starts_with("src/") || inside == "build.rs"
}

/// Whether the text has this identifier as a whole word.
fn mentions(text: &str, ident: &str) -> bool {
    let is_part = |character: char| character.is_alphanumeric() || character == '_';
    text.match_indices(ident)
        .any(|(at, _)| !text[..at].ends_with(is_part) && !text[at + ident.len()..].starts_with(is_part))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::package;

    fn unused(dependencies: &[&str], files: &[(&str, &str)]) -> Vec<String> {
        let sources: Vec<_> = files.iter().map(|(file, text)| ((*file).to_owned(), (*text).to_owned())).collect();
        check(&package("a", "crates/a", dependencies), &sources).into_iter().map(|v| v.what).collect()
    }

    #[test]
    fn a_mention_anywhere_in_the_sources_counts() {
        let files = [("crates/a/src/lib.rs", "use serde_json::Value;\n#[serde(with = \"hex::serde\")]\nstruct A;")];
        assert!(unused(&["serde-json", "serde", "hex"], &files).is_empty());
    }

    #[test]
    fn a_comment_a_part_of_a_word_or_another_package_does_not_count() {
        let files =
            [("crates/a/src/lib.rs", "// uses uuid\nfn hexadecimal() {}"), ("crates/ab/src/lib.rs", "use uuid::Uuid;")];
        assert_eq!(unused(&["uuid", "hex"], &files), ["no source mentions uuid", "no source mentions hex"]);
    }

    #[test]
    fn tests_are_a_use_of_a_development_dependency_only() {
        let files = [("crates/a/tests/it.rs", "use tempfile::tempdir;")];
        assert!(unused(&["dev:tempfile"], &files).is_empty());
        assert_eq!(unused(&["tempfile"], &files).len(), 1);
    }
}
