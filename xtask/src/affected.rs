//! Which packages a change touches: those with changed files, and all that depend on them.

use std::collections::BTreeSet;

use crate::{
    failure::Result,
    shell,
    workspace::{Package, Workspace},
};

/// Files outside the packages whose change can change a test's outcome in one package only.
const READ_BY_TESTS: [(&str, &str); 8] = [
    ("deploy/grafana/", "acceptance"),
    ("deploy/prometheus/", "acceptance"),
    ("deploy/", "claudetools-server"),
    ("docs/operations.md", "acceptance"),
    ("docs/api/openapi.json", "acceptance"),
    ("docs/api/errors.md", "claudetools-http"),
    ("docs/examples/", "claudetools-server"),
    ("README.md", "claudetools-server"),
];

/// The folders and endings that no test reads.
const UNTESTED: [&str; 2] = ["docs/", ".ci/"];

/// The packages to test for what has changed since the last commit.
pub(crate) fn packages(workspace: &Workspace) -> Result<Vec<&str>> {
    Ok(affected(&workspace.packages, &changed_files(workspace)?))
}

/// The files that differ from the last commit, new ones included.
fn changed_files(workspace: &Workspace) -> Result<Vec<String>> {
    let git = || shell::command_in(&workspace.root, "git");
    let has_commit = shell::capture(git().args(["rev-parse", "--verify", "--quiet", "HEAD"]))?.status.success();
    if !has_commit {
        return workspace.files();
    }
    let changed = shell::read(git().args(["diff", "--name-only", "--no-renames", "-z", "HEAD"]))?;
    let added = shell::read(git().args(["ls-files", "--others", "--exclude-standard", "-z"]))?;
    Ok(changed.split('\0').chain(added.split('\0')).filter(|name| !name.is_empty()).map(str::to_owned).collect())
}

fn affected<'a>(packages: &'a [Package], files: &[String]) -> Vec<&'a str> {
    let mut touched = BTreeSet::new();
    for file in files {
        match owner(packages, file) {
            Owner::Package(name) => {
                touched.insert(name);
            }
            Owner::Everyone => touched.extend(packages.iter().map(|package| package.name.as_str())),
            Owner::Nobody => {}
        }
    }
    with_dependents(packages, touched).into_iter().collect()
}

/// Whose tests a file can change.
enum Owner<'a> {
    Package(&'a str),
    Everyone,
    Nobody,
}

fn owner<'a>(packages: &'a [Package], file: &str) -> Owner<'a> {
    let inside = packages.iter().filter(|package| package.owns(file));
    if let Some(package) = inside.max_by_key(|package| package.folder.len()) {
        return Owner::Package(&package.name);
    }
    if let Some((_, reader)) = READ_BY_TESTS.iter().find(|(folder, _)| file.starts_with(folder)) {
        return packages
            .iter()
            .find(|package| package.name == *reader)
            .map_or(Owner::Nobody, |p| Owner::Package(&p.name));
    }
    let is_text = file.rsplit_once('.').is_some_and(|(_, extension)| extension == "md");
    if is_text || UNTESTED.iter().any(|folder| file.starts_with(folder)) { Owner::Nobody } else { Owner::Everyone }
}

/// Adds who depends on the packages, directly or not, in tests or not.
fn with_dependents<'a>(packages: &'a [Package], mut touched: BTreeSet<&'a str>) -> BTreeSet<&'a str> {
    loop {
        let depends = |package: &&Package| package.dependencies.iter().any(|d| touched.contains(d.name.as_str()));
        let found: Vec<_> = packages.iter().filter(depends).map(|package| package.name.as_str()).collect();
        let before = touched.len();
        touched.extend(found);
        if touched.len() == before {
            return touched;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::package;

    fn affected_by(files: &[&str]) -> Vec<String> {
        let packages = [
            package("kernel", "crates/kernel", &[]),
            package("sessions", "crates/sessions", &["kernel"]),
            package("sql", "crates/adapters/sql", &["sessions"]),
            package("acceptance", "tests", &["dev:sql"]),
            package("xtask", "xtask", &[]),
            package("claudetools-server", "crates/server", &[]),
        ];
        let files: Vec<_> = files.iter().map(|file| (*file).to_owned()).collect();
        affected(&packages, &files).into_iter().map(str::to_owned).collect()
    }

    #[test]
    fn a_changed_file_touches_its_package_and_the_dependents() {
        assert_eq!(affected_by(&["crates/sessions/src/lib.rs"]), ["acceptance", "sessions", "sql"]);
        assert_eq!(affected_by(&["xtask/src/main.rs"]), ["xtask"]);
    }

    #[test]
    fn the_lock_file_touches_everyone() {
        assert_eq!(affected_by(&["Cargo.lock"]).len(), 6);
    }

    #[test]
    fn prose_touches_nobody_but_what_tests_read_is_tested() {
        assert!(affected_by(&["CHANGELOG.md", "docs/decisions/README.md", ".ci/run"]).is_empty());
        assert_eq!(affected_by(&["docs/api/openapi.json"]), ["acceptance"]);
        assert_eq!(affected_by(&["deploy/grafana/claudetools.json"]), ["acceptance"]);
        assert_eq!(affected_by(&["README.md", "docs/examples/day.sh"]), ["claudetools-server"]);
    }
}
