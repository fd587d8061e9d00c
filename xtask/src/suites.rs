//! `cargo xtask test`: every test of the repository, and a plain line at the end.

use std::{
    fmt,
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
};

use crate::{
    failure::{Failure, Result},
    services::Service,
    shell,
    workspace::Workspace,
};

/// What one run of `cargo test` came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    passed: u64,
    failed: u64,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

/// The README's test command: every test on memory and SQLite; every port's suite and the API over HTTP on each server that is
/// there. On a CI machine a missing server is a failure.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let servers = Servers::find();
    println!("{}", servers.describe());
    if shell::is_ci() && !servers.missing().is_empty() {
        return Err(Failure::new("CI=true and a server is missing; `cargo xtask services up` starts or installs it"));
    }
    let terminal = &mut std::io::stdout().lock();
    // One failing suite must not hide the next.
    let mut everything = servers.cargo_test(workspace);
    everything.args(["--no-fail-fast", "--"]).args(servers.left_out());
    let mut outcome = run_counted(&mut everything, terminal)?;
    for engine in servers.engines() {
        println!("\nThe API over HTTP on {}", engine.name());
        let mut http = servers.cargo_test(workspace);
        http.args(["--test", "http"]).env("CLAUDETOOLS_TEST_ENGINE", engine_key(engine));
        let (tally, succeeded) = run_counted(&mut http, terminal)?;
        outcome.0.passed += tally.passed;
        outcome.0.failed += tally.failed;
        outcome.1 &= succeeded;
    }
    report(outcome)
}

/// Which servers there are, and where.
struct Servers(Vec<(Service, Option<String>)>);

impl Servers {
    fn find() -> Self {
        Self(Service::ALL.into_iter().map(|service| (service, service.find())).collect())
    }

    fn missing(&self) -> Vec<Service> {
        self.0.iter().filter(|(_, url)| url.is_none()).map(|(service, _)| *service).collect()
    }

    /// Those that the API's suites run on once more.
    fn engines(&self) -> impl Iterator<Item = Service> {
        self.0.iter().filter(|(service, url)| url.is_some() && *service != Service::Redis).map(|(service, _)| *service)
    }

    fn describe(&self) -> String {
        let mut lines = vec!["Under test: memory and SQLite, which are part of the build".to_owned()];
        lines.extend(self.0.iter().map(|(service, url)| match url {
            Some(url) => format!("  {:<11}at {url}", service.name()),
            None => format!("  {:<11}LEFT OUT, there is none that lets us in", service.name()),
        }));
        lines.join("\n")
    }

    /// `cargo test` over the workspace, whose tests learn where the servers are.
    fn cargo_test(&self, workspace: &Workspace) -> Command {
        let mut command = shell::cargo(&workspace.root);
        command.args(["test", "--workspace", "--locked"]);
        for (service, url) in &self.0 {
            if let Some(url) = url {
                command.env(service.variable(), url);
            }
        }
        command
    }

    /// What tells the test programs to leave out the modules of servers that are not there.
    fn left_out(&self) -> Vec<String> {
        let modules = self.missing().into_iter().map(|service| format!("{}::", engine_key(service)));
        modules.flat_map(|module| ["--skip".to_owned(), module]).collect()
    }
}

/// As test modules and `CLAUDETOOLS_TEST_ENGINE` name it.
const fn engine_key(service: Service) -> &'static str {
    match service {
        Service::MariaDb => "mariadb",
        Service::Postgres => "postgres",
        Service::Redis => "redis",
    }
}

/// The tests of some packages.
pub(crate) fn run_packages(workspace: &Workspace, packages: &[&str]) -> Result<()> {
    let servers = Servers::find();
    println!("{}", servers.describe());
    let mut command = shell::cargo(&workspace.root);
    command.args(["test", "--locked", "--no-fail-fast"]);
    for package in packages {
        command.args(["--package", package]);
    }
    command.arg("--").args(servers.left_out());
    report(run_counted(&mut command, &mut std::io::stdout().lock())?)
}

fn report((tally, succeeded): (Tally, bool)) -> Result<()> {
    println!("{tally}");
    match (succeeded, tally.failed) {
        (true, 0) => Ok(()),
        (_, 0) => Err(Failure::new("a suite did not build, or ended before it could report")),
        _ => Err(Failure::new(format!("{} tests failed", tally.failed))),
    }
}

/// Runs a `cargo test`, passes its output through and sums up its result lines.
fn run_counted(command: &mut Command, terminal: &mut dyn Write) -> Result<(Tally, bool)> {
    let broken = |error: std::io::Error| Failure::new(format!("cargo test: {error}"));
    let mut child = command.stdout(Stdio::piped()).spawn().map_err(broken)?;
    let mut tally = Tally::default();
    if let Some(output) = child.stdout.take() {
        // By bytes: a test may print what is not UTF-8.
        for line in BufReader::new(output).split(b'\n') {
            let line = line.map_err(broken)?;
            terminal.write_all(&line).and_then(|()| terminal.write_all(b"\n")).map_err(broken)?;
            tally.add(&String::from_utf8_lossy(&line));
        }
    }
    let status = child.wait().map_err(broken)?;
    Ok((tally, status.success()))
}

impl Tally {
    /// Counts a line such as `test result: ok. 5 passed; 0 failed; …`; other lines change nothing.
    fn add(&mut self, line: &str) {
        let Some(result) = line.strip_prefix("test result: ") else {
            return;
        };
        let counts = result.split_once(". ").map_or("", |(_, counts)| counts);
        for part in counts.split("; ") {
            match part.split_once(' ').map(|(number, word)| (number.parse::<u64>(), word)) {
                Some((Ok(number), "passed")) => self.passed += number,
                Some((Ok(number), "failed")) => self.failed += number,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn result_lines_are_summed_and_others_left_alone() {
        let mut tally = Tally::default();
        for line in [
            "running 5 tests",
            "test result: ok. 5 passed; 0 failed; 0 ignored; 0 measured; 2 filtered out; finished in 0.01s",
            "the test result: ok. 7 passed; 7 failed",
            "test result: FAILED. 1 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.20s",
        ] {
            tally.add(line);
        }
        assert_eq!(tally.to_string(), "6 passed, 3 failed");
    }

    #[test]
    fn output_passes_through_and_is_counted() {
        let mut command = Command::new("sh");
        command.args(["-c", "printf '\\377\\ntest result: ok. 2 passed; 0 failed\\n'; exit 3"]);
        let mut terminal = Vec::new();
        let counted = run_counted(&mut command, &mut terminal).unwrap();
        assert_eq!(counted, (Tally { passed: 2, failed: 0 }, false));
        assert_eq!(terminal, b"\xff\ntest result: ok. 2 passed; 0 failed\n");
    }

    #[test]
    fn a_server_that_is_not_there_is_named_and_its_modules_are_left_out() {
        let servers = Servers(vec![(Service::MariaDb, Some("mysql://x".into())), (Service::Postgres, None)]);
        assert!(servers.describe().contains("MariaDB    at mysql://x"), "{}", servers.describe());
        assert!(servers.describe().contains("PostgreSQL LEFT OUT"), "{}", servers.describe());
        assert_eq!(servers.left_out(), ["--skip", "postgres::"]);
        assert!(servers.engines().eq([Service::MariaDb]));
    }

    #[test]
    fn success_needs_a_clean_exit_and_no_failure() {
        assert!(report((Tally { passed: 1, failed: 0 }, true)).is_ok());
        assert!(report((Tally { passed: 1, failed: 0 }, false)).is_err());
        assert!(report((Tally { passed: 1, failed: 1 }, false)).unwrap_err().to_string().contains("1 tests failed"));
    }
}
