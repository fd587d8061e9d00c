//! What came of a run: for people and for programs.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path};

use serde::Serialize;

use crate::{
    check::{Violation, intervals::Counted},
    failure::{Failure, Result},
    plan::{Engine, Plan},
    registers::Tally,
};

/// How many violations are printed; the file has all.
const PRINTED: usize = 12;

/// What was done and seen.
#[derive(Debug, Serialize)]
pub(crate) struct Outcome {
    /// How long the clients ran.
    pub(crate) seconds: u64,
    /// Answers to all calls, repeats as well.
    pub(crate) answers: u64,
    /// Calls about locks that are recorded, a call with its repeats being one.
    pub(crate) lock_calls: usize,
    /// Of them, those that were put into an order.
    pub(crate) linearized: usize,
    /// How many configurations that took.
    pub(crate) configurations: usize,
    /// Attempts that nobody answered.
    pub(crate) unknown: u64,
    /// Of calls that nobody ever answered, those that the events tell of.
    pub(crate) found: u64,
    /// 503s.
    pub(crate) unavailable: u64,
    pub(crate) deadlocks: u64,
    /// Calls that waited and were granted what they waited for.
    pub(crate) waited: usize,
    pub(crate) fence_checks: usize,
    pub(crate) counted: Counted,
    /// The number of the last event.
    pub(crate) events: i64,
    pub(crate) readers: usize,
    pub(crate) reconnects: u64,
    pub(crate) messages: usize,
    pub(crate) deliveries: usize,
    pub(crate) registers: Tally,
    pub(crate) faults: BTreeMap<&'static str, u64>,
    /// How many seconds the checks took.
    pub(crate) checked_in: u64,
    pub(crate) violations: Vec<Violation>,
}

/// A run and its outcome.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) engine: Engine,
    pub(crate) replicas: usize,
    pub(crate) clients: usize,
    pub(crate) seed: u64,
    pub(crate) mutant: Option<String>,
    pub(crate) outcome: Outcome,
    /// What the replicas printed, when something is wrong.
    #[serde(skip)]
    pub(crate) log: Option<String>,
}

impl Report {
    pub(crate) fn new(plan: &Plan, outcome: Outcome) -> Self {
        let Plan { engine, replicas, clients, seed, mutant, .. } = plan.clone();
        Self { engine, replicas, clients, seed, mutant, outcome, log: None }
    }

    /// Whether nothing is wrong, and what had to happen for that to mean anything has happened.
    pub(crate) fn is_right(&self) -> bool {
        self.outcome.violations.is_empty()
    }

    /// What the files are called.
    fn name(&self) -> String {
        let engine = self.engine.name();
        self.mutant.as_ref().map_or_else(|| engine.to_owned(), |mutant| format!("mutant-{mutant}-{engine}"))
    }

    /// Writes it below a folder.
    pub(crate) fn save(&self, folder: &Path) -> Result<()> {
        let mut files = vec![("json", serde_json::to_string_pretty(self)?), ("md", self.markdown())];
        files.extend(self.log.clone().map(|log| ("log", log)));
        fs::create_dir_all(folder).map_err(|error| Failure::File(folder.to_owned(), error))?;
        for (extension, text) in files {
            let path = folder.join(format!("{}.{extension}", self.name()));
            fs::write(&path, text).map_err(|error| Failure::File(path, error))?;
        }
        Ok(())
    }

    /// The row of a table of runs.
    pub(crate) fn row(&self) -> String {
        let Outcome { seconds, answers, counted, violations, faults, .. } = &self.outcome;
        let (engine, replicas, clients) = (self.engine.name(), self.replicas, self.clients);
        let (grants, faults) = (counted.grants, faults.values().sum::<u64>());
        let violations = violations.len();
        format!("| {engine} | {replicas} | {clients} | {seconds} | {answers} | {grants} | {faults} | {violations} |")
    }

    /// The head of such a table.
    pub(crate) const fn head() -> &'static str {
        "| engine | replicas | clients | seconds | answers | grants | faults | violations |\n|---|---|---|---|---|---|---|---|"
    }

    /// Everything, for people.
    pub(crate) fn markdown(&self) -> String {
        let Outcome {
            seconds: _,
            answers: _,
            lock_calls,
            linearized,
            configurations,
            unknown,
            found,
            unavailable,
            deadlocks,
            waited,
            fence_checks,
            counted,
            events,
            readers,
            reconnects,
            messages,
            deliveries,
            registers,
            faults,
            checked_in,
            violations,
        } = &self.outcome;
        let Counted { grants, released, expired, broken, open, latest_reaping } = counted;
        let Tally { elements, stale_tried, lost_without_fence } = registers;
        let mutant = self.mutant.as_ref().map(|mutant| format!("mutant {mutant}, ")).unwrap_or_default();
        let mut text = format!("{mutant}seed {}\n\n{}\n{}\n\n", self.seed, Report::head(), self.row());
        // Writing into a text cannot fail.
        let _ = writeln!(
            text,
            "- {lock_calls} calls about locks, {linearized} of them put into an order ({configurations} configurations); \
             {waited} waited and got what they waited for, {deadlocks} closed a circle\n\
             - {grants} grants: {released} released, {expired} expired, {broken} broken, {open} held at the end; the latest \
             expiry was found {} ms after its time\n\
             - {unknown} attempts without an answer, {found} grants or releases of them found in the events, {unavailable} \
             answers 503\n\
             - {stale_tried} stale writes tried and none taken by {elements} elements behind a fence, \
             {lost_without_fence} acknowledged writes lost without a fence; {fence_checks} fence checks\n\
             - {messages} messages, {deliveries} of them in inboxes; {events} events, read by {readers} readers that \
             reconnected {reconnects} times\n\
             - checked in {checked_in} s",
            latest_reaping / 1_000,
        );
        for (fault, times) in faults {
            let _ = writeln!(text, "- {times} × {fault}");
        }
        for Violation { check, what } in violations.iter().take(PRINTED) {
            let _ = writeln!(text, "\nVIOLATION ({check}): {what}");
        }
        if violations.len() > PRINTED {
            let _ = writeln!(text, "\n… and {} more", violations.len() - PRINTED);
        }
        text
    }
}
