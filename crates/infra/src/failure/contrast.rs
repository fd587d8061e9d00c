//! Where a failure occurs and where it does not: what an insight is derived from.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use claudetools_kernel::{Id, enumeration, text};
use uuid::Uuid;

use super::{Command, FailurePattern, ShellType};

enumeration! {
    /// What the places of runs can have in common, the most general first.
    pub enum Attribute {
        /// The operating system.
        Os = "os",
        /// The operating system and its version.
        OsVersion = "os_version",
        /// The shell.
        Shell = "shell",
        /// The shell and its version.
        ShellVersion = "shell_version",
        /// The host.
        Host = "host",
        /// The client.
        Client = "client",
    }
}

/// A run of a command, as far as a contrast needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// In which session.
    pub session_id: Uuid,
    /// Of which client.
    pub client_id: Option<Uuid>,
    /// On which host, folded.
    pub host: Option<String>,
    /// On which operating system.
    pub os: Option<String>,
    /// Of which version.
    pub os_version: Option<String>,
    /// By which shell.
    pub shell_type: Option<ShellType>,
    /// Of which version.
    pub shell_version: Option<String>,
    /// The pattern of its failure.
    pub pattern_id: Option<Id<FailurePattern>>,
    /// The command line.
    pub command_text: String,
}

/// The fewest sessions in which a failure must have been seen, unless it was on [`HOSTS`].
const SESSIONS: usize = 3;
/// The fewest hosts on which a failure must have been seen, unless it was in [`SESSIONS`].
const HOSTS: usize = 2;
/// How many times the failure rate of the rest that of the attribute must be.
const TIMES: f64 = 2.0;
/// The quantile of the normal distribution for a confidence of 95 %.
const Z: f64 = 1.959_963_984_540_054;

/// An attribute that tells where a pattern occurs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which one.
    pub attribute: Attribute,
    /// Its value, as it is compared.
    pub value: String,
    /// The runs with it that failed so.
    pub failures: usize,
    /// All runs with it.
    pub runs: usize,
    /// On how many hosts they failed.
    pub hosts: usize,
    /// In how many sessions they failed.
    pub sessions: usize,
    /// The runs with another value that failed so.
    pub failures_elsewhere: usize,
    /// All runs with another value.
    pub runs_elsewhere: usize,
}

/// The lower end of the Wilson interval of `hits` in `runs`, at 95 %.
#[expect(clippy::cast_precision_loss, reason = "counts of runs lie far below 2^52")]
pub fn wilson_lower_bound(hits: usize, runs: usize) -> f64 {
    if runs == 0 {
        return 0.0;
    }
    let (n, p) = (runs as f64, hits as f64 / runs as f64);
    let z2 = Z * Z;
    let centre = p + z2 / (2.0 * n);
    let margin = Z * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
    ((centre - margin) / (1.0 + z2 / n)).max(0.0)
}

impl Run {
    /// The value of an attribute, as it is compared.
    pub fn value(&self, attribute: Attribute) -> Option<String> {
        let pair = |name: &str, version: &Option<String>| version.as_deref().map(|version| format!("{name} {version}"));
        let value = match attribute {
            Attribute::Os => self.os.clone(),
            Attribute::OsVersion => self.os.as_deref().and_then(|os| pair(os, &self.os_version)),
            Attribute::Shell => self.shell_type.map(|shell| shell.to_string()),
            Attribute::ShellVersion => self.shell_type.and_then(|shell| pair(&shell.to_string(), &self.shell_version)),
            Attribute::Host => self.host.clone(),
            Attribute::Client => self.client_id.map(|id| id.to_string()),
        };
        value.map(|value| text::fold(value.trim())).filter(|value| !value.is_empty())
    }
}

impl From<&Command> for Run {
    fn from(command: &Command) -> Self {
        Self {
            session_id: command.session_id,
            client_id: command.client_id,
            host: command.host.as_deref().map(text::fold),
            os: command.os.clone(),
            os_version: command.os_version.clone(),
            shell_type: command.shell_type,
            shell_version: command.shell_version.clone(),
            pattern_id: command.pattern_id,
            command_text: command.command_text.clone(),
        }
    }
}

impl Finding {
    /// The figures of one value of an attribute; runs whose value is not known are on neither side.
    pub fn of(attribute: Attribute, value: &str, pattern: Id<FailurePattern>, runs: &[&Run]) -> Self {
        let failed = |run: &&Run| run.pattern_id == Some(pattern);
        let known: Vec<(&Run, bool)> =
            runs.iter().copied().filter_map(|run| Some((run, run.value(attribute)? == value))).collect();
        let with: Vec<&Run> = known.iter().filter(|(_, has)| *has).map(|(run, _)| *run).collect();
        let without: Vec<&Run> = known.iter().filter(|(_, has)| !has).map(|(run, _)| *run).collect();
        let cases: Vec<&Run> = with.iter().copied().filter(|run| failed(run)).collect();
        Self {
            attribute,
            value: value.to_owned(),
            failures: cases.len(),
            runs: with.len(),
            hosts: cases.iter().filter_map(|run| run.host.as_deref()).collect::<BTreeSet<_>>().len(),
            sessions: cases.iter().map(|run| run.session_id).collect::<BTreeSet<_>>().len(),
            failures_elsewhere: without.iter().filter(|run| failed(run)).count(),
            runs_elsewhere: without.len(),
        }
    }

    /// How sure it is, from 0 to 1: the lower bound of the failure rate.
    pub fn confidence(&self) -> f64 {
        wilson_lower_bound(self.failures, self.runs)
    }

    /// Whether the figures bear it: seen often enough, and far more often than elsewhere.
    #[expect(clippy::cast_precision_loss, reason = "counts of runs lie far below 2^52")]
    pub fn holds(&self) -> bool {
        if self.runs_elsewhere == 0 || self.failures == 0 {
            return false;
        }
        let elsewhere = self.failures_elsewhere as f64 / self.runs_elsewhere as f64;
        let rate = self.failures as f64 / self.runs as f64;
        is_enough(self.sessions, self.hosts) && rate >= TIMES * elsewhere && self.confidence() > elsewhere
    }

    /// The figures in words: `5 of 5 runs on 2 hosts with powershell 2.0; 0 of 12 elsewhere`.
    pub fn figures(&self, client: Option<&str>) -> String {
        let plural =
            |count: usize, word: &str| if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") };
        let what = match self.attribute {
            Attribute::Host => format!("on {}", self.value),
            Attribute::Client => format!("of {}", client.unwrap_or("this client")),
            _ => format!("with {}", self.value),
        };
        let hosts = if self.attribute == Attribute::Host || self.hosts == 0 {
            String::new()
        } else {
            format!(" on {}", plural(self.hosts, "host"))
        };
        format!(
            "{} of {}{hosts} {what}; {} of {} elsewhere",
            self.failures,
            plural(self.runs, "run"),
            self.failures_elsewhere,
            self.runs_elsewhere
        )
    }
}

/// Whether a failure was seen in enough sessions or on enough hosts to be compared with what did not fail.
const fn is_enough(sessions: usize, hosts: usize) -> bool {
    sessions >= SESSIONS || hosts >= HOSTS
}

/// The patterns that were seen often enough in `runs` for a contrast, the most frequent first, at most so many. Which they are
/// depends on the runs alone, not on their order.
pub(super) fn recurring(runs: &[Run], most: usize) -> Vec<Id<FailurePattern>> {
    let mut cases: BTreeMap<Id<FailurePattern>, Vec<&Run>> = BTreeMap::new();
    for run in runs {
        if let Some(pattern) = run.pattern_id {
            cases.entry(pattern).or_default().push(run);
        }
    }
    cases.retain(|_, cases| {
        let sessions: BTreeSet<Uuid> = cases.iter().map(|run| run.session_id).collect();
        let hosts: BTreeSet<&str> = cases.iter().filter_map(|run| run.host.as_deref()).collect();
        is_enough(sessions.len(), hosts.len())
    });
    let mut often: Vec<(Reverse<usize>, Id<FailurePattern>)> =
        cases.into_iter().map(|(pattern, cases)| (Reverse(cases.len()), pattern)).collect();
    often.sort_unstable();
    often.into_iter().take(most).map(|(_, pattern)| pattern).collect()
}

/// The attribute that tells where a pattern occurs: of those that all its cases share and whose figures hold, the one with the
/// surest failure rate, and of equally sure ones the most general.
pub fn contrast(pattern: Id<FailurePattern>, runs: &[&Run]) -> Option<Finding> {
    let cases: Vec<&Run> = runs.iter().copied().filter(|run| run.pattern_id == Some(pattern)).collect();
    let shared = |attribute: Attribute| {
        let value = cases.first()?.value(attribute)?;
        cases.iter().all(|run| run.value(attribute).as_ref() == Some(&value)).then_some(value)
    };
    let found = <Attribute as claudetools_kernel::Enumeration>::ALL.iter().filter_map(|attribute| {
        let finding = Finding::of(*attribute, &shared(*attribute)?, pattern, runs);
        finding.holds().then_some(finding)
    });
    found.reduce(|best, next| if next.confidence() > best.confidence() + 1e-12 { next } else { best })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pattern() -> Id<FailurePattern> {
        Id::new(Uuid::from_u128(1))
    }

    fn run(session: u128, host: &str, version: &str, failed: bool) -> Run {
        Run {
            session_id: Uuid::from_u128(session),
            client_id: None,
            host: Some(host.to_owned()),
            os: Some("Windows".to_owned()),
            os_version: None,
            shell_type: Some(ShellType::Powershell),
            shell_version: Some(version.to_owned()),
            pattern_id: failed.then(pattern),
            command_text: String::new(),
        }
    }

    fn told(runs: &[Run]) -> Option<Finding> {
        contrast(pattern(), &runs.iter().collect::<Vec<_>>())
    }

    #[test]
    fn what_recurs_was_seen_in_three_sessions_or_on_two_hosts() {
        let of = |n: u128, run: Run| Run { pattern_id: Some(Id::new(Uuid::from_u128(n))), ..run };
        let mut runs: Vec<Run> = (0..3).map(|n| of(1, run(n, "dc01", "2.0", true))).collect();
        runs.extend(["dc01", "dc02"].map(|host| of(2, run(1, host, "2.0", true))));
        runs.extend((0..9).map(|_| of(3, run(1, "dc01", "2.0", true))));
        runs.extend((0..4).map(|n| run(n, "dc01", "2.0", false)));
        let ids = |numbers: &[u128]| numbers.iter().map(|n| Id::new(Uuid::from_u128(*n))).collect::<Vec<_>>();
        assert_eq!(recurring(&runs, 9), ids(&[1, 2]), "the most frequent first");
        assert_eq!(recurring(&runs, 1), ids(&[1]));
        runs.reverse();
        assert_eq!(recurring(&runs, 9), ids(&[1, 2]), "in whatever order they came");
    }

    #[test]
    fn an_old_version_that_alone_fails_is_found_and_its_figures_are_said() {
        let mut runs: Vec<Run> = (0..5).map(|n| run(n, if n < 3 { "dc01" } else { "dc02" }, "2.0", true)).collect();
        runs.extend((0..12).map(|n| run(100 + n, "srv01", "5.1", false)));
        let finding = told(&runs).unwrap();
        assert_eq!((finding.attribute, finding.value.as_str()), (Attribute::ShellVersion, "powershell 2.0"));
        assert_eq!(finding.figures(None), "5 of 5 runs on 2 hosts with powershell 2.0; 0 of 12 elsewhere");
    }

    #[test]
    fn a_failure_that_occurs_everywhere_or_too_seldom_tells_nothing() {
        let everywhere: Vec<Run> = (0..12).map(|n| run(n, &format!("h{n}"), "5.1", true)).collect();
        assert_eq!(told(&everywhere), None, "there is no rest to compare with");
        let mut seldom = vec![run(1, "dc01", "2.0", true), run(1, "dc01", "2.0", true)];
        seldom.extend((0..12).map(|n| run(100 + n, "srv01", "5.1", false)));
        assert_eq!(told(&seldom), None, "one session on one host is not enough");
    }

    #[test]
    fn a_later_success_lowers_the_confidence() {
        let mut runs: Vec<Run> = (0..5).map(|n| run(n, "dc01", "2.0", true)).collect();
        runs.push(run(50, "srv01", "5.1", false));
        let confidence = |runs: &[Run]| {
            let runs: Vec<&Run> = runs.iter().collect();
            Finding::of(Attribute::ShellVersion, "powershell 2.0", pattern(), &runs).confidence()
        };
        let before = confidence(&runs);
        runs.push(run(6, "dc01", "2.0", false));
        let after = confidence(&runs);
        assert!(after < before, "{after} < {before}");
    }

    proptest! {
        #[test]
        fn the_lower_bound_lies_below_the_rate_and_rises_with_the_runs(hits in 0_usize..200, more in 0_usize..200) {
            let runs = hits + more;
            prop_assume!(runs > 0);
            let bound = wilson_lower_bound(hits, runs);
            #[expect(clippy::cast_precision_loss, reason = "small")]
            let rate = hits as f64 / runs as f64;
            prop_assert!((0.0..=1.0).contains(&bound) && bound <= rate + 1e-12);
            prop_assert!(wilson_lower_bound(hits * 2, runs * 2) >= bound - 1e-12);
        }
    }
}
