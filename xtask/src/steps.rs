//! `cargo xtask check` and `cargo xtask ci`: the gates, one step each, and a summary.

use std::time::Instant;

use crate::{
    affected, arch, deny,
    failure::{Failure, Result},
    fuzz, lines, openapi, schemathesis, shell, suites,
    workspace::Workspace,
};

/// How a step ended when it did not fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Everything it looks at is in order.
    Passed,
    /// It, or a part of it, could not run here; the text says what and why.
    LeftOut(String),
}

type Run<'a> = Box<dyn Fn() -> Result<Outcome> + 'a>;

/// One gate.
struct Step<'a> {
    name: &'static str,
    run: Run<'a>,
}

impl<'a> Step<'a> {
    fn new(name: &'static str, run: impl Fn() -> Result<()> + 'a) -> Self {
        Self { name, run: Box::new(move || run().map(|()| Outcome::Passed)) }
    }

    fn partial(name: &'static str, run: impl Fn() -> Result<Outcome> + 'a) -> Self {
        Self { name, run: Box::new(run) }
    }
}

/// `cargo xtask check`: what to run before a commit.
pub(crate) fn check(workspace: &Workspace, all: bool) -> Result<()> {
    let mut steps = vec![
        Step::new("fmt", || fmt(workspace)),
        Step::new("arch", || arch::run(workspace)),
        Step::new("clippy", || clippy(workspace)),
        Step::partial("deny", || deny::run(workspace, deny::Missing::LeaveOut)),
        Step::new("openapi", || openapi::check_drift(workspace)),
        Step::new("lines", || lines::run(workspace)),
    ];
    steps.push(if all {
        Step::new("tests", || suites::run(workspace))
    } else {
        Step::partial("tests of what changed", || affected_tests(workspace))
    });
    run_all(&steps)
}

/// `cargo xtask ci`: everything a merge needs.
pub(crate) fn ci(workspace: &Workspace, tests: bool) -> Result<()> {
    let mut steps = vec![
        Step::new("fmt", || fmt(workspace)),
        Step::new("arch", || arch::run(workspace)),
        Step::partial("deny", || deny::run(workspace, deny::Missing::Install)),
        Step::new("clippy", || clippy(workspace)),
        Step::new("rustdoc", || rustdoc(workspace)),
        Step::new("openapi", || openapi::check_drift(workspace)),
        Step::new("lines", || lines::run(workspace)),
        Step::new("fuzz seeds", || fuzz::seeds(workspace)),
    ];
    if tests {
        steps.push(Step::new("tests", || suites::run(workspace)));
    }
    steps.push(Step::new("schemathesis", || schemathesis::run(workspace, &schemathesis::Options::default())));
    run_all(&steps)
}

/// `cargo xtask deny`: this gate alone.
pub(crate) fn deny(workspace: &Workspace) -> Result<()> {
    run_all(&[Step::partial("deny", || deny::run(workspace, deny::Missing::Install))])
}

/// Runs every step, also after a failure: whoever repairs wants to see all of it.
fn run_all(steps: &[Step<'_>]) -> Result<()> {
    let mut lines = Vec::new();
    let mut failed = Vec::new();
    for step in steps {
        println!("\n── {}", step.name);
        let start = Instant::now();
        let result = (step.run)();
        if let Err(failure) = &result {
            println!("{failure}");
            failed.push(step.name);
        }
        lines.push(summary(step.name, &result, start.elapsed().as_secs()));
    }
    println!("\n{}", lines.join("\n"));
    if failed.is_empty() { Ok(()) } else { Err(Failure::new(format!("failed: {}", failed.join(", ")))) }
}

fn summary(name: &str, result: &Result<Outcome>, seconds: u64) -> String {
    match result {
        Ok(Outcome::Passed) => format!("passed    {seconds:>5} s  {name}"),
        Ok(Outcome::LeftOut(what)) => format!("left out  {seconds:>5} s  {name}: {what}"),
        Err(_) => format!("FAILED    {seconds:>5} s  {name}"),
    }
}

fn fmt(workspace: &Workspace) -> Result<()> {
    shell::run(shell::cargo(&workspace.root).args(["fmt", "--all", "--check"]))
}

fn clippy(workspace: &Workspace) -> Result<()> {
    let arguments = ["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"];
    shell::run(shell::cargo(&workspace.root).args(arguments))
}

fn rustdoc(workspace: &Workspace) -> Result<()> {
    let mut command = shell::cargo(&workspace.root);
    shell::run(command.args(["doc", "--no-deps", "--workspace", "--locked"]).env("RUSTDOCFLAGS", "-D warnings"))
}

fn affected_tests(workspace: &Workspace) -> Result<Outcome> {
    let packages = affected::packages(workspace)?;
    if packages.is_empty() {
        return Ok(Outcome::LeftOut(
            "no change since the last commit touches a package; `--all` runs every test".into(),
        ));
    }
    println!("packages: {}", packages.join(", "));
    suites::run_packages(workspace, &packages).map(|()| Outcome::Passed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_runs_and_one_failure_fails_the_whole() {
        let ran = std::cell::Cell::new(0);
        let steps = [
            Step::new("a", || Err(Failure::new("broken"))),
            Step::partial("b", || {
                ran.set(ran.get() + 1);
                Ok(Outcome::LeftOut("no network".into()))
            }),
            Step::new("c", || {
                ran.set(ran.get() + 1);
                Ok(())
            }),
        ];
        assert_eq!(run_all(&steps).unwrap_err().to_string(), "failed: a");
        assert_eq!(ran.get(), 2);
        assert!(run_all(&steps[1..]).is_ok());
    }

    #[test]
    fn the_summary_says_what_was_left_out() {
        let line = summary("deny", &Ok(Outcome::LeftOut("no network".into())), 3);
        assert_eq!(line, "left out      3 s  deny: no network");
    }
}
