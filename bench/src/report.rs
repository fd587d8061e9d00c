//! What was measured: tables for people, JSON for programs.

use std::{fmt::Write, fs, path::Path, time::Duration};

use claudetools_crypto::SystemClock;
use claudetools_kernel::Clock;
use serde::Serialize;

use crate::{
    failure::{Failure, Result},
    goals::{Goal, Goals},
    rounds::{Comparison, Measure},
};

/// How long something took, many times.
#[derive(Debug, Default)]
pub(crate) struct Samples(Vec<Duration>);

impl Samples {
    pub(crate) fn add(&mut self, took: Duration) {
        self.0.push(took);
    }

    /// The time that this share of a thousand did not exceed, in microseconds.
    fn permille(&self, share: usize) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let at = (sorted.len() * share).div_ceil(1000).max(1) - 1;
        sorted.get(at).map_or(0.0, |took| took.as_secs_f64() * 1e6)
    }

    /// The time that this share did not exceed, in seconds.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share lies between 0 and 1")]
    pub(crate) fn quantile_seconds(&self, share: f64) -> f64 {
        self.permille((share * 1e3) as usize) / 1e6
    }

    /// The median, in microseconds.
    pub(crate) fn median(&self) -> f64 {
        self.permille(500)
    }
}

/// What was asked for one at a time.
#[derive(Debug, Serialize)]
struct Measurement {
    name: String,
    samples: usize,
    median_us: f64,
    p90_us: f64,
    p99_us: f64,
}

/// What was put under load; medians over the rounds.
#[derive(Debug, Serialize)]
struct UnderLoad {
    name: String,
    rounds: usize,
    per_second: f64,
    p50_us: f64,
    p99_us: f64,
    cpu_us: f64,
    resident_mb: f64,
}

/// A number that says how good it is, mostly a ratio, and what it is to be.
#[derive(Debug, Serialize)]
struct Value {
    name: String,
    seen: f64,
    goals: Vec<Goal>,
    met: bool,
}

/// The outcome of a scenario.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    scenario: String,
    /// What the files are called.
    file: String,
    date: String,
    cores: usize,
    system: String,
    about: String,
    measurements: Vec<Measurement>,
    loads: Vec<UnderLoad>,
    values: Vec<Value>,
    notes: Vec<String>,
    #[serde(skip)]
    goals: Goals,
}

impl Report {
    /// An empty one; `about` says what was measured on.
    pub(crate) fn new(scenario: &str, about: impl Into<String>, goals: &Goals) -> Self {
        Self {
            scenario: scenario.to_owned(),
            file: scenario.to_owned(),
            date: SystemClock.now().date().to_string(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            about: about.into(),
            measurements: Vec::new(),
            loads: Vec::new(),
            values: Vec::new(),
            notes: Vec::new(),
            goals: goals.clone(),
        }
    }

    /// The same for one of several engines, whose reports stand in files of their own.
    pub(crate) fn of_engine(mut self, engine: &str) -> Self {
        self.file = format!("{}-{engine}", self.scenario);
        self
    }

    pub(crate) fn measured(&mut self, name: impl Into<String>, samples: &Samples) {
        self.measurements.push(Measurement {
            name: name.into(),
            samples: samples.0.len(),
            median_us: samples.median(),
            p90_us: samples.permille(900),
            p99_us: samples.permille(990),
        });
    }

    /// What several did by turns, under a common heading.
    pub(crate) fn loaded(&mut self, heading: &str, comparison: &Comparison) {
        for series in &comparison.series {
            self.loads.push(UnderLoad {
                name: format!("{heading}: {}", series.name),
                rounds: series.rounds(),
                per_second: series.median(Measure::PerSecond),
                p50_us: series.median_p50(),
                p99_us: series.median(Measure::P99),
                cpu_us: series.median(Measure::Cpu),
                resident_mb: megabytes(series.resident),
            });
        }
        let Comparison { rejected, noise, spread, .. } = comparison;
        let mut note = format!(
            "{heading}: other programs took up to {:.0} % of the machine in the rounds that count; the middle half of \
             the ratios lies within {:.0} %",
            noise * 100.0,
            spread * 100.0
        );
        if *rejected > 0 {
            let _ = write!(note, "; {rejected} noisier rounds were thrown away");
        }
        if comparison.is_noisy() {
            note.push_str(". NOISY: not enough quiet rounds; trust the CPU figures more than the others");
        }
        self.notes.push(note);
    }

    /// A value, which is held to its goals if it has any.
    pub(crate) fn value(&mut self, name: impl Into<String>, value: f64) {
        let name = name.into();
        let goals = self.goals.of(&self.scenario, &name);
        let met = goals.iter().all(|goal| goal.is_met(value));
        self.values.push(Value { name, seen: value, goals, met });
    }

    /// Whether every goal is met.
    pub(crate) fn is_met(&self) -> bool {
        self.values.iter().all(|value| value.met)
    }

    /// The goals it was held to, one line each, for a summary of several scenarios.
    pub(crate) fn goal_rows(&self) -> Vec<String> {
        let held = self.values.iter().filter(|value| !value.goals.is_empty());
        held.map(|value| format!("| {} {}", self.scenario, value.row())).collect()
    }

    /// Writes `<scenario>.json` and `<scenario>.md` into the folder.
    pub(crate) fn save(&self, folder: &Path) -> Result<()> {
        let files = [("json", serde_json::to_string_pretty(self)?), ("md", self.markdown())];
        fs::create_dir_all(folder).map_err(|error| Failure::File(folder.to_owned(), error))?;
        for (extension, text) in files {
            let path = folder.join(&self.file).with_extension(extension);
            fs::write(&path, text).map_err(|error| Failure::File(path, error))?;
        }
        Ok(())
    }

    /// The tables.
    pub(crate) fn markdown(&self) -> String {
        let Self { scenario, date, cores, system, about, .. } = self;
        let mut text = format!("{scenario}, {date}, {system}, {cores} cores. {about}\n\n");
        // Writing into a text cannot fail.
        if !self.loads.is_empty() {
            text.push_str("| under load | rounds | req/s | p50 ms | p99 ms | CPU µs/req | RSS MB |\n|---|---|---|---|---|---|---|\n");
        }
        for UnderLoad { name, rounds, per_second, p50_us, p99_us, cpu_us, resident_mb } in &self.loads {
            let (p50, p99) = (p50_us / 1e3, p99_us / 1e3);
            let _ = writeln!(
                text,
                "| {name} | {rounds} | {per_second:.0} | {p50:.2} | {p99:.2} | {cpu_us:.0} | {resident_mb:.0} |"
            );
        }
        if !self.measurements.is_empty() {
            text.push_str("\n| what | samples | median ms | p90 ms | p99 ms |\n|---|---|---|---|---|\n");
        }
        for Measurement { name, samples, median_us, p90_us, p99_us } in &self.measurements {
            let (median, p90, p99) = (median_us / 1e3, p90_us / 1e3, p99_us / 1e3);
            let _ = writeln!(text, "| {name} | {samples} | {median:.3} | {p90:.3} | {p99:.3} |");
        }
        text.push_str("\n| value | seen | goal | |\n|---|---|---|---|\n");
        for value in &self.values {
            let _ = writeln!(text, "{}", value.row());
        }
        if !self.notes.is_empty() {
            text.push('\n');
        }
        for note in &self.notes {
            let _ = writeln!(text, "- {note}");
        }
        text
    }
}

impl Value {
    fn row(&self) -> String {
        let Self { name, seen, goals, met } = self;
        let bounds: Vec<String> = goals.iter().map(Goal::text).collect();
        let verdict = match (goals.is_empty(), met) {
            (true, _) => "",
            (_, true) => "met",
            (_, false) => "MISSED",
        };
        let goal = if bounds.is_empty() { "–".to_owned() } else { bounds.join(", ") };
        format!("| {name} | {seen:.3} | {goal} | {verdict} |")
    }
}

/// Bytes as megabytes.
#[expect(clippy::cast_precision_loss, reason = "no process has that much memory")]
pub(crate) fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(micros: impl Iterator<Item = u64>) -> Samples {
        Samples(micros.map(Duration::from_micros).collect())
    }

    #[test]
    fn percentiles_are_values_that_occurred() {
        let samples = samples((1..=200).rev());
        for (share, micros) in [(500, 100.0), (900, 180.0), (990, 198.0), (1000, 200.0), (1, 1.0)] {
            assert!((samples.permille(share) - micros).abs() < 1e-9, "{share}");
        }
    }

    #[test]
    fn a_report_fails_with_its_first_missed_goal() {
        let mut report = Report::new("login", "", &Goals::load().unwrap());
        report.value("known / unknown", 1.05);
        report.value("something without a goal", 99.0);
        assert!(report.is_met());
        report.value("known / unknown", 1.06);
        assert!(!report.is_met());
        let text = report.markdown();
        assert!(text.contains("| known / unknown | 1.050 | ≥ 0.95, ≤ 1.05 | met |"), "{text}");
        assert!(text.contains("| known / unknown | 1.060 | ≥ 0.95, ≤ 1.05 | MISSED |"), "{text}");
        assert!(text.contains("| something without a goal | 99.000 | – |  |"), "{text}");
        assert_eq!(report.goal_rows().len(), 2);
    }
}
